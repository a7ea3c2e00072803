"""Environment of enforcement tests: a namespace, a platform, a listener in place of the case."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from bot.workflow_guards import GuardedRunner
from tests.environment import fresh_namespace
from tests.workflows.domain.builders import a_case
from tests.workflows.domain.wording import WORDING
from workflows.activity_options import platform_queue
from workflows.domain.case.decision import Measure, PersonNotice, person_notice_text
from workflows.domain.case.enforcement import ActionStatus, EnforcementReport, Problem, ProblemKind
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.values import Text
from workflows.enforcement_workflow import EnforcementWorkflow
from workflows.ports import cases
from workflows.ports.appeals import Notice

REFUSED = Problem(kind=ProblemKind.REFUSED, status=404)
U_123 = a_case().subject


@workflow.defn
class Listener:
    """Workflow in place of the case, which collects reports."""

    def __init__(self) -> None:
        self._reports: list[EnforcementReport] = []

    @workflow.signal
    def report(self, report: EnforcementReport) -> None:
        """Receives a report."""
        self._reports.append(report)

    @workflow.query
    def reports(self) -> list[EnforcementReport]:
        """Returns all reports."""
        return self._reports

    @workflow.run
    async def run(self) -> None:
        """Listens until the test ends."""
        await workflow.wait_condition(lambda: False)


@asynccontextmanager
async def enforcing(temporal: str, *platform: Callable[..., Any]) -> AsyncIterator[Client]:
    """Runs enforcements; `platform` are the activities of the platform."""
    namespace = await fresh_namespace(temporal)
    client = await Client.connect(
        temporal, namespace=namespace, data_converter=pydantic_data_converter
    )
    async with (
        Worker(
            client,
            task_queue="koban",
            workflows=[EnforcementWorkflow, Listener],
            workflow_runner=GuardedRunner(),
        ),
        Worker(client, task_queue=platform_queue("koban"), activities=list(platform)),
    ):
        await client.start_workflow(Listener.run, id="case/x", task_queue="koban")
        yield client


class Market:
    """Platform that `refuses` actions by name or subject, and takes no notices while `away`."""

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.answers: list[Problem | None] = []
        self.unknown: set[str] = set()
        self.busy: set[str] = set()
        self.away = False
        self.notices: list[Notice] = []
        self.tries = 0

    @activity.defn(name="carry_out")
    async def carry_out(self, order: cases.Order) -> cases.Result:
        """Makes the change, or refuses it."""
        if order.direction is cases.Direction.UNDO:
            return cases.Result(status=ActionStatus.UNDONE)
        if self.refuses & {order.planned.action, order.planned.subject.id}:
            return cases.Result(status=ActionStatus.FAILED, problem=REFUSED)
        return cases.Result(status=ActionStatus.DONE)

    @activity.defn(name="send_notice")
    async def send_notice(self, notice: Notice) -> Problem | None:
        """Accepts the notice unless `away`, and returns the problem set by the test."""
        self.tries += 1
        if self.away or notice.person.id in self.busy:
            raise ApplicationError("503", Problem(kind=ProblemKind.UNREACHABLE, status=503))
        if notice.person.id in self.unknown:
            return REFUSED
        self.notices.append(notice)
        return self.answers.pop(0) if self.answers else None


def said(notice: Notice) -> Text:
    """The accepted notices."""
    assert notice.letter is not None
    return person_notice_text(notice.letter, WORDING)


def letter(*done: Measure) -> PersonNotice:
    frame = Text(ja="措置: {actions}", en="Measure: {actions}")
    call = NoticeCall(path="/v1/users/{subject.id}/notices")
    return PersonNotice(person=U_123, call=call, frame=frame, done=done)


async def reported(client: Client) -> list[EnforcementReport]:
    """Returns the reports to the case."""
    return await client.get_workflow_handle_for(Listener.run, "case/x").query(Listener.reports)
