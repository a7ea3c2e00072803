"""Limits of powers: what is refused or not done automatically, and has no effect."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from activities.ledger.database import Database
from activities.ledger.schema import lookups, overruns, uses
from deploy.sandbox.app import POLICY
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import visible_text
from deploy.sandbox.traffic.alerts import user
from tests.environment import Environment, koban
from tests.stories.test_a_bulk_decision import bulk_case, decided, reported
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_a_week import hidden, protected
from tests.stories.test_appeals import an_appeal, answer_with, filed, post
from tests.stories.test_commands import answer
from tests.stories.test_second_person import a_ban
from tests.stories.test_working_a_case import wait_in_thread

APPROVAL = "approval: {by: lead, within: 30m, on_expiry: refuse}\n"
Limited = Callable[[str], AbstractAsyncContextManager[Environment]]


@pytest.fixture
def limited(temporal: str, tmp_path: Path) -> Limited:
    """Starts a Koban with these limits."""

    @asynccontextmanager
    async def start(written: str) -> AsyncIterator[Environment]:
        policy = Path(shutil.copytree(POLICY, tmp_path / "policy"))
        (policy / "limits.yaml").write_text(APPROVAL + written, "utf-8")
        async with koban(temporal, tmp_path, policy=policy) as env:
            yield env

    return start


def people(power: str, most: int) -> str:
    """Limits of one power in an hour."""
    return f"people:\n  {power}: {{most: {most}, within: 1h}}\n"


async def refused(person: Person, words: str, channel: str = "ts-live") -> str:
    """The refusal that only this person sees."""

    async def look() -> str:
        found = [visible_text(each) for each in await person.ephemerals(channel)]
        return next((text for text in found if words in text), "")

    return await person.until(look, what=f"a refusal with {words}")


async def alerted(person: Person, words: str) -> list[str]:
    """The alerts in the leads' channel, once there is one."""

    async def look() -> list[str]:
        found = [visible_text(each) for each in await person.messages("ts-leads")]
        return [text for text in found if "🚨" in text and words in text]

    return await person.until(look, what=f"an alert with {words}")


async def recorded(env: Environment) -> list[tuple[str, str, str | None]]:
    """Power, holder and case of what limits prevented."""
    database = Database(env.settings.ledger.url.get_secret_value())
    rows = await database.rows(sa.select(overruns).order_by(overruns.c.at))
    await database.aclose()
    return [(row["power"], row["holder"], row["case_id"]) for row in rows]


async def booked(env: Environment, power: str) -> int:
    """The amount of a power that was used."""
    database = Database(env.settings.ledger.url.get_secret_value())
    query = sa.select(sa.func.coalesce(sa.func.sum(uses.c.amount), 0))
    amount = await database.scalar(query.where(uses.c.power == power))
    await database.aclose()
    return int(amount)


async def two_cases(env: Environment, person: Person) -> list[tuple[dict, str]]:
    """Cards and ids of cases about u_123 and u_456."""
    await env.happens(lure())
    first = await case_of(person)
    await env.happens(lure(2, "u_456"))
    return [first, await case_of(person, "u_456")]


async def test_a_decision_above_the_limit(limited: Limited) -> None:
    """A preset and the modal count the same; a colleague decides; the leads get one message."""
    async with limited(people("decisions", 1)) as env:
        sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
        tanaka = await env.person("U0TANAKA")
        (card, _), (other, case) = await two_cases(env, sato)
        await sato.press(card, "case.preset.mute")
        await sato.wait_text(card, "完了")
        await sato.press(other, "case.preset.mute")
        said = await refused(sato, "違反の判断の上限（1時間に1件）に達したため実行していません")
        assert "ほかの担当者かリードに依頼" in said
        assert "後にもう一度操作してください" in said
        await sato.press(other, "case.decide")
        await sato.fill_and_submit({"verdict": "violation", "actions": ["warn"], "reason": "常習"})
        await env.wait_kind(case, "limit_reached")

        async def twice() -> bool:
            return (await env.kinds(case)).count("limit_reached") == 2

        await sato.until(twice, what="both refusals")
        assert "decided" not in await env.kinds(case)
        assert await env.changes() == [("POST", "users/u_123/mutes")]
        assert await recorded(env) == [("decisions", "U0SATO", case)] * 2
        assert len(await alerted(tanaka, "佐藤さん")) == 1
        await clark.press(await clark.latest(other), "case.preset.mute")
        await clark.wait_text(other, "完了")
        assert ("POST", "users/u_456/mutes") in await env.changes()
        assert await env.findings() == ()


@pytest.mark.long
async def test_clearing_above_the_limit(limited: Limited) -> None:
    """No violation, by button: the case stays open."""
    async with limited(people("clears", 1)) as env:
        sato = await env.person("U0SATO")
        (card, first), (other, case) = await two_cases(env, sato)
        await sato.press(card, "case.clear")
        await env.wait_kind(first, "case_closed")
        await sato.press(other, "case.clear")
        await refused(sato, "違反なしの判断の上限")
        assert await env.kinds(case) == ["case_opened", "limit_reached"]


@pytest.mark.long
async def test_undoing_above_the_limit(limited: Limited) -> None:
    """The second mute stays in force."""
    async with limited(people("undos", 1)) as env:
        sato = await env.person("U0SATO")
        cases = await two_cases(env, sato)
        for card, case in cases:
            await sato.press(card, "case.preset.mute")
            await sato.wait_text(card, "完了")
            await env.wait_kind(case, "case_closed")
        (card, _), (other, case) = cases
        await sato.press(await sato.latest(card), "action.undo")
        await sato.wait_text(card, "取り消し済み")
        await sato.press(await sato.latest(other), "action.undo")
        await refused(sato, "取り消しの上限")
        await env.wait_kind(case, "limit_reached")
        assert "undo_requested" not in await env.kinds(case)
        assert (await env.thing("users", "u_456"))["muted"] is True


@pytest.mark.long
async def test_lifting_above_the_limit(limited: Limited) -> None:
    """Koban's protection of the second case stays."""
    async with limited(people("lifts", 1)) as env:
        sato = await env.person("U0SATO")
        card, case = await protected(env, sato)
        await sato.choose_overflow(card, "自動対応を解除する")
        await hidden(env, False)
        await env.happens(lure(2, "u_456", viewers=1240))
        other, second = await case_of(sato, "u_456")
        other = await sato.wait_text(other, "自動対応中")
        await sato.choose_overflow(other, "自動対応を解除する")
        await refused(sato, "自動対応の解除の上限")
        await env.wait_kind(second, "limit_reached")
        assert "protection_dismissed" not in await env.kinds(second)
        assert (await env.thing("messages", "m_77"))["hidden"] is True
        assert "protection_dismissed" in await env.kinds(case)


@pytest.mark.long
async def test_approving_above_the_limit(limited: Limited) -> None:
    """The ban of the second case waits for another lead."""
    async with limited(people("approvals", 1)) as env:
        sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
        reed = await env.person("U0REED")
        card, _, asked = await a_ban(env, sato, tanaka)
        await tanaka.press(asked, "approval.approve")
        await sato.wait_text(card, "完了")
        await env.happens(lure(2, "u_456"))
        other, case = await case_of(sato, "u_456")
        await sato.press(other, "case.decide")
        answers = {"verdict": "violation", "actions": ["permanent_ban"], "reason": "常習"}
        await sato.fill_and_submit(answers)
        asked = await tanaka.wait_card("ts-leads", "u_456")
        await tanaka.press(asked, "approval.approve")
        await refused(tanaka, "承認の上限", "ts-leads")
        await env.wait_kind(case, "limit_reached")
        assert "approved" not in await env.kinds(case)
        assert ("POST", "users/u_456/bans") not in await env.changes()
        await reed.press(asked, "approval.approve")
        await sato.wait_text(other, "完了")


@pytest.mark.long
async def test_overturning_above_the_limit(limited: Limited) -> None:
    """The second mute stays, and its appeal waits for another reviewer."""
    async with limited(people("overturns", 1)) as env:
        sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
        cases = await two_cases(env, sato)
        for card, case in cases:
            await sato.press(card, "case.preset.mute")
            await sato.wait_text(card, "完了")
            await env.wait_kind(case, "case_closed")
        first, _ = await filed(env, cases[0][1], tanaka)
        await answer_with(tanaka, first, "appeal.overturn", "型番と確認できました")
        await tanaka.wait_text(first, "措置を取り消しました")
        second = cases[1][1]
        about = {"subject": {"type": "user", "id": "u_456"}}
        appeal_card, appeal = await _second_appeal(env, second, tanaka, first, about)
        await answer_with(tanaka, appeal_card, "appeal.overturn", "型番と確認できました")
        await refused(tanaka, "異議申し立てによる取り消しの上限", "ts-leads")
        await env.wait_kind(appeal, "appeal_limit_reached")
        assert "appeal_overturned" not in await env.kinds(appeal)
        assert "appeal_answered" not in await env.kinds(second)
        assert (await env.thing("users", "u_456"))["muted"] is True
        assert len(await alerted(tanaka, "田中さん")) == 1


async def _second_appeal(
    env: Environment, case: str, reviewer: Person, first: dict, about: dict
) -> tuple[dict, str]:
    answered = await post(env, an_appeal(case, "ap-2", **about))
    assert answered.status_code == 202

    async def look() -> dict | None:
        found = await reviewer.messages("ts-leads")
        cards = [m for m in found if "異議申し立て" in visible_text(m) and case in str(m)]
        return cards[-1] if cards and cards[-1]["ts"] != first["ts"] else None

    card = await reviewer.until(look, what="the card of the second appeal")
    return card, card["metadata"]["event_payload"]["appeal"]


@pytest.mark.long
async def test_personal_data_above_the_limit(limited: Limited) -> None:
    """The modal shows a sentence instead, and no reveal is recorded."""
    async with limited(people("reveals", 1)) as env:
        sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
        _, thing = user("u_9")
        env.sandbox.market.put("users", {**thing, "email": "aiko@example.com"})
        await sato.command("/koban user u_9")
        found = await answer(sato, "u_9")
        for words in ("aiko@example[.]com", "個人情報の表示の上限"):
            await sato.press(found, "lookup.reveal")
            await sato.modal()
            await sato.fill_and_submit({"reason": "購入者への連絡のため"})

            async def shown(words: str = words) -> bool:
                views = await sato.views()
                return bool(views) and words in visible_text(views[-1])

            await sato.until(shown, what=words)
            if "上限" in words:
                assert "aiko" not in visible_text((await sato.views())[-1])
            await sato.close_modal()
        database = Database(env.settings.ledger.url.get_secret_value())
        rows = await database.rows(sa.select(lookups).where(lookups.c.revealed))
        await database.aclose()
        assert len(rows) == 1
        assert await recorded(env) == [("reveals", "U0SATO", None)]
        assert len(await alerted(tanaka, "佐藤さん")) == 1


@pytest.mark.long
async def test_reports_above_the_limit(limited: Limited) -> None:
    """The command and the shortcut count the same; no case opens."""
    async with limited(people("reports", 1)) as env:
        sato = await env.person("U0SATO")
        for id_ in ("u_9", "u_10"):
            env.sandbox.market.put(*user(id_))
        await sato.command("/koban open off_platform u_9")
        await answer(sato, "ケースを作成しました")
        await sato.command("/koban open off_platform u_10")
        await answer(sato, "報告の上限（1時間に1件）に達したため実行していません")
        await sato.say("ts-live", "u_10 が LINE に誘導しています")
        await sato.shortcut("report_message", (await sato.messages("ts-live"))[-1])
        await sato.modal()
        answered = await sato.fill_and_submit({"kind": "off_platform", "note": "2回目"})
        assert "報告の上限" in str(answered)
        assert [case["subject_id"] for case in await env.queries.open_cases()] == ["u_9"]


async def test_a_detector_above_its_limit_protects_nothing(limited: Limited) -> None:
    """The alert is a card that says why nothing was done; people still decide."""
    async with limited("automation:\n  detector: {most: 1, within: 1h}\n") as env:
        sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
        await protected(env, sato)
        before = await env.changes()
        await env.happens(lure(2, "u_456", viewers=1240))
        card, case = await case_of(sato, "u_456")
        card = await sato.wait_text(card, "検知器 default の自動対応が上限（1時間に1件）")
        await wait_in_thread(sato, card, "自動では何もしていません")
        assert await env.kinds(case) == ["case_opened", "protection_withheld"]
        assert await env.changes() == before
        assert len(await alerted(tanaka, "検知器 default")) == 1
        assert await recorded(env) == [("detector", "default", case)]
        await sato.press(card, "case.preset.mute")
        await sato.wait_text(card, "完了")


@pytest.mark.long
async def test_a_playbook_above_its_limit_protects_nothing(limited: Limited) -> None:
    """However many detectors share it."""
    async with limited("automation:\n  playbook: {most: 1, within: 1h}\n") as env:
        sato = await env.person("U0SATO")
        await protected(env, sato)
        await env.happens(lure(2, "u_456", viewers=1240))
        card, case = await case_of(sato, "u_456")
        await sato.wait_text(card, "この種類の自動対応が上限（1時間に1件）")
        assert await env.kinds(case) == ["case_opened", "protection_withheld"]
        assert await booked(env, "playbook") == 1


EXEMPT = "exempt:\n  - {type: user, id: u_123, reason: {ja: 公式アカウント, en: Official}}\n"


async def test_an_exempt_subject(limited: Limited) -> None:
    """Nothing is done automatically, and what needs no approval elsewhere needs a lead."""
    async with limited(EXEMPT) as env:
        sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
        await env.happens(lure(viewers=1240))
        card, case = await case_of(sato)
        card = await sato.wait_text(card, "自動対応の対象外")
        assert "公式アカウント" in visible_text(card)
        assert await env.kinds(case) == ["case_opened", "protection_withheld"]
        await sato.press(card, "case.preset.mute")
        card = await sato.wait_text(card, "承認待ち")
        asked = await tanaka.wait_card("ts-leads", "u_123")
        assert "公式アカウント" in visible_text(asked)
        assert await env.changes() == []
        await tanaka.press(asked, "approval.approve")
        await sato.wait_text(card, "完了")
        assert await env.changes() == [("POST", "users/u_123/mutes")]


@pytest.mark.long
async def test_a_bulk_decision_has_no_exempt_subject(limited: Limited) -> None:
    """The whole decision is refused with the subject to leave out."""
    exempt = EXEMPT.replace("u_123", "u_ring2")
    async with limited("bulk: 100\n" + exempt) as env:
        sato = await env.person("U0SATO")
        await reported(env, 6)
        card, case = await bulk_case(sato)
        await decided(sato, card)
        await refused(sato, "u_ring2", "ts-market")
        assert "decided" not in await env.kinds(case)
        assert await env.changes() == []


async def test_a_bulk_decision_counts_each_of_its_subjects(limited: Limited) -> None:
    """Six accounts are more than five decisions; the preview says so before the case refuses."""
    async with limited("bulk: 4\n" + people("decisions", 5)) as env:
        sato = await env.person("U0SATO")
        await reported(env, 6)
        card, case = await bulk_case(sato)
        await decided(sato, card, "6件は違反の判断の上限（1時間に5件、残り5件）を超える")
        await refused(sato, "違反の判断の上限（1時間に5件）を超えるため", "ts-market")
        await env.wait_kind(case, "limit_reached")
        assert "decided" not in await env.kinds(case)
        assert await booked(env, "decisions") == 0


@pytest.mark.parametrize(("manual", "mutes"), [("", 0), (", manual: [people]", 1)])
async def test_a_report_starts_only_what_names_its_detector(
    temporal: str, tmp_path: Path, manual: str, mutes: int
) -> None:
    """The playbook protects always; a case that a person opens is protected only if it says so."""
    policy = Path(shutil.copytree(POLICY, tmp_path / "policy"))
    playbook = policy / "playbooks" / "off_platform.yaml"
    line = f'  - {{when: "true", action: mute_user, for: 15m{manual}}}'
    written = playbook.read_text("utf-8").replace("\nprotect:\n", f"\nprotect:\n{line}\n")
    playbook.write_text(written, "utf-8")
    async with koban(temporal, tmp_path, policy=policy) as env:
        sato = await env.person("U0SATO")
        env.sandbox.market.put(*user("u_9"))
        await sato.command("/koban open off_platform u_9")
        await answer(sato, "ケースを作成しました")
        _, case = await case_of(sato, "u_9")
        assert (await env.kinds(case)).count("protection_started") == mutes
        if mutes:
            await env.wait_kind(case, "action_verified")
        assert len(await env.changes()) == mutes
