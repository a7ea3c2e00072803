"""Notice of a decision: sent once an action took effect, retried, cancelled, repeated."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from deploy.sandbox.slack.person import wait_until
from tests.workflows.domain.builders import CATALOG, a_case
from tests.workflows.domain.wording import WORDING
from tests.workflows.enforcement.environment import Listener, enforcing
from workflows.domain.case.decision import Measure, PersonNotice, PlannedAction, person_notice_text
from workflows.domain.case.enforcement import (
    ActionStatus,
    Ask,
    AskKind,
    EnforcementReport,
    Problem,
    ProblemKind,
    Proof,
    terms_of,
)
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.values import Text
from workflows.enforcement_workflow import EnforcementWorkflow
from workflows.inputs import EnforcementStart, Job
from workflows.ports import cases
from workflows.ports.appeals import Notice

REFUSED = Problem(kind=ProblemKind.REFUSED, status=404)
U_123 = a_case().subject


class Market:
    """Platform that `refuses` actions by name, and accepts no notices while `away`."""

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.answers: list[Problem | None] = []
        self.away = False
        self.notices: list[Notice] = []
        self.tries = 0

    @activity.defn(name="carry_out")
    async def carry_out(self, order: cases.Order) -> cases.Result:
        """Makes the change, or refuses it."""
        if order.direction is cases.Direction.UNDO:
            return cases.Result(status=ActionStatus.UNDONE)
        if order.planned.action in self.refuses:
            return cases.Result(status=ActionStatus.FAILED, problem=REFUSED)
        return cases.Result(status=ActionStatus.DONE)

    @activity.defn(name="send_notice")
    async def send_notice(self, notice: Notice) -> Problem | None:
        """Accepts the notice unless `away`, and returns the problem set by the test."""
        self.tries += 1
        if self.away:
            raise ApplicationError("503", Problem(kind=ProblemKind.UNREACHABLE, status=503))
        self.notices.append(notice)
        return self.answers.pop(0) if self.answers else None


def said(notice: Notice) -> Text:
    """The accepted notices."""
    assert notice.letter is not None
    return person_notice_text(notice.letter, WORDING)


@asynccontextmanager
async def running(temporal: str) -> AsyncIterator[tuple[Client, Market]]:
    """Runs enforcements for a platform of their own."""
    market = Market()
    async with enforcing(temporal, market.carry_out, market.send_notice) as client:
        yield client, market


def letter(*done: Measure) -> PersonNotice:
    frame = Text(ja="措置: {actions}", en="Measure: {actions}")
    call = NoticeCall(path="/v1/users/{subject.id}/notices")
    return PersonNotice(person=U_123, call=call, frame=frame, done=done)


def a_start(*names: str, notice: PersonNotice | None = None, **more: object) -> EnforcementStart:
    """Returns the enforcement of these actions, with a notice."""
    jobs = tuple(
        Job(
            planned=PlannedAction(
                action=name,
                subject=U_123,
                lasts=timedelta(hours=24) if name == "mute_user" else None,
            ),
            terms=terms_of(CATALOG.actions[name]).model_copy(update={"verified": False}),
            proof=Proof(playbook="harassment", policy="v1"),
        )
        for name in names
    )
    given = {"case": "K1", "workflow_id": "case/x", "decision": "D1", "actor": None, **more}
    return EnforcementStart(jobs=jobs, notice=notice or letter(), **given)  # type: ignore[arg-type]


async def begin(client: Client, start: EnforcementStart):
    return await client.start_workflow(
        EnforcementWorkflow.run, start, id=f"e/{uuid4().hex}", task_queue="koban"
    )


async def reported(client: Client) -> list[EnforcementReport]:
    """Returns the reports to the case."""
    return await client.get_workflow_handle_for(Listener.run, "case/x").query(Listener.reports)


def statuses(reports: list[EnforcementReport]) -> list[str | None]:
    return [each.notice.status.value if each.notice else None for each in reports]


async def wait_reported(client: Client, *expected: str | None) -> None:
    """Waits for such a report."""

    async def is_reported() -> bool:
        return statuses(await reported(client)) == list(expected)

    await wait_until(is_reported, what=f"{expected}")


async def test_a_notice_is_in_the_same_report_as_the_actions(temporal: str) -> None:
    """It costs one call, and no signal."""
    async with running(temporal) as (client, market):
        report = await (await begin(client, a_start("warn"))).result()
        assert (statuses([report]), await reported(client)) == (["sent"], [])
        [notice] = market.notices
        assert (said(notice).ja, notice.person, notice.decision) == ("措置: 警告", U_123, "D1")


async def test_a_notice_waits_until_no_action_can_fail(temporal: str) -> None:
    """It has what is in effect in the end, without what was given up."""
    async with running(temporal) as (client, market):
        market.refuses = {"warn"}
        handle = await begin(client, a_start("warn", "suspend"))
        await wait_reported(client, None)
        assert market.notices == []
        await handle.signal("ask", Ask(kind=AskKind.GIVE_UP, by="U0SATO"))
        report = await handle.result()
        assert statuses([report]) == ["sent"]
        assert [said(each).en for each in market.notices] == ["Measure: Suspend"]


async def test_no_notice_if_nothing_was_done(temporal: str) -> None:
    """Everything failed, and was given up."""
    async with running(temporal) as (client, market):
        market.refuses = {"warn"}
        handle = await begin(client, a_start("warn"))
        await wait_reported(client, None)
        await handle.signal("ask", Ask(kind=AskKind.GIVE_UP, by="U0SATO"))
        report = await handle.result()
        assert (statuses([report]), market.notices) == ([None], [])


async def test_no_notice_of_what_was_rolled_back(temporal: str) -> None:
    """Nothing is in effect any more."""
    async with running(temporal) as (client, market):
        start = a_start("warn", undo=True)
        await (await begin(client, start)).result()
        assert market.notices == []


async def test_a_notice_is_retried_beside_everything_else(temporal: str) -> None:
    """The decision is reported at once, and the notice later."""
    async with running(temporal) as (client, market):
        market.away = True
        handle = await begin(client, a_start("warn"))
        await wait_reported(client, "retrying")
        [first] = await reported(client)
        assert [news.status for news in first.actions] == [ActionStatus.DONE]
        market.away = False
        report = await handle.result()
        assert statuses([report]) == ["sent"]
        await wait_reported(client, "retrying", "sent")
        assert len(market.notices) == 1


async def test_an_undo_cancels_the_notice(temporal: str) -> None:
    """No notice is sent about what is not in effect."""
    async with running(temporal) as (client, market):
        market.away = True
        handle = await begin(client, a_start("warn"))
        await wait_reported(client, "retrying")
        await handle.signal("ask", Ask(kind=AskKind.UNDO, by="U0SATO"))
        report = await handle.result()
        assert [news.status for news in report.actions] == [ActionStatus.UNDONE]
        assert (report.notice, market.notices) == (None, [])


async def test_a_running_enforcement_repeats_a_failed_notice(temporal: str) -> None:
    """A mute that waits for its lift receives the signal."""
    async with running(temporal) as (client, market):
        market.answers = [REFUSED]
        handle = await begin(client, a_start("mute_user"))
        await wait_reported(client, "failed")
        await handle.signal("ask", Ask(kind=AskKind.TELL, by="U0SATO"))
        await wait_reported(client, "failed", "sent")
        assert [said(each).en for each in market.notices] == ["Measure: Mute (1440 min)"] * 2
        await handle.terminate()


@pytest.mark.parametrize("name", ["warn", "mute_user"])
async def test_an_enforcement_of_the_notice_only(temporal: str, name: str) -> None:
    """Nothing is done or lifted again, and the case gets the report."""
    async with running(temporal) as (client, market):
        done = Measure(title=Text(ja="警告", en="Warn"))
        start = a_start(name, notice=letter(done), notice_only=True)
        report = await (await begin(client, start)).result()
        assert statuses([report]) == statuses(await reported(client)) == ["sent"]
        assert [said(each).ja for each in market.notices] == ["措置: 警告"]


async def test_an_undo_reaches_an_enforcement_of_the_notice_only(temporal: str) -> None:
    """It has the id of the decision's enforcement."""
    async with running(temporal) as (client, market):
        market.away = True
        start = a_start("warn", notice=letter(Measure(title=Text(ja="警告", en="Warn"))))
        handle = await begin(client, start.model_copy(update={"notice_only": True}))
        await wait_reported(client, "retrying")
        await handle.signal("ask", Ask(kind=AskKind.UNDO, by="U0SATO"))
        report = await handle.result()
        assert [news.status for news in report.actions] == [ActionStatus.UNDONE]
        assert report.notice is None
