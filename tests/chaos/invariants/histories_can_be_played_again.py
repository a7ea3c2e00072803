"""Replay: every history can be replayed by a new worker."""

from collections.abc import Iterator

from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Replayer

from bot.workflow_guards import GuardedRunner
from tests.chaos.evidence import Evidence, Violation
from tests.chaos.invariants.ledger_is_what_histories_say import EventsByCase, events_in
from workflows.appeal_workflow import AppealWorkflow
from workflows.breaker_workflow import BreakerWorkflow
from workflows.bulk_workflow import BulkWorkflow
from workflows.case_workflow import CaseWorkflow
from workflows.enforcement_workflow import EnforcementWorkflow
from workflows.report_workflow import ReportWorkflow, RetentionWorkflow
from workflows.storm_workflow import StormWorkflow

NUMBER = 8
_OURS = (
    AppealWorkflow,
    CaseWorkflow,
    EnforcementWorkflow,
    ReportWorkflow,
    RetentionWorkflow,
    BulkWorkflow,
    StormWorkflow,
    BreakerWorkflow,
)


def check(seen: Evidence) -> Iterator[Violation]:
    """Returns the failures of `examined`."""
    for words in seen.unplayable:
        yield Violation(NUMBER, words)


async def examined(client: Client) -> tuple[list[str], EventsByCase]:
    """Replays every history; returns failures and recorded events."""
    replayer = Replayer(
        workflows=_OURS,
        workflow_runner=GuardedRunner(),
        data_converter=client.data_converter,
        # A replay is judged by its commands, not by the 2 s that a busy machine may exceed.
        debug_mode=True,
    )
    found, recorded = list[str](), EventsByCase()
    async for each in client.list_workflows():
        if each.workflow_type not in {kind.__name__ for kind in _OURS}:
            continue
        try:
            history = await client.get_workflow_handle(each.id, run_id=each.run_id).fetch_history()
        except RPCError:
            continue  # it was removed in between
        async for story, seq, event in events_in(client, history):
            recorded.setdefault(story, {})[seq] = event
        played = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        if played.replay_failure is not None:
            found.append(f"{each.id} can't be played again: {played.replay_failure}")
    return found, recorded
