"""Team: handover report, App Home, statistics and languages."""

import io
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from bot.policies import open_policies
from deploy.sandbox.app import POLICY
from deploy.sandbox.slack.mentions import Cause
from deploy.sandbox.slack.person import Person, wait_until
from deploy.sandbox.slack.screen import visible_text
from tests.environment import Environment, koban
from tests.stories.test_a_shift import case_of, lure
from workflows.report.schedules import Schedules, planned

ROSTER = """zone: Asia/Tokyo
shifts:
  day:
    title: {ja: 日勤, en: Day shift}
    start: "00:00"
    end: "00:00"
    people: [U0SATO]
    leads: [U0TANAKA]
  relief:
    title: {ja: 応援, en: Relief}
    days: []
    start: "00:00"
    end: "00:00"
    people: [U0CLARK]
"""


@pytest.fixture
async def env(temporal: str, tmp_path: Path) -> AsyncIterator[Environment]:
    """A Koban with a day shift that is always on."""
    policy = Path(shutil.copytree(POLICY, tmp_path / "policy"))
    (policy / "roster.yaml").write_text(ROSTER, encoding="utf-8")
    async with koban(temporal, tmp_path, policy=policy) as made:
        yield made


async def due(env: Environment, schedule: str) -> None:
    """Triggers a schedule."""
    policy = open_policies(env.settings)
    schedules = Schedules(env.client, env.settings.temporal.task_queue)
    await schedules.keep(planned(policy.reports(), policy.roster(), ZoneInfo("Asia/Tokyo")))
    await env.client.get_schedule_handle(schedule).trigger()


async def home(person: Person, *words: str) -> str:
    """Waits until the open home contains these words."""

    async def look() -> str:
        view = (await person.state())["home"]
        read = visible_text(view) if view else ""
        return read if all(word in read for word in words) else ""

    return await person.until(look, what=f"{words} on the home")


async def answer_to(person: Person, command: str) -> str:
    """The newest answer to a command."""
    before = len(await person.ephemerals("ts-live"))
    await person.command(command)

    async def look() -> str:
        found = await person.ephemerals("ts-live")
        return visible_text(found[-1]) if len(found) > before else ""

    return await person.until(look, what=f"an answer to {command}")


async def test_the_end_of_a_shift_posts_a_report(env: Environment) -> None:
    """The report is posted once, with a picture."""
    sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
    await env.happens(lure(1))
    await env.happens(lure(2, person="u_456"))
    mine, case = await case_of(sato)
    await sato.press(mine, "担当する")
    await env.wait_kind(case, "case_claimed")
    decided, other = await case_of(sato, "u_456")
    await sato.press(decided, "24時間コメント制限")
    await env.wait_kind(other, "case_closed")
    await due(env, "report/shift/day")
    report = await clark.wait_card("ts-live", "日勤の引き継ぎ")
    read = visible_text(report)
    assert "引き継ぐケース 1件" in read
    assert f"|{case}> · 外部誘導 · 担当 佐藤さん · 期限 " in read
    assert f"{other}>" not in read
    assert "判断 1件: 違反 1" in read
    assert "期限内の判断 100%（1/1件）" in read
    assert "次は日勤（" in read

    async def illustrated() -> dict | None:
        now = await clark.latest(report)
        return now if "(日勤の引き継ぎ " in visible_text(now) else None

    await clark.until(illustrated, what="the picture in the report")
    (picture,) = [reply for reply in await clark.thread(report) if reply["files"]]
    answer = await env.http.get(f"{env.sandbox.url}{picture['files'][0]['url']}")
    assert Image.open(io.BytesIO(answer.content)).size == (1497, 619)
    reports = [c for c in await clark.cards("ts-live") if "引き継ぎ" in c["text"]]
    assert len(reports) == 1


async def test_a_shift_without_people_posts_no_report(env: Environment) -> None:
    """The roster has no turn for it."""
    clark = await env.person("U0CLARK")
    await due(env, "report/shift/relief")

    async def ended() -> bool:
        query = 'WorkflowType = "ReportWorkflow" AND ExecutionStatus = "Completed"'
        return [each async for each in env.client.list_workflows(query)] != []

    await clark.until(ended, what="the end of the report")
    assert await clark.cards("ts-live") == []


async def test_the_daily_report_has_yesterdays_figures(env: Environment) -> None:
    """It is for the leads and lists overdue cases."""
    tanaka = await env.person("U0TANAKA")
    await env.happens(lure())
    _, case = await case_of(tanaka)
    (opened,) = await env.queries.events_of(case)
    # A schedule's time has whole seconds: this one comes after the case.
    await wait_until(lambda: datetime.now(UTC) - opened["at"] > timedelta(seconds=1))
    await due(env, "report/daily")
    report = await tanaka.wait_card("ts-leads", "日次レポート")
    read = visible_text(report)
    assert "受付 1件 · 完了 0件" in read
    assert "未完了 1件（期限超過 0件）: 高 1" in read
    assert "滞留 中央値 " in read


@pytest.mark.long
async def test_a_home_keeps_up_with_a_claim(env: Environment) -> None:
    """An open home is updated after any person's click."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await env.happens(lure())
    card, _ = await case_of(sato)
    await sato.home()
    await tanaka.home()
    await home(sato, "あなたの担当 0件", "現在の当番", "• 日勤（", "受付 1件 · 完了 0件")
    await home(tanaka, "あなたの承認待ち 0件", "未完了 1件")
    await sato.press(card, "担当する")
    await home(sato, "あなたの担当 1件")
    await sato.press(card, "case.decide")
    await sato.fill_and_submit(
        {"verdict": "violation", "actions": ["permanent_ban"], "reason": "常習"}
    )
    await home(tanaka, "あなたの承認待ち 1件")
    asked = await tanaka.wait_card("ts-leads", "u_123")
    await tanaka.press(asked, "approval.approve")
    await home(tanaka, "あなたの承認待ち 0件")
    await home(sato, "あなたの担当 0件", "判断 1件: 違反 1", "完了 1件")


@pytest.mark.long
async def test_everybody_reads_their_own_language(env: Environment) -> None:
    """Home, answers and refusals use the choice; the card keeps the channel's language."""
    sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
    await env.happens(lure())
    card, _ = await case_of(sato)
    await sato.home()
    await home(sato, "あなたの担当")
    view = (await sato.state())["home"]
    await sato.choose(view, "home.language", "English")
    await home(sato, "Assigned to you (0)", "On call now", "Today")
    assert "Last 24 hours" in await answer_to(sato, "/koban stats")
    await clark.press(card, "担当する")
    card = await clark.wait_text(card, "Emma Clark")
    before = len(await sato.ephemerals("ts-live"))
    await sato.press(card, "24時間コメント制限")

    async def refused() -> str:
        found = await sato.ephemerals("ts-live")
        return visible_text(found[-1]) if len(found) > before else ""

    said = await sato.until(refused, what="the refusal")
    assert "Emma Clark" in said
    assert "さん" not in said
    assert "担当" in visible_text(await sato.latest(card))
    view = (await sato.state())["home"]
    await sato.choose(view, "home.language", "Same as Slack")
    await home(sato, "あなたの担当 0件")


async def test_commands_show_figures_and_shifts(env: Environment) -> None:
    """The answers are short, with denominators and without a ranking of people."""
    sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "24時間コメント制限")
    await env.wait_kind(case, "case_closed")
    read = await answer_to(clark, "/koban stats 7d")
    assert "Last 7 days" in read
    assert "1 opened · 1 closed" in read
    assert "Decided in time 100% (1 of 1)" in read
    assert "Opening to decision: median " in read
    assert "U0SATO" not in read
    read = await answer_to(sato, "/koban oncall")
    assert "現在の当番" in read
    assert "<@U0SATO> · リード <@U0TANAKA>" in read
    called = [n for n in env.sandbox.workspace.notifications if n.cause is Cause.POSTED]
    assert called == []
