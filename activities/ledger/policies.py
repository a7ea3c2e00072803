"""Stored policies: those of cases, and versions and changes of the whole folder, signed."""

import asyncio
import zlib
from base64 import b85decode, b85encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog
from temporalio import activity

from activities.ledger.audit_log import AuditLog, json_of
from activities.ledger.database import Database, Repository, Row
from activities.ledger.schema import cases, policies, policy_changes, policy_versions
from activities.ledger.statistics import trials_now
from activities.signatures import Signer, canonical
from workflows.domain.people import Actor, Role
from workflows.domain.policy import changes as rules
from workflows.domain.policy.bands import Trial
from workflows.domain.policy.changes import (
    ANNOUNCED,
    Load,
    NotConfirmed,
    Origin,
    PolicyNotice,
    PolicyRecord,
    RecordKind,
    leaving_shadow,
)
from workflows.domain.policy.differences import PolicySet
from workflows.domain.policy.limits import Loosening
from workflows.domain.policy.playbook import PackedPolicy
from workflows.ports.policies import AnnouncementStart

log = structlog.get_logger()

SNAPSHOT, POLICY, VERSION = "snapshot", "policy", "policy version"
"""Purposes of signatures."""
Current = Callable[[str], PackedPolicy | None]
"""Returns the current policy of a playbook."""


def snapshot_text(case: str, playbook: str, version: str, snapshot: Any) -> str:
    """The signed text of a snapshot, with its case and its policy."""
    parts = {"case": case, "playbook": playbook, "policy": version, "snapshot": snapshot}
    return canonical(parts)


def policy_text(packed: PackedPolicy) -> str:
    """The signed text of a policy."""
    return canonical(packed.model_dump())


def version_text(version: str, data: str) -> str:
    """The signed text of a version of the folder."""
    return canonical({"version": version, "data": data})


class StoredPolicies:
    """Policies of the cases that were opened, for later versions of the folder."""

    def __init__(
        self, database: Database, signer: Signer, current: Current = lambda _: None
    ) -> None:
        """`current` reads the folder of this process."""
        self._database = database
        self.signer = signer
        self._current = current
        self._noted: set[tuple[str, str]] = set()
        self._upsert = database.upsert(policies, ["version", "playbook", "data", "signature"])

    def fresh(self, playbook: str, version: str) -> PackedPolicy | None:
        """The policy of a new case to store; None if it is stored, or not in this process."""
        if (playbook, version) in self._noted:
            return None
        packed = self._current(playbook)
        return packed if packed is not None and packed.version == version else None

    def note(self, packed: PackedPolicy | None) -> None:
        """Remembers that a policy is stored."""
        if packed is not None:
            self._noted.add((packed.playbook, packed.version))

    def keep(self, connection: sa.Connection, packed: PackedPolicy) -> None:
        """Stores a policy, also over a row that is not as this process signs it."""
        key = (policies.c.version == packed.version) & (policies.c.playbook == packed.playbook)
        found = connection.execute(sa.select(policies).where(key)).one_or_none()
        signature = self.signer.sign(POLICY, policy_text(packed))
        if found is None or (self.signer.active and found.signature != signature):
            row = {**packed.model_dump(), "signature": signature}
            connection.execute(self._upsert, row)

    async def find(self, playbook: str, version: str) -> PackedPolicy | None:
        """A stored policy; None if there is none, or if it was changed."""
        key = (policies.c.version == version) & (policies.c.playbook == playbook)
        for row in await self._database.rows(sa.select(policies).where(key)):
            packed = PackedPolicy(version=version, playbook=playbook, data=row["data"])
            if self.signer.verifies(POLICY, policy_text(packed), row["signature"] or ""):
                return packed
            log.error("stored_policy_refused", playbook=playbook, version=version)
        return None

    # -- rotation -------------------------------------------------------------------------

    async def sign_again(self, unsigned: bool) -> tuple[int, int]:
        """Signs with the first key what another key signed; with `unsigned` also what none did.

        Returns the numbers of signed and of refused rows.
        """
        results = [
            *[await self._sign_case(row, unsigned) for row in await self._rows(_SNAPSHOTS)],
            *[await self._sign_policy(row, unsigned) for row in await self._rows(_POLICIES)],
            *[await self._sign_version(row, unsigned) for row in await self._rows(_VERSIONS)],
        ]
        return results.count(True), results.count(False)

    async def _rows(self, query: sa.Select[Any]) -> Sequence[Row]:
        return await self._database.rows(query)

    async def _sign_case(self, row: Row, unsigned: bool) -> bool | None:
        text = snapshot_text(row["id"], row["playbook"], row["policy_version"], row["snapshot"])
        before = row["snapshot_signature"]
        # The row may have been written meanwhile, with a signature of its own.
        unchanged = cases.c.snapshot_signature.is_not_distinct_from(before)
        change = sa.update(cases).where(cases.c.id == row["id"], unchanged)
        values = {"snapshot_signature": self.signer.sign(SNAPSHOT, text)}
        return await self._sign_row(SNAPSHOT, text, before or "", unsigned, change.values(values))

    async def _sign_policy(self, row: Row, unsigned: bool) -> bool | None:
        packed = PackedPolicy.model_validate(dict(row))
        text = policy_text(packed)
        change = sa.update(policies).where(
            policies.c.version == packed.version, policies.c.playbook == packed.playbook
        )
        values = {"signature": self.signer.sign(POLICY, text)}
        before = row["signature"] or ""
        return await self._sign_row(POLICY, text, before, unsigned, change.values(values))

    async def _sign_version(self, row: Row, unsigned: bool) -> bool | None:
        text = version_text(row["version"], row["data"])
        change = sa.update(policy_versions).where(policy_versions.c.version == row["version"])
        values = {"signature": self.signer.sign(VERSION, text)}
        before = row["signature"] or ""
        return await self._sign_row(VERSION, text, before, unsigned, change.values(values))

    async def _sign_row(
        self, purpose: str, text: str, old: str, unsigned: bool, change: sa.Update
    ) -> bool | None:
        """True if it was signed, False if it is refused, None if its signature is current."""
        if old and self.signer.is_current(old) and self.signer.verifies(purpose, text, old):
            return None
        if not (self.signer.verifies(purpose, text, old) if old else unsigned):
            return False
        async with self._database.writing() as connection:
            await connection.execute(change)
        return True


_SNAPSHOTS = sa.select(
    *cases.c["id", "playbook", "policy_version", "snapshot", "snapshot_signature"]
).where(cases.c.snapshot.is_not(None))
_POLICIES = sa.select(policies)
_VERSIONS = sa.select(policy_versions)


# -- changes of the folder ----------------------------------------------------------------

SEEN_EVERY = timedelta(seconds=20)
"""How often workers write that they have a version on their disks."""
SEEN_LASTS = timedelta(seconds=60)
"""How long a version counts as that of some worker's disk."""

# Key of the changes of the folder among PostgreSQL's advisory locks.
_LOCK = 0x4B6F6265
_IS_LOAD = policy_changes.c.kind != RecordKind.ANNOUNCED.value
_IN_FORCE = policy_changes.c.kind.not_in((RecordKind.ANNOUNCED.value, RecordKind.HELD.value))
_LAST = sa.select(policy_changes).where(_IS_LOAD).order_by(policy_changes.c.id.desc())
# Workers read it every second, and the changes may be long.
_BRIEF = (
    sa.select(*(each for each in policy_changes.c if each is not policy_changes.c.changes))
    .where(_IS_LOAD)
    .order_by(policy_changes.c.id.desc())
)
_COLUMNS = {
    "before": "version_before",
    "commit": "git_commit",
    "author": "git_author",
    "email": "git_email",
    "authors": "git_authors",
}
"""Columns with another name than their field in `PolicyRecord`."""


def content_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The content of a version that never changes, for the audit log."""
    return json_of({name: row[name] for name in ("version", "at", "data")})


@dataclass(frozen=True)
class _State:
    """Whether a load has to be recorded, or noted as seen; the `commit` of the version in force."""

    is_due: bool = False
    unseen: bool = False
    commit: str | None = None


class PolicyHistory(Repository):
    """Versions of the policy folder, and the records of its changes.

    Every method raises `LedgerUnavailable`.
    """

    def __init__(
        self, database: Database, signer: Signer, now: Callable[[], datetime] | None = None
    ) -> None:
        """`now` is the time of records."""
        super().__init__(database)
        self._signer = signer
        self._now = now or partial(datetime.now, UTC)

    async def last(self, whole: bool = True) -> PolicyRecord | None:
        """The newest record, without its changes unless `whole`; None before the first load."""
        async with self._database.reading() as connection:
            return await connection.run_sync(_last, whole)

    async def versions(self) -> frozenset[str]:
        """The versions that have been in force."""
        query = sa.select(policy_changes.c.version).where(_IN_FORCE).distinct()
        return frozenset(row["version"] for row in await self._database.rows(query))

    async def was_in_force(self, version: str) -> bool:
        """Whether a version has been in force, and a worker has signed what it says."""
        return version in await self.versions() and await self.content(version) is not None

    async def content(self, version: str) -> PolicySet | None:
        """What a version says; None if it is not stored, or was changed."""
        async with self._database.reading() as connection:
            return await connection.run_sync(self._content, version)

    async def load(
        self,
        version: str,
        content: PolicySet,
        origin: Callable[[str | None], Origin],
        previous: str | None,
    ) -> PolicyRecord | None:
        """Records a load that is news, once for all processes; returns its record.

        `previous` is the version that this process has seen on its disk before; None after a start.
        Without a change on its disk, or if another worker has recorded that change already, a known
        version counts only when no worker has had the newest one on its disk for `SEEN_LASTS`.
        `origin` reads the git commit, in a thread, with the authors since a commit.
        """
        async with self._database.reading() as connection:
            state = await connection.run_sync(self._state, version, previous)
        if state.unseen:
            await self._see(version)
        if not state.is_due:
            return None
        found = await asyncio.to_thread(origin, state.commit)
        load = Load(version=version, at=self._now(), **dict(found))
        async with self._database.writing() as connection:
            await self._database.serialize(connection, _LOCK)
            return await connection.run_sync(self._record, load, content, previous)

    async def confirm(self, by: Actor, record: int) -> PolicyRecord | NotConfirmed:
        """Confirms the change that waits, by the rule of the version in force."""
        async with self._database.writing() as connection:
            await self._database.serialize(connection, _LOCK)
            last = await connection.run_sync(_last)
            rule = await connection.run_sync(self._rule, last)
            outcome = rules.confirm(last, by, record, rule, self._now())
            if isinstance(outcome, NotConfirmed):
                return outcome
            return await connection.run_sync(_insert, outcome, self._database.audit)

    async def confirming_role(self) -> Role:
        """The role that confirms changes, by the rule of the version in force."""
        async with self._database.reading() as connection:
            last = await connection.run_sync(_last)
            return (await connection.run_sync(self._rule, last)).approval

    async def unannounced(self) -> tuple[PolicyRecord, ...]:
        """The records whose messages were not all posted yet."""
        done = sa.select(policy_changes.c.about).where(
            policy_changes.c.kind == RecordKind.ANNOUNCED.value
        )
        waiting = policy_changes.c.kind.in_(sorted(ANNOUNCED)) & policy_changes.c.id.not_in(done)
        query = _BRIEF.where(waiting).order_by(None).order_by(policy_changes.c.id)
        return tuple(_record_of(row) for row in await self._database.rows(query))

    async def page(self, playbook: str, first: int, most: int) -> tuple[PolicyRecord, ...]:
        """The records that concern a playbook, the newest first, from the `first` on."""
        brief = sa.select(*policy_changes.c["id", "playbooks"]).where(
            policy_changes.c.kind != RecordKind.ANNOUNCED.value
        )
        rows = await self._database.rows(brief.order_by(policy_changes.c.id.desc()))
        own = [r["id"] for r in rows if r["playbooks"] is None or playbook in r["playbooks"]]
        wanted = policy_changes.c.id.in_(own[first : first + most])
        query = sa.select(policy_changes).where(wanted).order_by(policy_changes.c.id.desc())
        return tuple(_record_of(row) for row in await self._database.rows(query))

    def _state(self, connection: sa.Connection, version: str, previous: str | None) -> _State:
        last = _last(connection, whole=False)
        if last is None:
            return _State(is_due=True)
        ages = self._ages(connection, version, last.waiting or last.version)
        if not rules.is_news(last, version):
            return _State(unseen=ages.get(version, timedelta()) > SEEN_EVERY)
        moved = previous not in (None, version)
        is_due = (
            version not in ages
            or (moved and not _is_recorded(connection, version, previous))
            or ages.get(last.waiting or last.version, timedelta.max) > SEEN_LASTS
        )
        return _State(is_due=is_due, commit=_commit_of(connection, last.in_force))

    def _ages(self, connection: sa.Connection, *versions: str) -> dict[str, timedelta]:
        """How long ago each stored version was last on the disk of a worker."""
        query = sa.select(*policy_versions.c["version", "seen_at"])
        rows = connection.execute(query.where(policy_versions.c.version.in_(versions)))
        return {row.version: self._now() - row.seen_at for row in rows}

    async def _see(self, version: str) -> None:
        change = sa.update(policy_versions).where(policy_versions.c.version == version)
        await self._database.execute(change.values(seen_at=self._now()))

    def _record(
        self, connection: sa.Connection, load: Load, content: PolicySet, previous: str | None
    ) -> PolicyRecord | None:
        # Another worker may have recorded it meanwhile.
        if not self._state(connection, load.version, previous).is_due:
            return None
        last = _last(connection)
        in_force = last.in_force if last is not None else None
        old = self._content(connection, in_force) if in_force is not None else None
        known = self._keep(connection, load, content)
        had = sa.select(policy_changes.c.id).where(
            policy_changes.c.version == load.version,
            policy_changes.c.kind != RecordKind.HELD.value,
        )
        restored = known and connection.execute(had.limit(1)).first() is not None
        load = load.model_copy(update={"restored": restored})
        try:
            record = rules.record_of(last, load, old, content, _confirmed(connection, in_force))
        except Exception:  # a mistake in the comparison must neither loosen nor be silent
            log.exception("policy_not_compared", version=load.version, before=in_force)
            record = rules.record_of(last, load, None, content)
        return _insert(connection, record, self._database.audit)

    def _keep(self, connection: sa.Connection, load: Load, content: PolicySet) -> bool:
        """Stores a version; True if it was stored before."""
        change = sa.update(policy_versions).where(policy_versions.c.version == load.version)
        if connection.execute(change.values(seen_at=load.at)).rowcount:
            return True
        # A query with `secret: null` would be refused: what is not there is left out.
        json = content.model_dump_json(by_alias=True, exclude_none=True).encode()
        data = b85encode(zlib.compress(json, 9)).decode("ascii")
        row = {"version": load.version, "at": load.at, "data": data, "seen_at": load.at}
        signature = self._signer.sign(VERSION, version_text(load.version, data)) or None
        connection.execute(sa.insert(policy_versions), row | {"signature": signature})
        audit, entry = self._database.audit, {load.version: content_of(row)}
        audit.enter(connection, policy_versions.name, entry)
        return False

    def _content(self, connection: sa.Connection, version: str) -> PolicySet | None:
        query = sa.select(policy_versions).where(policy_versions.c.version == version)
        row = connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        text = version_text(version, row["data"])
        if self._signer.verifies(VERSION, text, row["signature"] or ""):
            try:
                return PolicySet.model_validate_json(zlib.decompress(b85decode(row["data"])))
            except (ValueError, zlib.error):
                log.exception("policy_version_unreadable", version=version)
                return None
        log.error("policy_version_refused", version=version)
        return None

    def _rule(self, connection: sa.Connection, last: PolicyRecord | None) -> Loosening:
        """The rule of the version in force; of an unreadable one, a lead confirms."""
        in_force = last.in_force if last is not None else None
        content = self._content(connection, in_force) if in_force is not None else None
        limits = content.limits if content is not None else None
        return (limits.loosening if limits is not None else None) or Loosening()

    # -- messages -------------------------------------------------------------------------

    @activity.defn(name="plan_policy_notices")
    async def plan_policy_notices(self, start: AnnouncementStart) -> tuple[PolicyNotice, ...]:
        """The messages about a record, one a channel or role."""
        async with self._database.reading() as connection:
            record = await connection.run_sync(_find, start.record)
            return await connection.run_sync(self._notices, record)

    @activity.defn(name="end_policy_notices")
    async def end_policy_notices(self, start: AnnouncementStart) -> tuple[PolicyNotice, ...]:
        """Records that the messages were posted; returns those that have to be updated."""
        async with self._database.writing() as connection:
            await self._database.serialize(connection, _LOCK)
            return await connection.run_sync(self._end, start.record)

    def _notices(self, connection: sa.Connection, record: PolicyRecord) -> tuple[PolicyNotice, ...]:
        if record.kind in (RecordKind.CONFIRMED, RecordKind.WITHDRAWN) and record.about:
            held = _find(connection, record.about)
            record = record.model_copy(update={"changes": held.changes})
        names = (record.before, record.version)
        found = [self._content(connection, name) for name in names if name is not None]
        role = self._rule(connection, record).approval if record.waiting else Role.LEAD
        notices = rules.notices_of(record, [each for each in found if each is not None], role)
        trials = tuple(_trial(connection, name, record.at) for name in leaving_shadow(record))
        compared = {"trials": trials}
        return tuple(e.model_copy(update=compared) if e.asks else e for e in notices)

    def _end(self, connection: sa.Connection, record: int) -> tuple[PolicyNotice, ...]:
        own = _find(connection, record)
        done = sa.select(policy_changes.c.id).where(
            policy_changes.c.kind == RecordKind.ANNOUNCED.value, policy_changes.c.about == record
        )
        if connection.execute(done).first() is None:
            made = PolicyRecord(
                kind=RecordKind.ANNOUNCED,
                at=self._now(),
                version=own.version,
                about=own.id,
                playbooks=own.playbooks,
            )
            _insert(connection, made, self._database.audit)
        over = [_next_to(connection, own, before=True), own]
        return tuple(
            notice.model_copy(update={"outcome": outcome})
            for each in over
            if each is not None and each.waiting
            for outcome in (_next_to(connection, each),)
            if outcome is not None
            for notice in self._notices(connection, each)
        )


def _trial(connection: sa.Connection, playbook: str, until: datetime) -> Trial:
    found = trials_now(connection, until, playbook)
    return found[0] if found else Trial(playbook=playbook)


def _last(connection: sa.Connection, whole: bool = True) -> PolicyRecord | None:
    query = (_LAST if whole else _BRIEF).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _record_of(row)


def _is_recorded(connection: sa.Connection, version: str, previous: str | None) -> bool:
    """Whether a version was recorded after `previous` was, by a worker with a newer disk."""
    newest = sa.select(sa.func.max(policy_changes.c.id)).where(_IS_LOAD)
    ids = (
        connection.execute(newest.where(policy_changes.c.version == each)).scalar() or 0
        for each in (version, previous)
    )
    return next(ids) > next(ids)


def _commit_of(connection: sa.Connection, version: str | None) -> str | None:
    """The newest known commit of a version."""
    commit = policy_changes.c.git_commit
    query = sa.select(commit).where(policy_changes.c.version == version, commit.is_not(None))
    found = connection.execute(query.order_by(policy_changes.c.id.desc()).limit(1))
    return found.scalar_one_or_none()


def _confirmed(connection: sa.Connection, version: str | None) -> PolicyRecord | None:
    """The confirmation that has put a version in force, with the changes that it is about."""
    query = _LAST.where(_IN_FORCE, policy_changes.c.version == version).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    record = None if row is None else _record_of(row)
    if record is None or record.kind is not RecordKind.CONFIRMED or record.about is None:
        return None
    held = _find(connection, record.about)
    return record.model_copy(update={"changes": held.changes})


def _next_to(
    connection: sa.Connection, record: PolicyRecord, before: bool = False
) -> PolicyRecord | None:
    """The record after this one, or `before` it."""
    id_ = policy_changes.c.id
    query = _LAST.where(id_ < record.id) if before else _LAST.order_by(None).order_by(id_)
    query = query if before else query.where(id_ > record.id)
    row = connection.execute(query.limit(1)).mappings().one_or_none()
    return None if row is None else _record_of(row)


def _find(connection: sa.Connection, record: int) -> PolicyRecord:
    query = sa.select(policy_changes).where(policy_changes.c.id == record)
    return _record_of(connection.execute(query).mappings().one())


def _record_of(row: Mapping[Any, Any]) -> PolicyRecord:
    named = {field: row[column] for field, column in _COLUMNS.items()}
    return PolicyRecord.model_validate({**row, **named})


def _insert(connection: sa.Connection, record: PolicyRecord, audit: AuditLog) -> PolicyRecord:
    values = record.model_dump(mode="json", exclude={"id", "at"})
    row = {_COLUMNS.get(name, name): value for name, value in values.items()}
    insert = sa.insert(policy_changes).values(**row, at=record.at).returning(policy_changes)
    made = connection.execute(insert).mappings().one()
    audit.enter(connection, policy_changes.name, {str(made["id"]): json_of(made)})
    return _record_of(made)
