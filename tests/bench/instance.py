"""What one more case costs a worker: making its workflow instance in the sandbox."""

import time
from statistics import median

from temporalio import workflow

from bot.worker import compile_workflows, sandbox
from workflows.case import CaseWorkflow


def measure(count: int) -> dict:
    """Milliseconds for one `CaseWorkflow` instance, as the SDK makes it to validate a workflow."""
    compile_workflows()
    runner, definition = sandbox(), workflow._Definition.must_from_class(CaseWorkflow)
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        runner.prepare_workflow(definition)
        taken.append(time.perf_counter() - began)
    return {"median_ms": round(1000 * median(taken[5:]), 2), "n": count - 5}
