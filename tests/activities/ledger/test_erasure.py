"""Erasure in the ledger: by kind once its time is over, and by subject; chains still verify."""

import asyncio
import json
import os
import signal
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import get_context
from typing import Any

import pytest
import sqlalchemy as sa

from activities.ledger.activities import RetentionActivities
from activities.ledger.appeals import AppealsLedger
from activities.ledger.audit_log import json_of
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.erasure import CaseIsOpen, SubjectEraser
from activities.ledger.evidence import EvidenceRecord
from activities.ledger.limits import overrun_key
from activities.ledger.policies import SNAPSHOT, StoredPolicies, snapshot_text
from activities.ledger.queries import Look, Queries
from activities.ledger.schema import (
    actions,
    alerts,
    appeals,
    cases,
    clearings,
    erasures,
    evidence_files,
    exposures,
    lookups,
    metadata,
    overruns,
    uses,
)
from activities.ledger.statistics import Statistics
from activities.ledger.verification import Verifier
from activities.signatures import Signer
from tests.activities.ledger.recording import after, closing, count, opening
from tests.activities.ledger.test_appeals import FILED, entry
from tests.activities.ledger.test_search import a_case_of
from tests.workflows.domain.appeal.builders import MORI, a_decision, an_appeal, fresh
from tests.workflows.domain.builders import SATO, T0, a_case, an_alert, minutes
from workflows.domain.alerts import Alert, Subject, brief
from workflows.domain.appeal import commands as acmd
from workflows.domain.brakes import content_digest
from workflows.domain.case import commands as cmd
from workflows.domain.case.appeal_outcome import AppealAnswer, AppealOutcome
from workflows.domain.case.decision import Verdict
from workflows.domain.case.events import AppealAnswered, Recorded
from workflows.domain.case.evolve import apply_all
from workflows.domain.case.projection import case_row
from workflows.domain.case.snapshot import CardRef, CaseSnapshot
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.policy.playbook import pack
from workflows.domain.policy.reports import Kept, Retention
from workflows.ports.cases import LedgerWrite
from workflows.ports.reports import RetentionRun, RetentionStep

PERSON = Subject(type="user", id="u_123")
CASE = "K7Q2F9XM0"
RUN = "retention/daily-1"
SIGNER = Signer([("k1", b"1" * 32)])
RULES = Retention.model_validate(
    {"evidence": "10d", "attributes": "5d", "notes": "20d", "snapshots": "30d", "lookups": "15d"}
)


def days(number: float) -> datetime:
    """A time after T0."""
    return T0 + timedelta(days=number)


def closing_commands() -> tuple[cmd.Command, ...]:
    """A note, and a decision that closes the case."""
    return (
        cmd.AddNote(by=SATO, note="田中一郎に電話"),
        cmd.Decide(by=SATO, verdict=Verdict.NO_VIOLATION, reason="田中一郎の店だった"),
    )


def closed_case() -> LedgerWrite:
    """A case with a note and a decision, closed two minutes after T0."""
    return closing(a_case(), *closing_commands())


@pytest.fixture
def ledger(database: Database) -> Ledger:
    """Write access with a signing key."""
    return Ledger(database, policies=StoredPolicies(database, SIGNER))


@pytest.fixture
async def closed(ledger: Ledger) -> Ledger:
    """A ledger with one closed case."""
    await ledger.record(opening())
    await ledger.record(closed_case())
    return ledger


@pytest.fixture
def retention(database: Database) -> RetentionActivities:
    """Erasure by kind, with times for all."""
    return RetentionActivities(database, SIGNER, lambda: RULES)


@pytest.fixture
def subjects(database: Database) -> SubjectEraser:
    """Erasure by subject."""
    return SubjectEraser(database, SIGNER)


async def erase(retention: RetentionActivities, at: datetime, *kinds: Kept, run: str = RUN) -> int:
    """A run over some kinds that was due `at`; the number of erased rows."""
    erased = 0
    for kind in kinds or [kind for kind in Kept if kind is not Kept.IMAGES]:
        after: str | None = ""
        while after is not None:
            batch = await retention.erase_batch(
                RetentionStep(run=run, at=at, kind=kind, after=after)
            )
            erased, after = erased + batch.erased, batch.after
    return erased


async def everything(database: Database, case: str = CASE) -> str:
    """All that the ledger has about a case, as text."""
    queries = Queries(database)
    async with database.reading() as connection:
        bodies = await connection.execute(sa.select(alerts.c.body).where(alerts.c.case_id == case))
        kept = await connection.execute(sa.select(cases.c.snapshot).where(cases.c.id == case))
        rows: list[Any] = [*bodies.scalars(), *kept.scalars()]
    rows += [row["data"] for row in await queries.events_of(case)]
    return json.dumps(rows, ensure_ascii=False)


async def holds(database: Database) -> bool:
    """Whether every chain verifies."""
    return not (await Verifier(database).run()).findings


# -- by kind ------------------------------------------------------------------------------


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


async def digests(database: Database) -> list[str | None]:
    """The digests of what the alerts show."""
    return [row["content"] for row in await database.rows(sa.select(alerts.c.content))]


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


async def test_the_digest_of_an_erased_person_leaves(
    closed: Ledger, subjects: SubjectEraser, database: Database
) -> None:
    """Nothing says any more what the alerts about them showed."""
    await subjects.erase_subject(PERSON, "ticket 7", days(5))
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


# -- by subject ---------------------------------------------------------------------------


async def test_a_person_is_erased_and_the_decision_stays(
    closed: Ledger, subjects: SubjectEraser, queries: Queries, database: Database
) -> None:
    """The decider, the decision and its subject stay; texts, attributes and related subjects go."""
    plan = await subjects.plan(PERSON)
    assert "LINE ID ください" in await everything(database), "a plan changes nothing"
    assert await count(database, erasures) == 0
    done = await subjects.erase_subject(PERSON, "ticket 7", days(1))
    assert done.counts == plan.counts
    assert plan.counts == {"cases": 1, "alerts": 1, "events": 3}
    left = await everything(database)
    for words in ("LINE", "田中一郎", "1240", "s_9"):
        assert words not in left, words
    decided = next(row for row in await queries.events_of(CASE) if row["kind"] == "decided")
    assert (decided["actor"], decided["data"]["decision"]["verdict"]) == ("U0SATO", "no_violation")
    assert await holds(database)
    async with database.reading() as connection:
        row = (await connection.execute(sa.select(erasures))).one()
    assert (row.kind, row.actor, row.subject_id, row.counts) == (
        "subject",
        "ticket 7",
        "u_123",
        plan.counts,
    )
    assert (row.begun_at, row.ended_at is not None) == (days(1), True)


async def test_erasing_twice_does_nothing_more(
    closed: Ledger, subjects: SubjectEraser, database: Database
) -> None:
    """The second time finds nothing, and records nothing."""
    await subjects.erase_subject(PERSON, "ticket 7", days(1))
    before = await everything(database)
    assert (await subjects.erase_subject(PERSON, "ticket 7", days(2))).counts == {}
    assert await everything(database) == before
    assert await count(database, erasures) == 1
    assert await holds(database)


@pytest.mark.parametrize("appealed", [False, True], ids=["open", "under appeal"])
async def test_a_person_with_an_open_case_is_not_erased(
    ledger: Ledger, subjects: SubjectEraser, database: Database, appealed: bool
) -> None:
    """Nothing is changed, and the case is named."""
    await ledger.record(opening())
    if appealed:
        await ledger.record(closed_case())
        await AppealsLedger(database).record_appeal(entry(an_appeal(), FILED))
    before = await everything(database)
    with pytest.raises(CaseIsOpen) as refused:
        await subjects.erase_subject(PERSON, "ticket 7", days(1))
    assert refused.value.cases == (CASE,)
    assert await everything(database) == before
    assert await count(database, erasures) == 0


async def test_a_person_leaves_the_cases_of_others(
    ledger: Ledger, subjects: SubjectEraser, queries: Queries, database: Database
) -> None:
    """Closed ones lose the id, open ones are named and lose it later."""
    other = {"type": "user", "id": "u_999"}
    evidence = [{"kind": "text", "text": "u_123さんに送金"}]
    related = [{"type": "user", "id": "u_123"}]
    await a_case_of(ledger, "K00000001", 1, subject=other, evidence=evidence, related=related)
    await a_case_of(ledger, "K00000002", 1, subject=other, evidence=evidence, related=related)
    closes = sa.update(cases).where(cases.c.id == "K00000001")
    await database.execute(closes.values(phase="closed", closed_at=days(1)))
    done = await subjects.erase_subject(PERSON, "ticket 7", days(2))
    assert done.left == ("K00000002",)
    assert done.counts == {"cases": 1, "alerts": 1, "events": 1}
    assert "u_123" not in await everything(database, "K00000001")
    assert "[erased]さんに送金" in await everything(database, "K00000001")
    assert "u_123" in await everything(database, "K00000002")
    assert [row["id"] for row in await queries.cases_naming(PERSON)] == ["K00000002"]
    assert await holds(database)
    closes = sa.update(cases).where(cases.c.id == "K00000002")
    await database.execute(closes.values(phase="closed", closed_at=days(1)))
    again = await subjects.erase_subject(PERSON, "ticket 7", days(3))
    assert (again.left, again.counts) == ((), {"cases": 1, "alerts": 1, "events": 1})


async def test_an_alert_about_the_person_in_the_case_of_somebody_else(
    ledger: Ledger, subjects: SubjectEraser, database: Database
) -> None:
    """A group may have several subjects: the person's alerts are emptied, the others stay."""
    await ledger.record(opening())
    await ledger.record(closed_case())
    about = {"subject_id": "u_555", "subject_type": "user"}
    body = Alert.model_validate(
        {
            "id": "chat-000009",
            "kind": "spam",
            "subject": {"type": "user", "id": "u_555"},
            "occurred_at": T0,
            "title": "山田花子",
        }
    ).model_dump(mode="json", exclude_none=True)
    row = {"detector": "default", "alert_id": "chat-000009", "case_id": CASE, "kind": "spam"}
    times = {"occurred_at": T0, "received_at": T0}
    await database.execute(sa.insert(alerts).values(**row, **about, **times, body=body))
    done = await subjects.erase_subject(Subject(type="user", id="u_555"), "ticket", days(1))
    assert done.counts == {"cases": 1, "alerts": 1}
    left = await everything(database)
    assert "山田花子" not in left
    assert "LINE ID ください" in left


async def test_what_people_searched_for_is_erased(
    queries: Queries, subjects: SubjectEraser, database: Database
) -> None:
    """Reasons of look-ups go; the look-up and its person stay."""
    for kind, id_, why in (
        ("user", "u_123", "田中一郎の確認"),
        ("find", "u_123 LINE", ""),
        ("user", "u_9", "u_123の友人"),
        ("user", "u_1234", "別人"),
    ):
        look = Look(at=T0, actor="U0SATO", subject_type=kind, subject_id=id_, why=why)
        await queries.look_up(look)
    assert (await subjects.erase_subject(PERSON, "x", days(1))).counts == {"lookups": 3}
    async with database.reading() as connection:
        query = sa.select(lookups.c.actor, lookups.c.subject_id, lookups.c.why)
        rows = (await connection.execute(query.order_by(lookups.c.id))).all()
    assert [tuple(row) for row in rows] == [
        ("U0SATO", "u_123", ""),
        ("U0SATO", "[erased] LINE", ""),
        ("U0SATO", "u_9", "[erased]の友人"),
        ("U0SATO", "u_1234", "別人"),
    ]


OTHER = Subject(type="user", id="u_9")


async def ends(database: Database, case: str) -> None:
    """The case closes."""
    closes = sa.update(cases).where(cases.c.id == case)
    await database.execute(closes.values(phase="closed", closed_at=days(1)))


async def test_a_workflow_that_began_before_two_erasures_brings_nothing_back(
    closed: Ledger, subjects: SubjectEraser, database: Database
) -> None:
    """The second erasure in a case does not hide the first one."""
    late = closed_case()
    await subjects.erase_subject(PERSON, "ticket 7", days(1))
    await alert_about(database, "u_555")
    stranger = Subject(type="user", id="u_555")
    assert (await subjects.erase_subject(stranger, "ticket 8", days(2))).counts != {}
    assert await count(database, clearings) == 2
    await closed.record(late)
    assert "田中一郎" not in await everything(database)


async def alert_about(database: Database, person: str) -> None:
    """One more alert in the case, about somebody else."""
    body = Alert.model_validate(
        {
            "id": "chat-000009",
            "kind": "spam",
            "subject": {"type": "user", "id": person},
            "occurred_at": T0,
            "title": "山田花子",
        }
    ).model_dump(mode="json", exclude_none=True)
    row = {"detector": "default", "alert_id": "chat-000009", "case_id": CASE, "kind": "spam"}
    about = {"subject_id": person, "subject_type": "user"}
    times = {"occurred_at": T0, "received_at": T0}
    await database.execute(sa.insert(alerts).values(**row, **about, **times, body=body))


UPHELD = acmd.Uphold(by=MORI, reason="山田さんの店ではない")


@pytest.mark.parametrize("by_kind", [True, False], ids=["retention", "erase"])
async def test_the_workflow_of_an_answered_appeal_brings_nothing_back(
    closed: Ledger,
    retention: RetentionActivities,
    subjects: SubjectEraser,
    database: Database,
    by_kind: bool,
) -> None:
    """Its notice failed, so it still runs, and writes its row once more after the erasure."""
    claimed = (FILED, acmd.ClaimAppeal(by=MORI), UPHELD)
    record = AppealsLedger(database)
    await record.record_appeal(entry(fresh(), *claimed))
    if by_kind:
        await erase(retention, days(25), Kept.NOTES)
    else:
        await subjects.erase_subject(PERSON, "ticket 7", days(5))
    note = acmd.NoteNotice(notice=NoticeKind.RECEIVED)
    assert await record.record_appeal(entry(fresh(), *claimed, note))
    async with database.reading() as connection:
        row = (await connection.execute(sa.select(appeals))).one()
    assert (row.version, row.statement, row.reason or "") == (4, "", "")
    assert await holds(database)


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


async def test_the_answer_to_a_persons_appeal_leaves_the_case_of_somebody_else(
    ledger: Ledger, subjects: SubjectEraser, queries: Queries, database: Database
) -> None:
    """The case has a copy of the reason in an event and in its snapshot."""
    await ledger.record(opening())
    answer = AppealAnswer(
        **{"appeal": "A0123456789AB", "case": CASE, "decision": "D1", "by": "U0MORI"},
        **{"outcome": AppealOutcome.UPHELD, "at": minutes(9), "reason": "山田さんの店ではない"},
    )
    case, happened = after(a_case(), *closing_commands())
    event = Recorded(seq=case.version + 1, event=AppealAnswered(at=minutes(9), answer=answer))
    case = apply_all(case, [event.event])
    memory = CaseSnapshot(key="run-1", case=case, policy=pack(case.policy))
    write = closed_case().model_copy(
        update={"events": (*happened, event), "row": case_row(case), "snapshot": memory}
    )
    await ledger.record(write)
    person = Subject(type="user", id="u_777")
    filed = acmd.FileAppeal(appealed=a_decision(subject=person))
    upheld = (filed, acmd.ClaimAppeal(by=MORI), UPHELD)
    await AppealsLedger(database).record_appeal(entry(fresh(subject=person), *upheld))
    assert "山田さん" in await everything(database)
    await subjects.erase_subject(person, "ticket 7", days(9))
    assert "山田さん" not in await everything(database)
    assert "田中一郎" in await everything(database), "the words about the case's subject stay"
    assert await holds(database)


async def test_cards_of_others_that_name_the_person_are_drawn_again(
    ledger: Ledger, subjects: SubjectEraser, database: Database
) -> None:
    """They are named until their case has drawn its card, also by a second erasure."""
    other = {"type": "user", "id": "u_999"}
    evidence = [{"kind": "text", "text": "u_123さんに送金"}]
    await a_case_of(ledger, "K00000001", 1, subject=other, evidence=evidence)
    await ends(database, "K00000001")
    given = Alert.model_validate(
        {"id": "K00000001", "kind": "off_platform", "occurred_at": T0, "subject": other}
        | {"evidence": evidence}
    )
    case = a_case().model_copy(update={"latest": brief(given), "first": brief(given)})
    card = CardRef(channel="C1", ts="1.0")
    memory = CaseSnapshot(key="K00000001", case=case, card=card).model_dump(mode="json")
    text = snapshot_text("K00000001", "off_platform", "v1", memory)
    signed = {"snapshot": memory, "snapshot_signature": SIGNER.sign(SNAPSHOT, text)}
    await database.execute(sa.update(cases).values(**signed, policy_version="v1"))
    assert (await subjects.erase_subject(PERSON, "x", days(2))).redraw == ("K00000001",)
    again = await subjects.erase_subject(PERSON, "x", days(3))
    assert (again.counts, again.redraw) == ({}, ("K00000001",))


async def test_an_appeal_that_comes_during_an_erasure_stops_it(
    closed: Ledger, subjects: SubjectEraser, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is erased of its case, although the plan was made before."""
    erase_of = SubjectEraser._erase_of

    async def filed_before(eraser: SubjectEraser, *given: Any) -> None:
        await AppealsLedger(database).record_appeal(entry(an_appeal(), FILED))
        await erase_of(eraser, *given)

    monkeypatch.setattr(SubjectEraser, "_erase_of", filed_before)
    before = await everything(database)
    with pytest.raises(CaseIsOpen):
        await subjects.erase_subject(PERSON, "ticket 7", days(1))
    assert await everything(database) == before


async def test_every_picture_of_a_person_is_deleted(
    closed: Ledger, subjects: SubjectEraser, database: Database
) -> None:
    """Also one that was uploaded after its alert was emptied; the second time finds nothing."""
    await subjects.erase_subject(PERSON, "ticket 7", days(1))
    record = EvidenceRecord(database)
    await record.begin_file("live-chat/chat-000001", 1, "F0LATE", days(1))
    await record.show_file("F0LATE")
    assert (await subjects.erase_subject(PERSON, "x", days(2))).counts == {"pictures": 1}
    assert (await subjects.erase_subject(PERSON, "x", days(3))).counts == {}
    assert await record.expired_files(days(0), days(2), "") == ["F0LATE"]


async def test_a_picture_at_an_address_with_the_id_is_deleted(
    ledger: Ledger, subjects: SubjectEraser, database: Database
) -> None:
    """In the case of somebody else only that picture goes."""
    urls = [f"https://img.market.example/{name}.png" for name in ("u_123/face", "u_999/face")]
    evidence = [{"kind": "image", "url": url} for url in urls]
    other = {"type": "user", "id": "u_999"}
    await a_case_of(ledger, "K00000001", 1, subject=other, evidence=evidence)
    await ends(database, "K00000001")
    record = EvidenceRecord(database)
    for item, file in enumerate(("F0PERSON", "F0OTHER")):
        await record.begin_file("default/K00000001", item, file, days(1))
        await record.show_file(file)
    await subjects.erase_subject(PERSON, "x", days(1))
    assert await record.expired_files(days(0), days(2), "") == ["F0PERSON"]


STAYS = {
    *("alerts.subject_id", "alerts.body", "cases.subject_id", "cases.snapshot", "events.data"),
    *("appeals.subject_id", "lookups.subject_id", "erasures.subject_id"),
}
"""Columns that keep a subject's id: the facts of decisions, and the record of the erasure."""


async def test_no_table_keeps_more_than_the_id(
    closed: Ledger, subjects: SubjectEraser, queries: Queries, database: Database
) -> None:
    """Every column of every table is searched for what was known of the person."""
    upheld = (FILED, acmd.ClaimAppeal(by=MORI), UPHELD)
    await AppealsLedger(database).record_appeal(entry(fresh(), *upheld))
    await queries.look_up(Look(T0, "U0SATO", "user", "u_123", "田中一郎の確認"))
    await subjects.erase_subject(PERSON, "ticket 7", days(5))
    await database.write(database.audit.seal)
    kept, words = set(), ("田中一郎", "山田さん", "LINE ID", fresh().request.statement)
    for table in metadata.sorted_tables:
        for row in await database.rows(sa.select(table)):
            for name, value in row.items():
                text = json.dumps(value, ensure_ascii=False, default=str)
                assert not [word for word in words if word in text], (table.name, name)
                kept |= {f"{table.name}.{name}"} if "u_123" in text else set()
    assert kept <= STAYS
    assert await holds(database)


# -- a process that is killed -----------------------------------------------------------------


class KillingSigner(Signer):
    """A signer that kills its process at the n-th snapshot, after the rest of the case is done."""

    def __init__(self, at: int) -> None:
        super().__init__([("k1", b"1" * 32)])
        self._left = at

    def sign(self, purpose: str, text: str) -> str:
        """Signs, or ends the process at once, as an operator or the kernel does."""
        self._left -= purpose == SNAPSHOT
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().sign(purpose, text)


def erase_and_die(url: str, by_kind: bool) -> None:
    """Erases in a process of its own, which is killed in the second case."""

    async def work() -> None:
        signer = KillingSigner(2)
        database = Database(url, signer)
        if by_kind:
            await erase(RetentionActivities(database, signer, lambda: RULES, batch=1), days(40))
        else:
            await SubjectEraser(database, signer).erase_subject(PERSON, "ticket 7", days(1))

    asyncio.run(work())


@pytest.mark.parametrize("by_kind", [True, False], ids=["retention", "erase"])
async def test_a_killed_erasure_is_completed_by_its_repetition(
    closed: Ledger,
    retention: RetentionActivities,
    subjects: SubjectEraser,
    database: Database,
    by_kind: bool,
) -> None:
    """The process dies in the second case: that one is whole, and the chains hold."""
    second = a_case().model_copy(update={"id": "K7Q2F9XM9"})
    await closed.record(opening(second, key="run-2", number=2))
    await closed.record(closing(second, *closing_commands(), key="run-2"))
    url = database.engine.url.render_as_string(hide_password=False)
    process = get_context("spawn").Process(target=erase_and_die, args=(url, by_kind))
    process.start()
    await asyncio.to_thread(process.join)
    assert process.exitcode == -signal.SIGKILL
    assert "LINE ID" not in await everything(database)
    assert "LINE ID" in await everything(database, second.id)
    assert await holds(database)
    if by_kind:
        assert await erase(retention, days(40)) > 0
    else:
        done = await subjects.erase_subject(PERSON, "ticket 7", days(2))
        assert done.counts == {"cases": 1, "alerts": 1, "events": 3}
    for case in (CASE, second.id):
        assert "LINE ID" not in await everything(database, case)
        assert "田中一郎" not in await everything(database, case)
    assert await holds(database)
