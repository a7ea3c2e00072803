"""Command request: its person, their roles and language, and the record of a look-up."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from activities.slack.directory import Directory
from activities.slack.i18n.catalog import Catalog
from bot.services.cases import LookedUp
from bot.services.slack import Services
from bot.slack.commands.pages import sentence
from bot.slack.commands.parser import Verb
from bot.slack.context import Listener
from bot.slack.interactions import Source
from bot.slack.permissions import holder_words
from bot.slack.replies import Said
from workflows.domain.people import Actor, Role
from workflows.domain.values import Value


@dataclass(frozen=True)
class Request:
    """The person of a command, with the texts of their language."""

    source: Source
    roles: frozenset[Role]
    texts: Catalog
    now: datetime

    @property
    def actor(self) -> Actor:
        """The person with their roles."""
        return Actor(id=self.source.person, roles=self.roles)


class Answer(Listener, ABC):
    """The answer to one or several commands.

    verbs: the commands with their parsers. lines: the values that these parsers return.
    """

    verbs: ClassVar[tuple[Verb, ...]] = ()
    lines: ClassVar[tuple[type[Value], ...]] = ()

    @abstractmethod
    async def answer(self, line: Any, request: Request) -> Said:
        """The answer to a line. Raises `Unavailable`."""


async def record_look_up(
    services: Services, request: Request, kind: str, id_: str, what: str = ""
) -> None:
    """Records a look-up before anything is shown. Raises `Unavailable`."""
    channel = request.source.place.channel if request.source.place else "?"
    note = LookedUp(
        by=request.source.person,
        kind=kind,
        id=id_,
        why=f"/koban {what or kind} in {channel}",
        at=request.now,
    )
    await services.ledger.looked_up(note)


async def no_role(people: Directory, texts: Catalog) -> Said:
    """The answer to somebody without a role, with the leads by name."""
    return await leads_said(people, "bot.slash.no_role", texts)


async def leads_said(people: Directory, key: str, texts: Catalog) -> Said:
    """A sentence with the leads by name."""
    leads = await holder_words(people, (Role.LEAD,), texts)
    return sentence(texts.say(key, holders=leads))
