"""Ledger statistics, on both databases, compared with figures recomputed from the events."""

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from activities.ledger.alert_records import AlertRecords
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.queries import Queries
from activities.ledger.schema import cases
from activities.ledger.statistics import Statistics
from tests.activities.ledger.recording import after, following, opening
from tests.activities.ledger.test_alert_records import a_record
from tests.workflows.domain.builders import (
    SATO,
    T0,
    TANAKA,
    WATCHFUL,
    a_case,
    an_alert,
    minutes,
    news,
    preset,
)
from workflows.domain.case import commands as cmd
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import ActionReport, ActionStatus, EnforcementReport
from workflows.domain.case.model import Case
from workflows.domain.metrics.metrics import (
    Numbers,
    PlaybookCount,
    Protections,
    Sla,
    Spread,
    WithoutCase,
)
from workflows.domain.policy.bands import Band, Trial
from workflows.domain.policy.matching import AlertRecord, RecordKind
from workflows.domain.policy.playbook import Policy, Severity

DOCS = Path(__file__).parents[3] / "docs" / "numbers.md"
END = minutes(60)
MUTED, LATE, BANNED, UNTOUCHED = "K0000000A", "K0000000B", "K0000000C", "K0000000D"


@pytest.fixture
def statistics(database: Database) -> Statistics:
    """Statistics of an empty ledger."""
    return Statistics(database)


def named(case_id: str, severity: Severity, policy: Policy) -> Case:
    case = a_case(severity, policy)
    return case.model_copy(update={"id": case_id, "workflow_id": f"case/{case_id}"})


async def played(
    ledger: Ledger, case_id: str, *steps: tuple[float, cmd.Command | ActionStatus], **of: object
) -> None:
    """Records a case with commands (or reports about its last decision) at given minutes."""
    severity = of.get("severity", Severity.CRITICAL)
    policy = of.get("policy", WATCHFUL)
    case = named(case_id, severity, policy)  # type: ignore[arg-type]
    number = int(case_id[-1], 36)
    await ledger.record(opening(case, key=case_id, number=number))
    for minute, step in steps:
        command = news(case, step) if isinstance(step, ActionStatus) else step
        await ledger.record(following(case, command, key=case_id, first=minute))
        case, _ = after(case, command, first=minute)


@pytest.fixture
async def hour(ledger: Ledger) -> None:
    """An hour with four cases: muted in time, muted late, banned with approval, untouched."""
    await played(ledger, MUTED, (4, preset(SATO, "mute")), (5, ActionStatus.VERIFIED))
    await played(
        ledger,
        LATE,
        (1, cmd.Claim(by=SATO)),
        (12, preset(SATO, "mute")),
        (14, ActionStatus.DONE),
    )
    await played(
        ledger,
        BANNED,
        (3, preset(SATO, "ban")),
        (8, cmd.Approve(by=TANAKA)),
        (10, ActionStatus.DONE),
    )
    await played(ledger, UNTOUCHED, severity=Severity.CRITICAL)


async def test_the_numbers_of_an_hour(statistics: Statistics, hour: None) -> None:
    """The expected values are calculated by hand; detection is 2 s before T0."""
    found = await statistics.numbers(T0, END)
    seconds = timedelta(seconds=2)
    assert (found.opened, found.closed, found.decided) == (4, 3, 3)
    assert found.decisions == {Verdict.VIOLATION: 3}
    assert found.ttd == Spread(of=3, p50=timedelta(minutes=4), p95=timedelta(minutes=12))
    assert found.ttfa == Spread(
        of=3, p50=timedelta(minutes=10) + seconds, p95=timedelta(minutes=14) + seconds
    )
    assert found.claims == {Severity.CRITICAL: Sla(met=1, missed=2, overdue=1)}
    assert found.sla == {Severity.CRITICAL: Sla(met=2, missed=1, overdue=1)}
    assert (found.approvals.given, found.approvals.waiting) == (1, 0)
    assert found.backlog.open == {Severity.CRITICAL: 1}
    assert found.backlog.overdue == {Severity.CRITICAL: 1}
    assert found.backlog.age == Spread(of=1, p50=timedelta(hours=1), p95=timedelta(hours=1))
    assert found.playbooks == (PlaybookCount(playbook="off_platform", opened=4, decisions=3),)


async def test_every_number_can_be_recomputed_from_the_events(
    statistics: Statistics, queries: Queries, hour: None
) -> None:
    """The definitions in docs/numbers.md give the same figures."""
    found = await statistics.numbers(T0, END)
    stories = [await queries.events_of(case) for case in (MUTED, LATE, BANNED, UNTOUCHED)]
    to_decision, to_action, met, missed, claims = [], [], 0, 0, []
    for story in stories:
        opened, kinds = story[0], [row["kind"] for row in story]
        seen = datetime.fromisoformat(opened["data"]["alert"]["occurred_at"])
        if "decided" in kinds:
            decided = story[kinds.index("decided")]
            to_decision.append(decided["at"] - opened["at"])
            in_time = decided["at"] <= datetime.fromisoformat(decided["data"]["due"])
            met, missed = met + in_time, missed + (not in_time)
        claimed = [r for r in story if r["kind"] == "case_claimed"][:1]
        claims += [r["at"] <= datetime.fromisoformat(r["data"]["due"]) for r in claimed]
        effects = [r for r in story if r["kind"] in ("action_succeeded", "action_verified")]
        to_action += [effects[0]["at"] - seen] if effects else []
    for spread, values in ((found.ttd, to_decision), (found.ttfa, to_action)):
        assert spread.of == len(values) == 3
        assert (spread.p50, spread.p95) == (sorted(values)[1], sorted(values)[2])
    assert (found.sla_total.met, found.sla_total.missed) == (met, missed) == (2, 1)
    assert (found.claims_total.met, found.claims_total.of) == (sum(claims), len(claims) + 1)
    events = [row for story in stories for row in story]
    assert found.opened == sum(row["kind"] == "case_opened" for row in events)
    assert found.closed == sum(row["kind"] == "case_closed" for row in events)


@pytest.mark.parametrize("name", ["opened and closed", "decisions by verdict", "by playbook"])
async def test_the_sql_of_the_docs_says_the_same(
    statistics: Statistics, database: Database, hour: None, name: str
) -> None:
    """The SQL in docs/numbers.md runs unchanged on both databases."""
    found = await statistics.numbers(T0, END)
    (query,) = re.findall(rf"```sql\n-- {name}\n(.*?)```", DOCS.read_text("utf-8"), re.S)
    async with database.reading() as connection:
        bound = sa.text(query).bindparams(
            sa.bindparam("since", T0, sa.DateTime(timezone=True)),
            sa.bindparam("until", END, sa.DateTime(timezone=True)),
        )
        rows = [tuple(row) for row in (await connection.execute(bound)).all()]
    assert (
        rows
        == {
            "opened and closed": [(found.opened, found.closed)],
            "decisions by verdict": [("violation", 3)],
            "by playbook": [("off_platform", 4, 3)],
        }[name]
    )


async def test_what_lies_outside_of_the_time_is_not_counted(
    statistics: Statistics, hour: None
) -> None:
    """A first decision in the period counts even if its case opened earlier."""
    found = await statistics.numbers(minutes(11), END)
    assert (found.opened, found.decided) == (0, 1)
    assert found.ttd == Spread(of=1, p50=timedelta(minutes=12), p95=timedelta(minutes=12))
    nothing = await statistics.numbers(minutes(61), minutes(90))
    assert (nothing.opened, nothing.decided, nothing.ttfa.of) == (0, 0, 0)
    assert nothing.backlog.total == 1


async def test_an_empty_ledger_has_numbers(statistics: Statistics) -> None:
    """All figures are zero, without an error."""
    found = await statistics.numbers(T0, END)
    assert found == Numbers(since=T0, until=END, hours=found.hours)
    assert sum(hour.opened for hour in found.hours) == 0


async def test_protections_that_run_and_end_soon(ledger: Ledger, statistics: Statistics) -> None:
    """Running protections are counted and listed by their end."""
    case = named(MUTED, Severity.CRITICAL, WATCHFUL)
    await ledger.record(opening(case, key=MUTED))
    await ledger.record(following(case, cmd.ProtectNow(rules=(0,)), key=MUTED))
    case, _ = after(case, cmd.ProtectNow(rules=(0,)))
    standing = (await statistics.numbers(T0, END)).protections
    assert standing == Protections(started=1)
    state = case.actions_of("P1")[0]
    told = ActionReport(action=state.planned.key, status=ActionStatus.VERIFIED, until=minutes(16))
    report = cmd.Report(
        report=EnforcementReport(id="r", case=case.id, decision="P1", actions=(told,))
    )
    await ledger.record(following(case, report, key=MUTED, first=2))
    assert (await statistics.numbers(T0, END)).protections == Protections(started=1, running=1)
    assert await statistics.ending_protections(minutes(16)) == []
    (ending,) = await statistics.ending_protections(minutes(17))
    assert (ending["case_id"], ending["action"], ending["until"]) == (
        MUTED,
        "mute_user",
        minutes(16),
    )


async def test_alerts_without_a_case_are_counted(
    database: Database, statistics: Statistics
) -> None:
    """By their reason, within the time; what a playbook in shadow mode would do is none of them."""
    kinds = [RecordKind.LOGGED, RecordKind.SNOOZED, RecordKind.SNOOZED, RecordKind.SHADOW]
    for number, kind in enumerate([*kinds, RecordKind.SILENCED], 1):
        record = AlertRecord(
            kind=kind,
            alert=an_alert(number),
            playbook="off_platform",
            policy_version="v1",
            severity=Severity.HIGH,
            band=Band.LOG,
        )
        outside = kind is RecordKind.SILENCED
        await AlertRecords(database, lambda outside=outside: END if outside else T0).add([record])
    found = await statistics.numbers(T0, END)
    assert found.without_case == WithoutCase(logged=1, silenced=0, snoozed=2)
    later = await statistics.numbers(END, END + timedelta(hours=1))
    assert later.without_case == WithoutCase(silenced=1)


async def test_a_trial_is_compared_with_what_people_did(
    database: Database, ledger: Ledger, statistics: Statistics
) -> None:
    """A muted subject, one still open, one cleared and one without a case; others only review."""
    records = AlertRecords(database, lambda: minutes(30))
    acting = {"kind": RecordKind.SHADOW, "playbook": "trial", "beside": True}
    seen = [a_record(an_alert(n, subject), **acting, preset="mute") for n, subject in SUBJECTS]
    seen += [a_record(an_alert(9, "u_8"), **acting)]
    seen += [a_record(an_alert(10, "u_7"), playbook="trial")]
    await records.add(seen)
    assert await statistics.trial("trial", END) == Trial(
        playbook="trial", alerts=6, subjects=5, acts=4
    )
    await played(ledger, MUTED, (4, preset(SATO, "mute")), (5, ActionStatus.VERIFIED))
    await on_subject(database, MUTED, "u_1")
    await played(ledger, UNTOUCHED)
    await on_subject(database, UNTOUCHED, "u_2")
    await played(ledger, LATE, (4, CLEARED))
    await on_subject(database, LATE, "u_3")
    found = await statistics.trial("trial", END)
    assert (found.violations, found.cleared, found.open, found.unseen) == (1, 1, 1, 1)
    assert (await statistics.numbers(T0, END)).trials == (found,)
    assert await statistics.trial("trial", END + timedelta(days=8)) == Trial(playbook="trial")


CLEARED = cmd.Decide(by=SATO, verdict=Verdict.NO_VIOLATION, reason="誤検知")
SUBJECTS = ((1, "u_1"), (2, "u_1"), (3, "u_2"), (4, "u_3"), (5, "u_4"))


async def on_subject(database: Database, case_id: str, subject: str) -> None:
    """Moves a case to another subject."""
    moved = sa.update(cases).where(cases.c.id == case_id).values(subject_id=subject)
    await database.write(lambda connection: connection.execute(moved))
