"""Alerts wait where the workers are behind, and go on where nobody works."""

import asyncio

from bot.http.admission import AHEAD, ASKED_AT, BacklogProbe
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


def send(trailing: BacklogProbe, calls: int, first: int = 0) -> None:
    """Calls to cases that are named by their number."""
    for number in range(first, first + calls):
        trailing.sent(f"case/{number}")


async def test_a_few_alerts_ask_nobody() -> None:
    """A calm hour costs no question."""
    workers = Workers()
    trailing = BacklogProbe(workers.reached, workers.changed)
    send(trailing, ASKED_AT - 1)
    await settled()
    assert (workers.asked, trailing.far(0)) == ([], False)


async def test_nobody_goes_on_until_the_workers_are_there() -> None:
    """What is under way counts as well; the case asked is the one of the last call before."""
    workers = Workers()
    trailing = BacklogProbe(workers.reached, workers.changed)
    send(trailing, AHEAD - 2)
    await settled()
    assert (trailing.far(1), trailing.far(2)) == (False, True)
    assert workers.asked == [f"case/{AHEAD - 3}"]
    send(trailing, 2, first=AHEAD - 2)
    assert trailing.far(0)
    workers.answer.set_result(None)
    await settled()
    assert (trailing.far(0), workers.heard) == (False, 1)


async def test_what_was_sent_after_the_question_is_asked_for_again() -> None:
    """An answer speaks of what came before it."""
    workers = Workers()
    trailing = BacklogProbe(workers.reached, workers.changed)
    send(trailing, ASKED_AT)
    await settled()
    send(trailing, AHEAD, first=ASKED_AT)
    first, workers.answer = workers.answer, asyncio.get_running_loop().create_future()
    first.set_result(None)
    await settled()
    assert trailing.far(0)
    assert workers.asked == [f"case/{ASKED_AT - 1}", f"case/{ASKED_AT + AHEAD - 1}"]


async def test_where_nobody_works_alerts_are_stored_as_they_come() -> None:
    """Until somebody answers again."""
    workers = Workers()
    trailing = BacklogProbe(workers.reached, workers.changed)
    send(trailing, AHEAD)
    await settled()
    first, workers.answer = workers.answer, asyncio.get_running_loop().create_future()
    first.set_exception(OutOfReach("no worker"))
    send(trailing, 3 * AHEAD)
    await settled()
    assert not trailing.far(100)
    workers.answer.set_result(None)
    await settled()
    send(trailing, AHEAD)
    assert trailing.far(0)


async def test_a_question_that_breaks_does_not_shut_the_door() -> None:
    """Whatever goes wrong with asking, alerts go on."""
    workers = Workers()
    trailing = BacklogProbe(workers.reached, workers.changed)
    send(trailing, AHEAD)
    await settled()
    broken = trailing._asking
    assert broken is not None
    workers.answer.set_exception(ValueError("nobody thought of that"))
    await settled()
    assert (trailing.far(0), workers.heard) == (False, 1)
    assert isinstance(broken.exception(), ValueError)
