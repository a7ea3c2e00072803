"""Deliveries of feedback: a start or a signal that was lost is made up for."""

from collections.abc import Collection

from bot.services.detectors import FeedbackDelivery
from tests.workflows.domain.builders import minutes
from workflows.client import OutOfReach


class Waiting:
    """Detectors with messages, and those of them with messages that were never tried."""

    def __init__(self, waiting: Collection[str], untried: Collection[str] = ()) -> None:
        self._waiting, self._untried = tuple(waiting), tuple(untried)

    async def waiting(self) -> tuple[str, ...]:
        return self._waiting

    async def untried(self, at: object) -> tuple[str, ...]:
        assert at == minutes(1)
        return self._untried


class Called:
    """Calls of Temporal; the detectors that are `away` can't be reached."""

    def __init__(self, away: Collection[str] = ()) -> None:
        self.calls: list[tuple[str, str]] = []
        self._away = away

    async def begin(self, detector: str, at_once: bool = False) -> None:
        self._called("begin", detector)

    async def ensure(self, detector: str) -> None:
        self._called("ensure", detector)

    def _called(self, call: str, detector: str) -> None:
        self.calls.append((call, detector))
        if detector in self._away:
            raise OutOfReach("Temporal is away")


async def made_up(waiting: Waiting, called: Called) -> list[tuple[str, str]]:
    """The calls of one look."""
    delivery = FeedbackDelivery(called, waiting, lambda: minutes(1))  # type: ignore[arg-type]
    await delivery.ensure()
    return called.calls


async def test_a_delivery_that_pauses_is_woken_for_new_messages() -> None:
    """Its signal was lost; one without new messages is only started where it does not run."""
    waiting = Waiting(["chat", "images"], untried=["images"])
    assert await made_up(waiting, Called()) == [("ensure", "chat"), ("begin", "images")]


async def test_one_delivery_that_can_not_be_started_delays_no_other() -> None:
    """The next look tries again."""
    waiting = Waiting(["chat", "images"], untried=["chat", "images"])
    calls = await made_up(waiting, Called(away=["chat"]))
    assert calls == [("begin", "chat"), ("begin", "images")]
