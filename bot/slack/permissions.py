"""Permissions that no case decides: who may, and who could do it instead."""

import asyncio
from collections.abc import Iterable

from activities.errors import Unavailable
from activities.slack.directory import Directory
from activities.slack.i18n.catalog import Catalog
from activities.slack.role_holders import MOST_NAMES
from bot.slack.rendering import person
from workflows.domain.people import Role

# Whatever a case decides it checks itself (`workflows/domain/rules`): here somebody is only
# spared a modal that would be refused, or kept from what is shown before a case hears of
# anything.

UNKNOWN = "refusal.roles_unknown"
EVERYBODY = frozenset(Role)
READS_ONLY = frozenset({Role.AUDITOR})


async def holds(people: Directory, who: str, allowed: frozenset[Role]) -> bool | None:
    """Whether a person holds one of the roles; None where that can't be told in time."""
    try:
        async with asyncio.timeout(PATIENCE):
            return bool(await people.roles(who) & allowed)
    except (Unavailable, TimeoutError):
        return None


async def role_needed(people: Directory, allowed: Iterable[Role], texts: Catalog) -> str:
    """The sentence for somebody who may not: which role it takes, and who holds it."""
    roles = sorted(allowed)
    words = texts.say("words.or").join(texts.say(f"role.{role.value}") for role in roles)
    holders = await holder_words(people, roles, texts)
    return texts.say("refusal.role_needed", roles=words, holders=holders)


PATIENCE = 0.4
"""Seconds; a modal has to be open 3 s after its button was pressed."""
SECONDS = 1.0
"""That Slack is given; an answer without names is better than none."""


async def holder_words(people: Directory, roles: Iterable[Role], texts: Catalog) -> str:
    """`(<@U0TANAKA>、<@U0REED> ほか2人)`; nothing where it can't be told.

    For answers that only one person sees, where a mention is a name and calls nobody.
    """
    try:
        async with asyncio.timeout(SECONDS):
            lists = await asyncio.gather(*(people.members(role) for role in roles))
    except (Unavailable, TimeoutError):
        return ""
    held = tuple(dict.fromkeys(who for several in lists for who in several))
    words = [person(who, texts) for who in held[:MOST_NAMES]]
    if len(held) > len(words):
        words[-1] = texts.say("rights.more", person=words[-1], count=len(held) - len(words))
    if not words:
        return ""
    return texts.say("rights.holders", names=texts.say("words.comma").join(words))
