"""Alerts that join a running case."""

import asyncio

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.worker import Worker

from bot.workflow_guards import GuardedRunner
from deploy.sandbox.slack.person import wait_until
from tests.timeouts import RPC_TIMEOUT
from tests.workflows.case.environment import CaseEnvironment
from tests.workflows.domain.builders import POLICY, SATO, an_alert
from workflows.activity_options import cards_queue, slack_queue, updates_queue
from workflows.case.inbox import DEBOUNCE
from workflows.case_workflow import CaseWorkflow
from workflows.client import Cases
from workflows.domain.case import commands as cmd


def numbers(first: int, last: int, score: float = 0.5) -> list:
    """Returns alerts with these numbers."""
    return [an_alert(number, score=score) for number in range(first, last + 1)]


def joined(env: CaseEnvironment) -> list[str]:
    """Returns the keys of the alerts that joined, in order."""
    return [event.event.alert.key for event in env.events if event.event.kind == "alert_joined"]


async def history(handle: WorkflowHandle) -> list[HistoryEvent]:
    return list((await handle.fetch_history()).events)


async def test_while_a_card_waits_alerts_are_claimed_in_batches(env: CaseEnvironment) -> None:
    """Twenty alerts sent one by one make a few claims, and none is lost."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    await env.alerts(numbers(2, 6))
    await env.wait_counted(6)
    before = len(env.claims)
    await asyncio.gather(*(env.alert(number) for number in range(7, 27)))
    await env.wait_counted(26)
    assert len(env.claims) - before <= 4
    await wait_until(lambda: len(joined(env)) == 25, what="25 events")
    assert sorted(joined(env)) == [f"live-chat/chat-{number:06}" for number in range(2, 27)]


async def test_a_more_severe_alert_ends_the_debounce(env: CaseEnvironment) -> None:
    """A more severe alert is claimed at once, with the waiting ones."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    await env.alerts(numbers(2, 8))
    await env.wait_counted(8)
    await env.alert(9)
    await wait_until(lambda: _pauses(handle), what="a pause")
    await env.alert(99, score=0.99)
    await env.wait_counted(10)
    assert env.claims[-1].alerts[-1].id == "chat-000099"
    assert not _paused_after(await history(handle), "chat-000099")
    await wait_until(lambda: _is_critical(env), what="a critical case")


async def test_a_repeated_alert_joins_once(env: CaseEnvironment) -> None:
    """The case recognizes alerts that it has."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    await env.alerts([an_alert(1), an_alert(2), an_alert(2)])
    await env.alerts([an_alert(2), an_alert(3)])
    await wait_until(lambda: len(joined(env)) == 2, what="two events")
    assert joined(env) == ["live-chat/chat-000002", "live-chat/chat-000003"]
    claimed = [alert.id for claim in env.claims for alert in claim.alerts]
    assert claimed == ["chat-000002", "chat-000003"]


async def test_an_invalid_signal_is_dropped(env: CaseEnvironment) -> None:
    """The alerts after an invalid signal still join."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    for nonsense in ("nonsense", {"a": 1}, [{"id": ""}]):
        await handle.signal("alerts", nonsense)
    await env.alert(2)
    await wait_until(lambda: joined(env) == ["live-chat/chat-000002"], what="it")


async def test_an_alert_after_the_end_of_its_case_opens_the_next_one(env: CaseEnvironment) -> None:
    """Even if an earlier alert was still debounced when the case closed."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    await env.alerts(numbers(2, 8))
    await env.wait_counted(8)
    await env.alert(9)
    await wait_until(lambda: _pauses(handle), what="a pause")
    await env.press(handle, cmd.MarkNoViolation(by=SATO))
    await env.wait_event("case_closed")
    await env.alert(10)
    async with (
        env.worker(cards_queue("koban")),
        env.worker(updates_queue("koban")),
        env.worker(slack_queue("koban")),
    ):
        await env.wait_counted(10)
        await wait_until(lambda: _has_ended(handle), what="the end of the first run")
    first = env.writes[0].case
    kinds = [e.event.kind for write in env.writes if write.case == first for e in write.events]
    assert "alert_joined" not in kinds[kinds.index("case_closed") :]
    assert [each.alert.id for each in env.openings][1:2] in (["chat-000009"], ["chat-000010"])


async def test_an_alert_after_the_end_joins_a_case_that_is_reopened(env: CaseEnvironment) -> None:
    """It waits for the next case until the ledger has the end of this one."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    env.may_write.clear()
    await env.press(handle, cmd.MarkNoViolation(by=SATO))
    await env.wait_event("case_closed")
    await env.alert(2)
    await env.press(handle, cmd.Reopen(by=SATO, reason="続報"))
    await env.wait_counted(2)
    env.may_write.set()
    await env.wait_event("alert_joined")
    assert [alert.id for claim in env.claims for alert in claim.alerts] == ["chat-000002"]


async def test_claims_of_one_case_have_different_times(env: CaseEnvironment) -> None:
    """A second attempt is recognized by the time of its claim."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    for number in (2, 3, 4):
        await env.alert(number)
        await env.wait_counted(number)
    times = [claim.at for claim in env.claims]
    assert len(set(times)) == len(times) == 3


async def _has_ended(handle: WorkflowHandle) -> bool:
    """True if the first run of a case has ended."""
    first = (await history(handle))[0].workflow_execution_started_event_attributes
    described = await handle.describe()
    running = described.status is WorkflowExecutionStatus.RUNNING
    return not running or first.first_execution_run_id != described.run_id


def _is_critical(env: CaseEnvironment) -> bool:
    return any(write.row is not None and write.row.severity == "critical" for write in env.writes)


async def _pauses(handle: WorkflowHandle) -> bool:
    return any(_is_pause(event) for event in await history(handle))


def _is_pause(event: HistoryEvent) -> bool:
    timer = event.timer_started_event_attributes
    started = event.event_type == EventType.EVENT_TYPE_TIMER_STARTED
    return started and timer.start_to_fire_timeout.ToTimedelta() == DEBOUNCE


def _paused_after(events: list[HistoryEvent], alert: str) -> bool:
    """True if a timer fired between the signal of an alert and its claim."""
    signal, claimed = [i for i, event in enumerate(events) if alert.encode() in _text(event)][:2]
    pauses = {event.timer_started_event_attributes.timer_id for event in events if _is_pause(event)}
    fired = (event.timer_fired_event_attributes.timer_id for event in events[signal:claimed])
    return bool(pauses & set(fired))


def _text(event: HistoryEvent) -> bytes:
    return event.SerializeToString()


async def test_a_task_that_gets_a_thousand_alerts_only_queues_them(env: CaseEnvironment) -> None:
    """Temporal delivers all signals that waited for a worker in one task; the next one assesses."""
    late = Cases(env.client, "late", rpc_timeout=RPC_TIMEOUT)
    for each in numbers(1, 1_000):
        workflow_id = await late.accept_all([each], POLICY, ("user:u_123",))
    handle = env.client.get_workflow_handle(workflow_id)
    worker = Worker(
        env.client,
        task_queue="late",
        workflows=[CaseWorkflow],
        activities=env.ledger,
        workflow_runner=GuardedRunner(),
    )
    async with worker:
        await env.wait_counted(1_000)
    events = [event.event_type for event in await history(handle)]
    first = events.index(EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
    assert events[first + 1] == EventType.EVENT_TYPE_TIMER_STARTED
    assert events.index(EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED) > first + 2
