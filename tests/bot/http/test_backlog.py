"""Alerts wait where the workers are behind, and go on where nobody works."""

import asyncio

from bot.http.admission import MAX_BACKLOG, PROBE_AFTER, BacklogProbe
from workflows.client import OutOfReach


class Workers:
    """Answer when the test lets them."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard = 0

    async def reached(self, workflow_id: str) -> None:
        """Waits for the test."""
        self.asked.append(workflow_id)
        await self.answer

    def changed(self) -> None:
        """More may go."""
        self.heard += 1


async def settled() -> None:
    """Everything that can go on went on."""
    for _ in range(5):
        await asyncio.sleep(0)


def send(probe: BacklogProbe, calls: int, first: int = 0) -> None:
    """Calls to cases that are named by their number."""
    for number in range(first, first + calls):
        probe.sent(f"case/{number}")


async def test_a_few_alerts_ask_nobody() -> None:
    """A calm hour costs no question."""
    workers = Workers()
    probe = BacklogProbe(workers.reached, workers.changed)
    send(probe, PROBE_AFTER - 1)
    await settled()
    assert (workers.asked, probe.is_full(0)) == ([], False)


async def test_nobody_goes_on_until_the_workers_are_there() -> None:
    """What is under way counts as well; the case asked is the one of the last call before."""
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
    assert (probe.is_full(0), workers.heard) == (False, 1)


async def test_what_was_sent_after_the_question_is_asked_for_again() -> None:
    """An answer speaks of what came before it."""
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


async def test_where_nobody_works_alerts_are_stored_as_they_come() -> None:
    """Until somebody answers again."""
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


async def test_a_question_that_breaks_does_not_shut_the_door() -> None:
    """Whatever goes wrong with asking, alerts go on."""
    workers = Workers()
    probe = BacklogProbe(workers.reached, workers.changed)
    send(probe, MAX_BACKLOG)
    await settled()
    broken = probe._probing
    assert broken is not None
    workers.answer.set_exception(ValueError("nobody thought of that"))
    await settled()
    assert (probe.is_full(0), workers.heard) == (False, 1)
    assert isinstance(broken.exception(), ValueError)
