"""A month of an appeal in seconds: reminders, and the legal clock."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.testing import TimeSkippingConfig, WorkflowEnvironment

from deploy.sandbox.slack.reading import controls
from deploy.sandbox.temporal import temporal_binary
from tests.stories.test_appeals import answer_with, filed, muted, wait_notice
from tests.stories.test_clocks import threads
from tests.world import World, koban
from workflows.domain.identity import appeal_route


class Calendar:
    """A world in which days can be turned over, a workflow at a time."""

    def __init__(self, world: World, env: WorkflowEnvironment) -> None:
        self.world = world
        self._env = env

    async def passes(self, appeal: str, days: float) -> None:
        """Turns an appeal's clock on; everything that is due by then happens."""
        handle = self.world.client.get_workflow_handle(appeal_route(appeal))
        assert await self._env.fast_forward(handle, timedelta(days=days))


@pytest.fixture
async def calendar(tmp_path: Path) -> AsyncIterator[Calendar]:
    """The real server with a clock for each workflow: the older one can't skip a month."""
    values = (
        "frontend.WorkflowTimeSkippingEnabled=true",
        'history.timerProcessorMaxTimeShift="50ms"',
    )
    env = await WorkflowEnvironment.start_time_skipping_v2(
        ts_config=TimeSkippingConfig(enabled=False),
        dev_server_existing_path=temporal_binary(),
        dev_server_log_level="error",
        dev_server_extra_args=[each for v in values for each in ("--dynamic-config-value", v)],
    )
    address = env.client.service_client.config.target_host
    async with env, koban(address, tmp_path, namespace="default") as world:
        yield Calendar(world, env)


async def told(world: World, appeal: str, kinds: Sequence[str]) -> None:
    """Waits until the ledger tells exactly so much of the appeal."""

    async def so_much() -> bool:
        found = [kind for kind in await world.kinds(appeal) if kind.startswith("appeal_")]
        return found == list(kinds)

    tanaka = await world.person("U0TANAKA")
    await tanaka.until(so_much, 30, what=f"{kinds} of {appeal}")


def mentioned(world: World) -> list[str]:
    """Who was mentioned, in their order."""
    return [note.target for note in world.stage.workspace.notifications]


async def test_a_month_of_an_appeal(calendar: Calendar) -> None:
    """Two reminders, one call for the lead at the end, and an answer that still counts."""
    world = calendar.world
    tanaka = await world.person("U0TANAKA")
    _, _, case = await muted(world)
    card, appeal = await filed(world, case, tanaka)
    await wait_notice(world, "received")
    await calendar.passes(appeal, 6)
    await told(world, appeal, ["appeal_filed"])
    await calendar.passes(appeal, 2)
    await told(world, appeal, ["appeal_filed", "appeal_reminded"])
    await tanaka.press(card, "appeal.claim")
    await told(world, appeal, ["appeal_filed", "appeal_reminded", "appeal_claimed"])
    await calendar.passes(appeal, 5)
    reminded = ["appeal_filed", "appeal_reminded", "appeal_claimed", "appeal_reminded"]
    await told(world, appeal, reminded)
    await calendar.passes(appeal, 2)
    await told(world, appeal, [*reminded, "appeal_overdue"])
    card = await tanaka.wait_text(card, "期限超過", 20)
    await calendar.passes(appeal, 15)
    await told(world, appeal, [*reminded, "appeal_overdue"])
    assert "異議申し立ての回答期限を過ぎました" in await threads(tanaka, card)
    assert mentioned(world) == [
        "<!subteam^S0LEAD>",
        "<!subteam^S0LEAD>",
        "<@U0TANAKA>",
        "<!subteam^S0LEAD>",
    ]
    await answer_with(tanaka, card, "appeal.uphold", "遅くなりました")
    await wait_notice(world, "upheld")
    card = await tanaka.wait_text(card, "判断を維持しました", 20)
    assert controls(card) == []
