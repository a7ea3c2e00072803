"""Verification of the ledger: heads, entries, chains, rows and snapshots, in one transaction."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
import structlog

from activities.ledger.alert_records import record_key
from activities.ledger.audit_log import (
    ENTRY,
    HEAD,
    LASTING,
    Entry,
    EntryKind,
    Head,
    digest_of_entries,
    entry_text,
    heads,
    json_of,
    last_head,
    lasting,
    needs_signature,
)
from activities.ledger.bulk import action_key, members_of
from activities.ledger.database import Repository
from activities.ledger.event_log import Chains, Entries, Fields
from activities.ledger.limits import overrun_key
from activities.ledger.policies import (
    POLICY,
    VERSION,
    content_of,
    policy_text,
    version_text,
)
from activities.ledger.rows import (
    GENESIS,
    digest_of,
    iso,
)
from activities.ledger.schema import (
    actions,
    alert_records,
    appeals,
    audit,
    automation,
    bulk_decisions,
    cases,
    covers,
    erasures,
    lookups,
    metadata,
    overruns,
    policies,
    policy_changes,
    policy_versions,
)
from activities.ledger.team import begin_of, end_of
from activities.signatures import Signer
from workflows.domain.policy.playbook import PackedPolicy

log = structlog.get_logger()

STREAMED = 1_000
"""Rows of a table that are read at once."""
SEALED_WITHIN = timedelta(minutes=10)
"""Age of an entry without a head at which no worker seals."""


@dataclass(frozen=True)
class Anchor:
    """A head written down outside the database, with the place where it was read."""

    place: str
    head: Head


@dataclass(frozen=True)
class Audit:
    """Numbers of checked rows, a sentence for each fault, and what was not checked."""

    cases: int = 0
    events: int = 0
    heads: int = 0
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether something was checked, and no fault was found."""
        return self.cases + self.heads > 0 and not self.findings


class Verifier(Repository):
    """Verifies a ledger. Signatures are checked where its database has a signer with keys."""

    async def run(
        self,
        anchors: Sequence[Anchor] = (),
        now: datetime | None = None,
        unsigned_until: datetime | None = None,
    ) -> Audit:
        """Checks everything as of one moment; needs no migration, and changes nothing.

        Heads before `unsigned_until` need no signature.
        """
        async with self._database.reading() as connection:
            if not self._database.is_sqlite:
                await connection.execute(sa.text(_SNAPSHOT))
            check = partial(
                verify,
                signer=self._database.audit.signer,
                anchors=anchors,
                now=now or datetime.now(UTC),
                unsigned_until=unsigned_until,
            )
            return await connection.run_sync(check)

    async def newest(self) -> Head | None:
        """The newest head."""
        async with self._database.reading() as connection:
            return await connection.run_sync(last_head)

    async def compared(self, anchors: Sequence[Anchor]) -> tuple[str, ...]:
        """The faults of the heads against `anchors`."""
        async with self._database.reading() as connection:
            found = _Signatures(self._database.audit.signer, await connection.run_sync(heads), None)
        return tuple(_anchor_faults(found, anchors))


_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"


def verify(
    connection: sa.Connection,
    signer: Signer,
    anchors: Sequence[Anchor],
    now: datetime,
    unsigned_until: datetime | None = None,
) -> Audit:
    """Checks everything that a transaction sees; as `Verifier.run`."""
    there = set(sa.inspect(connection).get_table_names())
    if not there >= set(metadata.tables):
        lost = ", ".join(sorted(set(metadata.tables) - there))
        return Audit(findings=(f"The database is no ledger: it lacks the tables {lost}.",))
    try:
        signatures = _Signatures(signer, heads(connection), unsigned_until)
        entries = _entries(connection)
        chains = Chains(connection, entries, signer)
    except _UNREADABLE as error:
        return Audit(findings=(_unreadable("audit log", error),))
    findings = [
        *_read("audit log", _anchor_faults(signatures, anchors)),
        *_read("audit log", _head_faults(connection, signatures)),
        *_read("audit log", _entry_faults(connection, signatures, now)),
        *_read("rows with entries", _row_faults(connection, entries)),
        *_read("policies", _policy_faults(connection, signer, unsigned_until)),
        *_read("cases and appeals", chains.faults()),
    ]
    return Audit(
        cases=chains.cases,
        events=chains.events,
        heads=len(signatures.heads),
        findings=tuple(findings),
        notes=(*signatures.notes, *chains.notes),
    )


_UNREADABLE = (
    *(ValueError, TypeError, LookupError, AttributeError, AssertionError, OverflowError),
    *(sa.exc.StatementError, zlib.error),
)
"""Errors of a value that Koban never writes. An outage of the database is none of them."""


def _read(what: str, faults: Iterable[str]) -> Iterable[str]:
    """The faults; an unreadable value is the last one, and must not hide those before it."""
    try:
        yield from faults
    except _UNREADABLE as error:
        yield _unreadable(what, error)


def _unreadable(what: str, error: Exception) -> str:
    if isinstance(error, sa.exc.DBAPIError):
        raise error
    log.debug("ledger_unreadable", what=what, exc_info=True)
    return f"The {what} can't be read to the end: a value was replaced by one of another form."


# -- heads and anchors ------------------------------------------------------------------------


class _Signatures:
    """Heads and the rule which of their entries need a signature."""

    def __init__(self, signer: Signer, found: list[Head], until: datetime | None) -> None:
        self.signer = signer
        self.heads = found
        self._until = until
        # Before the first signed head there were no keys; it covers what is before it.
        self.first = next((head.number for head in found if head.signature), None)

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence if there are no keys to verify with."""
        if self.signer.active:
            return ()
        return ("Signatures were not checked: KOBAN_TEMPORAL__SIGNING_KEYS is not set.",)

    def needed(self, head: Head | None) -> bool:
        """Whether a head, or an entry that it covers, has to be signed."""
        if not self.signer.active:
            return False
        if self.first is None:
            # Without any head the entries are of this process's workers, which have keys.
            return not self.heads and self._until is None
        if head is None:
            return True
        old = self._until is not None and head.at < self._until
        return head.number >= self.first and not old

    def refuses(self, purpose: str, text: str, signature: str | None, needed: bool) -> bool:
        """Whether a signature is wrong, or is needed and missing."""
        if signature is None:
            return needed
        return not self.signer.verifies(purpose, text, signature)


def _anchor_faults(signatures: _Signatures, anchors: Sequence[Anchor]) -> Iterable[str]:
    known = {head.number: head for head in signatures.heads}
    last = max(known, default=0)
    for anchor in anchors:
        head = anchor.head
        if head.number > last:
            yield (
                f"Head {head.number} of {iso(head.at)} is missing ({anchor.place}): the ledger "
                f"ends at head {last}. Its end was cut, or it is another database."
            )
        elif head.number not in known or known[head.number].hash != head.hash:
            yield (
                f"Head {head.number} is not the one of {iso(head.at)} ({anchor.place}): "
                "the audit log was written again."
            )
        if _forged(signatures.signer, head):
            yield f"The anchor in {anchor.place} is not signed by Koban."


def _forged(signer: Signer, head: Head) -> bool:
    """Whether a key that is known did not make the signature; the hash counts with other keys."""
    signature = head.signature or ""
    return signer.knows(signature) and not signer.verifies(HEAD, head.text, signature)


def _head_faults(connection: sa.Connection, signatures: _Signatures) -> Iterable[str]:
    if signatures.signer.active and signatures.heads and signatures.first is None:
        yield "No head is signed: the audit log was replaced, or no worker with keys has run since."
    previous, number = GENESIS, 0
    for head in signatures.heads:
        number += 1
        if head.number != number:
            yield f"Head {number} is missing."
        elif head.prev_hash != previous:
            yield f"Head {number} does not follow head {number - 1}."
        if head.hash != head.expected:
            yield f"Head {head.number} was changed."
        elif signatures.refuses(HEAD, head.text, head.signature, signatures.needed(head)):
            yield f"Head {head.number} is not signed by Koban."
        previous, number = head.hash, head.number
    yield from _covered_faults(connection, signatures.heads)


def _covered_faults(connection: sa.Connection, found: list[Head]) -> Iterable[str]:
    """The heads whose entries are not those that they were made over."""
    query = sa.select(audit).where(audit.c.head.is_not(None)).order_by(audit.c.head, audit.c.id)
    known = {head.number: head for head in found}
    covered = set()
    for number, group in groupby(_streamed(connection, query), key=itemgetter("head")):
        sealed = list(group)
        covered.add(number)
        head = known.get(number)
        if head is None:
            yield f"The entries of head {number} are there, and the head is missing."
        elif head.entries != len(sealed):
            yield f"Head {number} covers {head.entries} entries, and {len(sealed)} are there."
        elif head.digest != digest_of_entries(sealed):
            yield f"An entry of head {number} was changed."
    for number in sorted(set(known) - covered):
        yield f"The entries of head {number} were deleted."


def _entry_faults(
    connection: sa.Connection, signatures: _Signatures, now: datetime
) -> Iterable[str]:
    by_number = {head.number: head for head in signatures.heads}
    late: list[datetime] = []
    for entry in _streamed(connection, sa.select(audit).order_by(audit.c.id)):
        head = None if entry["head"] is None else by_number.get(entry["head"])
        if entry["head"] is None and entry["at"] < now - SEALED_WITHIN:
            late.append(entry["at"])
        needed = needs_signature(entry) and signatures.needed(head)
        if signatures.refuses(ENTRY, entry_text(entry), entry["signature"], needed):
            named = f"{entry['kind']}: {entry['source']} {entry['key']}"
            yield f"Entry {entry['id']} ({named}) is not signed by Koban."
    yield from _copy_faults(connection)
    if late:
        yield (
            f"{len(late)} entries since {iso(min(late))} have no head: "
            "start `koban work`, which seals them."
        )


def _copy_faults(connection: sa.Connection) -> Iterable[str]:
    """The entries that are there twice: the signature of a copy fits wherever it is."""
    content = audit.c["source", "key", "kind", "digest", "at"]
    copied = sa.func.max(audit.c.id).label("id")
    query = sa.select(*content, copied).group_by(*content).having(sa.func.count() > 1)
    for entry in connection.execute(query.order_by(copied)).mappings():
        named = f"{entry['kind']}: {entry['source']} {entry['key']}"
        yield f"Entry {entry['id']} ({named}) is a copy of an earlier one."


# -- rows and their entries -------------------------------------------------------------------


def _entries(connection: sa.Connection) -> Entries:
    found: Entries = {}
    query = sa.select(*audit.c["source", "key", "kind", "digest", "salt"]).order_by(audit.c.id)
    for row in _streamed(connection, query):
        kind = str(row["kind"])
        # One text for each kind, instead of one for each entry.
        entry = Entry(_KINDS.get(kind, kind), row["digest"], row["salt"])
        found.setdefault(row["source"], {}).setdefault(row["key"], []).append(entry)
    return found


_KINDS = {kind.value: kind.value for kind in EntryKind}


def _streamed(connection: sa.Connection, query: sa.Select[Any]) -> Iterable[Fields]:
    """The rows of a query, without all of them in memory at once."""
    options = {"yield_per": STREAMED}
    return connection.execute(query, execution_options=options).mappings()


_NAMES = {
    lookups.name: "Look-up",
    covers.name: "Cover",
    automation.name: "Pause of automation",
    bulk_decisions.name: "Bulk decision",
    actions.name: "Action of a bulk decision",
    cases.name: "Case",
    appeals.name: "Appeal",
    overruns.name: "Refused use",
    alert_records.name: "Recorded alert",
    erasures.name: "Erasure",
    policy_versions.name: "Policy version",
    policy_changes.name: "Policy change",
}
_CHANGING = frozenset({actions.name, erasures.name})
"""Tables whose rows have an entry for each of their contents: the last one counts."""


def _row_faults(connection: sa.Connection, entries: Entries) -> Iterable[str]:
    for source, present in _present(connection):
        yield from _faults_of(source, present, entries.get(source, {}))
    yield from _end_faults(connection, entries.get(covers.name, {}))


def _faults_of(
    source: str, present: Iterable[tuple[str, Any]], entries: Mapping[str, Sequence[Entry]]
) -> Iterable[str]:
    """The faults of the rows of one table that are there, and of those that are not."""
    seen, found = set(), {}

    def check(key: str, there: bool, content: Any = None) -> None:
        own = [each for each in entries.get(key, ()) if each.kind != EntryKind.ENDED]
        fault = _fault(own, there, content, source in _CHANGING)
        if fault:
            found[key] = f"{_NAMES[source]} {key} {fault}."

    for key, content in present:
        seen.add(key)
        check(key, True, content)
    for key in entries.keys() - seen:
        check(key, False)
    return [found[key] for key in sorted(found, key=_in_order)]


def _in_order(key: str) -> tuple[int, str]:
    return (len(key), key)


def _fault(own: Sequence[Entry], there: bool, content: Any, changes: bool) -> str | None:
    """The fault of a row with its entries; the last one counts if the row `changes`."""
    if not own:
        return "has no entry in the audit log"
    last = own[-1]
    if last.kind == EntryKind.REMOVED:
        return "is there, although it was removed when its time was over" if there else None
    if not there:
        return "was deleted"
    if changes:
        return None if _matches(last, content) else "was changed"
    # An erasure replaces the content; everything since has to be the same.
    erased = [place for place, each in enumerate(own) if each.kind == EntryKind.ERASED]
    valid = own[erased[-1] :] if erased else own
    return None if all(_matches(each, content) for each in valid) else "was changed"


def _matches(entry: Entry, content: Any) -> bool:
    return entry.digest == digest_of(entry.salt, content)


def _present(connection: sa.Connection) -> Iterable[tuple[str, Iterable[tuple[str, Any]]]]:
    """The rows that have entries by table, each with its key and its content."""

    def rows(table: sa.Table) -> Iterable[Fields]:
        return _streamed(connection, sa.select(table))

    yield lookups.name, ((str(row["id"]), json_of(row)) for row in rows(lookups))
    yield policy_changes.name, ((str(r["id"]), json_of(r)) for r in rows(policy_changes))
    yield policy_versions.name, ((r["version"], content_of(r)) for r in rows(policy_versions))
    yield automation.name, ((str(row["id"]), json_of(row)) for row in rows(automation))
    yield covers.name, ((str(row["id"]), begin_of(row)) for row in rows(covers))
    yield overruns.name, ((overrun_key(row), json_of(row)) for row in rows(overruns))
    yield alert_records.name, ((record_key(row), json_of(row)) for row in rows(alert_records))
    for table in (cases, appeals):
        yield table.name, _lasting(connection, table)
    members = sorted(rows(bulk_decisions), key=itemgetter("bulk_id", "place"))
    by_bulk = groupby(members, key=itemgetter("bulk_id"))
    yield bulk_decisions.name, ((bulk, members_of(group)) for bulk, group in by_bulk)
    yield actions.name, _bulk_actions(connection, members)
    yield erasures.name, ((row["id"], json_of(row)) for row in rows(erasures))


def _lasting(connection: sa.Connection, table: sa.Table) -> Iterable[tuple[str, Any]]:
    query = sa.select(*table.c["id", *LASTING[table.name]])
    for row in _streamed(connection, query):
        yield row["id"], lasting(table, row)


def _bulk_actions(
    connection: sa.Connection, members: Iterable[Fields]
) -> Iterable[tuple[str, Any]]:
    places = {
        (row["bulk_id"], row["subject_type"], row["subject_id"]): row["place"] for row in members
    }
    query = sa.select(actions).where(actions.c.bulk_id.is_not(None))
    for row in _streamed(connection, query):
        place = places.get((row["bulk_id"], row["subject_type"], row["subject_id"]), -1)
        yield action_key(row, place), json_of(row)


def _end_faults(connection: sa.Connection, about: Mapping[str, Sequence[Entry]]) -> Iterable[str]:
    """The covers whose end is not as it was entered."""
    for row in connection.execute(sa.select(covers).order_by(covers.c.id)).mappings():
        ends = [each for each in about.get(str(row["id"]), ()) if each.kind == EntryKind.ENDED]
        none = row["ended_at"] is None and row["ended_by"] is None
        same = _matches(ends[-1], end_of(row)) if ends else none
        if len(ends) > 1 or not same:
            yield f"The end of cover {row['id']} was changed."


def _policy_faults(
    connection: sa.Connection, signer: Signer, unsigned_until: datetime | None
) -> Iterable[str]:
    for row in connection.execute(sa.select(policies)).mappings():
        name = f"The policy of {row['playbook']}, version {row['version']},"
        text = policy_text(PackedPolicy.model_validate(dict(row)))
        yield from _signed_faults(signer, (POLICY, text, row["signature"]), name, unsigned_until)
    for row in connection.execute(sa.select(policy_versions)).mappings():
        name, text = (
            f"Version {row['version']} of the policy",
            version_text(row["version"], row["data"]),
        )
        yield from _signed_faults(signer, (VERSION, text, row["signature"]), name, unsigned_until)


def _signed_faults(
    signer: Signer,
    signed: tuple[str, str, str | None],
    name: str,
    unsigned_until: datetime | None,
) -> Iterable[str]:
    """The fault of a signature; none of a missing one from before there were keys."""
    purpose, text, signature = signed
    if not signature and unsigned_until is not None:
        return
    if not signature and signer.active:
        yield f"{name} is not signed by Koban."
    elif not signer.verifies(purpose, text, signature or ""):
        yield f"{name} was changed."
