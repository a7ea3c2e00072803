"""Alert backlog of one case, and the size of its histories."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from bot.policies import open_policies
from tests.environment import Environment
from tests.stories.test_a_shift import lure
from workflows.client import OutOfReach
from workflows.domain.alerts import Alert

IN_FLIGHT = 32


@dataclass(frozen=True)
class Run:
    """One history of a case."""

    id: str
    events: int
    bytes: int


def alerts(numbers: Iterable[int], person: str = "u_123", text: str | None = None) -> list[Alert]:
    """Alerts about one person, in the form that the HTTP endpoint makes."""
    made = []
    for number in numbers:
        body = lure(number, person).alerts[0]
        if text is not None:
            body = {**body, "evidence": [{"kind": "text", "text": text}]}
        made.append(Alert.model_validate(body))
    return made


async def send_alerts(env: Environment, backlog: list[Alert]) -> str:
    """Sends alerts to their case without the HTTP endpoint; returns the workflow id."""
    cases = env.cases
    target_of = open_policies(env.settings).target_of
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def send(alert: Alert) -> str:
        target = target_of(alert)
        assert target is not None
        async with slots:
            while True:
                try:
                    return await cases.accept_all([alert], target.policy, target.group)
                except OutOfReach:
                    continue  # as a detector does after a 503

    return (await asyncio.gather(*(send(alert) for alert in backlog)))[0]


async def runs_of(env: Environment, workflow_id: str) -> list[Run]:
    """All histories of a case, from the first to the newest."""
    found: list[Run] = []
    run: str | None = None
    while run != "":
        handle = env.client.get_workflow_handle(workflow_id, run_id=run)
        info = (await handle.describe()).raw_description.workflow_execution_info
        found.insert(0, Run(info.execution.run_id, info.history_length, info.history_size_bytes))
        handle = env.client.get_workflow_handle(workflow_id, run_id=info.execution.run_id)
        async for event in handle.fetch_history_events(page_size=1):
            run = event.workflow_execution_started_event_attributes.continued_execution_run_id
            break
    return found
