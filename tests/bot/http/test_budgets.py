"""Budgets and turns: one sender's excess is refused, and the others' alerts are accepted."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import pytest

from bot.admission import FREE_BYTES, AdmissionLimiter, AlertSubmitter, BodyMemory
from bot.http.alerts import AlertEndpoint
from bot.http.app import make_app
from bot.http.budgets import (
    COMMON_SHARE,
    UNDER_WAY_BYTES,
    Allowance,
    Budget,
    Budgets,
    Intake,
    OverBudget,
    Turns,
    named_in,
)
from bot.http.metrics import Metrics
from deploy.sandbox.slack.person import wait_until
from tests.bot.http.conftest import KEYS, WINDOW, AlertServer, Front, no_record, target_of
from tests.bot.http.fakes import LIVE_CHAT, alert, as_json


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def used_up(budgets: Budgets, sender: str = "a", size: int = 1, common: bool = False) -> OverBudget:
    with pytest.raises(OverBudget) as refused, budgets.request(sender, size, common):
        pass
    return refused.value


def test_a_budget_comes_back_over_a_minute() -> None:
    """The answer says which one, and after how many seconds it is worth another try."""
    clock = Clock()
    budgets = Budgets(Allowance(requests=2), clock)
    for _ in range(2):
        with budgets.request("a", 1, False):
            pass
    refused = used_up(budgets)
    assert (refused.budget, refused.retry_after) == (Budget.REQUESTS, 1)
    assert str(refused) == "a has used its 2 requests a minute."
    with budgets.request("b", 1, False):
        pass
    clock.now = 31.0
    with budgets.request("a", 1, False):
        pass


@pytest.mark.parametrize(
    ("budget", "amount", "seconds"),
    [(Budget.BYTES, 200, 60), (Budget.ALERTS, 150, 30), (Budget.CPU, 300.0, 120)],
)
def test_what_was_too_much_is_paid_later(budget: Budget, amount: float, seconds: int) -> None:
    """A request that is larger than the budget is accepted, and the next one waits for it."""
    budgets = Budgets(Allowance(bytes=100, alerts=100, cpu=100.0), Clock())
    budgets.spend("a", budget, amount, False)
    refused = used_up(budgets)
    assert (refused.budget, refused.retry_after) == (budget, seconds)


def test_requests_under_way_are_limited() -> None:
    """By number and by bytes; the largest request is accepted where nothing is under way."""
    budgets = Budgets(Allowance(under_way=2), Clock())
    with ExitStack() as under_way:
        under_way.enter_context(budgets.request("a", UNDER_WAY_BYTES + 1, False))
        assert used_up(budgets).budget is Budget.UNDER_WAY
        for _ in range(2):
            under_way.enter_context(budgets.request("b", 1, False))
        assert used_up(budgets, "b").budget is Budget.UNDER_WAY
    with budgets.request("a", 1, False), budgets.request("b", 1, False):
        pass


def test_made_up_names_share_the_budget_of_the_common_secret() -> None:
    """A detector with a secret of its own is not affected."""
    budgets = Budgets(Allowance(requests=1), Clock())
    for number in range(COMMON_SHARE):
        with budgets.request(f"made-up-{number}", 1, True):
            pass
    assert str(used_up(budgets, "another", common=True)).startswith("The common secret has used")
    with budgets.request("own", 1, False):
        pass


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"alerts": [{"id": "1", "detector": "live-chat"}]}', "live-chat"),
        (b'{"source" : "market"}', "market"),
        (b'{"id": "1"}', "default"),
        (b'{"detector": "<!channel>"}', "default"),
    ],
)
def test_a_body_names_its_sender_before_it_is_parsed(body: bytes, name: str) -> None:
    """The budget is looked at first."""
    assert named_in(body) == name


async def test_senders_take_turns() -> None:
    """One with many bodies delays another one by one body."""
    turns, order, go = Turns(), list[str](), threading.Event()

    def job(name: str) -> Any:
        return lambda: order.append(name)

    first = asyncio.create_task(turns.run("a", lambda: go.wait(60)))
    await asyncio.sleep(0)
    rest = [asyncio.create_task(turns.run("a", job(f"a{number}"))) for number in range(4)]
    await asyncio.sleep(0)
    rest.append(asyncio.create_task(turns.run("b", job("b"))))
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(first, *rest)
    assert order == ["a0", "b", "a1", "a2", "a3"]


async def test_an_error_is_the_callers_and_the_next_body_is_read() -> None:
    """Nothing is held up by a body that can't be read."""
    turns = Turns()
    with pytest.raises(ZeroDivisionError):
        await turns.run("a", lambda: 1 // 0)
    assert (await turns.run("a", lambda: 7))[0] == 7


async def test_calls_of_one_detector_wait_behind_those_of_others() -> None:
    """A thousand new cases of one detector delay an equally severe one by one call each."""
    limiter = AdmissionLimiter(1)
    running = limiter.enqueue(1, "flood")
    flood = [limiter.enqueue(1, "flood") for _ in range(5)]
    other = limiter.enqueue(1, "quiet")
    async with limiter.slot(running):
        pass
    async with limiter.slot(flood[0]):
        pass
    assert other.admitted.done()
    assert not flood[1].admitted.done()


@pytest.fixture
def bounded(server: AlertServer, front: Front) -> AlertServer:
    """A server with a budget of two alerts a minute."""
    submitter = AlertSubmitter(server.cases, target_of, server.known, record=no_record)
    intake = Intake(Budgets(Allowance(alerts=2), Clock()))
    endpoint = AlertEndpoint(lambda: KEYS, submitter, Metrics(), WINDOW, intake=intake)
    front.app = make_app([endpoint.router()], {}, Metrics())
    return server


async def test_a_detector_over_its_budget_gets_429_and_another_is_accepted(
    bounded: AlertServer,
) -> None:
    """The refused alerts are not stored, and the body names the budget."""
    answer = await bounded.post({"alerts": [alert(f"a{n}", detector="flood") for n in range(3)]})
    assert answer.status_code == 202
    refused = await bounded.post(alert("late", detector="flood"))
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "30"
    assert refused.json() == {
        "error": "flood has used its 2 alerts a minute.",
        "budget": "alerts",
    }
    assert (await bounded.post(alert("o1", detector="quiet"))).status_code == 202
    assert (await bounded.post(alert("o2"), secret=LIVE_CHAT)).status_code == 202
    assert bounded.cases.ids == ["a0", "a1", "a2", "o1", "o2"]


async def test_health_is_answered_while_a_body_is_read(server: AlertServer, front: Front) -> None:
    """The event loop is free: the thread of bodies is occupied until health was answered."""
    turns, go = Turns(), threading.Event()
    submitter = AlertSubmitter(server.cases, target_of, server.known, record=no_record)
    intake = Intake(turns=turns)
    endpoint = AlertEndpoint(lambda: KEYS, submitter, Metrics(), WINDOW, intake=intake)
    front.app = make_app([endpoint.router()], {}, Metrics())
    occupied = asyncio.create_task(turns.run("flood", lambda: go.wait(60)))
    posted = asyncio.create_task(server.post(as_json(alert("a1"))))
    assert (await server.http.get("/healthz")).status_code == 200
    go.set()
    await occupied
    assert (await posted).status_code == 202
    assert server.cases.ids == ["a1"]


def test_memory_of_bodies_is_bounded_over_all_of_them() -> None:
    """The first bytes of each are free; what can't be kept gives back everything that it had."""
    memory = BodyMemory(most=100)
    with memory.body() as first, memory.body() as second, memory.body() as small:
        assert first.add(FREE_BYTES)
        assert first.add(60)
        assert second.add(FREE_BYTES + 40)
        assert memory.used == 100
        assert not second.add(1)
        assert memory.used == 60
        assert not second.add(1)
        assert (first.refused, second.refused) == (False, True)
        assert small.add(FREE_BYTES)
    assert memory.used == 0


LARGE = FREE_BYTES + 50_000


async def test_large_bodies_of_many_connections_are_refused_until_one_ends(
    server: AlertServer, front: Front
) -> None:
    """They have no signature yet. A single alert is accepted all the same."""
    memory, go = BodyMemory(most=60_000), asyncio.Event()
    submitter = AlertSubmitter(server.cases, target_of, server.known, record=no_record)
    intake = Intake(bodies=memory)
    endpoint = AlertEndpoint(lambda: KEYS, submitter, Metrics(), WINDOW, intake=intake)
    front.app = make_app([endpoint.router()], {}, Metrics())

    async def slowly() -> AsyncIterator[bytes]:
        yield b"x" * LARGE
        await go.wait()

    first = asyncio.create_task(server.http.post("/v1/alerts", content=slowly()))
    await wait_until(lambda: memory.used == 50_000, what="a body in memory")
    refused = await server.http.post("/v1/alerts", content=b"x" * LARGE)
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "5"
    assert refused.json() == {"error": "Too many large requests are under way: send it again."}
    assert (await server.post(alert("a1"))).status_code == 202
    go.set()
    assert (await first).status_code == 401
    assert memory.used == 0
    assert (await server.http.post("/v1/alerts", content=b"x" * LARGE)).status_code == 401
    assert server.cases.ids == ["a1"]
