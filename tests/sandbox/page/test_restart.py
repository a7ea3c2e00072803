"""Sandbox page with the real stand-in, which is restarted."""

import socket
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from deploy.sandbox.app import run_sandbox
from deploy.sandbox.slack.model import BOT_USER, Message
from deploy.sandbox.slack.workspace import Workspace

pytestmark = pytest.mark.browser


def says(workspace: Workspace, text: str) -> Workspace:
    """A workspace with one message of the app."""
    workspace.post(Message("C0LIVE", workspace.messages.next_ts(), BOT_USER, text, bot=True))
    return workspace


async def test_a_restarted_server_is_found_again_without_a_reload(
    browser: Browser, tmp_path: Path
) -> None:
    """The old messages are gone, the draft stays, and no script fails."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    page = await browser.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    async with run_sandbox(tmp_path, port, says(Workspace(), "前のカード")) as first:
        await page.goto(f"{first.url}/#as=U0SATO&channel=C0LIVE")
        main = page.locator("#main")
        await expect(main.get_by_text("前のカード")).to_be_visible()
        await page.get_by_test_id("composer").fill("書きかけ")
    await expect(page.get_by_test_id("reconnecting")).to_be_visible()
    async with run_sandbox(tmp_path, port, says(Workspace(), "新しいカード")):
        await expect(main.get_by_text("新しいカード")).to_be_visible()
        await expect(main.get_by_text("前のカード")).to_have_count(0)
        await expect(page.get_by_test_id("reconnecting")).to_be_hidden()
        await expect(page.get_by_test_id("composer")).to_have_value("書きかけ")
        await page.close()
    assert failures == []
