"""Queries of running cases, as modals and Temporal's UI send them."""

from collections import Counter
from datetime import timedelta
from random import Random

from temporalio.client import Client, WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.service import RPCError

from tests.chaos.plan import CasePlan

QUERIES = ("memory", "newest", "__stack_trace", "__stack_trace")
_CASES = "WorkflowType = 'CaseWorkflow' AND ExecutionStatus = 'Running'"
_RPC_TIMEOUT = timedelta(seconds=10)


async def query(client: Client, case_plan: CasePlan, number: int, counts: Counter[str]) -> None:
    """Queries a running case. A query can fail because of a kill; none may change the history."""
    dice = Random(f"{case_plan.number}/{number}")
    query = QUERIES[number % len(QUERIES)]
    try:
        workflow_ids = [each.id async for each in client.list_workflows(_CASES)]
        if workflow_ids:
            await client.get_workflow_handle(dice.choice(sorted(workflow_ids))).query(
                query, rpc_timeout=_RPC_TIMEOUT
            )
            counts[f"queries: {query}"] += 1
    except (TimeoutError, RPCError, WorkflowQueryFailedError, WorkflowQueryRejectedError):
        counts["queries: no answer"] += 1
