"""Evidence: in pages, hidden until it is requested, and recorded."""

import shutil
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from playwright.async_api import Browser, expect

from activities.ledger.database import Database
from activities.ledger.schema import lookups
from deploy.sandbox.app import POLICY
from deploy.sandbox.slack.person import WAIT_SECONDS, Person
from deploy.sandbox.slack.screen import controls, visible_text
from deploy.sandbox.traffic.alerts import image, words
from deploy.sandbox.traffic.demo import opening
from tests.environment import Environment, koban, work
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_in_the_browser import looking
from tests.stories.test_slow_ledger import locked

INSULT = "家の前まで行くからな https://bad.example/x"


def market(env: Environment) -> str:
    """Base URL of the marketplace's images."""
    return f"{env.sandbox.url}/market/images"


async def showing(person: Person, text: str) -> dict:
    """Waits until the topmost modal contains this text."""

    async def look() -> dict | None:
        views = await person.views()
        return views[-1] if views and text in visible_text(views[-1]) else None

    return await person.until(look, what=f"{text} in the topmost modal")


async def opened(person: Person, card: dict, text: str = "検知") -> dict:
    """The list, opened from the card's menu and filled in."""
    await person.choose_overflow(card, "検知内容を見る")
    return await showing(person, text)


def shows(view: dict) -> list[str]:
    """Labels of the buttons that reveal evidence."""
    return [c.action_id for c in controls(view) if c.action_id.startswith("evidence.reveal")]


def files(view: dict) -> list[str]:
    """The ids of the images that a view shows."""
    return [block["slack_file"]["id"] for block in view["blocks"] if block["type"] == "image"]


async def looks(env: Environment) -> list[tuple[str, str]]:
    """Rows of the ledger about revealed evidence."""
    database = Database(env.settings.ledger.url.get_secret_value())
    query = sa.select(lookups.c.actor, lookups.c.why).where(
        lookups.c.why.startswith("evidence revealed")
    )
    async with database.reading() as connection:
        rows = (await connection.execute(query.order_by(lookups.c.id))).all()
    await database.aclose()
    return [(row.actor, row.why) for row in rows]


async def test_an_image_is_shown_after_the_view_is_recorded(env: Environment) -> None:
    """It is re-encoded and shown in a modal, never on the card or in the list."""
    sato = await env.person("U0SATO")
    await env.happens(lure(more=(image(f"{market(env)}/m_77.png"),)))
    card, case = await case_of(sato)
    assert "画像 1" in visible_text(card)
    view = await opened(sato, card)
    assert "LINE ID ください hxxps://line[.]example/ti/p/abc" in visible_text(view)
    assert "閲覧注意の画像を隠しています。" in visible_text(view)
    assert files(view) == []
    assert "market/images" not in str(view)
    await sato.press(view, shows(view)[0])
    piece = await showing(sato, "表示したことを記録しました")
    (file,) = files(piece)
    got = await env.http.get(f"{env.sandbox.url}/files/{file}")
    assert got.headers["content-type"] == "image/jpeg"
    assert await env.kinds(case) == ["case_opened", "evidence_revealed"]
    why = "evidence revealed: default/chat-000001 #2 (image)"
    assert await looks(env) == [("U0SATO", why)]
    assert await env.findings() == ()


@pytest.mark.long
async def test_a_second_look_needs_no_second_upload(env: Environment) -> None:
    """The file is uploaded once; each view is recorded, without an update of the card."""
    sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
    await env.happens(lure(more=(image(f"{market(env)}/m_77.png"),)))
    card, case = await case_of(sato)
    updates = env.sandbox.workspace.calls["chat.update"]
    shown = []
    for person, says in ((sato, "表示したことを記録しました"), (clark, "Viewing was logged")):
        card = await person.latest(card)
        await person.choose_overflow(card, "evidence:" + f"{case}:{_version(card)}")
        view = await showing(person, "hxxps://line[.]example")
        await person.press(view, shows(view)[0])
        shown += files(await showing(person, says))
    assert shown[0] == shown[1]
    assert env.sandbox.workspace.calls["files.completeUploadExternal"] == 1
    assert env.sandbox.workspace.calls["chat.update"] == updates
    assert [who for who, _ in await looks(env)] == ["U0SATO", "U0CLARK"]


def _version(card: dict) -> str:
    (menu,) = (c for c in controls(card) if c.kind == "overflow")
    return menu.element["options"][0]["value"].rpartition(":")[2]


async def test_sensitive_text_is_hidden_and_then_complete(env: Environment) -> None:
    """Three thousand characters are defanged; none is on the card or in the list."""
    sato = await env.person("U0SATO")
    text = INSULT + "😡" * 2_990 + "おわり"
    await env.happens(lure(more=(words(text, sensitive=True),)))
    card, _ = await case_of(sato)
    view = await opened(sato, card)
    assert "閲覧注意の文章を隠しています" in visible_text(view)
    assert "家の前まで" not in str(view) + str(card)
    await sato.press(view, shows(view)[0])
    piece = await showing(sato, "表示したことを記録しました")
    read = visible_text(piece).replace("\n", "")
    assert "hxxps://bad[.]example/x" in read
    assert read.count("😡") == 2_990
    assert "おわり" in read


async def test_many_long_alerts_are_read_in_pages(env: Environment) -> None:
    """The newest come first, nothing is left out, and pages turn both ways."""
    sato = await env.person("U0SATO")
    for number in range(1, 13):
        text = f"{number}番目 " + "あ" * 2_950 + f" {number}番目の終わり"
        await env.happens(lure(number, more=(words(text),)))
    card, case = await case_of(sato)

    async def joined() -> bool:
        row = await env.queries.case(case)
        return row is not None and row["alerts"] == 12

    await sato.until(joined, what="twelve alerts in the case")
    view = await opened(sato, card)
    read, pages = visible_text(view), 1
    while any(c.action_id == "evidence.page.next" for c in controls(view)):
        await sato.press(view, "evidence.page.next")
        before = view["hash"]
        view = await sato.until(lambda b=before: _other(sato, b), what="the next page")
        read, pages = read + visible_text(view), pages + 1
    assert pages >= 3
    for number in range(1, 13):
        assert read.count(f"{number}番目の終わり") >= 1
    assert read.index("12番目の終わり") < read.index(" 3番目の終わり")
    await sato.press(view, "evidence.page.before")
    back = await sato.until(lambda: _other(sato, view["hash"]), what="the page before")
    assert any(c.action_id == "evidence.page.next" for c in controls(back))


async def _other(person: Person, hash_: str) -> dict | None:
    views = await person.views()
    return views[-1] if views and views[-1]["hash"] != hash_ else None


@pytest.mark.long
async def test_at_the_cap_nothing_more_is_shown(temporal: str, tmp_path: Path) -> None:
    """The message has the limit, its period, the next time, and people with the right."""
    policy = Path(shutil.copytree(POLICY, tmp_path / "policy"))
    limits = policy / "limits.yaml"
    written = limits.read_text(encoding="utf-8").replace("reveals: 60", "reveals: 2")
    limits.write_text(written, encoding="utf-8")
    async with koban(temporal, tmp_path, policy=policy) as env:
        sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
        more = tuple(image(f"{market(env)}/{number}.png") for number in range(3))
        await env.happens(lure(more=more))
        card, case = await case_of(sato)
        view = await opened(sato, card)
        for button in shows(view)[:2]:
            await sato.press(view, button)
            await showing(sato, "表示したことを記録しました")
            await sato.close_modal()
        await sato.press(view, shows(view)[2])
        shown = await showing(sato, "表示できません")
        assert "この8時間に2件を表示しました" in visible_text(shown)
        assert "ほかの担当者に確認を依頼してください。" in visible_text(shown)
        assert files(shown) == []
        assert env.sandbox.workspace.calls["files.completeUploadExternal"] == 2
        assert (await env.kinds(case)).count("evidence_revealed") == 2
        assert len(await looks(env)) == 2
        await sato.close_modal()
        await sato.press(view, shows(view)[0])
        await showing(sato, "表示したことを記録しました")
        await clark.choose_overflow(await clark.latest(card), "検知内容を見る")
        view = await showing(clark, "1 alert")
        await clark.press(view, shows(view)[2])
        await showing(clark, "Viewing was logged")


@pytest.mark.long
async def test_an_auditor_looks_and_sees_who_looked_before(env: Environment) -> None:
    """It works for a closed case; only the record changes."""
    sato, suzuki = await env.person("U0SATO"), await env.person("U0SUZUKI")
    await env.happens(lure(more=(image(f"{market(env)}/m_77.png"),)))
    card, case = await case_of(sato)
    view = await opened(sato, card)
    await sato.press(view, shows(view)[0])
    await showing(sato, "表示したことを記録しました")
    await sato.press(await sato.latest(card), "case.clear")
    await env.wait_kind(case, "case_closed")
    await suzuki.command(f"/koban case {case}")
    (answer,) = await suzuki.until(lambda: suzuki.ephemerals("ts-live"), what="the answer")
    assert "閲覧注意の内容を表示 · <@U0SATO>" in visible_text(answer)
    await suzuki.press(answer, "case.evidence")
    view = await showing(suzuki, "閲覧注意の画像を隠しています。")
    await suzuki.press(view, shows(view)[0])
    assert len(files(await showing(suzuki, "表示したことを記録しました"))) == 1
    assert (await env.kinds(case))[-1] == "evidence_revealed"
    assert [who for who, _ in await looks(env)] == ["U0SATO", "U0SUZUKI"]
    row = await env.queries.case(case)
    assert row is not None
    assert row["phase"] == "closed"


@pytest.mark.long
async def test_a_lead_looks_before_the_approval(env: Environment) -> None:
    """The evidence opens from the approval card in the leads' channel."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await env.happens(lure(more=(image(f"{market(env)}/m_77.png"),)))
    card, case = await case_of(sato)
    await sato.press(card, "case.claim")
    await sato.press(await sato.wait_text(card, "佐藤"), "case.preset.ban")
    asked = await tanaka.wait_card("ts-leads", "u_123")
    await tanaka.press(asked, "case.evidence")
    view = await showing(tanaka, "閲覧注意の画像を隠しています。")
    await tanaka.press(view, shows(view)[0])
    assert len(files(await showing(tanaka, "表示したことを記録しました"))) == 1
    await tanaka.press(await tanaka.latest(asked), "approval.approve")
    await env.wait_kind(case, "approved")
    assert [who for who, _ in await looks(env)] == ["U0TANAKA"]


@pytest.mark.long
async def test_somebody_without_a_role_sees_nothing(temporal: str, tmp_path: Path) -> None:
    """Neither the list nor hidden evidence is shown, because the case refuses the click."""
    policy = Path(shutil.copytree(POLICY, tmp_path / "policy"))
    roles = policy / "roles.yaml"
    written = roles.read_text(encoding="utf-8").replace("{group: S0AUDIT}", "{users: [U0REED]}")
    roles.write_text(written, encoding="utf-8")
    async with koban(temporal, tmp_path, policy=policy) as env:
        suzuki = await env.person("U0SUZUKI")
        await env.happens(lure(more=(image(f"{market(env)}/m_77.png"),)))
        card, case = await case_of(suzuki)
        view = await opened(suzuki, card, "")
        view = await showing(suzuki, "この操作ができるのは")
        assert shows(view) == []
        assert await looks(env) == []
        assert await env.kinds(case) == ["case_opened"]


@pytest.mark.long
async def test_an_address_that_leads_elsewhere_is_not_followed(env: Environment) -> None:
    """Cloud metadata, private addresses and the platform's API give a message and no upload."""
    sato = await env.person("U0SATO")
    addresses = (
        "http://169.254.169.254/latest/meta-data/",
        "https://images.market.example.evil.example/a.png",
        f"{env.sandbox.url}/faults",
        f"{env.sandbox.url}/market/v1/users/u_123",
        f"{market(env)}/nothing-here",
    )
    await env.happens(lure(more=tuple(image(each) for each in addresses)))
    card, _ = await case_of(sato)
    view = await opened(sato, card)
    shown = []
    for button in shows(view):
        await sato.press(view, button)

        async def answered() -> str:
            top = (await sato.views())[-1]
            text = visible_text(top)
            return text if "読み込んで" not in text and top["id"] != view["id"] else ""

        shown.append((await sato.until(answered, what="an answer")).partition("。")[0])
        await sato.close_modal()
    forbidden = "取得元が許可されていない画像のため、表示できません"
    gone = "画像が見つかりません"
    assert shown == [forbidden, forbidden, forbidden, gone, gone]
    assert env.sandbox.workspace.calls["files.getUploadURLExternal"] == 0


async def test_a_platform_in_trouble_can_be_tried_again(env: Environment) -> None:
    """The same modal shows the image once the platform is back."""
    sato = await env.person("U0SATO")
    await env.happens(lure(more=(image(f"{market(env)}/m_77.png"),)))
    card, case = await case_of(sato)
    view = await opened(sato, card)
    env.sandbox.faults.set("platform_500", True)
    await sato.press(view, shows(view)[0])
    failed = await showing(sato, "画像を取得できませんでした")
    env.sandbox.faults.set("platform_500", False)
    await sato.press(failed, "もう一度試す")
    piece = await showing(sato, "表示したことを記録しました")
    assert piece["id"] == failed["id"]
    assert len(files(piece)) == 1
    assert (await env.kinds(case)).count("evidence_revealed") == 2


@pytest.mark.long
async def test_a_file_that_slack_lost_is_fetched_again(env: Environment) -> None:
    """After a deletion in Slack the next view uploads it again."""
    sato = await env.person("U0SATO")
    await env.happens(lure(more=(image(f"{market(env)}/m_77.png"),)))
    card, _ = await case_of(sato)
    view = await opened(sato, card)
    await sato.press(view, shows(view)[0])
    (first,) = files(await showing(sato, "表示したことを記録しました"))
    await sato.close_modal()
    del env.sandbox.workspace.uploads.files[first]
    await sato.press(view, shows(view)[0])
    (second,) = files(await showing(sato, "表示したことを記録しました"))
    assert second != first
    async with httpx.AsyncClient(timeout=WAIT_SECONDS) as http:
        assert (await http.get(f"{env.sandbox.url}/files/{second}")).status_code == 200


@pytest.mark.long
async def test_a_request_during_an_outage_of_the_workers_is_shown_later(
    temporal: str, tmp_path: Path
) -> None:
    """The click is stored, its modal waits, and the view is recorded once."""
    async with koban(temporal, tmp_path, working=False) as env:
        sato = await env.person("U0SATO")
        async with work(env.settings):
            await env.happens(lure(more=(image(f"{market(env)}/m_77.png"),)))
            card, case = await case_of(sato)
            assert await env.kinds(case) == ["case_opened"]
        view = await opened(sato, card)
        await sato.press(view, shows(view)[0])
        await showing(sato, "読み込んでいます…")
        assert await env.written_kinds(case) == ["case_opened"]
        async with work(env.settings):
            assert len(files(await showing(sato, "表示したことを記録しました"))) == 1
        assert await env.kinds(case) == ["case_opened", "evidence_revealed"]


@pytest.mark.long
async def test_without_the_ledger_nothing_is_shown(temporal: str, tmp_path: Path) -> None:
    """A view that can't be recorded is refused; nothing is downloaded or counted."""
    async with koban(temporal, tmp_path) as env:
        sato = await env.person("U0SATO")
        await env.happens(lure(more=(image(f"{market(env)}/m_77.png"),)))
        card, case = await case_of(sato)
        view = await opened(sato, card)
        async with locked(tmp_path / "koban.db"):
            await sato.press(view, shows(view)[0])
            shown = await showing(sato, "いまは表示できません。")
        assert files(shown) == []
        assert env.sandbox.workspace.calls["files.getUploadURLExternal"] == 0
        assert await env.kinds(case) == ["case_opened"]
        await sato.close_modal()
        await sato.press(view, shows(view)[0])
        await showing(sato, "表示したことを記録しました")


@pytest.mark.browser
async def test_in_the_browser_it_is_seen_and_hidden_again(
    env: Environment, browser: Browser
) -> None:
    """It opens from the card, is shown after a click, and is gone when its modal is closed."""
    sato = await env.person("U0SATO")
    await env.happens(opening(f"{env.sandbox.url}/market"))
    card = await sato.wait_card("ts-market", "l_31")
    async with looking(browser, env, "as=U0SATO&channel=C0MARKET") as page:
        shown = page.get_by_test_id(f"main-message-{card['ts']}")
        await shown.locator('[data-action-id="case.more"]').click()
        await page.get_by_text("検知内容を見る", exact=True).click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("このページでは閲覧注意の2件を隠しています。")
        await dialog.get_by_role("button", name="表示する（記録されます）").first.click()
        image = dialog.locator("img.block-image")
        await expect(image).to_be_visible()
        assert await image.evaluate("n => n.complete && n.naturalWidth") == 960
        await page.get_by_role("button", name="戻る").click()
        await expect(dialog).to_contain_text("このページでは閲覧注意の2件を隠しています。")
        await expect(page.locator("img.block-image")).to_have_count(0)
