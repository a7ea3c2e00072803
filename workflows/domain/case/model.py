"""The state of a case: everything that cards, rules and clocks read."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast

from pydantic import Field

from workflows.domain.alerts import AlertBrief, Subject
from workflows.domain.automation import AutomationPause
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
from workflows.domain.case.escalation import Back, Clock, Due, clock, open_steps
from workflows.domain.policy.playbook import Policy, Severity, Unless
from workflows.domain.values import Value


class HoldKind(StrEnum):
    """Why nobody is called: put off by a person, or information is waited for."""

    SNOOZED = "snoozed"
    WAITING = "waiting"


class Hold(Value):
    """A case on hold since `since`, until `until`. Where it `pauses`, the clocks stand still."""

    kind: HoldKind
    by: str
    since: datetime
    until: datetime
    pauses: bool
    note: str = ""


class Sanction(Value):
    """How often an action was taken against the subject before; `standing` are not over yet."""

    action: str
    times: int
    standing: int = 0


class SubjectHistory(Value):
    """Prior sanctions, and other cases on the same subject: the open ones by id, newest first."""

    sanctions: tuple[Sanction, ...] = ()
    open_cases: tuple[str, ...] = ()
    closed_cases: int = 0


class Intent(StrEnum):
    """What shall become of a protection."""

    LIFT_IN_TIME = "lift_in_time"
    HOLD = "hold"
    HAND_OVER = "hand_over"
    LIFT_NOW = "lift_now"


class Protection(Value):
    """One protection; its action stands among the case's actions under `decision == id`.

    `id` counts within the case: P1, P2, … `rule` or `step` is the line of the playbook, `as_of` the
    version of the case with which it began: an older card does not show it.
    """

    id: str
    action: str
    rule: int | None = None
    step: int | None = None
    intent: Intent = Intent.LIFT_IN_TIME
    as_of: int = 0

    def known_to(self, version: int | None) -> bool:
        """Whether a card drawn as `version` shows it (None: the newest card)."""
        return version is None or self.as_of <= version


OVER = frozenset(
    {ActionStatus.LIFTED, ActionStatus.UNDONE, ActionStatus.KEPT, ActionStatus.GIVEN_UP}
)
"""The protection does nothing any more."""


def is_over(state: ActionState | None) -> bool:
    """Whether a protection's action came to its end, or never took effect for good."""
    return state is None or state.status in OVER


MOST = 200
"""Sightings that a case remembers; an older card names things that nobody has before their eyes."""


class Sighting(Value):
    """The latest thing of its type from `version` on."""

    version: int
    subject: Subject


def seen_with(
    sightings: tuple[Sighting, ...], related: Iterable[Subject], version: int
) -> tuple[Sighting, ...]:
    """The sightings after an alert that came as `version`: the first of each type counts."""
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
    """The newest ones; the last of each type stays, however many came of other types since."""
    last = {each.subject.type: each for each in sightings}
    older = sightings[:-MOST]
    return (*(each for each in older if last[each.subject.type] is each), *sightings[-MOST:])


def latest(sightings: tuple[Sighting, ...], type_: str, version: int | None) -> Subject | None:
    """What a card drawn as `version` named of that type (None: the newest card)."""
    for each in reversed(sightings):
        if each.subject.type == type_ and (version is None or each.version <= version):
            return each.subject
    return None


class Phase(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    CLAIMED = "claimed"
    AWAITING_APPROVAL = "awaiting_approval"
    ENFORCING = "enforcing"
    CLOSED = "closed"


UNDECIDED = frozenset({Phase.OPEN, Phase.CLAIMED})


class Mark(Value):
    """Who did what when, as of which version of the case."""

    version: int
    kind: str
    at: datetime
    by: str | None = None


class Case(Value):
    """One case. `version` counts its events; `turn` is the last step of a decision's life.

    `owned_as_of` is the version with which its assignee got it, `active_at` when they were last
    seen, `warned_until` how long they have got since they were warned. `paused_for` is how long its
    clocks stood still so far, `holds` how often it was set aside since it was opened or reopened.
    `repeats` counts the calls of a ladder step, `step_called_at` is the last, `returned_at` when a
    decision came back undone, `clock_from` when it was reopened. `absorbed` are cases that were
    merged into it, `merged_into` is the other way round. `rings` and `notices` are by their
    decision. `halt` kept Koban from acting by itself when it last would have, `withheld` are those
    rules.
    """

    id: str
    workflow_id: str
    # Travels packed beside the case (`playbook.packed`), once instead of in every payload.
    policy: Policy = Field(default=cast(Policy, None), exclude=True)
    subject: Subject
    severity: Severity
    opened_at: datetime
    phase: Phase = Phase.OPEN
    version: int = 0
    alerts: int = 1
    first: AlertBrief
    latest: AlertBrief
    last_alert_at: datetime
    owner: str | None = None
    owned_since: datetime | None = None
    owned_as_of: int = 0
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
    halt: AutomationPause | None = None
    withheld: frozenset[int] = frozenset()
    approval: Approval | None = None
    rejection: str | None = None
    steps_done: frozenset[int] = frozenset()
    repeats: dict[int, int] = Field(default_factory=dict)
    step_called_at: dict[int, datetime] = Field(default_factory=dict)
    returned_at: datetime | None = None
    acknowledged_by: str | None = None
    called_at: datetime | None = None
    turn: Mark | None = None
    verdict: Verdict | None = None
    closed_at: datetime | None = None
    clock_from: datetime | None = None
    merged_into: str | None = None
    absorbed: tuple[str, ...] = ()
    known: SubjectHistory = SubjectHistory()
    sightings: tuple[Sighting, ...] = ()
    bulk_decisions: dict[str, BulkState] = Field(default_factory=dict)
    appeal: AppealAnswer | None = None
    notices: dict[str, NoticeState] = Field(default_factory=dict)

    @property
    def started_at(self) -> datetime:
        """What clocks and ladder count from: the opening, later by every pause that is over."""
        return (self.clock_from or self.opened_at) + self.paused_for

    @property
    def clock(self) -> Clock:
        """When claim and decision are due."""
        return clock(self.policy.playbook, self.severity, self.started_at)

    def decide_due(self, now: datetime) -> datetime:
        """When the decision is due, later by a pause that is not over at `now`."""
        paused = self.hold.since if self.hold is not None and self.hold.pauses else now
        return self.clock.decide + (now - paused)

    @property
    def paused(self) -> bool:
        """Whether the clocks stand still."""
        return self.hold is not None and self.hold.pauses

    @property
    def decision(self) -> Decision | None:
        """The last decision, whatever became of it."""
        return self.decisions[-1] if self.decisions else None

    @property
    def quiet(self) -> frozenset[Unless]:
        """The conditions of escalation steps that hold now."""
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
        """Whether an action of the last decision has not come to an end."""
        return any(action.status in UNSETTLED for action in self.current_actions)

    @property
    def undoing(self) -> bool:
        """Whether an undo is under way."""
        return any(action.status is ActionStatus.UNDOING for action in self.actions)

    @property
    def acting(self) -> bool:
        """Whether the platform is being changed for the last decision, or changed back."""
        statuses = {action.status for action in self.current_actions}
        enforcing = self.phase is Phase.ENFORCING and bool(statuses & ACTING)
        return enforcing or ActionStatus.UNDOING in statuses

    @property
    def undoable(self) -> tuple[ActionState, ...]:
        """What the platform can take back: of the last decision that anything still stands of."""
        for decision in reversed(self.decisions):
            standing = (a for a in self.actions_of(decision.id) if a.standing and a.undoable)
            if found := tuple(standing):
                return found
        return ()

    @property
    def failed(self) -> tuple[ActionState, ...]:
        """The actions of the last decision that wait for Retry or Give up."""
        return tuple(a for a in self.current_actions if a.status is ActionStatus.FAILED)

    @property
    def not_done(self) -> tuple[ActionState, ...]:
        """What a retry tries again: what failed, and what was skipped or taken back for it."""
        return tuple(a for a in self.current_actions if a.status in NOT_DONE)

    # -- protections ----------------------------------------------------------------------

    def protected(self, protection: str) -> ActionState | None:
        """The action of a protection, by its id."""
        return next(iter(self.actions_of(protection)), None)

    @property
    def protecting(self) -> tuple[Protection, ...]:
        """The protections that act or stand, and are not on their way out."""
        leaving = (Intent.LIFT_NOW, Intent.HAND_OVER)
        return tuple(
            each for each in self.protections if each.intent not in leaving and self._protects(each)
        )

    def _protects(self, protection: Protection) -> bool:
        state = self.protected(protection.id)
        acting = state is not None and state.status in (ActionStatus.PENDING, ActionStatus.RETRYING)
        return state is not None and (state.standing or acting)

    @property
    def stuck(self) -> tuple[Protection, ...]:
        """The protections that the platform would not lift: nobody looks after them any more."""
        states = ((each, self.protected(each.id)) for each in self.protections)
        return tuple(
            each
            for each, state in states
            if each.intent is Intent.LIFT_IN_TIME and state and state.standing and state.problem
        )

    @property
    def handing_over(self) -> bool:
        """Whether the last decision waits until a protection has let go of what it acts upon.

        Both touch the same thing at the platform: a lift that came second would undo the decision.
        """
        keys = {state.planned.key for state in self.current_actions}
        return any(each.action in keys and self._lets_go(each) for each in self.protections)

    def _lets_go(self, protection: Protection) -> bool:
        """Whether a protection is on its way out, and not yet there."""
        state = self.protected(protection.id)
        if protection.intent is Intent.LIFT_NOW:
            kept = state is not None and state.status is ActionStatus.KEPT
            return kept or self._protects(protection)
        return protection.intent is Intent.HAND_OVER and self._protects(protection)

    # -- approval -------------------------------------------------------------------------

    def pending(self, purpose: Purpose) -> bool:
        """Whether an approval for that purpose is waited for."""
        approval = self.approval
        return approval is not None and approval.pending and approval.purpose is purpose

    # -- clocks ---------------------------------------------------------------------------

    @property
    def steps(self) -> tuple[Due, ...]:
        """The escalation steps still to come, soonest first; none while the case is on hold."""
        if self.phase not in UNDECIDED or self.hold is not None:
            return ()
        ladder = self.policy.playbook.ladder(self.severity)
        concerned = frozenset(i for i, step in enumerate(ladder) if step.concerns(self.severity))
        told = (self.repeats, self.step_called_at, self._returned)
        return open_steps(ladder, self.started_at, self.steps_done, self.quiet, concerned, *told)

    @property
    def _returned(self) -> Back | None:
        """As long as somebody may take to claim a case, whoever got it back may take as well."""
        if self.returned_at is None:
            return None
        return Back(at=self.returned_at, grace=self.policy.playbook.clocks_of(self.severity).claim)

    @property
    def claim_ends(self) -> datetime | None:
        """When the claim ends for want of activity; None where it does not."""
        rule = self.policy.playbook.claims
        if rule is None or self.phase is not Phase.CLAIMED or self.hold is not None:
            return None
        if self.active_at is None:
            return None
        ends = self.active_at + rule.idle
        return max(ends, self.warned_until) if self.warned and self.warned_until else ends

    @property
    def claim_warns(self) -> datetime | None:
        """When the owner is warned that the claim will end; None where they were."""
        rule, ends = self.policy.playbook.claims, self.claim_ends
        return None if rule is None or ends is None or self.warned else ends - rule.warn

    @property
    def deadline(self) -> datetime | None:
        """When the clock has to look at the case next."""
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
        """Whether the case waits for a person or is over, rather than acting by itself.

        While it acts, its thread waits: the outcome follows in a moment and is told with it.
        """
        if self.undoing:
            return False
        if self.phase is not Phase.ENFORCING:
            return True
        return not any(a.status is ActionStatus.PENDING for a in self.current_actions)
