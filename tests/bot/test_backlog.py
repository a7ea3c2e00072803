"""Backlog probe: alerts wait for slow workers, but not for absent ones."""

import asyncio

from bot.admission import MAX_BACKLOG, PROBE_AFTER, BacklogProbe
from workflows.client import OutOfReach


class Workers:
    """Workers that answer when the test lets them."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.changes = 0

    async def reached(self, workflow_id: str) -> None:
        """Waits for the test."""
        self.asked.append(workflow_id)
        await self.answer

    def changed(self) -> None:
        """Counts the calls."""
        self.changes += 1


async def settled() -> None:
    """Runs every task that is ready."""
    for _ in range(5):
        await asyncio.sleep(0)


def send(probe: BacklogProbe, calls: int, first: int = 0) -> None:
    """Calls to numbered cases."""
    for number in range(first, first + calls):
        probe.sent(f"case/{number}")


async def test_few_alerts_start_no_probe() -> None:
    """Few calls need no probe."""
    workers = Workers()
    probe = BacklogProbe(workers.reached, workers.changed)
    send(probe, PROBE_AFTER - 1)
    await settled()
    assert (workers.asked, probe.is_full(0)) == ([], False)


async def test_a_full_backlog_blocks_until_the_workers_answer() -> None:
    """Calls in flight count too; the probed case is the last one called."""
    workers = Workers()
    probe = BacklogProbe(workers.reached, workers.changed)
    send(probe, MAX_BACKLOG - 2)
    await settled()
    assert (probe.is_full(1), probe.is_full(2)) == (False, True)
    assert workers.asked == [f"case/{MAX_BACKLOG - 3}"]
    send(probe, 2, first=MAX_BACKLOG - 2)
    assert probe.is_full(0)
    workers.answer.set_result(None)
    await settled()
    assert (probe.is_full(0), workers.changes) == (False, 1)


async def test_calls_after_a_probe_need_another_one() -> None:
    """An answer covers only earlier calls."""
    workers = Workers()
    probe = BacklogProbe(workers.reached, workers.changed)
    send(probe, PROBE_AFTER)
    await settled()
    send(probe, MAX_BACKLOG, first=PROBE_AFTER)
    first, workers.answer = workers.answer, asyncio.get_running_loop().create_future()
    first.set_result(None)
    await settled()
    assert probe.is_full(0)
    assert workers.asked == [f"case/{PROBE_AFTER - 1}", f"case/{PROBE_AFTER + MAX_BACKLOG - 1}"]


async def test_without_workers_alerts_are_stored_at_once() -> None:
    """This lasts until a probe is answered again."""
    workers = Workers()
    probe = BacklogProbe(workers.reached, workers.changed)
    send(probe, MAX_BACKLOG)
    await settled()
    first, workers.answer = workers.answer, asyncio.get_running_loop().create_future()
    first.set_exception(OutOfReach("no worker"))
    send(probe, 3 * MAX_BACKLOG)
    await settled()
    assert not probe.is_full(100)
    workers.answer.set_result(None)
    await settled()
    send(probe, MAX_BACKLOG)
    assert probe.is_full(0)


async def test_a_broken_probe_does_not_block_alerts() -> None:
    """A probe with an unexpected error releases its calls."""
    workers = Workers()
    probe = BacklogProbe(workers.reached, workers.changed)
    send(probe, MAX_BACKLOG)
    await settled()
    broken = probe._probing
    assert broken is not None
    workers.answer.set_exception(ValueError("nobody thought of that"))
    await settled()
    assert (probe.is_full(0), workers.changes) == (False, 1)
    assert isinstance(broken.exception(), ValueError)
