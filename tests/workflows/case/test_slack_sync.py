"""Writes of a case to Slack, and their cancellation by a press."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import WorkflowHandle

from deploy.sandbox.slack.person import wait_until
from tests.workflows.case.environment import CARD, QUEUE, CaseEnvironment
from tests.workflows.domain.builders import SATO
from workflows.activity_options import cards_queue, slack_queue, updates_queue, worst_queue
from workflows.domain.case import commands as cmd
from workflows.domain.people import Role
from workflows.ports.cases import Told

CANCEL_REQUESTED = PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED


async def test_new_cards_updates_and_presses_have_a_queue_each(env: CaseEnvironment) -> None:
    """New cards, updates and presses have a queue each."""
    async with (
        env.worker(cards_queue(QUEUE)),
        env.worker(updates_queue(QUEUE)),
        env.worker(slack_queue(QUEUE)),
    ):
        handle = await env.alert(1)
        await env.wait_shown(1)
        await env.alert(2)
        await env.wait_shown(2)
        await env.claim(handle)
        shown = await env.wait_shown(3)
    assert [(queue, show.background) for queue, show in shown] == [
        ("koban-slack-cards", True),
        ("koban-slack-updates", True),
        ("koban-slack", False),
    ]


async def test_a_new_critical_card_has_a_queue_of_its_own(env: CaseEnvironment) -> None:
    """It has a queue of its own."""
    async with env.worker(worst_queue(QUEUE)):
        await env.alert(1, score=0.99)
        [(queue, show)] = await env.wait_shown(1)
    assert (queue, show.background, show.card) == ("koban-slack-worst", True, None)


async def test_a_press_cancels_the_waiting_write(env: CaseEnvironment) -> None:
    """The press's write goes first, and looks for what may have been posted."""
    handle = await env.alert(1)
    async with env.worker(slack_queue(QUEUE)):
        await env.wait_open(handle)
        await env.claim(handle)
        [(queue, show)] = await env.wait_shown(1)
    assert queue == "koban-slack"
    assert show.view.owner == "U0SATO"
    assert show.card is None
    assert show.unsure_since is not None
    # A worker on the queue of cards would now find the cancelled write.
    async with env.worker(cards_queue(QUEUE)), env.worker(updates_queue(QUEUE)):
        _, (queue, line) = await env.wait_shown(2)
    assert (queue, line.card) == ("koban-slack-updates", CARD)
    assert [each.event.kind for each in line.lines] == ["case_claimed"]


async def test_a_write_that_fails_during_its_cancellation_may_have_posted(
    env: CaseEnvironment,
) -> None:
    """The press's write looks for the card before it posts another."""
    env.fails = asyncio.Event()
    async with env.worker(cards_queue(QUEUE)), env.worker(slack_queue(QUEUE)):
        handle = await env.alert(1)
        await env.wait_shown(1)
        await env.claim(handle)
        await wait_until(lambda: _is_called_off(handle), what="a write that is called off")
        env.fails.set()
        _, (queue, show) = await env.wait_shown(2)
    assert (queue, show.background, show.view.owner) == ("koban-slack", False, "U0SATO")
    assert show.unsure_since is not None


async def _is_called_off(handle: WorkflowHandle) -> bool:
    pending = (await handle.describe()).raw_description.pending_activities
    return any(each.state == CANCEL_REQUESTED for each in pending)


async def test_lines_wait_until_the_thread_is_open_again(env: CaseEnvironment) -> None:
    """The card says that its thread is closed, and is not written in a loop."""
    env.thread_closed = True
    async with (
        env.worker(cards_queue(QUEUE)),
        env.worker(updates_queue(QUEUE)),
        env.worker(slack_queue(QUEUE)),
    ):
        handle = await env.alert(1)
        await env.wait_shown(1)
        await env.claim(handle)
        # The claim, and the card with its sentence; nothing is left to do.
        shown = await env.wait_shown(3)
        assert [show.refused.thread for _, show in shown] == [False, False, True]
        await wait_until(lambda: _is_idle(handle), what="an idle case")
        assert len(env.shown) == 3
        env.thread_closed = False
        await env.alert(2)
        shown = await env.wait_shown(5)
    assert [each.event.kind for each in shown[3][1].lines] == ["case_claimed"]
    assert shown[4][1].refused.thread is False


async def _is_idle(handle: WorkflowHandle) -> bool:
    return not (await handle.describe()).raw_description.pending_activities


@asynccontextmanager
async def slack_workers(env: CaseEnvironment) -> AsyncIterator[None]:
    """Workers for all of Slack's queues but the one of critical cases."""
    async with (
        env.worker(cards_queue(QUEUE)),
        env.worker(updates_queue(QUEUE)),
        env.worker(slack_queue(QUEUE)),
    ):
        yield


async def test_the_call_that_finds_a_closed_thread_goes_direct_at_once(
    env: CaseEnvironment,
) -> None:
    """It does not wait with its line, and is made once."""
    env.thread_closed = True
    async with slack_workers(env):
        handle = await env.alert(1)
        await env.wait_shown(1)
        await env.press(handle, cmd.Escalate(by=SATO))
        await wait_until(lambda: env.told, what="a direct call")
        await wait_until(lambda: _is_idle(handle), what="an idle case")
    (told,) = env.told
    assert (told.role, told.instead, told.card) == (Role.LEAD, True, CARD)


async def test_a_refused_channel_makes_calls_direct_until_it_is_open(env: CaseEnvironment) -> None:
    """The card is tried again by an activity, without a history that grows."""
    env.channel_closed = True
    async with slack_workers(env):
        handle = await env.alert(1)
        await env.wait_shown(3)
        assert [show.refused.card for _, show in env.shown[:3]] == [False, True, True]
        await env.press(handle, cmd.Escalate(by=SATO))
        await wait_until(lambda: env.told, what="a direct call")
        (told,) = env.told
        assert (told.role, told.instead, told.card) == (Role.LEAD, True, None)
        env.channel_closed = False
        await wait_until(lambda: _has_lines(env), what="the lines of the thread")
        await wait_until(lambda: _is_idle(handle), what="an idle case")
    assert env.shown[-1][1].refused.card is False
    assert len(env.told) == 1


def _has_lines(env: CaseEnvironment) -> bool:
    return any(show.lines for _, show in env.shown)


async def test_a_call_that_reached_nobody_is_said_and_the_next_step_follows(
    env: CaseEnvironment,
) -> None:
    """The shift is called ahead of its time."""
    env.thread_closed, env.reached = True, Told(missed=("U0TANAKA",))
    async with slack_workers(env):
        handle = await env.alert(1)
        await env.wait_shown(1)
        await env.press(handle, cmd.Escalate(by=SATO))
        await env.wait_event("call_missed")
        await wait_until(lambda: len(env.events) >= 6, what="the rest of the ladder")
        await wait_until(lambda: _is_idle(handle), what="an idle case")
    assert [tell.role for tell in env.told] == [Role.LEAD, Role.SPECIALIST, Role.LEAD]
    kinds = [each.event.kind for each in env.events]
    assert kinds == ["case_escalated", "call_missed"] * 3
