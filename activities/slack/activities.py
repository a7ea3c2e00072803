"""Slack activities of a case: its card, answers, direct messages and roles."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.slack.holders import StandIns, holders_of, nobody_stands_in, shown
from activities.slack.late import Newest, Renewing, no_news
from activities.slack.named import people_in, people_of
from activities.slack.pacing import PEOPLE, CalledOff, Pacer, Turn
from activities.slack.people import People, RolesUnknown
from activities.slack.progress import IN_LINE, SIGN_OF_LIFE, Progress
from activities.slack.reader import Reader
from activities.slack.refusals import APPROVING, refusal_text
from activities.slack.refused import of_case, with_typed
from activities.slack.sender import Sender
from activities.slack.showing import Showing
from activities.slack.storm.door import NoStorms, StormDoor
from activities.slack.telling import Telling
from activities.slack.text.texts import texts
from activities.slack.troubles import SlackTrouble
from workflows.domain.commands import Grant
from workflows.domain.memory import CardRef
from workflows.domain.text import Language
from workflows.ports import Answer, RolesAsk, Show, Shown, Tell

ASK_AGAIN = (1.1, 2.2)
"""Pauses in seconds; a question that failed is not asked again within one (`remembered`)."""


class SlackActivities:
    """The activities of the Slack queue, and `roles_of` for the queue of the cases."""

    def __init__(
        self,
        client: AsyncWebClient,
        people: People,
        language: Language,
        zone: tzinfo,
        pacer: Pacer,
        newest: Newest = no_news,
        storms: StormDoor | None = None,
        stand_ins: StandIns = nobody_stands_in,
    ) -> None:
        """`language` is that of the channels; `zone` where Slack can't show a reader's own.

        `newest` tells what a case wants to show by now; `storms` hears of cards that wait;
        `stand_ins` tells who holds a role in somebody's stead.
        """
        self._sender = Sender(client, pacer)
        self._pacer = pacer
        self._people = people
        self._language = language
        self._zone = zone
        self._newest = newest
        self._storms = storms or NoStorms()
        self._stand_ins = stand_ins

    @activity.defn(name="show")
    async def show(self, wanted: Show) -> Shown:
        """Brings card, approval card and thread up to date; nothing is posted twice.

        In the background it waits for its turn, and may be called off while it does.

        Raises:
            SlackTrouble: retryable, whatever Slack says.
        """
        progress = Progress(wanted.unsure_since)
        turn = Turn(urgency=wanted.view.severity.rank if wanted.background else PEOPLE)
        turn.begun = not progress.untouched
        renewing = Renewing(self._newest, turn)
        showing = Showing(
            wanted,
            self._sender.in_turn(turn),
            renewing.renew,
            self._reader_of,
            self._people.channel,
            self._storms,
            progress,
        )
        if wanted.card is None and wanted.background:
            await self._storms.look(wanted.view.channel)
        drawn_anew = wanted.background and wanted.card is not None
        async with progress.living(IN_LINE if drawn_anew else SIGN_OF_LIFE):
            shown = await self._unless_called_off(turn, showing.run())
            if wanted.card is None:
                await self._storms.posted(wanted.view.id, shown.card)
            return shown

    async def _unless_called_off(self, turn: Turn, showing: Coroutine[Any, Any, Shown]) -> Shown:
        """What is shown. A call to Slack that is under way always ends: it may come through."""
        work = asyncio.create_task(showing)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            self._pacer.call_off(turn)
            try:
                return await work
            except CalledOff:
                raise asyncio.CancelledError from None

    async def _reader_of(self, wanted: Show) -> Reader:
        names = await self._names(wanted)
        return Reader(
            texts(self._language),
            self._zone,
            names,
            self._people.mentions(),
            lacks_names=self._people.lacks(names),
        )

    async def _names(self, wanted: Show) -> dict[str, str]:
        """Everybody's name; an id for those that Slack does not tell, though asked again."""
        for pause in ASK_AGAIN:
            names = await self._people.names(people_of(wanted.view, wanted.lines))
            if not self._people.lacks(names):
                return names
            await asyncio.sleep(pause)
        return await self._people.names(people_of(wanted.view, wanted.lines))

    @activity.defn(name="answer")
    async def answer(self, wanted: Answer) -> None:
        """Posts a refusal that only its person sees, in the person's language.

        Raises:
            SlackTrouble: retryable, whatever Slack says.
        """
        covers = self._stand_ins if wanted.command in APPROVING else None
        holders = await holders_of(wanted.refusal, wanted.person, self._people, covers)
        language = await self._people.language(wanted.person)
        why = refusal_text(
            wanted.refusal,
            language,
            await self._people.names([*people_in(wanted.refusal), *shown(holders)]),
            datetime.now(UTC),
            case=wanted.case,
            holders=holders,
            command=wanted.command,
        )
        text = of_case(why, wanted, await self._link(wanted.card), texts(language))
        blocks = with_typed(text, wanted.typed, texts(language))
        await self._sender.whisper(wanted.person, wanted.place, text, blocks)

    async def _link(self, card: CardRef | None) -> str | None:
        """Where the card is; a refusal is worth reading without it."""
        with suppress(SlackTrouble):
            return await self._sender.link(card) if card is not None else None
        return None

    @activity.defn(name="tell")
    async def tell(self, wanted: Tell) -> None:
        """Sends a direct message to each of the people, once, in the language of each.

        Raises:
            SlackTrouble: retryable, whatever Slack says.
            ApplicationError: retryable, where nobody can tell who holds the role.
        """
        names = await self._people.names(people_of(wanted.view, [wanted.line]))

        async def reader_of(person: str) -> Reader:
            language = await self._people.language(person)
            return Reader(texts(language), self._zone, names, direct=True)

        try:
            await Telling(wanted, self._sender, self._people, reader_of).run()
        except RolesUnknown:
            raise ApplicationError(
                "nobody can tell who holds this role", type="roles_unknown"
            ) from None

    @activity.defn(name="roles_of")
    async def roles_of(self, wanted: RolesAsk) -> Grant:
        """The roles that a person holds, and when they were read.

        Raises:
            ApplicationError: retryable, where neither Slack nor the configuration can tell.
        """
        try:
            return await self._people.grant(wanted.person, newest=wanted.approves)
        except RolesUnknown:
            raise ApplicationError(
                "nobody can tell which roles this person holds", type="roles_unknown"
            ) from None
