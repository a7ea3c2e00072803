"""What can be pressed on a card in every state, and what is behind its ⋯."""

from collections.abc import Callable

import pytest

from activities.slack.card import case_card
from activities.slack.card_menu import entries
from tests.activities.slack.cases import (
    TANAKA,
    Story,
)
from tests.activities.slack.drawn import pressable, reader
from tests.activities.slack.situations import (
    KNOWN,
    merged,
    muted,
    protected,
    reviewed,
    undo_asked,
)
from workflows.domain import commands as cmd
from workflows.domain.case_state import Phase
from workflows.domain.view import view_of


@pytest.mark.parametrize(
    ("tell", "expected"),
    [
        (Story, ["evidence", "acknowledge", "escalate", "note", "snooze"]),
        (lambda: Story().claimed(), ["evidence", "handover", "wait", "note", "release"]),
        (
            lambda: protected(KNOWN).claimed(),
            ["lift_protection", "merge", "evidence", "handover", "wait"],
        ),
        (
            lambda: Story().claimed().waiting(),
            ["evidence", "handover", "note", "release", "wait"],
        ),
        (lambda: Story().ban_asked(), ["evidence", "note", "watch"]),
        (
            lambda: Story().ban_asked().then(cmd.Watch(by=TANAKA), 4),
            ["evidence", "note", "watch", "unwatch"],
        ),
        (lambda: Story().ban_asked().approved(), ["evidence", "note", "watch"]),
        (muted, ["evidence", "note", "watch"]),
    ],
)
def test_the_menu_holds_what_is_most_useful_now(
    tell: Callable[[], Story], expected: list[str]
) -> None:
    """At most five entries; all of them can be asked for elsewhere."""
    view = view_of(tell().case)
    menu = pressable(case_card(view, reader()))[-1]
    assert (menu["type"], menu["action_id"]) == ("overflow", "case.more")
    assert [option["value"].split(":")[0] for option in menu["options"]] == expected
    assert list(entries(view))[: len(expected)] == expected


def test_what_has_no_room_in_the_menu_is_named_all_the_same() -> None:
    """For the pages that have more room than a card."""
    story = protected(KNOWN).claimed()
    assert entries(view_of(story.case)) == (
        "lift_protection",
        "merge",
        "evidence",
        "handover",
        "wait",
        "note",
        "release",
        "escalate",
        "snooze",
        "watch",
    )


@pytest.mark.parametrize(
    ("tell", "ids", "primary"),
    [
        (
            lambda: protected(),
            ["case.claim", "case.confirm", "case.preset.mute", "case.decide", "case.clear"],
            "case.claim",
        ),
        (
            lambda: protected().claimed().waiting(),
            ["case.resume", "case.confirm", "case.preset.mute", "case.decide", "case.clear"],
            "case.resume",
        ),
        (
            lambda: protected().claimed(),
            [
                "case.confirm",
                "case.preset.mute",
                "case.preset.ban",
                "case.decide",
                "case.clear",
            ],
            "case.decide",
        ),
        (
            lambda: Story().ban_asked().asked(),
            ["approval.answer", "approval.withdraw"],
            "approval.answer",
        ),
        (lambda: reviewed().asked(), ["approval.answer"], "approval.answer"),
        (undo_asked, ["approval.withdraw"], None),
        (muted, ["action.undo"], None),
        (lambda: Story().cleared(), ["case.reopen"], None),
        (merged, [], None),
    ],
)
def test_only_what_can_be_done_can_be_pressed(
    tell: Callable[[], Story], ids: list[str], primary: str | None
) -> None:
    """At most five buttons, and one of them stands out."""
    drawn = pressable(case_card(view_of(tell().case), reader()))
    shown = [each for each in drawn if each["type"] == "button"]
    assert [each["action_id"] for each in shown] == ids
    stands_out = [each["action_id"] for each in shown if each.get("style") == "primary"]
    assert stands_out == ([primary] if primary else [])


def test_confirming_a_protection_says_what_becomes_a_decision() -> None:
    """The button does not name the action, so its question does."""
    confirm = pressable(case_card(view_of(protected().case), reader()))[1]
    assert [confirm["confirm"][part]["text"] for part in ("title", "text", "confirm")] == [
        "保護を確定しますか?",
        "「コメント制限」を違反の判断としてユーザー u_123に残します。"
        "自動では解除されなくなります。",
        "確定する",
    ]


def test_what_still_stands_can_always_be_taken_back() -> None:
    """A sent-back case with leftovers has an undo, a protection whose lift failed has a lift."""
    view = view_of(Story().case)
    left, stuck = (view.model_copy(update={name: True}) for name in ("undoable", "stuck"))
    assert entries(left)[0] == "undo"
    assert entries(stuck)[0] == "lift_protection"
    closed = stuck.model_copy(update={"phase": Phase.CLOSED})
    assert entries(closed)[:2] == ("lift_protection", "evidence")
