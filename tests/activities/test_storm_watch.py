"""Storm detection, also during an outage of the ledger or Temporal."""

from dataclasses import dataclass, field

from activities.ledger.database import LedgerUnavailable
from activities.storm_watch import LOOK_AGAIN, StormWatch
from workflows.client import OutOfReach
from workflows.domain.case.snapshot import CardRef
from workflows.domain.storm import MANY

CARD = CardRef(channel="C0LIVE", ts="1.0")


@dataclass
class FakeLedger:
    """A number of waiting cards, or an outage."""

    waits: int = 0
    away: bool = False
    looks: int = 0
    written: list[str] = field(default_factory=list)

    async def waiting(self, channel: str) -> int:
        self.looks += 1
        if self.away:
            raise LedgerUnavailable
        return self.waits

    async def posted(self, case: str, card: CardRef) -> None:
        if self.away:
            raise LedgerUnavailable
        self.written.append(case)


@dataclass
class FakeStorms:
    """Channels with a started storm."""

    started: list[str] = field(default_factory=list)
    away: bool = False

    async def begin(self, channel: str) -> None:
        if self.away:
            raise OutOfReach("no answer")
        self.started.append(channel)


def watch(ledger: FakeLedger, storms: FakeStorms, now: list[float]) -> StormWatch:
    return StormWatch(ledger, storms, lambda: now[0])  # type: ignore[arg-type]


async def test_a_flooded_channel_has_a_storm_and_a_busy_one_none() -> None:
    """Each channel is checked separately, at most every few seconds."""
    ledger, storms, now = FakeLedger(MANY), FakeStorms(), [0.0]
    watcher = watch(ledger, storms, now)
    await watcher.look("ts-live")
    assert storms.started == []
    ledger.waits = MANY + 1
    await watcher.look("ts-live")
    await watcher.look("ts-market")
    assert (storms.started, ledger.looks) == (["ts-market"], 2)
    now[0] += LOOK_AGAIN
    await watcher.look("ts-live")
    assert storms.started == ["ts-market", "ts-live"]


async def test_an_outage_delays_no_card() -> None:
    """Cards are posted during an outage, and the check is repeated soon."""
    ledger, storms, now = FakeLedger(99, away=True), FakeStorms(away=True), [0.0]
    watcher = watch(ledger, storms, now)
    await watcher.look("ts-live")
    ledger.away = False
    now[0] += LOOK_AGAIN
    await watcher.look("ts-live")
    assert storms.started == []


async def test_cards_are_recorded_once_the_ledger_is_back() -> None:
    """Unrecorded cards would count as waiting and keep the storm active."""
    ledger = FakeLedger(away=True)
    watcher = watch(ledger, FakeStorms(), [0.0])
    await watcher.posted("K1", CARD)
    assert ledger.written == []
    ledger.away = False
    await watcher.posted("K2", CARD)
    await watcher.posted("K3", CARD)
    assert ledger.written == ["K1", "K2", "K3"]
