"""Bulk decision: its modal opens, previews the impact, and sends the decision to its case."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.models.views import View

from activities.errors import Unavailable
from activities.platform.related import Found
from activities.slack.handles import Handle
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from bot.slack.bulk.form import (
    BulkForm,
    BulkMetadata,
    Counted,
    bulk_view,
    confirmation,
    faults_of,
    notices,
    over_limit,
    rates_of,
    read_bulk,
    redrawn,
    type_of,
)
from bot.slack.interactions import Press
from bot.slack.listener import SlackContext
from bot.slack.modals.base import SETTLING, ModalListener, Submitted
from bot.slack.modals.choices import choices_for
from bot.slack.modals.form import Fault, Invalid
from bot.slack.modals.metadata import metadata_for
from bot.slack.modals.opening import CaseOver, ModalOpener
from bot.slack.replies import in_time
from workflows.domain.alerts import Subject
from workflows.domain.case.automation import Booked, Booking
from workflows.domain.case.bulk import MOST, Impact
from workflows.domain.case.commands import DecideBulk
from workflows.domain.case.model import UNDECIDED, Case
from workflows.domain.case.planning import USUAL, target
from workflows.domain.people import WORKING_ROLES
from workflows.domain.policy.limits import Full, Limits, Power, stricter, uses_of_bulk
from workflows.domain.policy.platform import RelatedSpec
from workflows.domain.policy.playbook import PresetAction

ASKING = 2.0
"""Seconds for reading the case: the modal is open already."""
COUNTING = 8.0
"""Seconds for the count of each look-up."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Preview:
    """A submitted modal whose subjects are known, with a digest of its choice."""

    sent: Submitted[BulkMetadata]
    choice: str
    found: Found
    form: BulkForm


@dataclass(frozen=True)
class Outlook:
    """The impact of a decision, the answer of its person's limits, its case; None if unknown."""

    impact: Impact | None
    room: Booked | None
    case: Case | None

    @property
    def full(self) -> Full | None:
        """The limit that the decision would exceed."""
        return self.room.full if self.room is not None else None

    def hurries(self, limits: Limits | None) -> bool:
        """Whether the person's budget of actions would require an approval."""
        spent = self.room.totals.get(Power.ACTIONS, 0) if self.room is not None else 0
        velocity = limits.velocity if limits is not None else None
        return velocity is not None and spent > velocity.actions


class BulkModal(ModalListener[BulkMetadata]):
    """The modal of a bulk decision."""

    carries = BulkMetadata
    whole = "reason"

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._bulk = context.services.bulk_decisions
        self._opening = ModalOpener(context)

    # -- opening --------------------------------------------------------------------------

    async def open(self, press: Press, aim: Handle) -> None:
        """Opens a placeholder at once, and fills it in after reading case and platform."""
        if press.source.place is None:
            await self._screen.answer(press.source, "bot.press.unreadable")
            return
        texts = await self._texts(press.source.person)
        await self._screen.fill(
            press, "bulk", "bot.bulk.loading", texts, lambda: self._drawn(press, aim, texts)
        )

    async def _drawn(self, press: Press, aim: Handle, texts: Catalog) -> View | str:
        """The modal, or the sentence that says why there is none."""
        refused = await self._refused(press.source.person, WORKING_ROLES, texts)
        if refused is not None:
            return refused
        try:
            case = await in_time(self._opening.case(aim), ASKING, "case_not_asked", case=aim.case)
        except CaseOver:
            return texts.say(await self._opening.why_over(aim.case), case=aim.case)
        if case is None:
            return texts.say("bot.modal.not_taken")
        if case.phase not in UNDECIDED:
            return texts.say("bot.modal.case_over", case=aim.case)
        if not case.policy.playbook.bulk:
            return texts.say("refusal.bulk_not_allowed")
        return await self._view(press, aim, case, texts)

    async def _view(self, press: Press, aim: Handle, case: Case, texts: Catalog) -> View | str:
        sources = self._bulk.sources()
        types = {case.subject.type, *(spec.type for spec in sources.values())}
        choices = choices_for(case, types)
        if not choices.actions:
            return texts.say("bot.bulk.no_actions")
        named = {*types, *(spec.of for spec in sources.values())}
        starts = {
            type_: subject
            for type_ in sorted(named)
            if (subject := target(case, type_, aim.version)) is not None
        }
        counted = await self._counted(sources, starts)
        place, today = press.source.place, self._services.policies.limits()
        assert place is not None
        limits = stricter(case.policy.limits, today)
        metadata = BulkMetadata(
            **metadata_for(aim, place, texts.language, choices.limits).model_dump(),
            starts={type_: subject.id for type_, subject in starts.items()},
            bulk=(limits or USUAL).bulk,
            rates=rates_of(limits),
        )
        return bulk_view(choices, counted, metadata, texts)

    async def _counted(
        self, sources: Mapping[str, RelatedSpec], starts: Mapping[str, Subject]
    ) -> Counted:
        asked = [(name, spec) for name, spec in sources.items() if spec.of in starts]
        counting = (
            in_time(
                self._bulk.count(name, starts[spec.of]),
                COUNTING,
                "related_not_counted",
                look_up=name,
            )
            for name, spec in asked
        )
        counts = await asyncio.gather(*counting)
        return [(name, spec, count) for (name, spec), count in zip(asked, counts, strict=True)]

    # -- submitting -----------------------------------------------------------------------

    async def _take(self, ack: AsyncAck, sent: Submitted[BulkMetadata]) -> None:
        """The first submission of a choice previews its impact, the second one decides."""
        form, catalog = read_bulk(sent.view), self._services.policies.catalog()
        faults = faults_of(form, sent.carried.limits, catalog, self._bulk.sources())
        if faults:
            raise Invalid(faults)
        type_ = type_of(form, catalog)
        assert type_ is not None
        if sent.carried.seen is not None and sent.carried.shown == form.choice(type_):
            await self._send(ack, sent, _command(sent, form), sent.carried)
            return
        refused = await self._refused(sent.by.id, WORKING_ROLES, sent.texts)
        if refused is not None:
            await self._refuse_whole(ack, sent.view, refused, sent.texts)
            return
        await self._preview(ack, sent, form, type_)

    async def _preview(
        self, ack: AsyncAck, sent: Submitted[BulkMetadata], form: BulkForm, type_: str
    ) -> None:
        starts = {each: Subject(type=each, id=id_) for each, id_ in sent.carried.starts.items()}
        try:
            async with asyncio.timeout(self._services.timeouts.gather):
                found = await self._bulk.gather(type_, starts, form.sources, form.ids)
        except (Unavailable, TimeoutError) as error:
            _log.warning("bulk_not_gathered", case=sent.carried.case, error=str(error))
            raise Invalid({"reason": Fault(key="bot.bulk.unavailable")}) from error
        _check_size(len(found.subjects), form)
        preview = Preview(sent, form.choice(type_), found, form)
        reading = self._after.start(self._outlook(preview))
        try:
            async with asyncio.timeout(self._services.timeouts.impact):
                drawn = self._previewed(preview, await asyncio.shield(reading))
        except TimeoutError:
            drawn = _undecidable(preview, "bot.bulk.counting")
            self._after.start(self._show_later(preview, reading))
        await ack(response_action="update", view=drawn)

    async def _outlook(self, preview: Preview) -> Outlook:
        """Impact, limits and case, each None without an answer."""
        impact, case = self._bulk.impact(preview.found), preview.sent.carried.case
        return Outlook(
            *await asyncio.gather(
                in_time(impact, None, "bulk_impact_not_read", case=case),
                in_time(self._room(preview), COUNTING, "bulk_limits_not_read", case=case),
                in_time(self._case(preview), ASKING, "case_not_asked", case=case),
            )
        )

    async def _case(self, preview: Preview) -> Case | None:
        """The case; None if it is over. Raises `OutOfReach`."""
        carried = preview.sent.carried
        try:
            return await self._opening.case(
                Handle(carried.case, carried.version, carried.workflow_id)
            )
        except CaseOver:
            return None  # the submission will say so

    async def _room(self, preview: Preview) -> Booked:
        """The answer of the limits to this decision, which books nothing. Raises `Unavailable`."""
        sent, count = preview.sent, len(preview.found.subjects)
        uses = uses_of_bulk(
            sent.carried.rates, "preview", sent.by.id, count, len(preview.form.actions)
        )
        if not uses:
            return Booked()
        return await self._services.limits.room(Booking(uses=uses, at=self._now()))

    async def _show_later(self, preview: Preview, reading: asyncio.Task[Outlook]) -> None:
        outlook = await reading
        await asyncio.sleep(SETTLING)
        await self._screen.redraw(preview.sent.view["id"], self._previewed(preview, outlook))

    def _previewed(self, preview: Preview, outlook: Outlook) -> dict[str, Any]:
        sent, count = preview.sent, len(preview.found.subjects)
        if outlook.impact is None:
            return _undecidable(preview, "bot.bulk.unavailable")
        reader = Reader(texts=sent.texts, zone=UTC)
        asks = count > sent.carried.bulk or outlook.hurries(sent.carried.rates)
        text = confirmation(count, outlook.impact, asks, reader)
        if outlook.full is not None:
            # It can be sent all the same: the case records the refusal, and alerts the leads.
            text = over_limit(count, outlook.impact, outlook.full, reader, self._now())
        carried = sent.carried.model_copy(update={"seen": count, "shown": preview.choice})
        will_send = outlook.case if outlook.full is None else None
        notice = notices(will_send, preview.form, preview.found.subjects, sent.texts)
        return redrawn(sent.view, text, sent.texts.say("bot.bulk.submit"), carried, notice)


def _undecidable(preview: Preview, key: str) -> dict[str, Any]:
    """The modal with its button for a preview, since none was shown."""
    sent = preview.sent
    carried = sent.carried.model_copy(update={"seen": None, "shown": ""})
    return redrawn(sent.view, sent.texts.say(key), sent.texts.say("bot.bulk.preview"), carried)


def _command(sent: Submitted[BulkMetadata], form: BulkForm) -> DecideBulk:
    return DecideBulk(
        by=sent.by,
        version=sent.carried.version,
        sources=form.sources,
        ids=form.ids,
        actions=tuple(PresetAction(action=name, for_=form.duration) for name in form.actions),
        reason=form.reason,
        seen=sent.carried.seen,
    )


def _check_size(count: int, form: BulkForm) -> None:
    block = "sources" if form.sources else "ids"
    if count > MOST:
        raise Invalid({block: Fault(key="bot.bulk.too_many", values={"count": count})})
    if count == 0:
        raise Invalid({block: Fault(key="refusal.bulk_empty")})
