"""Slack activities: cards, refusals, direct messages, roles, reports and storm digests."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import tzinfo
from itertools import chain
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.slack.blocks import Message
from activities.slack.cards.appeal import LINES_TYPE, appeal_card, appeal_lines
from activities.slack.client import Sender, SlackTrouble
from activities.slack.direct_messages import (
    Announcement,
    DirectMessages,
    breaker_message,
    limit_message,
    owner_message,
)
from activities.slack.directory import Directory, RolesUnknown
from activities.slack.files import Files
from activities.slack.i18n.catalog import texts
from activities.slack.policy_message import policy_message
from activities.slack.post_once import (
    CLOCK_SKEW,
    HEARTBEAT_SECONDS,
    QUEUED_HEARTBEAT_SECONDS,
    PostOnce,
)
from activities.slack.publisher import (
    NO_PICTURES,
    PAUSES,
    CasePublisher,
    DrawChart,
    Publisher,
    ReportPublisher,
    retry_for_names,
)
from activities.slack.rate_limiter import INTERACTIVE, RateLimiter, Slot, SlotCancelled
from activities.slack.reader import Reader
from activities.slack.refusals import (
    APPROVING,
    CoversOf,
    of_case,
    refusal_of,
    with_typed,
)
from activities.slack.storm_digest import StormService, calls, digest
from activities.slack.thread import people_of
from workflows.domain.appeal.events import AppealRecorded
from workflows.domain.case.commands import Grant
from workflows.domain.case.snapshot import CardRef
from workflows.domain.detection import Message as DetectorMessage
from workflows.domain.metrics.report import Report
from workflows.domain.people import Role
from workflows.domain.policy.changes import PolicyNotice
from workflows.domain.values import Language
from workflows.ports.appeals import ShowAppeal, ShownAppeal
from workflows.ports.cases import (
    Answer,
    ApproversAsk,
    BreakerAlert,
    LimitAlert,
    RolesAsk,
    Show,
    Shown,
    Tell,
    Told,
)
from workflows.ports.detectors import OwnerMessage
from workflows.ports.storms import ShowStorm

STALE_SECONDS = 1.0
"""Age of a background write after which the case is queried for its latest state."""

NAME_PAUSES = (1.1, 2.2)
"""Seconds between look-ups of missing names; a failed one is cached for a second."""

LatestShow = Callable[[str, str], Awaitable[Show | None]]
"""The latest `Show` of a workflow id and run id; None where the workflow does not answer."""


class SlackActivities:
    """Activities of the Slack queues, and `roles_of` for the main queue.

    All of them raise `SlackTrouble`, which is retryable.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        people: Directory,
        language: Language,
        zone: tzinfo,
        limiter: RateLimiter,
        *,
        latest: LatestShow,
        storms: StormService,
        covers_of: CoversOf,
        draw_chart: DrawChart,
        picture_pauses: Sequence[float] = PAUSES,
    ) -> None:
        """`language` and `zone` are the deployment's; Slack shows times in each reader's zone."""
        self._sender = Sender(client, limiter)
        self._files = Files(client, NO_PICTURES)
        self._limiter = limiter
        self._people = people
        self._language = language
        self._zone = zone
        self._latest = latest
        self._storms = storms
        self._covers_of = covers_of
        self._draw_chart = draw_chart
        self._picture_pauses = picture_pauses

    @activity.defn(name="show")
    async def show(self, wanted: Show) -> Shown:
        """Updates card, approval card and thread of a case; posts nothing twice.

        A background write waits for the rate limiter, and can be cancelled until it starts.
        """
        progress = PostOnce(wanted.unsure_since)
        slot = Slot(urgency=wanted.view.severity.rank if wanted.background else INTERACTIVE)
        slot.started = not progress.nothing_posted
        publisher = CasePublisher(
            wanted,
            self._sender.with_slot(slot),
            progress,
            self._latest_for(slot),
            self._case_reader,
            self._people.channel,
            self._storms,
        )
        if wanted.card is None and wanted.background:
            await self._storms.look(wanted.view.channel)
        queued = wanted.background and wanted.card is not None
        async with progress.attempt(QUEUED_HEARTBEAT_SECONDS if queued else HEARTBEAT_SECONDS):
            shown = await self._cancellable(slot, publisher.run())
            if wanted.card is None and shown.card is not None:
                await self._storms.posted(wanted.view.id, shown.card)
            return shown

    def _latest_for(self, slot: Slot) -> Callable[[Show], Awaitable[Show]]:
        """Re-reads the case where a background write was delayed, and starts the write."""
        info = activity.info()
        # Both by Temporal's clock: the worker's may be off.
        delay = (info.started_time - info.scheduled_time).total_seconds()

        async def latest(wanted: Show) -> Show:
            found = None
            if wanted.background and delay + slot.waited > STALE_SECONDS:
                found = await self._latest(info.workflow_id or "", info.workflow_run_id or "")
            slot.started = True
            return found if found is not None and found.view.id == wanted.view.id else wanted

        return latest

    async def _cancellable(self, slot: Slot, work: Coroutine[Any, Any, Shown]) -> Shown:
        """Runs `work`; a cancelled one that has started ends first, as Slack may execute a call."""
        task = asyncio.create_task(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._limiter.cancel(slot)
            try:
                return await task
            except SlotCancelled:
                raise asyncio.CancelledError from None

    async def _case_reader(self, wanted: Show) -> Reader:
        """The reader of a case's card; missing names are looked up again for some seconds."""
        people = tuple(people_of(wanted.view, wanted.lines))
        for pause in NAME_PAUSES:
            if not self._people.is_missing(await self._people.names(people)):
                break
            await asyncio.sleep(pause)
        return await self._reader(people)

    async def _reader(
        self, people: Iterable[str | None], language: Language | None = None
    ) -> Reader:
        """The reader of a channel."""
        names = await self._people.names(people)
        return Reader(
            texts(language or self._language),
            self._zone,
            names,
            self._people.mentions(),
            missing_names=self._people.is_missing(names),
        )

    @activity.defn(name="answer")
    async def answer(self, wanted: Answer) -> None:
        """Posts a refusal as an ephemeral message in its person's language."""
        covers = self._covers_of if wanted.command in APPROVING else None
        reader = Reader(texts(await self._people.language(wanted.person)), self._zone)
        refusal = await refusal_of(
            wanted.refusal, wanted.person, self._people, reader, covers, wanted.case, wanted.command
        )
        text = of_case(refusal, wanted, await self._link(wanted.card), reader.texts)
        blocks = with_typed(text, wanted.typed, reader.texts)
        await self._sender.post_ephemeral(wanted.person, wanted.place, text, blocks)

    async def _link(self, card: CardRef | None) -> str | None:
        """The card's permalink; a refusal is also posted without it."""
        with suppress(SlackTrouble):
            return await self._sender.link(card) if card is not None else None
        return None

    @activity.defn(name="tell")
    async def tell(self, wanted: Tell) -> Told:
        """Sends each person one direct message. Raises `roles_unknown`, retryable."""
        names = await self._people.names(people_of(wanted.view, [wanted.line]))

        async def reader_of(person: str | None) -> Reader:
            language = self._language if person is None else await self._people.language(person)
            return Reader(texts(language), self._zone, names, direct=True)

        with _roles_known():
            return await DirectMessages(wanted, self._sender, self._people, reader_of).run()

    @activity.defn(name="alert_leads")
    async def alert_leads(self, wanted: LimitAlert) -> None:
        """Posts in the leads' channel, else to each lead. Raises `roles_unknown`, retryable."""
        reader = await self._reader((wanted.limit.holder,))
        message = limit_message(wanted, reader)
        with _roles_known():
            await Announcement(wanted.key, message, self._sender, self._people).run(Role.LEAD)

    @activity.defn(name="announce_breaker")
    async def announce_breaker(self, wanted: BreakerAlert) -> None:
        """Posts in the playbook's channel, or to the leads. Raises `roles_unknown`, retryable."""
        message = breaker_message(wanted, await self._reader(()))
        announcement = Announcement(wanted.key, message, self._sender, self._people)
        if not wanted.leads:
            await announcement.run_in(wanted.channel)
        elif self._people.channel(Role.LEAD) not in wanted.channels:
            with _roles_known():
                await announcement.run(Role.LEAD)

    @activity.defn(name="message_owner")
    async def message_owner(self, wanted: OwnerMessage) -> None:
        """Posts in the owner's channel, else to each holder. Raises `roles_unknown`, retryable."""
        message = owner_message(wanted, await self._reader(()))
        since = wanted.at if wanted.message is DetectorMessage.UNDELIVERED else None
        posting = Announcement(wanted.key, message, self._sender, self._people, since)
        with _roles_known():
            await posting.run(wanted.owner)

    @activity.defn(name="show_policy_notice")
    async def show_policy_notice(self, wanted: PolicyNotice) -> None:
        """Posts in a channel, or for a role; with an outcome, updates what was posted.

        Raises `roles_unknown`, retryable.
        """
        ended = wanted.outcome
        reader = await self._reader((wanted.record.actor, ended.actor if ended else None))
        message = policy_message(wanted, reader)
        posting = Announcement(wanted.key, message, self._sender, self._people)
        since = (wanted.record.at - CLOCK_SKEW).timestamp()
        with _roles_known():
            match wanted.channel, ended:
                case None, None:
                    await posting.run(wanted.role)
                case None, _:
                    await posting.replace(wanted.role, since)
                case channel, None:
                    await posting.run_in(channel)
                case channel, _:
                    await posting.replace_in(channel, since)

    @activity.defn(name="roles_of")
    async def roles_of(self, wanted: RolesAsk) -> Grant:
        """The roles of a person with the time of reading. Raises `roles_unknown`, retryable."""
        with _roles_known():
            return await self._people.grant(wanted.person, newest=wanted.approves)

    @activity.defn(name="approvers_of")
    async def approvers_of(self, wanted: ApproversAsk) -> dict[Role, int]:
        """The number of people of each role who can approve. Raises `roles_unknown`, retryable."""
        with _roles_known():
            found = {role: await self._people.members(role) for role in wanted.roles}
        return {role: len(set(people) - set(wanted.barred)) for role, people in found.items()}

    @activity.defn(name="show_appeal")
    async def show_appeal(self, wanted: ShowAppeal) -> ShownAppeal:
        """Updates card and thread of an appeal; posts nothing twice."""
        appeal = wanted.appeal
        named = chain.from_iterable(line.event.people_named() for line in wanted.lines)
        people = (appeal.owner, appeal.answered_by, *appeal.deciders, *named)
        reader = await self._reader(people)

        async def lines(part: tuple[AppealRecorded, ...]) -> Message:
            return appeal_lines(part, appeal, reader)

        publisher = Publisher(self._sender, PostOnce(wanted.unsure_since))
        async with publisher.progress.attempt():
            case = appeal.appealed.card if appeal.appealed else None
            link = await self._sender.link(case) if case is not None else None
            message = appeal_card(appeal, reader, link, wanted.thread_refused)
            card = await publisher.publish(wanted.card, appeal.rules.channel, message)
            posting = publisher.reply_lines(card, wanted.lines, lines, LINES_TYPE, appeal=appeal.id)
            await publisher.part("thread", posting)
            retry_for_names(reader)
        return ShownAppeal(card=card, thread_refused="thread" in publisher.errors)

    @activity.defn(name="show_storm")
    async def show_storm(self, wanted: ShowStorm) -> CardRef:
        """Updates a storm's digest, and calls roles in its thread; posts nothing twice."""
        reader = await self._reader(each.owner for each in wanted.picture.top)
        publisher = Publisher(self._sender.with_slot(Slot()))
        async with publisher.progress.attempt():
            message = digest(wanted, reader)
            card = await publisher.publish(wanted.digest, wanted.picture.channel, message)
            if wanted.mentions:
                await publisher.reply(card, calls(wanted, reader))
        return card

    @activity.defn(name="post_report")
    async def post_report(self, report: Report) -> CardRef:
        """Posts a report with its picture; posts nothing twice."""
        reader = await self._reader(_people_in_report(report), report.language)
        sender = self._sender.with_slot(Slot())
        publisher = ReportPublisher(report, sender, self._files, reader, self._picture_pauses)
        async with publisher.progress.attempt():
            return await publisher.run(self._draw_chart)


@contextmanager
def _roles_known() -> Iterator[None]:
    """Makes `RolesUnknown` an error with a type of its own."""
    try:
        yield
    except RolesUnknown:
        raise ApplicationError("the role's members are unknown", type="roles_unknown") from None


def _people_in_report(report: Report) -> Iterator[str | None]:
    for team in (report.team, *report.following):
        if team is not None:
            yield from (*team.people, *team.leads)
    for cases in (report.handing, report.overdue, report.waiting, report.held):
        yield from (note.owner for note in cases.shown)
