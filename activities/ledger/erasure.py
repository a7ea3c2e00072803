"""Erasure of personal data in the ledger: the rows of a case, and all data of a subject."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
import structlog

from activities.ledger import event_log
from activities.ledger.alert_records import bodies_left, erase_bodies
from activities.ledger.audit_log import json_of
from activities.ledger.brakes import counted_of, forget_subject
from activities.ledger.database import Database
from activities.ledger.policies import SNAPSHOT, snapshot_text
from activities.ledger.schema import (
    alerts,
    appeals,
    audit_heads,
    cases,
    clearings,
    erasures,
    events,
    evidence_files,
    lookups,
)
from activities.signatures import Signer
from workflows.domain.alerts import Subject
from workflows.domain.appeal.events import APPEAL_EVENTS
from workflows.domain.appeal.model import OVER
from workflows.domain.case.erasure import (
    Eraser,
    Json,
    OfKinds,
    OfSubject,
    event_left,
    snapshot_left,
)
from workflows.domain.case.event_base import kind_of
from workflows.domain.case.events import EVENTS
from workflows.domain.case.model import Phase
from workflows.domain.policy.reports import Kept
from workflows.ports.reports import RetentionStep

log = structlog.get_logger()

_OVER = sorted(each.value for each in OVER)
_CLASSES = {kind_of(each): each for each in (*EVENTS, *APPEAL_EVENTS)}


class CaseIsOpen(Exception):
    """A case about the subject is open, or under appeal; `cases` are their ids."""

    def __init__(self, found: Iterable[str]) -> None:
        self.cases = tuple(found)
        super().__init__(", ".join(self.cases))


@dataclass(frozen=True)
class SubjectErasure:
    """What an erasure takes, as counts by table.

    `left` are open cases about others that name the subject. `redraw` are closed cases whose
    cards show what was erased.
    """

    counts: dict[str, int]
    left: tuple[str, ...] = ()
    redraw: tuple[str, ...] = ()


_SHOWN = ("title", "evidence")
"""Parts of an alert that its digest is of."""


@dataclass
class Changes:
    """Rows of one case that change, with what stays of each.

    `alerts` by detector and id, `events` by chain and seq, `appeals` by id. `unlike` are the alerts
    that show something else than before. `pictures` are pieces of evidence that were images, as
    detector, id and item.
    """

    case: str
    alerts: dict[tuple[str, str], Json] = field(default_factory=dict)
    unlike: set[tuple[str, str]] = field(default_factory=set)
    pictures: list[tuple[str, str, int]] = field(default_factory=list)
    events: dict[str, dict[int, Json]] = field(default_factory=dict)
    appeals: dict[str, Json] = field(default_factory=dict)
    snapshot: Json | None = None

    def __bool__(self) -> bool:
        return bool(self.alerts or self.events or self.appeals or self.snapshot)

    @property
    def counts(self) -> Counter[str]:
        """The number of changed rows by table."""
        return Counter(
            cases=int(bool(self)),
            alerts=len(self.alerts),
            events=sum(len(each) for each in self.events.values()),
            appeals=len(self.appeals),
        )


class CaseEraser:
    """Changes to the rows of one case, and their writes in the caller's transaction."""

    def __init__(self, database: Database, signer: Signer) -> None:
        """`signer` signs what is left of snapshots."""
        self._database = database
        self._signer = signer
        self._clear = database.upsert(clearings, ["case_id", "kind", "at"])

    def changes(
        self, connection: sa.Connection, case: str, eraser: Eraser, with_appeals: bool = True
    ) -> Changes:
        """The rows of a case that lose something."""
        found = Changes(case=case)
        for row in connection.execute(sa.select(alerts).where(alerts.c.case_id == case)):
            body = eraser.body(row.body)
            if body != row.body:
                found.alerts[(row.detector, row.alert_id)] = body
                if any(body.get(part) != row.body.get(part) for part in _SHOWN):
                    found.unlike.add((row.detector, row.alert_id))
                found.pictures += [
                    (row.detector, row.alert_id, item) for item in _images_lost(row.body, body)
                ]
        self._add_events(connection, found, case, eraser)
        if with_appeals:
            self._add_appeals(connection, found, eraser)
        snapshot = connection.execute(
            sa.select(cases.c.snapshot).where(cases.c.id == case)
        ).scalar_one_or_none()
        if snapshot is not None:
            left = snapshot_left(snapshot, eraser)
            found.snapshot = left if left != snapshot else None
        return found

    def _add_events(
        self, connection: sa.Connection, found: Changes, chain: str, eraser: Eraser
    ) -> None:
        columns = events.c["seq", "kind", "data"]
        for row in connection.execute(sa.select(*columns).where(events.c.case_id == chain)):
            kind = _CLASSES.get(row.kind)
            if kind is not None and row.data is not None:
                left = event_left(kind, row.data, eraser)
                if left != row.data:
                    found.events.setdefault(chain, {})[row.seq] = left

    def _add_appeals(self, connection: sa.Connection, found: Changes, eraser: Eraser) -> None:
        query = sa.select(appeals).where(appeals.c.case_id == found.case)
        for row in connection.execute(query):
            one = eraser
            if isinstance(eraser, OfSubject) and _subject(row) == eraser.subject:
                one = OfSubject(eraser.subject, own=True)
            old = {"statement": row.statement, "reason": row.reason}
            left = {key: text and one.words(text) for key, text in old.items()}
            if left != old:
                found.appeals[row.id] = left
            self._add_events(connection, found, row.id, one)

    def write(
        self,
        connection: sa.Connection,
        changes: Changes,
        kinds: Iterable[str],
        now: datetime,
    ) -> bool:
        """Writes the changes, and that they were made; returns whether a card has to follow."""
        for (detector, alert), body in changes.alerts.items():
            key = (alerts.c.detector == detector) & (alerts.c.alert_id == alert)
            # A digest of a short text could be guessed.
            digest = {"content": None} if (detector, alert) in changes.unlike else {}
            connection.execute(sa.update(alerts).where(key).values(body=body, **digest))
        for detector, alert, item in changes.pictures:
            piece = {"detector": detector, "alert_id": alert, "item": item}
            shown = sa.update(evidence_files).filter_by(**piece)
            connection.execute(shown.values(shown=False))  # the next run deletes it
        for chain, left in changes.events.items():
            event_log.erase(connection, self._database.audit, chain, left)
        for appeal, texts in changes.appeals.items():
            connection.execute(sa.update(appeals).where(appeals.c.id == appeal).values(**texts))
        for kind in kinds:
            row = {"case_id": changes.case, "kind": kind, "at": now}
            connection.execute(self._clear, row)
        if changes.snapshot is None:
            return False
        redraw = bool(changes.snapshot.get("card"))
        snapshot = {**changes.snapshot, "cleared_at": now.isoformat(), "redraw": redraw}
        self._write_snapshot(connection, changes.case, snapshot)
        return redraw

    def _write_snapshot(self, connection: sa.Connection, case: str, left: Json) -> None:
        """Signs what is left; a snapshot that was changed by others is removed."""
        row = connection.execute(sa.select(cases).where(cases.c.id == case)).one()
        text = snapshot_text(case, row.playbook, row.policy_version, row.snapshot)
        values: dict[str, Any] = {"snapshot": None, "snapshot_signature": None}
        if self._signer.verifies(SNAPSHOT, text, row.snapshot_signature or ""):
            text = snapshot_text(case, row.playbook, row.policy_version, left)
            values = {
                "snapshot": left,
                "snapshot_signature": self._signer.sign(SNAPSHOT, text),
            }
        else:
            log.error("snapshot_refused", case=case)
        connection.execute(sa.update(cases).where(cases.c.id == case).values(**values))


def _eraser(connection: sa.Connection, case: str, subject: Subject, own: bool) -> OfSubject:
    """The eraser of a subject in one case."""
    about = (alerts.c.case_id == case, *_is(alerts, subject))
    rows = connection.execute(sa.select(alerts.c.detector, alerts.c.alert_id).where(*about))
    keys = frozenset(f"{row.detector}/{row.alert_id}" for row in rows)
    theirs = sa.select(appeals.c.id).where(appeals.c.case_id == case, *_is(appeals, subject))
    ids = frozenset(connection.execute(theirs).scalars())
    return OfSubject(subject, own=own, alerts=keys, appeals=ids)


def _subject(row: Any) -> Subject | None:
    return Subject(type=row.subject_type, id=row.subject_id) if row.subject_id else None


def _images_lost(body: Json, left: Json) -> Iterable[int]:
    """The items of an alert that were images."""
    pieces = left.get("evidence") or []
    for item, piece in enumerate(body.get("evidence") or []):
        stays = item < len(pieces) and pieces[item].get("kind") == "image"
        if piece.get("kind") == "image" and not stays:
            yield item


def appeal_pending() -> sa.ColumnElement[bool]:
    """Whether an appeal about the case is not over."""
    found = sa.select(1).where(appeals.c.case_id == cases.c.id, appeals.c.state.not_in(_OVER))
    return sa.exists(found)


CLOSED = sa.and_(cases.c.phase == Phase.CLOSED.value, cases.c.approval_expires_at.is_(None))


class SubjectEraser:
    """Erasure of one subject's data. Every method raises `LedgerUnavailable`."""

    def __init__(self, database: Database, signer: Signer) -> None:
        """`signer` signs what is left of snapshots."""
        self._database = database
        self._cases = CaseEraser(database, signer)

    async def has_signatures(self) -> bool:
        """Whether a snapshot or a head is signed: so are what is left, and the new entries."""
        snapshots = sa.select(cases.c.id).where(cases.c.snapshot_signature != "").limit(1)
        signed_heads = sa.select(audit_heads.c.number).where(audit_heads.c.signature != "").limit(1)
        found = [await self._database.scalar(each) for each in (snapshots, signed_heads)]
        return any(each is not None for each in found)

    async def plan(self, subject: Subject) -> SubjectErasure:
        """What an erasure would take; nothing is written. Raises `CaseIsOpen`."""
        async with self._database.reading() as connection:
            return await connection.run_sync(self._plan, subject)

    def _plan(self, connection: sa.Connection, subject: Subject) -> SubjectErasure:
        total: Counter[str] = Counter()
        own, others, left = self._found(connection, subject)
        for case in (*own, *others):
            total.update(self._changes_of(connection, case, subject, case in own).counts)
        total.update(
            lookups=len(_looks_left(connection, subject)),
            pictures=_pictures(connection, own),
            records=len(bodies_left(connection, subject)),
            automatic_actions=len(counted_of(connection, subject)),
        )
        counts = {key: number for key, number in total.items() if number}
        return SubjectErasure(counts=counts, left=left, redraw=_stale(connection, subject))

    async def erase_subject(self, subject: Subject, by: str, now: datetime) -> SubjectErasure:
        """Takes a subject's data out, a case at a time; can be repeated. Raises `CaseIsOpen`."""
        plan = await self.plan(subject)
        if not plan.counts:
            return plan
        row = {
            "id": f"subject/{uuid4().hex}",
            "kind": "subject",
            "begun_at": now,
            "actor": by,
            "subject_type": subject.type,
            "subject_id": subject.id,
            "counts": plan.counts,
        }
        insert = sa.insert(erasures).values(**row)
        await self._database.write(lambda connection: self._record(connection, insert))
        async with self._database.reading() as connection:
            own, others, left = await connection.run_sync(self._found, subject)
        for case in (*own, *others):
            await self._erase_of(case, subject, case in own, now)
        await self._database.write(
            lambda connection: _erase_looks(connection, self._database, subject)
        )
        await self._database.write(
            lambda connection: erase_bodies(connection, self._database.audit, subject)
        )
        await self._database.write(lambda connection: forget_subject(connection, subject))
        of_run = sa.update(erasures).where(erasures.c.id == row["id"])
        ended = of_run.values(ended_at=datetime.now(UTC))
        await self._database.write(lambda connection: self._record(connection, ended))
        async with self._database.reading() as connection:
            redraw = await connection.run_sync(_stale, subject)
        return SubjectErasure(counts=plan.counts, left=left, redraw=redraw)

    def _record(self, connection: sa.Connection, change: sa.Insert | sa.Update) -> None:
        row = connection.execute(change.returning(erasures)).mappings().one()
        enter_erasure(connection, self._database, row)

    async def _erase_of(self, case: str, subject: Subject, own: bool, now: datetime) -> None:
        def erase(connection: sa.Connection) -> None:
            query = sa.select(cases.c.id).where(cases.c.id == case, CLOSED)
            locked = query.where(sa.not_(appeal_pending())).with_for_update()
            if connection.execute(locked).scalar_one_or_none() is None:
                raise CaseIsOpen([case])  # since the plan
            changes = self._changes_of(connection, case, subject, own)
            if changes:
                kind = _clearing_of(subject)
                self._cases.write(connection, changes, (kind,), now)
            if own:
                _stop_showing(connection, case)

        await self._database.write(erase)

    def _changes_of(
        self, connection: sa.Connection, case: str, subject: Subject, own: bool
    ) -> Changes:
        return self._cases.changes(connection, case, _eraser(connection, case, subject, own))

    def _found(
        self, connection: sa.Connection, subject: Subject
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """The subject's cases, closed cases of others that may name them, and open ones.

        Raises:
            CaseIsOpen: a case about the subject is open, or under appeal.
        """
        busy = sa.or_(sa.not_(CLOSED), appeal_pending())
        query = sa.select(cases.c.id, busy.label("busy")).order_by(cases.c.id)
        own = connection.execute(query.where(*_is(cases, subject))).all()
        if any(row.busy for row in own):
            raise CaseIsOpen(row.id for row in own if row.busy)
        ids = tuple(row.id for row in own)
        named = query.where(cases.c.id.in_(_naming(subject)), cases.c.id.not_in(ids))
        others = connection.execute(named).all()
        return (
            ids,
            tuple(row.id for row in others if not row.busy),
            tuple(
                row.id
                for row in others
                if row.busy and self._changes_of(connection, row.id, subject, False)
            ),
        )


BY_SUBJECT = "subject/"
"""Prefix of the kind of a clearing that took a subject's data; a hash of the subject follows."""


def _clearing_of(subject: Subject) -> str:
    """The kind of a clearing that took a subject's data: a case may lose several subjects."""
    return BY_SUBJECT + sha256(subject.key.encode()).hexdigest()[:8]


def _is(table: sa.Table, subject: Subject) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.subject_type == subject.type, table.c.subject_id == subject.id)


def _naming(subject: Subject) -> sa.CompoundSelect[Any]:
    """Ids of cases that have the subject's id anywhere in their rows."""
    written = json.dumps(subject.id)[1:-1]  # as the JSON columns have it

    def has(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
        return sa.cast(column, sa.Text).contains(written, autoescape=True)

    in_appeals = sa.select(events.c.case_id).where(has(events.c.data))
    return sa.union(
        sa.select(alerts.c.case_id).where(has(alerts.c.body)),
        in_appeals,
        sa.select(cases.c.id).where(has(cases.c.snapshot)),
        sa.select(appeals.c.case_id).where(
            sa.or_(
                sa.and_(*_is(appeals, subject)),
                appeals.c.statement.contains(subject.id, autoescape=True),
                appeals.c.reason.contains(subject.id, autoescape=True),
                appeals.c.id.in_(in_appeals),
            )
        ),
    )


def _pictures(connection: sa.Connection, own: tuple[str, ...]) -> int:
    """The number of pictures of a subject's cases that Slack still shows."""
    of_alert = (alerts.c.detector == evidence_files.c.detector) & (
        alerts.c.alert_id == evidence_files.c.alert_id
    )
    query = sa.select(sa.func.count()).select_from(evidence_files.join(alerts, of_alert))
    shown = (evidence_files.c.shown.is_(True), alerts.c.case_id.in_(own))
    return int(connection.execute(query.where(*shown)).scalar_one())


def _stop_showing(connection: sa.Connection, case: str) -> None:
    """All pictures of a case are deleted by the next run, also of alerts that are empty already."""
    of_case = sa.select(alerts.c.detector, alerts.c.alert_id).where(alerts.c.case_id == case)
    piece = sa.tuple_(evidence_files.c.detector, evidence_files.c.alert_id)
    connection.execute(sa.update(evidence_files).where(piece.in_(of_case)).values(shown=False))


def _stale(connection: sa.Connection, subject: Subject) -> tuple[str, ...]:
    """The closed cases that lost a subject's data, and whose cards are as before."""
    cleared_of = sa.select(clearings.c.case_id).where(clearings.c.kind == _clearing_of(subject))
    query = sa.select(cases.c.id, cases.c.snapshot).where(
        CLOSED, cases.c.id.in_(cleared_of), cases.c.snapshot.is_not(None)
    )
    query = query.order_by(cases.c.id)
    return tuple(row.id for row in connection.execute(query) if row.snapshot.get("redraw"))


def _looks_left(connection: sa.Connection, subject: Subject) -> dict[int, Json]:
    """What stays of look-ups of the subject, and of those that name them, by id."""
    query = sa.select(lookups).where(
        sa.or_(
            sa.and_(*_is(lookups, subject)),
            lookups.c.why.contains(subject.id, autoescape=True),
            lookups.c.subject_id.contains(subject.id, autoescape=True),
        )
    )
    left = {}
    for row in connection.execute(query):
        own = _subject(row) == subject
        eraser = OfSubject(subject, own=own)
        searched = row.subject_type == "find"
        new = {
            "subject_id": eraser.words(row.subject_id) if searched else row.subject_id,
            "why": eraser.words(row.why),
        }
        if new != {"subject_id": row.subject_id, "why": row.why}:
            left[row.id] = new
    return left


def _erase_looks(connection: sa.Connection, database: Database, subject: Subject) -> None:
    for id_, values in _looks_left(connection, subject).items():
        write_look(connection, database, id_, values)


def write_look(connection: sa.Connection, database: Database, id_: int, values: Json) -> None:
    """Replaces columns of a look-up by what is left of them; its entry in the audit follows."""
    one = lookups.c.id == id_
    connection.execute(sa.update(lookups).where(one).values(**values))
    left = connection.execute(sa.select(lookups).where(one)).mappings().one()
    database.audit.erased(connection, lookups.name, {str(id_): json_of(dict(left))})


def cleared(connection: sa.Connection, case: str, subject: Subject, snapshot: Json) -> Json:
    """A snapshot without what was erased since its workflow began, which has read it before."""
    since = snapshot.get("cleared_at")
    after = datetime.fromisoformat(since) if since is not None else None
    left, last = snapshot, after
    for at, eraser in _since(connection, case, subject, after):
        left = snapshot_left(left, eraser)
        last = at if last is None else max(last, at)
    if left != snapshot:  # the workflow drew its card with what it read
        left = {**left, "redraw": bool(left.get("card"))}
    return left if last is None else {**left, "cleared_at": last.isoformat()}


def cleared_appeal(connection: sa.Connection, case: str, appeal: Json) -> Json:
    """The row of an appeal without what was erased since it came: its workflow still has it.

    No erasure touches an appeal that waits for its answer.
    """
    about = None
    if appeal["subject_id"] is not None:
        about = Subject(type=appeal["subject_type"], id=appeal["subject_id"])
    query = sa.select(cases.c.subject_type, cases.c.subject_id).where(cases.c.id == case)
    row = connection.execute(query).one_or_none()
    of_case = _subject(row) if row is not None else None
    for _, eraser in _since(connection, case, of_case, appeal["received_at"]):
        one = eraser
        if isinstance(eraser, OfSubject) and about == eraser.subject:
            one = OfSubject(eraser.subject, own=True)
        texts = {key: appeal[key] and one.words(appeal[key]) for key in ("statement", "reason")}
        appeal = {**appeal, **texts}
    return appeal


def _since(
    connection: sa.Connection, case: str, subject: Subject | None, after: datetime | None
) -> Iterator[tuple[datetime, Eraser]]:
    """The erasures in a case about `subject`, all or those `after` a time, with their times."""
    query = sa.select(clearings.c.kind, clearings.c.at).where(clearings.c.case_id == case)
    if after is not None:
        query = query.where(clearings.c.at > after)
    for row in connection.execute(query.order_by(clearings.c.at, clearings.c.kind)).all():
        if not row.kind.startswith(BY_SUBJECT):
            yield row.at, OfKinds(frozenset({Kept(row.kind)}))
            continue
        people = sa.select(erasures).where(erasures.c.begun_at == row.at)
        for person in filter(None, map(_subject, connection.execute(people).all())):
            if _clearing_of(person) == row.kind:
                yield row.at, _eraser(connection, case, person, person == subject)


def count_in_run(
    database: Database, connection: sa.Connection, step: RetentionStep, counts: Mapping[str, int]
) -> None:
    """Adds to the row of a run of retention, in the transaction of what it counts."""
    new = {"id": step.run, "kind": "retention", "begun_at": step.at, "counts": {}}
    connection.execute(database.insert(erasures).values(new).on_conflict_do_nothing())
    row = sa.select(erasures.c.counts).where(erasures.c.id == step.run)
    total = Counter(connection.execute(row.with_for_update()).scalar_one())
    total.update(counts)
    values = {"counts": {key: total[key] for key in sorted(total)}}
    change = sa.update(erasures).where(erasures.c.id == step.run).values(values)
    changed = connection.execute(change.returning(erasures)).mappings().one()
    enter_erasure(connection, database, changed)


def enter_erasure(connection: sa.Connection, database: Database, row: Mapping[Any, Any]) -> None:
    """Enters a run of retention, or an erasure, in the audit log as it is now."""
    database.audit.enter(connection, erasures.name, {row["id"]: json_of(row)})
