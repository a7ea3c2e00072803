"""Command base: a request with its person, roles and language, and the record of a look-up."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

import structlog

from activities.errors import Unavailable
from activities.slack.directory import Directory
from activities.slack.i18n.catalog import Catalog
from bot.slack.commands.pages import sentence
from bot.slack.commands.parser import Verb
from bot.slack.interactions import Source
from bot.slack.listener import Listener
from bot.slack.permissions import holder_words
from bot.slack.replies import Said
from workflows.domain.people import Actor, Role
from workflows.domain.values import Value

_log = structlog.get_logger(__name__)


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
    """The answer to commands: `verbs` have their parsers, which return one of `lines`."""

    verbs: ClassVar[tuple[Verb, ...]] = ()
    lines: ClassVar[tuple[type[Value], ...]] = ()

    @abstractmethod
    async def answer(self, line: Any, request: Request) -> Said:
        """The answer to a line. Raises `Unavailable`."""

    async def _looked_up(self, request: Request, kind: str, id_: str, verb: str = "") -> None:
        """Records a look-up before anything is shown. Raises `Unavailable`."""
        source = request.source
        channel = source.place.channel if source.place else "?"
        await self._record(source.person, kind, id_, f"/koban {verb or kind} in {channel}")


async def said_or_failed(
    asking: Awaitable[Said], texts: Catalog, what: str, **about: str
) -> tuple[Said, bool]:
    """An answer; a sentence and False if something is out of reach or fails, which is logged."""
    try:
        return await asking, True
    except Unavailable as error:
        _log.warning(f"{what}_unavailable", error=str(error), **about)
        return sentence(texts.say("bot.slash.unavailable")), False
    except Exception:  # noqa: BLE001 -- the person needs an answer; the log has the trace
        _log.exception(f"{what}_failed", **about)
        return sentence(texts.say("bot.slash.failed")), False


async def no_role(people: Directory, texts: Catalog) -> Said:
    """The answer to somebody without a role, with the leads by name."""
    return await leads_said(people, "bot.slash.no_role", texts)


async def leads_said(people: Directory, key: str, texts: Catalog) -> Said:
    """A sentence with the leads by name."""
    leads = await holder_words(people, (Role.LEAD,), texts)
    return sentence(texts.say(key, holders=leads))
