"""Ledger of feedback: verdicts queued with the events of a case, and their deliveries."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from activities.ledger.database import Database, Repository, Row
from activities.ledger.rows import recorded_of
from activities.ledger.schema import alerts, events, feedback
from workflows.domain.case import events as ev
from workflows.domain.case.event_base import kind_of
from workflows.domain.case.events import Recorded
from workflows.domain.feedback import (
    JUDGING,
    LASTS,
    CaseVerdict,
    FeedbackCount,
    FeedbackMessage,
    FeedbackProblem,
    FeedbackProblemKind,
    FeedbackStatus,
    pause_after,
    status_after,
    verdicts,
)
from workflows.ports.cases import LedgerWrite

_OCCASIONS = JUDGING | {kind_of(each) for each in (ev.AlertJoined, ev.CaseAbsorbed, ev.CaseClosed)}
_WAITING, _DEAD = FeedbackStatus.WAITING.value, FeedbackStatus.DEAD.value
MOST_MERGED = 1_000
"""Cases whose alerts one case has taken over."""


# -- queue --------------------------------------------------------------------------------


def queue(
    connection: sa.Connection,
    database: Database,
    write: LedgerWrite,
    detectors: Collection[str],
    now: datetime,
) -> frozenset[str]:
    """Queues the verdicts that a write brings for `detectors`; those that have new messages.

    It is part of the transaction of the events, so no verdict is lost, and none is there twice.
    """
    if not detectors or write.row is None or write.row.decider is None:
        return frozenset()
    if not any(each.event.kind in _OCCASIONS for each in write.events):
        return frozenset()
    judged = verdicts(judging_events(connection, write.case))
    if not judged:
        return frozenset()
    rows = [
        _row(alert, write.case, verdict, now)
        for alert in _alerts(connection, write.case, detectors)
        for verdict in judged
        # An alert that joined later has only the verdict that holds.
        if verdict is judged[-1] or alert.received_at <= verdict.decided_at
    ]
    if not rows:
        return frozenset()
    insert = database.insert(feedback).on_conflict_do_nothing().returning(feedback.c.detector)
    return frozenset(connection.execute(insert, rows).scalars())


def judging_events(connection: sa.Connection, case: str) -> list[Recorded]:
    """The events that verdicts are read from, without those that were erased."""
    query = sa.select(events).where(events.c.case_id == case, events.c.kind.in_(sorted(JUDGING)))
    found: list[Recorded] = []
    for row in connection.execute(query.order_by(events.c.seq)):
        try:
            found.append(recorded_of(row, Recorded))
        except ValueError:  # erased
            continue
    return found


def family(connection: sa.Connection, case: str) -> list[str]:
    """The case, and the cases that were merged into it."""
    found = [case]
    for each in found:
        query = sa.select(events.c.data["case"].as_string()).where(
            events.c.case_id == each, events.c.kind == kind_of(ev.CaseAbsorbed)
        )
        merged = connection.execute(query).scalars()
        found += [other for other in merged if other is not None and other not in found]
        if len(found) > MOST_MERGED:
            break
    return found


def _alerts(
    connection: sa.Connection, case: str, detectors: Collection[str]
) -> Sequence[sa.Row[Any]]:
    query = sa.select(*alerts.c["detector", "alert_id", "received_at"]).where(
        alerts.c.case_id.in_(family(connection, case)), alerts.c.detector.in_(sorted(detectors))
    )
    return connection.execute(query.order_by(alerts.c.detector, alerts.c.alert_id)).all()


def _row(alert: sa.Row[Any], case: str, verdict: CaseVerdict, now: datetime) -> dict[str, Any]:
    return {
        "detector": alert.detector,
        "alert_id": alert.alert_id,
        "case_id": case,
        "version": verdict.version,
        "verdict": verdict.verdict.value,
        "clause": verdict.clause,
        "decided_at": verdict.decided_at,
        "source": verdict.source.value,
        "auto": verdict.auto,
        "overturned": verdict.overturned,
        "queued_at": now,
        "status": _WAITING,
        "tries": 0,
        "next_at": now,
    }


# -- delivery -----------------------------------------------------------------------------


class FeedbackLedger(Repository):
    """Messages with verdicts, by detector. Raises `LedgerUnavailable`."""

    async def due(self, detector: str, at: datetime, most: int) -> tuple[FeedbackMessage, ...]:
        """The messages that are due, in their order; those that were never tried come first."""
        untried = await self._due(detector, at, feedback.c.tries == 0, most)
        tried = await self._due(detector, at, feedback.c.tries > 0, most - len(untried))
        return (*untried, *tried)

    async def _due(
        self, detector: str, at: datetime, which: sa.ColumnElement[bool], most: int
    ) -> tuple[FeedbackMessage, ...]:
        query = _MESSAGES.where(feedback.c.detector == detector, _is_due(at), which)
        ordered = query.order_by(feedback.c.next_at, feedback.c.decided_at, feedback.c.version)
        return _messages(await self._database.rows(ordered.limit(most))) if most else ()

    async def dead(self, detector: str, most: int) -> tuple[FeedbackMessage, ...]:
        """Messages that are not tried any more, the latest first."""
        query = _MESSAGES.where(feedback.c.detector == detector, feedback.c.status == _DEAD)
        newest = query.order_by(feedback.c.tried_at.desc(), feedback.c.alert_id)
        return _messages(await self._database.rows(newest.limit(most)))

    async def dead_count(self, detector: str) -> int:
        """The number of messages that are not tried any more."""
        query = sa.select(sa.func.count().label("number")).where(
            feedback.c.detector == detector, feedback.c.status == _DEAD
        )
        (row,) = await self._database.rows(query)
        return int(row["number"])

    async def next_at(self, detector: str) -> datetime | None:
        """When the next message is due; None if none waits."""
        soonest = sa.func.min(feedback.c.next_at, type_=feedback.c.next_at.type)
        query = sa.select(soonest.label("at")).where(
            feedback.c.detector == detector, feedback.c.status == _WAITING
        )
        (row,) = await self._database.rows(query)
        found: datetime | None = row["at"]
        return found

    async def delivered(self, message: FeedbackMessage, at: datetime) -> None:
        """Notes that the receiver took a message."""
        done = {"status": FeedbackStatus.DELIVERED.value, "problem": None, "next_at": None}
        await self._note(message, {**done, "tried_at": at, "tries": message.tries + 1})

    async def failed(
        self, message: FeedbackMessage, at: datetime, problem: FeedbackProblem
    ) -> None:
        """Notes a failed attempt. The last one also ends older messages, which share its fate."""
        status, tries = status_after(problem, message.queued_at, at), message.tries + 1
        dead = status is FeedbackStatus.DEAD
        told = {"tried_at": at, "problem": problem.model_dump(mode="json")}
        pause = None if dead else at + pause_after(tries)
        await self._note(message, {**told, "status": status, "tries": tries, "next_at": pause})
        if dead and problem.kind is not FeedbackProblemKind.GONE:
            old = (
                feedback.c.detector == message.detector,
                feedback.c.status == _WAITING,
                feedback.c.queued_at <= at - LASTS,
            )
            values = {**told, "status": _DEAD, "next_at": None}
            async with self._database.writing() as connection:
                await connection.execute(sa.update(feedback).where(*old).values(values))

    async def resend(self, detector: str, at: datetime) -> int:
        """Makes dead messages wait again, and all that wait due; the number of all."""
        again = {"tries": 0, "next_at": at}
        own = feedback.c.detector == detector
        async with self._database.writing() as connection:
            waiting = sa.update(feedback).where(own, feedback.c.status == _WAITING)
            dead = sa.update(feedback).where(own, feedback.c.status == _DEAD)
            due = await connection.execute(waiting.values(again))
            renewed = await connection.execute(
                dead.values({**again, "status": _WAITING, "queued_at": at})
            )
            return int(due.rowcount + renewed.rowcount)

    async def counts(self) -> dict[str, FeedbackCount]:
        """What waits and what is dead, by detector; none where everything was delivered."""
        time = feedback.c.queued_at.type
        query = (
            sa.select(
                feedback.c.detector,
                feedback.c.status,
                sa.func.count().label("number"),
                sa.func.min(feedback.c.queued_at, type_=time).label("oldest"),
                sa.func.min(feedback.c.next_at, type_=time).label("next_at"),
            )
            .where(feedback.c.status.in_((_WAITING, _DEAD)))
            .group_by(feedback.c.detector, feedback.c.status)
        )
        rows = await self._database.rows(query)
        found = {row["detector"]: FeedbackCount(detector=row["detector"]) for row in rows}
        for row in rows:
            oldest = found[row["detector"]].oldest
            changed = {
                row["status"]: row["number"],
                "oldest": min(oldest or row["oldest"], row["oldest"]),
            }
            if row["status"] == _WAITING:
                changed["next_at"] = row["next_at"]
            found[row["detector"]] = found[row["detector"]].model_copy(update=changed)
        for detector in found:
            problem = await self._last_problem(detector)
            found[detector] = found[detector].model_copy(update={"problem": problem})
        return found

    async def waiting(self) -> tuple[str, ...]:
        """The detectors for which messages wait."""
        query = sa.select(feedback.c.detector).where(feedback.c.status == _WAITING).distinct()
        return tuple(sorted(row["detector"] for row in await self._database.rows(query)))

    async def untried(self, at: datetime) -> tuple[str, ...]:
        """The detectors with messages that are due and were never tried."""
        query = sa.select(feedback.c.detector).where(_is_due(at), feedback.c.tries == 0).distinct()
        return tuple(sorted(row["detector"] for row in await self._database.rows(query)))

    async def _last_problem(self, detector: str) -> FeedbackProblem | None:
        query = (
            sa.select(feedback.c.problem)
            .where(
                feedback.c.detector == detector,
                feedback.c.status.in_((_WAITING, _DEAD)),
                feedback.c.problem.is_not(None),
            )
            .order_by(feedback.c.tried_at.desc())
            .limit(1)
        )
        for row in await self._database.rows(query):
            return FeedbackProblem.model_validate(row["problem"])
        return None

    async def _note(self, message: FeedbackMessage, values: Mapping[str, Any]) -> None:
        key = (
            feedback.c.detector == message.detector,
            feedback.c.alert_id == message.alert_id,
            feedback.c.case_id == message.case_id,
            feedback.c.version == message.version,
        )
        async with self._database.writing() as connection:
            await connection.execute(sa.update(feedback).where(*key).values(**values))


def _is_due(at: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(feedback.c.status == _WAITING, feedback.c.next_at <= at)


_MESSAGES = sa.select(
    *(feedback.c[name] for name in FeedbackMessage.model_fields if name in feedback.c),
    *alerts.c["kind", "subject_type", "subject_id"],
).join(
    alerts,
    (alerts.c.detector == feedback.c.detector) & (alerts.c.alert_id == feedback.c.alert_id),
)


def _messages(rows: Iterable[Row]) -> tuple[FeedbackMessage, ...]:
    return tuple(
        FeedbackMessage.model_validate(
            {**row, "subject": {"type": row["subject_type"], "id": row["subject_id"]}}
        )
        for row in rows
    )
