"""The state of an appeal: everything that its card, its rules and its clock read."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from workflows.domain.alert import Subject
from workflows.domain.appealing.answer import AppealOutcome
from workflows.domain.appealing.request import AppealRequest
from workflows.domain.case_state import Mark
from workflows.domain.decision import Decision
from workflows.domain.enforcement import Problem
from workflows.domain.memory import CardRef
from workflows.domain.model import Value
from workflows.domain.playbook.appeals import AppealRules, NoticeKind
from workflows.domain.text import Text


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
    route: str
    title: Text
    subject: Subject
    card: CardRef | None = None
    decision: Decision | None = None
    deciders: tuple[str, ...] = ()
    effective: bool = False


class NoticeState(Value):
    """A notice that was sent, or with `problem` could not be."""

    kind: NoticeKind
    problem: Problem | None = None


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
        if self.state not in WAITING or self.overdue:
            return None
        return min([self.due_at, *(at for _, at in self.reminders)])

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
