"""Worker versioning: a new build while cases are open, on a real server."""

from functools import partial
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from deploy.sandbox.slack.person import wait_until
from deploy.sandbox.slack.screen import controls
from tests.environment import Environment, koban, work
from tests.stories.test_a_shift import case_of, lure
from tests.timeouts import answered

DEPLOYMENT = "koban"


async def make_current(env: Environment, build: str) -> None:
    """Makes `build` the current version, as an operator does."""
    service, namespace = env.client.workflow_service, env.client.namespace
    asked = DescribeWorkerDeploymentRequest(namespace=namespace, deployment_name=DEPLOYMENT)

    async def known() -> bool:
        try:
            info = (await service.describe_worker_deployment(asked)).worker_deployment_info
        except RPCError:
            return False
        return build in [each.deployment_version.build_id for each in info.version_summaries]

    await wait_until(known, what=f"the workers of {build}")
    await service.set_worker_deployment_current_version(
        SetWorkerDeploymentCurrentVersionRequest(
            namespace=namespace,
            deployment_name=DEPLOYMENT,
            build_id=build,
            ignore_missing_task_queues=True,
        )
    )


async def build_of(env: Environment, workflow_id: str) -> str:
    """Build of a workflow's last task."""
    described = await env.client.get_workflow_handle(workflow_id).describe()
    info = described.raw_description.workflow_execution_info.versioning_info
    return str(info.deployment_version.build_id)


async def builds_of(handle: WorkflowHandle) -> set[str]:
    """Builds of all tasks of one run."""
    return {
        event.workflow_task_completed_event_attributes.deployment_version.build_id
        async for event in handle.fetch_history_events()
        if event.HasField("workflow_task_completed_event_attributes")
    }


@pytest.mark.long
async def test_open_cases_move_on_and_a_running_enforcement_stays(
    temporal: str, tmp_path: Path
) -> None:
    """The case continues on v2 in a new history with its whole state.

    An enforcement that v1 started ends on v1.
    """
    async with koban(temporal, tmp_path, working=False) as env:
        sato = await env.person("U0SATO")
        async with work(env.settings, "v1"):
            await make_current(env, "v1")
            await env.happens(lure(1, "u_open"))
            await env.happens(lure(2, "u_busy"))
            card, case = await case_of(sato, "u_open")
            busy, busy_case = await case_of(sato, "u_busy")
            workflow_id = str(controls(card)[0].block_id)
            first = (await env.client.get_workflow_handle(workflow_id).describe()).run_id
            env.sandbox.faults.set("platform_500", True)
            await sato.press(busy, "24時間コメント制限")
            await sato.wait_text(busy, "再試行")
            async with work(env.settings, "v2"):
                await make_current(env, "v2")
                await env.happens(lure(3, "u_open"))
                await env.wait_kind(case, "alert_joined")

                async def moved() -> bool:
                    handle = env.client.get_workflow_handle(workflow_id)
                    # The alert may still reach v1: the server updates its queues a moment later.
                    await handle.signal("nudge")
                    return (await handle.describe()).run_id != first

                await wait_until(moved, what="a new history")
                assert await build_of(env, workflow_id) == "v2"
                memory = await answered(partial(env.cases.memory, workflow_id))
                assert memory is not None
                assert memory.case is not None
                assert memory.case.alerts == 2
                env.sandbox.faults.set("platform_500", False)
                await sato.wait_text(busy, "完了")
                enforcement = f"enforcement/{busy_case}/D1"
                assert await build_of(env, enforcement) == "v1"
                handle = env.client.get_workflow_handle(enforcement)
                assert await builds_of(handle) == {"v1"}
                await sato.press(card, "case.clear")
                await sato.wait_text(card, "完了")
        assert len(await sato.cards("ts-live")) == 2
        assert await env.changes() == [("POST", "users/u_busy/mutes")]
