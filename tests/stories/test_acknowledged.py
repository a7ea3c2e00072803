"""Acknowledgement: one press from the menu of a card, visible to everybody."""

from tests.environment import Environment
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_working_a_case import entry


async def test_an_acknowledged_case_says_by_whom(env: Environment) -> None:
    """The card names the person; the case stays without an owner."""
    sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
    await env.happens(lure())
    card, case = await case_of(sato)
    named = entry(card, "acknowledge")
    assert named is not None
    await sato.choose_overflow(card, named)
    await env.wait_kind(case, "case_acknowledged")
    await clark.wait_text(card, "が見ました")
    assert "case_claimed" not in await env.kinds(case)
