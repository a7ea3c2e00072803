"""One line of a person who may ask it, and the record of what they look at."""

from dataclasses import dataclass
from datetime import datetime

from activities.slack.people import People
from activities.slack.text.texts import Catalog
from bot.services.cases import LookedUp
from bot.services.slack import Services
from bot.slack.press import Source
from bot.slack.replies import Said
from bot.slack.rights import holder_words
from bot.slack.slash.pages import sentence
from workflows.domain.people import Actor, Role


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


async def no_role(people: People, texts: Catalog) -> Said:
    """What somebody without a role is told: whom to ask."""
    return await leads_said(people, "bot.slash.no_role", texts)


async def leads_said(people: People, key: str, texts: Catalog) -> Said:
    """A sentence about who may, with the leads by name."""
    leads = await holder_words(people, (Role.LEAD,), texts)
    return sentence(texts.say(key, holders=leads))
