"""Watchers of a case: its decision in a direct message, as long as they watch."""

from deploy.sandbox.slack.person import NotThere, Person
from tests.environment import Environment
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_commands import direct
from tests.stories.test_working_a_case import choose


async def messages_to(person: Person) -> list[dict]:
    """The direct messages of a person."""
    try:
        return await person.messages("dm")
    except NotThere:  # no message yet
        return []


async def test_a_person_who_stopped_watching_gets_no_message(env: Environment) -> None:
    """The decision goes to the colleague who still watches, and not to the other one."""
    sato, clark, tanaka = [await env.person(f"U0{who}") for who in ("SATO", "CLARK", "TANAKA")]
    await env.happens(lure())
    card, case = await case_of(sato)
    await choose(tanaka, card, "watch")
    await sato.wait_text(card, "フォロー中 1人")
    await choose(clark, card, "watch")
    await sato.wait_text(card, "フォロー中 2人")
    await choose(tanaka, card, "unwatch")
    await sato.wait_text(card, "フォロー中 1人")
    await sato.press(card, "case.clear")
    await env.wait_kind(case, "case_closed")
    await direct(clark, case)
    assert await messages_to(tanaka) == []
