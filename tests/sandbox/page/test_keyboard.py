"""Keyboard use of the page: focus, its return, and screen reader announcements."""

import pytest
from playwright.async_api import Page, expect

from tests.sandbox.page import canned
from tests.sandbox.page.conftest import Opener
from tests.sandbox.page.fake_ui import FakeUi

pytestmark = pytest.mark.browser

CARD = f"main-message-{canned.CASE_TS}"
LIVE = "as=U0SATO&channel=C0LIVE"


async def outlined(page: Page) -> bool:
    """True if the focused element draws an outline."""
    style = "getComputedStyle(document.activeElement)"
    return await page.evaluate(f"{style}.outlineStyle !== 'none' && {style}.outlineWidth !== '0px'")


async def test_arrows_go_from_message_to_message_and_tab_through_one(open_page: Opener) -> None:
    """The newest comes first; in a card Tab goes through its buttons in reading order."""
    page = await open_page(LIVE)
    await page.locator("#main .scroller").focus()
    await page.keyboard.press("ArrowUp")
    await expect(page.get_by_test_id(f"main-message-{canned.EPHEMERAL_TS}")).to_be_focused()
    await page.keyboard.press("Home")
    for _ in range(2):
        await page.keyboard.press("ArrowDown")
    card = page.get_by_test_id(CARD)
    await expect(card).to_be_focused()
    assert await outlined(page)
    passed = []
    for _ in range(5):
        await page.keyboard.press("Tab")
        assert await outlined(page)
        passed.append(await page.evaluate("document.activeElement.textContent"))
    assert passed == ["担当する", "24時間コメント制限", "強制退会…", "違反なし", "⋯"]


async def test_a_removed_button_leaves_the_focus_on_its_card(
    open_page: Opener, fake: FakeUi
) -> None:
    """The next Tab continues from the card, not from the top of the page."""
    page = await open_page(LIVE)
    await page.get_by_test_id(CARD).get_by_role("button", name="担当する").focus()
    blocks = canned.case_blocks("対応中")
    del blocks[-1]["elements"][0]
    fake.message("U0SATO", "C0LIVE", canned.CASE_TS)["blocks"] = blocks
    await page.keyboard.press("Enter")
    await fake.wait_for_post("/ui/act")
    await expect(page.get_by_test_id(CARD)).to_contain_text("対応中")
    await expect(page.get_by_test_id(CARD)).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="24時間コメント制限")).to_be_focused()


async def test_a_menu_works_with_arrows_and_returns_the_focus(
    open_page: Opener, fake: FakeUi
) -> None:
    """Arrows and End move, Esc closes without a choice, Enter chooses."""
    page = await open_page(LIVE)
    more = page.get_by_test_id(CARD).get_by_role("button", name="その他の操作")
    await more.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("menuitem", name="引き継ぐ")).to_be_focused()
    await page.keyboard.press("End")
    await expect(page.get_by_role("menuitem", name="検知内容を見る")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(more).to_be_focused()
    assert fake.posted("/ui/act") == []
    await page.keyboard.press("Enter")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    body = await fake.wait_for_post("/ui/act")
    assert body["selected_option"]["value"] == "snooze:K7Q2F9XM:3"
    await expect(more).to_be_focused()


async def test_tab_stays_inside_a_modal_and_enter_submits_it(
    open_page: Opener, fake: FakeUi
) -> None:
    """Tab goes from the last control to the first, and never to the messages behind."""
    page = await open_page(LIVE)
    await page.get_by_test_id(CARD).get_by_role("button", name="違反なし").focus()
    fake.states["U0SATO"]["views"] = [canned.modal()]
    await fake.changed()
    modal = page.get_by_role("dialog", name="判断する")
    await expect(modal).to_be_visible()
    close, submit = modal.get_by_test_id("modal-x"), modal.get_by_test_id("modal-submit")
    await submit.focus()
    await page.keyboard.press("Tab")
    await expect(close).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await expect(submit).to_be_focused()
    assert await page.locator("#main").evaluate("node => node.inert")
    await modal.get_by_label("判断理由").focus()
    await page.keyboard.press("Enter")
    assert fake.posted("/ui/submit") == []
    await page.keyboard.press("Control+Enter")
    await expect(modal.locator(".field-error:visible").first).to_be_visible()
    fake.states["U0SATO"]["views"] = []
    await page.keyboard.press("Escape")
    await expect(modal).to_have_count(0)
    await expect(page.get_by_role("button", name="違反なし")).to_be_focused()


async def test_a_modal_that_was_loading_puts_the_focus_into_its_first_field(
    open_page: Opener, fake: FakeUi
) -> None:
    """It opens empty within three seconds and is filled in a moment later."""
    loading = canned.modal() | {"blocks": [canned.section("読み込んでいます…")], "submit": None}
    fake.states["U0SATO"]["views"] = [loading]
    page = await open_page(LIVE)
    await expect(page.get_by_test_id("modal-close")).to_be_focused()
    fake.states["U0SATO"]["views"] = [canned.modal()]
    await fake.changed()
    await expect(page.get_by_label("違反", exact=True).first).to_be_focused()


async def test_f6_goes_round_the_panes(open_page: Opener) -> None:
    """People, channels, messages, composer and panel; Shift reverses; a skip link is on top."""
    page = await open_page(LIVE)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="メッセージへ移動する")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("#main .scroller")).to_be_focused()
    assert page.url.endswith(f"#{LIVE}")
    await page.keyboard.press("F6")
    await expect(page.get_by_test_id("composer")).to_be_focused()
    await page.keyboard.press("F6")
    await expect(page.get_by_test_id("panel-market")).to_be_focused()
    await page.keyboard.press("F6")
    await expect(page.get_by_test_id("person-U0SATO")).to_be_focused()
    await page.keyboard.press("F6")
    await expect(page.get_by_test_id("channel-C0LIVE")).to_be_focused()
    await page.keyboard.press("Shift+F6")
    await expect(page.get_by_test_id("person-U0SATO")).to_be_focused()


async def test_the_list_of_keys_opens_and_closes(open_page: Opener) -> None:
    """Esc closes it and returns the focus to its button."""
    page = await open_page("as=U0CLARK&channel=C0LIVE")
    await page.get_by_test_id("keys").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Keyboard")).to_contain_text("Switch user")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_test_id("keys")).to_be_focused()


async def test_new_messages_are_read_out_without_their_markup(
    open_page: Opener, fake: FakeUi
) -> None:
    """The announcement has author and text; older messages and the reader's own are left out."""
    page = await open_page(LIVE)
    live = page.locator("#announce")
    await expect(live).to_have_text("")
    sentence = "<@U0SATO> 重大な外部誘導の疑い :rotating_light: <https://example.com|規約>"
    fake.everywhere("C0LIVE", canned.message("1795403300.000001", text=sentence))
    await fake.changed()
    await expect(live).to_have_text("Koban: @佐藤 重大な外部誘導の疑い 🚨 規約")
    fake.everywhere("C0LIVE", canned.message("1795403301.000001", "U0SATO", text="見ます"))
    await fake.changed()
    await expect(page.locator("#main").get_by_text("見ます")).to_be_visible()
    await expect(live).to_have_text("Koban: @佐藤 重大な外部誘導の疑い 🚨 規約")


async def test_a_japanese_card_on_an_english_page_has_its_language(
    open_page: Opener,
) -> None:
    """Screen readers and fonts use the `lang` of the card."""
    page = await open_page("as=U0CLARK&channel=C0LIVE")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    body = page.get_by_test_id(CARD).locator(".message-body")
    await expect(body).to_have_attribute("lang", "ja")
    hostile = page.get_by_test_id(f"main-message-{canned.HOSTILE_TS}").locator(".message-body")
    assert await hostile.get_attribute("lang") is None


async def test_every_control_has_a_name(open_page: Opener, fake: FakeUi) -> None:
    """Buttons, links and fields have text, in a modal and on the page."""
    fake.states["U0SATO"]["views"] = [canned.modal()]
    page = await open_page(f"{LIVE}&thread={canned.CASE_TS}")
    await expect(page.get_by_test_id("modal")).to_be_visible()
    nameless = """[...document.querySelectorAll('button, a[href], input, select, textarea')]
        .filter(one => !one.hidden && !(one.getAttribute('aria-label') || one.textContent.trim()
            || one.labels?.length || one.title
            || (one.getAttribute('aria-labelledby') &&
                document.getElementById(one.getAttribute('aria-labelledby')))))
        .map(one => one.outerHTML)"""
    assert await page.evaluate(nameless) == []


async def test_a_confirmation_works_by_keyboard(open_page: Opener, fake: FakeUi) -> None:
    """Tab stays on its two buttons; Enter presses the focused one; the focus returns."""
    page = await open_page(LIVE)
    ban = page.get_by_test_id(CARD).get_by_role("button", name="強制退会")
    await ban.focus()
    await page.keyboard.press("Enter")
    no, yes = page.get_by_test_id("confirm-no"), page.get_by_test_id("confirm-yes")
    await expect(no).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(yes).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(no).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(ban).to_be_focused()
    assert fake.posted("/ui/act") == []
    await page.keyboard.press("Enter")
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    assert (await fake.wait_for_post("/ui/act"))["action_id"] == "case.preset.ban"
