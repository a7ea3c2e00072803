"""Breaker workflow: the announcement of one tripped breaker."""

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.activity_options import execute
from workflows.ports.cases import BreakerAlert, CasePort


@workflow.defn
class BreakerWorkflow:
    """The messages about a trip: one a channel concerned, and one for the leads."""

    @workflow.run
    async def run(self, alert: BreakerAlert) -> None:
        """Posts the messages; the id of the workflow makes it run once for a trip."""
        found = await execute(CasePort.breaker_channels, alert.pause)
        channels = tuple(dict.fromkeys((alert.channel, *found)))
        for channel in channels:
            await _post(alert.model_copy(update={"channel": channel}))
        await _post(alert.model_copy(update={"leads": True, "channels": channels}))


async def _post(alert: BreakerAlert) -> None:
    """Posts one message; one that Slack does not take is in the log."""
    try:
        await execute(CasePort.announce_breaker, alert)
    except FailureError:
        workflow.logger.warning("breaker_not_announced", extra={"scope": alert.pause.key})
