"""Notice of a decision: sent once an action took effect, retried, cancelled, repeated."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.client import Client

from deploy.sandbox.slack.person import wait_until
from tests.workflows.domain.builders import CATALOG
from tests.workflows.enforcement.environment import (
    REFUSED,
    U_123,
    Market,
    enforcing,
    letter,
    reported,
    said,
)
from workflows.domain.case.decision import Measure, NoticeStatus, PersonNotice, PlannedAction
from workflows.domain.case.enforcement import (
    ActionState,
    ActionStatus,
    Ask,
    AskKind,
    EnforcementReport,
    NoticeState,
    Proof,
    terms_of,
)
from workflows.domain.values import Text
from workflows.enforcement_workflow import EnforcementWorkflow
from workflows.inputs import EnforcementStart, Job


@asynccontextmanager
async def running(temporal: str) -> AsyncIterator[tuple[Client, Market]]:
    """Runs enforcements for a platform of their own."""
    market = Market()
    async with enforcing(temporal, market.carry_out, market.send_notice) as client:
        yield client, market


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


async def test_a_resumed_enforcement_keeps_a_failed_notice_for_a_person(temporal: str) -> None:
    """It was lost; the notice is not sent by itself, and a person can repeat it."""
    async with running(temporal) as (client, market):
        start = a_start("mute_user", notice_state=NoticeState(status=NoticeStatus.FAILED))
        job = start.jobs[0]
        done = ActionState(decision="D1", planned=job.planned, status=ActionStatus.DONE)
        resumed = job.model_copy(update={"state": done})
        handle = await begin(client, start.model_copy(update={"jobs": (resumed,)}))
        await wait_reported(client, "failed")
        assert market.tries == 0
        await handle.signal("ask", Ask(kind=AskKind.TELL, by="U0SATO"))
        await wait_reported(client, "failed", "sent")
        assert [said(each).en for each in market.notices] == ["Measure: Mute (1440 min)"]
        await handle.terminate()
