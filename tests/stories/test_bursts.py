"""Alert bursts: a backlog of one case is processed in bounded workflow tasks."""

import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause

from deploy.sandbox.processes import Process
from deploy.sandbox.slack.person import wait_until
from deploy.sandbox.slack.screen import controls
from tests.environment import Environment, koban, work, work_process
from tests.stories.flood import alerts, runs_of, send_alerts
from tests.stories.test_a_shift import case_of, lure
from workflows.domain.case.commands import AddNote, Click, Place
from workflows.domain.people import Actor

ALERTS, CLICKS, BURNERS = 2_000, 500, 6
WAIT_SECONDS = 1_200.0
UNHANDLED = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED


@asynccontextmanager
async def busy(folder: Path) -> AsyncIterator[None]:
    """Three busy processes per core."""
    async with AsyncExitStack() as opened:
        for number in range(BURNERS):
            burn = [sys.executable, "-c", "while True: pass"]
            burner = Process(f"burner{number}", burn, folder / f"burner{number}.log")
            await burner.start()
            opened.push_async_callback(burner.kill)
        yield


async def press_all(env: Environment, workflow_id: str, case: str) -> None:
    """Sends one note per click, as after an outage of the workers."""
    cases = env.cases
    for number in range(CLICKS):
        note = AddNote(by=Actor(id="U0SATO"), note=f"メモ{number}")
        click = Click(id=f"press/{number}", case=case, command=note, place=Place(channel="C0LIVE"))
        await cases.click(workflow_id, click)


async def failed_tasks(env: Environment, workflow_id: str) -> list[str]:
    """Failures of the case's workflow tasks, over all its histories."""
    found = []
    for run in await runs_of(env, workflow_id):
        handle = env.client.get_workflow_handle(workflow_id, run_id=run.id)
        async for event in handle.fetch_history_events():
            failed = event.workflow_task_failed_event_attributes
            # Temporal refuses a new history where a signal came in the same moment.
            if event.event_type == FAILED and failed.cause != UNHANDLED:
                found.append(f"{failed.cause} {failed.failure.message}")
    return found


@pytest.mark.long
@pytest.mark.timeout(1_800)
async def test_a_burst_is_worked_off_on_a_starved_machine(temporal: str, tmp_path: Path) -> None:
    """Two thousand alerts and five hundred clicks wait for the worker; no task times out."""
    async with koban(temporal, tmp_path, working=False) as env:
        sato = await env.person("U0SATO")
        await env.happens(lure())
        async with work(env.settings):
            card, case = await case_of(sato)
        workflow_id = str(controls(card)[0].block_id)
        await send_alerts(env, alerts(range(2, ALERTS + 2)))
        await press_all(env, workflow_id, case)

        async def all_there() -> bool:
            kinds = Counter(await env.kinds(case))
            return (kinds["alert_joined"], kinds["note_added"]) == (ALERTS, CLICKS)

        async with busy(tmp_path), work_process(env, tmp_path):
            await wait_until(all_there, WAIT_SECONDS, what="all alerts and notes")
        assert await failed_tasks(env, workflow_id) == []
