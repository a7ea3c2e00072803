"""Appeals: the request of the platform, and the state of the appeal."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, StrictBool, StringConstraints

from workflows.domain.alerts import Identifier, Name, Subject
from workflows.domain.case.appeal_outcome import AppealOutcome
from workflows.domain.case.decision import Decision
from workflows.domain.case.enforcement import Problem, ProblemKind
from workflows.domain.case.model import EventSummary
from workflows.domain.case.snapshot import CardRef
from workflows.domain.policy.appeals import AppealRules, NoticeKind
from workflows.domain.values import Text, Time, Value, Written, visible

LONGEST = 4_000
"""Characters of a statement."""

CaseId = Annotated[str, StringConstraints(pattern=r"^K[0-9A-HJKMNP-TV-Z]{8}$")]
DecisionId = Annotated[str, StringConstraints(pattern=r"^D[1-9][0-9]{0,3}$")]

# The length is checked before control characters are replaced.
Statement = Annotated[str, StringConstraints(max_length=LONGEST), AfterValidator(visible)]


class AppealRequest(Written):
    """An appeal as the platform posts it; (source, id) identifies it.

    `withdrawn` withdraws an earlier one. Without `decision` it is against the latest one that was
    carried out, without `subject` it is by the sanctioned person.
    """

    id: Identifier
    source: Name = "default"
    case: CaseId
    decision: DecisionId | None = None
    subject: Subject | None = None
    statement: Statement = ""
    submitted_at: Time
    withdrawn: StrictBool = False

    @property
    def key(self) -> str:
        """`source/id`."""
        return f"{self.source}/{self.id}"


RETRYABLE = timedelta(days=30)
"""Time in which a failed notice of an answered appeal can be retried."""


class AppealState(StrEnum):
    """The state of an appeal."""

    RECEIVED = "received"
    OPEN = "open"
    CLAIMED = "claimed"
    UNDOING = "undoing"
    UPHELD = "upheld"
    OVERTURNED = "overturned"
    WITHDRAWN = "withdrawn"
    DISMISSED = "dismissed"


WAITING = frozenset({AppealState.OPEN, AppealState.CLAIMED})
"""The appeal waits for an answer."""
OVER = frozenset(
    {
        AppealState.UPHELD,
        AppealState.OVERTURNED,
        AppealState.WITHDRAWN,
        AppealState.DISMISSED,
    }
)


class Dismissal(StrEnum):
    """The reason why an appeal is not reviewed."""

    UNKNOWN_CASE = "unknown_case"
    NOTHING_IN_FORCE = "nothing_in_force"
    OTHER_SUBJECT = "other_subject"


class Appealed(Value):
    """The decision under appeal, as the ledger has it.

    `deciders` took or approved it and may not review the appeal. `effective`: an action took effect
    and was not undone by a person.
    """

    case: str
    workflow_id: str
    title: Text
    subject: Subject
    card: CardRef | None = None
    decision: Decision | None = None
    deciders: tuple[str, ...] = ()
    effective: bool = False

    def is_about_other(self, appellant: Subject | None) -> bool:
        """Whether `appellant` is neither acted upon, nor notified, nor the case's subject.

        Without `appellant` the appeal is by the sanctioned person.
        """
        if appellant is None or self.decision is None:
            return False
        notice = self.decision.notice
        notified = () if notice is None else (notice.person,)
        acted_upon = (planned.subject for planned in self.decision.actions)
        return appellant not in (self.subject, *notified, *acted_upon)


class NoticeState(Value):
    """A notice that was sent, or with `problem` failed, at `at`."""

    kind: NoticeKind
    problem: Problem | None = None
    at: datetime | None = None


class Appeal(Value):
    """An appeal. `version` counts its events; `turn` is the last change of its outcome."""

    id: str
    request: AppealRequest
    rules: AppealRules
    received_at: datetime
    titles: dict[str, Text] = Field(default_factory=dict)
    version: int = 0
    state: AppealState = AppealState.RECEIVED
    appealed: Appealed | None = None
    dismissal: Dismissal | None = None
    owner: str | None = None
    owned_since: datetime | None = None
    reminded: frozenset[int] = frozenset()
    overdue: bool = False
    outcome: AppealOutcome | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None
    reason: str = ""
    left: int = 0
    kept: int = 0
    notices: tuple[NoticeState, ...] = ()
    given_up: bool = False
    turn: EventSummary | None = None

    @property
    def due_at(self) -> datetime:
        """The deadline of the answer, counted from the receipt."""
        return self.received_at + self.rules.answer_within

    @property
    def reminders(self) -> tuple[tuple[int, datetime], ...]:
        """The remaining reminders with their number, soonest first."""
        earliest_first = enumerate(sorted(self.rules.reminders, reverse=True))
        times = ((n, self.due_at - before) for n, before in earliest_first)
        return tuple((n, at) for n, at in times if n not in self.reminded)

    @property
    def deadline(self) -> datetime | None:
        """The earliest time at which an `AppealTick` has an effect."""
        times = [] if self.retry_until is None else [self.retry_until]
        if self.state in WAITING and not self.overdue:
            times += [self.due_at, *(at for _, at in self.reminders)]
        return min(times, default=None)

    @property
    def undelivered(self) -> NoticeState | None:
        """The last notice if it failed, is the last one due, and has a known addressee."""
        last = self.notices[-1] if self.notices and not self.due_notices else None
        if last is None or last.problem is None or last.at is None or self.given_up:
            return None
        return None if last.problem.kind is ProblemKind.UNUSABLE_SUBJECT else last

    @property
    def retry_until(self) -> datetime | None:
        """The end of the time in which that notice can be retried."""
        failed = self.undelivered
        return None if failed is None or failed.at is None else failed.at + RETRYABLE

    @property
    def deciders(self) -> tuple[str, ...]:
        """The people who took or approved the decision."""
        return self.appealed.deciders if self.appealed else ()

    def person(self, type_: str) -> Subject | None:
        """The addressee of notices: the appellant, else a sanctioned subject of this type."""
        decision = self.appealed.decision if self.appealed else None
        acted_upon = [planned.subject for planned in decision.actions] if decision else []
        about = [self.appealed.subject] if self.appealed else []
        given = [self.request.subject] if self.request.subject else []
        found = (each for each in (*given, *acted_upon, *about) if each.type == type_)
        return next(found, None)

    @property
    def due_notices(self) -> tuple[NoticeKind, ...]:
        """The notices that are due and were not sent, in their order."""
        due = _NOTICES.get(self.state, (NoticeKind.RECEIVED,))
        done = {notice.kind for notice in self.notices}
        return tuple(k for k in due if k not in done and self.rules.notices.text(k) is not None)


_NOTICES: dict[AppealState, tuple[NoticeKind, ...]] = {
    AppealState.RECEIVED: (),
    AppealState.DISMISSED: (NoticeKind.DISMISSED,),
    AppealState.UPHELD: (NoticeKind.RECEIVED, NoticeKind.UPHELD),
    AppealState.OVERTURNED: (NoticeKind.RECEIVED, NoticeKind.OVERTURNED),
}
