"""Permissions that the bot checks itself: the workspace of a payload, and roles of a person."""

import asyncio
from collections.abc import Iterable

import structlog

from activities.errors import Unavailable
from activities.slack.directory import Directory
from activities.slack.i18n.catalog import Catalog
from activities.slack.refusals import MOST_NAMES
from bot.errors import FORGERIES, Forgery
from bot.slack.interactions import Origin
from bot.slack.rendering import person
from workflows.domain.people import Role

# A case checks every command itself (`workflows/domain/case/rules`). Here people are spared modals
# that would be refused, and data that is shown before any case decides.

SECONDS = 1.0
"""Seconds that Slack is given for names; an answer without names is better than none."""


_log = structlog.get_logger(__name__)


async def is_own(people: Directory, origin: Origin, within: float) -> bool | None:
    """Whether a payload came through the workspace of the bot token, or its organization.

    None without an answer of Slack in time. A message of this bot is ours, also where somebody of
    another workspace pressed it in a shared channel: that person holds no role by a group. Slack
    sends no payload for a listener without an id of a workspace or an organization.
    """
    if not (origin.team or origin.enterprise):
        return _refused(origin)
    try:
        async with asyncio.timeout(within):
            home = await people.home()
    except (Unavailable, TimeoutError):
        _log.warning("workspace_unknown")
        return None
    ours = origin.bot is not None and origin.bot == home.bot
    return ours or home.has(origin.team, origin.enterprise) or _refused(origin)


def _refused(origin: Origin) -> bool:
    FORGERIES[Forgery.SLACK_WORKSPACE] += 1
    _log.warning("slack_payload_of_other_workspace", team=origin.team, enterprise=origin.enterprise)
    return False


async def holds(
    people: Directory, who: str, allowed: frozenset[Role], within: float
) -> bool | None:
    """Whether a person holds one of the roles; None without an answer in time."""
    try:
        async with asyncio.timeout(within):
            return bool(await people.roles(who) & allowed)
    except (Unavailable, TimeoutError):
        return None


async def role_needed(people: Directory, allowed: Iterable[Role], texts: Catalog) -> str:
    """The sentence that names the required roles and their holders."""
    roles = sorted(allowed)
    words = texts.say("words.or").join(texts.say(f"role.{role.value}") for role in roles)
    holders = await holder_words(people, roles, texts)
    return texts.say("refusal.role_needed", roles=words, holders=holders)


async def refusal(
    people: Directory, who: str, allowed: Iterable[Role], texts: Catalog, within: float
) -> str | None:
    """The sentence for somebody without these roles or with unknown ones; None for the others."""
    may = await holds(people, who, frozenset(allowed), within)
    if may is None:
        return texts.say("refusal.roles_unknown")
    return None if may else await role_needed(people, allowed, texts)


async def holder_words(people: Directory, roles: Iterable[Role], texts: Catalog) -> str:
    """`(<@U0TANAKA>、<@U0REED> ほか2人)`; empty without an answer in time.

    For ephemeral answers only, where a mention notifies nobody.
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
