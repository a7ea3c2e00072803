"""Sealed ledger with a row or more of every kind, and its verification."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from activities.ledger.appeals import AppealsLedger
from activities.ledger.audit_log import Head
from activities.ledger.bulk import BulkLedger
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.erasure import count_in_run
from activities.ledger.limits import LimitLedger
from activities.ledger.policies import StoredPolicies
from activities.ledger.queries import Look, Queries
from activities.ledger.team import Automation, Covers
from activities.ledger.verification import Anchor, Verifier
from activities.signatures import Signer
from tests.activities.ledger.recording import after, closing, following, wanted
from tests.activities.ledger.test_appeals import FILED, entry
from tests.activities.ledger.test_bulk import BULK, rows, users
from tests.activities.ledger.test_recording import revealing
from tests.workflows.domain.appeal.builders import fresh
from tests.workflows.domain.builders import POLICY, REED, SATO, T0, TANAKA, minutes, news, preset
from workflows.domain.appeal import commands as acmd
from workflows.domain.automation import EVERYTHING
from workflows.domain.case.automation import Booking
from workflows.domain.case.decision import NoticeStatus
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.evolve import opened
from workflows.domain.case.model import Case
from workflows.domain.case.projection import case_row
from workflows.domain.people import Cover, Role
from workflows.domain.policy.limits import Power, Use
from workflows.domain.policy.playbook import pack
from workflows.domain.policy.reports import Kept
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


async def findings(database: Database, *anchors: Anchor) -> tuple[str, ...]:
    """The faults of the ledger."""
    return (await Verifier(database).run(anchors, NOW)).findings


async def newest(database: Database) -> Head:
    """The newest head, as it is written down outside."""
    head = await Verifier(database).newest()
    assert head is not None
    return replace(head, signature=database.audit.sign_head(head))
