"""Direct messages about an event: one per person, and one in the channel of a role."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

import structlog

from activities.slack.actions import OPEN, element
from activities.slack.blocks import Message, actions, metadata, section
from activities.slack.cards.case_facts import case_line
from activities.slack.client import Found, Sender, SlackTrouble
from activities.slack.directory import Directory, RolesUnknown
from activities.slack.escape import mrkdwn, one_line
from activities.slack.post_once import PostOnce
from activities.slack.reader import Reader, detector_of, trip_words
from activities.slack.refusals import limit_alert
from activities.slack.thread import line
from workflows.domain.case import events as ev
from workflows.domain.case.snapshot import CardRef
from workflows.domain.detection import Message as DetectorMessage
from workflows.domain.detection import RunProblem
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Notify
from workflows.domain.values import Text
from workflows.ports.cases import BreakerAlert, LimitAlert, Tell, Told
from workflows.ports.detectors import OwnerMessage

_log = structlog.get_logger(__name__)

NOTICE_TYPE = "koban_notice"
MAX_MEMBERS = 20
"""Most members of a role that get a message each; the thread calls a larger one as a group."""


def direct_message(wanted: Tell, reader: Reader, link: str | None, mention: str = "") -> Message:
    """Draws the event as a line, with its case and a link to the card.

    Without a card it has a button that shows the case. `mention` calls a role in its channel.
    """
    lines = [
        f"*{case_line(wanted.view, reader, mrkdwn)}*",
        f"{mention} {line(wanted.line, wanted.view, reader)}".strip(),
        *([reader.say("notice.instead")] if wanted.instead else []),
        *reader.link(link, "approval.open"),
    ]
    opens = [element(OPEN, reader, wanted.view.id)] if link is None else []
    blocks = [section(lines), *actions(OPEN, opens)]
    return Message("\n".join(lines), blocks, metadata(NOTICE_TYPE, key=wanted.key))


class DirectMessages:
    """Direct messages of one `tell`; made within the activity."""

    def __init__(
        self,
        wanted: Tell,
        sender: Sender,
        people: Directory,
        reader_of: Callable[[str | None], Awaitable[Reader]],
    ) -> None:
        """`reader_of` returns the reader of a person's message, or (None) of a channel's."""
        self._wanted = wanted
        self._sender = sender
        self._people = people
        self._reader_of = reader_of
        self._progress = PostOnce()

    async def run(self) -> Told:
        """Sends all messages, each once.

        Raises:
            SlackTrouble: retryable.
            RolesUnknown: the role's members are unknown; the people by id have their message.
        """
        async with self._progress.attempt():
            failed = await self._to_people()
            posted = self._progress.posted
            if self._wanted.role is not None and (self._wanted.instead or not posted.notified):
                failed = await self._to_channel(self._wanted.role) or failed
            if failed is not None:
                raise failed
        posted = self._progress.posted
        return Told(reached=posted.notified, missed=posted.missed, role_channel=posted.role_channel)

    async def _to_people(self) -> SlackTrouble | RolesUnknown | None:
        """The last error that a retry may mend: the others must not wait for that."""
        failed: SlackTrouble | RolesUnknown | None = None
        try:
            async for person in self._recipients():
                if person not in (*self._progress.posted.notified, *self._progress.posted.missed):
                    failed = await self._sent(person) or failed
        except RolesUnknown as error:
            return error
        return failed

    async def _sent(self, person: str) -> SlackTrouble | None:
        posted = self._progress.posted
        try:
            if await self._send(person):
                self._progress.done(notified=(*posted.notified, person))
                return None
        except SlackTrouble as error:
            if not error.is_refusal(posted.attempt):
                return error
        self._progress.done(missed=(*posted.missed, person))
        return None

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
        calls_shift = isinstance(event, ev.CaseEscalated) and event.notify is Notify.SHIFT
        if calls_shift and role is Role.SPECIALIST:
            return await self._people.shift()
        return await self._people.members(role)

    async def _send(self, person: str) -> bool:
        message = direct_message(self._wanted, await self._reader_of(person), await self._link())
        return await self._progress.once(
            lambda: self._find(self._sender.directed(person, NOTICE_TYPE, self._progress.since)),
            lambda: self._sender.direct(person, message),
        )

    async def _to_channel(self, role: Role) -> SlackTrouble | None:
        """Calls the role in its own channel, where it has one and Slack takes it."""
        channel = self._people.channel(role)
        if channel is None or self._progress.posted.role_channel:
            return None
        reader, mention = await self._reader_of(None), self._people.mentions().get(role, "")
        message = direct_message(self._wanted, reader, await self._link(), mention)

        async def post() -> bool:
            await self._sender.post(channel, message)
            return True

        try:
            posted = self._sender.posted(channel, NOTICE_TYPE, self._progress.since)
            sent = await self._progress.once(lambda: self._find(posted), post)
        except SlackTrouble as error:
            return None if error.is_refusal(self._progress.posted.attempt) else error
        self._progress.done(role_channel=sent)
        return None

    async def _link(self) -> str | None:
        card = self._wanted.card
        return None if card is None else await self._sender.link(card)

    async def _find(self, sent: AsyncIterator[Found]) -> bool | None:
        """True where an earlier attempt sent this message, else None."""
        payloads = [each["payload"] async for each in sent]
        return {"key": self._wanted.key} in payloads or None


def limit_message(wanted: LimitAlert, reader: Reader) -> Message:
    """Draws the alert of the leads about a reached limit."""
    text = limit_alert(wanted.limit, reader, wanted.case)
    return Message(text, [section([text])], metadata(NOTICE_TYPE, key=wanted.key))


def breaker_message(wanted: BreakerAlert, reader: Reader) -> Message:
    """Draws the announcement of a tripped breaker, with the command that asks to resume."""
    pause, trip = wanted.pause, wanted.pause.trip
    text = reader.say(
        "breaker.announced",
        playbook=reader.title(wanted.playbook),
        detector=detector_of(pause),
        action=reader.title(wanted.action),
        cause="" if trip is None else trip_words(trip, reader),
        name=mrkdwn(pause.action or "", _NAME),
    )
    text = text if wanted.case is None else reader.noted(text, mrkdwn(wanted.case, _NAME))
    return Message(text, [section([text])], metadata(NOTICE_TYPE, key=wanted.key))


_NAME = 64
MOST_DETAIL = 300
"""Characters of a database's own words in a message."""


def owner_message(wanted: OwnerMessage, reader: Reader) -> Message:
    """Draws the message about a detector for its owner."""
    text = owner_text(wanted, reader)
    return Message(text, [section([text])], metadata(NOTICE_TYPE, key=wanted.key))


def owner_text(wanted: OwnerMessage, reader: Reader) -> str:
    """One sentence: what happened to the detector, and what to do."""
    state = wanted.state
    at = {
        DetectorMessage.FAILING: state.retry_at,
        DetectorMessage.SILENT: state.seen_at,
    }.get(wanted.message)
    never = wanted.message is DetectorMessage.SILENT and state.seen_at is None
    key = f"detector.{wanted.message.value}{'.never' if never else ''}"
    return reader.say(
        key,
        name=detector_name(wanted.detector, wanted.title, reader),
        at="" if at is None else reader.time(at, wanted.at),
        problem="" if state.problem is None else query_problem(state.problem, reader),
        count=wanted.count,
        form=f"`/koban detector {mrkdwn(wanted.detector, _NAME)}`",
    )


def detector_name(name: str, title: Text | None, reader: Reader) -> str:
    """`吊り上げの疑い（shill）`: the title of a detector with its name."""
    plain = mrkdwn(name, _NAME)
    return plain if title is None else reader.noted(reader.title(title), plain)


def query_problem(problem: RunProblem, reader: Reader) -> str:
    """Why a query failed, with the database's own words."""
    detail = mrkdwn(one_line(problem.detail), MOST_DETAIL)
    return reader.say(f"detector.problem.{problem.kind.value}", detail=detail)


SOON_SECONDS = 3600.0
"""Time in which nearly every announcement is posted."""
Sent = Callable[[str, str, float, float | None], AsyncIterator[Found]]
"""Finds messages in a place by the type of their metadata, between two Unix times."""


class Announcement:
    """One message for a role: in its channel, or to each member where that is not possible."""

    def __init__(
        self,
        key: str,
        message: Message,
        sender: Sender,
        people: Directory,
        unsure_since: datetime | None = None,
    ) -> None:
        """`key` identifies the message; made within the activity.

        `unsure_since`: another activity may have posted it since then.
        """
        self._key = key
        self._message = message
        self._sender = sender
        self._people = people
        self._progress = PostOnce(unsure_since)

    async def run(self, role: Role) -> None:
        """Posts once. Raises `SlackTrouble`, retryable, and `RolesUnknown`."""
        async with self._progress.attempt():
            channel = self._people.channel(role)
            if channel is not None and await self._posted(channel):
                return
            for person in (await self._people.members(role))[:MAX_MEMBERS]:
                await self._directed(person)

    async def run_in(self, channel: str) -> None:
        """Posts once in a channel that is no role's. Raises `SlackTrouble`, retryable."""
        async with self._progress.attempt():
            if not await self._posted(channel):
                _log.error("announcement_refused", channel=channel, key=self._key)

    async def replace_in(self, channel: str, since: float) -> None:
        """Replaces what `run_in` has posted since a Unix time. Raises `SlackTrouble`, retryable."""
        await self._replaced(self._sender.posted, channel, since)

    async def replace(self, role: Role, since: float) -> None:
        """Replaces what `run` has posted since a Unix time. Raises as `run`."""
        channel = self._people.channel(role)
        if channel is not None and await self._replaced(self._sender.posted, channel, since):
            return
        for person in (await self._people.members(role))[:MAX_MEMBERS]:
            await self._replaced(self._sender.directed, person, since)

    async def _replaced(self, sent: Sent, place: str, since: float) -> bool:
        """Whether the message was there, and is replaced; False where Slack refuses that."""
        try:
            return await self._replace(sent, place, since)
        except SlackTrouble as error:
            if not error.is_refusal(self._progress.posted.attempt):
                raise
            _log.error("announcement_not_replaced", place=place, key=self._key, code=error.code)
            return False

    async def _replace(self, sent: Sent, place: str, since: float) -> bool:
        """Looks where it was most likely posted first, and no further once it is found."""
        for first, until in ((since, since + SOON_SECONDS), (since + SOON_SECONDS, None)):
            async for each in sent(place, NOTICE_TYPE, first, until):
                if each["payload"] == {"key": self._key}:
                    ref = CardRef(channel=each["channel"], ts=each["ts"])
                    await self._sender.update(ref, self._message)
                    return True
        return False

    async def _posted(self, channel: str) -> bool:
        async def post() -> bool:
            await self._sender.post(channel, self._message)
            return True

        try:
            found = self._sender.posted(channel, NOTICE_TYPE, self._progress.since)
            return await self._progress.once(lambda: self._find(found), post)
        except SlackTrouble as error:
            if not error.is_refusal(self._progress.posted.attempt):
                raise
            return False

    async def _directed(self, person: str) -> None:
        posted = self._progress.posted
        if person in (*posted.notified, *posted.missed):
            return
        try:
            found = self._sender.directed(person, NOTICE_TYPE, self._progress.since)
            await self._progress.once(
                lambda: self._find(found), lambda: self._sender.direct(person, self._message)
            )
            self._progress.done(notified=(*posted.notified, person))
        except SlackTrouble as error:
            if not error.is_refusal(posted.attempt):
                raise
            self._progress.done(missed=(*posted.missed, person))

    async def _find(self, sent: AsyncIterator[Found]) -> bool | None:
        payloads = [each["payload"] async for each in sent]
        return {"key": self._key} in payloads or None
