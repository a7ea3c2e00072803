"""Events of a case and their rows, on both databases."""

import asyncio

import pytest
import sqlalchemy as sa

from activities.ledger.cases import Ledger
from activities.ledger.database import ChainBroken, Database, Row
from activities.ledger.queries import Queries
from activities.ledger.schema import alerts, cases, events, lookups, policies
from activities.ledger.verification import Verifier
from tests.activities.ledger.recording import KEY, after, closing, count, following, opening
from tests.workflows.domain.builders import (
    POLICY,
    SATO,
    TANAKA,
    WATCHFUL,
    a_case,
    an_alert,
    minutes,
    news,
    preset,
)
from workflows.domain.case import commands as cmd
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.snapshot import CardRef, ReceivedAlert
from workflows.domain.policy.limits import Exposed
from workflows.domain.policy.playbook import pack
from workflows.ports.cases import LedgerWrite

CASE = "K7Q2F9XM0"
CARD = CardRef(channel="C0LIVE", ts="1.2")


async def the_row(queries: Queries) -> Row:
    row = await queries.case(CASE)
    assert row is not None
    return row


async def actors(queries: Queries) -> list[str | None]:
    """Kind and actor of each event, in order."""
    return [row["actor"] for row in await queries.events_of(CASE)]


async def test_the_same_write_twice_changes_nothing(
    ledger: Ledger, queries: Queries, database: Database
) -> None:
    """A workflow repeats a write after a lost answer."""
    write = following(a_case(), preset(SATO, "mute"))
    for each in (opening(), write, write, opening()):
        await ledger.record(each)
    assert await actors(queries) == [None, "U0SATO", "U0SATO"]
    row = await the_row(queries)
    assert (row["phase"], row["version"]) == ("enforcing", 3)
    assert [each["status"] for each in await queries.actions_of(CASE)] == ["pending"]
    assert (await Verifier(database).run()).findings == ()


async def test_many_attempts_at_one_write_make_one_story(
    ledger: Ledger, queries: Queries, database: Database
) -> None:
    """Several workers can run the same activity at once."""
    await ledger.record(opening())
    write = following(a_case(), cmd.Claim(by=SATO), cmd.MarkNoViolation(by=SATO))
    await asyncio.gather(*(ledger.record(write) for _ in range(20)))
    assert len(await queries.events_of(CASE)) == 4
    assert (await Verifier(database).run()).findings == ()


async def test_a_write_may_hold_events_the_ledger_has(
    ledger: Ledger, queries: Queries, database: Database
) -> None:
    """A new run repeats the unconfirmed events of the previous run."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), cmd.Claim(by=SATO)))
    await ledger.record(following(a_case(), cmd.Claim(by=SATO), cmd.MarkNoViolation(by=SATO)))
    assert [row["seq"] for row in await queries.events_of(CASE)] == [1, 2, 3, 4]
    assert (await Verifier(database).run()).findings == ()


async def test_another_event_at_the_same_place_is_refused(ledger: Ledger, queries: Queries) -> None:
    """The ledger keeps its event, and the write changes nothing."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), cmd.Claim(by=SATO)))
    other = following(a_case(), cmd.Claim(by=TANAKA), cmd.MarkNoViolation(by=TANAKA))
    late = ReceivedAlert(alert=an_alert(2), at=minutes(2))
    with pytest.raises(ChainBroken, match="event 2 is different"):
        await ledger.record(other.model_copy(update={"alerts": (late,), "card": CARD}))
    assert await actors(queries) == [None, "U0SATO"]
    row = await the_row(queries)
    assert (row["owner"], row["version"], row["card_ts"]) == ("U0SATO", 2, None)
    assert await queries.known([("live-chat", "chat-000002")]) == set()


async def test_another_time_makes_another_event(ledger: Ledger, queries: Queries) -> None:
    """Every field of an event counts, not only its kind."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), cmd.Claim(by=SATO)))
    with pytest.raises(ChainBroken, match="event 2"):
        await ledger.record(following(a_case(), cmd.Claim(by=SATO), first=1.5))
    assert (await queries.events_of(CASE))[1]["at"] == minutes(1)


async def test_an_event_that_an_older_koban_wrote_is_the_same_event(
    ledger: Ledger, database: Database
) -> None:
    """It lacks a field that has a default; later events continue its chain."""
    call = following(a_case(), cmd.Escalate(by=SATO))
    await ledger.record(opening())
    await ledger.record(call)
    async with database.writing() as connection:
        mine = (events.c.case_id == CASE, events.c.seq == 2)
        row = (await connection.execute(sa.select(events).where(*mine))).mappings().one()
        older = {name: value for name, value in row["data"].items() if name != "last"}
        await connection.execute(sa.update(events).where(*mine).values(data=older, hash="0" * 64))
    await ledger.record(call)
    await ledger.record(following(a_case(), cmd.Escalate(by=SATO), cmd.Claim(by=SATO)))
    assert await count(database, events) == 3


async def test_a_shorter_story_can_not_branch_off(ledger: Ledger, queries: Queries) -> None:
    """A different event is refused even if later events follow it."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), cmd.Claim(by=SATO), cmd.MarkNoViolation(by=SATO)))
    with pytest.raises(ChainBroken, match="event 2"):
        await ledger.record(following(a_case(), cmd.Claim(by=TANAKA)))
    assert await actors(queries) == [None, "U0SATO", "U0SATO", "U0SATO"]


async def test_a_missing_event_is_an_error(ledger: Ledger, queries: Queries) -> None:
    """A gap would hide a loss."""
    await ledger.record(opening())
    write = following(a_case(), cmd.Claim(by=SATO), cmd.Release(by=SATO))
    with pytest.raises(ChainBroken, match="event 2 is missing"):
        await ledger.record(write.model_copy(update={"events": write.events[1:]}))
    assert await actors(queries) == [None]
    assert (await the_row(queries))["version"] == 1


async def test_a_story_does_not_begin_in_its_middle(ledger: Ledger, database: Database) -> None:
    """A case without its first event is not written."""
    with pytest.raises(ChainBroken, match="event 1 is missing"):
        await ledger.record(following(a_case(), cmd.Claim(by=SATO)))
    assert (await count(database, cases), await count(database, events)) == (0, 0)


async def test_a_late_write_never_takes_a_case_back(ledger: Ledger, queries: Queries) -> None:
    """An older row changes neither the newer row nor its actions."""
    await ledger.record(opening())
    older = following(a_case(), preset(SATO, "mute"))
    muted, _ = after(a_case(), preset(SATO, "mute"))
    await ledger.record(older)
    await ledger.record(following(muted, news(muted, ActionStatus.VERIFIED)))
    await ledger.record(older.model_copy(update={"card": CARD}))
    row = await the_row(queries)
    assert (row["phase"], row["version"], row["card_ts"]) == ("closed", 5, None)
    assert [each["status"] for each in await queries.actions_of(CASE)] == ["verified"]


async def test_a_write_of_the_same_version_brings_the_card(
    ledger: Ledger, queries: Queries
) -> None:
    """A card can be added without an event; a write without a card keeps it."""
    await ledger.record(opening())
    touched = following(a_case())
    await ledger.record(touched.model_copy(update={"card": CARD}))
    await ledger.record(touched)
    row = await the_row(queries)
    assert (row["card_channel"], row["card_ts"], row["version"]) == ("C0LIVE", "1.2", 1)


async def test_events_without_a_row_leave_the_row_as_it_is(
    ledger: Ledger, queries: Queries, database: Database
) -> None:
    """Long writes have parts, and the last part updates the row."""
    await ledger.record(opening())
    whole = following(a_case(), cmd.Claim(by=SATO), cmd.MarkNoViolation(by=SATO))
    part = LedgerWrite(case=CASE, owner_key=KEY, events=whole.events[:1])
    await ledger.record(part)
    assert (await the_row(queries))["version"] == 1
    await ledger.record(whole.model_copy(update={"events": whole.events[1:]}))
    assert (await the_row(queries))["version"] == 4
    assert (await Verifier(database).run()).findings == ()


async def test_the_row_of_another_case_is_not_touched(ledger: Ledger, queries: Queries) -> None:
    """A write with another case's key is refused."""
    await ledger.record(opening())
    with pytest.raises(RuntimeError, match="another case"):
        await ledger.record(following(a_case(), cmd.Claim(by=SATO), key="run-2"))
    assert await actors(queries) == [None]


async def test_a_lost_row_is_made_again(
    ledger: Ledger, queries: Queries, database: Database
) -> None:
    """The next write of the case restores it."""
    await ledger.record(opening())
    async with database.writing() as connection:
        await connection.execute(sa.delete(cases))
    await ledger.record(following(a_case(), cmd.Claim(by=SATO)).model_copy(update={"card": CARD}))
    row = await the_row(queries)
    assert (row["owner"], row["version"], row["owner_key"], row["card_ts"]) == (
        "U0SATO",
        2,
        "run-1",
        "1.2",
    )


async def test_alerts_that_joined_without_the_ledger_are_stored_late(
    ledger: Ledger, database: Database
) -> None:
    """Each alert has the time it joined; one of another case stays there."""
    await ledger.record(opening())
    late = tuple(ReceivedAlert(alert=an_alert(n), at=minutes(n)) for n in (1, 2, 3))
    write = LedgerWrite(case=CASE, owner_key=KEY, alerts=late)
    for _ in range(2):
        await ledger.record(write)
    async with database.reading() as connection:
        query = sa.select(alerts.c.alert_id, alerts.c.received_at).order_by(alerts.c.alert_id)
        rows = [tuple(row) for row in (await connection.execute(query)).all()]
    assert rows == [
        ("chat-000001", minutes(0)),
        ("chat-000002", minutes(2)),
        ("chat-000003", minutes(3)),
    ]


# -- snapshots ----------------------------------------------------------------------------


async def test_a_snapshot_wakes_a_case_up(ledger: Ledger) -> None:
    """A closed case is restored with its policy and its place in Slack."""
    await ledger.record(opening())
    write = closing(a_case(), cmd.MarkNoViolation(by=SATO))
    assert write.snapshot is not None
    memory = write.snapshot.model_copy(update={"card": CARD})
    await ledger.record(write.model_copy(update={"snapshot": memory}))
    found = await ledger.load_case(CASE)
    assert found is not None
    assert found.policy == pack(POLICY)
    closed, _ = after(a_case(), cmd.MarkNoViolation(by=SATO))
    assert found.with_policy() == memory.model_copy(update={"case": closed})
    assert await ledger.load_case("K00000000") is None


async def test_an_open_case_has_no_snapshot(ledger: Ledger) -> None:
    """Its workflow has the state."""
    await ledger.record(opening())
    assert await ledger.load_case(CASE) is None


async def test_a_snapshot_holds_no_policy(ledger: Ledger, database: Database) -> None:
    """A policy of many kilobytes is stored once for all cases."""
    await ledger.record(opening())
    await ledger.record(closing(a_case(), cmd.MarkNoViolation(by=SATO)))
    async with database.reading() as connection:
        snapshot = (await connection.execute(sa.select(cases.c.snapshot))).scalar_one()
    assert "policy" not in snapshot
    assert "policy" not in snapshot["case"]


async def test_a_policy_is_stored_once_a_version(ledger: Ledger, database: Database) -> None:
    """Ten closed cases of one version share its policy."""
    for number in range(10):
        case = a_case().model_copy(update={"id": f"K0000000{number}"})
        await ledger.record(opening(case, key=case.id, number=number))
        await ledger.record(closing(case, cmd.MarkNoViolation(by=SATO), key=case.id))
    other = a_case(policy=WATCHFUL.model_copy(update={"version": "v2"}))
    await ledger.record(opening(other, number=10))
    await ledger.record(closing(other, cmd.MarkNoViolation(by=SATO)))
    async with database.reading() as connection:
        query = sa.select(policies.c.version, policies.c.playbook).order_by(policies.c.version)
        rows = [tuple(row) for row in (await connection.execute(query)).all()]
    assert rows == [("v1", "off_platform"), ("v2", "off_platform")]
    found = await ledger.load_case(CASE)
    assert found is not None
    assert found.with_policy().case == after(other, cmd.MarkNoViolation(by=SATO))[0]


# -- hidden evidence ----------------------------------------------------------------------


def revealing() -> cmd.RevealEvidence:
    """An image that is revealed to 佐藤."""
    return cmd.RevealEvidence(
        by=SATO,
        alert_key="live-chat/chat-000001",
        item=1,
        modal=cmd.Modal(id="evidence/1"),
        exposed=Exposed(found=True, image=True),
    )


async def test_who_was_shown_hidden_evidence_is_noted_once(
    ledger: Ledger, database: Database
) -> None:
    """The record is written with the event, and a retry adds none."""
    await ledger.record(opening())
    write = following(a_case(), revealing(), cmd.Claim(by=SATO))
    part = write.model_copy(update={"events": write.events[:1], "row": None, "actions": ()})
    for each in (part, write, write):
        await ledger.record(each)
    async with database.reading() as connection:
        (row,) = (await connection.execute(sa.select(lookups))).mappings().all()
    assert (row["actor"], row["subject_type"], row["subject_id"]) == ("U0SATO", "user", "u_123")
    assert row["why"] == "evidence revealed: live-chat/chat-000001 #2 (image)"
    assert (row["at"], row["case_id"]) == (minutes(1), CASE)


async def test_a_look_is_noted_although_the_row_of_its_case_got_lost(
    ledger: Ledger, database: Database
) -> None:
    """Parts of a long write have no row; the last part restores it."""
    await ledger.record(opening())
    async with database.writing() as connection:
        await connection.execute(sa.delete(cases))
    write = following(a_case(), revealing(), cmd.Claim(by=SATO))
    part = write.model_copy(update={"events": write.events[:1], "row": None, "actions": ()})
    await ledger.record(part)
    await ledger.record(write)
    assert await count(database, lookups) == 1


async def test_a_refused_story_leaves_no_note_of_a_look(ledger: Ledger, database: Database) -> None:
    """A refused write records no reveal."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), cmd.Claim(by=TANAKA)))
    with pytest.raises(ChainBroken):
        await ledger.record(following(a_case(), revealing()))
    assert await count(database, lookups) == 0
