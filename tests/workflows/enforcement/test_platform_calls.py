"""Platform calls: state of one action between attempts."""

from tests.workflows.domain.builders import CATALOG, a_case, minutes
from workflows.domain.case.decision import PlannedAction
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind, Proof, terms_of
from workflows.enforcement.platform_calls import ActionRun
from workflows.inputs import EnforcementStart, Job


def a_run(status: ActionStatus) -> ActionRun:
    """Returns a warning of D1 with this status."""
    planned = PlannedAction(action="warn", subject=a_case().subject)
    terms = terms_of(CATALOG.actions["warn"])
    job = Job(planned=planned, terms=terms, proof=Proof(playbook="harassment", policy="v1"))
    start = EnforcementStart(
        case="K1", workflow_id="case/x", decision="D1", actor=None, jobs=(job,)
    )
    run = ActionRun(job, start, minutes(0))
    run.status, run.problem = status, Problem(kind=ProblemKind.REFUSED, status=409)
    return run


def test_a_retried_action_is_reported_as_pending() -> None:
    """A report of another action must not repeat the old failure."""
    for status in (ActionStatus.FAILED, ActionStatus.SKIPPED, ActionStatus.ROLLED_BACK):
        run = a_run(status)
        run.again(minutes(5))
        assert (run.status, run.problem) == (ActionStatus.PENDING, None)


def test_a_retry_after_a_rollback_has_a_new_key() -> None:
    """The platform would answer the old key with the old result."""
    run = a_run(ActionStatus.ROLLED_BACK)
    run.again(minutes(5))
    assert run.life == 2
    run = a_run(ActionStatus.FAILED)
    run.again(minutes(5))
    assert run.life == 1
