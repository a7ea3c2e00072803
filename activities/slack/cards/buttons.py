"""Buttons of a case's card: at most five, and the rest behind its menu."""

from collections.abc import Iterable, Iterator
from typing import Any

from activities.slack import handles
from activities.slack.blocks import Block, actions, button, confirm, overflow
from activities.slack.cards.case_facts import pending, protecting
from activities.slack.cards.decision import can_retry, target, whom
from activities.slack.escape import Safe, plain, units
from activities.slack.reader import Reader
from workflows.domain.alerts import Subject
from workflows.domain.case.approval import Purpose
from workflows.domain.case.enforcement import ActionState, ActionStatus
from workflows.domain.case.model import UNDECIDED, Phase
from workflows.domain.case.view import CardView, PresetView

MOST_TARGETS = 3
"""Targets that are named; the rest is counted."""
_EACH = 60
"""Characters of one: a question has 300, and what becomes of them has to fit as well."""


def targets_of(subjects: Iterable[Subject], reader: Reader, safe: Safe = plain) -> str:
    """`メッセージ m_77、ユーザー u_123`."""
    return _named((reader.subject(each, safe) for each in subjects), reader)


def acted_upon(view: CardView, actions: Iterable[ActionState], reader: Reader) -> str:
    """Whom these actions act upon; whom the decision is about, where there are none."""
    words = (target(view, action.planned, reader, plain) for action in actions)
    return _named(words, reader) or whom(view, reader, plain)


def _named(words: Iterable[str], reader: Reader) -> str:
    every = tuple(dict.fromkeys(words))
    named = [each for each in every[:MOST_TARGETS] if units(each) <= _EACH]
    left = len(every) - len(named)
    if not named:
        return every[0] if every else ""
    listed = reader.listed(named)
    return reader.say("words.and_more", list=listed, count=left) if left else listed


MOST_BUTTONS = 5
"""Visible buttons of a card; more make none of them quick to find."""
_ALWAYS = 2
"""Deciding in the modal, and clearing."""
_LABEL = 40

Element = dict[str, Any]


def on_card(view: CardView) -> tuple[PresetView, ...]:
    """Those that have a button on the card, in the playbook's order."""
    return view.presets[: _room(view)] if view.phase in UNDECIDED else ()


def behind_card(view: CardView) -> tuple[PresetView, ...]:
    """Those that the card has no room for."""
    return view.presets[_room(view) :] if view.phase in UNDECIDED else ()


def _room(view: CardView) -> int:
    first = view.hold is not None or view.owner is None
    return MOST_BUTTONS - _ALWAYS - first - bool(protecting(view))


def label(preset: PresetView, reader: Reader) -> str:
    """`強制退会…`: the dots stand for a question that comes first."""
    title = reader.title(preset.title, plain, _LABEL)
    return reader.say("button.asks", title=title) if questions(preset) else title


def questions(preset: PresetView) -> bool:
    """Whether its person is asked once more."""
    return preset.danger or preset.asks


def preset_button(view: CardView, preset: PresetView, reader: Reader) -> Element:
    """The button; what is hard to take back or needs a second person asks first."""
    return button(
        f"case.preset.{preset.id}",
        label(preset, reader),
        handles.encode(view.id, view.version),
        "danger" if preset.danger else None,
        _sure(view, preset, reader) if questions(preset) else None,
    )


def _sure(view: CardView, preset: PresetView, reader: Reader) -> Element:
    kind = "asks" if preset.asks else "does"
    return confirm(
        question_title(preset, reader),
        question(view, preset, reader),
        reader.say(f"confirm.yes.{kind}"),
        reader.say("confirm.no"),
        "danger" if preset.danger else None,
    )


def question_title(preset: PresetView, reader: Reader) -> str:
    """`「強制退会」を実行しますか？`, as plain text."""
    kind = "asks" if preset.asks else "does"
    shown = reader.title(preset.title, plain, _LABEL)
    return reader.say(f"confirm.preset.{kind}.title", preset=shown)


def question(view: CardView, preset: PresetView, reader: Reader) -> str:
    """Whom it acts upon, and what becomes of it, as plain text."""
    kind = "asks" if preset.asks else "does"
    return reader.say(
        f"confirm.preset.{kind}",
        preset=reader.title(preset.title, plain, _LABEL),
        subject=targets_of(preset.targets or (view.subject,), reader),
    )


MOST_ENTRIES = 5
"""Options of one menu: docs.slack.dev/reference/block-kit/block-elements/overflow-menu-element"""
MOST_PRESETS = 3
"""Presets of one menu, so that an entry or two beside them stay one tap away."""
ALL = "all"
"""Opens a modal with everything, where the menu has no room for all of it."""


def menu(view: CardView, reader: Reader) -> dict[str, Any]:
    """The menu of a card, at most five options; the last one leads to those that do not fit.

    An option stands for the action_id `case.{name}`; its value is `{name}:{handle}`.
    """
    handle = handles.encode(view.id, view.version)
    return overflow(
        "case.more", [(words, f"{name}:{handle}") for name, words in _shown(view, reader)]
    )


def _shown(view: CardView, reader: Reader) -> list[tuple[str, str]]:
    presets = [(_name(each), label(each, reader)) for each in behind_card(view)]
    named = [(name, reader.say(f"button.{name}")) for name in entries(view)]
    if len(presets) + len(named) <= MOST_ENTRIES:
        return [*presets, *named]
    first = [*presets[:MOST_PRESETS], *named][: MOST_ENTRIES - 1]
    return [*first, (ALL, reader.say("button.all"))]


def _name(preset: PresetView) -> str:
    """A menu has one question for all of its options, so one that asks has a modal for it."""
    return f"sure.{preset.id}" if questions(preset) else f"preset.{preset.id}"


def entries(view: CardView) -> tuple[str, ...]:
    """Everything that can be done beside the buttons and presets, the most useful first."""
    if view.phase not in UNDECIDED:
        stuck = ("lift_protection",) if view.stuck else ()
        return (*stuck, "evidence", "note", *_watching(view), "timeline")
    return (*_pressing(view), "evidence", *_usual(view), *_watching(view), "timeline")


def _pressing(view: CardView) -> Iterator[str]:
    """What only some cases have, and is looked for then."""
    if view.undoable:
        yield "undo"
    if protecting(view) or view.stuck:
        yield "lift_protection"
    if view.bulk_decisions:
        yield "bulk"
    if view.known.open_cases:
        yield "merge"


def _usual(view: CardView) -> tuple[str, ...]:
    if view.hold is not None:
        return ("handover", "note", "escalate", "release", "wait", "snooze")
    if view.owner is not None:
        return ("handover", "wait", "note", "escalate", "release", "snooze")
    seen = ("acknowledge",) if view.acknowledged_by is None else ()
    return (*seen, "escalate", "note", "snooze", "wait", "handover")


def _watching(view: CardView) -> tuple[str, ...]:
    """Everybody sees the same menu, so that it can't tell who watches already."""
    return ("watch", "unwatch") if view.watchers else ("watch",)


_SINCE_DECIDED = (Phase.AWAITING_APPROVAL, Phase.ENFORCING, Phase.CLOSED)


def bulk_buttons(view: CardView, reader: Reader) -> list[Element]:
    """Stop, while it runs; and the list of its subjects, as long as the decision stands."""
    if view.bulk is None or view.phase not in _SINCE_DECIDED:
        return []
    stop = [_stop(view, reader)] if _runs(view) else []
    return [*stop, list_button(view, reader)]


def list_button(view: CardView, reader: Reader) -> Element:
    """Opens the list of the subjects."""
    value = handles.encode(view.id, view.version)
    return button("bulk.list", reader.say("button.bulk.list"), value)


def _runs(view: CardView) -> bool:
    pending = any(each.status is ActionStatus.PENDING for each in view.actions)
    stopped = view.bulk is not None and view.bulk.stopped_by is not None
    return view.phase is Phase.ENFORCING and pending and not stopped


def _stop(view: CardView, reader: Reader) -> Element:
    sure = confirm(
        reader.say("confirm.bulk_stop.title"),
        reader.say("confirm.bulk_stop.text"),
        reader.say("confirm.bulk_stop.yes"),
        reader.say("confirm.no"),
        "danger",
    )
    value = handles.encode(view.id, view.version)
    return button("bulk.stop", reader.say("button.bulk_stop"), value, "danger", sure)


def buttons(view: CardView, reader: Reader) -> list[Block]:
    """The row of buttons; none where the work goes on in another case."""
    if view.merged_into is not None:
        return []
    return actions(
        view.workflow_id,
        [*_elements(view, reader), *bulk_buttons(view, reader), menu(view, reader)],
    )


def _elements(view: CardView, reader: Reader) -> list[Element]:
    if view.phase in UNDECIDED:
        return _undecided(view, reader)
    asked = _asked(view, reader)
    if view.phase is Phase.ENFORCING and view.failed:
        return [_retry(view, reader), _give_up(view, reader), *asked]
    tell = [_tell(view, reader, None if asked else "primary")] if can_retry(view) else []
    if asked or view.phase is not Phase.CLOSED or view.undoing:
        return [*asked, *tell]
    return [*tell, _undo(view, reader) if view.undoable else _reopen(view, reader)]


def _undecided(view: CardView, reader: Reader) -> list[Element]:
    """First what takes the case on, then the decisions: there are always at least two."""
    first = _first(view, reader)
    keep = [_confirm(view, reader)] if protecting(view) else []
    decide = _press(view, "case.decide", reader.say("button.decide"), None if first else "primary")
    clear = _press(view, "case.clear", reader.say("button.clear"))
    presets = [preset_button(view, preset, reader) for preset in on_card(view)]
    return [*first, *keep, *presets, decide, clear]


def _first(view: CardView, reader: Reader) -> list[Element]:
    if view.hold is not None:
        return [_press(view, "case.resume", reader.say("button.resume"), "primary")]
    if view.owner is None:
        return [_press(view, "case.claim", reader.say("button.claim"), "primary")]
    return []


def _asked(view: CardView, reader: Reader) -> list[Element]:
    """What whoever asked for an approval can do while it is waited for."""
    approval = pending(view)
    if approval is None:
        return []
    answer = [_answer(view, reader)] if approval.question is not None else []
    # What was done at once is for the reviewer to judge: it can't be withdrawn.
    return answer if approval.purpose is Purpose.REVIEW else [*answer, _withdraw(view, reader)]


def _answer(view: CardView, reader: Reader) -> Element:
    primary = None if view.failed else "primary"
    return _press(view, "approval.answer", reader.say("button.answer"), primary)


def _withdraw(view: CardView, reader: Reader) -> Element:
    undo = pending(view, Purpose.UNDO) is not None
    sure = confirm(
        reader.say("confirm.withdraw.title"),
        reader.say("confirm.withdraw.undo" if undo else "confirm.withdraw.decision"),
        reader.say("button.withdraw"),
        reader.say("confirm.no"),
    )
    return _press(view, "approval.withdraw", reader.say("button.withdraw"), None, sure)


def _confirm(view: CardView, reader: Reader) -> Element:
    """What Koban protects, as a decision: the question says what that is."""
    what = reader.listed(reader.title(each.title, plain, _LABEL) for each in protecting(view))
    sure = confirm(
        reader.say("confirm.keep.title"),
        reader.say("confirm.keep.text", what=what, subject=_protected(view, reader)),
        reader.say("confirm.keep.yes"),
        reader.say("confirm.no"),
    )
    return _press(view, "case.confirm", reader.say("button.keep"), None, sure)


def _reopen(view: CardView, reader: Reader) -> Element:
    return _press(view, "case.reopen", reader.say("button.reopen"))


def _retry(view: CardView, reader: Reader) -> Element:
    return _press(view, "action.retry", reader.say("button.retry"), "primary")


def _tell(view: CardView, reader: Reader, style: str | None) -> Element:
    return _press(view, "notice.retry", reader.say("button.notice_retry"), style)


def _give_up(view: CardView, reader: Reader) -> Element:
    sure = confirm(
        reader.say("confirm.give_up.title"),
        reader.say("confirm.give_up.text", subject=acted_upon(view, _failed(view), reader)),
        reader.say("button.give_up"),
        reader.say("confirm.no"),
        "danger",
    )
    return _press(view, "action.give_up", reader.say("button.give_up"), "danger", sure)


def _undo(view: CardView, reader: Reader) -> Element:
    sure = confirm(
        reader.say("confirm.undo.title"),
        reader.say("confirm.undo.text", subject=acted_upon(view, _standing(view), reader)),
        reader.say("confirm.undo.yes"),
        reader.say("confirm.no"),
    )
    return _press(view, "action.undo", reader.say("button.undo"), None, sure)


def _press(
    view: CardView,
    action_id: str,
    label: str,
    style: str | None = None,
    sure: Element | None = None,
) -> Element:
    return button(action_id, label, handles.encode(view.id, view.version), style, sure)


def _protected(view: CardView, reader: Reader) -> str:
    return targets_of((each.state.planned.subject for each in protecting(view)), reader)


def _standing(view: CardView) -> Iterator[ActionState]:
    return (each for each in view.actions if each.standing and each.undoable)


def _failed(view: CardView) -> Iterator[ActionState]:
    return (each for each in view.actions if each.status is ActionStatus.FAILED)
