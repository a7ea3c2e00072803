"""Image uploads as private files, and the modal that shows them."""

import asyncio
import time

import pytest

from activities.slack.client import SlackTrouble
from activities.slack.evidence import EvidenceScreen, FileGone, FileRefused, Viewer
from deploy.sandbox.faults import Fault
from deploy.sandbox.slack.person import WAIT_SECONDS, wait_until
from tests.activities.slack.conftest import SlackWorld
from tests.activities.slack.drawn import reader
from tests.activities.slack.test_evidence_viewer import MODAL, alert

VIEWER = Viewer(reader(), MODAL)
JPEG = b"\xff\xd8\xff\xe0 a picture"


def screen(slack: SlackWorld, opening: float = 0.3, ready: float = WAIT_SECONDS) -> EvidenceScreen:
    return EvidenceScreen(slack.client, opening, ready)


async def test_an_uploaded_image_can_be_shown_at_once(slack: SlackWorld) -> None:
    """The upload waits until Slack has processed the file; no channel has it."""
    before = time.monotonic()
    file = await screen(slack).upload("evidence.jpg", JPEG, 1)
    assert time.monotonic() - before >= slack.workspace.uploads.process_seconds
    assert slack.workspace.uploads.files[file].content == JPEG
    assert all(not slack.workspace.messages.all(each) for each in slack.workspace.channels)
    slack.workspace.views.open("U0SATO", VIEWER.loading())
    assert await screen(slack).draw(VIEWER.image(alert(), file)) is True
    (view,) = slack.workspace.views.stack("U0SATO")
    assert view.blocks[1]["slack_file"] == {"id": file}
    assert view.external_id == MODAL.id


async def test_a_file_that_is_never_ready_is_refused_and_deleted(slack: SlackWorld) -> None:
    """A retry would leave one more file."""
    slack.workspace.uploads.process_seconds = 60
    with pytest.raises(FileRefused) as refused:
        await screen(slack, ready=0.1).upload("evidence.jpg", JPEG, 1)
    assert refused.value.code == "file_not_ready"
    assert slack.workspace.uploads.files == {}


async def test_a_modal_that_opens_a_moment_later_is_drawn(slack: SlackWorld) -> None:
    """The modal may open after the case's decision."""
    drawing = asyncio.create_task(
        screen(slack, opening=WAIT_SECONDS).draw(VIEWER.words(alert(), "言葉"))
    )
    await wait_until(lambda: slack.workspace.calls["views.update"], what="the first try")
    slack.workspace.views.open("U0SATO", VIEWER.loading())
    assert await drawing is True


async def test_a_closed_modal_is_ignored(slack: SlackWorld) -> None:
    """There is no message and no retry."""
    assert await screen(slack).draw(VIEWER.words(alert(), "言葉")) is False


@pytest.mark.parametrize("name", ["F0AAAAAAAA", "text"])
async def test_a_file_that_cannot_be_shown_is_gone(slack: SlackWorld, name: str) -> None:
    """The file was deleted in Slack, or is no image."""
    if name == "text":
        token, name = slack.workspace.uploads.start("a.txt", 1)
        slack.workspace.uploads.receive(token, b"x")
        slack.workspace.uploads.complete(name, None)
    slack.workspace.views.open("U0SATO", VIEWER.loading())
    with pytest.raises(FileGone):
        await screen(slack).draw(VIEWER.image(alert(), name))


async def test_slack_in_trouble_is_tried_again(slack: SlackWorld) -> None:
    """The error has nothing of the content."""
    slack.workspace.faults.set(Fault.SLACK_DOWN, True)
    for call in (
        screen(slack).upload("evidence.jpg", JPEG, 1),
        screen(slack).draw(VIEWER.words(alert(), "secret words")),
    ):
        with pytest.raises(SlackTrouble) as trouble:
            await call
        assert "secret" not in str(trouble.value)
