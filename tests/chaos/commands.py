"""Commands of a chaos run, as a table: a new command is a row here and a word in a story.

A row has the place of the button, the ledger event that proves the command, and the states in which
the command has no effect.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from activities.slack.actions import find
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decision import Verdict
from workflows.domain.case.model import UNDECIDED, Case
from workflows.domain.case.rules.escalation import CALL_AGAIN

CASE, APPROVAL = "koban_case", "koban_approval"
"""Kinds of messages with buttons, by their metadata."""


def never(case: Case, person: str) -> bool:
    """Default for commands that can't already be in effect."""
    return False


@dataclass(frozen=True)
class Command:
    """One button. `form` has the fields of its modal, by block."""

    action: str
    tells: Callable[[Any], bool]
    already: Callable[[Case, str], bool] = never
    entry: str | None = None
    form: Mapping[str, Any] = field(default_factory=dict)
    on: str = CASE


def _is(kind: type[Any], **wanted: Any) -> Callable[[Any], bool]:
    return lambda event: (
        isinstance(event, kind)
        and all(getattr(event, name) == value for name, value in wanted.items())
    )


def _preset(name: str) -> Command:
    return Command(
        f"case.preset.{name}",
        lambda event: isinstance(event, ev.Decided) and event.decision.preset == name,
    )


def _modal(action: str, reason: str) -> Command:
    def tells(event: Any) -> bool:
        return isinstance(event, ev.Decided) and event.decision.reason == reason

    form = {"verdict": Verdict.VIOLATION.value, "actions": [action], "reason": reason}
    return Command("case.decide", tells, form=form)


def _entry(entry: str, kind: type[Any], **form: str) -> Command:
    return Command("case.more", _is(kind), entry=entry, form=form)


def _confirmed(event: Any) -> bool:
    if not isinstance(event, ev.Decided) or event.decision.preset is not None:
        return False
    return bool(event.decision.confirms) and not event.decision.reason


def _cleared(event: Any) -> bool:
    if not isinstance(event, ev.Decided):
        return False
    return event.decision.verdict is Verdict.NO_VIOLATION and not event.decision.reason


COMMANDS: dict[str, Command] = {
    "claim": Command(
        "case.claim",
        _is(ev.CaseClaimed),
        lambda case, person: case.phase in UNDECIDED and case.owner == person,
    ),
    "release": Command(
        "case.more",
        _is(ev.CaseReleased),
        lambda case, person: case.phase in UNDECIDED and case.owner is None,
        entry="release",
    ),
    "escalate": Command(
        "case.more",
        _is(ev.CaseEscalated, step=None),
        lambda case, person: case.phase in UNDECIDED and case.called_at is not None,
        entry="escalate",
    ),
    "acknowledge": Command(
        "case.more",
        _is(ev.CaseAcknowledged),
        lambda case, person: case.phase in UNDECIDED and case.acknowledged_by is not None,
        entry="acknowledge",
    ),
    "hide": _preset("hide"),
    "mute": _preset("mute"),
    "ban": _preset("ban"),
    "warn": _preset("warn"),
    "suspend": _preset("suspend"),
    "clear": Command("case.clear", _cleared),
    "decide_end": _modal("end_stream", "配信で規約違反を繰り返した"),
    "decide_mute": _modal("mute_user", "言い過ぎ"),
    "approve": Command("approval.approve", _is(ev.Approved), on=APPROVAL),
    "reject": Command(
        "approval.reject", _is(ev.Rejected), form={"reason": "根拠が足りない"}, on=APPROVAL
    ),
    "retry": Command("action.retry", _is(ev.ActionRetried)),
    "give_up": Command("action.give_up", _is(ev.ActionsGivenUp)),
    "undo": Command("action.undo", _is(ev.UndoRequested)),
    "hand_over": Command(
        "case.more",
        _is(ev.CaseHandedOver, to="U0CLARK"),
        lambda case, person: case.phase in UNDECIDED and "U0CLARK" in (case.owner, person),
        entry="handover",
        form={"person": "U0CLARK", "note": "続きをお願いします"},
    ),
    "snooze": _entry("snooze", ev.CaseSnoozed, lasts="15m"),
    "wait": _entry("wait", ev.CaseWaiting, note="返信待ち"),
    "resume": Command("case.resume", _is(ev.CaseResumed)),
    "note": _entry("note", ev.NoteAdded, note="確認中"),
    "watch": Command(
        "case.more",
        _is(ev.CaseWatched),
        lambda case, person: person in case.watchers,
        entry="watch",
    ),
    "unwatch": Command(
        "case.more",
        _is(ev.CaseUnwatched),
        lambda case, person: person not in case.watchers,
        entry="unwatch",
    ),
    "confirm": Command("case.confirm", _confirmed),
    "lift": Command("case.more", _is(ev.ProtectionDismissed), entry="lift_protection"),
    "ask": Command(
        "approval.ask", _is(ev.ApprovalAsked), form={"question": "証拠は?"}, on=APPROVAL
    ),
    "answer": Command("approval.answer", _is(ev.ApprovalAnswered), form={"answer": "録画です"}),
    "withdraw": Command("approval.withdraw", _is(ev.ApprovalWithdrawn)),
    "reopen": Command("case.reopen", _is(ev.CaseReopened), form={"reason": "新しい証拠"}),
}

ELSEWHERE: dict[type[cmd.PersonCommandBase], str] = {
    # They need what no subject of a run has: evidence, a second case, related subjects, a notice,
    # or a decision by Koban.
    cmd.RevealEvidence: "tests/stories/test_evidence.py",
    cmd.Merge: "tests/stories/test_working_a_case.py",
    cmd.DecideBulk: "tests/stories/test_a_bulk_decision.py",
    cmd.StopBulk: "tests/stories/test_a_bulk_decision.py",
    cmd.RetryNotice: "tests/stories/test_notices.py",
    cmd.Reconsider: "tests/stories/test_bands.py",
    # Their effect is on alerts, which a run sends as they come.
    cmd.SnoozeDetector: "tests/stories/test_snooze.py",
    cmd.EndSnooze: "tests/stories/test_snooze.py",
}
"""Commands without a row, with the story that presses them."""


def pressed(command: Command) -> object:
    """The command of the case behind the button or menu entry of a row."""
    entry = command.action if command.entry is None else f"case.{command.entry}"
    action = find(entry)
    return None if action is None else action.command


assert CALL_AGAIN.total_seconds() >= 300, "a second call would be news within a run"

CAST: dict[str, tuple[str, ...]] = {
    "s": ("U0SATO", "U0CLARK"),
    "l": ("U0TANAKA", "U0REED"),
    "a": ("U0SUZUKI",),
}
"""Letters in stories: a specialist, a lead, an auditor; capitals mean the other one."""

STORIES: dict[str, tuple[tuple[int, str], ...]] = {
    "lure": (
        (4, "s:claim s:mute"),
        (3, "s:mute s:undo"),
        (3, "s:claim s:hide S:undo"),
        (4, "s:claim s:ban l:approve"),
        (2, "s:claim s:ban l:approve L:undo"),
        (2, "s:claim s:ban l:reject s:clear"),
        (2, "s:decide_end l:approve"),
        (2, "s:decide_end"),
        (1, "s:claim s:ban"),
        (2, "l:claim l:ban l:approve L:approve"),
        (2, "s:claim s:release S:claim S:decide_mute"),
        (2, "s:escalate l:claim l:clear"),
        (2, "a:claim s:claim a:mute s:clear"),
        (2, "s:clear"),
        (2, "s:confirm s:undo"),
        (2, "s:claim s:lift s:clear"),
        (2, "s:claim s:hand_over S:note S:mute"),
        (2, "s:claim s:wait s:resume s:clear"),
        (1, "l:snooze L:resume L:clear"),
        (2, "s:claim s:ban l:ask s:answer L:approve"),
        (1, "s:claim s:ban s:withdraw s:clear l:reopen l:mute"),
        (1, "s:watch S:claim S:clear s:reopen s:hide"),
        (1, "s:watch s:unwatch S:claim S:clear"),
        (1, "s:acknowledge S:claim S:mute"),
        (2, ""),
    ),
    "other": (
        (3, "s:claim s:warn"),
        (2, "s:claim s:suspend l:approve L:approve"),
        (1, "s:claim s:suspend l:approve l:approve"),
        (1, "s:claim s:suspend l:approve L:reject s:warn"),
        (2, "s:warn s:undo"),
        (1, ""),
    ),
    "ghost": (
        (2, "s:claim s:mute s:retry s:give_up s:clear"),
        (1, "s:mute s:give_up l:clear"),
        (1, "s:hide s:retry"),
    ),
}
"""Weighted sequences of `who:command`, by the kind of case; a ghost is unknown to the platform."""
