"""Direct messages: one per person, in their language, with a link to the case."""

from contextlib import suppress

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
from workflows.domain.people import Holders, Role, RoleBook
from workflows.domain.values import Language
from workflows.ports.cases import Tell, Told


def telling(
    story: Story,
    card: CardRef | None = None,
    people: tuple[str, ...] = (),
    role: Role | None = None,
) -> Tell:
    """A direct message about the last event."""
    line = story.recorded[-1]
    key = f"{story.case.id}/{line.seq}"
    return Tell(key=key, view=view_of(story.case), line=line, card=card, people=people, role=role)


def unclaimed() -> Story:
    return Story().then(cmd.Tick(), 2)


def read_by(slack: SlackWorld, person: str) -> list[Message]:
    """Messages in a person's conversation with the app."""
    return slack.workspace.messages.all(slack.workspace.conversation_with([person]).id)


async def test_everybody_of_a_role_reads_it_in_their_own_language(slack: SlackWorld) -> None:
    """Each holder of the role gets one message without a group mention."""
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


async def test_a_hand_over_names_its_sender(slack: SlackWorld) -> None:
    """The message has the note and the sender's name."""
    story = Story().claimed().then(cmd.HandOver(by=SATO, to=TANAKA, note="質問済み"), 3)
    await Attempts().run(slack.activities.tell, telling(story, people=("U0TANAKA",)))
    (told,) = read_by(slack, "U0TANAKA")
    line = told.text.split("\n")[1]
    assert line.endswith("> 佐藤さんが田中さんに引き継ぎました「質問済み」")


async def test_who_is_named_and_holds_the_role_reads_it_once(slack: SlackWorld) -> None:
    """Named people come first."""
    told = telling(unclaimed(), people=("U0SATO",), role=Role.SPECIALIST)
    await Attempts().run(slack.activities.tell, told)
    assert [len(read_by(slack, each)) for each in ("U0SATO", "U0CLARK")] == [1, 1]


async def test_a_lost_answer_repeats_no_message(slack: SlackWorld) -> None:
    """The retry finds the messages already posted."""
    attempts, told = Attempts(), telling(unclaimed(), people=("U0SATO", "U0CLARK"))
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, True)
    with pytest.raises(ApplicationError):
        await attempts.run(slack.activities.tell, told)
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, False)
    await attempts.run(slack.activities.tell, told)
    assert [len(read_by(slack, each)) for each in ("U0SATO", "U0CLARK")] == [1, 1]


async def test_a_killed_worker_repeats_no_message(slack: SlackWorld) -> None:
    """The retry searches every conversation first."""
    told = telling(unclaimed(), role=Role.SPECIALIST)
    await Attempts().run(slack.activities.tell, told)
    await Attempts(attempt=1).run(slack.activities.tell, told)
    assert [len(read_by(slack, each)) for each in ("U0SATO", "U0CLARK")] == [1, 1]


async def test_another_event_is_another_message(slack: SlackWorld) -> None:
    """Only the same key counts as posted."""
    story = unclaimed()
    await Attempts().run(slack.activities.tell, telling(story, people=("U0SATO",)))
    story.then(cmd.Tick(), 5)
    await Attempts(attempt=1).run(slack.activities.tell, telling(story, people=("U0SATO",)))
    assert len(read_by(slack, "U0SATO")) == 2


async def test_people_who_are_named_do_not_wait_for_a_role(slack: SlackWorld) -> None:
    """Unknown role holders are retried, without a second message to the named people."""
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
    """A deactivated account is skipped without a retry."""
    await Attempts().run(slack.activities.tell, telling(unclaimed(), people=("U0GONE", "U0SATO")))
    assert len(read_by(slack, "U0SATO")) == 1


async def test_direct_messages_to_a_role_are_limited(slack: SlackWorld) -> None:
    """At most twenty people get one, because cards need Slack's rate limit."""
    many = tuple(f"U0GONE{n:02}" for n in range(40))
    slack.roles[Role.ADMIN] = Holders(users=many)
    await Attempts().run(slack.activities.tell, telling(unclaimed(), role=Role.ADMIN))
    assert slack.workspace.calls["chat.postMessage"] == 20


def on_shift(slack: SlackWorld, *people: str) -> SlackActivities:
    """The activities with a roster that has these people on shift."""
    known = Directory(
        slack.client,
        lambda: RoleBook(roles=slack.roles),
        Language.JA,
        on_shift=lambda: frozenset(people) or None,
    )
    return slack.configure(people=known)


async def test_a_call_of_the_shift_reaches_those_on_shift(slack: SlackWorld) -> None:
    """Only people on shift get the message."""
    told = telling(unclaimed(), role=Role.SPECIALIST)
    await Attempts().run(on_shift(slack, "U0CLARK").tell, told)
    assert [len(read_by(slack, each)) for each in ("U0SATO", "U0CLARK")] == [0, 1]


async def test_a_call_of_an_empty_shift_reaches_everybody(slack: SlackWorld) -> None:
    """Without people on shift every role holder gets the message."""
    told = telling(unclaimed(), role=Role.SPECIALIST)
    await Attempts().run(on_shift(slack).tell, told)
    assert [len(read_by(slack, each)) for each in ("U0SATO", "U0CLARK")] == [1, 1]


@pytest.mark.parametrize(
    "code",
    ["user_not_visible", "user_disabled", "account_inactive", "internal_error", "not_allowed"],
)
async def test_one_person_out_of_reach_does_not_stop_the_calls(
    slack: SlackWorld, code: str
) -> None:
    """Everybody else is called at once, and only once."""
    slack.roles[Role.LEAD] = Holders(users=("U0TANAKA", "U0SATO", "U0CLARK"))
    story = unclaimed()
    tell, attempts = telling(story, role=Role.LEAD), Attempts()

    def refuses(method: str, arguments: dict) -> str | None:
        return code if arguments.get("channel") == "U0TANAKA" else None

    slack.workspace.refuses = refuses
    for _ in range(2):
        with suppress(ApplicationError):
            await attempts.run(slack.activities.tell, tell)
    assert [len(read_by(slack, who)) for who in ("U0TANAKA", "U0SATO", "U0CLARK")] == [0, 1, 1]


async def test_an_answer_says_who_was_reached(slack: SlackWorld) -> None:
    """Nobody who was refused counts as reached, and the others are named."""
    tell = telling(unclaimed(), people=("U0GONE", "U0SATO"))
    told = await Attempts().run(slack.activities.tell, tell)
    assert told == Told(reached=("U0SATO",), missed=("U0GONE",))


@pytest.mark.parametrize("code", ["not_allowed", "missing_scope", "some_new_error"])
async def test_a_permanent_refusal_is_reported_at_once(slack: SlackWorld, code: str) -> None:
    """No retry for an hour before anybody learns of it."""
    slack.workspace.refuses = lambda method, arguments: (
        code if arguments.get("channel") == "U0SATO" else None
    )
    told = await Attempts().run(slack.activities.tell, telling(unclaimed(), people=("U0SATO",)))
    assert told == Told(missed=("U0SATO",))


async def test_an_error_that_stays_is_reported_after_three_attempts(slack: SlackWorld) -> None:
    """Slack says that it should pass."""
    slack.workspace.refuses = lambda method, arguments: (
        "internal_error" if arguments.get("channel") == "U0SATO" else None
    )
    attempts, tell = Attempts(), telling(unclaimed(), people=("U0SATO",))
    for _ in range(2):
        with pytest.raises(ApplicationError):
            await attempts.run(slack.activities.tell, tell)
    assert await attempts.run(slack.activities.tell, tell) == Told(missed=("U0SATO",))


async def test_a_role_that_nobody_reaches_is_called_in_its_channel(slack: SlackWorld) -> None:
    """The leads' channel mentions them, once."""
    slack.workspace.refuses = lambda method, arguments: (
        "user_not_visible" if str(arguments.get("channel")).startswith("U0") else None
    )
    attempts, tell = Attempts(), telling(unclaimed(), role=Role.LEAD)
    for _ in range(2):
        told = await attempts.run(slack.activities.tell, tell)
        assert told == Told(missed=("U0REED", "U0TANAKA"), role_channel=True)
    (called,) = slack.on("C0LEADS")
    assert "<!subteam^S0LEAD>" in called.text
    assert {each.target for each in slack.workspace.notifications} == {"<!subteam^S0LEAD>"}


async def test_a_call_instead_of_the_thread_reaches_people_and_channel(slack: SlackWorld) -> None:
    """It opens the case, which may have no card."""
    tell = telling(unclaimed(), role=Role.LEAD).model_copy(update={"instead": True})
    told = await Attempts().run(slack.activities.tell, tell)
    assert told == Told(reached=("U0REED", "U0TANAKA"), role_channel=True)
    (called,) = read_by(slack, "U0TANAKA")
    assert "直接お知らせしています" in called.text
    assert called.blocks[-1]["elements"][0]["action_id"] == "storm.open"
    assert len(slack.on("C0LEADS")) == 1


async def test_a_link_that_slack_refuses_holds_up_no_call(slack: SlackWorld) -> None:
    """The message has a button instead."""
    story = unclaimed()
    card = (await slack.show(wanted(story))).card
    slack.workspace.refuses = lambda method, arguments: (
        "missing_scope" if method == "chat.getPermalink" else None
    )
    told = await Attempts().run(slack.activities.tell, telling(story, card, people=("U0SATO",)))
    assert told == Told(reached=("U0SATO",))
