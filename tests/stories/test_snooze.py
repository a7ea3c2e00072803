"""Snoozed detectors: what is known to be wrong about somebody is counted, and asks nobody."""

from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.screen import visible_text
from tests.environment import Environment
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_bands import records, stored
from tests.stories.test_commands import answer
from tests.stories.test_working_a_case import wait_in_thread

REASON = "店の定型文 <!channel> を誤検知"


async def recorded(env: Environment) -> list[tuple[str, str, str | None]]:
    """Alert, kind and case of the records."""
    return [(each["alert_id"], each["kind"], each["case_id"]) for each in await records(env)]


async def cards(person: Person, count: int) -> list[dict]:
    """The cards, once there are as many."""

    async def look() -> list[dict] | None:
        found = await person.cards("ts-live")
        return found if len(found) == count else None

    return await person.until(look, what=f"{count} cards")


async def records_of(person: Person, env: Environment, *numbers: int, case: str) -> None:
    """Waits until exactly these alerts are recorded, with the case in which people snoozed."""
    expected = [(f"chat-{number:06}", "alert_snoozed", case) for number in numbers]

    async def look() -> bool:
        return len(await recorded(env)) == len(expected)

    await person.until(look, what=f"{len(expected)} records")
    assert await recorded(env) == expected


async def test_a_detector_that_is_wrong_about_somebody(env: Environment) -> None:
    """Sato snoozes it from the card; a worse alert is heard; Emma ends it from the list."""
    sato, emma = await env.person("U0SATO"), await env.person("U0CLARK")
    await env.happens(lure(1))
    card, case = await case_of(sato)
    await sato.press(card, "case.clear")
    card = await sato.wait_text(card, "検知を抑止…")
    await sato.press(card, "case.snooze_detector")
    assert await sato.fill_and_submit({"lasts": "8h", "reason": REASON}) == {"ok": True}
    await env.wait_kind(case, "detector_snoozed")
    card = await sato.wait_text(card, "🔕 検知器 default の検知を")
    await wait_in_thread(sato, card, "佐藤さんが検知器 default の検知を")
    assert "<!channel>" not in str(await sato.thread(card))

    [sent] = await env.happens(lure(2))
    assert sent["result"] == "accepted"
    await records_of(sato, env, 2, case=case)
    [again] = await env.happens(lure(2))
    assert again["result"] == "duplicate"
    assert len(await sato.cards("ts-live")) == 1
    await emma.command("/koban stats")
    await answer(emma, "1 suppressed")

    await env.happens(lure(3, viewers=5000))
    worse = next(each for each in await cards(sato, 2) if each["ts"] != card["ts"])
    await env.happens(lure(4))
    await records_of(sato, env, 2, 4, case=case)
    assert await stored(env) == ["chat-000001", "chat-000003"]
    await sato.press(worse, "case.clear")
    await sato.wait_text(worse, "完了")

    await emma.command("/koban snoozes")
    listed = await answer(emma, "1 suppressed detector")
    assert "店の定型文" in visible_text(listed)
    await emma.press(listed, "End suppression")
    await answer(emma, "Got it. See `/koban snoozes` or the card for the result.")
    await env.wait_kind(case, "snooze_ended")
    await wait_in_thread(sato, card, "抑止を解除しました")
    assert "🔕" not in visible_text(await sato.latest(card))
    await emma.command("/koban snoozes")
    await answer(emma, "No detector is suppressed.")

    await env.happens(lure(5))
    await cards(sato, 3)
    assert await stored(env) == ["chat-000001", "chat-000003", "chat-000005"]
    assert len(await recorded(env)) == 2
    assert await env.findings() == ()
