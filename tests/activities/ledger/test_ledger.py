"""What the ledger promises, on both databases."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from activities.ledger.audit import verify
from activities.ledger.database import Database
from activities.ledger.errors import LedgerUnavailable, StoryBroken
from activities.ledger.ledger import Ledger
from activities.ledger.migrating import migrate
from activities.ledger.queries import Look, Queries
from activities.ledger.tables import alerts, cases, events, metadata
from tests.domain.building import (
    CLARK,
    POLICY,
    SATO,
    T0,
    TANAKA,
    a_case,
    an_alert,
    follow,
    minutes,
    news,
    preset,
)
from workflows.domain import commands as cmd
from workflows.domain import events as ev
from workflows.domain.alert import Subject, brief
from workflows.domain.case import decide
from workflows.domain.case_state import Case
from workflows.domain.enforcement import ActionStatus
from workflows.domain.history import apply
from workflows.domain.memory import CardRef, Memory
from workflows.domain.playbook.actions import ApprovalRule
from workflows.domain.playbook.model import Severity
from workflows.domain.refusal import Refusal
from workflows.ports import Entry, Written


def opening(case: Case | None = None, key: str = "run-1", number: int = 1) -> Entry:
    """The entry of a case that opens."""
    case = case or a_case()
    event = ev.CaseOpened(
        at=T0,
        case=case.id,
        playbook="off_platform",
        subject=Subject(type="user", id="u_123"),
        severity=Severity.CRITICAL,
        alert=brief(an_alert()),
    )
    first = ev.Recorded(seq=1, event=event)
    return Entry(case=case, owner_key=key, events=(first,), alerts=(an_alert(number),))


def following(case: Case, *commands: cmd.Command, key: str = "run-1", after: int = 1) -> Entry:
    """The entry of everything that `commands` make of `case`, from `after` minutes on."""
    recorded = []
    for minute, command in enumerate(commands, start=after):
        outcome = decide(case, command, minutes(minute))
        assert not isinstance(outcome, Refusal), outcome
        for event in outcome:
            case = apply(case, event)
            recorded.append(ev.Recorded(seq=case.version, event=event))
    return Entry(case=case, owner_key=key, events=tuple(recorded))


async def count(database: Database, table: sa.Table) -> int:
    """How many rows a table has."""
    async with database.reading() as connection:
        query = sa.select(sa.func.count()).select_from(table)
        return int((await connection.execute(query)).scalar_one())


async def test_a_story_is_written_and_read(ledger: Ledger, queries: Queries) -> None:
    """Events come back in their order, with who did what when."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), cmd.Claim(by=SATO), cmd.Clear(by=SATO)))
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


async def test_the_same_entry_twice_changes_nothing(ledger: Ledger, queries: Queries) -> None:
    """A lost answer makes the workflow write again."""
    entry = following(a_case(), preset(SATO, "mute"))
    for each in (opening(), entry, entry, opening()):
        assert await ledger.record(each) == Written(stands=each.events)
    assert len(await queries.events_of("K7Q2F9XM0")) == 3
    case = await queries.case("K7Q2F9XM0")
    assert case is not None
    assert case["phase"] == "enforcing"


async def test_many_writers_of_one_entry_make_one_story(ledger: Ledger, queries: Queries) -> None:
    """Several workers may carry out the same activity at once."""
    entry = opening()
    await asyncio.gather(*(ledger.record(entry) for _ in range(20)))
    assert len(await queries.events_of("K7Q2F9XM0")) == 1
    assert (await verify(queries)).broken == ()


async def test_an_id_that_another_case_has_is_not_granted(
    ledger: Ledger, database: Database
) -> None:
    """Two cases never share an id; the refused one leaves no trace."""
    await ledger.record(opening())
    assert await ledger.record(opening(key="run-2", number=2)) == Written(id_taken=True)
    assert await count(database, alerts) == 1
    assert await count(database, events) == 1


async def test_a_known_alert_opens_no_second_case(ledger: Ledger, database: Database) -> None:
    """(detector, id) is known for good, also after its case closed."""
    await ledger.record(opening())
    again = opening(a_case().model_copy(update={"id": "K00000000"}), key="run-2")
    known = await ledger.record(again)
    assert known == Written(known_alerts=("live-chat/chat-000001",))
    assert await count(database, cases) == 1
    assert await count(database, events) == 1


async def test_where_a_case_was_reopened_no_second_one_opens(
    ledger: Ledger, database: Database
) -> None:
    """The same route and open: the alert is for that case, and nothing is written for another."""
    closed = follow(a_case(), cmd.Clear(by=SATO), minutes(1))
    await ledger.record(opening())
    entry = following(a_case(), cmd.Clear(by=SATO))
    await ledger.record(entry.model_copy(update={"snapshot": Memory(case=closed)}))
    second = opening(a_case().model_copy(update={"id": "KSECOND01"}), "run-2", 2)
    reopening = following(closed, cmd.Reopen(by=SATO, reason="新しい証拠"), after=closed.version)
    await ledger.record(reopening)
    assert (await ledger.record(second)).joins == "K7Q2F9XM0"
    assert (await count(database, cases), await count(database, alerts)) == (1, 1)
    back = second.model_copy(update={"after": "K7Q2F9XM0"})
    assert (await ledger.record(back)).stands == second.events


async def test_a_case_that_was_never_closed_keeps_no_alert_from_the_next(ledger: Ledger) -> None:
    """An operator ended its workflow: nobody would be there to take it."""
    await ledger.record(opening())
    second = opening(a_case().model_copy(update={"id": "KSECOND01"}), "run-2", 2)
    assert (await ledger.record(second)).stands == second.events


async def test_a_gap_in_the_story_is_an_error(ledger: Ledger, queries: Queries) -> None:
    """Writing over a gap would hide a loss."""
    await ledger.record(opening())
    entry = following(a_case(), cmd.Claim(by=SATO), cmd.Release(by=SATO))
    with pytest.raises(StoryBroken, match="event 2 is missing"):
        await ledger.record(entry.model_copy(update={"events": entry.events[1:]}))
    assert len(await queries.events_of("K7Q2F9XM0")) == 1


async def test_the_first_writing_wins(ledger: Ledger, queries: Queries) -> None:
    """A task that runs again after its worker died is told what happened, and writes nothing."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), cmd.Claim(by=SATO)))
    told = await ledger.record(following(a_case(), cmd.Claim(by=TANAKA), cmd.Clear(by=TANAKA)))
    first = following(a_case(), cmd.Claim(by=SATO)).events
    assert told == Written(stands=first, earlier=True)
    assert [row["actor"] for row in await queries.events_of("K7Q2F9XM0")] == [None, "U0SATO"]


async def test_what_was_done_without_the_ledger_is_what_happened(
    ledger: Ledger, queries: Queries
) -> None:
    """It was durable before it was written; a try that was discarded had told something else."""
    await ledger.record(opening())
    join = cmd.JoinAlert(alert=brief(an_alert(2)), severity=Severity.HIGH)
    discarded = following(a_case(), join, preset(SATO, "mute"))
    await ledger.record(discarded.model_copy(update={"alerts": (an_alert(2),)}))
    late = following(a_case(), cmd.Claim(by=TANAKA)).model_copy(update={"late": True})
    assert await ledger.record(late) == Written(stands=late.events)
    assert [row["actor"] for row in await queries.events_of("K7Q2F9XM0")] == [None, "U0TANAKA"]
    row = await queries.case("K7Q2F9XM0")
    assert row is not None
    assert (row["owner"], row["version"], row["decider"]) == ("U0TANAKA", 2, None)
    assert await queries.actions_of("K7Q2F9XM0") == []
    assert (await verify(queries)).broken == ()
    # The alert of the discarded try was never counted: it may join now.
    entry = following(late.case, join).model_copy(update={"alerts": (an_alert(2),)})
    assert await ledger.record(entry) == Written(stands=entry.events)


async def test_an_alert_joins_once(ledger: Ledger, queries: Queries) -> None:
    """A known alert is refused, whichever case has it; one that came late is let be."""
    await ledger.record(opening())
    join = cmd.JoinAlert(alert=brief(an_alert(1)), severity=Severity.HIGH)
    entry = following(a_case(), join).model_copy(update={"alerts": (an_alert(1),)})
    known = Written(known_alerts=("live-chat/chat-000001",))
    assert await ledger.record(entry) == known
    assert len(await queries.events_of("K7Q2F9XM0")) == 1
    late = entry.model_copy(update={"late": True})
    assert await ledger.record(late) == Written(stands=entry.events)
    assert len(await queries.events_of("K7Q2F9XM0")) == 2


async def test_a_late_write_never_takes_a_case_back(ledger: Ledger, queries: Queries) -> None:
    """A slow worker may write an older state after a newer one."""
    await ledger.record(opening())
    older = following(a_case(), cmd.Claim(by=SATO))
    newer = following(a_case(), cmd.Claim(by=SATO), cmd.Clear(by=SATO))
    await ledger.record(newer)
    await ledger.record(older)
    case = await queries.case("K7Q2F9XM0")
    assert case is not None
    assert (case["phase"], case["version"]) == ("closed", 4)


async def test_what_waits_for_approval_is_no_action_yet(ledger: Ledger, queries: Queries) -> None:
    """A look-up must not show a ban that nobody approved; the decision stays in the events."""
    await ledger.record(opening())
    asked = following(a_case(), preset(SATO, "ban"))
    await ledger.record(asked)
    assert await queries.actions_of("K7Q2F9XM0") == []
    await ledger.record(following(asked.case, cmd.Approve(by=TANAKA)))
    assert [row["status"] for row in await queries.actions_of("K7Q2F9XM0")] == ["pending"]


async def test_a_snapshot_wakes_a_case_up(ledger: Ledger) -> None:
    """A closed case comes back as it was, with its place in Slack."""
    await ledger.record(opening())
    entry = following(a_case(), cmd.Clear(by=SATO))
    memory = Memory(key="run-1", case=entry.case, card=CardRef(channel="C0LIVE", ts="1.2"))
    await ledger.record(entry.model_copy(update={"snapshot": memory}))
    assert await ledger.load_case("K7Q2F9XM0") == memory
    assert await ledger.load_case("K00000000") is None


async def test_every_tampering_is_found(
    ledger: Ledger, queries: Queries, database: Database
) -> None:
    """A changed actor, a cut end, a removed middle: the audit names the place."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), cmd.Claim(by=SATO), cmd.Clear(by=SATO)))
    assert (await verify(queries)).events == 4
    async with database.writing() as connection:
        await connection.execute(sa.delete(events).where(events.c.seq == 4))
    assert [(b.seq, b.why) for b in (await verify(queries)).broken] == [(4, "an event is missing")]
    async with database.writing() as connection:
        change = sa.update(events).where(events.c.seq == 2).values(actor="U0CLARK")
        await connection.execute(change)
    assert [(b.seq, b.why) for b in (await verify(queries)).broken] == [(2, "it was changed")]


async def test_nul_and_worse_are_stored_visibly(ledger: Ledger, database: Database) -> None:
    """PostgreSQL can't hold NUL in text; nothing is lost for it."""
    alert = an_alert(1, attributes={"note": "a\u0000b", "deep": [{"x": "\u0000"}]})
    entry = opening().model_copy(update={"alerts": (alert,)})
    await ledger.record(entry)
    async with database.reading() as connection:
        body = (await connection.execute(sa.select(alerts.c.body))).scalar_one()
    assert body["attributes"] == {"note": "a␀b", "deep": [{"x": "␀"}]}


async def test_known_alerts_are_found_by_hundreds(ledger: Ledger, queries: Queries) -> None:
    """Ingest asks for a whole request at once."""
    await ledger.record(opening())
    asked = [("live-chat", f"chat-{number:06}") for number in range(1000)]
    assert await queries.known(asked) == {("live-chat", "chat-000001")}


async def test_a_look_up_is_written_down(queries: Queries, database: Database) -> None:
    """Who looked at whom, and why."""
    look = Look(at=T0, actor="U0SATO", subject_type="user", subject_id="u_1", why="/koban user")
    await queries.look_up(look)
    assert await count(database, metadata.tables["lookups"]) == 1


async def test_the_queue_holds_what_is_open(ledger: Ledger, queries: Queries) -> None:
    """Closed cases are not in it."""
    await ledger.record(opening())
    assert [row["id"] for row in await queries.open_cases()] == ["K7Q2F9XM0"]
    await ledger.record(following(a_case(), cmd.Clear(by=SATO)))
    assert await queries.open_cases() == []


async def test_an_undo_that_waits_for_an_approval_is_in_the_queue(
    ledger: Ledger, queries: Queries
) -> None:
    """Its case is closed; who asked can't agree, and who decided can. What stands goes on so."""
    rule = {"by": "lead", "within": "30m"}
    warn = POLICY.catalog.actions["warn"].model_copy(
        update={"undo_approval": ApprovalRule.model_validate(rule)}
    )
    catalog = POLICY.catalog.model_copy(update={"actions": {"warn": warn}})
    case = a_case().model_copy(
        update={"policy": POLICY.model_copy(update={"catalog": catalog})},
    )
    await ledger.record(opening(case))
    done = following(case, preset(SATO, "warn"))
    await ledger.record(done)
    verified = following(done.case, news(done.case, ActionStatus.VERIFIED))
    await ledger.record(verified)
    assert await queries.open_cases() == []
    await ledger.record(following(verified.case, cmd.Undo(by=CLARK)))
    (row,) = await queries.open_cases()
    assert (row["phase"], row["approval_purpose"]) == ("closed", "undo")
    assert (row["approvers"], row["approval_barred"]) == (["lead"], ["U0CLARK"])
    assert [each["status"] for each in await queries.actions_of(case.id)] == ["verified"]


async def test_nobody_who_asked_decided_or_agreed_is_waited_for(
    ledger: Ledger, queries: Queries
) -> None:
    """Of two leads one agreed; the row names who can't be the second."""
    await ledger.record(opening())
    await ledger.record(
        following(a_case(), preset(SATO, "forfeit"), cmd.Approve(by=TANAKA)),
    )
    (row,) = await queries.open_cases()
    assert (row["approval_purpose"], row["approvers"]) == ("decision", ["lead"])
    assert row["approval_barred"] == ["U0SATO", "U0TANAKA"]


async def test_a_question_moves_the_end_of_an_approval(ledger: Ledger, queries: Queries) -> None:
    """The time that was left begins with the answer, or after one whole term."""
    await ledger.record(opening())
    asked = cmd.AskBack(by=TANAKA, question="どの配信ですか")
    await ledger.record(following(a_case(), preset(SATO, "ban"), asked))
    (row,) = await queries.open_cases()
    assert row["approval_expires_at"] == minutes(61)


async def test_a_case_on_hold_has_no_due_time_while_its_clocks_stand(
    ledger: Ledger, queries: Queries
) -> None:
    """Waiting stops the clocks, a specialist's snooze does not."""
    await ledger.record(opening())
    entry = following(a_case(), cmd.Snooze(by=SATO, until=minutes(5)))
    await ledger.record(entry)
    (row,) = await queries.open_cases()
    assert (row["hold"], row["hold_until"]) == ("snoozed", minutes(5))
    assert row["decide_due"] == minutes(10)
    await ledger.record(following(entry.case, cmd.Wait(by=SATO, note="本人に確認中")))
    (row,) = await queries.open_cases()
    assert (row["hold"], row["decide_due"], row["claim_due"]) == ("waiting", None, None)


async def test_two_processes_may_migrate_at_once(url: str) -> None:
    """`serve` and `work` start together."""
    databases = [Database(url) for _ in range(3)]
    await asyncio.gather(*(migrate(each) for each in databases))
    assert await count(databases[0], cases) == 0
    for each in databases:
        await each.aclose()


async def test_a_new_file_that_another_process_writes_to_is_waited_for(tmp_path: Path) -> None:
    """It can't be turned to WAL meanwhile, and SQLite itself would fail instead of waiting."""
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
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


async def test_a_ledger_out_of_reach_is_one_sentence_without_a_password() -> None:
    """The sentence goes to an operator, and into logs."""
    database = Database("postgresql+asyncpg://koban:hunter2@127.0.0.1:9/koban")
    with pytest.raises(LedgerUnavailable) as caught:
        await Queries(database).open_cases()
    assert "hunter2" not in str(caught.value)
    assert "does not answer" in str(caught.value)
    await database.aclose()
