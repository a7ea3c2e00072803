"""Ledger guarantees, on both databases."""

import asyncio
import gc
import shutil
import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from activities.ledger.cases import Ledger
from activities.ledger.database import Database, LedgerUnavailable, migrate
from activities.ledger.queries import Look, Queries
from activities.ledger.schema import alerts, cases, events, metadata
from activities.ledger.verification import Verifier
from deploy.sandbox.slack.person import WAIT_SECONDS
from tests.activities.ledger.recording import after, count, following, opening, wanted
from tests.workflows.domain.builders import (
    CLARK,
    POLICY,
    SATO,
    T0,
    TANAKA,
    a_case,
    an_alert,
    minutes,
    news,
    preset,
)
from workflows.domain.case import commands as cmd
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.policy.actions import ApprovalRule


async def test_a_story_is_written_and_read(ledger: Ledger, queries: Queries) -> None:
    """Events come back in order, with actor and time."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), cmd.Claim(by=SATO), cmd.MarkNoViolation(by=SATO)))
    rows = await queries.events_of("K7Q2F9XM0")
    assert [(row["seq"], row["kind"], row["actor"]) for row in rows] == [
        (1, "case_opened", None),
        (2, "case_claimed", "U0SATO"),
        (3, "decided", "U0SATO"),
        (4, "case_closed", "U0SATO"),
    ]
    assert rows[1]["at"] == minutes(1)
    case = await queries.case("K7Q2F9XM0")
    assert case is not None
    assert (case["phase"], case["verdict"], case["version"]) == ("closed", "no_violation", 4)


async def test_what_waits_for_approval_is_no_action_yet(ledger: Ledger, queries: Queries) -> None:
    """A look-up does not show a ban without its approval; the events have the decision."""
    await ledger.record(opening())
    asked, _ = after(a_case(), preset(SATO, "ban"))
    await ledger.record(following(a_case(), preset(SATO, "ban")))
    assert await queries.actions_of("K7Q2F9XM0") == []
    await ledger.record(following(asked, cmd.Approve(by=TANAKA)))
    assert [row["status"] for row in await queries.actions_of("K7Q2F9XM0")] == ["pending"]


async def test_every_tampering_is_found(
    ledger: Ledger, queries: Queries, database: Database
) -> None:
    """The audit reports the place of a changed actor, a cut end or a removed event."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), cmd.Claim(by=SATO), cmd.MarkNoViolation(by=SATO)))
    assert (await Verifier(database).run()).events == 4
    async with database.writing() as connection:
        await connection.execute(sa.delete(events).where(events.c.seq == 4))
    assert (await Verifier(database).run()).findings == (
        "K7Q2F9XM0: event 4: an event is missing.",
    )
    async with database.writing() as connection:
        change = sa.update(events).where(events.c.seq == 2).values(actor="U0CLARK")
        await connection.execute(change)
    assert (await Verifier(database).run()).findings == ("K7Q2F9XM0: event 2: it was changed.",)


async def test_nul_and_worse_are_stored_visibly(ledger: Ledger, database: Database) -> None:
    """PostgreSQL refuses NUL in text; a visible symbol replaces it."""
    alert = an_alert(1, attributes={"note": "a\u0000b", "deep": [{"x": "\u0000"}]})
    await ledger.open_case(wanted().model_copy(update={"alert": alert}))
    async with database.reading() as connection:
        body = (await connection.execute(sa.select(alerts.c.body))).scalar_one()
    assert body["attributes"] == {"note": "a␀b", "deep": [{"x": "␀"}]}


async def test_known_alerts_are_found_by_hundreds(ledger: Ledger, queries: Queries) -> None:
    """Ingest checks a whole request with one query."""
    await ledger.record(opening())
    asked = [("live-chat", f"chat-{number:06}") for number in range(1000)]
    assert await queries.known(asked) == {("live-chat", "chat-000001")}


async def test_a_look_up_is_written_down(queries: Queries, database: Database) -> None:
    """The record has both people and the reason."""
    look = Look(at=T0, actor="U0SATO", subject_type="user", subject_id="u_1", why="/koban user")
    await queries.look_up(look)
    assert await count(database, metadata.tables["lookups"]) == 1


async def test_the_queue_holds_what_is_open(ledger: Ledger, queries: Queries) -> None:
    """Closed cases are not in the queue."""
    await ledger.record(opening())
    assert [row["id"] for row in await queries.open_cases()] == ["K7Q2F9XM0"]
    await ledger.record(following(a_case(), cmd.MarkNoViolation(by=SATO)))
    assert await queries.open_cases() == []


async def test_an_undo_that_waits_for_an_approval_is_in_the_queue(
    ledger: Ledger, queries: Queries
) -> None:
    """The case is closed; its requester can't approve."""
    rule = {"by": "lead", "within": "30m"}
    warn = POLICY.catalog.actions["warn"].model_copy(
        update={"undo_approval": ApprovalRule.model_validate(rule)}
    )
    catalog = POLICY.catalog.model_copy(update={"actions": {"warn": warn}})
    case = a_case().model_copy(
        update={"policy": POLICY.model_copy(update={"catalog": catalog})},
    )
    await ledger.record(opening(case))
    warned, _ = after(case, preset(SATO, "warn"))
    await ledger.record(following(case, preset(SATO, "warn")))
    verified, _ = after(warned, news(warned, ActionStatus.VERIFIED))
    await ledger.record(following(warned, news(warned, ActionStatus.VERIFIED)))
    assert await queries.open_cases() == []
    await ledger.record(following(verified, cmd.Undo(by=CLARK)))
    (row,) = await queries.open_cases()
    assert (row["phase"], row["approval_purpose"]) == ("closed", "undo")
    assert (row["approvers"], row["approval_barred"]) == (["lead"], ["U0CLARK"])
    assert [each["status"] for each in await queries.actions_of(case.id)] == ["verified"]


async def test_requester_deciders_and_approvers_can_not_approve_again(
    ledger: Ledger, queries: Queries
) -> None:
    """The row lists the people who can't give the second approval."""
    await ledger.record(opening())
    await ledger.record(
        following(a_case(), preset(SATO, "forfeit"), cmd.Approve(by=TANAKA)),
    )
    (row,) = await queries.open_cases()
    assert (row["approval_purpose"], row["approvers"]) == ("decision", ["lead"])
    assert row["approval_barred"] == ["U0SATO", "U0TANAKA"]


async def test_a_question_moves_the_end_of_an_approval(ledger: Ledger, queries: Queries) -> None:
    """The remaining time restarts at the answer, or after one full term."""
    await ledger.record(opening())
    asked = cmd.AskRequester(by=TANAKA, question="どの配信ですか")
    await ledger.record(following(a_case(), preset(SATO, "ban"), asked))
    (row,) = await queries.open_cases()
    assert row["approval_expires_at"] == minutes(61)


async def test_a_waiting_case_has_no_due_time(ledger: Ledger, queries: Queries) -> None:
    """Waiting pauses the deadlines, a specialist's snooze does not."""
    await ledger.record(opening())
    snooze = cmd.Snooze(by=SATO, until=minutes(5))
    await ledger.record(following(a_case(), snooze))
    (row,) = await queries.open_cases()
    assert (row["hold"], row["hold_until"]) == ("snoozed", minutes(5))
    assert row["decide_due"] == minutes(10)
    await ledger.record(
        following(after(a_case(), snooze)[0], cmd.Wait(by=SATO, note="本人に確認中"))
    )
    (row,) = await queries.open_cases()
    assert (row["hold"], row["decide_due"], row["claim_due"]) == ("waiting", None, None)


async def test_two_processes_may_migrate_at_once(url: str) -> None:
    """`serve` and `work` can start at the same time."""
    async with AsyncExitStack() as opened:
        databases = [Database(url) for _ in range(3)]
        for each in databases:
            opened.push_async_callback(each.aclose)
        async with asyncio.TaskGroup() as migrations:
            for each in databases:
                migrations.create_task(migrate(each))
        assert await count(databases[0], cases) == 0


async def test_a_migration_waits_longer_than_a_write(migrated: Path, tmp_path: Path) -> None:
    """Another process may migrate a file for longer than a write waits."""
    file = shutil.copy(migrated, tmp_path / "ledger.db")
    database = Database(f"sqlite+aiosqlite:///{file}", busy_seconds=0.1)
    other = sqlite3.connect(file, isolation_level=None)
    async with AsyncExitStack() as opened:
        opened.push_async_callback(database.aclose)
        opened.callback(other.close)
        other.execute("BEGIN IMMEDIATE")
        migrating = asyncio.create_task(migrate(database))
        done, _ = await asyncio.wait([migrating], timeout=1)
        assert done == set()
        other.execute("COMMIT")
        await migrating
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable):
            await database.execute(sa.delete(cases))


async def test_a_new_file_that_another_process_writes_to_is_waited_for(tmp_path: Path) -> None:
    """A new file can't switch to WAL during a write, and SQLite alone would fail at once."""
    other = sqlite3.connect(tmp_path / "ledger.db", WAIT_SECONDS, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    migrating = asyncio.create_task(migrate(database))
    done, _ = await asyncio.wait([migrating], timeout=0.3)
    assert done == set()
    other.execute("COMMIT")
    await migrating
    assert await count(database, cases) == 0
    await database.aclose()
    other.close()


async def test_garbage_collection_does_not_wait_for_another_process(tmp_path: Path) -> None:
    """A cursor that is collected while its connection waits would block the whole event loop."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    other = sqlite3.connect(tmp_path / "ledger.db", WAIT_SECONDS, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    migrating = asyncio.create_task(migrate(database))
    await asyncio.wait([migrating], timeout=0.3)  # its switch to WAL fails, more than once
    other.execute("COMMIT")
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("BEGIN IMMEDIATE")
    done, _ = await asyncio.wait([migrating], timeout=0.3)
    assert done == set()
    gc.collect()
    other.execute("COMMIT")
    await migrating
    await database.aclose()
    other.close()


async def test_a_ledger_out_of_reach_is_one_sentence_without_a_password() -> None:
    """The message goes to operators and logs."""
    database = Database("postgresql+asyncpg://koban:hunter2@127.0.0.1:9/koban")
    with pytest.raises(LedgerUnavailable) as caught:
        await Queries(database).open_cases()
    assert "hunter2" not in str(caught.value)
    assert "does not answer" in str(caught.value)
    await database.aclose()
