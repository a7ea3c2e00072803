"""Detectors: state, runs and feedback of each one, gaps in detection, and a run at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from temporalio.client import Client, WorkflowFailureError
from temporalio.service import RPCError

from activities.ledger.detectors import DetectorLedger, DetectorRun
from activities.ledger.feedback import FeedbackLedger
from bot.admission import TemporalUnavailable
from bot.policies import Policies
from bot.tasks import Background
from workflows.client import FeedbackClient, OutOfReach, find_schedule, run_detector
from workflows.domain.detection import DetectorState, RunResult
from workflows.domain.feedback import FeedbackCount, FeedbackMessage
from workflows.domain.policy.detectors import Detector
from workflows.domain.values import Value
from workflows.report.schedules import DETECTOR

log = structlog.get_logger()

MOST_DEAD = 5
"""Dead messages that a page names."""
DRAIN_SECONDS = 5.0
"""Seconds for starts of deliveries at the end of a worker; a lost one is made within a minute."""
PATIENCE = 60.0
"""Seconds to wait for the end of a run."""


class DetectorLine(Value):
    """A detector of the policy with its state in the ledger."""

    detector: Detector
    state: DetectorState
    paused: bool = False
    feedback: FeedbackCount | None = None

    @property
    def is_gap(self) -> bool:
        """Whether violations may go unseen: its query fails, or it is silent."""
        return not self.paused and (self.state.failures > 0 or self.state.silent_since is not None)


class DetectorReader:
    """Reads the detectors, and runs a query. Raises `Unavailable`."""

    def __init__(
        self,
        ledger: DetectorLedger,
        policies: Policies,
        client: Client,
        task_queue: str,
        rpc_timeout: timedelta,
        feedback: FeedbackLedger,
        patience: float = PATIENCE,
    ) -> None:
        """`patience` is in seconds, for the end of a run."""
        self._ledger = ledger
        self._feedback = feedback
        self._policies = policies
        self._client = client
        self._task_queue = task_queue
        self._rpc_timeout = rpc_timeout
        self._patience = patience

    async def lines(self, now: datetime) -> tuple[DetectorLine, ...]:
        """Every detector of the policy, by its name."""
        detectors = self._policies.detectors()
        if not detectors:
            return ()
        states = await self._ledger.states(sorted(detectors))
        paused = await self._ledger.paused(now)
        counts = await self._feedback.counts()
        return tuple(
            DetectorLine(
                detector=detectors[name],
                state=state,
                paused=name in paused and detectors[name].sql is not None,
                feedback=counts.get(name),
            )
            for name, state in states.items()
        )

    async def gaps(self, now: datetime) -> tuple[DetectorLine, ...]:
        """The detectors that may miss violations now."""
        return tuple(each for each in await self.lines(now) if each.is_gap)

    async def runs(self, detector: str) -> Sequence[DetectorRun]:
        """The latest runs of a query, the newest first."""
        return await self._ledger.runs(detector, 5)

    async def next_run(self, detector: str) -> datetime | None:
        """The next run of a query; None if Temporal knows of none, or does not answer."""
        try:
            schedule = f"{DETECTOR}{detector}"
            found = await find_schedule(self._client, schedule, self._rpc_timeout)
        except (OutOfReach, RPCError):
            return None  # the runs are of use without it
        return None if found is None else next(iter(found.info.next_action_times), None)

    async def run(self, detector: str) -> RunResult | None:
        """Runs a query now; None if it does not end in time, and goes on."""
        run = asyncio.ensure_future(run_detector(self._client, self._task_queue, detector))
        try:
            return await asyncio.wait_for(run, self._patience)
        except TimeoutError:
            return None
        except (OutOfReach, RPCError, WorkflowFailureError) as error:
            raise TemporalUnavailable("the run") from error

    async def dead_feedback(self, detector: str) -> Sequence[FeedbackMessage]:
        """The latest messages to a detector that are not tried any more."""
        return await self._feedback.dead(detector, MOST_DEAD)

    async def resend_feedback(self, detector: str, now: datetime) -> int:
        """Makes what waits or is dead due now; the number of messages."""
        number = await self._feedback.resend(detector, now)
        if number:
            client = FeedbackClient(self._client, self._task_queue, rpc_timeout=self._rpc_timeout)
            await _within_reach(client.begin(detector, at_once=True))
        return number


async def _within_reach(call: Awaitable[None]) -> None:
    """Awaits a call. Raises `TemporalUnavailable`."""
    try:
        await call
    except (OutOfReach, RPCError) as error:
        raise TemporalUnavailable("the delivery") from error


class FeedbackDelivery:
    """Starts of deliveries beside the writes of cases, which never wait for them."""

    def __init__(
        self,
        client: FeedbackClient,
        ledger: FeedbackLedger,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._now = now or partial(datetime.now, UTC)
        self._background = Background()

    def queued(self, detectors: Iterable[str]) -> None:
        """Starts the deliveries to these detectors in the background."""
        for detector in sorted(detectors):
            self._background.start(self._begin(detector))

    async def ensure(self) -> None:
        """Makes up for lost starts and signals of deliveries for which messages wait."""
        untried = await self._ledger.untried(self._now())
        for detector in await self._ledger.waiting():
            # One that runs may pause after failures, without knowing of new messages.
            call = self._client.begin if detector in untried else self._client.ensure
            with suppress(OutOfReach, RPCError):
                await call(detector)

    async def drain(self) -> None:
        """Waits for starts under way."""
        await self._background.drain(DRAIN_SECONDS)

    async def _begin(self, detector: str) -> None:
        try:
            await self._client.begin(detector)
        except (OutOfReach, RPCError) as error:
            log.warning("feedback_not_started", detector=detector, error=type(error).__name__)
