"""Holds, notes and covers."""

from datetime import UTC, datetime, timedelta

from deploy.sandbox.slack.person import Person
from tests.environment import Environment
from tests.stories.test_a_shift import case_of, lure


async def answered(person: Person, beginning: str) -> str:
    """The newest ephemeral message."""

    async def look() -> str:
        found = [each["text"] for each in await person.ephemerals("ts-live")]
        return next((text for text in found if text.startswith(beginning)), "")

    return await person.until(look, what=f"an answer that begins with {beginning}")


async def test_a_case_waits_and_keeps_a_note(env: Environment) -> None:
    """Both modals open from the answer to a look-up and change the real case."""
    sato = await env.person("U0SATO")
    await env.happens(lure())
    _, case = await case_of(sato)
    await sato.command(f"/koban case {case}")
    await answered(sato, case)
    [message] = await sato.ephemerals("ts-live")
    await sato.press(message, "case.wait")
    assert (await sato.fill_and_submit({"note": "本人の返事"}))["ok"] is True
    await sato.press(message, "case.note")
    assert (await sato.fill_and_submit({"note": "過去にも同じ ID"}))["ok"] is True

    async def kinds() -> list[str]:
        found = await env.kinds(case)
        return found if found[-1] == "note_added" else []

    assert (await sato.until(kinds, what="the note in the ledger"))[-3:] == [
        "case_claimed",
        "case_waiting",
        "note_added",
    ]
    row = await env.queries.case(case)
    assert row is not None
    assert (row["hold"], row["decide_due"]) == ("waiting", None)


async def test_a_lead_starts_and_ends_a_cover(env: Environment) -> None:
    """The ledger has its start and its end."""
    tanaka, sato = await env.person("U0TANAKA"), await env.person("U0SATO")
    until = datetime.now(UTC).astimezone(env.settings.zone) + timedelta(hours=2)
    await tanaka.command(f"/koban cover @sato until {until:%H:%M}")
    await answered(tanaka, "<@U0SATO>さんが")
    await sato.command("/koban cover")
    await answered(sato, "現在の代理")
    await tanaka.command("/koban cover end")
    assert await answered(tanaka, "代理を終了しました") == "代理を終了しました（1件）。"
