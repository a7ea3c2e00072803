"""Buttons of a case's card: at most five, and everything else in its overflow menu."""

from collections.abc import Iterable
from typing import Any

from activities.slack import handles
from activities.slack.actions import MENU, element, entries, label
from activities.slack.blocks import Block, actions, button, confirm, overflow
from activities.slack.cards.case_facts import cleared, pending, protecting
from activities.slack.cards.decision import can_retry, target, whom
from activities.slack.escape import Safe, plain, units
from activities.slack.reader import Reader
from workflows.domain.alerts import Subject
from workflows.domain.case.approval import Purpose
from workflows.domain.case.enforcement import ActionState, ActionStatus
from workflows.domain.case.model import UNDECIDED, Phase
from workflows.domain.case.view import CardView, PresetView

MOST_TARGETS = 3
"""Targets named in a question; the rest is counted."""
_MOST_NAME = 60
"""UTF-16 units of one target: a question holds 300, and needs room for its own words."""
MOST_BUTTONS = 5
"""Visible buttons of a card; more are slow to scan."""
_ALWAYS = 2
"""`decide` and `clear`."""
_LABEL = 40
MOST_ENTRIES = 5
"""Options of one menu: docs.slack.dev/reference/block-kit/block-elements/overflow-menu-element"""
MOST_PRESETS = 3
"""Presets of one menu, so that other entries stay one tap away."""
ALL = "all"
"""Opens a modal with everything when the menu is too small."""

Element = dict[str, Any]


def targets_of(subjects: Iterable[Subject], reader: Reader, safe: Safe = plain) -> str:
    """`メッセージ m_77、ユーザー u_123`."""
    return _named((reader.subject(each, safe) for each in subjects), reader)


def acted_upon(view: CardView, actions: Iterable[ActionState], reader: Reader) -> str:
    """The targets of these actions; the subject of the decision if there are none."""
    words = (target(view, action.planned, reader, plain) for action in actions)
    return _named(words, reader) or whom(view, reader, plain)


def _named(words: Iterable[str], reader: Reader) -> str:
    every = tuple(dict.fromkeys(words))
    named = [each for each in every[:MOST_TARGETS] if units(each) <= _MOST_NAME]
    left = len(every) - len(named)
    if not named:
        return every[0] if every else ""
    listed = reader.listed(named)
    return reader.say("words.and_more", list=listed, count=left) if left else listed


# -- presets ------------------------------------------------------------------------------


def _presets(view: CardView) -> tuple[tuple[PresetView, ...], tuple[PresetView, ...]]:
    """The presets with a button on the card, in the playbook's order, and those in the menu."""
    first = view.hold is not None or view.owner is None
    free = MOST_BUTTONS - _ALWAYS - first - bool(protecting(view))
    return view.presets[:free], view.presets[free:]


def preset_label(preset: PresetView, reader: Reader) -> str:
    """`強制退会…`: the dots announce a question."""
    title = _title(preset, reader)
    return reader.say("button.asks", title=title) if questions(preset) else title


def questions(preset: PresetView) -> bool:
    """Whether the preset needs a confirmation."""
    return preset.danger or preset.asks


def preset_button(view: CardView, preset: PresetView, reader: Reader) -> Element:
    """The button; presets that are hard to undo or need an approval ask first."""
    danger = "danger" if preset.danger else None
    sure = confirm(
        question_title(preset, reader),
        question(view, preset, reader),
        reader.say(f"confirm.yes.{_kind(preset)}"),
        reader.say("confirm.no"),
        danger,
    )
    return button(
        f"case.preset.{preset.id}",
        preset_label(preset, reader),
        handles.encode(view.id, view.version),
        danger,
        sure if questions(preset) else None,
    )


def question_title(preset: PresetView, reader: Reader) -> str:
    """`「強制退会」を実行しますか？`, as plain text."""
    key = f"confirm.preset.{_kind(preset)}.title"
    return reader.say(key, preset=_title(preset, reader))


def question(view: CardView, preset: PresetView, reader: Reader) -> str:
    """The targets of a preset and its effect, as plain text."""
    return reader.say(
        f"confirm.preset.{_kind(preset)}",
        preset=_title(preset, reader),
        subject=targets_of(preset.targets or (view.subject,), reader),
    )


def _kind(preset: PresetView) -> str:
    return "asks" if preset.asks else "does"


def _title(preset: PresetView, reader: Reader) -> str:
    return reader.title(preset.title, plain, _LABEL)


# -- menu ---------------------------------------------------------------------------------


def menu(view: CardView, reader: Reader) -> Element:
    """The overflow menu: at most five options, the last one opens the rest.

    An option is the action `case.{name}`; its value is `{name}:{handle}`.
    """
    handle = handles.encode(view.id, view.version)
    return overflow(MENU, [(words, f"{name}:{handle}") for name, words in _shown(view, reader)])


def _shown(view: CardView, reader: Reader) -> list[tuple[str, str]]:
    presets = [_entry(each, reader) for each in _presets(view)[1]]
    named = [(name, label(f"case.{name}", reader)) for name in entries(view)]
    if len(presets) + len(named) <= MOST_ENTRIES:
        return [*presets, *named]
    first = [*presets[:MOST_PRESETS], *named][: MOST_ENTRIES - 1]
    return [*first, (ALL, label("case.all", reader))]


def _entry(preset: PresetView, reader: Reader) -> tuple[str, str]:
    """A menu has one confirmation for all options, so a preset that asks opens a modal."""
    return f"{'confirm_preset' if questions(preset) else 'preset'}.{preset.id}", preset_label(
        preset, reader
    )


# -- the row of buttons -------------------------------------------------------------------


def buttons(view: CardView, reader: Reader) -> list[Block]:
    """The row of buttons; none on a merged case."""
    if view.merged_into is not None:
        return []
    row = [*_elements(view, reader), *_bulk_buttons(view, reader), menu(view, reader)]
    return actions(view.workflow_id, row)


def _bulk_buttons(view: CardView, reader: Reader) -> list[Element]:
    """Stop while a bulk decision runs, and its subjects from then on."""
    if view.bulk is None or view.phase in UNDECIDED:
        return []
    runs = any(each.status is ActionStatus.PENDING for each in view.actions)
    row = [_press(view, "bulk.list", reader)]
    if view.phase is Phase.ENFORCING and runs and view.bulk.stopped_by is None:
        row.insert(0, _asking(view, "bulk.stop", "bulk_stop", reader, "danger"))
    return row


def _elements(view: CardView, reader: Reader) -> list[Element]:
    if view.phase in UNDECIDED:
        return _undecided(view, reader)
    asked = _approval(view, reader)
    if view.phase is Phase.ENFORCING and view.failed:
        again = pending(view, Purpose.RETRY) is None
        retry = [_press(view, "action.retry", reader, "primary")] if again else []
        return [*retry, _give_up(view, reader), *asked]
    style = None if asked else "primary"
    notice = [_press(view, "notice.retry", reader, style)] if can_retry(view) else []
    if asked or view.phase is not Phase.CLOSED or view.undoing:
        return [*asked, *notice]
    if view.decision is not None and view.decision.automatic:
        return [*notice, _press(view, "case.reconsider", reader)]
    undo = view.undoable
    main = _undo(view, reader) if undo else _press(view, "case.reopen", reader)
    return [*notice, main, *_snooze(view, reader)]


def _snooze(view: CardView, reader: Reader) -> list[Element]:
    """The snooze of a detector that was wrong, or its end."""
    if not cleared(view) or not view.detectors:
        return []
    name = "case.end_snooze" if view.snoozes else "case.snooze_detector"
    return [_press(view, name, reader)]


def _undecided(view: CardView, reader: Reader) -> list[Element]:
    first = _first(view, reader)
    keep = [_keep(view, reader)] if protecting(view) else []
    decide = _press(view, "case.decide", reader, None if first else "primary")
    presets = [preset_button(view, preset, reader) for preset in _presets(view)[0]]
    return [*first, *keep, *presets, decide, _press(view, "case.clear", reader)]


def _first(view: CardView, reader: Reader) -> list[Element]:
    if view.hold is not None:
        return [_press(view, "case.resume", reader, "primary")]
    return [_press(view, "case.claim", reader, "primary")] if view.owner is None else []


def _approval(view: CardView, reader: Reader) -> list[Element]:
    """The buttons of the requester while an approval is pending."""
    approval = pending(view)
    if approval is None:
        return []
    style = None if view.failed else "primary"
    asked = approval.question is not None
    answer = [_press(view, "approval.answer", reader, style)] if asked else []
    # A review judges actions that were carried out already: it cannot be withdrawn.
    return answer if approval.purpose is Purpose.REVIEW else [*answer, _withdraw(view, reader)]


# -- buttons with a confirmation ----------------------------------------------------------


def _withdraw(view: CardView, reader: Reader) -> Element:
    again = pending(view, Purpose.UNDO, Purpose.RETRY)
    what = Purpose.DECISION if again is None else again.purpose
    return _asking(view, "approval.withdraw", "withdraw", reader, text=what)


def _keep(view: CardView, reader: Reader) -> Element:
    held = protecting(view)
    what = reader.listed(reader.title(each.title, plain, _LABEL) for each in held)
    subject = targets_of((each.state.planned.subject for each in held), reader)
    return _asking(view, "case.confirm", "keep", reader, what=what, subject=subject)


def _give_up(view: CardView, reader: Reader) -> Element:
    failed = (each for each in view.actions if each.status is ActionStatus.FAILED)
    subject = acted_upon(view, failed, reader)
    return _asking(view, "action.give_up", "give_up", reader, "danger", subject=subject)


def _undo(view: CardView, reader: Reader) -> Element:
    undone = (each for each in view.actions if each.in_force and each.undoable)
    subject = acted_upon(view, undone, reader)
    return _asking(view, "action.undo", "undo", reader, subject=subject)


def _asking(
    view: CardView,
    action_id: str,
    name: str,
    reader: Reader,
    style: str | None = None,
    text: str = "text",
    **values: str,
) -> Element:
    """A button with the confirmation `confirm.{name}`; its `yes` is by default the label."""
    yes = f"confirm.{name}.yes"
    sure = confirm(
        reader.say(f"confirm.{name}.title"),
        reader.say(f"confirm.{name}.{text}", **values),
        reader.say(yes) if yes in reader.texts.keys else label(action_id, reader),
        reader.say("confirm.no"),
        style,
    )
    return _press(view, action_id, reader, style, sure)


def _press(
    view: CardView,
    action_id: str,
    reader: Reader,
    style: str | None = None,
    sure: Element | None = None,
) -> Element:
    return element(action_id, reader, handles.encode(view.id, view.version), style, sure)
