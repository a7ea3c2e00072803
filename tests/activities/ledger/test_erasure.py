"""Erasure of a subject in the ledger, also through a kill; chains still verify."""

import asyncio
import json
import os
import signal
from multiprocessing import get_context
from typing import Any

import pytest
import sqlalchemy as sa

from activities.ledger.activities import RetentionActivities
from activities.ledger.appeals import AppealsLedger
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.erasure import CaseIsOpen, SubjectEraser
from activities.ledger.evidence import EvidenceRecord
from activities.ledger.policies import SNAPSHOT, StoredPolicies, snapshot_text
from activities.ledger.queries import Look, Queries
from activities.ledger.schema import alerts, appeals, cases, clearings, erasures, lookups, metadata
from activities.signatures import Signer
from tests.activities.ledger.personal_data import (
    CASE,
    PERSON,
    RULES,
    SIGNER,
    alert_about,
    closed_case,
    closing_commands,
    days,
    digests,
    ends,
    erase,
    everything,
    holds,
)
from tests.activities.ledger.recording import after, closing, count, opening
from tests.activities.ledger.test_appeals import FILED, entry
from tests.activities.ledger.test_search import a_case_of
from tests.workflows.domain.appeal.builders import MORI, a_decision, an_appeal, fresh
from tests.workflows.domain.builders import T0, a_case, minutes
from workflows.domain.alerts import Alert, Subject, brief
from workflows.domain.appeal import commands as acmd
from workflows.domain.case.appeal_outcome import AppealAnswer, AppealOutcome
from workflows.domain.case.events import AppealAnswered, Recorded
from workflows.domain.case.evolve import apply_all
from workflows.domain.case.projection import case_row
from workflows.domain.case.snapshot import CardRef, CaseSnapshot
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.policy.playbook import pack
from workflows.domain.policy.reports import Kept


@pytest.fixture
def ledger(database: Database) -> Ledger:
    """Write access with a signing key."""
    return Ledger(database, policies=StoredPolicies(database, SIGNER))


async def test_the_digest_of_an_erased_person_leaves(
    closed: Ledger, subjects: SubjectEraser, database: Database
) -> None:
    """Nothing says any more what the alerts about them showed."""
    await subjects.erase_subject(PERSON, "ticket 7", days(5))
    assert await digests(database) == [None]


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
