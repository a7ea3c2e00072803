"""Files: processed before they can be shown, and of this workspace only."""

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from deploy.sandbox.slack.workspace import Workspace


async def uploaded(client: AsyncWebClient, name: str = "a.png") -> str:
    """The id of a file without a channel."""
    done = await client.files_upload_v2(filename=name, content=b"\x89PNG")
    return str(done["file"]["id"])


def showing(file: str) -> list[dict]:
    return [{"type": "image", "slack_file": {"id": file}, "alt_text": "証拠"}]


def modal(file: str) -> dict:
    title = {"type": "plain_text", "text": "証拠"}
    return {"type": "modal", "title": title, "blocks": showing(file)}


async def refusal(call) -> tuple[str, list[str]]:
    with pytest.raises(SlackApiError) as caught:
        await call
    answer = caught.value.response
    return answer["error"], answer["response_metadata"]["messages"]


async def test_a_file_has_no_mimetype_while_it_is_processed(
    client: AsyncWebClient, workspace: Workspace
):
    """No message can show it until then."""
    workspace.uploads.process_seconds = 3_600
    file = await uploaded(client)
    assert (await client.files_info(file=file))["file"]["mimetype"] == ""
    post = client.chat_postMessage(channel="C0LIVE", text="x", blocks=showing(file))
    assert await refusal(post) == (
        "invalid_blocks",
        ["[ERROR] invalid slack file [json-pointer:/blocks/0/slack_file]"],
    )
    workspace.uploads.finish(file)
    assert (await client.files_info(file=file))["file"]["mimetype"] == "image/png"
    await client.chat_postMessage(channel="C0LIVE", text="x", blocks=showing(file))


@pytest.mark.parametrize("file", ["F0AAAAAAAA", "text"])
async def test_a_modal_shows_existing_images_only(
    client: AsyncWebClient, workspace: Workspace, file: str
):
    """A missing file and a file that is no image are refused."""
    workspace.uploads.process_seconds = 0
    name = await uploaded(client, "a.txt") if file == "text" else file
    trigger = workspace.triggers.make("U0SATO")
    told = await refusal(client.views_open(trigger_id=trigger, view=modal(name)))
    assert told == (
        "invalid_arguments",
        ["[ERROR] invalid slack file [json-pointer:/view/blocks/0/slack_file]"],
    )
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_info(file="F0AAAAAAAA")
