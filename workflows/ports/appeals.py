"""Ports of appeals: signatures and payloads of their activities."""

from datetime import datetime
from typing import Protocol

from pydantic import Field
from temporalio import activity

from workflows.domain.alerts import Subject
from workflows.domain.appeal.events import AppealRecorded
from workflows.domain.appeal.model import Appeal, Appealed, AppealRequest, AppealState
from workflows.domain.case.appeal_outcome import AppealOutcome
from workflows.domain.case.decision import PersonNotice
from workflows.domain.case.enforcement import Problem
from workflows.domain.case.snapshot import CardRef
from workflows.domain.policy.appeals import AppealRules, NoticeKind
from workflows.domain.policy.limits import Limits
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.values import Text, Value


class Against(Value):
    """Decision appealed against; without `decision` the latest that was carried out."""

    case: str
    decision: str | None = None


class AppealRow(Value):
    """Ledger row of an appeal as of `version`."""

    id: str
    source: str
    appeal_id: str
    case: str
    decision: str | None
    subject: Subject | None
    statement: str
    submitted_at: datetime
    received_at: datetime
    due_at: datetime
    state: AppealState
    owner: str | None
    outcome: AppealOutcome | None
    answered_by: str | None
    answered_at: datetime | None
    reason: str
    version: int


def appeal_row(appeal: Appeal) -> AppealRow:
    """Returns the current row of `appeal`."""
    request, found = appeal.request, appeal.appealed
    return AppealRow.model_validate(
        {
            **dict(request),
            **dict(appeal),
            "appeal_id": request.id,
            "decision": found.decision.id if found and found.decision else request.decision,
            "subject": request.subject or (found.subject if found else None),
            "due_at": appeal.due_at,
        }
    )


class AppealWrite(Value):
    """Events of one appeal in order, and its current row."""

    row: AppealRow
    events: tuple[AppealRecorded, ...] = ()
    card: CardRef | None = None


class ShowAppeal(Value):
    """State that an appeal's card and thread should show.

    With `thread_refused` the card says that its thread takes no message. An earlier write may have
    posted since `unsure_since`.
    """

    appeal: Appeal
    card: CardRef | None
    lines: tuple[AppealRecorded, ...] = ()
    thread_refused: bool = False
    unsure_since: datetime | None = None


class ShownAppeal(Value):
    """The card of an appeal. Slack has the lines in its thread, or with `thread_refused` not."""

    card: CardRef
    thread_refused: bool = False


class Notice(Value):
    """One notice to one person. `text` has unfilled placeholders.

    `appeal` is empty for the notice of a decision; then `letter` has the values for the text.
    """

    appeal: str
    case: str
    decision: str | None
    kind: NoticeKind
    text: Text
    reason: str
    person: Subject
    letter: PersonNotice | None = None


class AppealSnapshot(Value):
    """Whole state. `unposted` are events missing in the thread; `seen` click keys, oldest first."""

    appeal: Appeal
    card: CardRef | None = None
    seen: tuple[str, ...] = ()
    unposted: tuple[AppealRecorded, ...] = ()
    thread_refused: bool = False


class AppealStart(Value):
    """Start of an appeal: with its request and the rules at that time, or from `memory`.

    `titles` are those of the platform's actions, by name; `limits` those at that time. With
    `rebuilt` the memory was made from the ledger.
    """

    id: str
    request: AppealRequest
    rules: AppealRules
    notice: NoticeCall | None = None
    titles: dict[str, Text] = Field(default_factory=dict)
    limits: Limits | None = None
    memory: AppealSnapshot | None = None
    rebuilt: bool = False


class AppealPort(Protocol):
    """Activities of appeals."""

    @activity.defn(name="load_appealed")
    async def load_appealed(self, against: Against) -> Appealed | None:
        """Returns the ledger's data on a decision, or None if there is no such case."""

    @activity.defn(name="record_appeal")
    async def record_appeal(self, write: AppealWrite) -> bool:
        """Appends events and updates the row, once; False if another appeal has the same id."""

    @activity.defn(name="show_appeal")
    async def show_appeal(self, wanted: ShowAppeal) -> ShownAppeal:
        """Updates an appeal's card and thread; posts nothing twice."""

    @activity.defn(name="send_notice")
    async def send_notice(self, notice: Notice) -> Problem | None:
        """Sends a notice; returns the problem of a final rejection. Other errors are retryable."""
