"""`storm.open` button: a case of the digest before its card is posted."""

from datetime import timedelta

import pytest

from bot.services.cases import CaseLine, Story
from deploy.sandbox.slack.screen import controls, visible_text
from tests.bot.slack.conftest import SlackEnvironment, button
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


def known(env: SlackEnvironment, **changes: object) -> None:
    """A case in the ledger."""
    env.ledger.stories[CASE] = Story(line=line(**changes), alerts=33)


async def opened(env: SlackEnvironment, user: str = "U0SATO", value: str = CASE) -> dict:
    """The view after a click on the digest."""
    person = env.person(user)
    ts = env.posted("digest", "storm", [button("storm.open", "開く", value)])
    await person.press(await env.message(person, ts), "storm.open")
    return (await person.until(lambda: person.ephemerals("ts-live"), what="an answer"))[0]


async def test_it_shows_the_card_with_buttons_that_work(env: SlackEnvironment) -> None:
    """The card has the case's newest version; a click on it reaches the case."""
    known(env)
    shown = await opened(env)
    assert "ユーザー u_123" in visible_text(shown)
    assert "カードはまだ投稿されていません" in visible_text(shown)
    await env.person("U0SATO").press(shown, "case.claim")
    [(workflow_id, click)] = env.cases.clicks
    assert (workflow_id, click.case) == (ROUTE, CASE)
    assert click.command == Claim(by=Actor(id="U0SATO"), version=3)


async def test_it_links_to_a_posted_card(env: SlackEnvironment) -> None:
    """Other people see the results there."""
    known(env)
    card = CardRef(channel="C0LIVE", ts="1700000000.000100")
    env.cases.memories[ROUTE] = CaseSnapshot(case=case(), card=card)
    shown = await opened(env)
    assert "/archives/C0LIVE/p1700000000000100|カードを開く>" in visible_text(shown)


async def test_english_readers_read_english(env: SlackEnvironment) -> None:
    """The person's language is used, not the channel's."""
    known(env)
    assert "The card isn’t posted yet." in visible_text(await opened(env, "U0CLARK"))


async def test_the_look_is_recorded_before_anything_is_shown(env: SlackEnvironment) -> None:
    """The record has person, case and origin."""
    known(env)
    await opened(env)
    (note,) = env.ledger.notes
    assert (note.actor, note.subject_type, note.subject_id) == ("U0SATO", "case", CASE)
    assert note.why == "storm.open in C0LIVE"
    assert env.ledger.log[0] == "looked_up"


async def test_a_person_without_a_role_sees_nothing(env: SlackEnvironment) -> None:
    """Nothing is looked up."""
    known(env)
    env.people.roles_of["U0SATO"] = set()
    assert "ユーザー u_123" not in visible_text(await opened(env))
    assert env.ledger.log == []


async def test_a_closed_case_shows_its_result(env: SlackEnvironment) -> None:
    """Its workflow id may belong to the next case already."""
    known(env, phase=Phase.CLOSED)
    env.cases.memories[ROUTE] = CaseSnapshot(case=case("K00000009"))
    shown = await opened(env)
    assert CASE in visible_text(shown)
    assert [each for each in controls(shown) if each.action_id == "case.claim"] == []


@pytest.mark.parametrize("value", ["", "K1", f"{CASE}:3", "<!channel>"])
async def test_a_value_that_koban_did_not_write_opens_nothing(
    env: SlackEnvironment, value: str
) -> None:
    """Any invalid value is refused."""
    known(env)
    await opened(env, value=value or "x")
    assert env.ledger.log == []


async def test_an_unknown_case_gets_a_sentence(env: SlackEnvironment) -> None:
    """The ledger does not have it."""
    shown = await opened(env)
    assert CASE in visible_text(shown)
    assert env.cases.clicks == []


async def test_without_ledger_or_temporal_nothing_is_shown(env: SlackEnvironment) -> None:
    """The message asks the person to click again."""
    env.ledger.away = True
    assert "もう一度「開く」を押してください" in visible_text(await opened(env))
