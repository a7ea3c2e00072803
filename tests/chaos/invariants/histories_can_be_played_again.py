"""Every history can be played again: a worker that starts anew goes on from where it was."""

from collections.abc import Iterator

from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Replayer

from bot.worker import sandbox
from tests.chaos.evidence import Evidence, Violation
from workflows.appeal import AppealWorkflow
from workflows.case import CaseWorkflow
from workflows.enforcement import EnforcementWorkflow
from workflows.report import ReportWorkflow
from workflows.ring import RingWorkflow
from workflows.storm import StormWorkflow

NUMBER = 8
_OURS = (
    AppealWorkflow,
    CaseWorkflow,
    EnforcementWorkflow,
    ReportWorkflow,
    RingWorkflow,
    StormWorkflow,
)


def check(seen: Evidence) -> Iterator[Violation]:
    """What was found by `unplayable`."""
    for words in seen.unplayable:
        yield Violation(NUMBER, words)


async def unplayable(client: Client) -> list[str]:
    """The workflows whose history tells another story when it is played again, and which."""
    replayer = Replayer(
        workflows=_OURS, workflow_runner=sandbox(), data_converter=client.data_converter
    )
    found = []
    async for each in client.list_workflows():
        if each.workflow_type not in {kind.__name__ for kind in _OURS}:
            continue
        try:
            history = await client.get_workflow_handle(each.id, run_id=each.run_id).fetch_history()
        except RPCError:
            continue  # it was removed in between
        played = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        if played.replay_failure is not None:
            found.append(f"{each.id} can't be played again: {played.replay_failure}")
    return found
