"""Sandbox page in a real browser: views, clicks and typing."""

import re

import pytest
from playwright.async_api import expect

from tests.sandbox.page import canned
from tests.sandbox.page.conftest import Opener
from tests.sandbox.page.fake_ui import FakeUi

pytestmark = pytest.mark.browser

CARD = f"main-message-{canned.CASE_TS}"
LIVE = "as=U0SATO&channel=C0LIVE"


async def test_a_card_is_drawn_with_its_words_and_buttons(open_page: Opener) -> None:
    """It has sections, a quote, a context with a local date, and five controls."""
    page = await open_page(LIVE)
    card = page.get_by_test_id(CARD)
    await expect(card).to_contain_text("ユーザー u_123（メルさん）が配信 s_9 で購入者を")
    await expect(card.locator("blockquote")).to_contain_text("LINE ID ください hxxps://ex[.]com")
    await expect(card.locator("time.date").first).to_have_text("12:13")
    labels = await card.locator("[data-block-id=case]").all_inner_texts()
    assert labels == ["担当する", "24時間コメント制限", "強制退会…", "違反なし", "⋯"]
    await expect(card.locator(".app-badge")).to_have_text("アプリ")


async def test_a_press_sends_person_and_action(open_page: Opener, fake: FakeUi) -> None:
    """The body of /ui/act has person, message, block, action and value."""
    page = await open_page(LIVE)
    await page.get_by_test_id(CARD).get_by_role("button", name="担当する").click()
    body = await fake.wait_for_post("/ui/act")
    assert body == {
        "as": "U0SATO",
        "container": {"type": "message", "channel": "C0LIVE", "ts": canned.CASE_TS},
        "block_id": "case",
        "action_id": "case.claim",
        "type": "button",
        "values": {},
        "value": "K7Q2F9XM:3",
    }


async def test_a_dangerous_button_asks_first_and_escape_means_no(
    open_page: Opener, fake: FakeUi
) -> None:
    """Nothing is sent before the confirmation dialog, which has the card's texts."""
    page = await open_page(LIVE)
    ban = page.get_by_test_id(CARD).get_by_role("button", name="強制退会")
    await ban.click()
    dialog = page.get_by_role("alertdialog", name="「強制退会」の承認を依頼しますか？")
    await expect(dialog.get_by_role("button", name="やめる")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    assert fake.posted("/ui/act") == []
    await ban.click()
    await dialog.get_by_role("button", name="依頼する").click()
    assert (await fake.wait_for_post("/ui/act"))["action_id"] == "case.preset.ban"


async def test_a_confirmation_closes_when_the_person_is_switched(
    open_page: Opener, fake: FakeUi
) -> None:
    """The dialog is closed without an answer."""
    page = await open_page(LIVE)
    await page.get_by_test_id(CARD).get_by_role("button", name="強制退会").click()
    await expect(page.get_by_test_id("confirm")).to_be_visible()
    await page.get_by_test_id("person-U0REED").click()
    await expect(page.get_by_test_id("composer")).to_have_attribute(
        "placeholder", "Message # ts-live"
    )
    await expect(page.get_by_test_id("confirm")).to_have_count(0)
    assert fake.posted("/ui/act") == []


async def test_hostile_text_stays_text(open_page: Opener) -> None:
    """Markup from outside is shown literally; no script runs, and nobody is mentioned."""
    page = await open_page(LIVE)
    message = page.get_by_test_id(f"main-message-{canned.HOSTILE_TS}")
    await expect(message).to_contain_text(
        "<img src=x onerror=\"document.title='owned'\"> <!channel> <b>x</b>"
    )
    assert await message.locator(".message-body img, .message-body b, .mention").count() == 0
    assert await page.title() != "owned"
    await page.get_by_test_id("channel-C0MARKET").click()
    await expect(page.get_by_text("not a link")).to_be_visible()
    assert await page.locator("a[href^=javascript]").count() == 0


async def test_other_origins_are_blocked(open_page: Opener) -> None:
    """An image of another origin is never requested; its alt text is shown."""
    page = await open_page("as=U0SATO&channel=C0MARKET")
    await expect(page.get_by_text("画像を表示できません: 配信の画面")).to_be_visible()
    answer = await page.request.get("/".join(page.url.split("/")[:3]))
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_workspace_picture_is_requested_by_its_id(open_page: Opener, fake: FakeUi) -> None:
    """An image block can name a file; a missing one has its alt text."""
    card = fake.message("U0SATO", "C0LIVE", canned.CASE_TS)
    card["blocks"] = [{"type": "image", "slack_file": {"id": "F0CHART"}, "alt_text": "日次の図"}]
    page = await open_page("as=U0SATO&channel=C0MARKET")
    async with page.expect_request("**/files/F0CHART"):
        await page.get_by_test_id("channel-C0LIVE").click()
    await expect(page.get_by_text("画像を表示できません: 日次の図")).to_be_visible()


async def test_an_open_menu_outlives_a_redrawn_card(open_page: Opener, fake: FakeUi) -> None:
    """The card is updated behind the menu, and the choice still goes to the card."""
    page = await open_page(LIVE)
    await page.get_by_test_id(CARD).get_by_role("button", name="その他の操作").click()
    card = fake.message("U0SATO", "C0LIVE", canned.CASE_TS)
    card["blocks"] = canned.case_blocks("承認待ち")
    await fake.changed()
    await expect(page.get_by_test_id(CARD)).to_contain_text("承認待ち")
    await page.get_by_role("menuitem", name="保留にする").click()
    body = await fake.wait_for_post("/ui/act")
    assert body["selected_option"]["value"] == "snooze:K7Q2F9XM:3"


async def test_only_changed_messages_are_redrawn(open_page: Opener, fake: FakeUi) -> None:
    """Unchanged messages keep their DOM nodes and the focus."""
    page = await open_page(LIVE)
    claim = page.get_by_test_id(CARD).get_by_role("button", name="担当する")
    await claim.focus()
    await page.evaluate("document.querySelectorAll('[data-ts]').forEach(n => n.marked = true)")
    fake.message("U0SATO", "C0LIVE", canned.CASE_TS)["blocks"] = canned.case_blocks("承認待ち")
    await fake.changed()
    await expect(page.get_by_test_id(CARD)).to_contain_text("承認待ち")
    marked = "[...document.querySelectorAll('#main [data-ts]')].filter(n => !n.marked)"
    assert await page.evaluate(f"{marked}.map(n => n.dataset.ts)") == [canned.CASE_TS]
    await expect(claim).to_be_focused()


async def test_a_draft_survives_updates_and_a_change_of_person(
    open_page: Opener, fake: FakeUi
) -> None:
    """It stays while cards arrive, and is kept for each person."""
    page = await open_page(LIVE)
    await page.get_by_test_id("composer").fill("確認して")
    fake.everywhere("C0LIVE", canned.message("1795403300.000001", text="新しいカード"))
    await fake.changed()
    await expect(page.locator("#main").get_by_text("新しいカード")).to_be_visible()
    await expect(page.get_by_test_id("composer")).to_have_value("確認して")
    await page.get_by_test_id("person-U0CLARK").click()
    await expect(page.get_by_test_id("composer")).to_have_value("")
    await page.get_by_test_id("person-U0SATO").click()
    await expect(page.get_by_test_id("composer")).to_have_value("確認して")


async def test_switching_the_person_switches_language_and_view(open_page: Opener) -> None:
    """Emma reads English and does not see Sato's ephemeral messages."""
    page = await open_page(LIVE)
    await expect(page.get_by_text("あなただけに表示されています")).to_be_visible()
    await page.get_by_test_id("person-U0CLARK").click()
    await expect(page.get_by_role("heading", name="Direct messages")).to_be_visible()
    await expect(page.get_by_test_id("composer")).to_have_attribute(
        "placeholder", "Message # ts-live"
    )
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(page.get_by_text("Only visible to you")).to_have_count(0)
    await expect(page).to_have_url(re.compile("#as=U0CLARK&channel=C0LIVE$"))


async def test_the_address_opens_the_same_place_again(open_page: Opener) -> None:
    """The URL has person, channel and thread; Escape closes the thread."""
    page = await open_page(f"as=U0TANAKA&channel=C0LIVE&thread={canned.CASE_TS}")
    pane = page.get_by_test_id("thread-pane")
    await expect(pane).to_contain_text("12:03 受付")
    await expect(pane).to_contain_text("@ts-shift")
    await page.keyboard.press("Escape")
    await expect(pane).to_be_hidden()
    await expect(page).not_to_have_url(re.compile("thread"))
    await page.get_by_test_id(f"replies-{canned.CASE_TS}").click()
    await expect(pane.get_by_test_id("thread-composer")).to_be_focused()


async def test_commands_and_messages_go_to_their_conversation(
    open_page: Opener, fake: FakeUi
) -> None:
    """/koban belongs to the channel; a reply has its thread; threads take no command."""
    page = await open_page(f"{LIVE}&thread={canned.CASE_TS}")
    await page.get_by_test_id("composer").fill("/koban user u_123")
    await page.get_by_test_id("composer").press("Enter")
    command = {"as": "U0SATO", "channel": "C0LIVE", "command": "/koban", "text": "user u_123"}
    assert await fake.wait_for_post("/ui/command") == command
    await expect(page.get_by_test_id("composer")).to_have_value("")
    await page.get_by_test_id("thread-composer").fill("見ています")
    await page.get_by_test_id("thread-composer").press("Enter")
    said = {"as": "U0SATO", "channel": "C0LIVE", "text": "見ています", "thread_ts": canned.CASE_TS}
    assert await fake.wait_for_post("/ui/message") == said
    await expect(page.get_by_test_id("thread-composer")).to_have_value("")
    await page.get_by_test_id("thread-composer").fill("/koban help")
    await page.get_by_test_id("thread-composer").press("Enter")
    await expect(page.get_by_test_id("error-banner")).to_contain_text("スレッドでは使えません")
    assert len(fake.posted("/ui/command")) == 1


async def test_an_enter_that_ends_a_conversion_does_not_send(
    open_page: Opener, fake: FakeUi
) -> None:
    """During Japanese input, Enter belongs to the input method."""
    page = await open_page(LIVE)
    area = page.get_by_test_id("composer")
    await area.fill("かくにん")
    await area.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    await expect(area).to_have_value("かくにん")
    assert fake.posted("/ui/message") == []


async def test_a_refused_modal_keeps_what_was_typed(open_page: Opener, fake: FakeUi) -> None:
    """The client's errors come first, then the bot's; the text stays."""
    fake.states["U0SATO"]["views"] = [canned.modal()]
    page = await open_page(LIVE)
    modal = page.get_by_role("dialog", name="判断する")
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.locator(".field-error:visible")).to_have_count(4)
    assert fake.posted("/ui/submit") == []
    await modal.get_by_label("違反", exact=True).first.check()
    await modal.get_by_label("措置").click()
    await page.get_by_role("menuitemcheckbox", name="コメント制限").click()
    await page.keyboard.press("Escape")
    await modal.get_by_label("期間").select_option("24h")
    await modal.get_by_label("判断理由").fill("LINE IDを3回提示")
    fake.answers["/ui/submit"] = {"ok": False, "errors": {"reason": "規約番号を書いてください。"}}
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.get_by_text("規約番号を書いてください。")).to_be_visible()
    await expect(modal.get_by_label("判断理由")).to_have_value("LINE IDを3回提示")
    await expect(modal.get_by_label("判断理由")).to_be_focused()


async def test_a_submitted_modal_sends_every_kind_of_value(open_page: Opener, fake: FakeUi) -> None:
    """Values have Slack's format; untouched inputs have their initial value."""
    fake.states["U0SATO"]["views"] = [canned.modal()]
    page = await open_page(LIVE)
    modal = page.get_by_test_id("modal")
    await modal.get_by_label("違反", exact=True).first.check()
    await modal.get_by_label("措置").click()
    await page.get_by_role("menuitemcheckbox", name="強制退会").click()
    await page.keyboard.press("Escape")
    await modal.get_by_label("期間").select_option("24h")
    await modal.get_by_label("引き継ぐ相手").select_option("U0CLARK")
    await modal.get_by_label("時刻").fill("13:30")
    await modal.get_by_label("件数").fill("3")
    await modal.get_by_label("判断理由").fill("三回目")
    await modal.get_by_test_id("modal-submit").click()
    values = (await fake.wait_for_post("/ui/submit"))["values"]
    assert values["verdict"]["verdict"]["selected_option"]["value"] == "violation"
    actions = values["actions"]["actions"]["selected_options"]
    assert [one["value"] for one in actions] == ["permanent_ban"]
    assert values["duration"]["duration"]["selected_option"]["value"] == "24h"
    assert values["checks"]["checks"] == {"type": "checkboxes", "selected_options": []}
    assert values["person"]["person"] == {"type": "users_select", "selected_user": "U0CLARK"}
    assert values["until"]["until"] == {"type": "datepicker", "selected_date": "2026-11-24"}
    assert values["at"]["at"] == {"type": "timepicker", "selected_time": "13:30"}
    assert values["moment"]["moment"]["selected_date_time"] == 1795402800
    assert values["count"]["count"] == {"type": "number_input", "value": "3"}
    assert values["mail"]["mail"] == {"type": "email_text_input", "value": None}
    assert values["reason"]["reason"] == {"type": "plain_text_input", "value": "三回目"}


async def test_a_modal_filled_in_later_keeps_the_typed_reason(
    open_page: Opener, fake: FakeUi
) -> None:
    """views.update replaces changed blocks only; a field with the focus is kept."""
    fake.states["U0SATO"]["views"] = [canned.modal()]
    page = await open_page(LIVE)
    await page.get_by_label("判断理由").fill("途中")
    fake.states["U0SATO"]["views"][0]["blocks"].insert(1, canned.section("過去の措置 警告1"))
    await fake.changed()
    await expect(page.get_by_test_id("modal")).to_contain_text("過去の措置 警告1")
    await expect(page.get_by_label("判断理由")).to_have_value("途中")
    await expect(page.get_by_label("判断理由")).to_be_focused()


async def test_a_pushed_view_covers_the_first_and_escape_closes_it(
    open_page: Opener, fake: FakeUi
) -> None:
    """Only the newest view of the stack can be used."""
    fake.states["U0SATO"]["views"] = [canned.modal(), canned.modal("V2") | {"close": None}]
    page = await open_page(LIVE)
    await expect(page.get_by_test_id("modal").locator("visible=true")).to_have_count(1)
    await expect(page.get_by_role("button", name="戻る")).to_be_visible()
    await page.keyboard.press("Escape")
    assert await fake.wait_for_post("/ui/close") == {"as": "U0SATO", "view_id": "V2"}


async def test_the_home_tab_is_requested_and_drawn(open_page: Opener, fake: FakeUi) -> None:
    """Opening the app sends app_home_opened; its buttons act on the view."""
    page = await open_page(LIVE)
    await page.get_by_test_id("app-home").click()
    assert await fake.wait_for_post("/ui/home") == {"as": "U0SATO"}
    await page.get_by_test_id("home").get_by_role("button", name="開く").click()
    body = await fake.wait_for_post("/ui/act")
    assert body["container"] == {"type": "view", "view_id": "VHOME"}


async def test_unread_channels_are_marked_until_they_are_opened(
    open_page: Opener, fake: FakeUi
) -> None:
    """A badge counts mentions; opening the channel marks it as read."""
    page = await open_page(LIVE)
    market = page.get_by_test_id("channel-C0MARKET")
    await expect(market).to_have_accessible_name("ts-market, メンション2件, 未読あり")
    await market.click()
    assert await fake.wait_for_post("/ui/read") == {"as": "U0SATO", "channel": "C0MARKET"}
    await expect(market).to_have_accessible_name("ts-market")


async def test_a_new_slack_error_is_shown_and_can_be_dismissed(
    open_page: Opener, fake: FakeUi
) -> None:
    """Only errors since the page was opened are shown above the messages."""
    fake.states["U0SATO"]["errors"] = [{"at": 1.0, "text": "前の失敗です。"}]
    page = await open_page(LIVE)
    late = {"at": 2.0, "text": "このアプリは応答しませんでした。もう一度お試しください。"}
    fake.states["U0SATO"]["errors"].append(late)
    await fake.changed()
    banner = page.get_by_test_id("error-banner")
    await expect(banner).to_have_count(1)
    await expect(banner).to_contain_text("このアプリは応答しませんでした。")
    await banner.get_by_role("button", name="閉じる").click()
    await expect(banner).to_have_count(0)


async def test_the_page_catches_up_after_the_server_was_away(
    open_page: Opener, fake: FakeUi
) -> None:
    """A hint is shown while it reconnects, then the updates appear without a reload."""
    page = await open_page(LIVE)
    fake.away = True
    await fake.changed()
    await expect(page.get_by_test_id("reconnecting")).to_be_visible()
    fake.everywhere("C0LIVE", canned.message("1795403301.000001", text="戻りました"))
    fake.away = False
    await expect(page.locator("#main").get_by_text("戻りました")).to_be_visible()
    await expect(page.get_by_test_id("reconnecting")).to_be_hidden()


async def test_new_messages_do_not_move_a_scrolled_list(open_page: Opener, fake: FakeUi) -> None:
    """The position stays; a button counts the new messages and scrolls to them."""
    texts = [canned.message(f"17954032{n:02}.5", text=f"{n} 行目") for n in range(60)]
    for one in texts:
        fake.everywhere("C0LIVE", one)
    page = await open_page(LIVE)
    scroller = page.locator("#main .scroller")
    await scroller.evaluate("n => new Promise(done => { n.onscroll = done; n.scrollTop = 200; })")
    fake.everywhere("C0LIVE", canned.message("1795403400.000001", text="最新"))
    await fake.changed()
    pill = page.get_by_test_id("new-messages")
    await expect(pill).to_have_text("↓ 新しいメッセージ 1件")
    assert await scroller.evaluate("n => n.scrollTop") == 200
    await pill.click()
    await expect(page.locator("#main").get_by_text("最新", exact=True)).to_be_in_viewport()


async def test_two_presses_in_a_row_count_once(open_page: Opener, fake: FakeUi) -> None:
    """A button with a pending click ignores the next one."""
    page = await open_page(LIVE)
    await page.get_by_test_id(CARD).get_by_role("button", name="担当する").dblclick()
    await fake.wait_for_post("/ui/act")
    await expect(page.locator("[aria-busy]")).to_have_count(0)
    assert len(fake.posted("/ui/act")) == 1


async def test_emoji_are_drawn_without_an_emoji_font(open_page: Opener, fake: FakeUi) -> None:
    """Severity has its colour everywhere; the character stays for copying and screen readers."""
    text = "🟥 重大 · 🔴 未対応 :warning: 🦀"
    fake.everywhere("C0LIVE", canned.message("1795403300.000001", text=text))
    page = await open_page(LIVE)
    body = page.get_by_test_id("main-message-1795403300.000001").locator(".message-body")
    await expect(body).to_have_text("🟥 重大 · 🔴 未対応 ⚠️ 🦀")
    signs = body.locator(".emoji")
    assert await signs.all_inner_texts() == ["🟥", "🔴", "⚠️"]
    places = await signs.evaluate_all("all => all.map(one => one.style.getPropertyValue('--at'))")
    assert places == ["0", "5", "13"]
    widths = await signs.evaluate_all("all => all.map(one => one.offsetWidth)")
    assert len(set(widths)) == 1
    assert (await page.request.get(f"{page.url.split('#')[0]}page/emoji.svg")).ok


async def test_a_file_of_the_workspace_is_drawn_as_an_image(
    open_page: Opener, fake: FakeUi
) -> None:
    """It is requested by its id from this origin; a missing one has its alt text."""
    view = canned.modal()
    file = {"type": "image", "slack_file": {"id": "F0AAAAAAAA"}, "alt_text": "財布の写真"}
    fake.states["U0SATO"]["views"] = [{**view, "blocks": [file]}]
    page = await open_page(LIVE)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.reload()
    modal = page.get_by_role("dialog")
    await expect(modal.get_by_text("財布の写真")).to_be_visible()
    assert any(url.endswith("/files/F0AAAAAAAA") for url in asked)
