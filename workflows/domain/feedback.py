"""Feedback: the verdicts of a case, and the attempts to deliver them to a detector."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, pairwise

from workflows.domain.alerts import Subject
from workflows.domain.case import events as ev
from workflows.domain.case.appeal_outcome import AppealOutcome
from workflows.domain.case.approval import Purpose
from workflows.domain.case.decision import Verdict
from workflows.domain.case.event_base import EventBase, kind_of
from workflows.domain.case.events import Recorded
from workflows.domain.ids import feedback_id
from workflows.domain.policy.actions import OnExpiry
from workflows.domain.values import Value


class JudgedBy(StrEnum):
    """The source of a verdict; `sample`: a person judged what Koban decides or only records."""

    DECISION = "decision"
    SAMPLE = "sample"
    APPEAL = "appeal"


class CaseVerdict(Value):
    """A verdict as of an event; `version` is that event's number, a later one replaces it.

    `clause` is the rule of a violation. An `overturned` verdict does not hold any more: its review
    was refused, an appeal overturned it, or its actions were undone. `auto`: Koban decided.
    """

    version: int
    decision: str
    verdict: Verdict
    clause: str | None
    decided_at: datetime
    source: JudgedBy = JudgedBy.DECISION
    auto: bool = False
    overturned: bool = False


_JUDGING: tuple[type[EventBase], ...] = (
    ev.Sampled,
    ev.Decided,
    ev.ApprovalRequested,
    ev.Approved,
    ev.Rejected,
    ev.ApprovalExpired,
    ev.ApprovalWithdrawn,
    ev.UndoRequested,
    ev.AppealAnswered,
    ev.CaseReopened,
)
JUDGING = frozenset(map(kind_of, _JUDGING))
"""Kinds of the events that verdicts are read from."""


class Judgment(Value):
    """The verdicts of a case, oldest first.

    The last one `stands` until it is overturned or the case is reopened: alerts that join later
    have it as well.
    """

    verdicts: tuple[CaseVerdict, ...] = ()
    stands: bool = False


def judgment(events: Iterable[Recorded]) -> Judgment:
    """The verdicts of a case; `events` are at least those of the kinds `JUDGING`.

    A decision that waits for its approval is no verdict before it is granted.
    """
    read = _Reader()
    listed = list(events)
    for each, following in pairwise(chain(listed, (None,))):
        assert each is not None
        read.take(each, following)
    return Judgment(verdicts=tuple(read.found), stands=read.stands)


def verdicts(events: Iterable[Recorded]) -> tuple[CaseVerdict, ...]:
    """The verdicts of `judgment`."""
    return judgment(events).verdicts


class _Reader:
    def __init__(self) -> None:
        self.found: list[CaseVerdict] = []
        self.stands = False
        self._waiting: ev.Decided | None = None
        self._review: str | None = None
        self._source = JudgedBy.DECISION

    def take(self, recorded: Recorded, following: Recorded | None) -> None:
        event = recorded.event
        if isinstance(event, ev.Decided):
            if _is_requested(following, Purpose.DECISION):
                self._waiting = event
            else:
                self._judge(event, recorded.seq, event.at)
        elif isinstance(event, ev.Approved):
            self._approved(event, recorded.seq)
        elif _is_refused(event):
            self._refused(event, recorded.seq)
        elif isinstance(event, ev.UndoRequested):
            self._overturn(event, event.decision, recorded.seq)
        elif isinstance(event, ev.AppealAnswered):
            self._answered(event, recorded.seq)
        else:
            self._note(event)

    def _note(self, event: EventBase) -> None:
        if isinstance(event, ev.Sampled):
            self._source = JudgedBy.SAMPLE
        elif isinstance(event, ev.CaseReopened):
            self.stands = False
        elif isinstance(event, ev.ApprovalRequested) and event.approval.purpose is Purpose.REVIEW:
            self._review = event.approval.decision

    def _judge(self, event: ev.Decided, version: int, at: datetime) -> None:
        decision = event.decision
        self._waiting, self.stands = None, True
        self.found.append(
            CaseVerdict(
                version=version,
                decision=decision.id,
                verdict=decision.verdict,
                clause=decision.policy if decision.verdict is Verdict.VIOLATION else None,
                decided_at=at,
                source=self._source,
                auto=event.by is None,
            )
        )

    def _approved(self, event: ev.Approved, version: int) -> None:
        if not event.granted:
            return
        if self._waiting is not None and self._waiting.decision.id == event.decision:
            self._judge(self._waiting, version, event.at)
        elif self._review == event.decision:
            self._review = None

    def _refused(self, event: EventBase, version: int) -> None:
        decision = getattr(event, "decision", None)
        if self._waiting is not None and self._waiting.decision.id == decision:
            self._waiting = None
        elif decision is not None and self._review == decision:
            self._review = None
            if not isinstance(event, ev.ApprovalWithdrawn):
                self._overturn(event, decision, version)

    def _overturn(self, event: EventBase, decision: str, version: int) -> None:
        last = self.found[-1] if self.found else None
        if last is not None and last.decision == decision and not last.overturned:
            changed = {"version": version, "decided_at": event.at, "overturned": True}
            self.found.append(last.model_copy(update=changed))
            self.stands = False

    def _answered(self, event: ev.AppealAnswered, version: int) -> None:
        last, answer = self.found[-1] if self.found else None, event.answer
        if last is None or last.decision != answer.decision:
            return
        changed = {
            "version": version,
            "decided_at": event.at,
            "source": JudgedBy.APPEAL,
            "overturned": last.overturned or answer.outcome is AppealOutcome.OVERTURNED,
            "auto": False,
        }
        self.found.append(last.model_copy(update=changed))
        self.stands = self.stands and not changed["overturned"]


def _is_requested(recorded: Recorded | None, purpose: Purpose) -> bool:
    event = None if recorded is None else recorded.event
    return isinstance(event, ev.ApprovalRequested) and event.approval.purpose is purpose


def _is_refused(event: EventBase) -> bool:
    """Whether a request ended without a consent."""
    if isinstance(event, ev.ApprovalExpired):
        return event.outcome is OnExpiry.REFUSE
    return isinstance(event, ev.Rejected | ev.ApprovalWithdrawn)


# -- delivery -----------------------------------------------------------------------------


class FeedbackStatus(StrEnum):
    """The status of a message to a detector. A dead one is only repeated by a person."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class FeedbackProblemKind(StrEnum):
    """Why a message was not delivered."""

    NO_ADDRESS = "no_address"
    NO_SECRET = "no_secret"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    GONE = "gone"


class FeedbackProblem(Value):
    """A failed attempt; `status` is that of the receiver's answer."""

    kind: FeedbackProblemKind
    status: int | None = None


LASTS = timedelta(days=7)
"""A message is tried for this long before it is dead."""
_FIRST_PAUSE = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(hours=4)
_LONGEST_REST = timedelta(minutes=1)


def pause_after(failures: int, wanted: timedelta | None = None) -> timedelta:
    """The pause before a message is tried again: doubled from 10 s to 4 h.

    It is longer if the receiver `wanted` that.
    """
    doubled: timedelta = _FIRST_PAUSE * 2 ** min(max(failures, 1) - 1, 20)
    return min(max(doubled, wanted or timedelta()), _LONGEST_PAUSE)


def rest_after(failures: int, wanted: timedelta | None = None) -> timedelta:
    """The pause before new messages are tried at a receiver that failed: up to a minute.

    It is longer if the receiver `wanted` that. A failing message does not hold up others.
    """
    return max(min(pause_after(failures), _LONGEST_REST), wanted or timedelta())


def status_after(problem: FeedbackProblem, queued_at: datetime, now: datetime) -> FeedbackStatus:
    """The status of a message whose attempt failed `now`; 410 ends it at once."""
    over = problem.kind is FeedbackProblemKind.GONE or now - queued_at >= LASTS
    return FeedbackStatus.DEAD if over else FeedbackStatus.WAITING


class FeedbackRound(Value):
    """Result of one round of attempts for a detector.

    - `failed` if the last attempt failed, after which the others wait; `wanted` is the pause that
      the receiver asked for
    - `untried` if messages wait that were never tried
    - `next_at`: when the next message is due; None if none waits
    """

    delivered: int = 0
    failed: bool = False
    wanted: timedelta | None = None
    untried: bool = False
    next_at: datetime | None = None


def failures_after(done: FeedbackRound, failures: int) -> int:
    """The failures in a row after a round; a delivery begins a new row."""
    if not done.failed:
        return 0
    return 1 if done.delivered else failures + 1


def next_round(done: FeedbackRound, failures: int, now: datetime) -> timedelta | None:
    """The time until the next round, after so many failures in a row; None if nothing waits."""
    if done.next_at is None:
        return None
    due = max(done.next_at - now, timedelta())
    pause = rest_after if done.untried else pause_after
    return max(due, pause(failures, done.wanted)) if failures else due


class FeedbackCount(Value):
    """Messages of a detector that wait or are dead; `oldest` is when the first was queued."""

    detector: str
    waiting: int = 0
    dead: int = 0
    oldest: datetime | None = None
    problem: FeedbackProblem | None = None
    next_at: datetime | None = None


class FeedbackMessage(Value):
    """A verdict about an alert for its detector, with the attempts to deliver it.

    `subject` is None once its data were erased.
    """

    detector: str
    alert_id: str
    case_id: str
    version: int
    kind: str
    subject: Subject | None
    verdict: Verdict
    clause: str | None
    decided_at: datetime
    source: JudgedBy
    auto: bool
    overturned: bool
    queued_at: datetime
    tries: int
    problem: FeedbackProblem | None = None

    @property
    def id(self) -> str:
        """The `webhook-id`, the same for every attempt."""
        return feedback_id(self.detector, self.alert_id, self.case_id, self.version)
