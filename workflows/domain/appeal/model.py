"""What the platform posts for a person who appeals."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from workflows.domain.alerts import Identifier, Name, Subject
from workflows.domain.case.appeal_outcome import AppealOutcome
from workflows.domain.case.decision import Decision
from workflows.domain.case.enforcement import Problem, ProblemKind
from workflows.domain.case.model import Mark
from workflows.domain.case.snapshot import CardRef
from workflows.domain.policy.appeals import AppealRules, NoticeKind
from workflows.domain.values import Text, Value, Written, visible

LONGEST = 4_000
"""Characters of a person's statement."""

CaseId = Annotated[str, StringConstraints(pattern=r"^K[0-9A-HJKMNP-TV-Z]{8}$")]
DecisionId = Annotated[str, StringConstraints(pattern=r"^D[1-9][0-9]{0,3}$")]

# Measured before it is made visible, so that a mistake is told in characters.
Statement = Annotated[str, StringConstraints(max_length=LONGEST), AfterValidator(visible)]


class AppealRequest(Written):
    """One appeal. (source, id) names it for good; `withdrawn` takes an earlier one back.

    Without `decision` it is against the latest one that was carried out. Without `subject` the
    person acted upon appeals.
    """

    id: Identifier
    source: Name = "default"
    case: CaseId
    decision: DecisionId | None = None
    subject: Subject | None = None
    statement: Statement = ""
    submitted_at: AwareDatetime
    withdrawn: bool = False

    @property
    def key(self) -> str:
        """`source/id`, the name under which it is known for good."""
        return f"{self.source}/{self.id}"


RETRYABLE = timedelta(days=30)
"""For how long an appeal that is answered waits for somebody to send its notice again."""


class AppealState(StrEnum):
    """Where an appeal stands."""

    RECEIVED = "received"
    OPEN = "open"
    CLAIMED = "claimed"
    UNDOING = "undoing"
    UPHELD = "upheld"
    OVERTURNED = "overturned"
    WITHDRAWN = "withdrawn"
    DISMISSED = "dismissed"


WAITING = frozenset({AppealState.OPEN, AppealState.CLAIMED})
"""Somebody has to answer."""
OVER = frozenset(
    {
        AppealState.UPHELD,
        AppealState.OVERTURNED,
        AppealState.WITHDRAWN,
        AppealState.DISMISSED,
    }
)


class Dismissal(StrEnum):
    """Why an appeal can't be reviewed."""

    UNKNOWN_CASE = "unknown_case"
    NOTHING_STANDS = "nothing_stands"


class Appealed(Value):
    """The decision appealed against, as the ledger has it.

    `deciders` took it or approved it: none of them may review the appeal. `effective` tells
    whether any of its actions took effect and was not taken back by a person.
    """

    case: str
    workflow_id: str
    title: Text
    subject: Subject
    card: CardRef | None = None
    decision: Decision | None = None
    deciders: tuple[str, ...] = ()
    effective: bool = False


class NoticeState(Value):
    """A notice that was sent, or with `problem` could not be, and since when."""

    kind: NoticeKind
    problem: Problem | None = None
    at: datetime | None = None


class Appeal(Value):
    """One appeal. `version` counts its events; `turn` is the last step of its life."""

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
    turn: Mark | None = None

    @property
    def due_at(self) -> datetime:
        """When the answer is due, counted from the receipt."""
        return self.received_at + self.rules.answer_within

    @property
    def reminders(self) -> tuple[tuple[int, datetime], ...]:
        """The reminders still to come, by their number, soonest first."""
        times = ((n, self.due_at - before) for n, before in enumerate(self.rules.before_due()))
        return tuple((n, at) for n, at in times if n not in self.reminded)

    @property
    def deadline(self) -> datetime | None:
        """When the clock has to look at the appeal next."""
        times = [] if self.retry_until is None else [self.retry_until]
        if self.state in WAITING and not self.overdue:
            times += [self.due_at, *(at for _, at in self.reminders)]
        return min(times, default=None)

    @property
    def undelivered(self) -> NoticeState | None:
        """The last notice, where it could not be sent and can be tried again.

        One that a later notice overtook is not told any more, and where nobody is known whom to
        tell, trying again does not help.
        """
        last = self.notices[-1] if self.notices and not self.untold else None
        if last is None or last.problem is None or last.at is None or self.given_up:
            return None
        return None if last.problem.kind is ProblemKind.UNUSABLE_SUBJECT else last

    @property
    def retry_until(self) -> datetime | None:
        """Until when that notice can be sent again: the appeal stays for it."""
        failed = self.undelivered
        return None if failed is None or failed.at is None else failed.at + RETRYABLE

    @property
    def deciders(self) -> tuple[str, ...]:
        """Who took or approved the decision."""
        return self.appealed.deciders if self.appealed else ()

    def person(self, type_: str) -> Subject | None:
        """Whom notices go to: who appealed, else a subject of this type that was acted upon."""
        decision = self.appealed.decision if self.appealed else None
        acted_upon = [planned.subject for planned in decision.actions] if decision else []
        about = [self.appealed.subject] if self.appealed else []
        given = [self.request.subject] if self.request.subject else []
        found = (each for each in (*given, *acted_upon, *about) if each.type == type_)
        return next(found, None)

    @property
    def untold(self) -> tuple[NoticeKind, ...]:
        """The notices that are due by now and were not sent, in their order."""
        due = [*_FIRST.get(self.state, (NoticeKind.RECEIVED,)), *_LAST.get(self.state, ())]
        done = {notice.kind for notice in self.notices}
        return tuple(k for k in due if k not in done and self.rules.notices.text(k) is not None)


_FIRST: dict[AppealState, tuple[NoticeKind, ...]] = {
    AppealState.RECEIVED: (),
    AppealState.DISMISSED: (),
}
_LAST = {
    AppealState.UPHELD: (NoticeKind.UPHELD,),
    AppealState.OVERTURNED: (NoticeKind.OVERTURNED,),
    AppealState.DISMISSED: (NoticeKind.DISMISSED,),
}
