"""Ledger of detectors: watermarks, failures, heartbeats, and the runs of SQL detectors."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.ledger.database import Repository
from activities.ledger.schema import alert_records, alerts, detector_runs, detectors
from activities.ledger.team import pauses_now
from workflows.domain.detection import DetectorState, Message, RunResult, Window, after_run
from workflows.domain.values import Value
from workflows.ports.detectors import RunNote

KEPT = timedelta(days=30)
"""How long runs are kept. Their alerts are kept with their cases."""

# Key of detectors among PostgreSQL's advisory locks.
_LOCK = 0x4B6F6264
_STATE = tuple(column.name for column in detectors.c)


class DetectorRun(Value):
    """A window of a run, as the ledger has it."""

    detector: str
    at: datetime
    window: Window
    result: RunResult
    seconds: float


class DetectorLedger(Repository):
    """States and runs of detectors. Raises `LedgerUnavailable`."""

    async def state(self, detector: str) -> DetectorState:
        """The state of a detector; a new one where the ledger has none."""
        return (await self.states([detector]))[detector]

    async def states(self, names: Sequence[str]) -> dict[str, DetectorState]:
        """The states of these detectors."""
        query = sa.select(detectors).where(detectors.c.detector.in_(names))
        known = {row["detector"]: _state(row) for row in await self._database.rows(query)}
        return {name: known.get(name) or DetectorState(detector=name) for name in names}

    async def note(self, note: RunNote) -> tuple[DetectorState, Message | None]:
        """Writes a window of a run and moves the watermark; repeated, it returns the same.

        The watermark moves only from where the window begins: of two runs at once, one counts.
        """
        async with self._database.writing() as connection:
            await self._database.serialize(connection, _LOCK, note.detector)
            state = await _state_of(connection, note.detector)
            again = await _message_of(connection, note)
            if again is not None:
                return state, Message(again) if again else None
            if state.watermark not in (None, note.window.since):
                return state, None
            changed, message = after_run(state, note.window, note.result, note.at)
            await self._keep(connection, changed)
            await connection.execute(sa.insert(detector_runs), _row(note, message))
            old = detector_runs.c.at < note.at - KEPT
            own = detector_runs.c.detector == note.detector
            await connection.execute(sa.delete(detector_runs).where(own, old))
            return changed, message

    async def keep(self, states: Sequence[DetectorState]) -> None:
        """Writes the heartbeats of several detectors, and nothing else of their states."""
        names = ("seen_at", "silent_since", "messaged_at")
        async with self._database.writing() as connection:
            for each in states:
                row = {"detector": each.detector, **{n: getattr(each, n) for n in names}}
                full = {**_values(DetectorState(detector=each.detector)), **row}
                insert = self._database.upsert(detectors, names)
                await connection.execute(insert, full)

    async def paused(self, now: datetime) -> frozenset[str]:
        """The detectors whose whole automation is paused."""
        async with self._database.reading() as connection:
            pauses = await connection.run_sync(pauses_now, now)
        whole = (each for each in pauses if each.action is None)
        return frozenset(each.detector for each in whole if each.detector is not None)

    async def last_alerts(self) -> dict[str, datetime]:
        """The time at which the latest alert of each detector was received."""
        found: dict[str, datetime] = {}
        for received in (alerts.c.received_at, alert_records.c.at):
            detector = received.table.c.detector
            latest = sa.func.max(received, type_=received.type).label("at")
            query = sa.select(detector, latest).group_by(detector)
            for row in await self._database.rows(query):
                found[row["detector"]] = max(row["at"], found.get(row["detector"], row["at"]))
        return found

    async def runs(self, detector: str, most: int = 10) -> tuple[DetectorRun, ...]:
        """The latest windows of a detector, the newest first."""
        query = (
            sa.select(detector_runs)
            .where(detector_runs.c.detector == detector)
            .order_by(detector_runs.c.at.desc(), detector_runs.c.since.desc())
            .limit(most)
        )
        return tuple(_run(row) for row in await self._database.rows(query))

    async def _keep(self, connection: AsyncConnection, state: DetectorState) -> None:
        await connection.execute(self._database.upsert(detectors, _STATE), _values(state))


async def _state_of(connection: AsyncConnection, detector: str) -> DetectorState:
    query = sa.select(detectors).where(detectors.c.detector == detector)
    row = (await connection.execute(query)).mappings().one_or_none()
    return DetectorState(detector=detector) if row is None else _state(row)


async def _message_of(connection: AsyncConnection, note: RunNote) -> str | None:
    """The message of an earlier attempt: "" without one, None if there was no attempt."""
    query = sa.select(detector_runs.c.message).where(
        detector_runs.c.detector == note.detector,
        detector_runs.c.run == note.run,
        detector_runs.c.since == note.window.since,
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else row.message or ""


def _state(row: Mapping[Any, Any]) -> DetectorState:
    return DetectorState.model_validate(dict(row))


def _values(state: DetectorState) -> dict[str, Any]:
    problem = state.problem.model_dump(mode="json") if state.problem is not None else None
    own = {name: getattr(state, name) for name in _STATE if name != "problem"}
    return {**own, "problem": problem}


def _row(note: RunNote, message: Message | None) -> dict[str, Any]:
    result = note.result
    return {
        "detector": note.detector,
        "run": note.run,
        "since": note.window.since,
        "until": note.window.until,
        "at": note.at,
        "seconds": note.seconds,
        "rows": result.rows,
        "alerts": result.alerts,
        "duplicates": result.duplicates,
        "junk": result.junk,
        "examples": [each.model_dump(mode="json") for each in result.examples],
        "problem": None if result.problem is None else result.problem.model_dump(mode="json"),
        "message": None if message is None else message.value,
    }


def _run(row: Mapping[Any, Any]) -> DetectorRun:
    return DetectorRun(
        detector=row["detector"],
        at=row["at"],
        window=Window(since=row["since"], until=row["until"]),
        result=RunResult.model_validate(dict(row)),
        seconds=row["seconds"],
    )
