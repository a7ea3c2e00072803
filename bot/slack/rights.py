"""Who may do what is not decided by a case, and who could do it instead."""

import asyncio
from collections.abc import Iterable

from activities.slack.holders import MOST_NAMES
from activities.slack.text.texts import Catalog
from bot.slack.doors import PeopleDoor, Unavailable
from bot.slack.drawing import person
from workflows.domain.people import Role

SECONDS = 1.0
"""That Slack is given; an answer without names is better than none."""


async def holder_words(people: PeopleDoor, roles: Iterable[Role], texts: Catalog) -> str:
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
