"""Slack actions: every button, menu entry and modal opener with its label, roles and command."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from activities.slack.blocks import button
from activities.slack.cards.case_facts import cleared, protecting
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from workflows.domain.appeal import commands as appeal
from workflows.domain.case import commands as cmd
from workflows.domain.case.model import UNDECIDED, Phase
from workflows.domain.case.view import CardView
from workflows.domain.people import WORKING_ROLES, Role

EVERYBODY = frozenset(Role)
NOT_AUDITORS = EVERYBODY - {Role.AUDITOR}
ALL_PHASES = frozenset(Phase)

OPEN = "storm.open"
"""Shows a case; its value is the case's id."""
POLICY_CONFIRM = "policy.confirm"
"""Confirms a change of the policy that waits; its value is the record's id."""
MENU = "case.more"
"""The overflow menu of a card: an entry `{name}` is the action `case.{name}`."""

_PRESET = re.compile(r"(case\.(?:preset|confirm_preset))\.([a-z][a-z0-9_]{0,39})")
_SNOOZE = re.compile(r"(case\.end_snooze)\.([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class Page:
    """Facts for the buttons below the answer to `/koban case`.

    `watches`: the person watches the case; `bulk_allowed`: the playbook has bulk decisions;
    `bulk_decided`: this case has one.
    """

    watches: bool
    bulk_allowed: bool
    bulk_decided: bool


@dataclass(frozen=True)
class SlackAction:
    """A button or menu entry; `id` is Slack's action_id.

    label: key of the catalog, by default `button.` and the last part of the id. Labels of actions
      that ask for more end with "…".
    command: made from the press, or from the submission of `modal`; None only shows something.
    modal: callback_id of the modal that opens.
    phases: phases of a case in which the action makes sense.
    closed_too: whether it works on a case without a running workflow.
    offered: whether the menu of a card has it now.
    answered: whether the answer to `/koban case` has it now.
    """

    id: str
    command: Callable[..., Any] | None = None
    modal: str | None = None
    roles: frozenset[Role] = WORKING_ROLES
    label: str = ""
    phases: frozenset[Phase] = ALL_PHASES
    closed_too: bool = False
    offered: Callable[[CardView], bool] = field(default=lambda view: True)
    answered: Callable[[Page], bool] = field(default=lambda page: True)

    @property
    def label_key(self) -> str:
        return self.label or f"button.{self.id.rpartition('.')[2]}"


def _protected(view: CardView) -> bool:
    return view.stuck or (view.phase in UNDECIDED and bool(protecting(view)))


def _may_snooze(view: CardView) -> bool:
    """Whether the menu has it: on a cleared case the card has a button for the first one."""
    return bool(view.detectors) and (bool(view.snoozes) or not cleared(view))


ACTIONS: dict[str, SlackAction] = {
    each.id: each
    for each in (
        # -- a press is the whole command --
        SlackAction("case.claim", cmd.Claim),
        SlackAction("case.release", cmd.Release),
        SlackAction("case.clear", cmd.MarkNoViolation),
        SlackAction("case.escalate", cmd.Escalate),
        SlackAction("case.confirm", cmd.Confirm, label="button.keep"),
        SlackAction("case.lift_protection", cmd.LiftProtection, offered=_protected),
        SlackAction("case.undo", cmd.Undo, offered=lambda view: view.undoable),
        SlackAction(
            "case.acknowledge",
            cmd.Acknowledge,
            offered=lambda view: view.acknowledged_by is None,
        ),
        SlackAction("case.resume", cmd.Resume),
        SlackAction(
            "case.end_snooze",
            cmd.EndSnooze,
            offered=lambda view: bool(view.snoozes) and not cleared(view),
        ),
        SlackAction(
            "case.watch", cmd.Watch, roles=EVERYBODY, answered=lambda page: not page.watches
        ),
        # Everybody sees the same menu, so it cannot depend on who watches already.
        SlackAction(
            "case.unwatch",
            cmd.Unwatch,
            roles=EVERYBODY,
            offered=lambda view: bool(view.watchers),
            answered=lambda page: page.watches,
        ),
        SlackAction("case.preset", cmd.ChoosePreset, label="button.asks"),
        SlackAction("case.reconsider", cmd.Reconsider),
        SlackAction("action.undo", cmd.Undo),
        SlackAction("action.retry", cmd.Retry),
        SlackAction("action.give_up", cmd.GiveUp),
        SlackAction("notice.retry", cmd.RetryNotice, label="button.notice_retry"),
        SlackAction("approval.approve", cmd.Approve, roles=NOT_AUDITORS),
        SlackAction("approval.withdraw", cmd.Withdraw),
        SlackAction("bulk.stop", cmd.StopBulk, label="button.bulk_stop"),
        SlackAction("appeal.claim", appeal.ClaimAppeal),
        SlackAction("appeal.release", appeal.ReleaseAppeal),
        SlackAction("appeal.retry_notice", appeal.RetryNotice, label="button.notice_retry"),
        # -- a modal asks for more --
        SlackAction("case.decide", cmd.Decide, "decide", phases=UNDECIDED),
        SlackAction(
            "case.confirm_preset",
            cmd.ChoosePreset,
            "confirm_preset",
            phases=UNDECIDED,
            label="bot.confirm_preset.title",
        ),
        SlackAction("case.handover", cmd.HandOver, "handover", phases=UNDECIDED),
        SlackAction("case.snooze", cmd.Snooze, "snooze", phases=UNDECIDED),
        SlackAction("case.wait", cmd.Wait, "wait", phases=UNDECIDED),
        SlackAction(
            "case.snooze_detector",
            cmd.SnoozeDetector,
            "snooze_detector",
            closed_too=True,
            offered=_may_snooze,
        ),
        SlackAction(
            "case.merge",
            cmd.Merge,
            "merge",
            phases=UNDECIDED,
            offered=lambda view: bool(view.history.open_cases),
        ),
        SlackAction("case.note", cmd.AddNote, "note", closed_too=True),
        SlackAction(
            "case.reopen",
            cmd.Reopen,
            "reopen",
            phases=frozenset({Phase.CLOSED}),
            closed_too=True,
        ),
        SlackAction("approval.reject", cmd.Reject, "reject", roles=NOT_AUDITORS),
        SlackAction("approval.ask", cmd.AskRequester, "ask", roles=NOT_AUDITORS),
        SlackAction("approval.answer", cmd.AnswerApprover, "answer"),
        SlackAction("appeal.uphold", appeal.Uphold, "uphold"),
        SlackAction("appeal.overturn", appeal.Overturn, "overturn"),
        SlackAction(
            "case.bulk",
            cmd.DecideBulk,
            "bulk",
            phases=UNDECIDED,
            offered=lambda view: view.bulk_decisions,
            answered=lambda page: page.bulk_allowed,
        ),
        # -- a modal shows something --
        SlackAction("case.all", modal="all", roles=EVERYBODY, closed_too=True),
        SlackAction("case.evidence", modal="evidence_list", roles=EVERYBODY),
        SlackAction("case.timeline", modal="timeline", roles=EVERYBODY),
        SlackAction(
            "bulk.list",
            modal="bulk_list",
            roles=EVERYBODY,
            label="button.bulk.list",
            answered=lambda page: page.bulk_decided,
        ),
        # -- answers of /koban and of a storm --
        SlackAction("lookup.reveal", modal="reveal", label="button.lookup.reveal"),
        SlackAction("lookup.related", roles=EVERYBODY, label="button.lookup.related"),
        SlackAction("lookup.open", modal="open_case", label="button.lookup.open"),
        SlackAction("automation.resume", label="bot.pause.agree"),
        SlackAction(POLICY_CONFIRM, label="policy.confirm"),
        SlackAction(OPEN, roles=EVERYBODY, label="storm.open"),
    )
}

MODALS: dict[str, SlackAction] = {each.modal: each for each in ACTIONS.values() if each.modal}
"""Modals by callback_id, with the action that opens them."""


class Stage(StrEnum):
    """State of a case that orders the menu of its card; UNKNOWN while the case does not answer."""

    UNCLAIMED = "unclaimed"
    CLAIMED = "claimed"
    ON_HOLD = "on_hold"
    DECIDED = "decided"
    UNKNOWN = "unknown"


_FIRST = ("undo", "lift_protection", "bulk", "merge", "evidence")
_QUIET = ("snooze_detector", "end_snooze")
_LAST = ("watch", "unwatch", "timeline")

ENTRIES: dict[Stage, tuple[str, ...]] = {
    Stage.UNCLAIMED: (
        *_FIRST,
        *("acknowledge", "escalate", "note", "snooze", "wait", "handover"),
        *_QUIET,
        *_LAST,
    ),
    Stage.CLAIMED: (
        *_FIRST,
        *("handover", "wait", "note", "escalate", "release", "snooze"),
        *_QUIET,
        *_LAST,
    ),
    Stage.ON_HOLD: (
        *_FIRST,
        *("handover", "note", "escalate", "release", "wait", "snooze"),
        *_QUIET,
        *_LAST,
    ),
    Stage.DECIDED: ("lift_protection", "evidence", "note", *_LAST, *_QUIET),
    Stage.UNKNOWN: ("note", *_LAST, *_QUIET),
}
"""Menu entries, the most useful first; `SlackAction.offered` leaves out what does not apply."""

PAGE = (
    "case.evidence",
    "case.note",
    "case.watch",
    "case.unwatch",
    "case.handover",
    "case.snooze",
    "case.wait",
    "case.merge",
    "case.reopen",
    "case.bulk",
    "case.timeline",
    "bulk.list",
)
"""Buttons below the answer to `/koban case`, in their order."""


def find(action_id: str) -> SlackAction | None:
    """The action with this id; `case.preset.…`, `case.end_snooze.…` and the like are one each."""
    named = _PRESET.fullmatch(action_id) or _SNOOZE.fullmatch(action_id)
    if named is not None:
        return ACTIONS[named[1]]
    return None if action_id in ("case.preset", "case.confirm_preset") else ACTIONS.get(action_id)


def preset_of(action_id: str) -> str | None:
    """The preset that an action id carries."""
    named = _PRESET.fullmatch(action_id)
    return named[2] if named is not None else None


def snooze_of(action_id: str) -> int | None:
    """The number of the snooze that an action id carries."""
    named = _SNOOZE.fullmatch(action_id)
    return int(named[2]) if named is not None else None


def entries(view: CardView | None) -> tuple[str, ...]:
    """Names of all actions besides the buttons and presets of a card."""
    names = ENTRIES[_stage(view)]
    if view is None:
        return names
    return tuple(name for name in names if ACTIONS[f"case.{name}"].offered(view))


def _stage(view: CardView | None) -> Stage:
    if view is None:
        return Stage.UNKNOWN
    if view.phase not in UNDECIDED:
        return Stage.DECIDED
    if view.hold is not None:
        return Stage.ON_HOLD
    return Stage.CLAIMED if view.owner is not None else Stage.UNCLAIMED


def label(action_id: str, texts: Catalog | Reader) -> str:
    """`引き継ぐ…`."""
    return texts.say(ACTIONS[action_id].label_key)


def modal_title(modal: str, texts: Catalog | Reader) -> str:
    """`引き継ぐ`: the label of the action that opens the modal."""
    return label(MODALS[modal].id, texts).removesuffix("…")


def element(
    action_id: str,
    texts: Catalog | Reader,
    value: str,
    style: str | None = None,
    confirm: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The action as a Block Kit button."""
    return button(action_id, label(action_id, texts), value, style, confirm)
