"""Ports of detectors: runs of SQL queries, heartbeats, and feedback."""

from datetime import datetime
from typing import Protocol

from temporalio import activity

from workflows.domain.detection import DetectorState, Message, RunResult, Window
from workflows.domain.feedback import FeedbackRound
from workflows.domain.people import Role
from workflows.domain.values import Text, Value


class DetectorStart(Value):
    """A run of `detector`; `at_once` runs one that waits after a failure."""

    detector: str
    at_once: bool = False


class HeartbeatStart(Value):
    """A look at the heartbeats of all detectors."""


class RunAsk(Value):
    """A run of a detector that was due `at`."""

    detector: str
    at: datetime
    at_once: bool = False


class WindowRun(Value):
    """One window of a run."""

    detector: str
    window: Window


class RunNote(Value):
    """The result of a window, for the ledger. `run` and `window` identify it."""

    run: str
    detector: str
    window: Window
    result: RunResult
    at: datetime
    seconds: float


class OwnerMessage(Value):
    """A message about a detector to the holders of `owner`. `key` makes it idempotent.

    `count` are the verdicts that could not be delivered.
    """

    key: str
    at: datetime
    message: Message
    detector: str
    title: Text | None
    owner: Role
    state: DetectorState
    result: RunResult = RunResult()
    count: int = 0


class FeedbackStart(Value):
    """The delivery of feedback to `detector`, after `failures` in a row.

    It waits `until` then, with new messages until `rests_until`. `messages` to the owner are
    under way.
    """

    detector: str
    failures: int = 0
    until: datetime | None = None
    rests_until: datetime | None = None
    messages: tuple[OwnerMessage, ...] = ()


class FeedbackAsk(Value):
    """One round of attempts for the messages of `detector` that are due `at`."""

    detector: str
    at: datetime


class FeedbackDone(Value):
    """The result of a round, and the message for the owner about dead messages."""

    round: FeedbackRound = FeedbackRound()
    message: OwnerMessage | None = None


class DetectorPort(Protocol):
    """Activities of SQL detectors and heartbeats."""

    @activity.defn(name="plan_run")
    async def plan_run(self, ask: RunAsk) -> Window | None:
        """The next window of a detector, or None if it is paused, waits, or is up to date."""

    @activity.defn(name="query_window")
    async def query_window(self, run: WindowRun) -> RunResult:
        """Queries a window and submits its alerts; no watermark is moved."""

    @activity.defn(name="note_run")
    async def note_run(self, note: RunNote) -> OwnerMessage | None:
        """Writes a run and its watermark; returns the message for the owner, if one is due."""

    @activity.defn(name="check_heartbeats")
    async def check_heartbeats(self, at: datetime) -> tuple[OwnerMessage, ...]:
        """Looks at the heartbeat of every detector; returns the messages that are due."""

    @activity.defn(name="message_owner")
    async def message_owner(self, message: OwnerMessage) -> None:
        """Posts a message in the owner's channel, else to each holder; once."""

    @activity.defn(name="send_feedback")
    async def send_feedback(self, ask: FeedbackAsk) -> FeedbackDone:
        """Posts the messages that are due until one fails; a repeated one has the same id."""
