"""Audit log: heads, anchors, keys, and entries that were forged, copied or erased."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from activities.ledger.audit_log import EntryKind, digest_of_entries, heads, json_of, last_head
from activities.ledger.bulk import BulkLedger
from activities.ledger.database import Database
from activities.ledger.event_log import erase
from activities.ledger.policies import StoredPolicies
from activities.ledger.queries import Look, Queries, insert_lookups
from activities.ledger.rows import Link, hash_of
from activities.ledger.schema import actions, audit, audit_heads, covers, events, lookups
from activities.ledger.verification import Anchor, Verifier
from activities.signatures import Signer
from tests.activities.ledger.conftest import TEMPLATE
from tests.activities.ledger.sealed_ledger import (
    FIRST,
    KEYS,
    NEXT,
    NOW,
    a_ledger,
    findings,
    newest,
    others,
)
from tests.activities.ledger.test_bulk import BULK, rows
from tests.postgres import Postgres
from tests.workflows.domain.builders import T0, minutes
from workflows.domain.case.enforcement import ActionStatus


@pytest.fixture
def signer() -> Signer:
    """The keys of the process."""
    return KEYS


def forge(connection: sa.Connection) -> None:
    """Names another decider in the events, and computes every hash again, without a key."""
    links = [Link(**row) for row in connection.execute(_EVENTS).mappings()]
    previous = links[0].prev_hash
    new: dict[str, str] = {}
    for link in links:
        forged = replace(link, actor=link.actor and "U0CLARK", prev_hash=previous)
        forged = replace(forged, hash=hash_of(forged))
        key = (events.c.case_id == link.case_id, events.c.seq == link.seq)
        connection.execute(sa.update(events).where(*key).values(vars(forged)))
        new[link.hash], previous = forged.hash, forged.hash
    for old, digest in new.items():
        connection.execute(sa.update(audit).where(audit.c.digest == old).values(digest=digest))
    head = heads(connection)[0]
    entries = connection.execute(sa.select(audit)).mappings().all()
    made = replace(head, digest=digest_of_entries(entries))
    made = replace(made, hash=made.expected)
    connection.execute(sa.update(audit_heads).values(vars(made)))


_EVENTS = sa.select(events).where(events.c.case_id.startswith("K")).order_by(events.c.seq)


async def test_a_forgery_with_all_hashes_recomputed_is_found(database: Database) -> None:
    """Without the key no signature fits, and the head is not the anchored one."""
    await a_ledger(database)
    anchor = Anchor("anchors, line 1", await newest(database))
    async with database.writing() as connection:
        await connection.run_sync(forge)
    found = await findings(database, anchor)
    assert "Head 1 is not signed by Koban." in found
    assert (
        f"Head 1 is not the one of {anchor.head.at.isoformat(timespec='microseconds')} "
        "(anchors, line 1): the audit log was written again."
    ) in found
    assert [each for each in found if "(written: events K" in each] == [
        each for each in found if each.startswith("Entry ")
    ]
    # The opening has no actor.
    assert len([each for each in found if each.startswith("Entry ")]) == 2


def cut(connection: sa.Connection) -> None:
    """Removes the last head with its entries and their look-up."""
    head = last_head(connection)
    assert head is not None
    connection.execute(sa.delete(lookups).where(lookups.c.why == "the last one"))
    connection.execute(sa.delete(audit).where(audit.c.head == head.number))
    connection.execute(sa.delete(audit_heads).where(audit_heads.c.number == head.number))


async def test_a_cut_tail_is_found_by_an_anchor(database: Database) -> None:
    """A whole end of the log can be cut without a trace inside; the anchor is outside."""
    await a_ledger(database)
    await Queries(database).look_up(Look(T0, "U0SATO", "user", "u_9", "the last one"))
    await database.write(database.audit.seal)
    head = await newest(database)
    anchor = Anchor("anchors, line 1", head)
    async with database.writing() as connection:
        await connection.run_sync(cut)
    assert await findings(database) == ()
    assert await findings(database, anchor) == (
        f"Head 2 of {head.at.isoformat(timespec='microseconds')} is missing (anchors, line 1): "
        "the ledger ends at head 1. Its end was cut, or it is another database.",
    )


async def test_the_worker_that_made_a_lost_head_says_so(
    database: Database,
) -> None:
    """The next seal of the same process logs the head that is gone."""
    await a_ledger(database)
    lost = await newest(database)
    database.audit.keep(lost)
    async with database.writing() as connection:
        await connection.run_sync(cut)
    await Queries(database).look_up(Look(T0, "U0SATO", "user", "u_9", "later"))
    with capture_logs() as logged:
        await database.write(database.audit.seal)
    (line,) = [each for each in logged if each["event"] == "audit_head_lost"]
    assert (line["number"], line["hash"]) == (1, lost.hash)


async def test_forged_entries_without_any_head_are_found(database: Database) -> None:
    """Without heads nothing says that there were keys: a repair would trust the entries."""
    await a_ledger(database)
    await database.execute(sa.delete(audit_heads))
    await database.execute(sa.update(audit).values(head=None, signature=None))
    found = (await Verifier(database).run((), T0)).findings
    assert any(each.endswith("is not signed by Koban.") for each in found)


async def test_an_erasure_without_a_key_is_found(database: Database) -> None:
    """An entry `erased` that no worker signed hides no change."""
    case = (await a_ledger(database)).id
    other = Database(database.engine.url.render_as_string(hide_password=False))
    async with other.writing() as connection:
        await connection.run_sync(erase, other.audit, case, {2: None})
    await other.aclose()
    await database.write(database.audit.seal)
    (found,) = await findings(database)
    assert found.endswith(f"(erased: events {case}/2) is not signed by Koban.")


async def test_rows_that_were_erased_or_removed_hold(database: Database) -> None:
    """Their entries say so, and no salt is left with which their content could be guessed."""
    case = (await a_ledger(database)).id

    def clean(connection: sa.Connection) -> None:
        erase(connection, database.audit, case, {2: {"item": None}})
        connection.execute(sa.delete(lookups).where(lookups.c.id == 1))
        database.audit.removed(connection, "lookups", ["1"])

    async with database.writing() as connection:
        await connection.run_sync(clean)
    await database.write(database.audit.seal)
    audited = await Verifier(database).run((), NOW)
    assert audited.findings == ()
    assert audited.notes == (
        "1 rows were not compared with their events: those were erased in part, "
        "or their policy is not in the ledger.",
    )
    query = sa.select(audit.c.salt).where(audit.c.source == "lookups", audit.c.key == "1")
    assert [row["salt"] for row in await database.rows(query)] == [None, None]


async def copied_entry(database: Database, kind: str, source: str, key: str) -> None:
    """Somebody without a key inserts the first entry about a row again; a worker seals it."""
    query = sa.select(audit).filter_by(kind=kind, source=source, key=key).order_by(audit.c.id)
    first = dict((await database.rows(query))[0])
    await database.execute(sa.insert(audit).values({**first, "id": 900, "head": None}))
    await database.write(database.audit.seal)


async def test_a_copy_of_an_older_entry_is_found(database: Database) -> None:
    """Its signature fits, and the row says again what it said then."""
    await a_ledger(database)
    key = f"{BULK}/0/mute_user"
    await copied_entry(database, "written", "actions", key)
    old = sa.update(actions).where(actions.c.bulk_id == BULK, actions.c.subject_id == "u_0")
    await database.execute(old.values(status="pending", notice=None, version=1))
    assert await findings(database) == (
        f"Entry 900 (written: actions {key}) is a copy of an earlier one.",
    )


async def test_what_an_older_erasure_left_is_no_way_back(database: Database) -> None:
    """Texts that a later erasure took can't come back with a copy of the earlier entry."""
    case = (await a_ledger(database)).id
    kept = {"alert_key": "live-chat/chat-000001", "item": 1, "image": True}
    for left in (kept, {**kept, "alert_key": ""}):
        async with database.writing() as connection:
            await connection.run_sync(erase, database.audit, case, {2: left})
    await database.write(database.audit.seal)
    assert await findings(database) == ()
    await copied_entry(database, "erased", "events", f"{case}/2")
    back = sa.update(events).where(events.c.case_id == case, events.c.seq == 2)
    await database.execute(back.values(data=kept))
    assert await findings(database) == (
        f"Entry 900 (erased: events {case}/2) is a copy of an earlier one.",
    )


async def test_a_second_end_of_a_cover_is_found(database: Database) -> None:
    """A cover ends once: an added entry does not make it end later."""
    await a_ledger(database)
    ended = {"ended_at": minutes(500), "ended_by": "U0TANAKA"}
    async with database.writing() as connection:
        enter = partial(database.audit.enter, source="covers", kind=EntryKind.ENDED)
        await connection.run_sync(enter, rows={"1": json_of(ended)})
    await database.write(database.audit.seal)
    await database.execute(sa.update(covers).where(covers.c.id == 1).values(ended))
    assert await findings(database) == ("The end of cover 1 was changed.",)


async def test_entries_that_nobody_seals_are_found(database: Database) -> None:
    """After ten minutes a head is missing."""
    await a_ledger(database)
    await Queries(database).look_up(Look(T0, "U0SATO", "user", "u_9", "x"))
    at = (await database.rows(sa.select(audit.c.at).where(audit.c.head.is_(None))))[0]["at"]
    soon = await Verifier(database).run((), at + timedelta(minutes=10))
    late = await Verifier(database).run((), at + timedelta(minutes=11))
    assert soon.findings == ()
    assert late.findings == (
        f"1 entries since {at.isoformat(timespec='microseconds')} have no head: "
        "start `koban work`, which seals them.",
    )


async def test_an_entry_that_is_committed_late_gets_the_next_head(copied: Postgres) -> None:
    """No writer waits for another, and two workers never make one head twice."""
    url = await copied.fresh(f"koban_{uuid4().hex[:12]}", TEMPLATE)
    database, other = Database(url, KEYS), Database(url, KEYS)
    look = partial(Look, T0, "U0SATO", "user", "u_9")
    async with other.writing() as late:
        await late.run_sync(insert_lookups, [dict(vars(look("late")))], other.audit)
        await Queries(database).look_up(look("soon"))
        first = await database.write(database.audit.seal)
    made = await asyncio.gather(*(each.write(each.audit.seal) for each in (database, other)))
    assert first is not None
    assert (first.number, first.entries) == (1, 1)
    assert [(each.number, each.entries) for each in made if each is not None] == [(2, 1)]
    assert await findings(database) == ()
    await database.aclose()
    await other.aclose()


# -- keys ---------------------------------------------------------------------------------


def using(database: Database, *keys: tuple[str, bytes]) -> None:
    """The process has these keys from now on."""
    database.audit.signer = Signer(keys)


async def test_keys_are_rotated(database: Database) -> None:
    """Old keys still verify; after `sign_again` they are not needed any more."""
    await a_ledger(database)
    anchor = Anchor("line 1", await newest(database))
    using(database, NEXT, FIRST)
    await Queries(database).look_up(Look(T0, "U0SATO", "user", "u_9", "x"))
    head = await database.write(database.audit.seal)
    assert head is not None
    assert (head.signature or "").startswith("2027:")
    assert await findings(database, anchor) == ()
    await StoredPolicies(database, database.audit.signer).sign_again(unsigned=False)
    start: int | None = 0
    while start is not None:
        again = partial(database.audit.sign_again, unsigned=False, after=start)
        _, refused, start = await database.write(again)
        assert refused == 0
    using(database, NEXT)
    assert await findings(database, anchor) == ()


async def test_another_key_does_not_verify(database: Database) -> None:
    """A head that a stranger signed is found."""
    await a_ledger(database)
    using(database, NEXT)
    assert "Head 1 is not signed by Koban." in await findings(database)


async def test_a_ledger_from_before_there_were_keys(database: Database) -> None:
    """The first signed head covers what was written without keys; afterwards all is signed."""
    using(database)
    await others(database)
    await database.write(database.audit.seal)
    assert (await Verifier(database).run((), NOW)).notes == (
        "Signatures were not checked: KOBAN_TEMPORAL__SIGNING_KEYS is not set.",
    )
    using(database, FIRST)
    assert await findings(database) == (
        "No head is signed: the audit log was replaced, or no worker with keys has run since.",
    )
    await Queries(database).look_up(Look(T0, "U0SATO", "user", "u_9", "x"))
    await database.write(database.audit.seal)
    assert await findings(database) == ()
    using(database)
    await BulkLedger(database).record_bulk(rows(3, (0, ActionStatus.UNDONE)))
    using(database, FIRST)
    await database.write(database.audit.seal)
    (found,) = await findings(database)
    assert found.endswith(f"(written: actions {BULK}/0/mute_user) is not signed by Koban.")
