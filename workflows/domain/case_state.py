"""The state of a case: everything that cards, rules and clocks read."""

from datetime import datetime
from enum import StrEnum

from workflows.domain.alert import AlertBrief, Subject
from workflows.domain.appealing.answer import AppealAnswer
from workflows.domain.approval import Approval
from workflows.domain.decision import Decision, Verdict
from workflows.domain.enforcement import UNSETTLED, ActionState, ActionStatus
from workflows.domain.escalation import Clock, Due, clock, open_steps
from workflows.domain.model import Value
from workflows.domain.playbook.model import Policy, Severity, Unless


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
    """One case. `version` counts its events; `turn` is the last step of a decision's life."""

    id: str
    route: str
    policy: Policy
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
    decisions: tuple[Decision, ...] = ()
    actions: tuple[ActionState, ...] = ()
    approval: Approval | None = None
    rejection: str | None = None
    steps_done: frozenset[int] = frozenset()
    called_at: datetime | None = None
    turn: Mark | None = None
    verdict: Verdict | None = None
    closed_at: datetime | None = None
    appeal: AppealAnswer | None = None

    @property
    def clock(self) -> Clock:
        """When claim and decision are due."""
        return clock(self.policy.playbook, self.severity, self.opened_at)

    @property
    def decision(self) -> Decision | None:
        """The last decision, whatever became of it."""
        return self.decisions[-1] if self.decisions else None

    @property
    def quiet(self) -> frozenset[Unless]:
        """The conditions of escalation steps that hold now."""
        decided = self.phase not in UNDECIDED
        held = {Unless.CLAIMED} if self.owner or decided else set()
        return frozenset(held | ({Unless.DECIDED} if decided else set()))

    @property
    def current_actions(self) -> tuple[ActionState, ...]:
        """The actions of the last decision."""
        return self.actions_of(self.decision.id) if self.decision else ()

    def actions_of(self, decision: str) -> tuple[ActionState, ...]:
        """The actions of one decision, in their order."""
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
    def undoable(self) -> tuple[ActionState, ...]:
        """The standing actions of the last decision that the platform can take back."""
        return tuple(each for each in self.current_actions if each.standing and each.undoable)

    @property
    def failed(self) -> tuple[ActionState, ...]:
        """The actions of the last decision that wait for Retry or Give up."""
        return tuple(a for a in self.current_actions if a.status is ActionStatus.FAILED)

    @property
    def steps(self) -> tuple[Due, ...]:
        """The escalation steps still to come, soonest first."""
        if self.phase not in UNDECIDED:
            return ()
        ladder = self.policy.playbook.ladder(self.severity)
        return open_steps(ladder, self.opened_at, self.steps_done, self.quiet)

    @property
    def deadline(self) -> datetime | None:
        """When the clock has to look at the case next."""
        if self.approval and self.approval.pending:
            return self.approval.expires_at
        return self.steps[0].at if self.steps else None

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
