"""A worker that dies between the ledger's commit and Temporal's: one story, and it goes on."""

import sys
from pathlib import Path

import pytest

from activities.ledger.audit import verify
from deploy.sandbox.processes import Process
from deploy.sandbox.slack.person import wait_until
from tests.stories.test_a_shift import case_of, lure
from tests.world import World, koban, work


async def dies_after(world: World, temporal: str, folder: Path, kind: str) -> None:
    """Runs a worker until it has written such an event, and died of it."""
    environment = world.stage.environment(
        temporal, world.settings.ledger.url.get_secret_value(), 0
    ) | {"KOBAN_TEMPORAL__NAMESPACE": world.settings.temporal.namespace}
    command = [sys.executable, "-m", "tests.stories.dying_worker", kind]
    worker = Process("worker", command, folder / "worker.log", environment)
    await worker.start()
    try:
        await wait_until(lambda: not worker.running, 30, what=f"the end of the worker at {kind}")
    finally:
        await worker.kill()


async def test_right_after_a_case_was_opened(temporal: str, tmp_path: Path) -> None:
    """The alert has its one card, as if nothing had been."""
    async with koban(temporal, tmp_path, working=False) as world:
        sato = await world.person("U0SATO")
        await world.happens(lure())
        await dies_after(world, temporal, tmp_path, "case_opened")
        async with work(world.settings):
            card, case = await case_of(sato)
            await sato.press(card, "case.clear")
            await sato.wait_text(card, "完了", 20)
            await world.wait_kind(case, "case_closed")
        kinds = await world.kinds(case)
        assert kinds == ["case_opened", "case_claimed", "decided", "case_closed"]
        assert (await verify(world.queries)).broken == ()
        assert len(await sato.cards("ts-live")) == 1


@pytest.mark.parametrize("kind", ["case_claimed", "decided"])
async def test_right_after_a_press(temporal: str, tmp_path: Path, kind: str) -> None:
    """What was pressed is done once; the person hears of no refusal."""
    async with koban(temporal, tmp_path, working=False) as world:
        sato = await world.person("U0SATO")
        await world.happens(lure())
        async with work(world.settings):
            card, case = await case_of(sato)
        await sato.press(card, "case.preset.mute")
        await dies_after(world, temporal, tmp_path, kind)
        async with work(world.settings):
            await sato.wait_text(card, "完了", 20)
            await world.wait_kind(case, "case_closed")
        assert (await world.kinds(case)).count("decided") == 1
        assert await world.changes() == [("POST", "users/u_123/mutes")]
        assert await sato.ephemerals("ts-live") == []
        assert (await verify(world.queries)).broken == ()


async def test_right_after_an_alert_joined(temporal: str, tmp_path: Path) -> None:
    """It is counted once."""
    async with koban(temporal, tmp_path, working=False) as world:
        sato = await world.person("U0SATO")
        await world.happens(lure())
        async with work(world.settings):
            card, case = await case_of(sato)
        await world.happens(lure(2))
        await dies_after(world, temporal, tmp_path, "alert_joined")
        async with work(world.settings):
            await sato.press(card, "case.clear")
            await sato.wait_text(card, "完了", 20)
            await world.wait_kind(case, "case_closed")
        assert (await world.kinds(case)).count("alert_joined") == 1
        row = await world.queries.case(case)
        assert row is not None
        assert row["alerts"] == 2
