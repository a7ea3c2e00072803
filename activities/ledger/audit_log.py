"""Audit log: an entry for each write that is evidence, and signed heads over all entries.

An entry is written in the transaction of its row and takes no lock. A worker seals the entries
every few seconds: the next head covers them and all heads before it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog

from activities.ledger.rows import GENESIS, digest_of, iso, new_salt, sha256_of
from activities.ledger.schema import (
    actions,
    appeals,
    audit,
    audit_heads,
    bulk_decisions,
    cases,
    erasures,
    events,
    policy_versions,
)
from activities.signatures import Signer, canonical

log = structlog.get_logger()

ENTRY, HEAD = "audit entry", "audit head"
"""Purposes of signatures."""

MOST_SEALED = 2_000
"""Entries of one head: a transaction of at most 50 ms."""

BY_WORKERS = frozenset(
    table.name
    for table in (events, actions, bulk_decisions, cases, appeals, erasures, policy_versions)
)
"""Tables that only processes with keys write; `koban serve` writes the others as well."""

_ENTRIES = sa.insert(audit)

# Key of the seals among PostgreSQL's advisory locks.
_LOCK = 0x4B6F6266


class EntryKind(StrEnum):
    """Meaning of an entry about a row."""

    WRITTEN = "written"
    ENDED = "ended"  # a cover
    ERASED = "erased"  # the row stays, without personal data
    REMOVED = "removed"  # the row was deleted when its time was over


@dataclass(frozen=True)
class Head:
    """A head: `digest` is that of its `entries`, `hash` covers it and all heads before it."""

    number: int
    at: datetime
    entries: int
    digest: str
    prev_hash: str
    hash: str = ""
    signature: str | None = None

    @property
    def expected(self) -> str:
        """The hash of number, time, entries and the previous head."""
        parts = [self.prev_hash, self.number, iso(self.at), self.entries, self.digest]
        return sha256_of(parts)

    @property
    def text(self) -> str:
        """The signed text."""
        return canonical({"number": self.number, "at": iso(self.at), "hash": self.hash})


class AuditLog:
    """Writes entries and heads; those of a process with keys are signed."""

    def __init__(self, signer: Signer, now: Callable[[], datetime] | None = None) -> None:
        """Entries and heads have the time of `now`."""
        self.signer = signer
        self._now = now or partial(datetime.now, UTC)
        self._last: Head | None = None

    def enter(
        self,
        connection: sa.Connection,
        source: str,
        rows: Mapping[str, Any],
        kind: EntryKind = EntryKind.WRITTEN,
        digested: bool = False,
    ) -> None:
        """Inserts the entries of some rows."""
        self.insert(connection, self.entries(source, rows, kind, digested))

    def insert(self, connection: sa.Connection, entries: Sequence[dict[str, Any]]) -> None:
        """Inserts entries."""
        if entries:
            connection.execute(_ENTRIES, entries)

    def entries(
        self,
        source: str,
        rows: Mapping[str, Any],
        kind: EntryKind = EntryKind.WRITTEN,
        digested: bool = False,
    ) -> list[dict[str, Any]]:
        """An entry for each row of a table by its key: its JSON content, or its digest.

        The content is hashed with a salt, which an erasure takes away.
        """
        made = []
        for key, content in rows.items():
            salt = None if digested else new_salt()
            digest = content if digested else digest_of(salt, content)
            made.append(self._entry(kind, source, key, digest) | {"salt": salt})
        return made

    def erased(self, connection: sa.Connection, source: str, left: Mapping[str, Any]) -> None:
        """Entries about rows that were erased, with what is left of each; earlier salts go."""
        self._forget_salts(connection, source, left)
        digests = {key: digest_of(None, content) for key, content in left.items()}
        self.enter(connection, source, digests, EntryKind.ERASED, digested=True)

    def removed(self, connection: sa.Connection, source: str, keys: Iterable[str]) -> None:
        """Entries about rows that were deleted; earlier salts go."""
        gone = dict.fromkeys(keys, digest_of(None, None))
        self._forget_salts(connection, source, gone)
        self.enter(connection, source, gone, EntryKind.REMOVED, digested=True)

    def _forget_salts(self, connection: sa.Connection, source: str, keys: Iterable[str]) -> None:
        about = (audit.c.source == source, audit.c.key == sa.bindparam("about"))
        values = [{"about": key} for key in keys]
        if values:
            connection.execute(sa.update(audit).where(*about).values(salt=None), values)

    def _entry(self, kind: EntryKind, source: str, key: str, digest: str) -> dict[str, Any]:
        entry = {"at": self._now(), "kind": kind.value, "source": source, "key": key}
        entry["digest"] = digest
        return entry | {"signature": self.signer.sign(ENTRY, entry_text(entry)) or None}

    # -- heads ----------------------------------------------------------------------------

    def seal(self, connection: sa.Connection) -> Head | None:
        """Makes a head over the entries without one; None if there are none.

        Entries of a transaction that ends later get the next head.
        """
        if not _locked(connection):  # another worker seals
            return None
        before = last_head(connection)
        self._compare(connection, before)
        number = before.number + 1 if before else 1
        some = sa.select(audit.c.id).where(audit.c.head.is_(None)).order_by(audit.c.id)
        change = sa.update(audit).where(audit.c.id.in_(some.limit(MOST_SEALED)))
        sealed = connection.execute(change.values(head=number).returning(*_HASHED)).mappings().all()
        if not sealed:
            return None
        head = self._head(number, before, sealed)
        connection.execute(sa.insert(audit_heads).values(vars(head)))
        return head

    def keep(self, head: Head) -> None:
        """Remembers a head of this process, once its transaction has ended."""
        self._last = head

    def _head(self, number: int, before: Head | None, sealed: Sequence[sa.RowMapping]) -> Head:
        now = self._now()
        at = max(now, before.at) if before else now
        previous = before.hash if before else GENESIS
        made = Head(number, at, len(sealed), digest_of_entries(sealed), previous)
        hashed = Head(**{**vars(made), "hash": made.expected})
        return Head(**{**vars(hashed), "signature": self.sign_head(hashed) or None})

    def sign_head(self, head: Head) -> str:
        """The signature of a head with the first key; empty without keys."""
        return self.signer.sign(HEAD, head.text)

    def _compare(self, connection: sa.Connection, newest: Head | None) -> None:
        """Logs an error if the last head of this process is gone: somebody cut the log."""
        own, self._last = self._last, newest
        if own is None or (newest is not None and newest.hash == own.hash):
            return
        found = connection.execute(
            sa.select(audit_heads.c.hash).where(audit_heads.c.number == own.number)
        )
        if found.scalar_one_or_none() != own.hash:
            log.error("audit_head_lost", number=own.number, hash=own.hash, at=iso(own.at))

    # -- rotation -------------------------------------------------------------------------

    def sign_again(
        self, connection: sa.Connection, unsigned: bool, after: int
    ) -> tuple[int, int, int | None]:
        """Signs the next entries after an id, and with the last ones all heads.

        As in `StoredPolicies.sign_again`: the numbers of signed and of refused rows; then the id
        to go on after, None at the end.
        """
        some = sa.select(audit).where(audit.c.id > after).order_by(audit.c.id).limit(MOST_SEALED)
        entries = connection.execute(some).mappings().all()
        results = [self._sign_entry(connection, each, unsigned) for each in entries]
        if not entries:
            results = [self._sign_head(connection, each, unsigned) for each in heads(connection)]
        done, refused = results.count(True), results.count(False)
        return done, refused, int(entries[-1]["id"]) if entries else None

    def _sign_entry(
        self, connection: sa.Connection, entry: sa.RowMapping, unsigned: bool
    ) -> bool | None:
        old, text = entry["signature"] or "", entry_text(entry)
        change = sa.update(audit).where(audit.c.id == entry["id"])
        wanted = unsigned and needs_signature(entry)
        if not old and not wanted:
            return None
        return self._sign(connection, (ENTRY, text, old), wanted, change)

    def _sign_head(self, connection: sa.Connection, head: Head, unsigned: bool) -> bool | None:
        change = sa.update(audit_heads).where(audit_heads.c.number == head.number)
        return self._sign(connection, (HEAD, head.text, head.signature or ""), unsigned, change)

    def _sign(
        self,
        connection: sa.Connection,
        signed: tuple[str, str, str],
        unsigned: bool,
        change: sa.Update,
    ) -> bool | None:
        """True if it was signed, False if it is refused, None if its signature is current."""
        purpose, text, old = signed
        if old and self.signer.is_current(old) and self.signer.verifies(purpose, text, old):
            return None
        if not (self.signer.verifies(purpose, text, old) if old else unsigned):
            return False
        connection.execute(change.values(signature=self.signer.sign(purpose, text)))
        return True


class Entry(NamedTuple):
    """The part of an entry that its row is compared with: a million of them fit in memory."""

    kind: str
    digest: str
    salt: str | None


_HASHED = audit.c["id", "at", "kind", "source", "key", "digest"]


def digest_of_entries(entries: Iterable[Mapping[Any, Any]]) -> str:
    """The SHA-256 in hex of entries by their ids."""
    ordered = sorted(entries, key=lambda entry: entry["id"])
    names = ("id", "kind", "source", "key", "digest")
    return sha256_of([[*(each[name] for name in names), iso(each["at"])] for each in ordered])


def last_head(connection: sa.Connection) -> Head | None:
    """The newest head."""
    query = sa.select(audit_heads).order_by(audit_heads.c.number.desc()).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else Head(**row)


def heads(connection: sa.Connection) -> list[Head]:
    """All heads, oldest first."""
    rows = connection.execute(sa.select(audit_heads).order_by(audit_heads.c.number))
    return [Head(**row) for row in rows.mappings()]


def needs_signature(entry: Mapping[Any, Any]) -> bool:
    """Whether only a process with keys writes such an entry."""
    kinds = (EntryKind.ERASED.value, EntryKind.REMOVED.value)
    return entry["source"] in BY_WORKERS or entry["kind"] in kinds


def _locked(connection: sa.Connection) -> bool:
    """Takes the lock of the seals until the transaction ends. SQLite's writers are serial."""
    if connection.dialect.name != "postgresql":
        return True
    return bool(connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK))).scalar())


def entry_text(entry: Mapping[Any, Any]) -> str:
    """The signed text of an entry."""
    parts = {name: entry[name] for name in ("kind", "source", "key", "digest")}
    return canonical({**parts, "at": iso(entry["at"])})


LASTING = {
    cases.name: ("owner_key", "workflow_id", "playbook", "policy_version"),
    appeals.name: ("source", "appeal_id", "case_id", "received_at", "due_at"),
}
"""Columns that never change and are in no event; the others follow from the events."""


def lasting(table: sa.Table, row: Mapping[Any, Any]) -> dict[str, Any]:
    """The JSON content of a row that its entry covers."""
    return json_of({name: row[name] for name in LASTING[table.name]})


def json_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The JSON content of a row: times as ISO 8601 in UTC."""
    return {key: iso(each) if isinstance(each, datetime) else each for key, each in row.items()}
