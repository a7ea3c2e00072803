"""Ledger of automatic actions: counts for breakers, their trips, and what people thought of them.

Bookings of one action of one detector wait for each other, so workers together never exceed a
breaker.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from activities.ledger.database import Database
from activities.ledger.rows import Link, sha256_of, storable
from activities.ledger.schema import automatic_actions as table
from activities.ledger.team import CHANGES, armed_at, insert_change, pauses_now
from workflows.domain.alerts import Subject
from workflows.domain.automation import (
    AutomationChange,
    AutomationPause,
    pause_of,
    tripped,
)
from workflows.domain.brakes import (
    HISTORY_DAYS,
    JUDGED_WITHIN,
    UNDONE_WITHIN,
    AutomaticAction,
    Breaker,
    Tally,
    Trip,
    hour_of,
    trip,
    usual_of,
)
from workflows.domain.case import events as ev
from workflows.domain.case.automation import Booked, Booking, Counted, counted_detector, prevented
from workflows.domain.case.decision import KOBAN, Verdict
from workflows.domain.case.event_base import kind_of

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_KEY = ("case_id", "decision_id", "action")


def holders(counted: Counted | None) -> set[str]:
    """The names under which bookings of the same actions wait for each other."""
    if counted is None:
        return set()
    return {f"{name}+{each.action}" for name in counted.detectors for each in counted.actions}


def known_pauses(connection: sa.Connection, booking: Booking) -> tuple[AutomationPause, ...]:
    """The pauses at the time of a booking; none if it has no automatic actions."""
    return () if booking.counted is None else pauses_now(connection, booking.at)


def count(
    connection: sa.Connection,
    database: Database,
    booking: Booking,
    pauses: Sequence[AutomationPause],
) -> Booked | None:
    """Counts the actions of a booking, unless one of them trips its breaker."""
    counted = booking.counted
    if counted is None:
        return None
    made = list[dict[str, Any]]()
    for each in counted.actions:
        detector = counted_detector(pauses, counted, each.action)
        row = _row(booking, counted, each, detector)
        if not _counted(connection, database, row):
            continue  # an earlier attempt of this booking
        made.append(row)
        cause = None if each.sampled else _trip(connection, counted.breaker, row)
        if cause is not None:
            _remove(connection, made)
            change = tripped(detector, each.action, cause, KOBAN, booking.case, booking.at)
            return _stop(connection, database, booking, change)
    return None


def _counted(connection: sa.Connection, database: Database, row: dict[str, Any]) -> bool:
    """Counts an action, also one whose booking at another time had no effect; False if it is."""
    insert = database.insert(table).on_conflict_do_nothing().returning(table.c.case_id)
    if connection.execute(insert, row).one_or_none() is not None:
        return True
    own = [table.c[name] == row[name] for name in _KEY]
    moved = sa.update(table).where(*own, table.c.at != row["at"])
    again = moved.values(at=row["at"], detector=row["detector"]).returning(table.c.case_id)
    return connection.execute(again).one_or_none() is not None


def _stop(
    connection: sa.Connection, database: Database, booking: Booking, change: AutomationChange
) -> Booked:
    """Stores a trip, unless a person has paused the same meanwhile."""
    database.lock(connection, CHANGES)
    earlier = prevented(booking, known_pauses(connection, booking))
    if earlier is not None:
        return earlier
    insert_change(connection, change, database.audit)
    return Booked(pause=pause_of(change))


def _row(
    booking: Booking, counted: Counted, action: AutomaticAction, detector: str
) -> dict[str, Any]:
    return {
        "case_id": booking.case or "",
        "decision_id": action.decision,
        "action": action.action,
        "detector": storable(detector),
        "playbook": counted.playbook,
        "subject": subject_digest(action.subject),
        "at": booking.at,
        "sampled": action.sampled,
    }


def subject_digest(key: str) -> str:
    """The name of a subject in counts, which need not know who it is."""
    return sha256_of(key)[:32]


def _remove(connection: sa.Connection, rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        own = (table.c[name] == row[name] for name in _KEY)
        connection.execute(sa.delete(table).where(*own))


# -- counts -------------------------------------------------------------------------------


def _trip(connection: sa.Connection, breaker: Breaker, row: dict[str, Any]) -> Trip | None:
    """The limit that the action of a row exceeds, which is among the counts already."""
    tally = tally_of(connection, breaker, row["detector"], row["action"], row["at"])
    return trip(breaker, tally)


def tally_of(
    connection: sa.Connection, breaker: Breaker, detector: str, action: str, now: datetime
) -> Tally:
    """The counts about one action of one detector."""
    own = sa.and_(table.c.detector == storable(detector), table.c.action == action)
    armed = armed_at(connection, detector, action)
    since = partial(_since, armed, now)
    acted = sa.and_(own, sa.not_(table.c.sampled))
    within = sa.select(sa.func.count(), sa.func.count(table.c.subject.distinct()))
    actions, subjects = connection.execute(within.where(acted, since(breaker.window))).one()
    # The history is read only where it can matter.
    usual = _usual(connection, acted, breaker, now) if actions >= breaker.floor else None
    done, undone = (0, 0)
    if breaker.undone is not None:
        both = sa.select(sa.func.count(), sa.func.count(table.c.undone_at))
        done, undone = connection.execute(both.where(acted, since(UNDONE_WITHIN))).one()
    judged, right = (0, 0)
    if breaker.precision is not None:
        judged, right = _judged(connection, sa.and_(own, table.c.sampled, since(JUDGED_WITHIN)))
    return Tally(
        actions=actions,
        subjects=subjects,
        usual=usual,
        judged=judged,
        right=right,
        acted=done,
        undone=undone,
    )


def _since(armed: datetime | None, now: datetime, within: timedelta) -> sa.ColumnElement[bool]:
    """What is younger than `within`, and than the last arming."""
    start = now - within
    return table.c.at > start if armed is None else table.c.at > max(start, armed)


def _judged(connection: sa.Connection, samples: sa.ColumnElement[bool]) -> tuple[int, int]:
    right = sa.func.coalesce(sa.func.sum(sa.case((table.c.confirmed, 1), else_=0)), 0)
    query = sa.select(sa.func.count(table.c.confirmed), right).where(samples)
    judged, confirmed = connection.execute(query).one()
    return int(judged), int(confirmed)


def _usual(
    connection: sa.Connection, acted: sa.ColumnElement[bool], breaker: Breaker, now: datetime
) -> float | None:
    """The actions of a window in the same hours of the days before; None within the first day.

    A window has a part in two hours, of which the busier one counts.
    """
    first = connection.execute(sa.select(sa.func.min(table.c.at)).where(acted)).scalar_one()
    if first is None:
        return None
    hours = {hour_of(now), hour_of(now - breaker.window)}
    found = (_usual_in(connection, acted, breaker, hour, first) for hour in hours)
    return max((each for each in found if each is not None), default=None)


def _usual_in(
    connection: sa.Connection,
    acted: sa.ColumnElement[bool],
    breaker: Breaker,
    hour: datetime,
    first: datetime,
) -> float | None:
    days = min(HISTORY_DAYS, (hour - first) // _DAY)
    if days < 1:
        return None
    starts = [hour - day * _DAY for day in range(1, days + 1)]
    same = (sa.and_(table.c.at >= start, table.c.at < start + _HOUR) for start in starts)
    number = sa.select(sa.func.count()).select_from(table).where(acted, sa.or_(*same))
    return usual_of(connection.execute(number).scalar_one(), days, breaker.window)


# -- what people think --------------------------------------------------------------------

_ENDED = {kind_of(ev.UndoRequested): "decision", kind_of(ev.ProtectionDismissed): "protection"}
"""Fields with the id of what a person ended, by the kind of the event."""


def note_outcomes(connection: sa.Connection, case: str, new: Sequence[Link]) -> None:
    """Records what people undid of the automatic actions of a case, and what they judged."""
    for link in new:
        if link.actor is None or link.data is None:
            continue
        if link.kind in _ENDED and not link.data.get("after_failure", False):
            ended = table.c.decision_id == link.data[_ENDED[link.kind]]
            _undone(connection, case, link.at, ended)
        elif link.kind == kind_of(ev.Decided):
            verdict = Verdict(link.data["decision"]["verdict"])
            _judge(connection, case, link.at, verdict is Verdict.VIOLATION)


def _judge(connection: sa.Connection, case: str, at: datetime, violation: bool) -> None:
    """A decision judges a sample; without a violation, what Koban did was wrong."""
    samples = (table.c.case_id == case, table.c.sampled)
    connection.execute(sa.update(table).where(*samples).values(confirmed=violation))
    if not violation:
        _undone(connection, case, at, sa.not_(table.c.sampled))


def _undone(
    connection: sa.Connection, case: str, at: datetime, which: sa.ColumnElement[bool]
) -> None:
    first = (table.c.case_id == case, table.c.undone_at.is_(None), which)
    connection.execute(sa.update(table).where(*first).values(undone_at=at))


def counted_of(connection: sa.Connection, subject: Subject) -> Sequence[Any]:
    """The keys of what was counted about a subject."""
    own = table.c.subject == subject_digest(subject.key)
    return connection.execute(sa.select(*table.c[_KEY]).where(own)).all()


def forget_subject(connection: sa.Connection, subject: Subject) -> None:
    """Takes a subject out of the counts; its actions still count."""
    own = table.c.subject == subject_digest(subject.key)
    connection.execute(sa.update(table).where(own).values(subject=""))
