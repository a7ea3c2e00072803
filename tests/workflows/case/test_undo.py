"""Undo of a closed case: its thread."""

from deploy.sandbox.slack.person import wait_until
from tests.workflows.case.environment import QUEUE, WAIT_SECONDS, CaseEnvironment
from tests.workflows.domain.builders import SATO
from workflows.activity_options import cards_queue, slack_queue, updates_queue
from workflows.domain.case import commands as cmd
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.ids import closed_workflow_id


async def undoing(env: CaseEnvironment) -> tuple[str, str]:
    """Returns the workflow id and the id of a case that is being undone."""
    handle = await env.alert(1)
    await env.wait_open(handle)
    await env.press(handle, cmd.ChoosePreset(by=SATO, preset="warn"))
    await env.wait_event("decided")
    first = env.writes[0].case
    await handle.signal("report", await env.news(first, ActionStatus.DONE))
    await env.wait_event("case_closed")
    await env.press_on(handle, first, cmd.Undo(by=SATO))
    await env.wait_event("undo_requested")
    return handle.id, first


async def in_thread(env: CaseEnvironment, case: str, kind: str) -> list[str]:
    """Waits for the outcome in the thread, and returns its events."""

    def lines() -> list[str]:
        shows = (show for _, show in env.shown if show.view.id == case)
        return [line.event.kind for show in shows for line in show.lines]

    await wait_until(lambda: kind in lines(), WAIT_SECONDS, what=kind)
    return lines()


async def test_its_lines_survive_the_end_of_its_history(env: CaseEnvironment) -> None:
    """The lines wait for the outcome, and are restored from the ledger."""
    async with (
        env.worker(cards_queue(QUEUE)),
        env.worker(updates_queue(QUEUE)),
        env.worker(slack_queue(QUEUE)),
    ):
        workflow_id, first = await undoing(env)

        def is_kept() -> bool:
            snapshots = (write.snapshot for write in env.writes)
            return any(each and each.case and each.case.undoing for each in snapshots)

        await wait_until(is_kept, WAIT_SECONDS, what="a snapshot while it is undone")
        await env.end(workflow_id)
        await env.end(closed_workflow_id(first))
        await env.report(first, ActionStatus.UNDONE)
        lines = await in_thread(env, first, "action_undone")
    assert lines[-2:] == ["undo_requested", "action_undone"]
    assert lines.count("case_closed") == 1


async def test_its_lines_survive_the_next_case(env: CaseEnvironment) -> None:
    """Slack was unreachable when the next case opened."""
    _, first = await undoing(env)
    await env.alert(2)
    await wait_until(lambda: len(env.openings) == 2, WAIT_SECONDS, what="the next case")
    await env.report(first, ActionStatus.UNDONE)
    async with (
        env.worker(cards_queue(QUEUE)),
        env.worker(updates_queue(QUEUE)),
        env.worker(slack_queue(QUEUE)),
    ):
        lines = await in_thread(env, first, "action_undone")
    assert [kind for kind in lines if kind != "notice_failed"] == [
        "case_claimed",
        "decided",
        "action_succeeded",
        "case_closed",
        "undo_requested",
        "action_undone",
    ]
