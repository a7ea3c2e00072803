"""When a channel is looked at, and what happens while the ledger or Temporal is away."""

from dataclasses import dataclass, field

from activities.ledger.database import LedgerUnavailable
from activities.storm_watch import LOOK_AGAIN, StormWatch
from workflows.client import OutOfReach
from workflows.domain.case.snapshot import CardRef
from workflows.domain.storm import MANY

CARD = CardRef(channel="C0LIVE", ts="1.0")


@dataclass
class Ledger:
    """So many cards wait; or nothing answers."""

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
class Routes:
    """Remembers which storms began."""

    begun: list[str] = field(default_factory=list)
    away: bool = False

    async def begin(self, channel: str) -> None:
        if self.away:
            raise OutOfReach("no answer")
        self.begun.append(channel)


def watch(ledger: Ledger, workflow_ids: Routes, now: list[float]) -> StormWatch:
    return StormWatch(ledger, workflow_ids, lambda: now[0])  # type: ignore[arg-type]


async def test_a_flooded_channel_has_a_storm_and_a_busy_one_none() -> None:
    """Each channel is looked at by itself, and not again for a few seconds."""
    ledger, workflow_ids, now = Ledger(MANY), Routes(), [0.0]
    mine = watch(ledger, workflow_ids, now)
    await mine.look("ts-live")
    assert workflow_ids.begun == []
    ledger.waits = MANY + 1
    await mine.look("ts-live")
    await mine.look("ts-market")
    assert (workflow_ids.begun, ledger.looks) == (["ts-market"], 2)
    now[0] += LOOK_AGAIN
    await mine.look("ts-live")
    assert workflow_ids.begun == ["ts-market", "ts-live"]


async def test_what_is_away_holds_no_card_up() -> None:
    """It is looked at again soon."""
    ledger, workflow_ids, now = Ledger(99, away=True), Routes(away=True), [0.0]
    mine = watch(ledger, workflow_ids, now)
    await mine.look("ts-live")
    ledger.away = False
    now[0] += LOOK_AGAIN
    await mine.look("ts-live")
    assert workflow_ids.begun == []


async def test_cards_are_written_down_once_the_ledger_is_back() -> None:
    """Or their cases would wait for ever, and the storm with them."""
    ledger = Ledger(away=True)
    mine = watch(ledger, Routes(), [0.0])
    await mine.posted("K1", CARD)
    assert ledger.written == []
    ledger.away = False
    await mine.posted("K2", CARD)
    await mine.posted("K3", CARD)
    assert ledger.written == ["K1", "K2", "K3"]
