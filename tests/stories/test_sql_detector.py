"""SQL detectors: rows become cases, a broken source is mended without gap or double."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from bot.cli.main import main
from bot.cli.work import report_schedules
from deploy.sandbox.app import POLICY
from deploy.sandbox.slack.person import Person, wait_until
from deploy.sandbox.slack.screen import controls, visible_text
from tests.environment import Environment, koban, policies_of
from workflows.client import run_detector
from workflows.domain.detection import RunProblemKind, RunResult

SOURCE = "KOBAN_SOURCE_STORY"
BIDS = """\
detector: bids
title: {ja: 入札の検知, en: Bids}
owner: lead
sql:
  source: story
  query: bids.sql
  every: 10s
  watermark: {column: seen_at, lag: 1s}
  limits: {rows: 100, seconds: 60}
alert:
  id: row.id
  kind: "'shill_bidding'"
  subject: {type: "'user'", id: row.bidder}
  score: row.p
  occurred_at: row.seen_at
"""
QUERY = "SELECT id, bidder, p, seen_at FROM bids WHERE seen_at > :since AND seen_at <= :until\n"


class Warehouse:
    """A DuckDB file with bids."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._run("CREATE TABLE bids (id text, bidder text, p double, seen_at timestamptz)")

    def add(self, id_: str | None, bidder: str, ago: float) -> None:
        """Adds a bid of so many minutes ago."""
        at = datetime.now(UTC) - timedelta(minutes=ago)
        self._run("INSERT INTO bids VALUES (?, ?, 0.95, ?)", [id_, bidder, at])

    def rename(self, old: str, new: str) -> None:
        """Renames a column, as a migration does."""
        self._run(f"ALTER TABLE bids RENAME {old} TO {new}")

    def _run(self, sql: str, values: list[object] | None = None) -> None:
        with duckdb.connect(str(self._file)) as connection:
            connection.execute(sql, values)


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The source of the detector."""
    file = tmp_path / "bids.duckdb"
    monkeypatch.setenv(SOURCE, f"duckdb:///{file}")
    return Warehouse(file)


@pytest.fixture
async def env(temporal: str, tmp_path: Path, warehouse: Warehouse) -> AsyncIterator[Environment]:
    """A Koban with the detector."""
    policy = Path(shutil.copytree(POLICY, tmp_path / "policy"))
    (policy / "sources.yaml").write_text(
        f"sources:\n  story: {{url: {{env: {SOURCE}}}}}\n", encoding="utf-8"
    )
    shutil.rmtree(policy / "detectors")
    (policy / "detectors").mkdir()
    (policy / "detectors" / "bids.yaml").write_text(BIDS, encoding="utf-8")
    (policy / "detectors" / "bids.sql").write_text(QUERY, encoding="utf-8")
    async with koban(temporal, tmp_path, policy=policy) as running:
        yield running


async def run(env: Environment) -> RunResult:
    """Runs the detector now."""
    return await run_detector(env.client, env.settings.temporal.task_queue, "bids")


async def run_with_rows(env: Environment) -> RunResult:
    """Runs it until the newest row is older than the lag; returns that run, or a failed one."""

    async def look() -> RunResult | None:
        found = await run(env)
        return found if found.rows or found.problem is not None else None

    return await wait_until(look, what="a run with rows")


async def test_rows_become_cases_and_none_twice(env: Environment, warehouse: Warehouse) -> None:
    """A row without an id is counted and named; the others pass."""
    sato = await env.person("U0SATO")
    warehouse.add("b1", "u_123", 60)
    warehouse.add(None, "u_123", 50)
    warehouse.add("b2", "u_456", 40)
    first = await run(env)
    assert (first.rows, first.alerts, first.junk) == (3, 2, 1)
    assert [each.field for each in first.examples] == ["id"]
    cards = [await sato.wait_card("ts-market", user) for user in ("u_123", "u_456")]
    assert len({card["ts"] for card in cards}) == 2
    warehouse.add("b3", "u_456", 0)
    second = await run_with_rows(env)
    assert (second.rows, second.alerts) == (1, 1)
    await sato.wait_text(cards[1], "ほか1件")


async def test_a_broken_query_is_named_to_its_owner_and_catches_up(
    env: Environment, warehouse: Warehouse
) -> None:
    """A column was renamed for a while: nothing is lost, and nothing is there twice."""
    tanaka = await env.person("U0TANAKA")
    warehouse.add("b1", "u_123", 60)
    await run(env)
    warehouse.rename("bidder", "person")
    warehouse.add("b2", "u_456", 0)
    broken = await run_with_rows(env)
    assert broken.problem is not None
    assert broken.problem.kind is RunProblemKind.REFUSED

    async def posted(words: str) -> bool:
        found = [visible_text(each) for each in await tanaka.messages("ts-leads")]
        return any(words in each and "入札の検知" in each for each in found)

    await tanaka.until(lambda: posted("bidder"), what="the database's own words")
    await tanaka.command("/koban detector")
    await tanaka.until(lambda: answered(tanaka, "クエリが失敗しています"), what="the failure")
    await tanaka.command("/koban stats")
    await tanaka.until(lambda: answered(tanaka, "検知が止まっています"), what="the gap")
    warehouse.rename("person", "bidder")
    mended = await run_with_rows(env)
    assert (mended.rows, mended.alerts, mended.problem) == (1, 1, None)
    await tanaka.until(lambda: posted("復旧しました"), what="the end of the failure")
    again = await run(env)
    assert again.alerts == 0
    await tanaka.command("/koban detector bids run")
    await tanaka.until(lambda: answered(tanaka, "新規 0件"), what="the counts of a run")
    await tanaka.command("/koban detector bids")
    await tanaka.until(lambda: answered(tanaka, "直近の実行"), what="its runs")


async def test_a_paused_query_does_not_run_until_two_people_resume_it(
    env: Environment, warehouse: Warehouse
) -> None:
    """What was found meanwhile is read afterwards, once."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    warehouse.add("b1", "u_123", 60)
    assert (await run(env)).alerts == 1
    await sato.command("/koban pause detector bids")
    await tanaka.until(lambda: said(tanaka, "を停止しました"), what="the pause")
    warehouse.add("b2", "u_456", 0)
    assert await run(env) == RunResult()
    await sato.command("/koban resume detector bids")
    await tanaka.until(lambda: said(tanaka, "再開を依頼しています"), what="the request")
    await tanaka.command("/koban resume detector bids")
    resumed = await run_with_rows(env)
    assert (resumed.rows, resumed.alerts) == (1, 1)
    await sato.wait_card("ts-market", "u_456")


def detect(env: Environment, *options: str) -> int:
    """The exit code of `koban detect bids` on the machine of `koban serve`."""
    settings = env.settings
    assert settings.slack.bot_token is not None
    values = {
        "LEDGER__URL": settings.ledger.url.get_secret_value(),
        "PLATFORM__BASE_URL": str(settings.platform.base_url),
        "POLICY": str(settings.policy),
        "SLACK__API_URL": settings.slack.api_url,
        "SLACK__BOT_TOKEN": settings.slack.bot_token.get_secret_value(),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(f"KOBAN_{name}", value)
        with pytest.raises(SystemExit) as ended:
            main(["detect", "bids", *options])
    return int(ended.value.code or 0)


@pytest.mark.long
async def test_the_command_line_pauses_a_query_and_a_lead_resumes_it_in_slack(
    env: Environment, warehouse: Warehouse
) -> None:
    """By the button of the request; a second command in the name of a lead approves nothing."""
    tanaka = await env.person("U0TANAKA")
    assert await asyncio.to_thread(detect, env, "--pause", "--by", "U0SATO") == 0
    await tanaka.until(lambda: said(tanaka, "を停止しました"), what="the pause")
    warehouse.add("b1", "u_123", 5)
    assert await run(env) == RunResult()
    assert await asyncio.to_thread(detect, env, "--resume", "--by", "U0SATO") == 0
    assert await asyncio.to_thread(detect, env, "--resume", "--by", "U0TANAKA") == 1
    assert await run(env) == RunResult()
    [asked] = [each for each in await tanaka.messages("dm") if controls(each)]
    await tanaka.press(asked, "再開を承認する")
    await tanaka.until(lambda: said(tanaka, "承認し、"), what="the end of the request")
    resumed = await run_with_rows(env)
    assert (resumed.rows, resumed.alerts) == (1, 1)
    await tanaka.wait_card("ts-market", "u_123")


async def said(person: Person, words: str) -> bool:
    """Whether a direct message about the detector has these words."""
    found = [visible_text(each) for each in await person.messages("dm")]
    return any(words in each and "入札の検知" in each for each in found)


async def answered(person: Person, words: str) -> bool:
    """Whether the last answer to a command has these words."""
    found = await person.ephemerals("ts-live")
    return bool(found) and words in visible_text(found[-1])


async def test_a_schedule_runs_it(env: Environment, warehouse: Warehouse) -> None:
    """Nobody has to start it."""
    sato = await env.person("U0SATO")
    warehouse.add("b1", "u_123", 60)
    policies = policies_of(env.settings)
    async with report_schedules(env.client, policies, env.settings, interval=1.0):
        await sato.wait_card("ts-market", "u_123")

        async def scheduled() -> bool:
            found = [each.id async for each in await env.client.list_schedules()]
            return "detector/bids" in found

        await wait_until(scheduled, what="the schedule")
        await sato.command("/koban detector bids")
        await sato.until(lambda: answered(sato, "次回の実行"), what="the next run")
