"""What happened to an appeal: its own story, hash-chained under the appeal's id."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from workflows.domain.appeal.model import Appealed, AppealRequest, Dismissal
from workflows.domain.case.enforcement import Problem
from workflows.domain.case.event_base import EventBase
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.values import Value


class AppealFiled(EventBase):
    """A person appealed against a decision; the answer is `due`."""

    kind: Literal["appeal_filed"] = "appeal_filed"
    request: AppealRequest
    appealed: Appealed
    due: datetime


class AppealDismissed(EventBase):
    """There is nothing to review."""

    kind: Literal["appeal_dismissed"] = "appeal_dismissed"
    request: AppealRequest
    why: Dismissal
    appealed: Appealed | None = None


class AppealClaimed(EventBase):
    """`by` reviews it."""

    kind: Literal["appeal_claimed"] = "appeal_claimed"


class AppealReleased(EventBase):
    """Nobody reviews it any more."""

    kind: Literal["appeal_released"] = "appeal_released"
    owner: str


class AppealReminded(EventBase):
    """The answer is due soon; `reminders` are the numbers of those that were due by now."""

    kind: Literal["appeal_reminded"] = "appeal_reminded"
    reminders: tuple[int, ...]
    due: datetime


class AppealOverdue(EventBase):
    """The answer was due and nobody gave it."""

    kind: Literal["appeal_overdue"] = "appeal_overdue"
    due: datetime


class AppealUpheld(EventBase):
    """The decision stands."""

    kind: Literal["appeal_upheld"] = "appeal_upheld"
    reason: str


class AppealOverturned(EventBase):
    """The decision falls; its case takes the actions back."""

    kind: Literal["appeal_overturned"] = "appeal_overturned"
    reason: str


class AppealCarriedOut(EventBase):
    """The actions are taken back; `kept` of them have no undo."""

    kind: Literal["appeal_carried_out"] = "appeal_carried_out"
    kept: int = 0


class AppealUndoFailed(EventBase):
    """The platform did not take `left` actions back: the case offers to undo them again."""

    kind: Literal["appeal_undo_failed"] = "appeal_undo_failed"
    left: int


class AppealWithdrawn(EventBase):
    """The person took the appeal back."""

    kind: Literal["appeal_withdrawn"] = "appeal_withdrawn"


class NoticeSent(EventBase):
    """The person was told."""

    kind: Literal["notice_sent"] = "notice_sent"
    notice: NoticeKind


class NoticeFailed(EventBase):
    """The person could not be told."""

    kind: Literal["notice_failed"] = "notice_failed"
    notice: NoticeKind
    problem: Problem


class NoticeRetried(EventBase):
    """A person asked to send the notice again."""

    kind: Literal["notice_retried"] = "notice_retried"
    notice: NoticeKind


class NoticeGivenUp(EventBase):
    """Nobody sent the notice again for so long that the appeal is over."""

    kind: Literal["notice_given_up"] = "notice_given_up"
    notice: NoticeKind


AppealEvent = Annotated[
    AppealFiled
    | AppealDismissed
    | AppealClaimed
    | AppealReleased
    | AppealReminded
    | AppealOverdue
    | AppealUpheld
    | AppealOverturned
    | AppealCarriedOut
    | AppealUndoFailed
    | AppealWithdrawn
    | NoticeSent
    | NoticeFailed
    | NoticeRetried
    | NoticeGivenUp,
    Field(discriminator="kind"),
]


class AppealRecorded(Value):
    """An event with its place in the appeal's story; `seq` starts at 1 and has no gaps."""

    seq: int
    event: AppealEvent
