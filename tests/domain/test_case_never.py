"""What must never happen, whatever people, platform and clock do in whatever order."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.domain.building import (
    CLARK,
    POLICY,
    REED,
    SATO,
    SUZUKI,
    T0,
    TANAKA,
    a_case,
    an_alert,
    preset,
)
from workflows.domain import commands as cmd
from workflows.domain import events as ev
from workflows.domain.alert import brief
from workflows.domain.case import decide
from workflows.domain.case_state import Case, Phase
from workflows.domain.decision import Verdict
from workflows.domain.enforcement import ActionReport, ActionStatus, EnforcementReport
from workflows.domain.history import apply
from workflows.domain.people import Role
from workflows.domain.playbook.model import PresetAction, Severity
from workflows.domain.refusal import Refusal

PEOPLE = st.sampled_from([SATO, CLARK, TANAKA, REED, SUZUKI])
LEADS = {TANAKA.id, REED.id}
VERSIONS = st.none() | st.integers(0, 40)


class AnyShift(RuleBasedStateMachine):
    """Presses, reports and minutes in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.case: Case = a_case()
        self.now = T0
        self.events: list[ev.Event] = []

    def give(self, command: cmd.Command) -> None:
        """Gives a command; a refusal must leave no event."""
        outcome = decide(self.case, command, self.now)
        if isinstance(outcome, Refusal):
            return
        for event in outcome:
            self.case = apply(self.case, event)
            self.events.append(event)

    @rule(minutes=st.integers(0, 45))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.give(cmd.Tick())

    @rule(by=PEOPLE, version=VERSIONS, which=st.sampled_from([cmd.Claim, cmd.Release, cmd.Clear]))
    def handles(self, by, version, which) -> None:
        self.give(which(by=by, version=version))

    @rule(by=PEOPLE, version=VERSIONS, which=st.sampled_from([cmd.Undo, cmd.Retry, cmd.GiveUp]))
    def mends(self, by, version, which) -> None:
        self.give(which(by=by, version=version))

    @rule(by=PEOPLE, version=VERSIONS, name=st.sampled_from(["warn", "mute", "ban", "forfeit"]))
    def taps(self, by, version, name) -> None:
        self.give(preset(by, name, version))

    @rule(
        by=PEOPLE,
        verdict=st.sampled_from(Verdict),
        names=st.lists(st.sampled_from([*POLICY.catalog.actions, "vaporise"]), max_size=3),
        reason=st.sampled_from(["", "理由"]),
    )
    def decides(self, by, verdict, names, reason) -> None:
        actions = tuple(PresetAction(action=name) for name in names)
        self.give(cmd.Decide(by=by, verdict=verdict, actions=actions, reason=reason))

    @rule(by=PEOPLE, version=VERSIONS)
    def approves(self, by, version) -> None:
        self.give(cmd.Approve(by=by, version=version))

    @rule(by=PEOPLE, version=VERSIONS)
    def rejects(self, by, version) -> None:
        self.give(cmd.Reject(by=by, version=version, reason="理由"))

    @rule(severity=st.sampled_from(Severity))
    def alert_joins(self, severity) -> None:
        self.give(cmd.JoinAlert(alert=brief(an_alert(2)), severity=severity))

    @rule(data=st.data(), status=st.sampled_from(ActionStatus))
    def platform_reports(self, data, status) -> None:
        if not self.case.actions:
            return
        action = data.draw(st.sampled_from(self.case.actions))
        news = ActionReport(action=action.planned.key, status=status)
        report = EnforcementReport(
            id="r", case=self.case.id, decision=action.decision, actions=(news,)
        )
        self.give(cmd.Report(report=report))

    @invariant()
    def nothing_is_enforced_without_its_approval(self) -> None:
        """A decision with an approval rule is enforced only after its quorum agreed."""
        if self.case.phase is not Phase.ENFORCING or self.case.decision is None:
            return
        rules = [
            POLICY.catalog.actions[a.planned.action].approval for a in self.case.current_actions
        ]
        quorum = max((rule.quorum for rule in rules if rule), default=0)
        agreed = {
            event.by
            for event in self.events
            if isinstance(event, ev.Approved) and event.decision == self.case.decision.id
        }
        assert len(agreed) >= quorum
        assert agreed <= LEADS

    @invariant()
    def no_decider_approves(self) -> None:
        """Four eyes belong to two people."""
        deciders = {decision.id: decision.by for decision in self.case.decisions}
        for event in self.events:
            if isinstance(event, ev.Approved):
                assert event.by != deciders[event.decision]

    @invariant()
    def auditors_do_nothing(self) -> None:
        """No event is by somebody who only reads."""
        assert all(event.by != SUZUKI.id for event in self.events)

    @invariant()
    def the_phase_fits_the_rest(self) -> None:
        """No state that a card could not explain."""
        case = self.case
        waiting = case.approval is not None and case.approval.pending
        assert waiting == (case.phase is Phase.AWAITING_APPROVAL)
        assert (case.phase is Phase.OPEN) == (case.owner is None)
        assert (case.phase is Phase.CLOSED) == (case.closed_at is not None)
        if case.phase is Phase.CLOSED:
            assert not case.unsettled
        if case.phase is Phase.ENFORCING:
            assert case.unsettled

    @invariant()
    def every_event_counts(self) -> None:
        """The version is the number of events."""
        assert self.case.version == 1 + len(self.events)
        assert self.case.severity.rank <= a_case().severity.rank

    @invariant()
    def only_leads_take_back_what_was_approved(self) -> None:
        """An undo of an approved decision is a lead's."""
        approved = {e.decision for e in self.events if isinstance(e, ev.Approved) and e.granted}
        for event in self.events:
            if isinstance(event, ev.UndoRequested) and event.decision in approved:
                assert event.by in LEADS

    @invariant()
    def it_survives_the_wire(self) -> None:
        """What is carried over is what was there."""
        assert Case.model_validate_json(self.case.model_dump_json()) == self.case


AnyShift.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAnyShift = AnyShift.TestCase


def test_roles_that_work_are_two() -> None:
    """Specialists and leads work cases; nobody else."""
    assert {role.value for role in Role} == {"specialist", "lead", "admin", "auditor"}
