"""Snoozed detectors in Slack, over real HTTP: the modal, `/koban snoozes`, and its buttons."""

from datetime import timedelta
from typing import Any

import pytest

from bot.services.cases import SnoozeLine
from deploy.sandbox.slack.blockkit.values import options_of
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import controls, visible_text
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import CASE, NOW, ROUTE, case
from tests.bot.slack.test_more_modals import SATO, open_
from workflows.domain.alerts import PEOPLE, Subject
from workflows.domain.case.commands import EndSnooze, SnoozeDetector
from workflows.domain.case.snapshot import CardRef, CaseSnapshot

HOUR = timedelta(hours=1)
SHORT = ["1時間", "8時間", "24時間"]


def memory(*detectors: str) -> CaseSnapshot:
    """A case with alerts of these detectors."""
    return CaseSnapshot(case=case().model_copy(update={"detectors": frozenset(detectors)}))


async def choices(person: Person, block: str) -> list[str] | None:
    """The options of a field; None without the field."""
    found = [c for c in controls(await person.modal()) if c.block_id == block]
    if not found:
        return None
    return [option["text"]["text"] for option in options_of(found[0].element)]


def snooze(**more: Any) -> SnoozeLine:
    """Sato snoozed the detector for somebody."""
    return SnoozeLine.model_validate(
        {
            "case": CASE,
            "number": 5,
            "workflow_id": ROUTE,
            "version": 5,
            "card": CardRef(channel="C0LIVE", ts="1.2"),
            "detector": "chat",
            "subject": Subject(type="user", id="u_123"),
            "by": "U0SATO",
            "until": NOW + 8 * HOUR,
            "reason": "店の定型文",
            **more,
        }
    )


@pytest.mark.parametrize(
    ("user", "times"),
    [("U0SATO", SHORT), ("U0TANAKA", [*SHORT, "3日", "7日", "30日"])],
    ids=["specialist", "lead"],
)
async def test_a_lead_has_longer_times(env: SlackEnvironment, user: str, times: list[str]) -> None:
    """Nobody chooses what the case would refuse; a single detector is not asked for."""
    person = await open_(env, user, "snooze_detector")
    assert (await choices(person, "lasts"), await choices(person, "detector")) == (times, None)


async def test_one_of_several_detectors_is_chosen(env: SlackEnvironment) -> None:
    """By its title where the policy has one; people are none of them."""
    env.cases.memories[ROUTE] = memory("shill", "chat", PEOPLE)
    sato = await open_(env, "U0SATO", "snooze_detector")
    assert await choices(sato, "detector") == ["chat", "吊り上げの疑い"]
    fields = {"detector": "shill", "lasts": "1h", "reason": "x"}
    assert await sato.fill_and_submit(fields) == {"ok": True}
    [(_, click)] = env.cases.clicks
    assert click.command == SnoozeDetector(**SATO, detector="shill", lasts=HOUR, reason="x")


async def test_a_sleeping_case_has_its_detectors_in_the_ledger(env: SlackEnvironment) -> None:
    """Its workflow has ended: the snooze wakes it up only with the submission."""
    env.cases.memories.clear()
    env.ledger.detectors = ("chat",)
    sato = await open_(env, "U0SATO", "snooze_detector")
    assert await sato.fill_and_submit({"lasts": "1d", "reason": "x"}) == {"ok": True}
    [(workflow_id, click)] = env.cases.clicks
    assert (workflow_id, click.case) == (ROUTE, CASE)
    assert click.command == SnoozeDetector(**SATO, detector="chat", lasts=24 * HOUR, reason="x")


async def test_without_a_detector_there_is_no_form(env: SlackEnvironment) -> None:
    """The ledger does not answer, or only people reported."""
    env.cases.memories.clear()
    env.ledger.away = True
    sato = await open_(env, "U0SATO", "snooze_detector")
    view = await sato.modal()
    assert "抑止できる検知器が見つかりませんでした。" in visible_text(view)
    assert view["submit"] is None


async def test_the_list_has_everything_about_a_snooze(env: SlackEnvironment) -> None:
    """Detector, subject, end, person, case with a link, and reason."""
    env.ledger.snoozed = (snooze(),)
    told = await env.command(env.person("U0TANAKA"), "/koban snoozes")
    title, line = told.splitlines()[:2]
    assert title == "*抑止中の検知（1件）*"
    assert line.startswith("*chat* · ユーザー u_123 · <!date^")
    assert "> まで · <@U0SATO> · <https://" in line
    assert f"|{CASE}>" in line
    assert "店の定型文" in line
    assert await env.command(env.person("U0TANAKA"), "/koban 抑止") == told


async def test_nothing_is_snoozed(env: SlackEnvironment) -> None:
    """The list says so."""
    told = await env.command(env.person("U0SUZUKI"), "/koban snoozes")
    assert told == "抑止中の検知はありません。"


async def test_a_hostile_reason_is_shown_as_text(env: SlackEnvironment) -> None:
    """No mention, link or line of its own."""
    hostile = "<!channel> <https://evil.example|ok>\n*偽の行* `x`"
    env.ledger.snoozed = (snooze(reason=hostile, detector="chat"),)
    told = await env.command(env.person("U0TANAKA"), "/koban snoozes")
    assert "<!channel>" not in told
    assert "<https://evil" not in told
    assert len(told.splitlines()) == 2


async def pressed(env: SlackEnvironment, user: str, *found: SnoozeLine) -> Person:
    """A person who asked for the list."""
    env.ledger.snoozed = found
    person = env.person(user)
    await env.command(person, "/koban snoozes")
    return person


async def test_a_button_ends_its_snooze(env: SlackEnvironment) -> None:
    """The command names the event that began it, and the person hears where to look."""
    first, second = snooze(), snooze(number=7, detector="shill")
    sato = await pressed(env, "U0SATO", first, second)
    answer = (await sato.ephemerals("ts-live"))[-1]
    ends = [c for c in controls(answer) if c.kind == "button"]
    assert [c.action_id for c in ends] == ["case.end_snooze.5", "case.end_snooze.7"]
    await sato.press(answer, "case.end_snooze.7")
    [(workflow_id, click)] = env.cases.clicks
    assert (workflow_id, click.case) == (ROUTE, CASE)
    assert click.command == EndSnooze(by=SATO["by"], version=5, number=7)
    told = "受け付けました。結果は `/koban snoozes` かカードで確認してください。"

    async def hears() -> bool:
        found = await sato.ephemerals("ts-live")
        return told in [visible_text(each) for each in found]

    await sato.until(hears, what="the answer to the press")


async def test_an_auditor_sees_no_button(env: SlackEnvironment) -> None:
    """They may read the list, and end nothing."""
    suzuki = await pressed(env, "U0SUZUKI", snooze())
    assert [
        c for c in controls((await suzuki.ephemerals("ts-live"))[-1]) if c.kind == "button"
    ] == []


async def test_a_long_list_is_counted(env: SlackEnvironment) -> None:
    """Slack shows fifty blocks; a row of one workflow finds its case up to the ninth."""
    many = tuple(snooze(number=each) for each in range(2, 25))
    sato = await pressed(env, "U0SATO", *many)
    answer = (await sato.ephemerals("ts-live"))[-1]
    assert len([c for c in controls(answer) if c.kind == "button"]) == 9
    assert "*抑止中の検知（23件）*" in visible_text(answer)
    assert "ほか3件" in visible_text(answer)
