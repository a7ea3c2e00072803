"""Shift in a real browser: by mouse in Japanese, by keyboard in English."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.environment import Environment, koban
from tests.stories.test_a_shift import case_of, lure
from tests.timeouts import AFTER_CLAIM

pytestmark = pytest.mark.browser


@asynccontextmanager
async def looking(browser: Browser, env: Environment, place: str) -> AsyncIterator[Page]:
    """A page without errors in its console."""
    page = await browser.new_page(viewport={"width": 1440, "height": 900})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    await page.goto(f"{env.sandbox.url}/#{place}")
    yield page
    await page.close()
    assert complaints == []


async def press(page: Page, action: str) -> None:
    """Clicks the button with this action_id and confirms."""
    await page.locator(f'[data-action-id="{action}"]').last.click()
    confirm = page.get_by_test_id("confirm-yes")
    if await confirm.count():
        await confirm.click()


async def look(page: Page) -> None:
    """Looks at the claimed card until Koban takes decisions on it."""
    looked = (time.time() + AFTER_CLAIM["case.claim"]) * 1000
    await page.wait_for_function("at => Date.now() > at", arg=looked)


async def tab_to(page: Page, wanted: str) -> None:
    """Presses Tab until the focus is on this selector."""
    for _ in range(40):
        if await page.evaluate("one => document.activeElement.matches(one)", wanted):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to {wanted}")


async def enter(page: Page, action: str) -> None:
    """Tabs to the button with this action_id, presses Enter and confirms."""
    await tab_to(page, f'[data-action-id="{action}"]')
    await page.keyboard.press("Enter")
    if await page.get_by_test_id("confirm").count():
        await tab_to(page, '[data-testid="confirm-yes"]')
        await page.keyboard.press("Enter")


async def to_the_newest(page: Page) -> None:
    """Goes to the messages with F6, and to the newest with an arrow."""
    for _ in range(8):
        if await page.evaluate("document.activeElement.matches('#main .scroller')"):
            break
        await page.keyboard.press("F6")
    await page.keyboard.press("ArrowUp")


async def shown(env: Environment, page: Page, person: str) -> Locator:
    """Waits for the card of u_123 on the page."""
    await env.happens(lure())
    card, _ = await case_of(await env.person(person))
    found = page.get_by_test_id(f"main-message-{card['ts']}")
    await expect(found).to_contain_text("u_123")
    return found


async def test_claim_decide_approve_undo_by_mouse_in_japanese(
    env: Environment, browser: Browser
) -> None:
    """From the first click to the undo, each person sees the result."""
    async with looking(browser, env, "as=U0SATO&channel=C0LIVE") as page:
        card = await shown(env, page, "U0SATO")
        await page.get_by_role("button", name="担当する").click()
        await expect(card).to_contain_text("対応中")
        await look(page)
        await press(page, "case.decide")
        modal = page.get_by_role("dialog", name="判断する")
        await modal.get_by_label("違反", exact=True).check()
        await modal.get_by_label("措置").click()
        await page.get_by_role("menuitemcheckbox", name="強制退会").click()
        await page.keyboard.press("Escape")
        await modal.get_by_label("判断理由").fill("計3回、LINE IDを提示")
        await modal.get_by_test_id("modal-submit").click()
        await expect(card).to_contain_text("承認待ち")
        await page.get_by_test_id("person-U0TANAKA").click()
        await page.get_by_test_id("channel-C0LEADS").click()
        await expect(page.locator("#main")).to_contain_text("計3回、LINE IDを提示")
        await press(page, "approval.approve")
        await page.get_by_test_id("channel-C0LIVE").click()
        await expect(card).to_contain_text("完了")
        assert (await env.thing("users", "u_123"))["status"] == "banned"
        await press(page, "action.undo")
        await expect(card).to_contain_text("取り消し済み")
    assert (await env.thing("users", "u_123"))["status"] == "active"


@pytest.fixture
async def english(temporal: str, tmp_path: Path) -> AsyncIterator[Environment]:
    """An environment whose channels read English."""
    async with koban(temporal, tmp_path, locale="en") as made:
        yield made


@pytest.mark.long
async def test_claim_decide_approve_undo_by_keyboard_in_english(
    english: Environment, browser: Browser
) -> None:
    """The focus moves to the next step after each one."""
    env = english
    async with looking(browser, env, "as=U0CLARK&channel=C0LIVE") as page:
        card = await shown(env, page, "U0CLARK")
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await to_the_newest(page)
        await expect(card).to_be_focused()
        await enter(page, "case.claim")
        await expect(card).to_contain_text("In progress")
        await look(page)
        await enter(page, "case.decide")
        modal = page.get_by_role("dialog", name="Decide")
        await expect(modal).to_be_visible()
        await tab_to(page, '[data-action-id="verdict"]')
        await page.keyboard.press("Space")
        await expect(modal.get_by_label("Violation", exact=True)).to_be_checked()
        await tab_to(page, '[data-action-id="actions"]')
        await page.keyboard.press("Enter")
        ban = page.get_by_role("menuitemcheckbox", name="Permanent ban")
        await expect(ban).to_be_visible()
        while not await ban.evaluate("node => node === document.activeElement"):
            await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Escape")
        await tab_to(page, '[data-action-id="reason"]')
        await page.keyboard.type("Showed a LINE ID three times")
        await page.keyboard.press("Control+Enter")
        await expect(modal).to_have_count(0)
        await expect(card).to_contain_text("Awaiting approval")
        await page.keyboard.press("Alt+4")
        lead = page.get_by_test_id("person-U0REED")
        await expect(lead).to_have_attribute("aria-selected", "true")
        await page.get_by_test_id("channel-C0LEADS").and_(page.locator(".unread")).wait_for()
        for _ in ("ts-market", "ts-leads"):
            await page.keyboard.press("Alt+ArrowDown")
        await expect(page.locator("#main h1")).to_have_text("# ts-leads")
        await to_the_newest(page)
        await enter(page, "approval.approve")
        for _ in ("ts-market", "ts-live"):
            await page.keyboard.press("Alt+ArrowUp")
        await expect(card).to_contain_text("Closed")
        assert (await env.thing("users", "u_123"))["status"] == "banned"
        await to_the_newest(page)
        await enter(page, "action.undo")
        await expect(card).to_contain_text("Undone")
    assert (await env.thing("users", "u_123"))["status"] == "active"


async def test_on_a_phone_a_case_is_claimed_in_dark_mode(
    env: Environment, browser: Browser
) -> None:
    """At 390 px the buttons are visible, and nothing scrolls sideways."""
    async with looking(browser, env, "as=U0SATO&channel=C0LIVE") as page:
        await page.set_viewport_size({"width": 390, "height": 780})
        await page.emulate_media(color_scheme="dark")
        await page.reload()
        card = await shown(env, page, "U0SATO")
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        await page.get_by_role("button", name="担当する").click()
        await expect(card).to_contain_text("対応中")
        assert await page.evaluate("document.documentElement.scrollWidth") == 390
