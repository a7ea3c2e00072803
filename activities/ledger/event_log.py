"""Event log of cases and appeals: idempotent appends, and the check of chains and rows."""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from activities.ledger.alert_records import SNOOZES
from activities.ledger.audit_log import AuditLog, Entry, EntryKind, json_of
from activities.ledger.database import ChainBroken
from activities.ledger.policies import SNAPSHOT, snapshot_text
from activities.ledger.rows import (
    GENESIS,
    Broken,
    Link,
    R,
    action_values,
    appeal_values,
    case_values,
    first_break,
    link_after,
    recorded_of,
    snooze_values,
    storable,
)
from activities.ledger.schema import actions, appeals, cases, events, policies, snoozes
from activities.signatures import Signer
from workflows.domain.alerts import Subject
from workflows.domain.appeal.events import AppealDismissed, AppealFiled, AppealRecorded
from workflows.domain.appeal.rules import apply_all_to_appeal, received
from workflows.domain.case.events import CaseOpened, Recorded
from workflows.domain.case.evolve import apply_all, opened
from workflows.domain.case.model import Case
from workflows.domain.case.projection import action_rows, case_row, snooze_rows
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.policy.appeals import AppealRules
from workflows.domain.policy.playbook import PackedPolicy, Policy
from workflows.ports.appeals import appeal_row

Fields = Mapping[Any, Any]
"""A row by its column names."""
Entries = dict[str, dict[str, list[Entry]]]
"""The entries of the audit log by table and key, oldest first."""

_TAIL = sa.select(events).where(
    events.c.case_id == sa.bindparam("chain_id"), events.c.seq >= sa.bindparam("first")
)
_LINKS = sa.insert(events)


def append(
    connection: sa.Connection,
    chain_id: str,
    recorded: Sequence[R],
    audit: AuditLog,
    beside: Sequence[dict[str, Any]] = (),
) -> list[Link]:
    """Appends the events that the log lacks; returns their links. Raises `ChainBroken`.

    Their entry in the audit log is inserted together with those `beside` it.
    """
    if not recorded:
        return []
    first = recorded[0].seq
    tail = connection.execute(_TAIL, {"chain_id": chain_id, "first": first - 1})
    there = {row.seq: row for row in tail}
    previous = there[first - 1].hash if first - 1 in there else GENESIS if first == 1 else None
    new: list[Link] = []
    for each in recorded:
        if previous is None:
            raise ChainBroken(f"{chain_id}: event {each.seq - 1} is missing")
        written = there.get(each.seq)
        link = link_after(chain_id, each, previous, written.salt if written else None)
        if written is None:
            new.append(link)
        elif not _same(written, link, type(each)):
            raise ChainBroken(f"{chain_id}: event {each.seq} is different in the ledger")
        previous = link.hash if written is None else written.hash
    if new:
        connection.execute(_LINKS, [dict(vars(link)) for link in new])
        audit.insert(connection, [*beside, *_entries(audit, new[-1])])
    return new


def _entries(audit: AuditLog, last: Link) -> list[dict[str, Any]]:
    """The entry of the last event of a write: its hash covers those before it."""
    key = event_key(last.case_id, last.seq)
    return audit.entries(events.name, {key: last.hash}, digested=True)


def event_key(case: str, seq: int) -> str:
    """The key of an event in the audit log."""
    return f"{case}/{seq}"


def event_of(key: str) -> tuple[str, int | None]:
    """Case and seq of an event's key; no seq if it is no such key."""
    case, _, number = key.rpartition("/")
    try:
        seq = int(number)
    except ValueError:
        return case, None
    return case, seq if event_key(case, seq) == key else None


def erase(
    connection: sa.Connection, audit: AuditLog, case: str, left: Mapping[int, dict[str, Any] | None]
) -> None:
    """Replaces the data of events, by seq, by what may stay of them; None: nothing.

    The chain of the case still verifies: an `erased` entry has the digest of what is left.
    """
    changed = sa.update(events).where(events.c.case_id == case)
    for seq, data in left.items():
        connection.execute(changed.where(events.c.seq == seq).values(data=data, salt=None))
    audit.erased(connection, events.name, {event_key(case, seq): left[seq] for seq in left})


def _same(written: sa.Row[Any], link: Link, kind: type[R]) -> bool:
    """True for the same event: a newer version of Koban may write more fields."""
    if written.salt is None:  # erased since
        return bool(written.kind == link.kind and written.at == link.at)
    return written.hash == link.hash or recorded_of(written, kind) == recorded_of(link, kind)


# -- chains, rows and snapshots of cases and appeals ------------------------------------------


class Chains:
    """Chains of cases and appeals, compared with their entries, rows and snapshots."""

    def __init__(self, connection: sa.Connection, entries: Entries, signer: Signer) -> None:
        """`entries` are all of the audit log."""
        self._connection = connection
        self._signer = signer
        self._removed = {
            key
            for source in (cases.name, appeals.name)
            for key, own in entries.get(source, {}).items()
            if own[-1].kind == EntryKind.REMOVED
        }
        self._written: dict[str, dict[int, str]] = {}
        self._erased: dict[str, dict[int, str]] = {}
        self._without_event: list[str] = []
        for key, own in entries.get(events.name, {}).items():
            case, seq = event_of(key)
            if seq is None:
                self._without_event.append(key)
                continue
            for each in own:
                kept = self._erased if each.kind == EntryKind.ERASED else self._written
                kept.setdefault(case, {})[seq] = each.digest
        self._policies: dict[tuple[str, str], Policy] = {}
        self._skipped = 0
        self.cases = self.events = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence about cases whose rows were not compared."""
        if not self._skipped:
            return ()
        return (
            f"{self._skipped} rows were not compared with their events: those were erased in part, "
            "or their policy is not in the ledger.",
        )

    def faults(self) -> Iterable[str]:
        """The faults of all cases and appeals."""
        for key in self._without_event:
            yield f"An entry of the audit log is about {key!r}, which is no event."
        known = sa.union(
            sa.select(events.c.case_id.label("id")),
            *(sa.select(each) for each in (cases.c.id, appeals.c.id, snoozes.c.case_id)),
        )
        ids = set(self._connection.execute(known).scalars())
        for case in sorted(ids | set(self._written)):
            yield from self._faults(case)

    def _faults(self, case: str) -> Iterable[str]:
        query = sa.select(events).where(events.c.case_id == case).order_by(events.c.seq)
        links = [Link(**row) for row in self._connection.execute(query).mappings()]
        if case in self._removed and not links:
            return
        self.cases += 1
        self.events += len(links)
        row, table = self._row(case)
        version = None if row is None else int(row["version"])
        broken = first_break(links, self._erased.get(case)) or _cut_short(case, links, version)
        if broken is not None:
            yield f"{case}: event {broken.seq}: {broken.why}."
            return
        faults = list(self._unwritten(case, links))
        if row is not None and not faults:
            compared = (*self._compared(table, row, links), *self._snooze_faults(row, links))
            faults = [f"{case}: {fault}." for fault in compared]
        yield from faults

    def _row(self, case: str) -> tuple[Fields | None, sa.Table]:
        for table in (cases, appeals):
            query = sa.select(table).where(table.c.id == case)
            found = self._connection.execute(query).mappings().one_or_none()
            if found is not None:
                return found, table
        return None, cases

    def _unwritten(self, case: str, links: Sequence[Link]) -> Iterable[str]:
        """Events that are not those of the audit log."""
        written = self._written.get(case, {})
        for seq, digest in sorted(written.items()):
            if seq > len(links):
                yield f"{case}: event {seq}: it was deleted."
                return
            if links[seq - 1].hash != digest:
                yield f"{case}: event {seq}: it is not the one that was written."
                return
        if len(links) > max(written, default=0):
            yield f"{case}: event {max(written, default=0) + 1}: it has no entry in the audit log."

    # -- rows -----------------------------------------------------------------------------

    def _compared(self, table: sa.Table, row: Fields, links: Sequence[Link]) -> Iterable[str]:
        """Faults of a row against the events up to its version."""
        if row["version"] < 1:
            yield "its row has a version that its events never had"
            return
        written = links[: row["version"]]
        erased = any(link.salt is None for link in links)
        try:
            faults = self._case_faults if table is cases else _appeal_faults
            yield from faults(row, written, erased)
        except (ValueError, AssertionError, LookupError, AttributeError):
            if erased:  # their facts should apply, and other data may be gone
                self._skipped += 1
            else:
                yield "its row can't be compared: its events don't apply to each other"

    def _case_faults(self, row: Fields, links: Sequence[Link], erased: bool) -> Iterable[str]:
        policy = self._policy(row)
        if policy is None:
            if row["snapshot"] is not None:
                yield f"its policy, version {row['policy_version']}, is missing"
            self._skipped += 1
            return
        state = _folded(row, policy, links)
        expected = case_values(case_row(state))
        yield from _differing("its row", row, expected)
        yield from self._action_faults(row["id"], state)
        if row["snapshot"] is not None:
            yield from self._snapshot_faults(row, policy, links, erased)

    def _policy(self, row: Fields) -> Policy | None:
        key = (row["playbook"], row["policy_version"])
        if key not in self._policies:
            query = sa.select(policies).filter_by(playbook=key[0], version=key[1])
            found = self._connection.execute(query).mappings().one_or_none()
            if found is None:
                return None
            self._policies[key] = PackedPolicy.model_validate(dict(found)).policy
        return self._policies[key]

    def _action_faults(self, case: str, state: Case) -> Iterable[str]:
        query = sa.select(actions).where(actions.c.case_id == case, actions.c.bulk_id.is_(None))
        key = itemgetter("decision_id", "action", "subject_type", "subject_id")
        found = {key(row): row for row in self._connection.execute(query).mappings()}
        expected = {
            key(values): {**values, "notice": None}
            for values in (action_values(case, row) for row in action_rows(state))
        }
        # The version is that of the last change.
        name = "the action {0[1]} of {0[0]}"
        yield from _unlike(name, found, expected, but=("version",))

    def _snooze_faults(self, row: Fields, links: Sequence[Link]) -> Iterable[str]:
        """Faults of the snoozes of detectors, which need no policy."""
        query = sa.select(snoozes).where(snoozes.c.case_id == row["id"])
        found = {each["number"]: each for each in self._connection.execute(query).mappings()}
        happened = [recorded_of(link, Recorded) for link in links if link.kind in SNOOZES]
        expected = {}
        if happened:
            about = Subject(type=row["subject_type"], id=row["subject_id"])
            rows = snooze_rows(happened)
            expected = {each.number: snooze_values(row["id"], about, each) for each in rows}
        yield from _unlike("the snooze of event {0}", found, expected)

    def _snapshot_faults(
        self, row: Fields, policy: Policy, links: Sequence[Link], erased: bool
    ) -> Iterable[str]:
        text = snapshot_text(row["id"], row["playbook"], row["policy_version"], row["snapshot"])
        if not self._signer.verifies(SNAPSHOT, text, row["snapshot_signature"] or ""):
            yield "its snapshot is not signed by Koban"
        kept = CaseSnapshot.model_validate(row["snapshot"]).case
        version = 0 if kept is None else kept.version
        if kept is None or not 0 < version <= len(links):
            yield "its snapshot has no state that its events had"
            return
        state = _folded(row, policy, links[:version])
        names = [
            name
            for name in Case.model_fields
            if name not in _left_out(erased) and getattr(kept, name) != getattr(state, name)
        ]
        if names:
            yield f"its snapshot says otherwise than its events: {', '.join(names)}"


_WITH_TEXTS = (
    *("first", "latest", "decisions", "rejection", "hold", "appeal"),
    *("actions", "approval", "sightings"),
)


def _left_out(erased: bool) -> tuple[str, ...]:
    """Fields of a snapshot that are not compared: erased texts are in the signed copy alone."""
    return ("policy", *_WITH_TEXTS) if erased else ("policy",)


def _cut_short(case: str, links: Sequence[Link], version: int | None) -> Broken | None:
    """Detects a missing end of a chain by the version in the case's row."""
    if version is None:
        return Broken(case, len(links), "its case is missing")
    if version > len(links):
        return Broken(case, len(links) + 1, "an event is missing")
    return None


def _folded(row: Fields, policy: Policy, links: Sequence[Link]) -> Case:
    """The case after its events."""
    happened = [recorded_of(link, Recorded).event for link in links]
    first = happened[0]
    assert isinstance(first, CaseOpened), "a case begins with its opening"
    return apply_all(opened(row["workflow_id"], policy, first), happened[1:])


def _appeal_faults(row: Fields, links: Sequence[Link], erased: bool) -> Iterable[str]:
    happened = [recorded_of(link, AppealRecorded).event for link in links]
    if not happened:
        return
    first = happened[0]
    assert isinstance(first, AppealFiled | AppealDismissed), "an appeal begins with its request"
    # Only the time for an answer is read of the rules, and the entry of the row covers it.
    within = {"answer_within": row["due_at"] - row["received_at"]}
    rules = AppealRules.model_construct(None, **within)
    start = received(row["id"], first.request, rules, row["received_at"])
    expected = appeal_values(appeal_row(apply_all_to_appeal(start, happened)), None)
    yield from _differing("its row", row, expected, but=("statement", "reason") if erased else ())


def _unlike(
    name: str,
    found: Mapping[Any, Fields],
    expected: Mapping[Any, Mapping[str, Any]],
    but: Sequence[str] = (),
) -> Iterable[str]:
    """Faults of rows by their keys, against those that the events make."""
    for each in sorted({*found, *expected}):
        named = name.format(each)
        if each not in found:
            yield f"{named} was deleted"
        elif each not in expected:
            yield f"{named} is in no event"
        else:
            yield from _differing(named, found[each], expected[each], but)


def _differing(
    name: str, row: Fields, expected: Mapping[str, Any], but: Sequence[str] = ()
) -> Iterable[str]:
    names = [
        column
        for column, value in expected.items()
        if column not in but
        and storable(json_of({column: value})) != json_of({column: row[column]})
    ]
    if names:
        yield f"{name} says otherwise than the events: {', '.join(names)}"
