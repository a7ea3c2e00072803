"""Where one action of an enforcement stands between its tries."""

from tests.workflows.domain.builders import CATALOG, a_case, minutes
from workflows.domain.case.decision import PlannedAction
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind
from workflows.enforcement.platform_calls import ActionRun
from workflows.inputs import EnforcementStart, Job


def a_track(status: ActionStatus) -> ActionRun:
    """A warning of D1 that came to `status`."""
    planned = PlannedAction(action="warn", subject=a_case().subject)
    job = Job(planned=planned, spec=CATALOG.actions["warn"])
    start = EnforcementStart(
        case="K1", workflow_id="case/x", decision="D1", actor=None, jobs=(job,)
    )
    track = ActionRun(job, start, minutes(0))
    track.status, track.problem = status, Problem(kind=ProblemKind.REFUSED, status=409)
    return track


def test_what_is_tried_again_is_told_of_as_under_way() -> None:
    """Else news of its neighbour would tell once more that it failed, or was skipped.

    The case would offer Give up for what is being done, and miss that it was done.
    """
    for status in (ActionStatus.FAILED, ActionStatus.SKIPPED, ActionStatus.ROLLED_BACK):
        track = a_track(status)
        track.again(minutes(5))
        assert (track.status, track.problem) == (ActionStatus.PENDING, None)


def test_what_was_taken_back_is_a_new_change() -> None:
    """The platform would answer its old key with the old result."""
    track = a_track(ActionStatus.ROLLED_BACK)
    track.again(minutes(5))
    assert track.life == 2
    track = a_track(ActionStatus.FAILED)
    track.again(minutes(5))
    assert track.life == 1
