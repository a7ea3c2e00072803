"""State of a case, with the derived facts that cards, rules and clocks read."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from functools import reduce
from typing import cast

from pydantic import Field

from workflows.domain.alerts import AlertBrief, Subject
from workflows.domain.automation import AutomationPause
from workflows.domain.brakes import DetectorSnooze
from workflows.domain.case.appeal_outcome import AppealAnswer
from workflows.domain.case.approval import Approval, Purpose
from workflows.domain.case.bulk import BulkState
from workflows.domain.case.decision import Decision, Verdict
from workflows.domain.case.enforcement import (
    ACTING,
    NOT_DONE,
    UNSETTLED,
    ActionState,
    ActionStatus,
    NoticeState,
)
from workflows.domain.case.escalation import (
    Back,
    Clock,
    Due,
    Missed,
    clock,
    hastened,
    open_steps,
)
from workflows.domain.policy.bands import Band
from workflows.domain.policy.limits import Exempt, Full
from workflows.domain.policy.playbook import Policy, Severity, Unless
from workflows.domain.policy.strictness import Tightening, tighten
from workflows.domain.values import Value


class HoldKind(StrEnum):
    """The kind of a hold: snoozed by a person, or waiting for information."""

    SNOOZED = "snoozed"
    WAITING = "waiting"


class Hold(Value):
    """A hold from `since` to `until`; with `pauses` the clocks stop."""

    kind: HoldKind
    by: str
    since: datetime
    until: datetime
    pauses: bool
    note: str = ""


class Sanction(Value):
    """Earlier actions of one kind against the subject; `in_force` of them are in effect."""

    action: str
    times: int
    in_force: int = 0


class SubjectHistory(Value):
    """Earlier sanctions, and other cases on the subject: ids of open ones, newest first."""

    sanctions: tuple[Sanction, ...] = ()
    open_cases: tuple[str, ...] = ()
    closed_cases: int = 0


class Intent(StrEnum):
    """The intended end of a protection."""

    LIFT_IN_TIME = "lift_in_time"
    HOLD = "hold"
    HAND_OVER = "hand_over"
    LIFT_NOW = "lift_now"


class Protection(Value):
    """A protection; its action is among the case's actions with `decision == id`.

    `id` counts within the case: P1, P2, … `rule` or `step` is the index in the playbook, `as_of`
    the version of the case at its start: older cards do not show it. `detectors` sent the alerts.
    """

    id: str
    action: str
    rule: int | None = None
    step: int | None = None
    intent: Intent = Intent.LIFT_IN_TIME
    as_of: int = 0
    detectors: tuple[str, ...] = ()

    def known_to(self, version: int | None) -> bool:
        """Whether the card of `version` shows it (None: the newest card)."""
        return version is None or self.as_of <= version


OVER = frozenset(
    {ActionStatus.LIFTED, ActionStatus.UNDONE, ActionStatus.KEPT, ActionStatus.GIVEN_UP}
)
"""Statuses of a protection that has ended."""


def is_over(state: ActionState | None) -> bool:
    """Whether a protection has ended or does not exist."""
    return state is None or state.status in OVER


MOST = 200
"""Sightings that a case keeps, for presses on older cards."""


class Sighting(Value):
    """The latest related subject of its type, from `version` on."""

    version: int
    subject: Subject


def seen_with(
    sightings: tuple[Sighting, ...], related: Iterable[Subject], version: int
) -> tuple[Sighting, ...]:
    """Adds the related subjects of the alert of `version`: the first of each type."""
    fresh: dict[str, Subject] = {}
    for subject in related:
        fresh.setdefault(subject.type, subject)
    new = (
        Sighting(version=version, subject=subject)
        for type_, subject in fresh.items()
        if latest(sightings, type_, None) != subject
    )
    return _bounded((*sightings, *new))


def _bounded(sightings: tuple[Sighting, ...]) -> tuple[Sighting, ...]:
    """The newest `MOST`, and the last one of each type."""
    last = {each.subject.type: each for each in sightings}
    older = sightings[:-MOST]
    return (*(each for each in older if last[each.subject.type] is each), *sightings[-MOST:])


def latest(sightings: tuple[Sighting, ...], type_: str, version: int | None) -> Subject | None:
    """The subject of that type on the card of `version` (None: the newest card)."""
    for each in reversed(sightings):
        if each.subject.type == type_ and (version is None or each.version <= version):
            return each.subject
    return None


class Phase(StrEnum):
    """The phase of a case."""

    OPEN = "open"
    CLAIMED = "claimed"
    AWAITING_APPROVAL = "awaiting_approval"
    ENFORCING = "enforcing"
    CLOSED = "closed"


UNDECIDED = frozenset({Phase.OPEN, Phase.CLAIMED})


class EventSummary(Value):
    """An event in short: `by` did `kind` at `at`, as `version` of the case."""

    version: int
    kind: str
    at: datetime
    by: str | None = None


class Case(Value):
    """One case. `version` counts its events; `turn` is the last change of a decision.

    - `owned_as_of`: version of the last change of owner; `claim_received_at`: when the owner's own
      press of Claim was received; `active_at`: last activity of the owner; `warned_until`: end of
      the claim after a warning
    - `paused_for`: total of all pauses; `holds`: number of holds since the case was (re)opened
    - `repeats` and `step_called_at`: number of calls and last call of each escalation step
    - `missed_call`: the last call reached nobody, and no step followed yet
    - `returned_at`: a decision came back undecided; `clock_from`: time of the reopening
    - `absorbed`: cases merged into this one; `merged_into`: the case that continues this one
    - `bulk_decisions`, `notices`: by decision id
    - `detectors`: those of its alerts
    - `automation_pause` or `automation_limit` prevented the last protection; `withheld`: rules
      that it prevented; `left_to_people`: an automatic decision was prevented
    - `snoozes`: those of its detectors that nobody ended; they may be over
    - `sampled`: the case is a sample of this band; `reopening_by`: took an automatic decision back
    - `tightened`: stricter versions of the policy since the opening, which `policy` includes
    """

    id: str
    workflow_id: str
    # Sent once beside the case (`PackedPolicy`), not in every payload.
    policy: Policy = Field(default=cast(Policy, None), exclude=True)
    subject: Subject
    severity: Severity
    opened_at: datetime
    phase: Phase = Phase.OPEN
    version: int = 0
    alerts: int = 1
    detectors: frozenset[str] = frozenset()
    first: AlertBrief
    latest: AlertBrief
    last_alert_at: datetime
    owner: str | None = None
    owned_since: datetime | None = None
    owned_as_of: int = 0
    claim_received_at: datetime | None = None
    active_at: datetime | None = None
    warned: bool = False
    warned_until: datetime | None = None
    watchers: tuple[str, ...] = ()
    hold: Hold | None = None
    paused_for: timedelta = timedelta()
    holds: int = 0
    decisions: tuple[Decision, ...] = ()
    actions: tuple[ActionState, ...] = ()
    protections: tuple[Protection, ...] = ()
    automation_pause: AutomationPause | None = None
    automation_limit: Full | None = None
    withheld: frozenset[int] = frozenset()
    snoozes: tuple[DetectorSnooze, ...] = ()
    sampled: Band | None = None
    left_to_people: bool = False
    reopening_by: str | None = None
    approval: Approval | None = None
    rejection: str | None = None
    steps_done: frozenset[int] = frozenset()
    repeats: dict[int, int] = Field(default_factory=dict)
    step_called_at: dict[int, datetime] = Field(default_factory=dict)
    missed_call: Missed | None = None
    returned_at: datetime | None = None
    acknowledged_by: str | None = None
    called_at: datetime | None = None
    turn: EventSummary | None = None
    verdict: Verdict | None = None
    closed_at: datetime | None = None
    clock_from: datetime | None = None
    merged_into: str | None = None
    absorbed: tuple[str, ...] = ()
    history: SubjectHistory = SubjectHistory()
    sightings: tuple[Sighting, ...] = ()
    bulk_decisions: dict[str, BulkState] = Field(default_factory=dict)
    appeal: AppealAnswer | None = None
    notices: dict[str, NoticeState] = Field(default_factory=dict)
    tightened: tuple[Tightening, ...] = ()

    def under(self, policy: Policy) -> "Case":
        """The case with its `policy`, as it was at the opening, and all that tightened it."""
        return self.model_copy(update={"policy": reduce(tighten, self.tightened, policy)})

    @property
    def policy_version(self) -> str:
        """The version of the policy that was last applied."""
        return self.tightened[-1].version if self.tightened else self.policy.version

    @property
    def started_at(self) -> datetime:
        """The start of clocks and ladder: the opening plus all pauses that have ended."""
        return (self.clock_from or self.opened_at) + self.paused_for

    @property
    def clock(self) -> Clock:
        """The deadlines of claim and decision."""
        return clock(self.policy.playbook, self.severity, self.started_at)

    def claim_due(self, now: datetime) -> datetime:
        """The deadline of the claim, moved by a pause that lasts at `now`."""
        return self.clock.claim + self._pausing(now)

    def decide_due(self, now: datetime) -> datetime:
        """The deadline of the decision, moved by a pause that lasts at `now`."""
        return self.clock.decide + self._pausing(now)

    def _pausing(self, now: datetime) -> timedelta:
        paused = self.hold.since if self.hold is not None and self.hold.pauses else now
        return now - paused

    @property
    def paused(self) -> bool:
        """Whether the clocks are paused."""
        return self.hold is not None and self.hold.pauses

    @property
    def decision(self) -> Decision | None:
        """The last decision, in any state."""
        return self.decisions[-1] if self.decisions else None

    @property
    def quiet(self) -> frozenset[Unless]:
        """The `unless` conditions that are met."""
        if self.phase not in UNDECIDED:
            return frozenset(Unless)
        if self.owner is not None:
            return frozenset({Unless.CLAIMED, Unless.ACKNOWLEDGED})
        return frozenset({Unless.ACKNOWLEDGED} if self.acknowledged_by else ())

    @property
    def current_actions(self) -> tuple[ActionState, ...]:
        """The actions of the last decision."""
        return self.actions_of(self.decision.id) if self.decision else ()

    def actions_of(self, decision: str) -> tuple[ActionState, ...]:
        """The actions of one decision (or protection), in their order."""
        return tuple(action for action in self.actions if action.decision == decision)

    @property
    def unsettled(self) -> bool:
        """Whether an action of the last decision has not ended."""
        return any(action.status in UNSETTLED for action in self.current_actions)

    @property
    def undoing(self) -> bool:
        """Whether an undo is in progress."""
        return any(action.status is ActionStatus.UNDOING for action in self.actions)

    @property
    def acting(self) -> bool:
        """Whether actions of the last decision, or its undo, are in progress."""
        statuses = {action.status for action in self.current_actions}
        enforcing = self.phase is Phase.ENFORCING and bool(statuses & ACTING)
        return enforcing or self.rolling_back or ActionStatus.UNDOING in statuses

    @property
    def rolling_back(self) -> bool:
        """Whether a pause stopped a part of the decision, and Koban still undoes the rest.

        An undo that failed is over: its action has a problem.
        """
        if self.phase is not Phase.ENFORCING or not any(a.stopped for a in self.current_actions):
            return False
        return any(a.in_force and a.undoable and not a.problem for a in self.current_actions)

    @property
    def undoable(self) -> tuple[ActionState, ...]:
        """The actions that can be undone, of the last decision with any in effect."""
        for decision in reversed(self.decisions):
            in_force = (a for a in self.actions_of(decision.id) if a.in_force and a.undoable)
            if found := tuple(in_force):
                return found
        return ()

    @property
    def failed(self) -> tuple[ActionState, ...]:
        """The actions of the last decision that wait for Retry or Give up."""
        return tuple(a for a in self.current_actions if a.status is ActionStatus.FAILED)

    @property
    def not_done(self) -> tuple[ActionState, ...]:
        """The actions that a retry tries again: failed, skipped or rolled back."""
        return tuple(a for a in self.current_actions if a.status in NOT_DONE)

    @property
    def exempt(self) -> Exempt | None:
        """The entry of limits.yaml about its subject, or about a subject that actions are on."""
        types = dict.fromkeys(each.subject.type for each in self.sightings)
        others = (latest(self.sightings, type_, None) for type_ in types)
        return self.policy.exempts(self.subject, *(each for each in others if each is not None))

    # -- protections ----------------------------------------------------------------------

    def protected(self, protection: str) -> ActionState | None:
        """The action of a protection, by its id."""
        return next(iter(self.actions_of(protection)), None)

    @property
    def protecting(self) -> tuple[Protection, ...]:
        """The protections that are in effect or starting, and not ending."""
        leaving = (Intent.LIFT_NOW, Intent.HAND_OVER)
        return tuple(
            each for each in self.protections if each.intent not in leaving and self._protects(each)
        )

    def _protects(self, protection: Protection) -> bool:
        state = self.protected(protection.id)
        acting = (ActionStatus.PENDING, ActionStatus.RETRYING)
        return state is not None and (state.in_force or state.status in acting)

    @property
    def stuck(self) -> tuple[Protection, ...]:
        """The protections whose lift failed."""
        states = ((each, self.protected(each.id)) for each in self.protections)
        return tuple(
            each
            for each, state in states
            if each.intent is Intent.LIFT_IN_TIME and state and state.in_force and state.problem
        )

    @property
    def handing_over(self) -> bool:
        """Whether a protection of the same action ends first; its lift would undo the decision."""
        keys = {state.planned.key for state in self.current_actions}
        return any(each.action in keys and self._is_ending(each) for each in self.protections)

    def _is_ending(self, protection: Protection) -> bool:
        """Whether a protection is ending."""
        state = self.protected(protection.id)
        if protection.intent is Intent.LIFT_NOW:
            kept = state is not None and state.status is ActionStatus.KEPT
            return kept or self._protects(protection)
        return protection.intent is Intent.HAND_OVER and self._protects(protection)

    # -- approval -------------------------------------------------------------------------

    def pending(self, purpose: Purpose) -> bool:
        """Whether an approval of that purpose is pending."""
        approval = self.approval
        return approval is not None and approval.pending and approval.purpose is purpose

    # -- clocks ---------------------------------------------------------------------------

    @property
    def steps(self) -> tuple[Due, ...]:
        """The remaining escalation steps, soonest first; none while the case is on hold."""
        if self.phase not in UNDECIDED or self.hold is not None:
            return ()
        ladder = self.policy.playbook.ladder(self.severity)
        concerned = frozenset(i for i, step in enumerate(ladder) if step.concerns(self.severity))
        calls = (self.repeats, self.step_called_at, self._returned)
        due = open_steps(ladder, self.started_at, self.steps_done, self.quiet, concerned, *calls)
        return hastened(due, self.missed_call)

    @property
    def _returned(self) -> Back | None:
        """The return of the case; its owner has the time of a claim."""
        if self.returned_at is None:
            return None
        return Back(at=self.returned_at, grace=self.policy.playbook.clocks_of(self.severity).claim)

    @property
    def claim_ends(self) -> datetime | None:
        """The end of the claim without activity of the owner, or None."""
        rule = self.policy.playbook.claims
        if rule is None or self.phase is not Phase.CLAIMED or self.hold is not None:
            return None
        if self.active_at is None:
            return None
        ends = self.active_at + rule.idle
        return max(ends, self.warned_until) if self.warned and self.warned_until else ends

    @property
    def claim_warns(self) -> datetime | None:
        """The time of the warning before the claim ends; None after it."""
        rule, ends = self.policy.playbook.claims, self.claim_ends
        return None if rule is None or ends is None or self.warned else ends - rule.warn

    @property
    def deadline(self) -> datetime | None:
        """The earliest time at which a `Tick` has an effect."""
        return min(self._deadlines(), default=None)

    def _deadlines(self) -> Iterator[datetime]:
        if self.approval is not None and self.approval.deadline is not None:
            yield self.approval.deadline
        if self.hold is not None and self.phase in UNDECIDED:
            yield self.hold.until
        for at in (self.claim_warns, self.claim_ends):
            if at is not None:
                yield at
        yield from (step.at for step in self.steps[:1])

    @property
    def settled(self) -> bool:
        """Whether no action runs: lines of the thread wait for it, to include the result."""
        if self.undoing:
            return False
        if self.phase is not Phase.ENFORCING:
            return True
        return not any(a.status is ActionStatus.PENDING for a in self.current_actions)
