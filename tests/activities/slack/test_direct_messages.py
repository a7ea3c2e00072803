"""Direct messages: once per person, in their language, with a link to the case."""

import pytest
from temporalio.exceptions import ApplicationError

from activities.slack.activities import SlackActivities
from activities.slack.directory import Directory, RolesUnknown
from deploy.sandbox.faults import Fault
from deploy.sandbox.slack.model import Message
from tests.activities.slack.cases import SATO, TANAKA, Story
from tests.activities.slack.conftest import Attempts, SlackWorld, wanted
from workflows.domain.case import commands as cmd
from workflows.domain.case.snapshot import CardRef
from workflows.domain.case.view import view_of
from workflows.domain.people import Role
from workflows.domain.policy.roles import Holders, RoleBook
from workflows.domain.values import Language
from workflows.ports.cases import Tell


def telling(
    story: Story,
    card: CardRef | None = None,
    people: tuple[str, ...] = (),
    role: Role | None = None,
) -> Tell:
    """Tells of the last event."""
    line = story.recorded[-1]
    key = f"{story.case.id}/{line.seq}"
    return Tell(key=key, view=view_of(story.case), line=line, card=card, people=people, role=role)


def unclaimed() -> Story:
    return Story().then(cmd.Tick(), 2)


def read_by(slack: SlackWorld, person: str) -> list[Message]:
    """What stands in a person's own conversation with Koban."""
    return slack.workspace.messages.all(slack.workspace.conversation_with([person]).id)


async def test_everybody_of_a_role_reads_it_in_their_own_language(slack: SlackWorld) -> None:
    """One message each, without calling the group from there."""
    story = unclaimed()
    card = (await slack.show(wanted(story))).card
    told = telling(story, card, role=Role.SPECIALIST)
    await Attempts().run(slack.activities.tell, told)
    (japanese,) = read_by(slack, "U0SATO")
    (english,) = read_by(slack, "U0CLARK")
    head, line, link = japanese.text.split("\n")
    assert head == "*重大 · 外部誘導 · K7Q2F9XM0*"
    assert line.endswith("|12:05> 担当者がまだいません。対応をお願いします。")
    assert link.endswith(f"/archives/C0LIVE/p{card.ts.replace('.', '')}|ケースを開く>")
    assert english.text.split("\n")[0] == "*Critical · Off-platform inducement · K7Q2F9XM0*"
    assert english.text.split("\n")[1].endswith(
        "|12:05> Nobody has claimed this yet. Please take a look."
    )
    assert japanese.metadata == {
        "event_type": "koban_notice",
        "event_payload": {"key": "K7Q2F9XM0/2"},
    }
    assert slack.workspace.notifications == []


async def test_the_person_of_a_hand_over_is_told_by_whom(slack: SlackWorld) -> None:
    """With the note; who handed it over is named."""
    story = Story().claimed().then(cmd.HandOver(by=SATO, to=TANAKA, note="質問済み"), 3)
    await Attempts().run(slack.activities.tell, telling(story, people=("U0TANAKA",)))
    (told,) = read_by(slack, "U0TANAKA")
    line = told.text.split("\n")[1]
    assert line.endswith("> 佐藤さんが田中さんに引き継ぎました「質問済み」")


async def test_who_is_named_and_holds_the_role_reads_it_once(slack: SlackWorld) -> None:
    """The people named come first."""
    told = telling(unclaimed(), people=("U0SATO",), role=Role.SPECIALIST)
    await Attempts().run(slack.activities.tell, told)
    assert [len(read_by(slack, each)) for each in ("U0SATO", "U0CLARK")] == [1, 1]


async def test_a_lost_answer_tells_nobody_twice(slack: SlackWorld) -> None:
    """The next try finds what the last one posted, person by person."""
    attempts, told = Attempts(), telling(unclaimed(), people=("U0SATO", "U0CLARK"))
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, True)
    with pytest.raises(ApplicationError):
        await attempts.run(slack.activities.tell, told)
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, False)
    await attempts.run(slack.activities.tell, told)
    assert [len(read_by(slack, each)) for each in ("U0SATO", "U0CLARK")] == [1, 1]


async def test_a_killed_worker_tells_nobody_twice(slack: SlackWorld) -> None:
    """A try that left nothing behind is looked for in every conversation."""
    told = telling(unclaimed(), role=Role.SPECIALIST)
    await Attempts().run(slack.activities.tell, told)
    await Attempts(attempt=1).run(slack.activities.tell, told)
    assert [len(read_by(slack, each)) for each in ("U0SATO", "U0CLARK")] == [1, 1]


async def test_another_event_is_told_as_well(slack: SlackWorld) -> None:
    """Only the same key counts as told."""
    story = unclaimed()
    await Attempts().run(slack.activities.tell, telling(story, people=("U0SATO",)))
    story.then(cmd.Tick(), 5)
    await Attempts(attempt=1).run(slack.activities.tell, telling(story, people=("U0SATO",)))
    assert len(read_by(slack, "U0SATO")) == 2


async def test_people_who_are_named_do_not_wait_for_a_role(slack: SlackWorld) -> None:
    """Nobody can tell who leads just now: that is tried again, and nobody is told twice."""
    people = Directory(
        slack.client, lambda: RoleBook(roles=slack.roles), Language.JA, lambda: 1_000.0
    )
    activities = slack.configure(people=people)
    slack.workspace.faults.set(Fault.SLACK_DOWN, True)
    with pytest.raises(RolesUnknown):
        await people.members(Role.LEAD)
    slack.workspace.faults.set(Fault.SLACK_DOWN, False)
    attempts, told = Attempts(), telling(unclaimed(), people=("U0SATO",), role=Role.LEAD)
    for _ in range(2):
        with pytest.raises(ApplicationError, match="members are unknown") as failed:
            await attempts.run(activities.tell, told)
        assert not failed.value.non_retryable
    assert len(read_by(slack, "U0SATO")) == 1
    assert slack.workspace.calls["conversations.history"] == 0


async def test_somebody_who_left_does_not_keep_the_others_from_reading(slack: SlackWorld) -> None:
    """Their account is gone; waiting would not bring it back."""
    await Attempts().run(slack.activities.tell, telling(unclaimed(), people=("U0GONE", "U0SATO")))
    assert len(read_by(slack, "U0SATO")) == 1


async def test_a_large_role_is_not_told_one_by_one(slack: SlackWorld) -> None:
    """Twenty people at most: Slack's rate is for the cards."""
    many = tuple(f"U0GONE{n:02}" for n in range(40))
    slack.roles[Role.ADMIN] = Holders(users=many)
    await Attempts().run(slack.activities.tell, telling(unclaimed(), role=Role.ADMIN))
    assert slack.workspace.calls["chat.postMessage"] == 20


def on_shift(slack: SlackWorld, *people: str) -> SlackActivities:
    """The activities where the roster says who is on shift."""
    known = Directory(
        slack.client,
        lambda: RoleBook(roles=slack.roles),
        Language.JA,
        on_shift=lambda: frozenset(people) or None,
    )
    return slack.configure(people=known)


async def test_a_call_of_the_shift_reaches_those_on_shift(slack: SlackWorld) -> None:
    """Whoever sleeps is not woken where the roster knows who does not."""
    told = telling(unclaimed(), role=Role.SPECIALIST)
    await Attempts().run(on_shift(slack, "U0CLARK").tell, told)
    assert [len(read_by(slack, each)) for each in ("U0SATO", "U0CLARK")] == [0, 1]


async def test_a_call_of_an_empty_shift_reaches_everybody(slack: SlackWorld) -> None:
    """Where nobody is on shift a call must not go nowhere."""
    told = telling(unclaimed(), role=Role.SPECIALIST)
    await Attempts().run(on_shift(slack).tell, told)
    assert [len(read_by(slack, each)) for each in ("U0SATO", "U0CLARK")] == [1, 1]
