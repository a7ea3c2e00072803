"""Invariants of bulk decisions under random commands of people, platform and clock."""

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.selection import examples
from tests.workflows.domain.builders import CLARK, REED, SATO, SUZUKI, T0, TANAKA
from tests.workflows.domain.case.bulk_builders import a_bulk_case, bulk_news, decide_bulk
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.bulk import MOST, Tally
from workflows.domain.case.decide import decide
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.evolve import apply
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.policy.playbook import pack

pytestmark = pytest.mark.property

PEOPLE = st.sampled_from([SATO, CLARK, TANAKA, REED, SUZUKI])
LEADS = {TANAKA.id, REED.id}
BULK = 5
COUNTS = st.sampled_from([None, 0, 1, BULK, BULK + 1, 60, MOST, MOST + 1])
ENDS = st.none() | st.sampled_from(ActionStatus)


class AnyBulk(RuleBasedStateMachine):
    """Presses, reports and minutes in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.case: Case = a_bulk_case()
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

    @rule(by=PEOPLE, count=COUNTS, name=st.sampled_from(["warn", "mute_user", "permanent_ban"]))
    def decides(self, by, count, name) -> None:
        self.give(decide_bulk(by, count, name))

    @rule(by=PEOPLE, which=st.sampled_from([cmd.Approve, cmd.StopBulk, cmd.Undo, cmd.Retry]))
    def presses(self, by, which) -> None:
        self.give(which(by=by))

    @rule(
        by=PEOPLE, which=st.sampled_from([cmd.GiveUp, cmd.Withdraw, cmd.MarkNoViolation, cmd.Claim])
    )
    def gives_up(self, by, which) -> None:
        self.give(which(by=by))

    @rule(by=PEOPLE)
    def rejects(self, by) -> None:
        self.give(cmd.Reject(by=by, reason="理由"))

    @rule(step=st.integers(0, 9), done=st.integers(0, 3), failed=st.integers(0, 3), end=ENDS)
    def platform_reports(self, step, done, failed, end) -> None:
        decision = self.case.decision
        if decision is None or decision.bulk is None:
            return
        total = decision.bulk.count
        done, failed = min(done, total), min(failed, total - min(done, total))
        counted = Tally(total=total, step=step, done=done, failed=failed)
        self.give(bulk_news(self.case, counted, end))

    @invariant()
    def a_large_bulk_has_a_leads_consent(self) -> None:
        """Above the limit nothing is carried out that only one person wanted."""
        decision = self.case.decision
        if self.case.phase is not Phase.ENFORCING or decision is None or decision.bulk is None:
            return
        agreed = {
            event.by
            for event in self.events
            if isinstance(event, ev.Approved) and event.decision == decision.id
        }
        if decision.bulk.count > BULK:
            assert agreed
        assert agreed <= LEADS - {decision.by}

    @invariant()
    def no_bulk_is_too_large_or_empty(self) -> None:
        """What was decided can be surveyed."""
        for decision in self.case.decisions:
            assert decision.bulk is not None or not decision.actions
            if decision.bulk is not None:
                assert 1 <= decision.bulk.count <= MOST

    @invariant()
    def counts_only_go_forward(self) -> None:
        """Old news never takes the place of newer."""
        steps: dict[str, int] = {}
        for event in self.events:
            if isinstance(event, ev.BulkProgressed):
                assert event.tally.step > steps.get(event.decision, 0)
                steps[event.decision] = event.tally.step

    @invariant()
    def the_phase_fits_the_rest(self) -> None:
        """No state that a card could not explain."""
        if self.case.phase is Phase.CLOSED:
            assert not self.case.unsettled
        if self.case.phase is Phase.ENFORCING:
            assert self.case.unsettled

    @invariant()
    def it_stays_small_and_survives_the_wire(self) -> None:
        """A case only has the number of its subjects."""
        carried = CaseSnapshot(case=self.case, policy=pack(self.case.policy)).model_dump_json()
        assert CaseSnapshot.model_validate_json(carried).with_policy().case == self.case
        assert len(self.case.current_actions) <= 1


AnyBulk.TestCase.settings = settings(
    max_examples=examples(60), stateful_step_count=30, deadline=None
)
TestAnyBulk = AnyBulk.TestCase
