"""Enforcement of one decision: its reports, its lifts, and the order of signals."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError

from deploy.sandbox.slack.person import wait_until
from tests.workflows.domain.builders import CATALOG, a_case
from tests.workflows.enforcement.environment import Listener, enforcing
from workflows.domain.case.decision import PlannedAction
from workflows.domain.case.enforcement import (
    ActionStatus,
    Ask,
    AskKind,
    Problem,
    ProblemKind,
    Proof,
    terms_of,
)
from workflows.domain.policy.playbook import Conduct
from workflows.enforcement_workflow import EnforcementWorkflow
from workflows.inputs import EnforcementStart, Job
from workflows.ports import cases


class Market:
    """Platform that takes changes or `refuses`; those in direction `unanswered` get no answer."""

    def __init__(self) -> None:
        self.took: list[str] = []
        self.times: list[float] = []
        self.refuses: Problem | None = None
        self.refused = 0
        self.unanswered: cases.Direction | None = None
        self.gives_up_on: cases.Direction | None = None
        self.paused = asyncio.Event()
        self.stops: str | None = None
        self.shows: bool | None = None
        self.orders: list[cases.Order] = []

    @activity.defn(name="carry_out")
    async def carry_out(self, order: cases.Order) -> cases.Result:
        """Takes the change, unless automation is `paused`, or its action `stops`."""
        self.orders.append(order)
        stopped = self.paused.is_set() or order.planned.action == self.stops
        if order.automatic and stopped:
            again = activity.info().attempt > 1
            return cases.Result(status=ActionStatus.SKIPPED, problem=STOPPED, unsure=again)
        if self.refuses is not None:
            self.refused += 1
            return cases.Result(status=ActionStatus.FAILED, problem=self.refuses)
        undo = order.direction is cases.Direction.UNDO
        self.times.append(time.monotonic())
        unsure = "/unsure" if order.unsure else ""
        self.took.append(f"{order.direction}/{order.planned.action}{unsure}")
        if order.direction is self.gives_up_on:
            self.gives_up_on = None
            raise ApplicationError("the first try is over", non_retryable=True)
        if order.direction is self.unanswered:
            raise ApplicationError("it does not answer", next_retry_delay=timedelta(seconds=0.1))
        return cases.Result(status=ActionStatus.UNDONE if undo else ActionStatus.DONE)

    @activity.defn(name="read_back")
    async def read_back(self, order: cases.Order) -> cases.Result:
        """Whether the change is in effect; None: it can't be read."""
        if self.shows is None:
            raise ApplicationError("it does not answer", non_retryable=True)
        return cases.Result(status=ActionStatus.VERIFIED if self.shows else ActionStatus.DRIFTED)


STOPPED = Problem(kind=ProblemKind.PAUSED)


@asynccontextmanager
async def running(temporal: str) -> AsyncIterator[tuple[Client, Market]]:
    """Runs enforcements for a platform of their own."""
    market = Market()
    async with enforcing(temporal, market.carry_out, market.read_back) as client:
        yield client, market


def a_start(lasts: timedelta | None = None, **more: object) -> EnforcementStart:
    """Returns the enforcement of a warning, or with `lasts` of a mute."""
    name = "warn" if lasts is None else "mute_user"
    planned = PlannedAction(action=name, subject=a_case().subject, lasts=lasts)
    terms = terms_of(CATALOG.actions[name]).model_copy(update={"verified": False})
    proof = Proof(playbook="harassment", policy="v1")
    given = {"case": "K1", "workflow_id": "case/x", "decision": "D1", "actor": None, **more}
    return EnforcementStart(jobs=(Job(planned=planned, terms=terms, proof=proof),), **given)  # type: ignore[arg-type]


async def begun(client: Client, start: EnforcementStart, *asked: Ask) -> WorkflowHandle:
    """Starts an enforcement with a signal before its first action."""
    return await client.start_workflow(
        EnforcementWorkflow.run,
        start,
        id=f"e/{uuid4().hex}",
        task_queue="koban",
        start_signal="ask" if asked else None,
        start_signal_args=asked,
    )


async def reported(client: Client) -> list[list[str]]:
    """Returns the reports to the case, in order."""
    reports = await client.get_workflow_handle_for(Listener.run, "case/x").query(Listener.reports)
    return [[news.status.value for news in report.actions] for report in reports]


async def test_a_decision_done_at_once_is_reported_by_its_result(temporal: str) -> None:
    """The case waits for its result: one signal less."""
    async with running(temporal) as (client, market):
        report = await client.execute_workflow(
            EnforcementWorkflow.run, a_start(), id=f"e/{uuid4().hex}", task_queue="koban"
        )
        assert [news.status for news in report.actions] == [ActionStatus.DONE]
        assert (market.took, await reported(client)) == (["do/warn"], [])


async def test_an_undo_is_also_reported_by_signal(temporal: str) -> None:
    """The case may have been replaced, and continued under its own id."""
    async with running(temporal) as (client, market):
        start = a_start(undo=True)
        await client.execute_workflow(
            EnforcementWorkflow.run, start, id=f"e/{uuid4().hex}", task_queue="koban"
        )
        assert (market.took, await reported(client)) == (["undo/warn"], [["undone"]])


async def test_a_held_protection_is_not_lifted_after_its_time(
    temporal: str,
) -> None:
    """The platform took it late: the decision that holds it came before."""
    async with running(temporal) as (client, market):
        start = a_start(timedelta(milliseconds=1), protects=True)
        handle = await begun(client, start, Ask(kind=AskKind.HOLD, by=None))
        await handle.signal("ask", Ask(kind=AskKind.KEEP, by=None))
        report = await handle.result()
        assert [news.status for news in report.actions] == [ActionStatus.KEPT]
        assert market.took == ["do/mute_user"]


async def test_a_refused_protection_is_not_kept(temporal: str) -> None:
    """The ledger must not show it as in effect."""
    async with running(temporal) as (client, market):
        market.refuses = Problem(kind=ProblemKind.REFUSED, status=404)
        start = a_start(timedelta(minutes=5), protects=True)
        handle = await begun(client, start, Ask(kind=AskKind.KEEP, by=None))
        news = (await handle.result()).actions
        assert [(n.status, n.problem) for n in news] == [(ActionStatus.FAILED, market.refuses)]
        assert await reported(client) == [["failed"]]


async def test_an_unanswered_protection_is_lifted_after_its_time(
    temporal: str,
) -> None:
    """It may be in effect: it is undone, and not retried any more."""
    async with running(temporal) as (client, market):
        market.unanswered = cases.Direction.DO
        report = await (await begun(client, a_start(timedelta(seconds=1), protects=True))).result()
        assert [news.status for news in report.actions] == [ActionStatus.LIFTED]
        tries, end = market.took[:-1], market.took[-1]
        assert (set(tries), end) == ({"do/mute_user"}, "undo/mute_user/unsure")
        assert await reported(client) == [["lifted"]]


async def test_an_unanswered_protection_is_retried_while_held(
    temporal: str,
) -> None:
    """Its time is over, but it is lifted only after the hold."""
    async with running(temporal) as (client, market):
        market.unanswered = cases.Direction.DO
        start = a_start(timedelta(seconds=1), protects=True)
        handle = await begun(client, start, Ask(kind=AskKind.HOLD, by=None))
        beyond = lambda: market.times and market.times[-1] - market.times[0] > 1.5  # noqa: E731
        await wait_until(beyond, what="tries beyond its time")
        assert set(market.took) == {"do/mute_user"}
        await handle.signal("ask", Ask(kind=AskKind.RESUME, by=None))
        report = await handle.result()
        assert [news.status for news in report.actions] == [ActionStatus.LIFTED]
        assert market.took[-1] == "undo/mute_user/unsure"


def a_mute(lasts: timedelta, deadline: timedelta) -> EnforcementStart:
    """Returns the enforcement of a mute that is retried until the `deadline`."""
    (job,) = a_start(lasts).jobs
    terms = job.terms.model_copy(update={"deadline": deadline})
    return a_start(lasts).model_copy(update={"jobs": (job.model_copy(update={"terms": terms}),)})


async def test_a_timed_action_without_an_answer_is_lifted_in_time(temporal: str) -> None:
    """It failed for the card, and may be in effect at the platform."""
    async with running(temporal) as (client, market):
        market.unanswered = cases.Direction.DO
        start = a_mute(timedelta(seconds=12), deadline=timedelta(seconds=1))
        report = await (await begun(client, start)).result()
        assert [news.status for news in report.actions] == [ActionStatus.LIFTED]
        assert (set(market.took[:-1]), market.took[-1]) == (
            {"do/mute_user"},
            "undo/mute_user/unsure",
        )
        assert await reported(client) == [["retrying"], ["failed"], ["lifted"]]


async def test_a_refused_action_is_not_lifted(temporal: str) -> None:
    """The platform said that it is not in effect."""
    async with running(temporal) as (client, market):
        market.refuses = Problem(kind=ProblemKind.REFUSED, status=409)
        handle = await begun(client, a_mute(timedelta(seconds=1), timedelta(seconds=1)))
        await handle.signal("ask", Ask(kind=AskKind.GIVE_UP, by=None))
        report = await handle.result()
        assert [news.status for news in report.actions] == [ActionStatus.GIVEN_UP]
        assert market.took == []


async def test_an_action_that_was_given_up_is_not_lifted_later(temporal: str) -> None:
    """The next decision may have done the same action by then."""
    async with running(temporal) as (client, market):
        market.unanswered = cases.Direction.DO
        handle = await begun(client, a_mute(timedelta(hours=1), timedelta(seconds=1)))

        async def has_failed() -> bool:
            return ["failed"] in await reported(client)

        await wait_until(has_failed, what="a failed action")
        await handle.signal("ask", Ask(kind=AskKind.GIVE_UP, by=None))
        report = await handle.result()
        assert [news.status for news in report.actions] == [ActionStatus.GIVEN_UP]
        assert set(market.took) == {"do/mute_user"}


async def test_a_copied_signal_asks_for_nothing(temporal: str) -> None:
    """Each has an id; the copy of a retry makes no further call."""
    async with running(temporal) as (client, market):
        market.refuses = Problem(kind=ProblemKind.REFUSED, status=409)
        handle = await begun(client, a_start())
        retry = Ask(id="press/1", kind=AskKind.RETRY, by="U0SATO")
        for ask in (retry, retry, retry, Ask(id="press/2", kind=AskKind.GIVE_UP, by="U0SATO")):
            await handle.signal(EnforcementWorkflow.ask, ask)
        report = await handle.result()
        assert [each.status for each in report.actions] == [ActionStatus.GIVEN_UP]
        assert market.refused == 2


def a_protection(verified: bool = False) -> EnforcementStart:
    """Returns a protection by Koban, which started it because of a detector's alert."""
    start = a_start(timedelta(hours=1), protects=True, detectors=("shill",))
    (job,) = start.jobs
    terms = job.terms.model_copy(update={"verified": verified})
    return start.model_copy(update={"jobs": (job.model_copy(update={"terms": terms}),)})


async def test_a_pause_stops_what_waits(temporal: str) -> None:
    """Nothing reached the platform, and nothing is left to lift."""
    async with running(temporal) as (client, market):
        market.paused.set()
        report = await (await begun(client, a_protection())).result()
        assert [(news.status, news.problem) for news in report.actions] == [
            (ActionStatus.SKIPPED, STOPPED)
        ]
        assert market.took == []
        assert [order.detectors for order in market.orders] == [("shill",)]


@pytest.mark.parametrize(
    ("shows", "undone"),
    [(False, []), (True, ["undo/mute_user/unsure"]), (None, ["undo/mute_user/unsure"])],
    ids=["not in effect", "in effect", "not to be read"],
)
async def test_what_an_attempt_before_the_pause_did_is_undone(
    temporal: str, shows: bool | None, undone: list[str]
) -> None:
    """It had no answer: the platform is read, and only what it does not show needs no undo."""
    async with running(temporal) as (client, market):
        market.unanswered, market.shows = cases.Direction.DO, shows
        handle = await begun(client, a_protection(verified=True))
        await wait_until(lambda: market.took, what="an attempt without an answer")
        market.paused.set()
        report = await handle.result()
        assert [(news.status, news.problem) for news in report.actions] == [
            (ActionStatus.SKIPPED, STOPPED)
        ]
        assert [each for each in market.took if each != "do/mute_user"] == undone


@pytest.mark.parametrize("protects", [True, False], ids=["protection", "decision"])
async def test_an_undo_that_is_retried_ends_as_stopped(temporal: str, protects: bool) -> None:
    """The platform is down for longer than the first try: the last report says what holds."""
    async with running(temporal) as (client, market):
        market.unanswered, market.gives_up_on = cases.Direction.DO, cases.Direction.UNDO
        start = a_protection() if protects else a_start(detectors=("shill",))
        handle = await begun(client, start)
        await wait_until(lambda: market.took, what="an attempt without an answer")
        market.paused.set()
        report = await handle.result()
        assert [(news.status, news.problem) for news in report.actions] == [
            (ActionStatus.SKIPPED, STOPPED)
        ]
        assert report.over
        assert ["retrying"] in await reported(client)
        assert sum(each.startswith("undo/") for each in market.took) == 2


def two(conduct: Conduct) -> EnforcementStart:
    """Koban's decision with a warning and a mute."""
    jobs = []
    for name in ("warn", "mute_user"):
        planned = PlannedAction(action=name, subject=a_case().subject)
        terms = terms_of(CATALOG.actions[name])
        terms = terms.model_copy(update={"verified": False, "undoable": True})
        proof = Proof(playbook="p", policy="v1", by="koban")
        jobs.append(Job(planned=planned, terms=terms, proof=proof))
    start = a_start(detectors=("shill",), conduct=conduct)
    return start.model_copy(update={"jobs": tuple(jobs)})


@pytest.mark.parametrize(
    ("conduct", "stops", "took", "statuses"),
    [
        (Conduct(), "warn", {"do/mute_user", "undo/mute_user"}, ["skipped", "rolled_back"]),
        (Conduct(), "mute_user", {"do/warn", "undo/warn"}, ["rolled_back", "skipped"]),
        (Conduct(order="in_turn"), "warn", set(), ["skipped", "skipped"]),
        (
            Conduct(order="in_turn", on_failure="stop"),
            "mute_user",
            {"do/warn", "undo/warn"},
            ["rolled_back", "skipped"],
        ),
        (Conduct(order="in_turn", on_failure="undo"), "warn", set(), ["skipped", "skipped"]),
    ],
)
async def test_a_decision_that_is_stopped_leaves_nothing(
    temporal: str, conduct: Conduct, stops: str, took: set[str], statuses: list[str]
) -> None:
    """A pause of one action: the other one is undone, or not begun."""
    async with running(temporal) as (client, market):
        market.stops = stops
        report = await (await begun(client, two(conduct))).result()
        assert [news.status.value for news in report.actions] == statuses
        assert set(market.took) == took


async def test_a_decision_of_a_person_is_not_stopped(temporal: str) -> None:
    """Its proof has the person, whatever the start says of detectors."""
    async with running(temporal) as (client, market):
        market.paused.set()
        (job,) = a_start().jobs
        proof = job.proof.model_copy(update={"by": "U0SATO"})
        jobs = (job.model_copy(update={"proof": proof}),)
        start = a_start(detectors=("shill",)).model_copy(update={"jobs": jobs})
        report = await (await begun(client, start)).result()
        assert [news.status for news in report.actions] == [ActionStatus.DONE]
