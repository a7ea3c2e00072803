"""The notice of a decision: sent once it took effect, tried on, called off, sent again."""

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
from tests.workflows.enforcement.office import Listener, enforcing
from workflows.domain.case.decision import Letter, Measure, PlannedAction, letter_text
from workflows.domain.case.enforcement import (
    ActionStatus,
    Ask,
    AskKind,
    EnforcementReport,
    Problem,
    ProblemKind,
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
    """A platform that does as it is told to: `refuses` actions by name, `away` for notices."""

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.answers: list[Problem | None] = []
        self.away = False
        self.notices: list[Notice] = []
        self.tries = 0

    @activity.defn(name="carry_out")
    async def carry_out(self, order: cases.Order) -> cases.Result:
        """Does it, or refuses it for good."""
        if order.direction is cases.Direction.UNDO:
            return cases.Result(status=ActionStatus.UNDONE)
        if order.planned.action in self.refuses:
            return cases.Result(status=ActionStatus.FAILED, problem=REFUSED)
        return cases.Result(status=ActionStatus.DONE)

    @activity.defn(name="send_notice")
    async def send_notice(self, notice: Notice) -> Problem | None:
        """Takes it, unless it is away; answers what it is told to."""
        self.tries += 1
        if self.away:
            raise ApplicationError("503", Problem(kind=ProblemKind.UNREACHABLE, status=503))
        self.notices.append(notice)
        return self.answers.pop(0) if self.answers else None


def said(notice: Notice) -> Text:
    """What the person reads."""
    assert notice.letter is not None
    return letter_text(notice.letter, WORDING)


@asynccontextmanager
async def running(temporal: str) -> AsyncIterator[tuple[Client, Market]]:
    """Enforcements at work for a market of their own."""
    market = Market()
    async with enforcing(temporal, market.carry_out, market.send_notice) as client:
        yield client, market


def letter(*done: Measure) -> Letter:
    frame = Text(ja="措置: {actions}", en="Measure: {actions}")
    call = NoticeCall(path="/v1/users/{subject.id}/notices")
    return Letter(person=U_123, call=call, frame=frame, done=done)


def a_start(*names: str, notice: Letter | None = None, **more: object) -> EnforcementStart:
    """The enforcement of these actions, with a notice."""
    jobs = tuple(
        Job(
            planned=PlannedAction(
                action=name,
                subject=U_123,
                lasts=timedelta(hours=24) if name == "mute_user" else None,
            ),
            spec=CATALOG.actions[name].model_copy(update={"verify": None}),
        )
        for name in names
    )
    given = {"case": "K1", "workflow_id": "case/x", "decision": "D1", "actor": None, **more}
    return EnforcementStart(jobs=jobs, notice=notice or letter(), **given)  # type: ignore[arg-type]


async def begin(client: Client, start: EnforcementStart):
    return await client.start_workflow(
        EnforcementWorkflow.run, start, id=f"e/{uuid4().hex}", task_queue="koban"
    )


async def heard(client: Client) -> list[EnforcementReport]:
    """What the case was told by signal."""
    return await client.get_workflow_handle_for(Listener.run, "case/x").query(Listener.heard)


def statuses(reports: list[EnforcementReport]) -> list[str | None]:
    return [each.notice.status.value if each.notice else None for each in reports]


async def hears(client: Client, *expected: str | None) -> None:
    """Waits until the case was told so."""

    async def told() -> bool:
        return statuses(await heard(client)) == list(expected)

    await wait_until(told, what=f"{expected}")


async def test_it_follows_what_took_effect_in_the_same_report(temporal: str) -> None:
    """One call more, and not one signal."""
    async with running(temporal) as (client, market):
        report = await (await begin(client, a_start("warn"))).result()
        assert (statuses([report]), await heard(client)) == (["sent"], [])
        [notice] = market.notices
        assert (said(notice).ja, notice.person, notice.decision) == ("措置: 警告", U_123, "D1")


async def test_it_waits_until_nothing_can_fail_any_more(temporal: str) -> None:
    """It tells of what stands in the end; what was given up is not in it."""
    async with running(temporal) as (client, market):
        market.refuses = {"warn"}
        handle = await begin(client, a_start("warn", "suspend"))
        await hears(client, None)
        assert market.notices == []
        await handle.signal("ask", Ask(kind=AskKind.GIVE_UP, by="U0SATO"))
        report = await handle.result()
        assert statuses([report]) == ["sent"]
        assert [said(each).en for each in market.notices] == ["Measure: Suspend"]


async def test_nobody_is_told_where_nothing_was_done(temporal: str) -> None:
    """Everything failed, and was given up."""
    async with running(temporal) as (client, market):
        market.refuses = {"warn"}
        handle = await begin(client, a_start("warn"))
        await hears(client, None)
        await handle.signal("ask", Ask(kind=AskKind.GIVE_UP, by="U0SATO"))
        report = await handle.result()
        assert (statuses([report]), market.notices) == ([None], [])


async def test_what_is_taken_back_is_not_told(temporal: str) -> None:
    """Nothing stands any more."""
    async with running(temporal) as (client, market):
        start = a_start("warn", undo=True)
        await (await begin(client, start)).result()
        assert market.notices == []


async def test_a_platform_that_is_away_is_tried_beside_everything_else(temporal: str) -> None:
    """The case hears at once that the decision is carried out, and later that it was told."""
    async with running(temporal) as (client, market):
        market.away = True
        handle = await begin(client, a_start("warn"))
        await hears(client, "retrying")
        [first] = await heard(client)
        assert [news.status for news in first.actions] == [ActionStatus.DONE]
        market.away = False
        report = await handle.result()
        assert statuses([report]) == ["sent"]
        await hears(client, "retrying", "sent")
        assert len(market.notices) == 1


async def test_an_undo_calls_it_off(temporal: str) -> None:
    """Nobody is told of what does not stand any more."""
    async with running(temporal) as (client, market):
        market.away = True
        handle = await begin(client, a_start("warn"))
        await hears(client, "retrying")
        await handle.signal("ask", Ask(kind=AskKind.UNDO, by="U0SATO"))
        report = await handle.result()
        assert [news.status for news in report.actions] == [ActionStatus.UNDONE]
        assert (report.notice, market.notices) == (None, [])


async def test_one_that_failed_is_sent_again_by_who_is_still_there(temporal: str) -> None:
    """A mute waits for its lift: it can be asked."""
    async with running(temporal) as (client, market):
        market.answers = [REFUSED]
        handle = await begin(client, a_start("mute_user"))
        await hears(client, "failed")
        await handle.signal("ask", Ask(kind=AskKind.TELL, by="U0SATO"))
        await hears(client, "failed", "sent")
        assert [said(each).en for each in market.notices] == ["Measure: Mute (1440 min)"] * 2
        await handle.terminate()


@pytest.mark.parametrize("name", ["warn", "mute_user"])
async def test_only_the_notice_can_be_left_to_send(temporal: str, name: str) -> None:
    """Nothing is done again and nothing is lifted; the case hears of it wherever it is."""
    async with running(temporal) as (client, market):
        done = Measure(title=Text(ja="警告", en="Warn"))
        start = a_start(name, notice=letter(done), notice_only=True)
        report = await (await begin(client, start)).result()
        assert statuses([report]) == statuses(await heard(client)) == ["sent"]
        assert [said(each).ja for each in market.notices] == ["措置: 警告"]


async def test_an_undo_reaches_who_only_tells(temporal: str) -> None:
    """It stands for the decision: what is asked of that is asked of it."""
    async with running(temporal) as (client, market):
        market.away = True
        start = a_start("warn", notice=letter(Measure(title=Text(ja="警告", en="Warn"))))
        handle = await begin(client, start.model_copy(update={"notice_only": True}))
        await hears(client, "retrying")
        await handle.signal("ask", Ask(kind=AskKind.UNDO, by="U0SATO"))
        report = await handle.result()
        assert [news.status for news in report.actions] == [ActionStatus.UNDONE]
        assert report.notice is None
