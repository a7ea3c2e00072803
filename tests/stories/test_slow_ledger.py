"""Slow or unreachable ledger while cases continue."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from activities.ledger.database import Database
from activities.ledger.schema import uses
from deploy.sandbox.slack.person import WAIT_SECONDS, wait_until
from deploy.sandbox.slack.screen import controls
from tests.environment import Environment, koban, work
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_appeals import answer_with, filed, muted, wait_notice
from workflows.domain.case.commands import Click, MarkNoViolation, Place
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.people import Actor


@asynccontextmanager
async def locked(ledger: Path) -> AsyncIterator[None]:
    """Locks the ledger for writing.

    A running write may need the event loop to end, so the lock is awaited in a thread.
    """
    connected = partial(sqlite3.connect, timeout=WAIT_SECONDS, check_same_thread=False)
    with closing(connected(ledger, isolation_level=None)) as holder:
        await asyncio.to_thread(holder.execute, "BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


async def test_a_lock_waits_for_the_running_write(migrated: Path, tmp_path: Path) -> None:
    """The transaction needs the event loop to end."""
    file = shutil.copy(migrated, tmp_path / "koban.db")
    database, begun = Database(f"sqlite+aiosqlite:///{file}"), asyncio.Event()

    async def write() -> None:
        async with database.writing() as connection:
            begun.set()
            await connection.execute(sa.text("SELECT 1"))

    writing = asyncio.create_task(write())
    await begun.wait()
    async with locked(file):
        await writing
    await database.aclose()


async def first_task_done(env: Environment) -> bool:
    """True if the case has completed its first workflow task without the ledger."""
    async for each in env.client.list_workflows("ExecutionStatus = 'Running'"):
        history = await env.client.get_workflow_handle(each.id).fetch_history()
        if any(e.HasField("workflow_task_completed_event_attributes") for e in history.events):
            return True
    return False


async def test_a_case_that_waited_for_the_ledger_is_the_same_when_replayed(
    temporal: str, tmp_path: Path
) -> None:
    """Another worker finds the opening time that the first one recorded."""
    async with koban(temporal, tmp_path, working=False) as env:
        sato = await env.person("U0SATO")
        async with work(env.settings):
            async with locked(tmp_path / "koban.db"):
                await env.happens(lure())

                async def waits() -> bool:
                    return await first_task_done(env)

                await wait_until(waits, what="a case that waits for the ledger")
            card, case = await case_of(sato)
        async with work(env.settings):
            handle = env.client.get_workflow_handle(str(controls(card)[0].block_id))
            memory = await handle.query("memory", result_type=CaseSnapshot)
        (opened, *_) = await env.queries.events_of(case)
        assert memory.case is not None
        assert memory.case.opened_at == opened["at"]


async def case_in_ledger(env: Environment) -> str | None:
    """The first open case; None before it is written."""
    return next((row["id"] for row in await env.queries.open_cases()), None)


async def test_a_card_that_came_late_is_found_by_the_ledger(env: Environment) -> None:
    """Slack was unreachable at the escalation; the case does not change afterwards."""
    sato = await env.person("U0SATO")
    env.sandbox.faults.set("slack_429", True)
    await env.happens(lure())

    case = await wait_until(lambda: case_in_ledger(env), what="the case in the ledger")
    await env.happens(lure(2))
    await env.wait_kind(case, "alert_joined")
    env.sandbox.faults.set("slack_429", False)
    card, _ = await case_of(sato)

    async def found() -> bool:
        row = await env.queries.case(case)
        return row is not None and (row["card_channel"], row["card_ts"]) == ("C0LIVE", card["ts"])

    await wait_until(found, what="the card's place in the ledger")


async def test_a_case_that_closed_before_its_card_was_posted_ends(env: Environment) -> None:
    """Its first card is its last; the case is recorded once and ends."""
    sato = await env.person("U0SATO")
    env.sandbox.faults.set("slack_429", True)
    await env.happens(lure())
    await env.happens(lure(2))

    case = await wait_until(lambda: case_in_ledger(env), what="the case in the ledger")
    await env.wait_kind(case, "alert_joined")
    row = await env.queries.case(case)
    assert row is not None
    clear = MarkNoViolation(by=Actor(id="U0SATO"), version=1)
    click = Click(id="press/1", case=case, command=clear, place=Place(channel="C0LIVE"))
    await env.cases.click(row["workflow_id"], click)
    env.sandbox.faults.set("slack_429", False)
    card, _ = await case_of(sato)
    await sato.wait_text(card, "完了")
    await env.client.get_workflow_handle(row["workflow_id"]).result()


@pytest.mark.long
async def test_an_appeal_is_answered_while_the_ledger_is_away(
    temporal: str, tmp_path: Path
) -> None:
    """Cards and notice come at once; the ledger is written afterwards, and counts the overturn."""
    async with koban(temporal, tmp_path) as env:
        tanaka = await env.person("U0TANAKA")
        _, _, case = await muted(env)
        card, appeal = await filed(env, case, tanaka)
        await wait_notice(env, "received")
        await env.wait_kind(appeal, "appeal_notice_sent")
        async with locked(tmp_path / "koban.db"):
            await answer_with(tanaka, card, "appeal.overturn", "型番でした")
            await wait_notice(env, "overturned")
            assert (await env.thing("users", "u_123"))["muted"] is False
            assert "appeal_overturned" not in await env.written_kinds(appeal)
        await env.wait_kind(appeal, "appeal_carried_out")
        await env.wait_kind(case, "action_undone")
        await env.client.get_workflow_handle(f"appeal/{appeal}").result()
        assert await overturns(env) == [("U0TANAKA", 1)]
        assert await env.findings() == ()


async def overturns(env: Environment) -> list[tuple[str, int]]:
    """Holder and amount of each counted overturn."""
    database = Database(env.settings.ledger.url.get_secret_value())
    query = sa.select(uses.c.holder, uses.c.amount).where(uses.c.power == "overturns")
    rows = await database.rows(query)
    await database.aclose()
    return [(row["holder"], row["amount"]) for row in rows]
