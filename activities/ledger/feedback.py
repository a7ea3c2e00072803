"""Ledger of feedback: verdicts queued with the events of a case, and their deliveries."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from activities.ledger.database import Database, Repository, Row
from activities.ledger.rows import recorded_of
from activities.ledger.schema import alerts, erasures, events, feedback
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
    judgment,
    pause_after,
    status_after,
)
from workflows.ports.cases import LedgerWrite

_ALL_ALERTS = JUDGING | {kind_of(each) for each in (ev.CaseAbsorbed, ev.CaseClosed)}
"""Kinds of events after which verdicts are queued for all alerts of a case, not only new ones."""
_DECIDED, _JOINED = kind_of(ev.Decided), kind_of(ev.AlertJoined)
_WAITING, _DEAD = FeedbackStatus.WAITING.value, FeedbackStatus.DEAD.value
MOST_MERGED = 1_000
"""Cases whose alerts one case has taken over."""
Family = dict[str, datetime | None]
"""A case, and those that were merged into it, with the time of that; None for the case itself."""


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
    concerned = _concerned(connection, write) if detectors else None
    if concerned is None:
        return frozenset()
    of_these = sa.and_(concerned, alerts.c.detector.in_(sorted(detectors)))
    told = set[str]()
    for verdict, about in _verdicts(connection, write):
        wanted = sa.and_(about, of_these)
        told |= _insert(connection, database, write.case, verdict, wanted, now)
    return frozenset(told)


def _verdicts(
    connection: sa.Connection, write: LedgerWrite
) -> list[tuple[CaseVerdict, sa.ColumnElement[bool]]]:
    """The verdicts of a case, each with the alerts that it is about."""
    judged = judgment(_settled(connection, write))
    if not judged.verdicts:
        return []
    cases = family(connection, write.case)
    earlier, last = judged.verdicts[:-1], judged.verdicts[-1]
    about = [(each, judged_alerts(cases, each, False)) for each in earlier]
    return [*about, (last, judged_alerts(cases, last, judged.stands))]


def _concerned(connection: sa.Connection, write: LedgerWrite) -> sa.ColumnElement[bool] | None:
    """The alerts of a case that a write may bring verdicts for; None if there are none."""
    if any(each.event.kind in _ALL_ALERTS for each in write.events) or _was_open(connection, write):
        return sa.true()
    if write.row is not None and write.row.decider is None:
        return None
    keys = sorted(_new_alerts(write))
    return sa.tuple_(alerts.c.detector, alerts.c.alert_id).in_(keys) if keys else None


def _new_alerts(write: LedgerWrite) -> set[tuple[str, str]]:
    """Detector and id of each alert that joins with a write."""
    events = (each.event for each in write.events)
    joined = {each.alert.key for each in events if isinstance(each, ev.AlertJoined)}
    joined |= {received.alert.key for received in write.alerts}
    return {(detector, id_) for detector, _, id_ in (key.partition("/") for key in joined)}


def _was_open(connection: sa.Connection, write: LedgerWrite) -> bool:
    """Whether an earlier part of a long write ended with a decision, see `_settled`."""
    before = sa.select(events.c.kind).where(events.c.case_id == write.case)
    if write.events:
        before = before.where(events.c.seq < write.events[0].seq)
    last = connection.execute(before.order_by(events.c.seq.desc()).limit(1))
    return last.scalar_one_or_none() == _DECIDED


def _settled(connection: sa.Connection, write: LedgerWrite) -> list[Recorded]:
    """The judging events, without a decision whose next event, perhaps a request, is not there."""
    found = judging_events(connection, write.case)
    last = write.events[-1] if write.events else None
    if write.row is None and last is not None and last.event.kind == _DECIDED:
        return [each for each in found if each.seq != last.seq]
    return found


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


def family(connection: sa.Connection, case: str) -> Family:
    """The case, and the cases that were merged into it."""
    found: Family = {case: None}
    waiting = [case]
    for each in waiting:
        for at, other in connection.execute(_ABSORBED, {"case": each}):
            if other is not None and other not in found and len(found) <= MOST_MERGED:
                found[other] = max(at, found[each] or at)
                waiting.append(other)
    return found


_ABSORBED = sa.select(events.c.at, events.c.data["case"].as_string()).where(
    events.c.case_id == sa.bindparam("case"), events.c.kind == kind_of(ev.CaseAbsorbed)
)


def judged_alerts(cases: Family, verdict: CaseVerdict, stands: bool) -> sa.ColumnElement[bool]:
    """The alerts that a verdict is about: those of its time, and later ones while it `stands`."""
    if stands:
        return alerts.c.case_id.in_(sorted(cases))
    at = verdict.decided_at
    there = [case for case, since in cases.items() if since is None or since <= at]
    return sa.and_(alerts.c.case_id.in_(sorted(there)), alerts.c.received_at <= at)


def _insert(
    connection: sa.Connection,
    database: Database,
    case: str,
    verdict: CaseVerdict,
    wanted: sa.ColumnElement[bool],
    now: datetime,
) -> set[str]:
    """Queues a verdict in one statement; the detectors with new messages."""
    values = _values(case, verdict, now)
    literals = [sa.literal(value, feedback.c[name].type) for name, value in values.items()]
    chosen = sa.select(*alerts.c["detector", "alert_id"], *literals).where(wanted)
    chosen = chosen.order_by(alerts.c.detector, alerts.c.alert_id)
    insert = database.insert(feedback).from_select(["detector", "alert_id", *values], chosen)
    queued = insert.on_conflict_do_nothing().returning(feedback.c.detector)
    return set(connection.execute(queued).scalars())


def _values(case: str, verdict: CaseVerdict, now: datetime) -> dict[str, Any]:
    return {
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

    async def deaths(self, detector: str, at: datetime) -> int:
        """The number of dead messages if some died `at`, and none before on that day (UTC)."""
        day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        died = feedback.c.tried_at
        earlier = sa.and_(died >= day, died < at)
        counts: dict[str, sa.ColumnElement[Any]] = {
            "all": sa.func.count(),
            "now": sa.func.count(sa.case((died == at, 1))),
            "earlier": sa.func.count(sa.case((earlier, 1))),
        }
        query = sa.select(*(each.label(name) for name, each in counts.items())).where(
            feedback.c.detector == detector, feedback.c.status == _DEAD
        )
        (row,) = await self._database.rows(query)
        return int(row["all"]) if row["now"] and not row["earlier"] else 0

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
        """Notes a failed attempt, unless a later one was noted.

        The last one also ends older messages, which share its fate.
        """
        status, tries = status_after(problem, message.queued_at, at), message.tries + 1
        dead = status is FeedbackStatus.DEAD
        values = {
            **_told(at, problem),
            "status": status,
            "tries": tries,
            "next_at": None if dead else at + pause_after(tries),
        }
        noted = await self._note(message, values, _unchanged(message))
        if noted and dead and problem.kind is not FeedbackProblemKind.GONE:
            await self._end_older(message.detector, at, problem)

    async def _end_older(self, detector: str, at: datetime, problem: FeedbackProblem) -> None:
        old = (
            feedback.c.detector == detector,
            feedback.c.status == _WAITING,
            feedback.c.queued_at <= at - LASTS,
        )
        values = {**_told(at, problem), "status": _DEAD, "next_at": None}
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
        found: dict[str, FeedbackCount] = {}
        for row in await self._database.rows(_COUNTS):
            detector = row["detector"]
            count = found.get(detector) or FeedbackCount(
                detector=detector, problem=await self._last_problem(detector)
            )
            found[detector] = _with_row(count, row)
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

    async def _note(
        self,
        message: FeedbackMessage,
        values: Mapping[str, Any],
        *only_if: sa.ColumnElement[bool],
    ) -> bool:
        """Notes a result; False where the row is another one by now."""
        key = (
            feedback.c.detector == message.detector,
            feedback.c.alert_id == message.alert_id,
            feedback.c.case_id == message.case_id,
            feedback.c.version == message.version,
        )
        change = sa.update(feedback).where(*key, *only_if).values(**values)
        async with self._database.writing() as connection:
            return bool((await connection.execute(change)).rowcount)


_COUNTS = (
    sa.select(
        *feedback.c["detector", "status"],
        sa.func.count().label("number"),
        sa.func.min(feedback.c.queued_at, type_=feedback.c.queued_at.type).label("oldest"),
        sa.func.min(feedback.c.next_at, type_=feedback.c.next_at.type).label("next_at"),
    )
    .where(feedback.c.status.in_((_WAITING, _DEAD)))
    .group_by(feedback.c.detector, feedback.c.status)
)


def _with_row(count: FeedbackCount, row: Row) -> FeedbackCount:
    """The count with the messages of one status."""
    changed = {
        row["status"]: row["number"],
        "oldest": min(count.oldest or row["oldest"], row["oldest"]),
        "next_at": row["next_at"] if row["status"] == _WAITING else count.next_at,
    }
    return count.model_copy(update=changed)


def _told(at: datetime, problem: FeedbackProblem) -> dict[str, Any]:
    return {"tried_at": at, "problem": problem.model_dump(mode="json")}


def _unchanged(message: FeedbackMessage) -> sa.ColumnElement[bool]:
    """Whether nothing has happened to a message since it was read."""
    return sa.and_(
        feedback.c.status == _WAITING,
        feedback.c.tries == message.tries,
        feedback.c.queued_at == message.queued_at,
    )


def _is_due(at: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(feedback.c.status == _WAITING, feedback.c.next_at <= at)


_ERASED = (
    sa.select(1)
    .where(
        erasures.c.kind == "subject",
        erasures.c.subject_type == alerts.c.subject_type,
        erasures.c.subject_id == alerts.c.subject_id,
        erasures.c.begun_at >= alerts.c.received_at,
    )
    .correlate(alerts)
)
"""An erasure of the subject of an alert, after it was received."""

_MESSAGES = sa.select(
    *(feedback.c[name] for name in FeedbackMessage.model_fields if name in feedback.c),
    *alerts.c["kind", "subject_type", "subject_id"],
    sa.exists(_ERASED).label("erased"),
).join(
    alerts,
    (alerts.c.detector == feedback.c.detector) & (alerts.c.alert_id == feedback.c.alert_id),
)


def _messages(rows: Iterable[Row]) -> tuple[FeedbackMessage, ...]:
    return tuple(FeedbackMessage.model_validate({**row, "subject": _subject(row)}) for row in rows)


def _subject(row: Row) -> dict[str, str] | None:
    """The subject of a message, unless its data were erased."""
    return None if row["erased"] else {"type": row["subject_type"], "id": row["subject_id"]}
