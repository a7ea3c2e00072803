"""Events of an appeal, hash-chained in the ledger under the appeal's id."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Union

from pydantic import Field

from workflows.domain.appeal.model import Appealed, AppealRequest, Dismissal
from workflows.domain.case.appeal_outcome import AppealOutcome
from workflows.domain.case.enforcement import Problem
from workflows.domain.case.event_base import EventBase
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.policy.limits import Full
from workflows.domain.values import Value, tagged

_COPIES = ("request.statement", "appealed.decision.reason")


class AppealFiled(EventBase):
    """A person appealed against a decision; the answer is `due`."""

    copies = _COPIES
    kind: Literal["appeal_filed"] = "appeal_filed"
    request: AppealRequest
    appealed: Appealed
    due: datetime


class AppealDismissed(EventBase):
    """There is nothing to review."""

    copies = _COPIES
    kind: Literal["appeal_dismissed"] = "appeal_dismissed"
    request: AppealRequest
    why: Dismissal
    appealed: Appealed | None = None


class AppealClaimed(EventBase):
    """`by` reviews it."""

    kind: Literal["appeal_claimed"] = "appeal_claimed"


class AppealReleased(EventBase):
    """`by` took the appeal away from `owner`, often themselves."""

    people = ("owner",)
    kind: Literal["appeal_released"] = "appeal_released"
    owner: str


class AppealReminded(EventBase):
    """The answer is due soon; `reminders` are the numbers of the reminders due by now."""

    kind: Literal["appeal_reminded"] = "appeal_reminded"
    reminders: tuple[int, ...]
    due: datetime


class AppealOverdue(EventBase):
    """The answer was `due` and is missing."""

    kind: Literal["appeal_overdue"] = "appeal_overdue"
    due: datetime


class AnswerEvent(EventBase):
    """An answer of the reviewer."""

    outcome: ClassVar[AppealOutcome]
    words = ("reason",)
    reason: str


class AppealUpheld(AnswerEvent):
    """The decision is confirmed."""

    outcome = AppealOutcome.UPHELD
    kind: Literal["appeal_upheld"] = "appeal_upheld"


class AppealOverturned(AnswerEvent):
    """The decision was wrong: its case undoes the actions."""

    outcome = AppealOutcome.OVERTURNED
    kind: Literal["appeal_overturned"] = "appeal_overturned"


class AppealCarriedOut(EventBase):
    """The actions are undone; `kept` of them have no undo."""

    kind: Literal["appeal_carried_out"] = "appeal_carried_out"
    kept: int = 0


class AppealUndoFailed(EventBase):
    """The platform did not undo `left` actions: the case offers to retry."""

    kind: Literal["appeal_undo_failed"] = "appeal_undo_failed"
    left: int


class AppealLimitReached(EventBase):
    """A command of `by` was refused: a limit is reached. It had no other effect."""

    kind: Literal["appeal_limit_reached"] = "appeal_limit_reached"
    limit: Full


class AppealWithdrawn(EventBase):
    """The person withdrew the appeal."""

    kind: Literal["appeal_withdrawn"] = "appeal_withdrawn"


class NoticeEvent(EventBase):
    """An event about a notice to the person who appealed."""

    notice: NoticeKind


class NoticeSent(NoticeEvent):
    """The platform accepted the notice."""

    kind: Literal["appeal_notice_sent"] = "appeal_notice_sent"


class NoticeFailed(NoticeEvent):
    """The notice was not sent."""

    kind: Literal["appeal_notice_failed"] = "appeal_notice_failed"
    problem: Problem


class NoticeRetried(NoticeEvent):
    """A reviewer sends the notice again."""

    kind: Literal["appeal_notice_retried"] = "appeal_notice_retried"


class NoticeGivenUp(NoticeEvent):
    """The failed notice was not retried for so long that the appeal is over."""

    kind: Literal["appeal_notice_given_up"] = "appeal_notice_given_up"


APPEAL_EVENTS = tagged(globals(), EventBase)
if TYPE_CHECKING:
    AppealEvent = EventBase
else:
    AppealEvent = Annotated[Union[APPEAL_EVENTS], Field(discriminator="kind")]  # noqa: UP007


class AppealRecorded(Value):
    """An event with its number within the appeal; `seq` starts at 1 and has no gaps."""

    seq: int
    event: AppealEvent
