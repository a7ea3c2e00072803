"""Appeals in the ledger: appealed decisions and their own hash chain, on both databases."""

from datetime import timedelta

import pytest

from activities.ledger.appeals import AppealsLedger
from activities.ledger.cases import Ledger
from activities.ledger.database import ChainBroken, Database
from activities.ledger.queries import Queries
from activities.ledger.verification import Verifier
from tests.activities.ledger.recording import following, opening
from tests.workflows.domain.appeal.builders import (
    MORI,
    a_decision,
    a_request,
    an_appeal,
    fresh,
    given,
)
from tests.workflows.domain.builders import (
    CATALOG,
    CLARK,
    POLICY,
    REED,
    SATO,
    T0,
    TANAKA,
    a_case,
    follow,
    minutes,
    news,
    preset,
)
from workflows.domain.appeal import commands as acmd
from workflows.domain.appeal.events import AppealRecorded
from workflows.domain.appeal.model import Appeal
from workflows.domain.appeal.rules import apply_appeal, decide_appeal, received
from workflows.domain.case import commands as cmd
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import Case
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.snapshot import CardRef
from workflows.domain.people import Cover, Role
from workflows.domain.policy.actions import ApprovalRule
from workflows.ports.appeals import Against, AppealWrite, appeal_row

CASE = "K7Q2F9XM0"


@pytest.fixture
def appeals(database: Database) -> AppealsLedger:
    """Appeals part of the ledger."""
    return AppealsLedger(database)


def entry(
    appeal: Appeal, *commands: acmd.AppealCommand, card: CardRef | None = None
) -> AppealWrite:
    """The write with all events of `commands`, one day apart."""
    recorded = []
    for day, command in enumerate(commands):
        outcome = decide_appeal(appeal, command, T0 + timedelta(days=day))
        assert not isinstance(outcome, Refusal), outcome
        for event in outcome:
            appeal = apply_appeal(appeal, event)
            recorded.append(AppealRecorded(seq=appeal.version, event=event))
    return AppealWrite(row=appeal_row(appeal), events=tuple(recorded), card=card)


FILED = acmd.FileAppeal(appealed=a_decision())


async def banned(ledger: Ledger) -> Case:
    """A case in which 佐藤 banned u_123 with 田中's approval."""
    await ledger.record(opening())
    ban, agree = preset(SATO, "ban"), cmd.Approve(by=TANAKA)
    case = follow(follow(a_case(), ban, minutes(1)), agree, minutes(2))
    done = news(case, ActionStatus.DONE)
    await ledger.record(following(a_case(), ban, agree, done))
    return follow(case, done, minutes(3))


async def test_what_is_appealed_against(ledger: Ledger, appeals: AppealsLedger) -> None:
    """The latest decision in force, with its decider and its approver."""
    await banned(ledger)
    found = await appeals.load_appealed(Against(case=CASE))
    assert found is not None
    assert found.decision is not None
    assert (found.decision.id, found.deciders) == ("D1", ("U0SATO", "U0TANAKA"))
    assert found.effective
    assert found == await appeals.load_appealed(Against(case=CASE, decision="D1"))


async def test_a_cover_and_the_covered_person_both_count_as_deciders(
    ledger: Ledger, appeals: AppealsLedger
) -> None:
    """An approval through a cover counts for both people."""
    cover = Cover(role=Role.LEAD, person=TANAKA.id, until=T0 + timedelta(hours=8))
    clark = CLARK.model_copy(update={"covers": (cover,)})
    ban, agree = preset(SATO, "ban"), cmd.Approve(by=clark)
    case = follow(follow(a_case(), ban, minutes(1)), agree, minutes(2))
    await ledger.record(opening())
    await ledger.record(following(a_case(), ban, agree, news(case, ActionStatus.DONE)))
    found = await appeals.load_appealed(Against(case=CASE))
    assert found is not None
    assert found.deciders == ("U0SATO", "U0CLARK", "U0TANAKA")


async def test_the_approver_of_an_undo_is_not_a_decider(
    ledger: Ledger, appeals: AppealsLedger
) -> None:
    """The platform refuses the undo, so the action stays in force."""
    rule = {"by": "lead", "quorum": 1, "within": "30m", "on_expiry": "refuse"}
    warn = CATALOG.actions["warn"].model_copy(
        update={"undo_approval": ApprovalRule.model_validate(rule)}
    )
    catalog = CATALOG.model_copy(update={"actions": {**CATALOG.actions, "warn": warn}})
    policy = POLICY.model_copy(update={"catalog": catalog})
    fresh_case = a_case().model_copy(update={"policy": policy})
    take = preset(SATO, "warn")
    done = news(follow(fresh_case, take, minutes(1)), ActionStatus.DONE)
    await ledger.record(opening())
    undo, agree = cmd.Undo(by=SATO), cmd.Approve(by=TANAKA)
    case = fresh_case
    for step in (take, done, undo, agree):
        case = follow(case, step, minutes(2))
    refused = news(case, ActionStatus.FAILED)
    await ledger.record(following(fresh_case, take, done, undo, agree, refused))
    found = await appeals.load_appealed(Against(case=CASE))
    assert found is not None
    assert (found.effective, found.deciders) == (True, ("U0SATO",))


async def test_what_can_not_be_appealed_against(ledger: Ledger, appeals: AppealsLedger) -> None:
    """Unknown case, unknown decision, or nothing in force."""
    assert await appeals.load_appealed(Against(case="K00000000")) is None
    await ledger.record(opening())
    await ledger.record(following(a_case(), preset(SATO, "warn")))
    for decision in (None, "D1", "D7"):
        found = await appeals.load_appealed(Against(case=CASE, decision=decision))
        assert found is not None
        assert not found.effective


@pytest.mark.parametrize(
    ("status", "effective"), [(ActionStatus.UNDONE, False), (ActionStatus.LIFTED, True)]
)
async def test_what_was_taken_back_and_what_ran_out(
    ledger: Ledger, appeals: AppealsLedger, status: ActionStatus, effective: bool
) -> None:
    """An undone action can't be appealed; an expired one can."""
    case = await banned(ledger)
    undo = [cmd.Undo(by=TANAKA)] if status is ActionStatus.UNDONE else []
    await ledger.record(following(case, *undo, news(case, status)))
    found = await appeals.load_appealed(Against(case=CASE))
    assert found is not None
    assert found.effective is effective


async def test_an_appeal_has_its_own_hash_chain(
    appeals: AppealsLedger, queries: Queries, database: Database
) -> None:
    """An appeal has a row and events; its chain is verified like a case's."""
    overturned = entry(fresh(), FILED, acmd.Overturn(by=REED, reason="型番でした"))
    card = CardRef(channel="C0LEADS", ts="1.2")
    assert await appeals.record_appeal(overturned.model_copy(update={"card": card})) is True
    row = await queries.appeal("A0123456789AB")
    assert row is not None
    assert row["due_at"] == T0 + timedelta(days=14)
    assert (row["state"], row["outcome"], row["answered_by"], row["reason"]) == (
        "undoing",
        "overturned",
        "U0REED",
        "型番でした",
    )
    assert (row["case_id"], row["decision_id"], row["subject_id"]) == (CASE, "D1", "u_123")
    assert (row["source"], row["appeal_id"], row["card_ts"]) == ("default", "ap-1", "1.2")
    assert [each["kind"] for each in await queries.events_of("A0123456789AB")] == [
        "appeal_filed",
        "appeal_claimed",
        "appeal_overturned",
    ]
    audit = await Verifier(database).run()
    assert (audit.cases, audit.events, audit.findings) == (1, 3, ())


async def test_the_same_entry_twice_changes_nothing(
    appeals: AppealsLedger, queries: Queries
) -> None:
    """A repeated write is ignored, and an older one does not change the newer row."""
    first, both = entry(fresh(), FILED), entry(fresh(), FILED, acmd.ClaimAppeal(by=REED))
    for each in (both, both, first):
        assert await appeals.record_appeal(each) is True
    row = await queries.appeal("A0123456789AB")
    assert row is not None
    assert (row["state"], row["version"]) == ("claimed", 2)
    assert len(await queries.events_of("A0123456789AB")) == 2


async def test_an_appeal_that_was_filed_before_is_known(
    appeals: AppealsLedger, queries: Queries
) -> None:
    """A second run of the same appeal writes nothing."""
    await appeals.record_appeal(entry(fresh(), FILED, acmd.WithdrawAppeal()))
    again = received("A0123456789AB", a_request(), fresh().rules, T0 + timedelta(days=90))
    assert await appeals.record_appeal(entry(again, FILED)) is False
    row = await queries.appeal("A0123456789AB")
    assert row is not None
    assert row["state"] == "withdrawn"


async def test_a_gap_in_the_story_is_refused(appeals: AppealsLedger, queries: Queries) -> None:
    """A write with a missing event is refused as a whole."""
    await appeals.record_appeal(entry(fresh(), FILED))
    claimed = entry(given(an_appeal(), acmd.ClaimAppeal(by=REED), 1), acmd.ReleaseAppeal(by=REED))
    with pytest.raises(ChainBroken):
        await appeals.record_appeal(claimed)
    row = await queries.appeal("A0123456789AB")
    assert row is not None
    assert row["state"] == "open"


async def test_another_event_at_the_same_place_is_refused(
    appeals: AppealsLedger, queries: Queries, database: Database
) -> None:
    """The ledger keeps its event, and the write changes nothing."""
    await appeals.record_appeal(entry(fresh(), FILED))
    await appeals.record_appeal(entry(an_appeal(), acmd.ClaimAppeal(by=REED)))
    other = entry(an_appeal(), acmd.ClaimAppeal(by=MORI), acmd.Uphold(by=MORI, reason="規約どおり"))
    with pytest.raises(ChainBroken, match="event 2 is different"):
        await appeals.record_appeal(other)
    row = await queries.appeal("A0123456789AB")
    assert row is not None
    assert (row["state"], row["owner"], row["version"]) == ("claimed", "U0REED", 2)
    assert (await Verifier(database).run()).findings == ()


async def test_a_write_without_a_card_keeps_the_place_of_the_card(
    appeals: AppealsLedger, queries: Queries
) -> None:
    """The stored card reference stays."""
    card = CardRef(channel="C0LEADS", ts="1.2")
    await appeals.record_appeal(entry(fresh(), FILED))
    await appeals.record_appeal(entry(an_appeal(), card=card))
    await appeals.record_appeal(entry(an_appeal(), acmd.ClaimAppeal(by=REED)))
    row = await queries.appeal("A0123456789AB")
    assert row is not None
    assert (row["card_ts"], row["version"]) == ("1.2", 2)


async def test_a_refused_first_write_leaves_no_row(
    appeals: AppealsLedger, queries: Queries
) -> None:
    """An appeal without its first event does not exist."""
    with pytest.raises(ChainBroken, match="event 1 is missing"):
        await appeals.record_appeal(entry(an_appeal(), acmd.ClaimAppeal(by=REED)))
    assert await queries.appeal("A0123456789AB") is None
