"""Brings an appeal's card and thread up to date, and posts nothing twice."""

from collections.abc import Iterator

from activities.slack.appeals import card as appeal
from activities.slack.appeals import lines as thread
from activities.slack.appeals.card import appeal_card
from activities.slack.appeals.lines import AT_ONCE, lines_message
from activities.slack.drawing import Message
from activities.slack.progress import Progress
from activities.slack.reader import Reader
from activities.slack.sender import Sender
from activities.slack.showing import raise_for_names
from activities.slack.troubles import SlackTrouble
from workflows.appealing.ports import ShowAppeal
from workflows.domain.appealing.events import AppealRecorded
from workflows.domain.memory import CardRef


class ShowingAppeal:
    """One `show_appeal`."""

    def __init__(self, wanted: ShowAppeal, sender: Sender, reader: Reader) -> None:
        self._wanted = wanted
        self._appeal = wanted.appeal
        self._sender = sender
        self._reader = reader
        self._progress = Progress()

    async def run(self) -> CardRef:
        """Shows everything; raises `SlackTrouble` where something has to be tried again."""
        async with self._progress.living():
            try:
                card = await self._card()
                await self._lines(card)
                raise_for_names(self._reader)
            except SlackTrouble:
                self._progress.hand_on()
                raise
        return card

    async def _card(self) -> CardRef:
        message = appeal_card(self._appeal, self._reader, await self._link())
        known = self._progress.posted.card or self._wanted.card
        if known is not None and await self._sender.update(known, message):
            return known
        channel = known.channel if known is not None else self._appeal.rules.channel
        card = await self._progress.once(
            lambda: self._find(channel, known, message),
            lambda: self._sender.post(channel, message),
        )
        self._progress.done(card=card)
        return card

    async def _link(self) -> str | None:
        found = self._appeal.appealed
        return await self._sender.link(found.card) if found and found.card else None

    async def _find(self, channel: str, but: CardRef | None, message: Message) -> CardRef | None:
        """The newest card of this appeal that this activity can have posted, drawn anew."""
        since = self._progress.since
        async for found in self._sender.posted(channel, appeal.EVENT_TYPE, since):
            ref = CardRef(channel=found["channel"], ts=found["ts"])
            if ref != but and found["payload"] == {"appeal": self._appeal.id}:
                return await self._sender.redrawn(ref, message)
        return None

    async def _lines(self, card: CardRef) -> None:
        for part in self._parts():
            through = await self._progress.once(
                lambda part=part: self._find_lines(card, part[-1].seq),  # type: ignore[misc]
                lambda part=part: self._tell(card, part),  # type: ignore[misc]
            )
            self._progress.done(through=through)

    def _parts(self) -> Iterator[tuple[AppealRecorded, ...]]:
        """What is still untold, a message at a time; the same parts in every try."""
        lines = self._wanted.lines
        for start in range(0, len(lines), AT_ONCE):
            part = lines[start : start + AT_ONCE]
            if part[-1].seq > self._progress.posted.through:
                yield part

    async def _tell(self, card: CardRef, part: tuple[AppealRecorded, ...]) -> int:
        message = lines_message(part, self._appeal, self._reader)
        await self._sender.post(card.channel, message, thread=card.ts)
        return part[-1].seq

    async def _find_lines(self, card: CardRef, through: int) -> int | None:
        told = self._sender.replied(card, thread.EVENT_TYPE, self._progress.since)
        async for found in told:
            if found["payload"] == {"appeal": self._appeal.id, "through": through}:
                return through
        return None
