"""Ledger of detectors: watermarks move once, runs are kept, heartbeats are beside them."""

from datetime import timedelta

import pytest

from activities.ledger.database import Database
from activities.ledger.detectors import DetectorLedger
from tests.workflows.domain.builders import minutes
from workflows.domain.detection import (
    DetectorState,
    JunkRow,
    Message,
    RunProblem,
    RunProblemKind,
    RunResult,
    Window,
)
from workflows.ports.detectors import RunNote

DONE = RunResult(rows=3, alerts=2, junk=1, examples=(JunkRow(row=2, field="id", reason="x"),))
FAILED = RunResult(problem=RunProblem(kind=RunProblemKind.REFUSED, detail="no such table"))


@pytest.fixture
def ledger(database: Database) -> DetectorLedger:
    """A ledger without detectors."""
    return DetectorLedger(database)


def note(since: float, until: float, result: RunResult = DONE, run: str = "r1") -> RunNote:
    """Returns the note of a window between these minutes."""
    return RunNote(
        run=run,
        detector="shill",
        window=Window(since=minutes(since), until=minutes(until)),
        result=result,
        at=minutes(until + 1),
        seconds=0.5,
    )


async def test_a_window_moves_the_watermark(ledger: DetectorLedger) -> None:
    """The state and the run are read back as they were."""
    await ledger.note(note(0, 5))
    state = await ledger.state("shill")
    assert (state.watermark, state.seen_at) == (minutes(5), minutes(6))
    (run,) = await ledger.runs("shill")
    assert (run.window, run.result, run.seconds) == (note(0, 5).window, DONE, 0.5)


async def test_a_repeated_note_has_the_same_answer(ledger: DetectorLedger) -> None:
    """A worker was killed between the write and its answer: the owner gets the message."""
    first = await ledger.note(note(0, 5, FAILED))
    assert first[1] is Message.FAILING
    assert await ledger.note(note(0, 5, FAILED)) == first
    assert (await ledger.state("shill")).failures == 1


async def test_of_two_runs_at_once_one_counts(ledger: DetectorLedger) -> None:
    """The second one had begun at the same watermark; its alerts are known by their ids."""
    await ledger.note(note(0, 5))
    state, message = await ledger.note(note(0, 3, run="r2"))
    assert (state.watermark, message) == (minutes(5), None)
    assert len(await ledger.runs("shill")) == 1


async def test_a_failure_is_kept_until_a_window_works(ledger: DetectorLedger) -> None:
    """The problem with the database's own words."""
    await ledger.note(note(0, 5, FAILED))
    state = await ledger.state("shill")
    assert (state.failures, state.problem, state.watermark) == (1, FAILED.problem, None)
    _, message = await ledger.note(note(0, 5, run="r2"))
    assert message is Message.WORKING
    state = await ledger.state("shill")
    assert (state.failures, state.problem, state.retry_at) == (0, None, None)


async def test_a_heartbeat_changes_nothing_else(ledger: DetectorLedger) -> None:
    """It is written beside a run."""
    await ledger.note(note(0, 5, FAILED))
    silent = DetectorState(detector="shill", silent_since=minutes(9), messaged_at=minutes(9))
    await ledger.keep([silent, DetectorState(detector="new", seen_at=minutes(1))])
    states = await ledger.states(["shill", "new"])
    assert (states["shill"].failures, states["shill"].silent_since) == (1, minutes(9))
    assert states["new"].seen_at == minutes(1)


async def test_old_runs_are_removed(ledger: DetectorLedger) -> None:
    """After thirty days."""
    await ledger.note(note(0, 5))
    later = timedelta(days=31).total_seconds() / 60
    await ledger.note(note(5, later, run="r2"))
    assert [run.window.until for run in await ledger.runs("shill")] == [minutes(later)]
