"""Only the person who pressed reads the refusal, in their language, where they are."""

import inspect

import pytest

from activities.slack.activities import SlackActivities
from tests.activities.slack.cases import AT, CASE
from tests.activities.slack.conftest import Desk, Tries
from workflows import ports
from workflows.domain.commands import Place
from workflows.domain.people import Role
from workflows.domain.refusal import Reason, Refusal
from workflows.ports import Answer

CLOSED = Refusal(reason=Reason.CLOSED, by="U0SATO", at=AT, what="case_closed")


def answer(person: str, place: Place) -> Answer:
    return Answer(person=person, place=place, case=CASE, refusal=CLOSED, command="claim")


async def test_a_refusal_is_seen_by_its_person_only(desk: Desk) -> None:
    """In English for an English reader, with the colleague's name."""
    await Tries().run(desk.activities.answer, answer("U0CLARK", Place(channel="C0LIVE")))
    (said,) = desk.workspace.messages.all("C0LIVE")
    assert said.ephemeral_to == "U0CLARK"
    assert said.text.startswith("佐藤 closed it ")
    assert said.text.endswith(" ago. The card shows how it ended.")


async def test_a_colleague_is_named_to_whom_nothing_can_be_handed(desk: Desk) -> None:
    """By name, though they did nothing."""
    refusal = Refusal(reason=Reason.NOT_A_COLLEAGUE, name="U0SUZUKI", roles=(Role.LEAD,))
    wanted = Answer(
        person="U0SATO",
        place=Place(channel="C0LIVE"),
        case=CASE,
        refusal=refusal,
        command="hand_over",
    )
    await Tries().run(desk.activities.answer, wanted)
    (said,) = desk.workspace.messages.all("C0LIVE")
    assert said.text == "鈴木さんはケースを担当できません。リードの人を選んでください。"


async def test_who_pressed_in_a_thread_is_answered_there(desk: Desk) -> None:
    """Next to what they pressed."""
    parent = await desk.client.chat_postMessage(channel="C0LIVE", text="card")
    place = Place(channel="C0LIVE", thread=parent["ts"])
    await Tries().run(desk.activities.answer, answer("U0SATO", place))
    said = desk.workspace.messages.all("C0LIVE")[-1]
    assert said.thread_ts == parent["ts"]
    assert "佐藤さんが" in said.text


@pytest.mark.parametrize("channel", ["C0GENERAL", "C0NOWHERE"])
async def test_who_cannot_be_told_there_is_told_directly(desk: Desk, channel: str) -> None:
    """The app may not be in the channel where /koban was typed."""
    await Tries().run(desk.activities.answer, answer("U0SATO", Place(channel=channel)))
    direct = desk.workspace.conversation_with(["U0SATO"])
    (said,) = desk.workspace.messages.all(direct.id)
    assert "最新の状態をカードで確認してください。" in said.text


@pytest.mark.parametrize("name", ["show", "answer", "tell", "roles_of"])
def test_the_activities_are_what_the_workflows_ask_for(name: str) -> None:
    """Same name, same arguments, same answer as the port."""
    port = inspect.signature(getattr(ports, name))
    mine = inspect.signature(getattr(SlackActivities, name))
    assert [p.annotation for p in mine.parameters.values()][1:] == [
        p.annotation for p in port.parameters.values()
    ]
    assert mine.return_annotation == port.return_annotation
    defined = getattr(SlackActivities, name).__temporal_activity_definition
    assert defined.name == name
