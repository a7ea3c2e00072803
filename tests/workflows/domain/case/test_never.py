"""Invariants of a case under random commands of people, platform and clock."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis.stateful import invariant
from pydantic import TypeAdapter

from tests.selection import examples
from tests.workflows.domain.builders import ACT_FIRST, POLICY, REED, SATO, SUZUKI, TANAKA, WATCHFUL
from tests.workflows.domain.shift import AnyShift
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Purpose
from workflows.domain.case.decide import decide
from workflows.domain.case.enforcement import ACTING, IN_FORCE, ActionStatus
from workflows.domain.case.model import UNDECIDED, Case, Intent, Phase, is_over
from workflows.domain.case.refusals import Refusal
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.policy.actions import ApprovalRule
from workflows.domain.policy.playbook import Severity, pack

pytestmark = pytest.mark.property

LEADS = {TANAKA.id, REED.id}
EVENT = TypeAdapter[ev.Event](ev.Event)
COMMAND = TypeAdapter[cmd.Command](cmd.Command)


def rules_for(case: Case, decision: str) -> list[ApprovalRule]:
    """The approval rules of a decision: of its actions, and of the limits it went over."""
    taken = next(each for each in case.decisions if each.id == decision)
    specs = [case.policy.catalog.actions[each.action] for each in taken.actions]
    rules = [spec.approval for spec in specs if spec.approval]
    limits = case.policy.limits
    many = len({each.subject.key for each in taken.actions}) > (limits.bulk if limits else 999)
    assert taken.over_limit or not many
    return [*rules, limits.approval] if taken.over_limit and limits else rules


class NeverShift(AnyShift):
    """What holds after every step."""

    # -- approvals ------------------------------------------------------------------------

    @invariant()
    def nothing_begins_without_its_approval(self) -> None:
        """A decision that a rule asks an approval for begins only when its quorum agreed."""
        for case, decision in self.begun:
            rules = rules_for(case, decision)
            agreed = Counter(
                event.consent.role
                for event in self.events
                if isinstance(event, ev.Approved) and event.decision == decision
            )
            assert all(agreed[rule.by] >= rule.quorum for rule in rules)

    @invariant()
    def nothing_stands_that_did_not_begin(self) -> None:
        """An active action belongs to a decision that was carried out."""
        begun = {decision for _, decision in self.begun}
        for action in self.case.actions:
            at_work = action.status in IN_FORCE or action.status in ACTING - {ActionStatus.PENDING}
            if action.decision.startswith("D") and at_work:
                assert action.decision in begun

    @invariant()
    def what_acted_first_is_reviewed(self) -> None:
        """Only what can be taken back acts first, and then its case stays open for the review."""
        for approval in self.asked:
            if approval.purpose is Purpose.REVIEW:
                assert self.case.policy.playbook.act_first is not None
                assert not rules_for(self.case, approval.decision)

    @invariant()
    def nobody_agrees_to_their_own_decision_or_counts_twice(self) -> None:
        """An approval needs two people, also with covers."""
        approval, decision = self.case.approval, self.case.decision
        if approval is None or decision is None:
            return
        people = [c.by for c in approval.consents]
        people += [c.covers for c in approval.consents if c.covers]
        assert len(people) == len(set(people))
        assert approval.by not in people
        if approval.purpose is not Purpose.UNDO:
            assert decision.by not in people
        assert SUZUKI.id not in people

    @invariant()
    def auditors_only_watch(self) -> None:
        """Or look. They cause no other event; absorbing is reported by another case."""
        own = ev.CaseWatched | ev.CaseUnwatched | ev.CaseAbsorbed | ev.EvidenceRevealed
        assert all(isinstance(e, own) for e in self.events if e.by == SUZUKI.id)
        assert self.case.owner != SUZUKI.id

    @invariant()
    def what_two_people_did_no_specialist_takes_back(self) -> None:
        """An undo of an approved decision is a lead's, or has an approval of its own."""
        asked = {(each.decision, each.purpose) for each in self.asked}
        for event in self.events:
            if isinstance(event, ev.UndoRequested) and event.by is not None:
                approved = (event.decision, Purpose.DECISION) in asked
                own = (event.decision, Purpose.UNDO) in asked
                assert not approved or own or event.by in LEADS

    # -- enforcement and protection -------------------------------------------------------

    @invariant()
    def every_decision_begins_once(self) -> None:
        """And never while a protection holds the same thing at the platform."""
        assert len(self.begun) == len({decision for _, decision in self.begun})
        for case, decision in self.begun:
            keys = {action.planned.key for action in case.actions_of(decision)}
            held = {p.action for p in case.protections if not gone(case, p.id)}
            assert not keys & held

    @invariant()
    def nothing_is_decided_while_an_undo_is_under_way(self) -> None:
        """An undo that came second would take the new decision back."""
        if self.case.phase is Phase.ENFORCING:
            assert not self.case.undoing

    @invariant()
    def a_protection_stays_only_for_a_reason(self) -> None:
        """It lifts in time, waits for an approval, or was taken over by the current decision."""
        case = self.case
        confirmed = (e for e in self.events if isinstance(e, ev.ProtectionConfirmed))
        taken = {(event.protection, event.decision) for event in confirmed}
        for each in case.protections:
            if gone(case, each.id):
                continue
            if each.intent is Intent.HOLD:
                assert case.pending(Purpose.DECISION)
            if each.intent is Intent.HAND_OVER:
                assert case.decision is not None
                assert (each.id, case.decision.id) in taken
                assert case.phase is Phase.ENFORCING

    @invariant()
    def a_press_says_nothing_of_what_came_after_its_card(self) -> None:
        """A newer protection is neither lifted nor confirmed by it, unless it does the same."""
        command, case = (self.given or [None])[0], self.case
        if not isinstance(command, cmd.PersonCommandBase) or isinstance(command, cmd.Approve):
            return
        ended = (ev.ProtectionDismissed, ev.ProtectionConfirmed, ev.ProtectionHeld)
        for each in (event for event in self.came if isinstance(event, ended)):
            protection = next(p for p in case.protections if p.id == each.protection)
            planned = case.decision.actions if case.decision else ()
            same = protection.action in {action.key for action in planned}
            assert protection.known_to(command.version) or same

    @invariant()
    def names_are_given_once(self) -> None:
        """D1, D2, … and P1, P2, …: the enforcement of each is found by its name."""
        assert [d.id for d in self.case.decisions] == numbers("D", len(self.case.decisions))
        assert [p.id for p in self.case.protections] == numbers("P", len(self.case.protections))

    # -- the case -------------------------------------------------------------------------

    @invariant()
    def the_phase_fits_the_rest(self) -> None:
        """No state that a card could not explain."""
        case = self.case
        assert case.pending(Purpose.DECISION) == (case.phase is Phase.AWAITING_APPROVAL)
        assert not case.pending(Purpose.REVIEW) or case.phase is Phase.ENFORCING
        assert not case.pending(Purpose.UNDO) or case.phase in (Phase.CLOSED, Phase.CLAIMED)
        if case.merged_into is None:
            assert (case.phase is Phase.OPEN) == (case.owner is None)
        assert (case.owner is None) == (case.active_at is None)
        assert (case.phase is Phase.CLOSED) == (case.closed_at is not None)
        assert case.hold is None or case.phase is Phase.CLAIMED
        if case.phase is Phase.ENFORCING:
            assert case.unsettled or case.pending(Purpose.REVIEW)
        else:
            assert case.phase is Phase.AWAITING_APPROVAL or not case.unsettled

    @invariant()
    def there_is_a_way_on(self) -> None:
        """No state that neither a person nor the clock nor the platform can end."""
        case = self.case
        if case.phase in UNDECIDED and not case.undoing and not case.pending(Purpose.UNDO):
            owner = next((p for p in (SATO, TANAKA, REED) if p.id == case.owner), None)
            by = owner or SATO.model_copy(update={"id": case.owner or SATO.id})
            assert not isinstance(decide(case, cmd.MarkNoViolation(by=by), self.now), Refusal)
        if case.phase is Phase.AWAITING_APPROVAL:
            assert case.deadline is not None
        if case.phase is Phase.ENFORCING and not case.acting and not case.pending(Purpose.REVIEW):
            assert not isinstance(decide(case, cmd.GiveUp(by=SATO), self.now), Refusal)
            assert not isinstance(decide(case, cmd.Retry(by=SATO), self.now), Refusal)

    @invariant()
    def every_event_counts(self) -> None:
        """The version is the number of events."""
        assert self.case.version == 1 + len(self.events)
        assert self.case.severity.rank <= self.severity.rank

    # -- clocks ---------------------------------------------------------------------------

    @invariant()
    def the_clock_never_runs_in_circles(self) -> None:
        """After a look at the clock nothing is due any more, and a second look finds nothing."""
        if self.ticked:
            assert self.case.deadline is None or self.case.deadline > self.now
            assert decide(self.case, cmd.Tick(), self.now) == ()

    @invariant()
    def pauses_are_no_longer_than_the_time_that_passed(self) -> None:
        """A clock that stood still did so while time went by."""
        began = self.case.clock_from or self.case.opened_at
        assert timedelta() <= self.case.paused_for <= self.now - began

    @invariant()
    def nobody_sets_a_case_aside_for_ever(self) -> None:
        """Beyond what the playbook allows it is a lead's."""
        count, most = 0, self.case.policy.playbook.holds.most
        for event in self.events:
            if isinstance(event, ev.CaseReopened):
                count = 0
            if isinstance(event, ev.CaseSnoozed | ev.CaseWaiting):
                assert count < most or event.by in LEADS
                count += 1

    @invariant()
    def a_claim_ends_only_after_its_warning(self) -> None:
        """However long nobody looked at the clock."""
        warned = None
        for event in self.events:
            if isinstance(event, ev.ClaimWarned):
                warned = event
            if isinstance(event, ev.ClaimExpired):
                assert warned is not None
                assert (warned.owner, warned.until <= event.at) == (event.owner, True)

    @invariant()
    def steps_call_no_more_often_than_written(self) -> None:
        """A repeated step keeps its distance and its cap, as often as the case was released."""
        ladder = self.case.policy.playbook.ladder(self.case.severity)
        calls: dict[int, list[ev.CaseEscalated]] = {}
        rank = self.severity.rank
        for event in self.events:
            if isinstance(event, ev.CaseReopened):
                calls = {}
            if isinstance(event, ev.AlertJoined) and not self.case.policy.playbook.escalation:
                # Worse, it has other clocks, and these have not called anybody yet.
                calls = calls if event.severity.rank == rank else {}
                rank = event.severity.rank
            if isinstance(event, ev.CaseEscalated) and event.step is not None:
                calls.setdefault(event.step, []).append(event)
        for index, told in calls.items():
            repeat = ladder[index].repeat
            assert len(told) <= 1 + (repeat.times if repeat else 0)
            for first, second in pairwise(told):
                assert repeat is not None
                assert second.at - first.at >= repeat.every

    # -- the wire -------------------------------------------------------------------------

    @invariant()
    def everything_survives_the_wire(self) -> None:
        """What is carried over is what was there."""
        carried = CaseSnapshot(case=self.case, policy=pack(self.policy)).model_dump_json()
        assert CaseSnapshot.model_validate_json(carried).with_policy().case == self.case
        for event in self.events[-3:]:
            assert EVENT.validate_json(EVENT.dump_json(event)) == event
        for command in self.given:
            assert COMMAND.validate_json(COMMAND.dump_json(command)) == command


def gone(case: Case, protection: str) -> bool:
    """Whether a protection does nothing at the platform (any more)."""
    state = case.protected(protection)
    return is_over(state) or (state is not None and state.status in NOTHING_DONE)


NOTHING_DONE = {
    ActionStatus.FAILED,
    ActionStatus.SKIPPED,
    ActionStatus.DRY_RUN,
    ActionStatus.ROLLED_BACK,
}


def numbers(letter: str, count: int) -> list[str]:
    """`D1, D2, …` up to `count`."""
    return [f"{letter}{number}" for number in range(1, count + 1)]


class WatchfulShift(NeverShift):
    """An ordinary playbook: decisions wait for their approval."""

    policy = WATCHFUL


class ActFirstShift(NeverShift):
    """Imminent harm: what can be taken back is done first and reviewed after."""

    policy = ACT_FIRST


class PlainShift(NeverShift):
    """No ladder and no limits: only the clocks escalate."""

    policy = POLICY
    severity = Severity.MEDIUM


_SETTINGS = settings(max_examples=examples(80), stateful_step_count=40, deadline=None)
TestWatchfulShift = WatchfulShift.TestCase
TestWatchfulShift.settings = _SETTINGS
TestActFirstShift = ActFirstShift.TestCase
TestActFirstShift.settings = _SETTINGS
TestPlainShift = PlainShift.TestCase
TestPlainShift.settings = _SETTINGS
