"""Slash commands and shortcuts: find, open, report, look up, pause automation."""

import sqlalchemy as sa

from activities.ledger.database import Database
from activities.ledger.schema import lookups
from deploy.sandbox.faults import Fault
from deploy.sandbox.slack.person import NotThere, Person, wait_until
from deploy.sandbox.slack.screen import controls, visible_text
from deploy.sandbox.traffic import resale_ring
from deploy.sandbox.traffic.alerts import user
from tests.environment import Environment
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_working_a_case import wait_in_thread

CRITICAL = 1240
"""Number of viewers that makes an alert critical: Koban then hides the message."""


async def answer(person: Person, text: str, channel: str = "ts-live") -> dict:
    """Waits for an ephemeral message with this text."""

    async def look() -> dict | None:
        found = [each for each in await person.ephemerals(channel) if text in visible_text(each)]
        return found[-1] if found else None

    return await person.until(look, what=f"an answer with {text!r}")


async def direct(person: Person, text: str) -> dict:
    """Waits for a direct message with this text."""

    async def look() -> dict | None:
        try:
            messages = await person.messages("dm")
        except NotThere:  # no message yet
            return None
        return next((each for each in messages if text in visible_text(each)), None)

    return await person.until(look, what=f"a message with {text!r}")


async def looked_up(env: Environment) -> list[tuple[str, str, str, bool]]:
    """Rows of the ledger's `lookups`."""
    query = sa.select(lookups).order_by(lookups.c.id)
    database = Database(env.settings.ledger.url.get_secret_value())
    async with database.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()
    await database.aclose()
    return [(r["actor"], r["subject_id"], r["why"], r["revealed"]) for r in rows]


async def test_a_case_is_found_by_what_was_written(env: Environment) -> None:
    """Evidence, a note and the beginning of an id match."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.command(f"/koban case {case}")
    page = await answer(sato, case)
    await sato.press(page, "case.note")
    await sato.fill_and_submit({"note": "警察へ相談済み"})
    await env.wait_kind(case, "note_added")
    for text in ("line.example", "警察", case[:5].lower(), "外部誘導", "u_123"):
        await sato.command(f"/koban find {text}")
        found = await answer(sato, "の検索結果 1件")
        assert case in visible_text(found)
        assert card["ts"].replace(".", "") in str(found["blocks"])


async def test_a_person_opens_a_case_that_is_worked_like_any_other(env: Environment) -> None:
    """The answer links to the card, which names the opener; a second command joins the case."""
    sato = await env.person("U0SATO")
    env.sandbox.market.put(*user("u_9"))
    await sato.command("/koban open 外部誘導 u_9 電話で<!here>連絡あり")
    found = await answer(sato, "ケースを作成しました")
    card, case = await case_of(sato, "u_9")
    assert card["ts"].replace(".", "") in str(found["blocks"])
    assert "佐藤さんが作成しました" in visible_text(card)
    assert "電話で<!here>連絡あり" in visible_text(card)
    await sato.command("/koban open off_platform user:u_9 もう一件")
    await answer(sato, "対応中のケースに追加しました")
    await sato.press(card, "24時間コメント制限")
    await sato.wait_text(card, "完了")
    assert await env.changes() == [("POST", "users/u_9/mutes")]
    row = await env.queries.case(case)
    assert row is not None
    assert (row["alerts"], row["subject_id"]) == (2, "u_9")


async def test_a_case_needs_an_existing_subject(env: Environment) -> None:
    """The platform detects a typing error; while it is unreachable the case opens with a remark."""
    sato = await env.person("U0SATO")
    await sato.command("/koban open off_platform u_9")
    await answer(sato, "「u_9」はプラットフォームで見つかりませんでした。")
    assert await env.queries.open_cases() == []
    env.sandbox.faults.set(Fault.PLATFORM_500, True)
    await sato.command("/koban open off_platform u_9")
    await answer(sato, "対象が存在するかは未確認です")
    await case_of(sato, "u_9")


async def test_anybody_reports_a_message(env: Environment) -> None:
    """No role is needed: the card has text and link, the reporter gets the id."""
    clark, sato = await env.person("U0CLARK"), await env.person("U0SATO")
    for group in env.sandbox.workspace.groups.values():
        group.users[:] = [each for each in group.users if each != "U0CLARK"]
    env.sandbox.market.put(*user("u_77"))
    await clark.say("ts-live", "u_77 keeps asking for LINE ids")
    said = (await clark.messages("ts-live"))[-1]
    await clark.shortcut("report_message", said)
    await clark.modal()
    assert await clark.fill_and_submit({"kind": "off_platform", "note": "3rd time"}) == {"ok": True}
    card, case = await case_of(sato, "u_77")
    await direct(clark, f"It will be reviewed as case {case}.")
    found = visible_text(card)
    assert "keeps asking for LINE ids" in found
    assert "Emma" in found
    assert "3rd time" in found
    assert f"p{said['ts'].replace('.', '')}|元のメッセージ>" in str(card["blocks"])


async def test_personal_data_is_shown_once_and_recorded(env: Environment) -> None:
    """It is masked in the answer, complete in the modal, and recorded in the ledger."""
    sato = await env.person("U0SATO")
    _, thing = user("u_9")
    env.sandbox.market.put("users", {**thing, "email": "aiko@example.com"})
    await sato.command("/koban user u_9")
    found = await answer(sato, "u_9")
    assert "aiko" not in visible_text(found)
    await sato.press(found, "lookup.reveal")
    await sato.modal()
    await sato.fill_and_submit({"reason": "購入者への連絡のため"})

    async def shown() -> bool:
        views = await sato.views()
        return bool(views) and "aiko@example[.]com" in visible_text(views[-1])

    await sato.until(shown, what="the address")
    assert await looked_up(env) == [
        ("U0SATO", "u_9", "/koban user in C0LIVE", False),
        ("U0SATO", "u_9", "購入者への連絡のため", True),
    ]


async def test_related_accounts_are_listed_from_one_of_them(env: Environment) -> None:
    """Accounts with the same bank account or address are listed, those with open cases first."""
    sato = await env.person("U0SATO")
    for type_, body in resale_ring.scene().things:
        env.sandbox.market.put(type_, body)
    await sato.command("/koban open other user:u_ring1")
    await answer(sato, "ケースを作成しました")
    await sato.command("/koban user u_ring0")
    found = await answer(sato, "u_ring0")
    await sato.press(found, "関連する対象")
    related = await answer(sato, "に関連する対象")
    rows = visible_text(related).splitlines()
    assert rows[1].startswith("*ユーザー u_ring1* · 同じ振込先口座、同じ住所 · ")
    assert "対応中のケース 1件（K" in rows[1]


async def test_paused_automation_protects_nothing_until_two_people_resume_it(
    env: Environment,
) -> None:
    """Cards show the pause; people still decide; the next alert after it is protected again."""
    sato, reed = await env.person("U0SATO"), await env.person("U0REED")
    await sato.command("/koban pause off_platform")
    await answer(sato, "外部誘導の自動対応を")
    await env.happens(lure(viewers=CRITICAL))
    card, case = await case_of(sato)
    card = await sato.wait_text(card, "自動対応は停止中です")
    await wait_in_thread(sato, card, "実行しませんでした")
    assert await env.changes() == []
    assert await env.kinds(case) == ["case_opened", "protection_withheld"]
    await sato.command("/koban queue")
    await answer(sato, "自動対応は停止中*: 外部誘導")
    await sato.command("/koban resume")
    await answer(sato, "外部誘導の自動対応の再開を依頼しました")
    assert await env.changes() == []
    await reed.press(await direct(reed, "asks to resume"), "Approve resuming")
    await env.happens(lure(2, viewers=CRITICAL))
    await env.wait_kind(case, "protection_started")
    card = await sato.wait_text(card, "メッセージ非表示")

    async def hidden() -> bool:
        return ("POST", "messages/m_77/hide") in await env.changes()

    await wait_until(hidden, what="the hidden message")
    assert "自動対応は停止中です" not in visible_text(await sato.latest(card))


async def test_a_case_without_protection_makes_no_query(env: Environment) -> None:
    """The workflow of a standard case does not query the automation pauses."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "24時間コメント制限")
    await sato.wait_text(card, "完了")
    assert "protection_withheld" not in await env.kinds(case)
    row = await env.queries.case(case)
    assert row is not None
    history = await env.client.get_workflow_handle(row["workflow_id"]).fetch_history()
    asked = [each for each in history.events if b"automation_pauses" in each.SerializeToString()]
    assert asked == []


async def test_help_lists_every_look_up(env: Environment) -> None:
    """It has every look-up of the policy, in fewer than fifty blocks."""
    clark = await env.person("U0CLARK")
    await clark.command("/koban")
    found = await answer(clark, "How to use Koban")
    assert "/koban auction ID" in visible_text(found)
    assert len(found["blocks"]) <= 50
    assert [each.kind for each in controls(found)] == []
