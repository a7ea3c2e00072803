"""`storm.open` button: a case of the digest before its card is posted."""

from datetime import timedelta

import pytest

from bot.services.cases import CaseLine, Story
from deploy.sandbox.slack.screen import controls, visible_text
from tests.bot.slack.conftest import Stage, button
from tests.bot.slack.fakes import CASE, NOW, PLAYBOOK, ROUTE, case
from workflows.domain.alerts import Subject
from workflows.domain.case.commands import Claim
from workflows.domain.case.model import Phase
from workflows.domain.case.snapshot import CardRef, CaseSnapshot
from workflows.domain.people import Actor
from workflows.domain.policy.playbook import Severity


def line(**changes: object) -> CaseLine:
    given = {
        "id": CASE,
        "workflow_id": ROUTE,
        "version": 3,
        "title": PLAYBOOK.title,
        "subject": Subject(type="user", id="u_123"),
        "severity": Severity.HIGH,
        "phase": Phase.OPEN,
        "opened_at": NOW - timedelta(minutes=5),
        **changes,
    }
    return CaseLine.model_validate(given)


def known(stage: Stage, **changes: object) -> None:
    """A case in the ledger."""
    stage.ledger.stories[CASE] = Story(line=line(**changes), alerts=33)


async def opened(stage: Stage, user: str = "U0SATO", value: str = CASE) -> dict:
    """The view after a click on the digest."""
    person = stage.person(user)
    ts = stage.posted("digest", "storm", [button("storm.open", "開く", value)])
    await person.press(await stage.message(person, ts), "storm.open")
    return (await person.until(lambda: person.ephemerals("ts-live"), what="an answer"))[0]


async def test_it_shows_the_card_with_buttons_that_work(stage: Stage) -> None:
    """The card has the case's newest version; a click on it reaches the case."""
    known(stage)
    shown = await opened(stage)
    assert "ユーザー u_123" in visible_text(shown)
    assert "カードはまだ投稿されていません" in visible_text(shown)
    await stage.person("U0SATO").press(shown, "case.claim")
    [(workflow_id, click)] = stage.cases.clicks
    assert (workflow_id, click.case) == (ROUTE, CASE)
    assert click.command == Claim(by=Actor(id="U0SATO"), version=3)


async def test_it_links_to_a_posted_card(stage: Stage) -> None:
    """Other people see the results there."""
    known(stage)
    card = CardRef(channel="C0LIVE", ts="1700000000.000100")
    stage.cases.memories[ROUTE] = CaseSnapshot(case=case(), card=card)
    shown = await opened(stage)
    assert "/archives/C0LIVE/p1700000000000100|カードを開く>" in visible_text(shown)


async def test_english_readers_read_english(stage: Stage) -> None:
    """The person's language is used, not the channel's."""
    known(stage)
    assert "The card isn’t posted yet." in visible_text(await opened(stage, "U0CLARK"))


async def test_the_look_is_recorded_before_anything_is_shown(stage: Stage) -> None:
    """The record has person, case and origin."""
    known(stage)
    await opened(stage)
    (note,) = stage.ledger.notes
    assert (note.actor, note.subject_type, note.subject_id) == ("U0SATO", "case", CASE)
    assert note.why == "storm.open in C0LIVE"
    assert stage.ledger.log[0] == "looked_up"


async def test_a_person_without_a_role_sees_nothing(stage: Stage) -> None:
    """Nothing is looked up."""
    known(stage)
    stage.people.roles_of["U0SATO"] = set()
    assert "ユーザー u_123" not in visible_text(await opened(stage))
    assert stage.ledger.log == []


async def test_a_closed_case_shows_its_result(stage: Stage) -> None:
    """Its workflow id may belong to the next case already."""
    known(stage, phase=Phase.CLOSED)
    stage.cases.memories[ROUTE] = CaseSnapshot(case=case("K00000009"))
    shown = await opened(stage)
    assert CASE in visible_text(shown)
    assert [each for each in controls(shown) if each.action_id == "case.claim"] == []


@pytest.mark.parametrize("value", ["", "K1", f"{CASE}:3", "<!channel>"])
async def test_a_value_that_koban_did_not_write_opens_nothing(stage: Stage, value: str) -> None:
    """Any invalid value is refused."""
    known(stage)
    await opened(stage, value=value or "x")
    assert stage.ledger.log == []


async def test_an_unknown_case_gets_a_sentence(stage: Stage) -> None:
    """The ledger does not have it."""
    shown = await opened(stage)
    assert CASE in visible_text(shown)
    assert stage.cases.clicks == []


async def test_without_ledger_or_temporal_nothing_is_shown(stage: Stage) -> None:
    """The message asks the person to click again."""
    stage.ledger.away = True
    assert "もう一度「開く」を押してください" in visible_text(await opened(stage))
