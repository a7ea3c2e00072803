"""The same shift on the page, in a real browser, in both languages."""

from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, expect

from tests.stories.test_a_shift import case_of, lure
from tests.world import World

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Words:
    """What stands on the card for a reader; cards speak the channel's language."""

    specialist: str
    lead: str
    claim: str = "担当する"
    closed: str = "完了"
    undone: str = "取り消し済み"


async def at(page: Page, world: World, person: str, channel: str) -> None:
    """Looks at a channel as somebody."""
    await page.goto(f"{world.stage.url}/#as={person}&channel={channel}")
    await page.get_by_test_id(f"person-{person}").click()
    await page.get_by_test_id(f"channel-{channel}").click()


async def press(page: Page, action: str) -> None:
    """Presses the button with this action_id, and says yes where Slack asks."""
    await page.locator(f'[data-action-id="{action}"]').last.click()
    confirm = page.get_by_test_id("confirm-yes")
    if await confirm.count():
        await confirm.click()


@pytest.mark.parametrize(
    "words", [Words("U0SATO", "U0TANAKA"), Words("U0CLARK", "U0REED")], ids=["ja", "en"]
)
async def test_claim_decide_approve_undo(world: World, browser: Browser, words: Words) -> None:
    """From the first press to the undo, each person sees what happened."""
    page = await browser.new_page(viewport={"width": 1440, "height": 900})
    specialist = await world.person(words.specialist)
    await world.happens(lure())
    card, _ = await case_of(specialist)
    await at(page, world, words.specialist, "C0LIVE")
    shown = page.get_by_test_id(f"main-message-{card['ts']}")
    await expect(shown).to_contain_text("u_123")
    await page.get_by_role("button", name=words.claim).click()
    await expect(shown).not_to_contain_text("未対応")
    await press(page, "case.preset.ban")
    await expect(shown).to_contain_text("承認待ち", timeout=15_000)
    await at(page, world, words.lead, "C0LEADS")
    await expect(page.locator('[data-action-id="approval.approve"]')).to_be_visible()
    await press(page, "approval.approve")
    await at(page, world, words.lead, "C0LIVE")
    await expect(shown).to_contain_text(words.closed, timeout=15_000)
    assert (await world.thing("users", "u_123"))["status"] == "banned"
    await press(page, "action.undo")
    await expect(shown).to_contain_text(words.undone, timeout=15_000)
    assert (await world.thing("users", "u_123"))["status"] == "active"
    await page.close()
