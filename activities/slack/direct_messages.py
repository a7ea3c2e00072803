"""Direct messages about a case's event, one per person."""

from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from activities.slack.blocks import Message, metadata, section
from activities.slack.cards.case_facts import case_line
from activities.slack.client import Sender
from activities.slack.directory import Directory
from activities.slack.escape import mrkdwn
from activities.slack.post_once import PostOnce
from activities.slack.reader import Reader
from activities.slack.thread import line
from workflows.domain.case.events import CaseEscalated
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Notify
from workflows.ports.cases import Tell

EVENT_TYPE = "koban_notice"
MAX_MEMBERS = 20
"""Most members of a role that get a message each; the thread calls a larger one as a group."""

ReaderOf = Callable[[str], Awaitable[Reader]]
"""The reader of a person's message, in their language."""

_log = structlog.get_logger(__name__)


def direct_message(wanted: Tell, reader: Reader, link: str | None) -> Message:
    """Draws the event as a line, with its case and a link to the card."""
    lines = [
        f"*{case_line(wanted.view, reader, mrkdwn)}*",
        line(wanted.line, wanted.view, reader),
        *reader.link(link, "approval.open"),
    ]
    return Message("\n".join(lines), [section(lines)], metadata(EVENT_TYPE, key=wanted.key))


class DirectMessages:
    """Direct messages of one `tell`; made within the activity."""

    def __init__(
        self, wanted: Tell, sender: Sender, people: Directory, reader_of: ReaderOf
    ) -> None:
        self._wanted = wanted
        self._sender = sender
        self._people = people
        self._reader_of = reader_of
        self._progress = PostOnce()

    async def run(self) -> None:
        """Sends all messages, each once.

        Raises:
            SlackTrouble: retryable.
            RolesUnknown: the role's members are unknown; the people by id have their message.
        """
        async with self._progress.attempt():
            async for person in self._recipients():
                if person not in self._progress.posted.notified:
                    await self._send(person)

    async def _recipients(self) -> AsyncIterator[str]:
        people = dict.fromkeys(self._wanted.people)
        for person in people:
            yield person
        if self._wanted.role is None:
            return
        members = await self._members(self._wanted.role)
        if len(members) > MAX_MEMBERS:
            _log.warning("role_too_large", role=self._wanted.role.value, members=len(members))
        for person in members[:MAX_MEMBERS]:
            if person not in people:
                yield person

    async def _members(self, role: Role) -> tuple[str, ...]:
        event = self._wanted.line.event
        calls_shift = isinstance(event, CaseEscalated) and event.notify is Notify.SHIFT
        if calls_shift and role is Role.SPECIALIST:
            return await self._people.shift()
        return await self._people.members(role)

    async def _send(self, person: str) -> None:
        card = self._wanted.card
        link = await self._sender.link(card) if card is not None else None
        message = direct_message(self._wanted, await self._reader_of(person), link)
        await self._progress.once(
            lambda: self._find(person), lambda: self._sender.direct(person, message)
        )
        self._progress.done(notified=(*self._progress.posted.notified, person))

    async def _find(self, person: str) -> bool | None:
        """True where an earlier attempt sent this message, else None."""
        sent = self._sender.directed(person, EVENT_TYPE, self._progress.since)
        payloads = [each["payload"] async for each in sent]
        return {"key": self._wanted.key} in payloads or None
