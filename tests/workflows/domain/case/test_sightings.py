"""Targets of actions: the subjects on the pressed card, even after later alerts."""

from tests.workflows.domain.builders import SATO, a_case, an_alert, follow, minutes
from workflows.domain.alerts import Subject, brief
from workflows.domain.case import commands as cmd
from workflows.domain.case.decision import Verdict
from workflows.domain.case.model import MOST, Case, latest, seen_with
from workflows.domain.policy.playbook import PresetAction, Severity

STREAM, NEXT = Subject(type="stream", id="s_9"), Subject(type="stream", id="s_10")


def message(number: int) -> Subject:
    """One message of a chat."""
    return Subject(type="message", id=f"m_{number}")


def paused(case: Case, version: int | None) -> list[str]:
    """What a decision to pause the stream acts upon, pressed on a card of `version`."""
    command = cmd.Decide(
        by=SATO,
        version=version,
        verdict=Verdict.VIOLATION,
        actions=(PresetAction(action="pause_stream"),),
        reason="理由",
    )
    decided = follow(case, command, minutes(2))
    return [action.planned.subject.id for action in decided.current_actions]


def test_the_first_of_each_type_counts() -> None:
    """An alert names the stream that it is about before others."""
    seen = seen_with((), [STREAM, NEXT, message(1)], 1)
    assert [each.subject for each in seen] == [STREAM, message(1)]


def test_the_same_thing_again_is_not_remembered_twice() -> None:
    """A raid names one stream ten thousand times."""
    seen = seen_with((), [STREAM], 1)
    assert seen_with(seen, [STREAM], 2) == seen


def test_an_older_card_named_what_was_known_then() -> None:
    """Version 3 has the next stream; version 2 still had the first."""
    seen = seen_with(seen_with((), [STREAM], 1), [NEXT], 3)
    assert [latest(seen, "stream", version) for version in (0, 2, 3, None)] == [
        None,
        STREAM,
        NEXT,
        NEXT,
    ]


def test_a_thing_that_came_back_is_the_newest_again() -> None:
    """The seller went from one stream to the next and back."""
    seen = seen_with(seen_with(seen_with((), [STREAM], 1), [NEXT], 2), [STREAM], 3)
    assert (latest(seen, "stream", 2), latest(seen, "stream", None)) == (NEXT, STREAM)


def test_what_is_remembered_is_bounded() -> None:
    """Ten thousand alerts join a case that lives for 90 days."""
    seen = seen_with((), [message(0)], 1)
    for number in range(1, 3 * MOST):
        seen = seen_with(seen, [message(number)], number + 1)
    assert len(seen) == MOST
    assert latest(seen, "message", None) == message(3 * MOST - 1)


def test_many_messages_do_not_push_the_stream_out() -> None:
    """Each alert names its own message and the one stream: that must stay to be paused."""
    seen = seen_with((), [STREAM, message(0)], 1)
    for number in range(1, 3 * MOST):
        seen = seen_with(seen, [STREAM, message(number)], number + 1)
        assert latest(seen, "stream", None) == STREAM
    assert latest(seen, "stream", 1) == STREAM
    assert len(seen) == MOST + 1


def test_a_press_acts_on_what_its_card_showed() -> None:
    """The alert that named another stream joined after the card was drawn."""
    case = a_case()
    seen = case.version
    alert = an_alert(2, related=[{"type": "stream", "id": "s_10"}])
    case = follow(case, cmd.JoinAlert(alert=brief(alert), severity=Severity.MEDIUM), minutes(1))
    assert paused(case, seen) == ["s_9"]
    assert paused(case, case.version) == ["s_10"]
    assert paused(case, None) == ["s_10"]
