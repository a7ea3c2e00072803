"""Bulk decision: its modal is opened, filled from the platform, and submitted."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.errors import Unavailable
from activities.platform.related import Found
from activities.slack.escape import plain
from activities.slack.handles import Handle
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from bot.services.bulk import Wanted
from bot.slack.bulk.form import (
    BulkFault,
    BulkForm,
    BulkMetadata,
    decode,
    faults_of,
    read_bulk,
    type_of,
)
from bot.slack.bulk.views import Counted, bulk_view, loading_view, redrawn, sentence_view, sure
from bot.slack.context import Listener, SlackContext
from bot.slack.interactions import Press, Unreadable, submission_id
from bot.slack.modals.form import OPTION_TEXT
from bot.slack.modals.offer import Offer, offer_for
from bot.slack.permissions import UNKNOWN, holds, role_needed
from bot.slack.replies import store
from workflows.client import OutOfReach
from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import MOST, Impact
from workflows.domain.case.commands import Click, DecideBulk
from workflows.domain.case.model import UNDECIDED, Case
from workflows.domain.case.rules.bulk import start_of
from workflows.domain.case.rules.decisions import bulk_limit
from workflows.domain.people import WORKING_ROLES, Actor
from workflows.domain.policy.platform import RelatedSpec
from workflows.domain.policy.playbook import PresetAction

ASKING = 2.0
"""Seconds that the case is given: the modal stands open already."""
COUNTING = 8.0
"""Seconds that each look-up is given for its count."""
GATHERING = 1.5
"""Seconds that the look-ups are given before the ack, which Slack waits 3 s for."""
ADDING = 0.8
"""Seconds more, for adding up what they touch; what takes longer is shown when it is there."""
SETTLING = 0.5
"""Seconds in which Slack takes the answer to a submission."""
WHOLE = "reason"
"""Under this block stands what is wrong with the whole."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Shown:
    """A modal whose choice is about to be shown with what it touches."""

    view: dict[str, Any]
    metadata: BulkMetadata
    choice: str
    found: Found


class BulkModal(Listener):
    """Opens the modal, previews, and sends the decision to its case."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._bulk_ledger = context.services.bulk_decisions

    # -- opening --------------------------------------------------------------------------

    async def open(self, press: Press, aim: Handle) -> None:
        """Opens at once, and fills in what takes longer than a trigger lives."""
        if press.source.place is None:
            await self._screen.tell(press.source, "bot.press.unreadable")
            return
        texts = await self._texts(press.source.person)
        view_id = await self._screen.begin(press, loading_view(texts))
        if view_id is None:
            return
        refused = await self._refused(press.source.person, texts)
        if refused is not None:
            await self._screen.redraw(view_id, sentence_view(refused, texts))
            return
        case = await self._case(aim)
        problem = _closed_to_bulk(case)
        if case is None or problem is not None:
            key = problem or "bot.modal.not_taken"
            await self._screen.redraw(view_id, sentence_view(texts.say(key, case=aim.case), texts))
            return
        await self._fill(view_id, press, aim, case, texts)

    async def _refused(self, person: str, texts: Catalog) -> str | None:
        """Why this person is shown nobody; the case asks again when they decide."""
        people = self._services.people
        may = await holds(people, person, WORKING_ROLES)
        if may is None:
            return texts.say(UNKNOWN)
        return None if may else await role_needed(people, WORKING_ROLES, texts)

    async def _case(self, aim: Handle) -> Case | None:
        try:
            async with asyncio.timeout(ASKING):
                memory = await self._services.cases.memory(aim.workflow_id)
        except (OutOfReach, TimeoutError) as error:
            _log.warning("case_not_asked", case=aim.case, error=str(error))
            return None
        case = memory.case if memory is not None else None
        return case if case is not None and case.id == aim.case else None

    async def _fill(
        self, view_id: str, press: Press, aim: Handle, case: Case, texts: Catalog
    ) -> None:
        sources = self._bulk_ledger.sources()
        types = {case.subject.type, *(spec.type for spec in sources.values())}
        offer = offer_for(case, types)
        if not offer.actions:
            view = sentence_view(texts.say("bot.bulk.no_actions"), texts)
            await self._screen.redraw(view_id, view)
            return
        starts = _starts(case, {*types, *(spec.of for spec in sources.values())}, aim.version)
        counted = await self._counted(sources, starts)
        metadata = _metadata(press, aim, texts, offer, case, starts)
        await self._screen.redraw(view_id, bulk_view(offer, counted, metadata, texts))

    async def _counted(
        self, sources: Mapping[str, RelatedSpec], starts: Mapping[str, Subject]
    ) -> Counted:
        asked = [(name, spec) for name, spec in sources.items() if spec.of in starts]
        counts = await asyncio.gather(*(self._count(name, starts[spec.of]) for name, spec in asked))
        return [(name, spec, count) for (name, spec), count in zip(asked, counts, strict=True)]

    async def _count(self, name: str, start: Subject) -> int | None:
        try:
            async with asyncio.timeout(COUNTING):
                return await self._bulk_ledger.count(name, start)
        except (Unavailable, TimeoutError) as error:
            _log.warning("related_not_counted", look_up=name, error=str(error))
            return None

    # -- submitting -----------------------------------------------------------------------

    async def submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """First shows what it touches; the same choice submitted again is the decision."""
        view = body["view"]
        try:
            metadata = decode(str(view.get("private_metadata", "")))
        except Unreadable as error:
            _log.warning("modal_unreadable", error=str(error))
            texts = self._services.texts(self._services.language)
            await _refuse(ack, {WHOLE: texts.say("bot.modal.unreadable")})
            return
        texts = self._services.texts(metadata.language)
        form, catalog = read_bulk(view), self._services.policies.catalog()
        faults = faults_of(form, metadata.limits, catalog, self._bulk_ledger.sources())
        if faults:
            told = {block: worded(fault, texts) for block, fault in faults.items()}
            await _refuse(ack, _in_view(told, view))
            return
        type_ = type_of(form, catalog)
        assert type_ is not None
        if metadata.seen is not None and metadata.shown == form.choice(type_):
            await self._send(ack, body, metadata, form)
            return
        refused = await self._refused(str(body["user"]["id"]), texts)
        if refused is not None:
            await _refuse(ack, {WHOLE: refused})
            return
        await self._preview(ack, view, metadata, form, type_)

    async def _preview(
        self,
        ack: AsyncAck,
        view: dict[str, Any],
        metadata: BulkMetadata,
        form: BulkForm,
        type_: str,
    ) -> None:
        texts = self._services.texts(metadata.language)
        starts = {each: Subject(type=each, id=id_) for each, id_ in metadata.starts.items()}
        wanted = Wanted(type=type_, starts=starts, sources=form.sources, ids=form.ids)
        try:
            async with asyncio.timeout(GATHERING):
                found = await self._bulk_ledger.gather(wanted)
        except (Unavailable, TimeoutError) as error:
            _log.warning("ring_not_gathered", case=metadata.case, error=str(error))
            await _refuse(ack, {WHOLE: texts.say("bot.bulk.away")})
            return
        wrong = _wrong_size(len(found.subjects))
        if wrong is not None:
            block = "sources" if form.sources else "ids"
            await _refuse(ack, _in_view({block: worded(wrong, texts)}, view))
            return
        shown = Shown(view=view, metadata=metadata, choice=form.choice(type_), found=found)
        reading = self._after.start(self._blast(metadata.case, found))
        try:
            async with asyncio.timeout(ADDING):
                drawn = self._drawn(shown, await asyncio.shield(reading), texts)
        except TimeoutError:
            drawn = self._redrawn(shown, texts.say("bot.bulk.counting"), texts)
            self._after.start(self._show_later(shown, reading, texts))
        await ack(response_action="update", view=drawn)

    async def _blast(self, case: str, found: Found) -> Impact | None:
        """What it would touch; None where the platform does not tell."""
        try:
            return await self._bulk_ledger.impact(found)
        except Unavailable as error:
            _log.warning("ring_not_read", case=case, error=str(error))
            return None

    async def _show_later(
        self, shown: Shown, reading: asyncio.Task[Impact | None], texts: Catalog
    ) -> None:
        touched = await reading
        # Slack has to have taken the answer to the submission before: it would undo this one.
        await asyncio.sleep(SETTLING)
        await self._screen.redraw(shown.view["id"], self._drawn(shown, touched, texts))

    def _drawn(self, shown: Shown, touched: Impact | None, texts: Catalog) -> dict[str, Any]:
        if touched is None:
            return self._redrawn(shown, texts.say("bot.bulk.away"), texts)
        count = len(shown.found.subjects)
        asks = count > shown.metadata.bulk
        text = sure(count, touched, asks, Reader(texts=texts, zone=UTC))
        seen = shown.metadata.model_copy(update={"seen": count, "shown": shown.choice})
        return redrawn(shown.view, text, texts.say("bot.bulk.submit"), seen)

    def _redrawn(self, shown: Shown, text: str, texts: Catalog) -> dict[str, Any]:
        """With a button that looks again, since nothing was shown."""
        unseen = shown.metadata.model_copy(update={"seen": None, "shown": ""})
        return redrawn(shown.view, text, texts.say("bot.bulk.preview"), unseen)

    async def _send(
        self, ack: AsyncAck, body: dict[str, Any], metadata: BulkMetadata, form: BulkForm
    ) -> None:
        command = DecideBulk(
            by=Actor(id=str(body["user"]["id"])),
            version=metadata.version,
            sources=form.sources,
            ids=form.ids,
            actions=tuple(PresetAction(action=name, for_=form.duration) for name in form.actions),
            reason=form.reason,
            seen=metadata.seen,
        )
        id_ = submission_id(body["view"])
        click = Click(
            id=id_,
            case=metadata.case,
            command=command,
            place=metadata.place,
            received_at=self._now(),
        )
        if await store(self._services.cases, metadata.workflow_id, click):
            await ack()
            return
        _log.warning("submission_not_stored", case=metadata.case, command=command.kind)
        texts = self._services.texts(metadata.language)
        await _refuse(ack, {WHOLE: texts.say("bot.modal.not_taken")})


def _closed_to_bulk(case: Case | None) -> str | None:
    """Why no ring can be decided for this case; the key of the sentence."""
    if case is None:
        return None
    if case.phase not in UNDECIDED:
        return "bot.modal.case_over"
    return None if case.policy.playbook.bulk else "refusal.bulk_not_allowed"


def _starts(case: Case, types: set[str], version: int) -> dict[str, Subject]:
    found = ((each, start_of(case, each, version)) for each in sorted(types))
    return {type_: subject for type_, subject in found if subject is not None}


def _metadata(
    press: Press,
    aim: Handle,
    texts: Catalog,
    offer: Offer,
    case: Case,
    starts: Mapping[str, Subject],
) -> BulkMetadata:
    place = press.source.place
    assert place is not None
    return BulkMetadata(
        workflow_id=aim.workflow_id,
        case=aim.case,
        version=aim.version,
        channel=place.channel,
        thread=place.thread,
        language=texts.language,
        limits=offer.limits,
        starts={type_: subject.id for type_, subject in starts.items()},
        bulk=bulk_limit(case).bulk,
    )


def _wrong_size(count: int) -> BulkFault | None:
    if count > MOST:
        return BulkFault(key="bot.bulk.too_many", values={"count": count})
    return BulkFault(key="refusal.bulk_empty") if count == 0 else None


def worded(fault: BulkFault, texts: Catalog) -> str:
    """What is wrong, as plain text."""
    if fault.limit is not None:
        return texts.say(fault.key, limit=texts.duration(fault.limit))
    if fault.title is not None:
        title = plain(fault.title.in_(texts.language), OPTION_TEXT)
        return texts.say(fault.key, title=title)
    return texts.say(fault.key, **fault.values)


def _in_view(errors: dict[str, str], view: Mapping[str, Any]) -> dict[str, str]:
    """Slack refuses an answer about a field that the modal does not have."""
    there = {block.get("block_id") for block in view["blocks"] if block.get("type") == "input"}
    return {block if block in there else WHOLE: text for block, text in errors.items()}


async def _refuse(ack: AsyncAck, errors: dict[str, str]) -> None:
    await ack(response_action="errors", errors=errors)
