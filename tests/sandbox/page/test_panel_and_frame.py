"""Demo panel and page frame: sizes, theme, languages."""

import re

import pytest
from playwright.async_api import expect

from tests.sandbox.page import canned
from tests.sandbox.page.conftest import Opener
from tests.sandbox.page.fake_ui import FakeUi

pytestmark = pytest.mark.browser

LIVE = "as=U0SATO&channel=C0LIVE"


async def test_the_market_panel_shows_rows_calls_and_changes(
    open_page: Opener, fake: FakeUi
) -> None:
    """Any columns are drawn; a changed row is marked and comes first."""
    page = await open_page(LIVE)
    await expect(page.get_by_test_id("row-u_123")).to_contain_text("コメント制限")
    await expect(page.get_by_test_id("row-u_125")).to_contain_text("<b>bold</b>")
    calls = page.get_by_test_id("market-calls")
    await expect(calls).to_contain_text("再送（実行は1回）")
    await expect(calls).to_contain_text("障害: マーケットのエラー（500）")
    fake.market["users"][3] |= {"status": "banned", "karma": 7}
    await fake.changed()
    row = page.get_by_test_id("row-u_126")
    await expect(row).to_have_class(re.compile("fresh"))
    await expect(row).to_contain_text("karma7")
    first = page.get_by_test_id("market-rows").locator(".record").first
    await expect(first).to_have_attribute("data-testid", "row-u_126")


async def test_the_detector_panel_shows_runs_and_errors(open_page: Opener, fake: FakeUi) -> None:
    """Each detector has its state, last run and next run; an error is text, not HTML."""
    page = await open_page(LIVE)
    await page.get_by_test_id("panel-detectors").click()
    query = page.get_by_test_id("detector-shill_sql")
    await expect(query).to_contain_text("失敗")
    await expect(query).to_contain_text("前回の実行12:09:30 · 25行 · 新規 24件 · 不備 1件")
    await expect(query).to_contain_text("次回の実行12:10:00")
    await expect(query).to_contain_text("列がありません: bidder_id <b>bold</b>")
    await expect(page.get_by_test_id("detector-phishing_feed")).to_contain_text("正常")
    pushed = page.get_by_test_id("detector-spam")
    await expect(pushed).to_contain_text("未着")
    await expect(pushed).to_contain_text("送信待ち 3件 · 未達 1件")
    fake.detectors[0] |= {"state": "ok", "error": None}
    await fake.changed()
    await expect(query).to_contain_text("正常")


async def test_a_fault_is_switched_on_and_off(open_page: Opener, fake: FakeUi) -> None:
    """An active fault shows a banner in each language, with a button to end it."""
    page = await open_page("as=U0REED&channel=C0LIVE")
    await page.get_by_test_id("panel-faults").click()
    await page.get_by_role("switch", name="Marketplace not responding").click()
    strip = page.get_by_test_id("fault-banner")
    await expect(strip).to_contain_text("Faults are on")
    await expect(strip).to_contain_text("Marketplace not responding")
    await strip.get_by_role("button", name="Turn off").click()
    await expect(strip).to_have_count(0)
    switched = [{"name": "platform_hang", "on": True}, {"name": "platform_hang", "on": False}]
    assert fake.posted("/faults") == switched


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 720)])
async def test_everything_fits_without_sideways_scrolling(
    open_page: Opener, width: int, height: int
) -> None:
    """Thread and panel are open, in both window sizes."""
    size = {"width": width, "height": height}
    page = await open_page(f"{LIVE}&thread={canned.CASE_TS}", viewport=size)
    await expect(page.get_by_test_id("thread-pane")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    for pane in ("#main .scroller", "#thread .scroller", "#panel"):
        over = await page.locator(pane).evaluate("n => n.scrollWidth - n.clientWidth")
        assert (pane, over) == (pane, 0)


async def test_the_theme_follows_the_system_until_chosen(open_page: Opener) -> None:
    """Auto uses the system's theme; further clicks choose light and dark."""
    page = await open_page(LIVE, color_scheme="dark")
    html = page.locator("html")
    await expect(html).to_have_attribute("data-theme", "dark")
    await page.get_by_test_id("theme").click()
    await expect(html).to_have_attribute("data-theme", "light")


async def test_the_page_has_the_same_texts_in_both_languages(open_page: Opener) -> None:
    """Each text is in ja and en (except an English singular) with the same placeholders."""
    page = await open_page(LIVE)
    texts = await page.evaluate("import('/page/i18n.js').then(m => m.TEXTS)")
    english = {key for key in texts["en"] if not key.endswith("_one")}
    assert english == set(texts["ja"])
    blanks = {
        lang: {key: sorted(re.findall(r"\{\w+\}", texts[lang][key])) for key in english}
        for lang in ("ja", "en")
    }
    assert blanks["ja"] == blanks["en"]


async def test_a_sanctioned_user_appeals_and_reads_the_answer(
    open_page: Opener, fake: FakeUi
) -> None:
    """A sanctioned user has the button; notices are in the language of the page."""
    fake.market["users"][0] |= {
        "notices": [
            {"at": "2026-11-24T03:06:00Z", "text": {"ja": "<b>維持</b>しました", "en": "It stands"}}
        ]
    }
    page = await open_page(LIVE)
    row = page.get_by_test_id("row-u_123")
    await expect(row).to_contain_text("お知らせ<b>維持</b>しました")
    await expect(row).not_to_contain_text("It stands")
    await expect(page.get_by_test_id("appeal-u_126")).to_have_count(0)
    await row.get_by_role("button", name="異議を申し立てる").click()
    assert await fake.wait_for_post("/market-ui/appeals") == {
        "user": "u_123",
        "statement": "身に覚えがありません。もう一度確認してください。",
    }
