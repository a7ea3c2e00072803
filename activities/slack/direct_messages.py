"""Tells people of an event, each in a message of their own, and nobody twice."""

from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from activities.slack.blocks import Message, metadata, section
from activities.slack.cards.case_facts import case_line
from activities.slack.client import Sender, SlackTrouble
from activities.slack.directory import Directory, RolesUnknown
from activities.slack.escape import mrkdwn
from activities.slack.post_once import PostOnce
from activities.slack.reader import Reader
from activities.slack.thread import line
from workflows.domain.case.events import CaseEscalated
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Notify
from workflows.ports.cases import Tell

EVENT_TYPE = "koban_told"
MOST = 20
"""People of a role who are told one by one; a larger one is called as a group, in the thread."""

ReaderOf = Callable[[str], Awaitable[Reader]]
"""For whom a person's message is drawn: in their language."""

_log = structlog.get_logger(__name__)


def told_message(wanted: Tell, reader: Reader, link: str | None) -> Message:
    """The event as a line, with which case it is about and the way there."""
    opening = [f"<{link}|{reader.say('approval.open')}>"] if link else []
    lines = [
        f"*{case_line(wanted.view, reader, mrkdwn)}*",
        line(wanted.line, wanted.view, reader),
        *opening,
    ]
    return Message("\n".join(lines), [section(lines)], metadata(EVENT_TYPE, key=wanted.key))


class DirectMessages:
    """One `tell`. Made within the activity."""

    def __init__(
        self, wanted: Tell, sender: Sender, people: Directory, reader_of: ReaderOf
    ) -> None:
        """`reader_of` says for whom a person's message is drawn."""
        self._wanted = wanted
        self._sender = sender
        self._people = people
        self._reader_of = reader_of
        self._progress = PostOnce()

    async def run(self) -> None:
        """Tells everybody; raises `SlackTrouble` where somebody has to be told later.

        Raises:
            RolesUnknown: where nobody can say who holds the role; the people named are told then.
        """
        try:
            async for person in self._everybody():
                if person not in self._progress.posted.told:
                    await self._tell(person)
        except (SlackTrouble, RolesUnknown):
            self._progress.hand_on()
            raise

    async def _everybody(self) -> AsyncIterator[str]:
        named = dict.fromkeys(self._wanted.people)
        for person in named:
            yield person
        if self._wanted.role is None:
            return
        members = await self._members(self._wanted.role)
        if len(members) > MOST:
            _log.warning("role_too_large", role=self._wanted.role.value, members=len(members))
        for person in members[:MOST]:
            if person not in named:
                yield person

    async def _members(self, role: Role) -> tuple[str, ...]:
        event = self._wanted.line.event
        called = isinstance(event, CaseEscalated) and event.notify is Notify.SHIFT
        if called and role is Role.SPECIALIST:
            return await self._people.shift()
        return await self._people.members(role)

    async def _tell(self, person: str) -> None:
        card = self._wanted.card
        link = await self._sender.link(card) if card is not None else None
        message = told_message(self._wanted, await self._reader_of(person), link)
        await self._progress.once(
            lambda: self._find(person), lambda: self._sender.direct(person, message)
        )
        self._progress.done(told=(*self._progress.posted.told, person))

    async def _find(self, person: str) -> bool | None:
        """Whether a try before has told this person; None where it has not."""
        since = self._progress.since
        async for found in self._sender.directed(person, EVENT_TYPE, since):
            if found["payload"] == {"key": self._wanted.key}:
                return True
        return None
