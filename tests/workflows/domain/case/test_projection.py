"""Projection of a case to ledger rows."""

import pytest
from hypothesis import settings
from hypothesis.stateful import invariant

from tests.selection import examples
from tests.workflows.domain.builders import (
    ACT_FIRST,
    CATALOG,
    CLARK,
    POLICY,
    REED,
    SATO,
    T0,
    TANAKA,
    WATCHFUL,
    a_case,
    follow,
    minutes,
    news,
    preset,
)
from tests.workflows.domain.case.bulk_builders import a_bulk_case, decide_bulk
from tests.workflows.domain.shift import AnyShift
from workflows.domain.alerts import Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case.approval import Purpose
from workflows.domain.case.bulk import BULK
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind
from workflows.domain.case.model import UNDECIDED, Case, HoldKind, Phase
from workflows.domain.case.projection import (
    ActionRow,
    CaseRow,
    PendingApproval,
    action_rows,
    case_row,
)
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import Text

pytestmark = pytest.mark.property

USER = Subject(type="user", id="u_123")


def after(*commands: cmd.Command, case: Case | None = None) -> Case:
    """The case after commands, a minute apart."""
    case = case or a_case()
    for minute, command in enumerate(commands, start=1):
        case = follow(case, command, minutes(minute))
    return case


class TestCaseRow:
    def test_of_a_new_case(self) -> None:
        """Every column has its value; the policy is there by its version."""
        assert case_row(a_case()) == CaseRow(
            id="K7Q2F9XM0",
            workflow_id="case/off_platform/TEST",
            playbook="off_platform",
            policy_version="v1",
            title=Text(ja="外部誘導", en="Off-platform inducement"),
            channel="ts-live",
            subject=USER,
            severity=Severity.CRITICAL,
            phase=Phase.OPEN,
            version=1,
            alerts=1,
            opened_at=T0,
            claim_due=minutes(2),
            decide_due=minutes(10),
        )

    def test_of_a_claimed_case(self) -> None:
        """It has an owner, and its clocks run on."""
        row = case_row(after(cmd.Claim(by=SATO)))
        assert (row.phase, row.owner, row.version) == (Phase.CLAIMED, "U0SATO", 2)
        assert (row.claim_due, row.decide_due) == (minutes(2), minutes(10))

    def test_of_a_case_that_waits_for_an_approval(self) -> None:
        """It names who may agree, who can't, and until when."""
        row = case_row(after(preset(SATO, "forfeit"), cmd.Approve(by=TANAKA)))
        assert (row.phase, row.decider) == (Phase.AWAITING_APPROVAL, "U0SATO")
        assert row.approval == PendingApproval(
            purpose=Purpose.DECISION,
            expires_at=minutes(61),
            approvers=(Role.LEAD,),
            barred=("U0SATO", "U0TANAKA"),
        )

    def test_a_question_moves_the_end_of_an_approval(self) -> None:
        """The time that was left begins with the answer, or after one whole term."""
        asked = cmd.AskRequester(by=TANAKA, question="どの配信ですか")
        row = case_row(after(preset(SATO, "ban"), asked))
        assert row.approval is not None
        assert row.approval.expires_at == minutes(61)

    def test_an_approval_that_was_given_is_not_waited_for(self) -> None:
        """The decision is being carried out."""
        row = case_row(after(preset(SATO, "ban"), cmd.Approve(by=TANAKA)))
        assert (row.phase, row.approval) == (Phase.ENFORCING, None)

    def test_a_paused_case_has_no_due_times(self) -> None:
        """Waiting pauses its clocks; a snooze does not."""
        wait = case_row(after(cmd.Wait(by=SATO, note="本人に確認中")))
        assert (wait.hold, wait.claim_due, wait.decide_due) == (HoldKind.WAITING, None, None)
        snooze = case_row(after(cmd.Snooze(by=SATO, until=minutes(5))))
        assert (snooze.hold, snooze.hold_until) == (HoldKind.SNOOZED, minutes(5))
        assert snooze.decide_due == minutes(10)

    def test_of_a_closed_case(self) -> None:
        """It has its verdict and its end, and nothing is due."""
        row = case_row(after(cmd.Claim(by=SATO), cmd.MarkNoViolation(by=SATO)))
        assert (row.phase, row.verdict, row.closed_at) == (
            Phase.CLOSED,
            Verdict.NO_VIOLATION,
            minutes(2),
        )
        assert (row.claim_due, row.decide_due, row.decider) == (None, None, "U0SATO")


class TestActionRows:
    def test_of_a_decision(self) -> None:
        """Who decided it, and when, is part of the row."""
        assert list(action_rows(after(preset(SATO, "mute")))) == [
            ActionRow(
                decision="D1",
                action="mute_user",
                subject=USER,
                status=ActionStatus.PENDING,
                version=3,
                decided_by="U0SATO",
                decided_at=minutes(1),
            )
        ]

    def test_what_waits_for_its_approval_has_no_row(self) -> None:
        """It must not look like a sanction."""
        asked = after(preset(SATO, "ban"))
        assert list(action_rows(asked)) == []
        (row,) = action_rows(follow(asked, cmd.Approve(by=TANAKA), minutes(2)))
        assert (row.action, row.status) == ("permanent_ban", ActionStatus.PENDING)

    @pytest.mark.parametrize("end", [cmd.Reject(by=TANAKA, reason="不要"), cmd.Withdraw(by=SATO)])
    def test_a_decision_that_was_sent_back_did_nothing(self, end: cmd.Command) -> None:
        """Nothing of it took effect."""
        rows = action_rows(after(preset(SATO, "ban"), end))
        assert {row.status for row in rows} <= {ActionStatus.PENDING, ActionStatus.SKIPPED}

    def test_an_undo_that_waits_for_its_approval_keeps_the_action(self) -> None:
        """Only a new decision is hidden by its approval."""
        suspend = cmd.Decide(
            by=SATO,
            verdict=Verdict.VIOLATION,
            reason="規約違反",
            actions=({"suspend": {"for": "7d"}},),
        )
        case = after(suspend)
        case = follow(case, news(case, ActionStatus.VERIFIED), minutes(2))
        undoing = follow(case, cmd.Undo(by=CLARK), minutes(3))
        assert undoing.pending(Purpose.UNDO)
        (row,) = action_rows(undoing)
        assert (row.action, row.status) == ("suspend", ActionStatus.VERIFIED)

    def test_a_failure_is_part_of_the_row(self) -> None:
        """The problem is written as it is shown."""
        case = after(preset(SATO, "mute"))
        problem = Problem(kind=ProblemKind.REFUSED, status=404)
        failed = news(case, ActionStatus.FAILED, problem=problem)
        (row,) = action_rows(follow(case, failed, minutes(2)))
        assert (row.status, row.problem) == (ActionStatus.FAILED, problem)

    def test_what_koban_did_by_itself_was_decided_by_nobody(self) -> None:
        """A protection has a row without a person."""
        case = after(cmd.ProtectNow(rules=(0,)), case=a_case(policy=WATCHFUL))
        (row,) = action_rows(case)
        assert (row.decision, row.action, row.decided_by) == ("P1", "mute_user", None)

    def test_a_bulk_itself_has_no_row(self) -> None:
        """Its subjects have rows of their own."""
        case = follow(a_bulk_case(), decide_bulk(SATO, 2), minutes(1))
        assert [state.planned.subject.type for state in case.actions] == [BULK]
        assert list(action_rows(case)) == []

    def test_the_key_names_an_action_within_its_case(self) -> None:
        """Its status is no part of it."""
        case = after(preset(SATO, "mute"))
        (before,) = action_rows(case)
        (now,) = action_rows(follow(case, news(case, ActionStatus.DONE), minutes(2)))
        assert before.key == now.key == ("D1", "mute_user", "user:u_123")


class ProjectedShift(AnyShift):
    """Whatever happens to a case, its rows agree with it."""

    policy = WATCHFUL

    @invariant()
    def the_row_is_the_case(self) -> None:
        """It crosses the wire, and nothing in it contradicts the case."""
        row, case = case_row(self.case), self.case
        assert CaseRow.model_validate_json(row.model_dump_json()) == row
        assert (row.version, row.phase, row.owner) == (case.version, case.phase, case.owner)
        assert (row.closed_at is not None) == (row.phase is Phase.CLOSED)
        runs = case.phase in UNDECIDED and not case.paused
        assert runs or (row.claim_due, row.decide_due) == (None, None)
        pending = case.approval is not None and case.approval.pending
        assert (row.approval is not None) == pending

    @invariant()
    def nobody_who_is_barred_can_agree(self) -> None:
        """Whoever took the decision is among them."""
        row = case_row(self.case)
        if row.approval is not None:
            assert set(row.approval.barred) <= {SATO.id, CLARK.id, TANAKA.id, REED.id}
            assert row.approval.purpose is Purpose.UNDO or row.decider in row.approval.barred

    @invariant()
    def each_action_has_one_row(self) -> None:
        """A later one would overwrite the earlier in the ledger."""
        rows = list(action_rows(self.case))
        assert len({row.key for row in rows}) == len(rows)
        for row in rows:
            assert ActionRow.model_validate_json(row.model_dump_json()) == row
            assert (row.decided_by is not None) == row.decision.startswith("D")
            assert row.action in CATALOG.actions

    @invariant()
    def no_row_is_that_of_an_unapproved_decision(self) -> None:
        """A look-up would show it as a sanction."""
        approval = self.case.approval
        if approval is not None and self.case.pending(Purpose.DECISION):
            assert approval.decision not in {row.decision for row in action_rows(self.case)}


class ActFirstProjected(ProjectedShift):
    """Actions that come before their review have rows at once."""

    policy = ACT_FIRST


class PlainProjected(ProjectedShift):
    """A playbook without ladder and limits."""

    policy = POLICY
    severity = Severity.MEDIUM


_SETTINGS = settings(max_examples=examples(40), stateful_step_count=30, deadline=None)
TestProjectedShift = ProjectedShift.TestCase
TestProjectedShift.settings = _SETTINGS
TestActFirstProjected = ActFirstProjected.TestCase
TestActFirstProjected.settings = _SETTINGS
TestPlainProjected = PlainProjected.TestCase
TestPlainProjected.settings = _SETTINGS
