"""Work on a case before its decision: reassign, hold, ask, merge, reopen."""

from datetime import UTC, datetime, timedelta

from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import controls, visible_text
from tests.environment import Environment
from tests.stories.test_a_shift import case_of, lure


def entry(card: dict, name: str) -> str | None:
    """The menu entry for `case.{name}`, if the card has one."""
    for control in controls(card):
        for option in control.element.get("options", []):
            if option["value"].startswith(f"{name}:"):
                return str(option["value"])
    return None


async def choose(person: Person, card: dict, name: str) -> None:
    """Chooses an entry of the card's menu, or of the modal behind it."""
    card = await person.latest(card)
    value, everything = entry(card, name), entry(card, "all")
    if value is not None:
        await person.choose_overflow(card, value)
        return
    assert everything is not None, f"the menu has no {name}: {visible_text(card)}"
    await person.choose_overflow(card, everything)
    await person.press(await showing(person, "all"), f"case.{name}")
    await person.until(lambda: gone(person, "all"), what="the next modal")


async def showing(person: Person, callback: str) -> dict:
    """Waits until this modal is on top."""

    async def look() -> dict | None:
        views = await person.views()
        return views[-1] if views and views[-1]["callback_id"] == callback else None

    return await person.until(look, what=f"the modal {callback}")


async def gone(person: Person, callback: str) -> bool:
    """True if another modal has replaced it."""
    return (await person.views())[-1]["callback_id"] != callback


async def wait_in_thread(person: Person, card: dict, text: str) -> None:
    """Waits until the card's thread contains this text."""

    async def says() -> bool:
        return any(text in visible_text(each) for each in await person.thread(card))

    await person.until(says, what=f"{text!r} in the thread")


async def test_a_case_is_handed_over_with_a_note(env: Environment) -> None:
    """The colleague gets the case with its notes; the first person can't decide any more."""
    sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "担当する")
    card = await sato.wait_text(card, "佐藤")
    await choose(sato, card, "handover")
    note = "配信者が同じ人物かまだ確認できていません"
    assert await sato.fill_and_submit({"person": "U0CLARK", "note": note}) == {"ok": True}
    card = await clark.wait_text(card, "Emma")
    await wait_in_thread(clark, card, note)
    await sato.press(card, "case.clear")
    answers = await sato.until(lambda: sato.ephemerals("ts-live"), what="the refusal")
    assert "Emma" in answers[-1]["text"]
    await clark.press(card, "case.clear")
    await clark.wait_text(card, "完了")
    assert await env.kinds(case) == [
        "case_opened",
        "case_claimed",
        "case_handed_over",
        "decided",
        "case_closed",
    ]


async def test_an_auditor_gets_no_case(env: Environment) -> None:
    """Cases can be assigned to people with a working role only."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "担当する")
    card = await sato.wait_text(card, "佐藤")
    await choose(sato, card, "handover")
    await sato.fill_and_submit({"person": "U0SUZUKI", "note": "お願いします"})
    await sato.until(lambda: sato.ephemerals("ts-live"), what="the refusal")
    assert await env.kinds(case) == ["case_opened", "case_claimed"]


async def test_waiting_pauses_the_deadline_and_resuming_continues_it(env: Environment) -> None:
    """The card has the reason; the deadline moves by the waiting time."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "担当する")
    card = await sato.wait_text(card, "佐藤")
    await choose(sato, card, "wait")
    await sato.fill_and_submit({"note": "購入者からの返信待ち"})
    card = await sato.wait_text(card, "保留")
    assert "購入者からの返信待ち" in visible_text(card)
    row = await env.queries.case(case)
    assert row is not None
    assert row["decide_due"] is None
    await sato.press(card, "case.resume")
    await env.wait_kind(case, "case_resumed")
    row = await env.queries.case(case)
    assert row is not None
    assert row["decide_due"] > row["opened_at"] + timedelta(minutes=10)


async def test_a_snooze_past_the_deadline_needs_a_lead(env: Environment) -> None:
    """A specialist is refused; a lead's hold pauses the deadline."""
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    await env.happens(lure())
    card, case = await case_of(sato)
    tomorrow = int((datetime.now(UTC) + timedelta(hours=20)).timestamp())
    await choose(sato, card, "snooze")
    await sato.fill_and_submit({"until": tomorrow})
    await sato.until(lambda: sato.ephemerals("ts-live"), what="the refusal")
    assert await env.kinds(case) == ["case_opened"]
    await choose(tanaka, card, "snooze")
    await tanaka.fill_and_submit({"until": tomorrow})
    await tanaka.wait_text(card, "保留")
    assert await env.kinds(case) == ["case_opened", "case_claimed", "case_snoozed"]


async def test_two_cases_on_one_person_become_one(env: Environment) -> None:
    """The second case is merged into the first; both cards show it."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    one, first = await case_of(sato)
    other = lure(2)
    other.alerts[0]["kind"] = "harassment"
    await env.happens(other)
    two = await sato.wait_card("ts-live", "誹謗中傷")
    second = two["metadata"]["event_payload"]["case"]
    assert first in visible_text(two)
    await choose(sato, two, "merge")
    assert await sato.fill_and_submit({"into": first}) == {"ok": True}
    await sato.wait_text(one, second)
    await sato.wait_text(two, "統合済み")
    assert (await env.kinds(second))[-1] == "case_merged"
    await env.wait_kind(first, "case_absorbed")
    row = await env.queries.case(first)
    assert row is not None
    assert row["alerts"] == 2


async def test_a_closed_case_is_reopened_and_decided_again(env: Environment) -> None:
    """The reopening has a reason."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "case.clear")
    card = await sato.wait_text(card, "完了")
    await env.wait_kind(case, "case_closed")
    await sato.press(card, "case.reopen")
    await sato.fill_and_submit({"reason": "購入者から新しい証拠が届いたため"})
    card = await sato.wait_text(card, "対応中")
    await sato.press(card, "case.preset.mute")
    await sato.wait_text(card, "完了")
    assert await env.changes() == [("POST", "users/u_123/mutes")]
    assert (await env.kinds(case)).count("decided") == 2


async def test_the_next_card_knows_the_subject(env: Environment) -> None:
    """A new case's card has prior sanctions and open cases."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    card, case = await case_of(sato)
    await sato.press(card, "case.preset.mute")
    await sato.wait_text(card, "完了")
    await env.wait_kind(case, "case_closed")
    await env.happens(lure(2))

    async def fresh() -> dict | None:
        cards = await sato.cards("ts-live")
        return next((c for c in cards if c["ts"] != card["ts"]), None)

    second = await sato.until(fresh, what="a second card")
    assert "コメント制限" in visible_text(second)
    assert "過去の措置" in visible_text(second)
