"""Breaker: a broken threshold is stopped before it harms many, and two people arm it again."""

from functools import partial

import pytest
import sqlalchemy as sa

from activities.ledger.database import Database
from activities.ledger.schema import automation
from deploy.sandbox.slack.person import Person, wait_until
from deploy.sandbox.slack.screen import visible_text
from tests.environment import Environment
from tests.stories.test_a_shift import case_of
from tests.stories.test_bands import BANDED, Banded, banded, scored
from tests.stories.test_commands import answer

__all__ = ["banded"]

CAREFUL = BANDED + "breaker: {window: 1h, floor: 5}\n"


async def changes_of(env: Environment) -> list[tuple[str, str]]:
    """Kind and actor of the changes of the automation."""
    database = Database(env.settings.ledger.url.get_secret_value())
    query = sa.select(automation.c.kind, automation.c.actor).order_by(automation.c.id)
    rows = await database.rows(query)
    await database.aclose()
    return [(row["kind"], row["actor"]) for row in rows]


async def muted(env: Environment) -> set[str]:
    """The users that were muted."""
    return {path.split("/")[1] for _, path in await env.changes() if path.endswith("/mutes")}


async def flooded(env: Environment, first: int, many: int) -> None:
    """Everything scores 0.99: alerts about this many people of their own."""
    for number in range(first, first + many):
        await env.happens(scored(number, f"u_{number}", 0.99))


async def announced(person: Person, channel: str) -> list[str]:
    """The announcements of breakers in a channel, once there is one."""

    async def look() -> list[str]:
        found = [visible_text(each) for each in await person.messages(channel)]
        return [text for text in found if "自動停止しました" in text]

    return await person.until(look, what=f"an announcement in {channel}")


def trips_said(env: Environment, channel: str) -> int:
    """The number of announcements in a channel; people see the newest 200 messages only."""
    return sum(
        "自動停止しました" in each.text for each in env.sandbox.workspace.messages.all(channel)
    )


async def opened(env: Environment, many: int) -> None:
    """Waits until there are so many cases."""

    async def all_there() -> bool:
        database = Database(env.settings.ledger.url.get_secret_value())
        found = await database.scalar(sa.text("SELECT count(*) FROM cases"))
        await database.aclose()
        return int(found) >= many

    await wait_until(all_there, what=f"{many} cases")


async def test_a_broken_threshold_is_stopped(banded: Banded) -> None:
    """Four of thirty subjects are muted; the others have a card with the reason."""
    async with banded(CAREFUL) as env:
        sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
        await flooded(env, 1, 4)
        await wait_until(lambda: _many(env, 4), what="the actions before the trip")
        await flooded(env, 5, 26)
        await opened(env, 30)
        (said,) = await announced(sato, "ts-live")
        (for_leads,) = await announced(tanaka, "ts-leads")
        assert "比べられる実績なし" in said
        assert "/koban resume detector" in for_leads
        assert await changes_of(env) == [("breaker_tripped", "koban")]
        assert await muted(env) == {"u_1", "u_2", "u_3", "u_4"}
        card, case = await case_of(sato, "u_30")
        card = await sato.wait_text(card, "自動停止中")
        assert "protection_withheld" in await env.kinds(case)
        await sato.press(card, "case.preset.mute")
        await sato.wait_text(card, "完了")
        assert "u_30" in await muted(env)
        assert await env.findings() == ()


async def _many(env: Environment, count: int) -> bool:
    return len(await muted(env)) >= count


async def _stopped(env: Environment, case: str) -> bool:
    return bool({"protection_withheld", "actions_given_up"} & set(await env.kinds(case)))


async def test_queued_actions_stop_too(banded: Banded) -> None:
    """The platform is down while the breaker trips: when it is back, nothing happens by itself."""
    async with banded(CAREFUL) as env:
        sato = await env.person("U0SATO")
        env.sandbox.faults.set("platform_500", True)
        await flooded(env, 1, 12)
        await opened(env, 12)
        await announced(sato, "ts-live")
        env.sandbox.faults.set("platform_500", False)
        for number in range(1, 13):
            card, case = await case_of(sato, f"u_{number}")
            await sato.wait_text(card, "担当する")
            # The card can come before what happens by itself.
            stopped = partial(_stopped, env, case)
            await wait_until(stopped, what=f"the end of the automation of {case}")
        assert await env.changes() == []
        card, _ = await case_of(sato, "u_1")
        await sato.press(card, "case.preset.mute")
        await sato.wait_text(card, "完了")
        assert await muted(env) == {"u_1"}
        assert await env.findings() == ()


async def test_two_people_arm_it_again(banded: Banded) -> None:
    """Sato asks, Tanaka agrees; Koban decides the next alert by itself."""
    async with banded(CAREFUL) as env:
        sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
        await flooded(env, 1, 5)
        await announced(sato, "ts-live")
        await sato.command("/koban queue")
        await answer(sato, "自動停止中")
        await sato.command("/koban resume detector default action mute_user")
        await answer(sato, "再開を依頼しました")
        await tanaka.command("/koban resume detector default action mute_user")
        await answer(tanaka, "自動停止を解除しました")
        await env.happens(scored(6, "u_6", 0.995))
        card, case = await case_of(sato, "u_6")
        await sato.wait_text(card, "完了")
        assert "auto_decided" in await env.kinds(case)
        assert await changes_of(env) == [
            ("breaker_tripped", "koban"),
            ("resume_asked", "U0SATO"),
            ("breaker_armed", "U0TANAKA"),
        ]
        assert await env.findings() == ()


@pytest.mark.long
async def test_a_few_hundred_subjects(banded: Banded) -> None:
    """With the usual limits 19 of 300 subjects are touched: less than 1 % of 10,000."""
    async with banded(BANDED + "breaker: {window: 1h}\n") as env:
        await flooded(env, 1, 300)
        await opened(env, 300)
        await wait_until(lambda: trips_said(env, "C0LIVE") == 1, what="the announcement")
        assert len(await muted(env)) < 20
        assert await changes_of(env) == [("breaker_tripped", "koban")]
