"""Shortcuts, files, App Home's tabs, and a window as narrow as a phone."""

import pytest
from playwright.async_api import expect

from tests.sandbox.page import canned
from tests.sandbox.page.conftest import Opener
from tests.sandbox.page.fake_ui import FakeUi

pytestmark = pytest.mark.browser

LIVE = "as=U0SATO&channel=C0LIVE"
PHONE = {"width": 390, "height": 780}


async def test_a_global_shortcut_is_started_beside_the_composer(
    open_page: Opener, fake: FakeUi
) -> None:
    """⚡ lists the shortcuts of the app's manifest."""
    page = await open_page(LIVE)
    await page.get_by_test_id("shortcuts").click()
    await expect(page.get_by_role("menuitem")).to_have_count(1)
    await page.get_by_role("menuitem", name="Open a case").click()
    assert await fake.wait_for_post("/ui/shortcut") == {"as": "U0SATO", "callback_id": "open_case"}


async def test_a_message_shortcut_names_its_message(open_page: Opener, fake: FakeUi) -> None:
    """⋯ is on messages and replies, but not on ephemeral messages."""
    page = await open_page(f"{LIVE}&thread={canned.CASE_TS}")
    await page.get_by_test_id(f"main-message-{canned.HOSTILE_TS}").hover()
    await page.get_by_test_id(f"more-{canned.HOSTILE_TS}").click()
    await page.get_by_role("menuitem", name="Report to T&S").click()
    assert await fake.wait_for_post("/ui/message_shortcut") == {
        "as": "U0SATO",
        "callback_id": "report_message",
        "channel": "C0LIVE",
        "ts": canned.HOSTILE_TS,
    }
    reply = f"{canned.CASE_TS[:-6]}000101"
    await expect(page.get_by_test_id("thread-pane").get_by_test_id(f"more-{reply}")).to_have_count(
        1
    )
    await expect(page.get_by_test_id(f"more-{canned.EPHEMERAL_TS}")).to_have_count(0)


async def test_a_shortcut_without_an_answer_shows_an_error(open_page: Opener, fake: FakeUi) -> None:
    """Slack's own text is shown above the messages."""
    said = "このアプリは応答しませんでした。もう一度お試しください。"
    fake.answers["/ui/shortcut"] = {"ok": False, "error": said}
    page = await open_page(LIVE)
    await page.get_by_test_id("shortcuts").click()
    await page.get_by_role("menuitem", name="Open a case").click()
    await expect(page.get_by_test_id("error-banner")).to_contain_text(said)


async def test_an_app_without_shortcuts_shows_no_empty_menus(
    open_page: Opener, fake: FakeUi
) -> None:
    """Neither ⚡ nor ⋯ is shown."""
    fake.shortcuts = []
    page = await open_page(LIVE)
    await expect(page.get_by_test_id("composer")).to_be_visible()
    await expect(page.locator(".bolt, .more-btn")).to_have_count(0)


async def test_a_picture_opens_in_full_and_a_file_has_its_title(
    open_page: Opener, fake: FakeUi
) -> None:
    """Titles come before file names; Esc closes the picture and returns the focus."""
    picture = {"id": "F1", "name": "a.svg", "title": "商品<b>写真</b>", "mimetype": "image/svg+xml"}
    table = {"id": "F2", "name": "bids.csv", "mimetype": "text/csv", "size": 2048}
    files = [picture | {"url": "/page/icon.svg", "size": 316}, table | {"url": "/files/F2"}]
    fake.everywhere("C0LIVE", canned.message("1795403300.000001", text="証拠", files=files))
    page = await open_page(LIVE)
    await expect(page.get_by_role("link", name="bids.csv")).to_contain_text("2 KB")
    thumb = page.get_by_role("button", name="商品<b>写真</b> を大きく表示する")
    await thumb.click()
    full = page.get_by_role("dialog", name="商品<b>写真</b>")
    await expect(full.get_by_role("img")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(full).to_have_count(0)
    await expect(thumb).to_be_focused()


async def test_the_home_leads_to_the_messages_with_the_app(open_page: Opener) -> None:
    """Its second tab is the person's conversation with the app."""
    page = await open_page("as=U0SATO&channel=HOME")
    await page.get_by_test_id("home-messages").click()
    await expect(page.locator("#main .channel-title")).to_have_text("Koban")
    assert "channel=D" in page.url


async def test_on_a_phone_the_channels_cover_the_messages(open_page: Opener) -> None:
    """☰ opens them with the focus inside; a choice or Esc closes them."""
    page = await open_page(LIVE, viewport=PHONE)
    await expect(page.get_by_test_id("channel-C0MARKET")).to_be_hidden()
    await page.get_by_test_id("drawer").click()
    await expect(page.get_by_test_id("channel-C0LIVE")).to_be_focused()
    await page.get_by_test_id("channel-C0MARKET").click()
    await expect(page.locator("#main .channel-title")).to_have_text("# ts-market")
    await expect(page.get_by_test_id("channel-C0MARKET")).to_be_hidden()
    await page.get_by_test_id("drawer").click()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("drawer")).to_be_focused()


@pytest.mark.parametrize(
    "place", [LIVE, f"{LIVE}&thread={canned.CASE_TS}", "as=U0CLARK&channel=HOME"]
)
async def test_on_a_phone_nothing_scrolls_sideways(open_page: Opener, place: str) -> None:
    """Messages, thread and home fit into 390 px; the panel starts closed."""
    page = await open_page(place, viewport=PHONE)
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    for scroller in await page.locator(".scroller").all():
        assert await scroller.evaluate("node => node.scrollWidth - node.clientWidth") == 0
    await expect(page.locator("#panel")).to_be_hidden()


async def test_on_a_phone_a_modal_can_be_filled_and_closed(open_page: Opener, fake: FakeUi) -> None:
    """It slides up from the bottom, with both buttons visible."""
    fake.states["U0SATO"]["views"] = [canned.modal()]
    page = await open_page(LIVE, viewport=PHONE)
    await expect(page.get_by_test_id("modal-submit")).to_be_in_viewport()
    await expect(page.get_by_test_id("modal-close")).to_be_in_viewport()
    await page.get_by_label("判断理由").fill("三回目")
    await page.keyboard.press("Escape")
    assert await fake.wait_for_post("/ui/close") == {"as": "U0SATO", "view_id": "V1"}


async def test_a_permalink_leads_to_its_message_on_the_page(
    open_page: Opener, fake: FakeUi
) -> None:
    """It opens the channel and focuses the message; other links stay links."""
    link = f"https://koban-demo.slack.com/archives/C0LIVE/p{canned.CASE_TS.replace('.', '')}"
    elsewhere = "https://koban-demo.slack.com/archives/C0NOWHERE/p1795403300000001"
    text = f"<{link}|カードを開く> <{elsewhere}|別の場所>"
    fake.everywhere("C0MARKET", canned.message("1795403300.000001", channel="C0MARKET", text=text))
    for number in range(30):
        fake.everywhere("C0LIVE", canned.message(f"17954033{number:02}.5", text="行\n行"))
    page = await open_page("as=U0SATO&channel=C0MARKET")
    other = page.get_by_role("link", name="別の場所")
    assert await other.get_attribute("href") == elsewhere
    await page.get_by_role("link", name="カードを開く").click()
    card = page.get_by_test_id(f"main-message-{canned.CASE_TS}")
    await expect(card).to_be_focused()
    await expect(card).to_be_in_viewport()
    await expect(page.locator("#main .channel-title")).to_have_text("# ts-live")
