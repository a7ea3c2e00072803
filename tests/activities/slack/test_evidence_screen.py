"""Images go up as files of the app alone, and a modal is drawn once both are there."""

import asyncio
import time

import pytest

from activities.slack.client import SlackTrouble
from activities.slack.evidence import EvidenceScreen, FileGone, Viewer
from deploy.sandbox.faults import Fault
from deploy.sandbox.slack.person import PATIENCE, wait_until
from tests.activities.slack.conftest import Desk
from tests.activities.slack.drawn import reader
from tests.activities.slack.test_evidence_viewer import MODAL, alert

VIEWER = Viewer(reader(), MODAL)
JPEG = b"\xff\xd8\xff\xe0 a picture"


def screen(desk: Desk, opening: float = 0.3, ready: float = PATIENCE) -> EvidenceScreen:
    return EvidenceScreen(desk.client, opening, ready)


async def test_an_uploaded_image_can_be_shown_at_once(desk: Desk) -> None:
    """It waits for as long as Slack looks at the file; no channel has it."""
    before = time.monotonic()
    file = await screen(desk).upload("evidence.jpg", JPEG)
    assert time.monotonic() - before >= desk.workspace.uploads.process_seconds
    assert desk.workspace.uploads.files[file].content == JPEG
    assert all(not desk.workspace.messages.all(each) for each in desk.workspace.channels)
    desk.workspace.views.open("U0SATO", VIEWER.loading())
    assert await screen(desk).draw(VIEWER.image(alert(), file)) is True
    (view,) = desk.workspace.views.stack("U0SATO")
    assert view.blocks[1]["slack_file"] == {"id": file}
    assert view.external_id == MODAL.id


async def test_a_file_that_is_never_ready_is_trouble(desk: Desk) -> None:
    """The next try uploads another one."""
    desk.workspace.uploads.process_seconds = 60
    with pytest.raises(SlackTrouble) as trouble:
        await screen(desk, ready=0.1).upload("evidence.jpg", JPEG)
    assert trouble.value.code == "file_not_ready"


async def test_a_modal_that_opens_a_moment_later_is_drawn(desk: Desk) -> None:
    """The press that opens it is on its way while the case decides."""
    drawing = asyncio.create_task(
        screen(desk, opening=PATIENCE).draw(VIEWER.words(alert(), "言葉"))
    )
    await wait_until(lambda: desk.workspace.calls["views.update"], what="the first try")
    desk.workspace.views.open("U0SATO", VIEWER.loading())
    assert await drawing is True


async def test_a_modal_that_was_closed_is_nobody_s_loss(desk: Desk) -> None:
    """Nobody is told of it, and nothing is tried again."""
    assert await screen(desk).draw(VIEWER.words(alert(), "言葉")) is False


@pytest.mark.parametrize("name", ["F0AAAAAAAA", "text"])
async def test_a_file_that_cannot_be_shown_is_gone(desk: Desk, name: str) -> None:
    """Deleted at Slack, or no image at all."""
    if name == "text":
        token, name = desk.workspace.uploads.start("a.txt", 1)
        desk.workspace.uploads.receive(token, b"x")
        desk.workspace.uploads.complete(name, None)
    desk.workspace.views.open("U0SATO", VIEWER.loading())
    with pytest.raises(FileGone):
        await screen(desk).draw(VIEWER.image(alert(), name))


async def test_slack_in_trouble_is_tried_again(desk: Desk) -> None:
    """Nothing of what was sent stands in the error."""
    desk.workspace.faults.set(Fault.SLACK_DOWN, True)
    for call in (
        screen(desk).upload("evidence.jpg", JPEG),
        screen(desk).draw(VIEWER.words(alert(), "secret words")),
    ):
        with pytest.raises(SlackTrouble) as trouble:
            await call
        assert "secret" not in str(trouble.value)
