"""What storms ask of Slack."""

from datetime import tzinfo

from slack_sdk.web.async_client import AsyncWebClient
from temporalio import activity

from activities.slack.drawing import Message
from activities.slack.pacing import Pacer, Turn
from activities.slack.people import People
from activities.slack.progress import Progress
from activities.slack.reader import Reader
from activities.slack.sender import Sender
from activities.slack.storm import digest as drawn
from activities.slack.storm.digest import calls, digest, people_in_storm
from activities.slack.text.texts import texts
from activities.slack.troubles import SlackTrouble
from workflows.domain.memory import CardRef
from workflows.domain.text import Language
from workflows.storming.ports import ShowStorm


class StormSlackActivities:
    """The storms' activity of the Slack queue."""

    def __init__(
        self,
        client: AsyncWebClient,
        people: People,
        language: Language,
        zone: tzinfo,
        pacer: Pacer,
    ) -> None:
        """`language` is that of the channels; `zone` where Slack can't show a reader's own."""
        self._sender = Sender(client, pacer)
        self._people = people
        self._language = language
        self._zone = zone

    @activity.defn(name="show_storm")
    async def show_storm(self, wanted: ShowStorm) -> CardRef:
        """Brings the digest up to date, and calls people in its thread; nothing is posted twice.

        Raises:
            SlackTrouble: retryable, whatever Slack says.
        """
        names = await self._people.names(people_in_storm(wanted.picture))
        reader = Reader(texts(self._language), self._zone, names, self._people.mentions())
        showing = _Showing(wanted, self._sender.in_turn(Turn()), reader, Progress())
        return await showing.run()


class _Showing:
    """One `show_storm`."""

    def __init__(
        self, wanted: ShowStorm, sender: Sender, reader: Reader, progress: Progress
    ) -> None:
        self._wanted = wanted
        self._sender = sender
        self._reader = reader
        self._progress = progress

    async def run(self) -> CardRef:
        async with self._progress.living():
            try:
                card = await self._digest()
                if self._wanted.mentions and self._progress.posted.through == 0:
                    await self._call(card)
            except SlackTrouble:
                self._progress.hand_on()
                raise
        return card

    async def _digest(self) -> CardRef:
        message = digest(self._wanted, self._reader)
        known = self._progress.posted.card or self._wanted.digest
        if known is not None and await self._sender.update(known, message):
            return known
        channel = known.channel if known is not None else self._wanted.picture.channel
        card = await self._progress.once(
            lambda: self._find(channel, known, message), lambda: self._sender.post(channel, message)
        )
        self._progress.done(card=card)
        return card

    async def _find(self, channel: str, but: CardRef | None, message: Message) -> CardRef | None:
        """The digest that a try before can have posted, drawn anew."""
        since = self._progress.since
        async for found in self._sender.posted(channel, drawn.EVENT_TYPE, since):
            ref = CardRef(channel=found["channel"], ts=found["ts"])
            if ref != but and found["payload"] == {"storm": self._wanted.key}:
                return await self._sender.redrawn(ref, message)
        return None

    async def _call(self, card: CardRef) -> None:
        message = calls(self._wanted, self._reader)

        async def post() -> bool:
            await self._sender.post(card.channel, message, thread=card.ts)
            return True

        await self._progress.once(lambda: self._find_call(card), post)
        self._progress.done(through=1)

    async def _find_call(self, card: CardRef) -> bool | None:
        """Whether a try before has called already; None where it has not."""
        named = {"storm": self._wanted.key, "number": self._wanted.number}
        async for found in self._sender.replied(card, drawn.CALLS, self._progress.since):
            if found["payload"] == named:
                return True
        return None
