"""Undo of a closed case: its thread."""

from deploy.sandbox.slack.person import wait_until
from tests.workflows.case.office import QUEUE, WAIT_SECONDS, Office
from tests.workflows.domain.builders import SATO
from workflows.activity_options import cards_queue, slack_queue, updates_queue
from workflows.domain.case import commands as cmd
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.ids import closed_workflow_id


async def undoing(office: Office) -> tuple[str, str]:
    """Returns the workflow id and the id of a case that is being undone."""
    handle = await office.alert(1)
    await office.wait_open(handle)
    await office.press(handle, cmd.ChoosePreset(by=SATO, preset="warn"))
    await office.wait_event("decided")
    first = office.writes[0].case
    await handle.signal("report", await office.news(first, ActionStatus.DONE))
    await office.wait_event("case_closed")
    await office.press_on(handle, first, cmd.Undo(by=SATO))
    await office.wait_event("undo_requested")
    return handle.id, first


async def in_thread(office: Office, case: str, kind: str) -> list[str]:
    """Waits for the outcome in the thread, and returns its events."""

    def lines() -> list[str]:
        shows = (show for _, show in office.shown if show.view.id == case)
        return [line.event.kind for show in shows for line in show.lines]

    await wait_until(lambda: kind in lines(), WAIT_SECONDS, what=kind)
    return lines()


async def test_its_lines_survive_the_end_of_its_history(office: Office) -> None:
    """The lines wait for the outcome, and are restored from the ledger."""
    async with (
        office.worker(cards_queue(QUEUE)),
        office.worker(updates_queue(QUEUE)),
        office.worker(slack_queue(QUEUE)),
    ):
        workflow_id, first = await undoing(office)

        def is_kept() -> bool:
            snapshots = (write.snapshot for write in office.writes)
            return any(each and each.case and each.case.undoing for each in snapshots)

        await wait_until(is_kept, WAIT_SECONDS, what="a snapshot while it is undone")
        await office.end(workflow_id)
        await office.end(closed_workflow_id(first))
        await office.report(first, ActionStatus.UNDONE)
        lines = await in_thread(office, first, "action_undone")
    assert lines[-2:] == ["undo_requested", "action_undone"]
    assert lines.count("case_closed") == 1


async def test_its_lines_survive_the_next_case(office: Office) -> None:
    """Slack was unreachable when the next case opened."""
    _, first = await undoing(office)
    await office.alert(2)
    await wait_until(lambda: len(office.openings) == 2, WAIT_SECONDS, what="the next case")
    await office.report(first, ActionStatus.UNDONE)
    async with (
        office.worker(cards_queue(QUEUE)),
        office.worker(updates_queue(QUEUE)),
        office.worker(slack_queue(QUEUE)),
    ):
        lines = await in_thread(office, first, "action_undone")
    assert [kind for kind in lines if kind != "notice_failed"] == [
        "case_claimed",
        "decided",
        "action_succeeded",
        "case_closed",
        "undo_requested",
        "action_undone",
    ]
