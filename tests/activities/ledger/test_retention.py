"""Retention in the ledger: each kind is erased once its time is over; chains still verify."""

from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from activities.ledger.activities import RetentionActivities
from activities.ledger.appeals import AppealsLedger
from activities.ledger.audit_log import json_of
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.evidence import EvidenceRecord
from activities.ledger.limits import overrun_key
from activities.ledger.policies import SNAPSHOT, StoredPolicies
from activities.ledger.queries import Look, Queries
from activities.ledger.schema import (
    actions,
    appeals,
    cases,
    clearings,
    erasures,
    evidence_files,
    exposures,
    lookups,
    overruns,
    uses,
)
from activities.ledger.statistics import Statistics
from activities.signatures import Signer
from tests.activities.ledger.personal_data import (
    CASE,
    PERSON,
    RULES,
    RUN,
    SIGNER,
    closed_case,
    days,
    digests,
    erase,
    everything,
    holds,
)
from tests.activities.ledger.recording import closing, count, opening
from tests.activities.ledger.test_appeals import FILED, entry
from tests.activities.ledger.test_search import a_case_of
from tests.workflows.domain.appeal.builders import MORI, an_appeal, fresh
from tests.workflows.domain.builders import SATO, T0, a_case, an_alert, minutes
from workflows.domain.appeal import commands as acmd
from workflows.domain.brakes import content_digest
from workflows.domain.case import commands as cmd
from workflows.domain.case.decision import Verdict
from workflows.domain.policy.reports import Kept, Retention
from workflows.ports.reports import RetentionRun, RetentionStep


@pytest.fixture
def ledger(database: Database) -> Ledger:
    """Write access with a signing key."""
    return Ledger(database, policies=StoredPolicies(database, SIGNER))


async def test_each_kind_leaves_after_its_own_time(
    closed: Ledger, retention: RetentionActivities, database: Database
) -> None:
    """A day before nothing goes; a day later exactly that kind, and the chain verifies."""
    for day, kind, words in (
        (5, Kept.ATTRIBUTES, '"viewers": 1240'),
        (10, Kept.EVIDENCE, "LINE ID ください"),
        (20, Kept.NOTES, "田中一郎"),
    ):
        assert await erase(retention, days(day - 1), kind) == 0
        assert words in await everything(database)
        assert await erase(retention, days(day + 1), kind) > 0
        assert words not in await everything(database), kind
        assert await holds(database)
    assert await erase(retention, days(31), Kept.SNAPSHOTS) == 1
    assert await closed.load_case(CASE) is None


async def test_the_digest_of_an_alert_leaves_with_its_evidence(
    closed: Ledger, retention: RetentionActivities, database: Database
) -> None:
    """It is of title and evidence, so attributes leave it as it is."""
    before = await digests(database)
    assert before == [content_digest(an_alert(1))]
    await erase(retention, days(6), Kept.ATTRIBUTES)
    assert await digests(database) == before
    await erase(retention, days(11), Kept.EVIDENCE)
    assert await digests(database) == [None]


async def test_a_second_run_erases_nothing(
    closed: Ledger, retention: RetentionActivities, database: Database
) -> None:
    """Counts are of what was there; also a run without anything to erase is recorded."""
    first = await erase(retention, days(40))
    again = await erase(retention, days(41), run="retention/daily-2")
    assert (first > 0, again) == (True, 0)
    assert await retention.end_retention(RetentionRun(run="retention/daily-2", at=days(41))) == {
        "attributes": 0,
        "evidence": 0,
        "lookups": 0,
        "notes": 0,
        "snapshots": 0,
    }
    assert await count(database, erasures) == 2


async def test_an_erased_case_is_opened_again_from_its_snapshot(
    closed: Ledger, retention: RetentionActivities
) -> None:
    """What is left is signed, and has its decision without the typed reason."""
    await erase(retention, days(25), Kept.EVIDENCE, Kept.NOTES)
    snapshot = await closed.load_case(CASE)
    assert snapshot is not None
    assert snapshot.case is not None
    (decision,) = snapshot.case.decisions
    assert (decision.verdict, decision.by, decision.reason) == (
        Verdict.NO_VIOLATION,
        "U0SATO",
        "",
    )
    assert snapshot.cleared_at == days(25)


async def test_a_workflow_that_began_before_brings_nothing_back(
    closed: Ledger, retention: RetentionActivities, database: Database
) -> None:
    """Its snapshot still has the texts, and is written after the erasure."""
    await erase(retention, days(25), Kept.NOTES)
    await closed.record(closed_case())
    assert "田中一郎" not in await everything(database)
    assert await closed.load_case(CASE) is not None


async def test_open_cases_keep_everything(
    ledger: Ledger, retention: RetentionActivities, database: Database
) -> None:
    """However old they are."""
    await ledger.record(opening())
    before = await everything(database)
    assert await erase(retention, days(4000)) == 0
    assert await everything(database) == before


async def test_a_case_under_appeal_keeps_everything(
    closed: Ledger, retention: RetentionActivities, database: Database
) -> None:
    """Until the time after the answer is over."""
    appeal = entry(an_appeal(), FILED)
    await AppealsLedger(database).record_appeal(appeal)
    before = await everything(database)
    assert await erase(retention, days(4000)) == 0
    assert await everything(database) == before


async def test_a_case_whose_lift_is_late_keeps_everything(
    closed: Ledger, retention: RetentionActivities, database: Database
) -> None:
    """The platform fails, so the action outlasts its time; its lift needs the snapshot."""
    late = {
        **{"case_id": CASE, "decision_id": "D1", "action": "mute_user", "version": 3, "life": 1},
        **{"subject_type": "user", "subject_id": "u_123", "status": "verified"},
    }
    await database.execute(sa.insert(actions).values(**late, until=days(1)))
    before = await everything(database)
    assert await erase(retention, days(4000)) == 0
    assert await everything(database) == before
    await database.execute(sa.update(actions).values(status="lifted"))
    assert await erase(retention, days(4000)) > 0


async def test_a_merged_case_waits_for_the_one_that_continues_it(
    ledger: Ledger, retention: RetentionActivities, database: Database
) -> None:
    """Its alerts are evidence of the open case."""
    await a_case_of(ledger, "K00000002", 1)
    await ledger.record(opening())
    merged = closing(a_case(), cmd.Merge(by=SATO, into="K00000002", subject=PERSON))
    await ledger.record(merged)
    assert await erase(retention, days(4000), Kept.EVIDENCE) == 0


async def test_numbers_stay(
    closed: Ledger, retention: RetentionActivities, database: Database
) -> None:
    """The events that reports count are the same before and after."""
    figures = Statistics(database)
    before = await figures.numbers(T0 - timedelta(days=1), days(1))
    assert await erase(retention, days(4000)) > 0
    assert await figures.numbers(T0 - timedelta(days=1), days(1)) == before


class Killed(BaseException):
    """The process ends here."""


class DyingSigner(Signer):
    """A signer of a process that is killed once alerts and events of a case are rewritten."""

    def sign(self, purpose: str, text: str) -> str:
        """Signs only entries of the audit."""
        if purpose == SNAPSHOT:
            raise Killed
        return super().sign(purpose, text)


async def test_a_run_continues_where_it_was_killed(
    ledger: Ledger, retention: RetentionActivities, database: Database
) -> None:
    """Each batch is whole or not there, and a repeated one adds nothing to the counts."""
    await ledger.record(opening())
    await ledger.record(closed_case())
    step = RetentionStep(run=RUN, at=days(40), kind=Kept.EVIDENCE)
    dying = RetentionActivities(database, DyingSigner([("k1", b"1" * 32)]), lambda: RULES)
    with pytest.raises(Killed):
        await dying.erase_batch(step)
    assert "LINE ID ください" in await everything(database)
    assert await count(database, erasures) == 0
    first = await retention.erase_batch(step)
    await retention.erase_batch(step)
    counts = await retention.end_retention(RetentionRun(run=RUN, at=days(40)))
    assert counts == {"evidence": first.erased}
    assert await holds(database)


async def test_a_long_run_works_in_batches(ledger: Ledger, database: Database) -> None:
    """Each begins after the last case of the one before; an open case is left out."""
    for number in range(4):
        await a_case_of(ledger, f"K0000000{number}", 1, evidence=[{"kind": "text", "text": "x"}])
    closes = sa.update(cases).where(cases.c.id != "K00000001")
    await database.execute(closes.values(phase="closed", closed_at=days(1)))
    one = RetentionActivities(database, SIGNER, lambda: RULES, batch=1)
    pages, after = [], ""
    while after is not None:
        step = RetentionStep(run=RUN, at=days(40), kind=Kept.EVIDENCE, after=after)
        batch = await one.erase_batch(step)
        pages.append(batch.erased)
        after = batch.after  # type: ignore[assignment]
    assert pages == [2, 2, 2, 0]
    assert '"x"' in await everything(database, "K00000001")


async def test_the_log_of_looks_keeps_who_and_when(
    retention: RetentionActivities, queries: Queries, database: Database
) -> None:
    """Subject and reason go after their time."""
    old = Look(at=T0, actor="U0SATO", subject_type="user", subject_id="u_123", why="電話の確認")
    new = Look(at=days(20), actor="U0SATO", subject_type="user", subject_id="u_9", why="later")
    await queries.look_up(old)
    await queries.look_up(new)
    assert await erase(retention, days(16), Kept.LOOKUPS) == 1
    async with database.reading() as connection:
        rows = (await connection.execute(sa.select(lookups).order_by(lookups.c.id))).all()
    assert [(row.at, row.actor, row.subject_id, row.why) for row in rows] == [
        (T0, "U0SATO", "", ""),
        (days(20), "U0SATO", "u_9", "later"),
    ]


async def test_what_limits_counted_is_deleted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uses, refused uses and pieces of evidence, in batches; later ones stay."""
    monkeypatch.setattr("activities.ledger.activities.COUNTED", 2)
    for day in (1, 2, 3, 12):
        use = {"power": "clears", "holder": "U0SATO", "key": f"{day}", "at": days(day)}
        seen = {"person": "U0SATO", "detector": "default", "item": 0, "case_id": CASE}
        await database.execute(sa.insert(uses).values(**use, amount=1))
        counted = {"used": 1, "most": 1, "seconds": 60, "alerted": False}
        refused = {**use, **counted, "case_id": None}
        await database.execute(sa.insert(overruns).values(**refused))
        entered = partial(
            database.audit.enter, source="overruns", rows={overrun_key(refused): json_of(refused)}
        )
        await database.write(entered)
        await database.execute(sa.insert(exposures).values(**seen, alert_id=f"{day}", at=days(day)))
    rules = Retention.model_validate({"limits": "8d"})
    retention = RetentionActivities(database, SIGNER, lambda: rules)
    assert await erase(retention, days(10), Kept.LIMITS) == 3
    assert await erase(retention, days(12), Kept.LIMITS) == 6
    assert await erase(retention, days(12), Kept.LIMITS, run="retention/daily-2") == 0
    for table in (uses, overruns, exposures):
        async with database.reading() as connection:
            times = (await connection.execute(sa.select(table.c.at))).scalars().all()
        assert times == [days(12)]
    counts = await retention.end_retention(RetentionRun(run=RUN, at=days(12)))
    assert counts == {"limits": 9}
    assert await holds(database)


async def test_a_snapshot_that_was_changed_is_not_signed(
    closed: Ledger, retention: RetentionActivities, database: Database
) -> None:
    """It is removed: the worker would refuse it anyway."""
    forged = sa.update(cases).values(snapshot_signature="k1:00")
    await database.execute(forged)
    await erase(retention, days(25), Kept.NOTES)
    async with database.reading() as connection:
        row = (await connection.execute(sa.select(cases))).one()
    assert (row.snapshot, row.snapshot_signature) == (None, None)


async def test_pictures_are_deleted_in_time_and_after_a_crash(database: Database) -> None:
    """Those that were not shown an hour after their upload were left by a crash."""
    record, key = EvidenceRecord(database), "live-chat/chat-000001"
    for minute, file in ((0, "F0OLD"), (50, "F0NEW"), (10, "F0CRASHED"), (59, "F0UPLOADING")):
        await record.begin_file(key, 1, file, minutes(minute))
    await record.show_file("F0OLD")
    await record.show_file("F0NEW")
    assert await record.expired_files(minutes(5), minutes(40), "") == ["F0CRASHED", "F0OLD"]
    step = RetentionStep(run=RUN, at=minutes(60), kind=Kept.IMAGES)
    await record.file_deleted("F0OLD", step)
    await record.file_deleted("F0OLD", step)
    for _ in range(3):
        assert await record.expired_files(minutes(5), minutes(40), "") == ["F0CRASHED"]
        await record.file_refused("F0CRASHED", "cant_delete_file", step)
    assert await record.expired_files(minutes(5), minutes(40), "") == []
    async with database.reading() as connection:
        query = sa.select(evidence_files.c.refused, evidence_files.c.tries)
        named = (await connection.execute(query.where(evidence_files.c.tries > 0))).one()
        counts = (await connection.execute(sa.select(erasures.c.counts))).scalar_one()
    assert tuple(named) == ("cant_delete_file", 3)
    assert counts == {"images": 1, "images_refused": 3}


async def test_a_new_appeal_keeps_its_statement(
    closed: Ledger, retention: RetentionActivities, database: Database
) -> None:
    """The notes of its case were erased before it came."""
    await erase(retention, T0 - timedelta(seconds=1) + timedelta(days=25), Kept.NOTES)
    await database.execute(sa.update(clearings).values(at=T0 - timedelta(days=1)))
    record = AppealsLedger(database)
    await record.record_appeal(entry(fresh(), FILED))
    await record.record_appeal(entry(fresh(), FILED, acmd.ClaimAppeal(by=MORI)))
    async with database.reading() as connection:
        row = (await connection.execute(sa.select(appeals))).one()
    assert row.statement == fresh().request.statement != ""
