"""Metrics computed from a few events."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workflows.domain.case.decision import Verdict
from workflows.domain.case.model import Phase
from workflows.domain.metrics.metrics import (
    COUNTED,
    Approvals,
    CaseStatus,
    CountedEvent,
    Hour,
    PlaybookCount,
    Protections,
    Sla,
    Spread,
    numbers,
    spread,
)
from workflows.domain.policy.playbook import Severity

T0 = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
END = T0 + timedelta(hours=3)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


class Case:
    """The counted events of one case, as they happen."""

    def __init__(self, name: str, opened: float, seen: float = 0.0, **of: Any) -> None:
        self.name = name
        self.playbook = of.get("playbook", "off_platform")
        self.severity = of.get("severity", Severity.HIGH)
        self.told: list[CountedEvent] = []
        self.then("case_opened", opened, occurred_at=at(opened - seen))

    def then(self, kind: str, minutes: float, **data: Any) -> "Case":
        self.told.append(
            CountedEvent(self.name, self.playbook, self.severity, kind, at(minutes), **data)
        )
        return self

    def claimed(self, minutes: float, due: float | None) -> "Case":
        return self.then("case_claimed", minutes, due=None if due is None else at(due))

    def decided(self, minutes: float, due: float | None, verdict: str = "violation") -> "Case":
        until = at(due) if due is not None else None
        return self.then("decided", minutes, verdict=verdict, due=until)


def of(*cases: Case, open_statuses: tuple[CaseStatus, ...] = (), **more: int) -> Any:
    """The numbers of three hours."""
    happened = [each for case in cases for each in case.told]
    return numbers(happened, open_statuses, T0, END, **more)


def test_first_action_counts_from_detection_and_decision_from_opening() -> None:
    """The first change that took effect, of a protection or of a decision; later ones don't."""
    one = Case("K1", opened=10, seen=0.5).then("action_verified", 11).decided(30, due=40)
    one.then("action_succeeded", 31)
    two = Case("K2", opened=20, seen=2).decided(24, due=50).then("action_succeeded", 26)
    found = of(one, two)
    assert found.ttfa == Spread(of=2, p50=timedelta(seconds=90), p95=timedelta(minutes=8))
    assert found.ttd == Spread(of=2, p50=timedelta(minutes=4), p95=timedelta(minutes=20))


def test_what_happened_first_before_the_time_is_not_counted_again() -> None:
    """A case of yesterday that is acted upon again adds no first action and no first decision."""
    old = Case("K1", opened=-300).then("action_verified", -299).decided(-290, due=-280)
    found = of(old.then("case_reopened", 5).decided(15, due=20).then("action_succeeded", 16))
    assert (found.ttfa.of, found.ttd.of) == (0, 0)
    assert (found.opened, found.decided) == (1, 1)
    assert found.sla == {Severity.HIGH: Sla(met=1)}


def test_a_bulk_has_acted_once_one_of_its_subjects_is_done() -> None:
    """Its progress replaces reports of single actions."""
    bulk = Case("K1", opened=0).decided(5, due=10)
    bulk.then("bulk_progressed", 6, done=0).then("bulk_progressed", 7, done=3)
    assert of(bulk).ttfa == Spread(of=1, p50=timedelta(minutes=7), p95=timedelta(minutes=7))


def test_sla_is_met_by_met_missed_and_open_and_overdue() -> None:
    """By severity, with the denominator."""
    cases = (
        Case("K1", 0, severity=Severity.CRITICAL).decided(10, due=10),
        Case("K2", 0, severity=Severity.CRITICAL).decided(10.1, due=10),
        Case("K3", 0).decided(5, due=30),
    )
    open_statuses = (
        CaseStatus("K4", Severity.CRITICAL, Phase.CLAIMED, at(0), at(10), decide_due=at(10)),
        CaseStatus("K5", Severity.HIGH, Phase.OPEN, at(170), at(175), decide_due=at(190)),
        CaseStatus("K6", Severity.HIGH, Phase.AWAITING_APPROVAL, at(0), at(10), decide_due=at(5)),
    )
    found = of(*cases, open_statuses=open_statuses)
    assert found.sla == {
        Severity.CRITICAL: Sla(met=1, missed=1, overdue=1),
        Severity.HIGH: Sla(met=1),
    }
    assert found.sla_total == Sla(met=2, missed=1, overdue=1)
    assert (found.sla_total.of, found.sla_total.share) == (4, 0.5)


def test_claims_have_an_sla_of_their_own() -> None:
    """Eighteen decided in time say nothing about those that nobody claims."""
    prompt = [Case(f"K{n}", 0).claimed(5, due=10).decided(9, due=30) for n in range(18)]
    late = Case("K18", 0, severity=Severity.CRITICAL).claimed(11, due=10)
    opened = (Severity.HIGH, Phase.OPEN, at(0), at(10))
    waiting = tuple(
        CaseStatus(f"K{n}", *opened, claim_due=at(10), decide_due=at(999)) for n in range(20, 52)
    )
    soon = CaseStatus("K60", *opened, claim_due=at(999), decide_due=at(999))
    found = of(*prompt, late, open_statuses=(*waiting, soon))
    assert found.sla == {Severity.HIGH: Sla(met=18)}
    assert found.claims == {
        Severity.CRITICAL: Sla(missed=1),
        Severity.HIGH: Sla(met=18, overdue=32),
    }
    assert found.claims_total == Sla(met=18, missed=1, overdue=32)


def test_only_the_first_claim_of_a_case_has_a_clock() -> None:
    """Later ones follow a release; a claim of an older version has no clock."""
    case = Case("K1", 0).claimed(5, due=10).then("case_released", 6).claimed(50, due=10)
    yesterday = Case("K2", -300).claimed(-299, due=-290).claimed(5, due=-290)
    assert of(case, yesterday, Case("K3", 0).claimed(5, due=None)).claims == {
        Severity.HIGH: Sla(met=1)
    }


def test_only_the_first_decision_of_an_opening_has_a_clock() -> None:
    """Another decision after a rejection does not count again; after a reopening it does."""
    case = Case("K1", 0).decided(5, due=10).then("rejected", 20).decided(25, due=10)
    case.then("case_closed", 26).then("case_reopened", 30).decided(50, due=40)
    assert of(case).sla == {Severity.HIGH: Sla(met=1, missed=1)}


def test_a_decision_of_an_older_version_has_no_clock_and_is_not_guessed() -> None:
    """It counts as a decision, and for nothing in time."""
    found = of(Case("K1", 0).decided(5, due=None))
    assert (found.decided, found.sla, found.sla_total.share) == (1, {}, None)


def test_what_came_and_went() -> None:
    """Reopened counts as opened, merged as closed; hours begin with the time."""
    one = Case("K1", 10).then("case_handed_over", 20).decided(50, due=99, verdict="no_violation")
    one.then("case_closed", 50)
    two = Case("K2", 70).then("case_merged", 75)
    three = Case("K3", -60).decided(-50, due=0).then("case_reopened", 130)
    found = of(one, two, three)
    assert (found.opened, found.closed, found.handed_over) == (3, 2, 1)
    assert found.decisions == {Verdict.NO_VIOLATION: 1}
    assert found.hours == (
        Hour(starts=at(0), opened=1, closed=1),
        Hour(starts=at(60), opened=1, closed=1),
        Hour(starts=at(120), opened=1, closed=0),
    )


def test_playbooks_are_told_the_busiest_first() -> None:
    """Opened and decided; nobody's name."""
    cases = (
        Case("K1", 0, playbook="phishing").decided(1, due=9),
        Case("K2", 0, playbook="phishing"),
        Case("K3", 0, playbook="counterfeit"),
    )
    assert of(*cases).playbooks == (
        PlaybookCount(playbook="phishing", opened=2, decisions=1),
        PlaybookCount(playbook="counterfeit", opened=1, decisions=0),
    )


def test_an_approval_counts_once_it_is_over() -> None:
    """Not while another one is needed, and not where the leads are asked again."""
    case = Case("K1", 0).then("approved", 1, granted=False).then("approved", 2, granted=True)
    case.then("approval_expired", 3, outcome="escalate").then(
        "approval_expired", 4, outcome="refuse"
    )
    case.then("rejected", 5)
    assert of(case, waiting=2).approvals == Approvals(given=1, refused=1, expired=1, waiting=2)


def test_protections_and_what_became_of_them() -> None:
    """The ledger counts the running ones."""
    case = Case("K1", 0).then("protection_started", 1).then("protection_started", 2)
    case.then("protection_lifted", 3).then("protection_confirmed", 4)
    assert of(case, running=1).protections == Protections(
        started=2, lifted=1, confirmed=1, running=1
    )


def test_the_backlog_is_as_old_as_its_cases() -> None:
    """Overdue as the queue has it: the present step, whichever it is."""
    open_statuses = tuple(
        CaseStatus(f"K{n}", Severity.HIGH, Phase.OPEN, END - timedelta(hours=n), due)
        for n, due in ((1, at(10)), (2, None), (3, END + timedelta(hours=1)))
    )
    backlog = of(open_statuses=open_statuses).backlog
    assert (backlog.total, backlog.late) == (3, 1)
    assert backlog.age == Spread(of=3, p50=timedelta(hours=2), p95=timedelta(hours=3))


def test_percentiles_are_values_that_happened() -> None:
    """By nearest rank: of twenty the nineteenth is p95, the tenth p50."""
    values = [timedelta(seconds=second) for second in range(20, 0, -1)]
    assert spread(values) == Spread(of=20, p50=timedelta(seconds=10), p95=timedelta(seconds=19))
    assert spread([]) == Spread(of=0)


@given(st.lists(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=30)), min_size=1))
def test_no_percentile_is_invented(values: list[timedelta]) -> None:
    """Half are at most p50, nineteen of twenty at most p95, and both are among them."""
    found = spread(values)
    assert found.p50 in values
    assert found.p95 in values
    assert found.p50 <= found.p95
    for bound, share in ((found.p50, 50), (found.p95, 95)):
        assert sum(value <= bound for value in values) * 100 >= share * len(values)


minutes = st.floats(-300, 400, allow_nan=False).map(lambda m: round(m, 2))


@st.composite
def stories(draw: st.DrawFn) -> list[CountedEvent]:
    """Some cases with any counted events in any order of time."""
    told: list[CountedEvent] = []
    for number in range(draw(st.integers(0, 4))):
        case = Case(f"K{number}", draw(minutes), seen=draw(st.floats(0, 60)))
        for kind in draw(st.lists(st.sampled_from(sorted(COUNTED - {"case_opened"})), max_size=8)):
            when = draw(minutes)
            if kind == "decided":
                case.decided(when, due=draw(st.none() | minutes))
            else:
                case.then(kind, when, granted=draw(st.booleans()), outcome="refuse")
        told += case.told
    return told


@given(stories())
def test_the_parts_add_up(happened: list[CountedEvent]) -> None:
    """Whatever happened: hours to the whole, verdicts to the decisions, and no share above 1."""
    found = numbers(happened, (), T0, END)
    assert sum(hour.opened for hour in found.hours) == found.opened
    assert sum(hour.closed for hour in found.hours) == found.closed
    assert sum(each.decisions for each in found.playbooks) == found.decided
    assert sum(each.opened for each in found.playbooks) == found.opened
    assert found.sla_total.of <= found.decided
    assert found.ttd.of <= found.decided
    assert found.sla_total.share is None or 0 <= found.sla_total.share <= 1


@given(stories(), st.integers(1, 179))
def test_two_times_side_by_side_count_everything_once(
    happened: list[CountedEvent], cut: int
) -> None:
    """No event is lost or counted twice at the seam."""
    whole = numbers(happened, (), T0, END)
    first, second = numbers(happened, (), T0, at(cut)), numbers(happened, (), at(cut), END)
    for name in ("opened", "closed", "handed_over", "decided"):
        assert getattr(first, name) + getattr(second, name) == getattr(whole, name)
    assert first.ttd.of + second.ttd.of == whole.ttd.of
    assert first.ttfa.of + second.ttfa.of == whole.ttfa.of
