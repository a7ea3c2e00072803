"""Enforcements that Temporal lost, started again from the state of their case."""

from datetime import timedelta
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from bot.workflow_guards import GuardedRunner
from deploy.sandbox.slack.person import wait_until
from tests.workflows.domain.builders import CATALOG, a_case, minutes
from tests.workflows.enforcement.environment import Listener, enforcing
from tests.workflows.enforcement.test_bulk_progress import a_start
from tests.workflows.enforcement.test_workflow import Market, running
from workflows.activity_options import platform_queue
from workflows.bulk_workflow import BulkWorkflow, _life
from workflows.domain.case.decision import PlannedAction
from workflows.domain.case.enforcement import (
    ActionState,
    ActionStatus,
    Ask,
    AskKind,
    EnforcementReport,
    Problem,
    ProblemKind,
    Proof,
    terms_of,
)
from workflows.domain.ids import enforcement_workflow_id
from workflows.enforcement.platform_calls import ActionRun
from workflows.enforcement_workflow import EnforcementWorkflow
from workflows.inputs import EnforcementStart, Job
from workflows.ports import cases
from workflows.ports.bulk import BulkPart, BulkRow, BulkRows, Member

S = ActionStatus


def resumed(
    status: ActionStatus,
    verified: bool = False,
    problem: Problem | None = None,
    past: bool = False,
    **more: object,
) -> EnforcementStart:
    """Returns the enforcement of a mute that had this status."""
    planned = PlannedAction(
        action="mute_user", subject=a_case().subject, lasts=timedelta(minutes=5)
    )
    terms = terms_of(CATALOG.actions["mute_user"]).model_copy(update={"verified": verified})
    state = ActionState(
        decision="P1",
        planned=planned,
        status=status,
        undoable=True,
        problem=problem,
        until=minutes(0) if past else None,
    )
    proof = Proof(playbook="harassment", policy="v1")
    given = {"case": "K1", "workflow_id": "case/x", "decision": "P1", "actor": None, **more}
    job = Job(planned=planned, terms=terms, proof=proof, state=state)
    return EnforcementStart(jobs=(job,), **given)  # type: ignore[arg-type]


async def ended(client: Client, start: EnforcementStart) -> list[ActionStatus]:
    """Runs an enforcement to its end."""
    report: EnforcementReport = await client.execute_workflow(
        EnforcementWorkflow.run, start, id=f"e/{uuid4().hex}", task_queue="koban"
    )
    return [news.status for news in report.actions]


async def test_a_held_protection_is_not_lifted_although_its_time_is_over(temporal: str) -> None:
    """A decision that waits for its approval holds it: the lift that is due must not come first."""
    async with running(temporal) as (client, market):
        asks = (Ask(kind=AskKind.HOLD, by=None), Ask(kind=AskKind.KEEP, by=None))
        start = resumed(S.VERIFIED, past=True, protects=True, asks=asks)
        assert await ended(client, start) == [S.KEPT]
        assert market.took == []


async def test_a_protection_that_can_not_be_read_is_lifted_at_once(temporal: str) -> None:
    """Later its lift could remove what a decision has done since; it is not made again."""
    async with running(temporal) as (client, market):
        assert await ended(client, resumed(S.PENDING, protects=True)) == [S.LIFTED]
        assert market.took == ["undo/mute_user/unsure"]


async def test_a_protection_that_the_platform_does_not_show_has_failed(temporal: str) -> None:
    """Nothing is sent: neither the change again, nor a lift that could end a decision."""
    market = Market()
    async with enforcing(temporal, market.carry_out, _reading(S.DRIFTED)) as client:
        assert await ended(client, resumed(S.PENDING, verified=True, protects=True)) == [S.FAILED]
        assert market.took == []


async def test_a_protection_that_was_made_is_lifted_in_time(temporal: str) -> None:
    """It was under way; the platform shows it, and its time is over."""
    market = Market()
    async with enforcing(temporal, market.carry_out, _reading(S.VERIFIED)) as client:
        start = resumed(S.RETRYING, verified=True, past=True, protects=True)
        assert await ended(client, start) == [S.LIFTED]
        assert market.took == ["undo/mute_user"]


def _reading(status: ActionStatus) -> object:
    """The platform's read-back with this result."""

    @activity.defn(name="read_back")
    async def read_back(order: cases.Order) -> cases.Result:
        return cases.Result(status=status)

    return read_back


async def test_a_failure_without_an_answer_is_still_lifted_in_time(temporal: str) -> None:
    """The change may be in effect: the case had recorded the failure before it was lost."""
    async with running(temporal) as (client, market):
        unanswered = Problem(kind=ProblemKind.UNREACHABLE)
        start = resumed(S.FAILED, problem=unanswered, past=True, decision="D1")
        assert await ended(client, start) == [S.LIFTED]
        assert market.took == ["undo/mute_user/unsure"]


def test_a_refused_action_is_not_lifted() -> None:
    """It has certainly no effect: only a person's retry continues it."""
    start = resumed(S.FAILED, problem=Problem(kind=ProblemKind.REFUSED, status=409), past=True)
    run = ActionRun(start.jobs[0], start, minutes(5))
    assert (run.failed, run.lifts_at) == (True, None)


async def test_a_dry_run_sends_nothing(temporal: str) -> None:
    """It was under way: it is only a dry run afterwards as well."""
    market = Market()

    @activity.defn(name="dry_run")
    async def dry_run(order: cases.Order) -> cases.Result:
        return cases.Result(status=S.DRY_RUN, would="POST /x")

    async with enforcing(temporal, market.carry_out, dry_run) as client:
        assert await ended(client, resumed(S.PENDING, dry_run=True)) == [S.DRY_RUN]
        assert market.took == []


async def test_subjects_that_the_ledger_has_lost_are_failed_and_can_be_given_up(
    temporal: str,
) -> None:
    """Otherwise the case would be enforcing for ever."""

    @activity.defn(name="bulk_part")
    async def bulk_part(part: BulkPart) -> tuple[Member, ...]:
        return ()

    @activity.defn(name="bulk_statuses")
    async def bulk_statuses(bulk: str) -> str:
        return ""

    @activity.defn(name="record_bulk")
    async def record_bulk(rows: BulkRows) -> None:
        return None

    known = [bulk_part, bulk_statuses, record_bulk]
    async with enforcing(temporal, *known) as client:
        lists = {"workflows": [BulkWorkflow, Listener], "activities": known}
        async with Worker(client, task_queue="bulk", workflow_runner=GuardedRunner(), **lists):
            start = a_start(2, rebuilt=True).model_copy(update={"workflow_id": "case/x"})
            handle = await client.start_workflow(
                BulkWorkflow.run, start, id=f"e/{uuid4().hex}", task_queue="bulk"
            )
            listener = client.get_workflow_handle_for(Listener.run, "case/x")

            async def failed() -> bool:
                reports = await listener.query(Listener.reports)
                return any(news.status is S.FAILED for each in reports for news in each.actions)

            await wait_until(failed, what="the report of the failure")
            await handle.signal("ask", Ask(kind=AskKind.GIVE_UP, by="U0SATO"))
            report: EnforcementReport = await handle.result()
            assert report.tally is not None
            assert (report.tally.given_up, report.tally.left) == (2, 0)


async def test_an_undo_of_what_was_made_again_has_a_key_of_its_own(temporal: str) -> None:
    """The platform has answered the first key, when the action was rolled back."""
    lives: list[int] = []

    @activity.defn(name="carry_out")
    async def carry_out(order: cases.Order) -> cases.Result:
        lives.append(order.life)
        return cases.Result(status=S.UNDONE)

    @activity.defn(name="bulk_part")
    async def bulk_part(part: BulkPart) -> tuple[Member, ...]:
        row = BulkRow(place=0, action="warn", status=S.DONE, life=2)
        subject, proofs = a_case().subject, (part.jobs[0].proof,)
        return (Member(place=0, subject=subject, in_force=("warn",), proofs=proofs, rows=(row,)),)

    @activity.defn(name="bulk_statuses")
    async def bulk_statuses(bulk: str) -> str:
        return "d"

    @activity.defn(name="record_bulk")
    async def record_bulk(rows: BulkRows) -> None:
        return None

    known = [bulk_part, bulk_statuses, record_bulk]
    async with enforcing(temporal, carry_out) as client:
        lists = {"workflows": [BulkWorkflow, EnforcementWorkflow], "activities": known}
        platform = Worker(client, task_queue=platform_queue("bulk"), activities=[carry_out])
        bulk = Worker(client, task_queue="bulk", workflow_runner=GuardedRunner(), **lists)
        async with bulk, platform:
            start = a_start(1, undo=True).model_copy(update={"workflow_id": "case/x"})
            # Its subjects' enforcements report to this id.
            workflow_id = enforcement_workflow_id(start.case, start.decision)
            await client.execute_workflow(
                BulkWorkflow.run, start, id=workflow_id, task_queue="bulk"
            )
    assert lives == [2]


def test_what_is_made_again_after_a_rollback_is_counted() -> None:
    """Only a new change counts: neither an undo nor a resumed one."""
    row = BulkRow(place=0, action="warn", status=S.ROLLED_BACK, life=2)
    member = Member(place=0, subject=a_case().subject, rows=(row,))
    lives = [_life(member, "warn", keeps) for keeps in (False, True)]
    assert (lives, _life(member, "mute", False)) == ([3, 2], 1)
