"""Activities of Slack: cards, answers, direct messages, roles, reports and storm digests."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.slack.client import Sender, SlackTrouble
from activities.slack.direct_messages import DirectMessages
from activities.slack.directory import Directory, RolesUnknown
from activities.slack.files import Files
from activities.slack.i18n.catalog import texts
from activities.slack.post_once import IN_LINE, SIGN_OF_LIFE, PostOnce
from activities.slack.publisher import (
    NO_PICTURES,
    AppealPublisher,
    CasePublisher,
    Draw,
    ReportPublisher,
    StormPublisher,
)
from activities.slack.rate_limiter import PEOPLE, CalledOff, RateLimiter, Slot
from activities.slack.reader import Reader
from activities.slack.refusals import APPROVING, of_case, refusal_text, with_typed
from activities.slack.role_holders import (
    StandIns,
    holders_of,
    nobody_stands_in,
    people_in,
    people_of,
    shown,
)
from activities.slack.storm_digest import NoStorms, StormService, people_in_storm
from workflows.domain.case.commands import Grant
from workflows.domain.case.snapshot import CardRef
from workflows.domain.metrics.report import Report
from workflows.domain.values import Language
from workflows.ports.appeals import ShowAppeal
from workflows.ports.cases import Answer, RolesAsk, Show, Shown, Tell
from workflows.ports.storms import ShowStorm

LATE = 1.0
"""Seconds from asking to writing; within them the case is not asked again."""

Newest = Callable[[str, str], Awaitable[Show | None]]
"""What the workflow of this id and run wants to show now; None where it does not tell in time."""


async def no_news(workflow: str, run: str) -> Show | None:
    """Nobody can be asked."""
    return None


class Renewing:
    """Renews one `show`. Made within the activity."""

    def __init__(self, newest: Newest, turn: Slot) -> None:
        """`turn` tells how long the activity stood in line; Temporal, how long it did before."""
        info = activity.info()
        self._newest = newest
        self._turn = turn
        # Both by Temporal's clock: ours may be off.
        self._before = (info.started_time - info.scheduled_time).total_seconds()
        self._workflow, self._run = info.workflow_id, info.workflow_run_id

    async def renew(self, wanted: Show) -> Show:
        """What to show now. From here on the write can't be called off any more."""
        newest = None
        if wanted.background and self._before + self._turn.waited > LATE:
            newest = await self._newest(self._workflow or "", self._run or "")
        self._turn.begun = True
        known = newest is not None and newest.view.id == wanted.view.id
        return newest if known and newest is not None else wanted


ASK_AGAIN = (1.1, 2.2)
"""Pauses in seconds; a question that failed is not asked again within one (`remembered`)."""


class SlackActivities:
    """The activities of the Slack queue, and `roles_of` for the queue of the cases."""

    def __init__(
        self,
        client: AsyncWebClient,
        people: Directory,
        language: Language,
        zone: tzinfo,
        pacer: RateLimiter,
        newest: Newest = no_news,
        storms: StormService | None = None,
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
        progress = PostOnce(wanted.unsure_since)
        turn = Slot(urgency=wanted.view.severity.rank if wanted.background else PEOPLE)
        turn.begun = not progress.untouched
        renewing = Renewing(self._newest, turn)
        showing = CasePublisher(
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

    async def _unless_called_off(self, turn: Slot, showing: Coroutine[Any, Any, Shown]) -> Shown:
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
        await self._sender.post_ephemeral(wanted.person, wanted.place, text, blocks)

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
            await DirectMessages(wanted, self._sender, self._people, reader_of).run()
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


class AppealSlackActivities:
    """The appeals' activity of the Slack queue."""

    def __init__(
        self,
        client: AsyncWebClient,
        people: Directory,
        language: Language,
        zone: tzinfo,
        pacer: RateLimiter,
    ) -> None:
        """`language` is that of the channels; `zone` where Slack can't show a reader's own."""
        self._sender = Sender(client, pacer)
        self._people = people
        self._language = language
        self._zone = zone

    @activity.defn(name="show_appeal")
    async def show_appeal(self, wanted: ShowAppeal) -> CardRef:
        """Brings an appeal's card and thread up to date; nothing is posted twice.

        Raises:
            SlackTrouble: retryable, whatever Slack says.
        """
        names = await self._people.names(_named_in_appeal(wanted))
        reader = Reader(
            texts(self._language),
            self._zone,
            names,
            self._people.mentions(),
            lacks_names=self._people.lacks(names),
        )
        return await AppealPublisher(wanted, self._sender, reader).run()


def _named_in_appeal(wanted: ShowAppeal) -> Iterator[str | None]:
    """Everybody whom card or thread may name."""
    yield wanted.appeal.owner
    yield wanted.appeal.answered_by
    yield from wanted.appeal.deciders
    for line in wanted.lines:
        yield from line.event.people_named()


class ReportSlackActivities:
    """The reports' activity of the Slack queue."""

    def __init__(
        self,
        client: AsyncWebClient,
        people: Directory,
        language: Language,
        zone: tzinfo,
        pacer: RateLimiter,
        draw: Draw,
    ) -> None:
        """`language` and `zone` are the deployment's; `draw` makes the pictures."""
        self._sender = Sender(client, pacer)
        self._files = Files(client, NO_PICTURES)
        self._people = people
        self._language = language
        self._zone = zone
        self._draw = draw

    @activity.defn(name="post_report")
    async def post_report(self, report: Report) -> CardRef:
        """Posts a report with its picture; nothing is posted twice.

        Raises:
            SlackTrouble: retryable, whatever Slack says.
        """
        reader = Reader(
            texts(report.language or self._language),
            self._zone,
            await self._people.names(_named_in_report(report)),
        )
        sender = self._sender.in_turn(Slot())
        return await ReportPublisher(report, sender, self._files, reader).run(self._draw)


def _named_in_report(report: Report) -> Iterator[str | None]:
    """Everybody whom the report may name."""
    for team in (report.team, *report.following):
        if team is not None:
            yield from (*team.people, *team.leads)
    for cases in (report.handing, report.overdue, report.waiting, report.held):
        yield from (note.owner for note in cases.shown)


class StormSlackActivities:
    """The storms' activity of the Slack queue."""

    def __init__(
        self,
        client: AsyncWebClient,
        people: Directory,
        language: Language,
        zone: tzinfo,
        pacer: RateLimiter,
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
        return await StormPublisher(wanted, self._sender.in_turn(Slot()), reader).run()
