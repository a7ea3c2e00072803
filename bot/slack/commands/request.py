"""Request of a command: who asks what, and the page that they turned to."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from activities.slack.blocks import actions, button
from activities.slack.directory import Directory
from activities.slack.i18n.catalog import Catalog
from bot.services.cases import LookedUp
from bot.services.slack import Services
from bot.slack.commands.pages import sentence
from bot.slack.interactions import Source
from bot.slack.permissions import holder_words
from bot.slack.rendering import Block
from bot.slack.replies import Said
from workflows.domain.people import Actor, Role
from workflows.domain.values import Value


@dataclass(frozen=True)
class Asked:
    """Who asks, from where, and how they are answered."""

    source: Source
    roles: frozenset[Role]
    texts: Catalog
    now: datetime

    @property
    def actor(self) -> Actor:
        """The person with their roles."""
        return Actor(id=self.source.person, roles=self.roles)


async def write_down(services: Services, asked: Asked, kind: str, id_: str, what: str = "") -> None:
    """Writes down who looks at whom, before anything is shown. Raises `Unavailable`."""
    channel = asked.source.place.channel if asked.source.place else "?"
    note = LookedUp(
        by=asked.source.person,
        kind=kind,
        id=id_,
        why=f"/koban {what or kind} in {channel}",
        at=asked.now,
    )
    await services.ledger.looked_up(note)


async def no_role(people: Directory, texts: Catalog) -> Said:
    """What somebody without a role is told: whom to ask."""
    return await leads_said(people, "bot.slash.no_role", texts)


async def leads_said(people: Directory, key: str, texts: Catalog) -> Said:
    """A sentence about who may, with the leads by name."""
    leads = await holder_words(people, (Role.LEAD,), texts)
    return sentence(texts.say(key, holders=leads))


PAGE = 10
_VALUE = re.compile(r"([0-9]{1,6}):(.+)", re.DOTALL)


class Turned(Value):
    """A page that was asked for by a button: `what` from the `first` (0) on."""

    first: int
    what: str


def read_turn(value: str) -> Turned | None:
    """What a button asks for; None where it is none of ours."""
    found = _VALUE.fullmatch(value)
    return None if found is None else Turned(first=int(found[1]), what=found[2])


def turning(name: str, what: str, first: int, more: bool, texts: Catalog) -> list[Block]:
    """The row below a page: `name.before` and `name.next`, where there is something."""
    shown: list[dict[str, Any]] = []
    if first > 0:
        before = texts.say("bot.page.before")
        shown.append(button(f"{name}.before", before, f"{max(first - PAGE, 0)}:{what}"))
    if more:
        shown.append(button(f"{name}.next", texts.say("bot.page.next"), f"{first + PAGE}:{what}"))
    return actions(name, shown)
