"""Ledger writer: one write at a time, in order, without loss."""

import asyncio
from dataclasses import dataclass, field

import pytest
from temporalio.exceptions import ApplicationError

from deploy.sandbox.slack.person import wait_until
from tests.workflows.domain.builders import SATO, T0, an_alert
from workflows.domain.case import events as ev
from workflows.domain.case.snapshot import ReceivedAlert
from workflows.shared.ledger_writer import LedgerWriter
from workflows.shared.tasks import Tasks

Written = tuple[list[int], list[str], bool]


@dataclass
class Book:
    """Ledger that writes once its gate is open, or fails."""

    tasks: Tasks = field(default_factory=Tasks)
    writes: list[Written] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    begun: int = 0
    most_at_once: int = 0
    away: bool = False
    under_way: int = 0

    def __post_init__(self) -> None:
        self.writer: LedgerWriter[ev.Recorded] = LedgerWriter(self.tasks, self.write)

    async def write(
        self, events: tuple[ev.Recorded, ...], alerts: tuple[ReceivedAlert, ...], whole: bool
    ) -> None:
        self.begun += 1
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        await self.gate.wait()
        self.under_way -= 1
        if self.away:
            raise ApplicationError("the ledger does not answer")
        keys = [each.alert.id for each in alerts]
        self.writes.append(([each.seq for each in events], keys, whole))

    async def begins(self, number: int) -> None:
        """Waits for this many writes to start."""
        await wait_until(lambda: self.begun >= number)

    async def ends(self) -> None:
        """Opens the gate, and waits for all writes."""
        self.gate.set()
        await wait_until(lambda: not self.tasks)


@pytest.fixture
async def book() -> Book:
    return Book()


def events(first: int, last: int) -> list[ev.Recorded]:
    """Returns events with these numbers."""
    claimed = ev.CaseClaimed(at=T0, by=SATO.id)
    return [ev.Recorded(seq=seq, event=claimed) for seq in range(first, last + 1)]


def alerts(*numbers: int, text: str = "") -> list[ReceivedAlert]:
    """Returns alerts with these numbers."""
    evidence = [{"kind": "text", "text": text}] if text else []
    return [ReceivedAlert(alert=an_alert(n, evidence=evidence), at=T0) for n in numbers]


async def test_what_happens_during_a_write_is_the_next_write(book: Book) -> None:
    """There is one write at a time, with all events until then."""
    book.writer.add(events(1, 1))
    await book.begins(1)
    for seq in (2, 3, 4):
        book.writer.add(events(seq, seq))
    await book.ends()
    assert book.writes == [([1], [], True), ([2, 3, 4], [], True)]
    assert book.most_at_once == 1
    assert book.writer.idle


async def test_many_events_are_written_in_parts(book: Book) -> None:
    """Only the last part has the rows."""
    book.writer.add(events(1, 1200))
    await book.ends()
    assert [(len(seqs), whole) for seqs, _, whole in book.writes] == [
        (500, False),
        (500, False),
        (200, True),
    ]
    assert [seq for seqs, _, _ in book.writes for seq in seqs] == list(range(1, 1201))


async def test_large_alerts_are_written_in_parts(book: Book) -> None:
    """Each write is far below Temporal's limit, and one alert always fits."""
    book.writer.add(events(2, 2), alerts(1, 2, 3, text="x" * 200_000))
    book.writer.add(events(3, 3), alerts(4, 5, text="x" * 600_000))
    await book.ends()
    assert [(seqs, len(keys), whole) for seqs, keys, whole in book.writes] == [
        ([2, 3], 3, False),
        ([], 1, False),
        ([], 1, True),
    ]


async def test_long_events_are_written_in_parts(book: Book) -> None:
    """Five hundred Japanese ones would exceed Temporal's limit."""
    note = ev.NoteAdded(at=T0, by=SATO.id, note="あ" * 100_000)
    book.writer.add([ev.Recorded(seq=seq, event=note) for seq in (1, 2, 3)])
    await book.ends()
    assert [seqs for seqs, _, _ in book.writes] == [[1, 2], [3]]


async def test_rows_are_written_without_an_event(book: Book) -> None:
    """A touch writes once."""
    book.writer.touch()
    await book.ends()
    book.writer.add([])
    await book.ends()
    assert book.writes == [([], [], True)]


async def test_a_touch_during_a_write_is_not_lost(book: Book) -> None:
    """The rows of that write may be older than the touch."""
    book.writer.add(events(1, 1))
    await book.begins(1)
    book.writer.touch()
    await book.ends()
    assert book.writes == [([1], [], True), ([], [], True)]


async def test_a_touch_before_a_write_needs_no_write_of_its_own(book: Book) -> None:
    """The last part of a long write has the rows as well."""
    book.writer.touch()
    book.writer.add(events(1, 600))
    await book.ends()
    assert [(len(seqs), whole) for seqs, _, whole in book.writes] == [(500, False), (100, True)]


async def test_the_backlog_has_everything_that_was_not_confirmed(book: Book) -> None:
    """That includes the write under way."""
    book.writer.add(events(1, 2), alerts(1))
    await book.begins(1)
    book.writer.add(events(3, 3))
    waiting, unclaimed = book.writer.backlog
    assert [each.seq for each in waiting] == [1, 2, 3]
    assert [each.alert.id for each in unclaimed] == ["chat-000001"]
    sizes = [len(each.model_dump_json().encode()) for each in (*events(1, 3), *alerts(1))]
    assert book.writer.weight == sum(sizes)
    await book.ends()
    assert (book.writer.backlog, book.writer.weight) == (((), ()), 0)


async def test_an_event_is_written_once_the_ledger_has_it(book: Book) -> None:
    """Evidence waits for that."""
    book.writer.add(events(4, 5))
    await book.begins(1)
    assert not book.writer.is_written(4)
    await book.ends()
    assert [book.writer.is_written(seq) for seq in (4, 5, 6)] == [True, True, False]
    book.writer.touch()
    await book.ends()
    assert [book.writer.is_written(seq) for seq in (5, 6)] == [True, False]


async def test_nothing_is_written_during_a_pause(book: Book) -> None:
    """Events added during a pause are kept, and written after it."""
    await book.writer.pause()
    book.writer.add(events(1, 2))
    assert (book.writer.idle, book.begun) == (True, 0)
    assert [each.seq for each in book.writer.backlog[0]] == [1, 2]
    book.writer.resume()
    await book.ends()
    assert book.writes == [([1, 2], [], True)]


async def test_a_failure_is_reported_and_loses_nothing(book: Book) -> None:
    """The workflow stops until the cause is fixed."""
    book.away = True
    book.writer.add(events(1, 1))
    await book.ends()
    assert book.tasks.failed
    with pytest.raises(RuntimeError, match="background task"):
        book.tasks.raise_failure()
    assert [each.seq for each in book.writer.backlog[0]] == [1]
