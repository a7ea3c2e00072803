"""Verification of the ledger: every forgery is found, on both databases."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from activities.ledger.appeals import AppealsLedger
from activities.ledger.audit_log import (
    EntryKind,
    Head,
    digest_of_entries,
    heads,
    json_of,
    last_head,
)
from activities.ledger.bulk import BulkLedger
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.erasure import CaseEraser, count_in_run
from activities.ledger.event_log import erase
from activities.ledger.limits import LimitLedger, overrun_key
from activities.ledger.policies import StoredPolicies
from activities.ledger.queries import Look, Queries, insert_lookups
from activities.ledger.rows import Link, hash_of
from activities.ledger.schema import (
    actions,
    appeals,
    audit,
    audit_heads,
    automation,
    bulk_decisions,
    cases,
    covers,
    erasures,
    events,
    lookups,
    overruns,
    policies,
)
from activities.ledger.team import Automation, Covers
from activities.ledger.verification import Anchor, Audit, Verifier, verify
from activities.signatures import Signer
from tests.activities.ledger.conftest import TEMPLATE
from tests.activities.ledger.recording import after, closing, following, wanted
from tests.activities.ledger.test_appeals import FILED, entry
from tests.activities.ledger.test_bulk import BULK, rows, users
from tests.activities.ledger.test_recording import revealing
from tests.postgres import Postgres
from tests.workflows.domain.appeal.builders import fresh
from tests.workflows.domain.builders import (
    POLICY,
    REED,
    SATO,
    T0,
    TANAKA,
    minutes,
    news,
    preset,
)
from workflows.domain.appeal import commands as acmd
from workflows.domain.automation import EVERYTHING
from workflows.domain.case.decision import NoticeStatus
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.erasure import OfKinds
from workflows.domain.case.evolve import opened
from workflows.domain.case.model import Case
from workflows.domain.case.projection import case_row
from workflows.domain.people import Cover, Role
from workflows.domain.policy.limits import Power, Use
from workflows.domain.policy.playbook import pack
from workflows.domain.policy.reports import Kept
from workflows.ports.cases import Booking
from workflows.ports.reports import RetentionStep

FIRST, NEXT = ("2026", b"1" * 32), ("2027", b"2" * 32)
KEYS = Signer([FIRST])
NOW = T0 + timedelta(days=1)


async def a_ledger(database: Database) -> Case:
    """Writes a closed case with a reveal, and one row or more of every other kind; seals them."""
    ledger = Ledger(
        database, policies=StoredPolicies(database, database.audit.signer, lambda _: pack(POLICY))
    )
    start = wanted()
    row = case_row(opened("case/a", POLICY, start.event)).model_copy(update={"id": ""})
    found = await ledger.open_case(start.model_copy(update={"row": row}))
    assert found.event is not None
    case = opened("case/a", POLICY, found.event)
    await ledger.record(following(case, revealing(), preset(SATO, "mute")))
    muted, _ = after(case, revealing(), preset(SATO, "mute"))
    await ledger.record(closing(muted, news(muted, ActionStatus.VERIFIED)))
    await others(database)
    await database.write(database.audit.seal)
    return case


async def others(database: Database) -> None:
    """Look-ups, covers, a pause, a refused use, a bulk decision and an appeal."""
    await Queries(database).look_up(Look(T0, "U0SATO", "user", "u_123", "chargeback"))
    people = Covers(database)
    cover = Cover(role=Role.LEAD, person="U0TANAKA", until=minutes(600))
    await people.begin("U0SATO", cover, T0)
    await people.begin("U0SATO", cover, minutes(5))
    await Automation(database).pause(TANAKA, EVERYTHING, timedelta(hours=1), T0)
    report = Use(
        key="report/1",
        power=Power.REPORTS,
        holder="U0SATO",
        amount=2,
        within=timedelta(hours=1),
        most=1,
    )
    assert (await LimitLedger(database).book(Booking(uses=(report,), at=T0))).full is not None
    bulk = BulkLedger(database)
    await bulk.store(BULK, "K7Q2F9XM0", users(3))
    await bulk.record_bulk(rows(1, (0, ActionStatus.PENDING), (1, ActionStatus.PENDING)))
    notices = {0: NoticeStatus.SENT, 1: NoticeStatus.FAILED}
    written = rows(2, (0, ActionStatus.VERIFIED)).model_copy(update={"notices": notices})
    await bulk.record_bulk(written)
    await AppealsLedger(database).record_appeal(entry(fresh(), FILED, acmd.ClaimAppeal(by=REED)))
    run = RetentionStep(run="retention/daily-1", at=T0, kind=Kept.NOTES)
    for number in (1, 2):
        counted = partial(count_in_run, database, step=run, counts={"notes": number})
        await database.write(counted)


@pytest.fixture
async def database(source: str | Postgres, url: str) -> AsyncIterator[Database]:
    """A migrated database of a process with keys."""
    if isinstance(source, str):
        shutil.copy(source, url.removeprefix("sqlite+aiosqlite:///"))
        made = Database(url, KEYS)
    else:
        made = Database(await source.fresh(f"koban_{uuid4().hex[:12]}", TEMPLATE), KEYS)
    yield made
    await made.aclose()


async def findings(database: Database, *anchors: Anchor) -> tuple[str, ...]:
    """The faults of the ledger."""
    return (await Verifier(database).run(anchors, NOW)).findings


async def newest(database: Database) -> Head:
    """The newest head, as it is written down outside."""
    head = await Verifier(database).newest()
    assert head is not None
    return replace(head, signature=database.audit.sign_head(head))


async def test_an_untouched_ledger_holds(database: Database) -> None:
    """Nothing is found in the rows as Koban writes them, and all of them are compared."""
    await a_ledger(database)
    audited = await Verifier(database).run((Anchor("line 1", await newest(database)),), NOW)
    assert audited == Audit(cases=2, events=8, heads=1)
    assert audited.holds


OVERRUN = overrun_key({"power": "reports", "at": T0, "holder": "U0SATO", "key": "report/1"})
INVENTED = {"power": "reports", "at": T0, "holder": "U0CLARK", "key": "report/1"}
Change = Callable[[str], sa.Executable]
"""The statement of a forger; takes the case's id."""

FORGERIES: dict[str, tuple[Change, str]] = {
    "a deleted look-up": (
        lambda _: sa.delete(lookups).where(lookups.c.why == "chargeback"),
        "Look-up 2 was deleted.",
    ),
    "a deleted reveal": (
        lambda _: sa.delete(lookups).where(lookups.c.why != "chargeback"),
        "Look-up 1 was deleted.",
    ),
    "a look-up of somebody else": (
        lambda _: sa.update(lookups).where(lookups.c.id == 2).values(actor="U0TANAKA"),
        "Look-up 2 was changed.",
    ),
    "a deleted cover": (
        lambda _: sa.delete(covers).where(covers.c.id == 2),
        "Cover 2 was deleted.",
    ),
    "a longer cover": (
        lambda _: sa.update(covers).where(covers.c.id == 2).values(until=minutes(9000)),
        "Cover 2 was changed.",
    ),
    "a cover without its end": (
        lambda _: sa.update(covers).where(covers.c.id == 1).values(ended_at=None, ended_by=None),
        "The end of cover 1 was changed.",
    ),
    "an invented cover": (
        lambda _: sa.insert(covers).values(
            id=9, at=T0, person="U0CLARK", covers_for="U0TANAKA", role="lead", until=NOW
        ),
        "Cover 9 has no entry in the audit log.",
    ),
    "a deleted refused use": (
        lambda _: sa.delete(overruns),
        f"Refused use {OVERRUN} was deleted.",
    ),
    "a refused use of somebody else": (
        lambda _: sa.update(overruns).values(used=1),
        f"Refused use {OVERRUN} was changed.",
    ),
    "an invented refused use": (
        lambda _: sa.insert(overruns).values(**INVENTED, used=1, most=1, seconds=60, alerted=False),
        f"Refused use {overrun_key(INVENTED)} has no entry in the audit log.",
    ),
    "a deleted pause": (lambda _: sa.delete(automation), "Pause of automation 1 was deleted."),
    "a pause of somebody else": (
        lambda _: sa.update(automation).values(actor="U0SATO"),
        "Pause of automation 1 was changed.",
    ),
    "a removed member of a bulk decision": (
        lambda _: sa.delete(bulk_decisions).where(bulk_decisions.c.place == 2),
        f"Bulk decision {BULK} was changed.",
    ),
    "an edited notice of a bulk decision": (
        lambda _: sa.update(actions).where(actions.c.subject_id == "u_1").values(notice="sent"),
        f"Action of a bulk decision {BULK}/1/mute_user was changed.",
    ),
    "an invented notice of a single decision": (
        lambda _: sa.update(actions).where(actions.c.bulk_id == None).values(notice="sent"),  # noqa: E711
        "CASE: the action mute_user of D1 says otherwise than the events: notice.",
    ),
    "a deleted bulk decision": (
        lambda _: sa.delete(bulk_decisions),
        f"Bulk decision {BULK} was deleted.",
    ),
    "another status of a member": (
        lambda _: sa.update(actions).where(actions.c.bulk_id == BULK).values(status="undone"),
        f"Action of a bulk decision {BULK}/0/mute_user was changed.",
    ),
    "a deleted action": (
        lambda case: sa.delete(actions).where(actions.c.case_id == case, actions.c.bulk_id == None),  # noqa: E711
        "CASE: the action mute_user of D1 was deleted.",
    ),
    "another status of an action": (
        lambda case: sa.update(actions).where(actions.c.bulk_id == None).values(status="undone"),  # noqa: E711
        "CASE: the action mute_user of D1 says otherwise than the events: status.",
    ),
    "another decider in the row": (
        lambda case: sa.update(cases).values(decider="U0TANAKA", verdict="no_violation"),
        "CASE: its row says otherwise than the events: decider, verdict.",
    ),
    "another policy in the row": (
        lambda case: sa.update(cases).values(policy_version="none"),
        "Case CASE was changed.",
    ),
    "a deleted row of a case": (
        lambda case: sa.delete(cases),
        "CASE: event 6: its case is missing.",
    ),
    "a snapshot without its signature": (
        lambda case: sa.update(cases).values(snapshot_signature=None),
        "CASE: its snapshot is not signed by Koban.",
    ),
    "a changed policy": (
        lambda case: sa.update(policies).values(data=pack(POLICY).data + "x"),
        "The policy of off_platform, version VERSION, was changed.",
    ),
    "another answer of an appeal": (
        lambda case: sa.update(appeals).values(state="upheld", outcome="upheld"),
        "A0123456789AB: its row says otherwise than the events: state, outcome.",
    ),
    "another deadline of an appeal": (
        lambda case: sa.update(appeals).values(due_at=NOW),
        "Appeal A0123456789AB was changed.",
    ),
    "another number of erased rows": (
        lambda case: sa.update(erasures).values(counts={"notes": 1}),
        "Erasure retention/daily-1 was changed.",
    ),
    "a deleted run of retention": (
        lambda case: sa.delete(erasures),
        "Erasure retention/daily-1 was deleted.",
    ),
    "a deleted entry": (
        lambda case: sa.delete(audit).where(audit.c.source == "lookups", audit.c.key == "2"),
        "Look-up 2 has no entry in the audit log.",
    ),
    "deleted heads": (
        lambda case: sa.delete(audit_heads),
        "The entries of head 1 are there, and the head is missing.",
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_every_forgery_is_found(database: Database, name: str) -> None:
    """The sentence names the row that was changed or deleted."""
    case = (await a_ledger(database)).id
    change, sentence = FORGERIES[name]
    await database.execute(change(case))
    expected = sentence.replace("CASE", case).replace("VERSION", POLICY.version)
    assert expected in await findings(database)


async def test_a_changed_snapshot_is_found_also_with_a_signature(database: Database) -> None:
    """A snapshot has to be the state that the events made."""
    case = (await a_ledger(database)).id
    row = (await database.rows(sa.select(cases)))[0]
    forged = {**row["snapshot"], "case": {**row["snapshot"]["case"], "owner": "U0CLARK"}}
    await database.execute(sa.update(cases).values(snapshot=forged))
    assert f"{case}: its snapshot says otherwise than its events: owner." in (
        await findings(database)
    )


async def test_a_deleted_case_is_found(database: Database) -> None:
    """A case without row, events and actions is still in the audit log."""
    case = (await a_ledger(database)).id
    for table, column in ((events, "case_id"), (cases, "id"), (actions, "case_id")):
        await database.execute(sa.delete(table).where(table.c[column] == case))
    found = await findings(database)
    assert f"Case {case} was deleted." in found
    assert f"{case}: event 0: its case is missing." in found


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


async def test_an_empty_database_does_not_hold(database: Database) -> None:
    """Nothing was checked; an anchor says that something was there."""
    audited = await Verifier(database).run((), NOW)
    assert (audited, audited.holds) == (Audit(), False)
    head = Head(3, T0, 0, "", "", "f" * 64, "2026:00")
    assert (await findings(database, Anchor("x, line 1", head)))[0].startswith("Head 3 of ")
    assert "The anchor in x, line 1 is not signed by Koban." in await findings(
        database, Anchor("x, line 1", head)
    )


async def test_a_database_without_tables_is_no_ledger(url: str) -> None:
    """It is not migrated, and does not hold."""
    database = Database(url, KEYS)
    async with database.writing(creates=True):
        pass
    audited = await Verifier(database).run((), NOW)
    assert len(audited.findings) == 1
    assert audited.findings[0].startswith("The database is no ledger: it lacks the tables actions,")
    assert not audited.holds
    async with database.reading() as connection:
        assert await connection.run_sync(lambda each: sa.inspect(each).get_table_names()) == []
    await database.aclose()


async def test_forged_entries_without_any_head_are_found(database: Database) -> None:
    """Without heads nothing says that there were keys: a repair would trust the entries."""
    await a_ledger(database)
    await database.execute(sa.delete(audit_heads))
    await database.execute(sa.update(audit).values(head=None, signature=None))
    found = (await Verifier(database).run((), T0)).findings
    assert any(each.endswith("is not signed by Koban.") for each in found)


async def test_another_workflow_id_is_found(database: Database) -> None:
    """A repair would start the case in the place of another one."""
    await a_ledger(database)
    await database.execute(sa.update(cases).values(workflow_id="case/other/AAAA"))
    assert any("was changed" in each for each in (await Verifier(database).run()).findings)


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


ERASED_FORGERIES: dict[str, tuple[Change, str]] = {
    "another decider": (
        lambda _: sa.update(cases).values(decider="U0TANAKA"),
        "CASE: its row says otherwise than the events: decider.",
    ),
    "another action": (
        lambda case: sa.update(actions).where(actions.c.case_id == case).values(status="undone"),
        "CASE: the action mute_user of D1 says otherwise than the events: status.",
    ),
    "a deleted action": (
        lambda case: sa.delete(actions).where(actions.c.case_id == case),
        "CASE: the action mute_user of D1 was deleted.",
    ),
    "a snapshot without its signature": (
        lambda _: sa.update(cases).values(snapshot_signature=None),
        "CASE: its snapshot is not signed by Koban.",
    ),
    "another answer of an appeal": (
        lambda _: sa.update(appeals).values(state="upheld", outcome="upheld"),
        "A0123456789AB: its row says otherwise than the events: state, outcome.",
    ),
}


@pytest.mark.parametrize("name", ERASED_FORGERIES)
async def test_a_forgery_in_an_erased_case_is_found(database: Database, name: str) -> None:
    """Rows are compared with the facts that stayed of their events."""
    case = (await a_ledger(database)).id
    eraser = CaseEraser(database, database.audit.signer)
    await database.execute(sa.update(appeals).values(case_id=case))

    def clean(connection: sa.Connection) -> None:
        changes = eraser.changes(connection, case, OfKinds(frozenset(Kept)))
        assert changes.events.keys() == {case, "A0123456789AB"}
        eraser.write(connection, changes, [kind.value for kind in Kept], NOW)

    await database.write(clean)
    await database.execute(sa.update(appeals).values(case_id="K7Q2F9XM0"))
    await database.write(database.audit.seal)
    audited = await Verifier(database).run((), NOW)
    assert (audited.findings, audited.notes) == ((), ())
    change, sentence = ERASED_FORGERIES[name]
    await database.execute(change(case))
    assert await findings(database) == (sentence.replace("CASE", case),)


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


# -- any single change --------------------------------------------------------------------

OPEN_COLUMNS = {
    ("cases", "card_channel"),
    ("cases", "card_ts"),
    ("appeals", "card_channel"),
    ("appeals", "card_ts"),
    ("actions", "version"),
    ("audit", "salt"),
}
"""Columns that are no evidence: places in Slack, the version of a write."""


@pytest.fixture(scope="module")
async def filled(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    """A sealed ledger in SQLite, for changes that are rolled back."""
    file = shutil.copy(migrated, tmp_path_factory.mktemp("audit") / "ledger.db")
    database = Database(f"sqlite+aiosqlite:///{file}", KEYS)
    await a_ledger(database)
    await database.aclose()
    return sa.create_engine(f"sqlite:///{file}")


def other(value: Any, kind: sa.types.TypeEngine[Any]) -> Any:
    """Another value of a column."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1_000
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if value is None:
        return {int: 9, datetime: T0, str: "x"}.get(_python(kind), {"x": 1})
    return f"{value}x" if isinstance(value, str) else {"x": 1}


def _python(kind: sa.types.TypeEngine[Any]) -> type:
    if isinstance(kind, sa.JSON):
        return dict
    return datetime if kind.__class__.__name__ == "Utc" else kind.python_type


CHECKED = (
    *(events, audit, audit_heads, lookups, covers, automation),
    *(bulk_decisions, actions, cases, appeals, erasures),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_single_change_is_found(filled: sa.Engine, data: st.DataObject) -> None:
    """A row that is edited in any column, removed, or exchanged with another one is found."""
    with filled.connect() as connection:
        table = data.draw(st.sampled_from(CHECKED))
        found = connection.execute(sa.select(table)).mappings().all()
        row = data.draw(st.sampled_from(found))
        spoil(connection, table, row, found, data)
        audited = verify(connection, KEYS, (), NOW)
        connection.rollback()
    assert audited.findings != ()


def spoil(
    connection: sa.Connection,
    table: sa.Table,
    row: Any,
    found: Any,
    data: st.DataObject,
) -> None:
    """One change of one row, or the exchange of two."""
    keys = [column.name for column in table.primary_key]
    mine = [table.c[key] == row[key] for key in keys]
    how = data.draw(
        st.sampled_from(["edit", "remove", "exchange"] if len(found) > 1 else ["edit", "remove"])
    )
    if how == "remove":
        connection.execute(sa.delete(table).where(*mine))
    elif how == "edit":
        names = [c.name for c in table.c if (table.name, c.name) not in OPEN_COLUMNS]
        name = data.draw(st.sampled_from(names))
        value = other(row[name], table.c[name].type)
        connection.execute(sa.update(table).where(*mine).values({name: value}))
    else:
        second = data.draw(st.sampled_from([each for each in found if each is not row]))
        theirs = [table.c[key] == second[key] for key in keys]
        connection.execute(sa.delete(table).where(sa.or_(sa.and_(*mine), sa.and_(*theirs))))
        for content, place in ((row, second), (second, row)):
            connection.execute(
                sa.insert(table).values({**content, **{key: place[key] for key in keys}})
            )


# -- values that Koban never writes -----------------------------------------------------------

STRANGE = [
    "",
    "x",
    "K/1/2",
    "\u00b2/\u0661",
    0,
    -1,
    2**63 - 1,
    1.5,
    b"\x00\xff",
    "null",
    "[]",
    '{"x":1}',
]


@pytest.mark.wide(2)
@pytest.mark.parametrize("table", [*CHECKED, policies], ids=lambda table: table.name)
def test_a_value_of_another_form_is_a_finding(filled: sa.Engine, table: sa.Table) -> None:
    """A verification ends with a sentence whatever somebody wrote into the database."""
    columns = [c.name for c in table.c if (table.name, c.name) not in OPEN_COLUMNS]
    for name, value in product(columns, STRANGE):
        with filled.connect() as connection:
            before = content(connection, table)
            last = f"SELECT max(rowid) FROM {table.name} WHERE {name} IS NOT ?"
            change = f"UPDATE {table.name} SET {name} = ? WHERE rowid = ({last})"
            try:
                connection.exec_driver_sql(change, (value, value))
            except sa.exc.IntegrityError:
                continue
            changed = content(connection, table) != before
            findings = verify(connection, KEYS, (), NOW).findings
            connection.rollback()
        without_snapshot = (name, value) == ("snapshot", "null")  # as a case that is open has none
        assert findings != () or not changed or without_snapshot, (name, value)


def content(connection: sa.Connection, table: sa.Table) -> object:
    """The rows as Koban reads them; None if it can't."""
    try:
        return connection.execute(sa.select(table)).all()
    except (ValueError, TypeError):
        return None
