"""Audit log: an entry for each write that is evidence, in the transaction of the write."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any

import sqlalchemy as sa

from activities.ledger.rows import digest_of, iso, new_salt
from activities.ledger.schema import audit
from activities.signatures import Signer, canonical

ENTRY = "audit entry"
"""Purpose of the signature of an entry."""


class EntryKind(StrEnum):
    """Meaning of an entry about a row."""

    WRITTEN = "written"
    ENDED = "ended"  # a cover
    ERASED = "erased"  # the row stays, without personal data
    REMOVED = "removed"  # the row was deleted when its time was over


class AuditLog:
    """Writes entries; those of a process with keys are signed."""

    def __init__(self, signer: Signer, now: Callable[[], datetime] | None = None) -> None:
        """Entries have the time of `now`."""
        self.signer = signer
        self._now = now or partial(datetime.now, UTC)

    def enter(
        self,
        connection: sa.Connection,
        source: str,
        rows: Mapping[str, Any],
        kind: EntryKind = EntryKind.WRITTEN,
        digested: bool = False,
    ) -> None:
        """An entry for each row of a table by its key: its JSON content, or its digest.

        The content is hashed with a salt, which an erasure takes away.
        """
        entries = []
        for key, content in rows.items():
            salt = None if digested else new_salt()
            digest = content if digested else digest_of(salt, content)
            entries.append(self._entry(kind, source, key, digest) | {"salt": salt})
        if entries:
            connection.execute(sa.insert(audit), entries)

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


def entry_text(entry: Mapping[str, Any]) -> str:
    """The signed text of an entry."""
    parts = {name: entry[name] for name in ("kind", "source", "key", "digest")}
    return canonical({**parts, "at": iso(entry["at"])})


def json_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON content of a row: times as ISO 8601 in UTC."""
    return {key: iso(each) if isinstance(each, datetime) else each for key, each in row.items()}
