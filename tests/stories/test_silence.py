"""Silence: content that people cleared has no new card until it changes."""

from tests.environment import Environment
from tests.stories.test_a_shift import case_of
from tests.stories.test_bands import Banded, banded, records, scored, stored

__all__ = ["banded"]

SILENT = "silence: {after: no_violation, until: changed, at_most: 7d}\n"


async def recorded(env: Environment) -> list[tuple[str, str, str | None]]:
    """Alert, kind and case of the records."""
    return [(each["alert_id"], each["kind"], each["case_id"]) for each in await records(env)]


async def test_the_same_content_is_not_asked_twice(banded: Banded) -> None:
    """Sato clears it; the next alert is only recorded, and one about other content has a card."""
    async with banded(SILENT) as env:
        sato = await env.person("U0SATO")
        await env.happens(scored(1, "u_123", 0.92))
        card, case = await case_of(sato)
        await sato.press(card, "case.clear")
        await sato.wait_text(card, "完了")
        await env.wait_kind(case, "case_closed")
        await env.happens(scored(2, "u_123", 0.91, viewers=300))

        async def is_recorded() -> bool:
            return len(await recorded(env)) == 1

        await sato.until(is_recorded, what="the record")
        assert await recorded(env) == [("chat-000002", "alert_silenced", case)]
        [again] = await env.happens(scored(2, "u_123", 0.91, viewers=300))
        assert again["result"] == "duplicate"
        changed = scored(3, "u_123", 0.92)
        for each in changed.alerts:
            each["evidence"] = [{"kind": "text", "text": "振込先はこちらです"}]
        await env.happens(changed)

        async def two_cards() -> bool:
            return len(await sato.cards("ts-live")) == 2

        await sato.until(two_cards, what="a card about the changed content")
        assert await stored(env) == ["chat-000001", "chat-000003"]
        assert len(await recorded(env)) == 1
        assert await env.findings() == ()
