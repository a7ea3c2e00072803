"""Buttons and overflow menu of a card in every state."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from activities.slack.cards.buttons import entries, targets_of
from activities.slack.cards.case import case_card
from tests.activities.slack.cases import SATO, TANAKA, Story, catalog, policy
from tests.activities.slack.drawn import pressable, reader
from tests.activities.slack.situations import (
    HISTORY,
    REFUSED,
    merged,
    muted,
    protected,
    reviewed,
    undo_asked,
)
from workflows.domain.alerts import PEOPLE, REPORTS, Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import Phase
from workflows.domain.case.view import view_of
from workflows.domain.policy.playbook import Policy


@pytest.mark.parametrize(
    ("tell", "expected"),
    [
        (Story, ["evidence", "acknowledge", "escalate", "note", "all"]),
        (lambda: Story().claimed(), ["evidence", "handover", "wait", "note", "all"]),
        (
            lambda: protected(HISTORY).claimed(),
            ["lift_protection", "merge", "evidence", "handover", "all"],
        ),
        (
            lambda: protected(HISTORY),
            ["confirm_preset.ban", "lift_protection", "merge", "evidence", "all"],
        ),
        (
            lambda: Story().claimed().waiting(),
            ["evidence", "handover", "note", "escalate", "all"],
        ),
        (lambda: Story().ban_asked(), ["evidence", "note", "watch", "timeline", "snooze_detector"]),
        (
            lambda: Story().ban_asked().then(cmd.Watch(by=TANAKA), 4),
            ["evidence", "note", "watch", "unwatch", "all"],
        ),
        (
            lambda: Story().ban_asked().approved(),
            ["evidence", "note", "watch", "timeline", "snooze_detector"],
        ),
        (muted, ["evidence", "note", "watch", "timeline", "snooze_detector"]),
    ],
)
def test_the_menu_holds_what_is_most_useful_now(
    tell: Callable[[], Story], expected: list[str]
) -> None:
    """It has at most five options; the last one opens the full list."""
    view = view_of(tell().case)
    menu = pressable(case_card(view, reader()))[-1]
    assert (menu["type"], menu["action_id"]) == ("overflow", "case.more")
    assert [option["value"].split(":")[0] for option in menu["options"]] == expected
    named = [name for name in expected if "." not in name and name != "all"]
    assert list(entries(view))[: len(named)] == named


def test_what_has_no_room_in_the_menu_is_named_all_the_same() -> None:
    """The full list is used by pages with more room than a card."""
    story = protected(HISTORY).claimed()
    assert entries(view_of(story.case)) == (
        "lift_protection",
        "merge",
        "evidence",
        "handover",
        "wait",
        "note",
        "escalate",
        "release",
        "snooze",
        "snooze_detector",
        "watch",
        "timeline",
    )


def quiet(story: Story) -> Story:
    """Sato snoozed the detector."""
    command = cmd.SnoozeDetector(
        by=SATO, detector="live-chat", lasts=timedelta(hours=8), reason="定型文"
    )
    return story.then(command, 9)


def test_a_snoozed_detector_on_the_card() -> None:
    """The card says until when and who; the menu ends it, also where the card has the button."""
    story = quiet(Story().claimed())
    assert "🔕 検知器 live-chat の検知を" in str(case_card(view_of(story.case), reader()).blocks)
    assert {"snooze_detector", "end_snooze"} <= {*entries(view_of(story.case))}
    cleared = quiet(Story().cleared())
    shown = entries(view_of(cleared.case))
    assert ("snooze_detector" in shown, "end_snooze" in shown) == (True, False)
    assert "snooze_detector" not in entries(view_of(Story().cleared().case))


def test_people_are_not_snoozed() -> None:
    """A case that only people reported has no such button."""
    case = Story().cleared().case.model_copy(update={"detectors": frozenset({PEOPLE, REPORTS})})
    assert "snooze_detector" not in entries(view_of(case))
    assert "case.snooze_detector" not in str(case_card(view_of(case), reader()).blocks)


def presets(*ids: str, **more: object) -> Policy:
    """A policy with these presets: bans where the id says so, else mutes."""
    made = [
        {
            "id": each,
            "title": {"ja": f"定型{each}", "en": f"Preset {each}"},
            "actions": ["permanent_ban" if each.startswith("ban") else "mute_user"],
        }
        for each in ids
    ]
    return policy(presets=made, **more)


def test_presets_without_room_on_the_card_come_first_in_the_menu() -> None:
    """A preset that needs a confirmation is marked and opens a modal."""
    story = Story(policy=presets("a", "b", "c", "ban", "d"))
    *shown, menu = pressable(case_card(view_of(story.case), reader()))
    assert [each["action_id"] for each in shown] == [
        "case.claim",
        "case.preset.a",
        "case.preset.b",
        "case.decide",
        "case.clear",
    ]
    assert [(o["text"]["text"], o["value"].split(":")[0]) for o in menu["options"]] == [
        ("定型c", "preset.c"),
        ("定型ban…", "confirm_preset.ban"),
        ("定型d", "preset.d"),
        ("検知内容を見る", "evidence"),
        ("すべての操作…", "all"),
    ]


def test_a_crowd_of_presets_leaves_room_for_the_rest() -> None:
    """The menu has three presets; the last option lists all ten and every entry."""
    story = Story(policy=presets(*"abcdefghij")).claimed()
    menu = pressable(case_card(view_of(story.case), reader()))[-1]
    assert [option["value"].split(":")[0] for option in menu["options"]] == [
        "preset.d",
        "preset.e",
        "preset.f",
        "evidence",
        "all",
    ]


def test_a_question_names_what_is_acted_upon() -> None:
    """It names the message and the stream, not the case's subject."""
    told = catalog("permanent_ban", subject="stream")
    story = Story(policy=policy(told))
    ban = pressable(case_card(view_of(story.case), reader()))[2]
    assert ban["confirm"]["text"]["text"] == ("承認されるまで、配信 s_9 には何も行いません。")


def test_a_question_names_every_target_once_and_counts_the_rest() -> None:
    """Many types of targets are shortened so that the question stays readable."""
    kinds = ("user", "stream", "listing", "message", "order")
    subjects = [Subject(type=kind, id=f"x_{kind}") for kind in (*kinds, "user")]
    assert targets_of(subjects, reader()) == (
        "ユーザー x_user、配信 x_stream、出品 x_listing ほか2件"
    )
    assert targets_of([Subject(type="user", id="u" * 128)], reader()).startswith("ユーザー uuu")


def test_an_undo_and_giving_up_name_what_they_are_about() -> None:
    """The question names the paused stream, not its host."""
    paused = catalog("mute_user", subject="stream")
    story = Story(policy=policy(paused)).muted()
    done = story.reported("mute_user/stream:s_9", ActionStatus.VERIFIED)
    undo = pressable(case_card(view_of(done.case), reader()))[0]
    assert undo["confirm"]["text"]["text"] == "配信 s_9 への措置を取り消し、元の状態に戻します。"
    failed = Story(policy=policy(paused)).muted()
    failed.reported("mute_user/stream:s_9", ActionStatus.FAILED, problem=REFUSED)
    give_up = pressable(case_card(view_of(failed.case), reader()))[1]
    assert give_up["confirm"]["text"]["text"] == (
        "配信 s_9 への失敗した措置は実行しません。実行済みの措置はそのまま残ります。"
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
        (lambda: Story().cleared(), ["case.reopen", "case.snooze_detector"], None),
        (lambda: quiet(Story().cleared()), ["case.reopen", "case.end_snooze"], None),
        (merged, [], None),
    ],
)
def test_only_what_can_be_done_can_be_pressed(
    tell: Callable[[], Story], ids: list[str], primary: str | None
) -> None:
    """A card has at most five buttons, one of them primary."""
    drawn = pressable(case_card(view_of(tell().case), reader()))
    shown = [each for each in drawn if each["type"] == "button"]
    assert [each["action_id"] for each in shown] == ids
    stands_out = [each["action_id"] for each in shown if each.get("style") == "primary"]
    assert stands_out == ([primary] if primary else [])


def test_confirming_a_protection_says_what_becomes_a_decision() -> None:
    """The question names the action, because the button does not."""
    confirm = pressable(case_card(view_of(protected().case), reader()))[1]
    assert [confirm["confirm"][part]["text"] for part in ("title", "text", "confirm")] == [
        "自動対応を確定しますか？",
        "違反と判断し、ユーザー u_123 への「コメント制限」を残します。"
        "自動では解除されなくなります。",
        "確定する",
    ]


def test_what_is_still_in_effect_can_always_be_undone() -> None:
    """A rejected case with leftovers offers undo, a failed lift offers another lift."""
    view = view_of(Story().case)
    left, stuck = (view.model_copy(update={name: True}) for name in ("undoable", "stuck"))
    assert entries(left)[0] == "undo"
    assert entries(stuck)[0] == "lift_protection"
    closed = stuck.model_copy(update={"phase": Phase.CLOSED})
    assert entries(closed)[:2] == ("lift_protection", "evidence")
