"""Continue-as-new of a case, on a server that suggests it every 60 events."""

from collections.abc import AsyncIterator

import pytest

from deploy.sandbox.slack.person import wait_until
from tests.conftest import a_server
from tests.timeouts import answered
from tests.workflows.case.environment import (
    CARD,
    QUEUE,
    WAIT_SECONDS,
    CaseEnvironment,
    case_environment,
)
from tests.workflows.case.test_limits import PEOPLE
from tests.workflows.domain.builders import POLICY, SATO, T0, a_case, an_alert, preset
from workflows.activity_options import cards_queue, slack_queue, updates_queue
from workflows.case_workflow import CaseWorkflow
from workflows.domain.case import commands as cmd
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.policy.playbook import pack
from workflows.inputs import CaseStart, PendingWork


@pytest.fixture(scope="module")
async def restless(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Starts the server."""
    folder = tmp_path_factory.mktemp("restless")
    async with a_server(folder, "limit.historyCount.suggestContinueAsNew=60") as address:
        yield address


@pytest.fixture
async def env(restless: str) -> AsyncIterator[CaseEnvironment]:
    """Provides an environment on that server."""
    async with case_environment(restless) as made:
        yield made


async def test_alerts_too_large_for_a_new_history_stay_in_the_old_one(
    env: CaseEnvironment,
) -> None:
    """Two megabytes arrive after the end, during an outage of the ledger; the next case has all."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    env.may_write.clear()
    await env.press(handle, cmd.MarkNoViolation(by=SATO))
    await env.wait_event("case_closed")
    evidence = [{"kind": "text", "text": "x" * 100_000}]
    await env.alerts([an_alert(number, score=0.5, evidence=evidence) for number in range(2, 22)])
    for number in range(22, 42):
        await env.alert(number)
        await answered(lambda: env.cases.reached(handle.id))
    assert (await handle.describe()).history_length > 60
    env.may_write.set()
    await env.wait_counted(41)
    assert env.openings[1].alert.id == "chat-000002"
    alerts = [each.id for claim in env.claims for each in claim.alerts]
    assert sorted(alerts) == [f"chat-{number:06}" for number in range(3, 42)]


def decided(env: CaseEnvironment) -> int:
    """The number of decisions in the ledger."""
    return [each.event.kind for each in env.events].count("decided")


async def test_a_new_history_waits_for_a_booking(env: CaseEnvironment) -> None:
    """The press is booked once, decided in the history that booked it, and known to the next."""
    async with (
        env.worker(cards_queue(QUEUE)),
        env.worker(updates_queue(QUEUE)),
        env.worker(slack_queue(QUEUE)),
    ):
        handle = await env.alerts([an_alert(1, score=0.5)], PEOPLE)
        await env.wait_open(handle)
        first = (await handle.describe()).run_id
        lengths: list[tuple[str | None, int]] = []

        async def grow() -> None:
            """An attempt that takes too long is repeated, perhaps beside this one."""
            while not lengths or lengths[-1][1] <= 60:
                await handle.signal(CaseWorkflow.nudge)
                await answered(lambda: env.cases.reached(handle.id))
                found = await handle.describe()
                lengths.append((found.run_id, found.history_length))

        while (await handle.describe()).history_length < 45:
            await handle.signal(CaseWorkflow.nudge)
            await answered(lambda: env.cases.reached(handle.id))
        env.during_booking = grow
        while not decided(env):
            # A machine that is too busy for the booking refuses the press.
            refusals = len(env.answers)
            await env.press(handle, preset(SATO, "ban"))
            await wait_until(
                lambda before=refusals: decided(env) or len(env.answers) > before,
                WAIT_SECONDS,
                what="the decision, or a refusal",
            )

        async def renewed() -> bool:
            return (await handle.describe()).run_id != first

        await wait_until(renewed, WAIT_SECONDS, what="a new history")
        memory = await answered(lambda: env.cases.memory(handle.id))
    assert {run for run, _ in lengths} == {first}
    assert lengths[-1][1] > 60
    assert len({use.key for booking in env.bookings for use in booking.uses}) == 1
    assert decided(env) == 1
    assert memory is not None
    assert memory.case is not None
    assert [each.id for each in memory.case.decisions] == ["D1"]


async def test_a_new_history_records_the_card(env: CaseEnvironment) -> None:
    """The write with the card was cancelled with the previous history."""
    case = a_case()
    start = CaseStart(
        workflow_id=case.workflow_id,
        policy=pack(POLICY),
        subject=case.subject,
        memory=CaseSnapshot(key="run-1", case=case, latest=T0),
        under_way=PendingWork(stale=True, waited_for=True, unsure_since=T0),
    )
    async with (
        env.worker(cards_queue(QUEUE)),
        env.worker(updates_queue(QUEUE)),
        env.worker(slack_queue(QUEUE)),
    ):
        await env.client.start_workflow(
            CaseWorkflow.run, start, id=case.workflow_id, task_queue=QUEUE
        )
        await wait_until(
            lambda: any(each.card == CARD for each in env.writes), WAIT_SECONDS, what="its place"
        )
    (write,) = (each for each in env.writes if each.card is not None)
    assert (write.case, write.events) == (case.id, ())
    assert env.shown[0][1].unsure_since == T0


async def test_alerts_that_open_no_case_begin_new_histories(env: CaseEnvironment) -> None:
    """Each has an activity: thousands of silenced alerts would exceed one history."""
    alerts = [an_alert(number, score=0.5) for number in range(1, 41)]
    env.silenced = {each.key for each in alerts}
    handle = await env.alerts([*alerts, an_alert(41, score=0.5)])
    first = (await handle.describe()).run_id
    await env.wait_open(handle)
    described = await handle.describe()
    assert described.run_id != first
    assert described.history_length < 120
    assert [each.alert.id for each in env.openings] == [
        f"chat-{number:06}" for number in range(1, 42)
    ]


async def test_the_last_alert_that_opens_no_case_ends_its_history(env: CaseEnvironment) -> None:
    """A history that is long enough for a new one ends where nothing waits."""
    alerts = [an_alert(number, score=0.5) for number in range(1, 41)]
    env.silenced = {each.key for each in alerts}
    handle = await env.alerts(alerts)
    await env.wait_ended(handle.id)
    assert len(env.openings) == 40
