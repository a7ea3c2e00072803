"""Detectors: state, runs and next run of each one, gaps in detection, and a run at once."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from temporalio.client import Client, WorkflowFailureError
from temporalio.service import RPCError

from activities.ledger.detectors import DetectorLedger, DetectorRun
from bot.admission import TemporalUnavailable
from bot.policies import Policies
from workflows.client import OutOfReach, find_schedule, run_detector
from workflows.domain.detection import DetectorState, RunResult
from workflows.domain.policy.detectors import Detector
from workflows.domain.values import Value
from workflows.report.schedules import DETECTOR

PATIENCE = 60.0
"""Seconds to wait for the end of a run."""


class DetectorLine(Value):
    """A detector of the policy with its state in the ledger."""

    detector: Detector
    state: DetectorState
    paused: bool = False

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
        patience: float = PATIENCE,
    ) -> None:
        """`patience` is in seconds, for the end of a run."""
        self._ledger = ledger
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
        return tuple(
            DetectorLine(
                detector=detectors[name],
                state=state,
                paused=name in paused and detectors[name].sql is not None,
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
