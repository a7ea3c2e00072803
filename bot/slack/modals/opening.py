"""Opening of modals: at once with a placeholder, then filled with the case as it is."""

import asyncio
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.models.views import View

from activities.errors import Unavailable
from activities.slack.handles import Handle
from bot.services.cases import CaseLine
from bot.slack.context import Listener, SlackContext
from bot.slack.interactions import Press, Unreadable, modal_of, preset_of
from bot.slack.modals.decide import with_template
from bot.slack.modals.form import sentence_view
from bot.slack.modals.metadata import decode, metadata_for
from bot.slack.modals.offer import Offer, offer_at, offer_of
from bot.slack.modals.views import view_of
from bot.slack.permissions import EVERYBODY, READS_ONLY, holds, role_needed
from bot.slack.replies import UNHURRIED
from workflows.client import OutOfReach
from workflows.domain.case.model import Case, Phase
from workflows.domain.ids import closed_workflow_id
from workflows.domain.people import WORKING_ROLES, Role
from workflows.domain.values import Language

PATIENCE = 0.8
"""Seconds that a modal is given to be drawn; what takes longer opens empty, and is filled in."""

ASKING = 8.0
"""Seconds that the case is given to say what fits it; then everything is offered."""

LOOKING = 2.0
"""Seconds that the ledger is given for a subject's other cases; then an id is typed."""

CLOSED_TOO = frozenset({"note", "reopen", "all"})
"""Modals that make sense for a case which does not run any more."""

UNDECIDED_ONLY = frozenset({"decide", "handover", "snooze", "wait", "merge", "sure"})
"""Modals that nobody should fill in for a case which is over."""

_log = structlog.get_logger(__name__)


class CaseOver(Exception):
    """No case runs any more where the button points to."""


class ModalOpener(Listener):
    """Opens the modal of a press."""

    async def open(self, press: Press, aim: Handle) -> None:
        """Opens the modal of a press, or tells the person why it did not open."""
        name = modal_of(press.name)
        assert name is not None
        drawing = self._after.start(self._drawn(press, aim, name))
        done, _ = await asyncio.wait({drawing}, timeout=PATIENCE)
        if done:
            await self._show(press, name, drawing.result())
            return
        texts = await self._texts(press.source.person)
        loading = sentence_view(name, texts.say("bot.modal.loading"), texts)
        view_id = await self._screen.begin(press, loading)
        if view_id is not None:
            drawn = await drawing
            view = sentence_view(name, drawn, texts) if isinstance(drawn, str) else drawn
            await self._screen.redraw(view_id, view)

    async def _show(self, press: Press, name: str, drawn: View | str) -> None:
        """Where nothing stands open yet, a sentence needs no modal."""
        if isinstance(drawn, View):
            await self._screen.begin(press, drawn)
        elif not press.view:
            await self._screen.say(press.source, drawn)
        else:
            texts = await self._texts(press.source.person)
            await self._screen.redraw(press.view, sentence_view(name, drawn, texts))

    async def say(self, press: Press, key: str) -> None:
        """What became of a press, in the modal where it was made."""
        texts = await self._texts(press.source.person)
        await self._screen.redraw(press.view, sentence_view("all", texts.say(key), texts))

    async def _drawn(self, press: Press, aim: Handle, name: str) -> View | str:
        """The modal, or the sentence that says why there is none.

        Nobody types what would be refused. Who is not known types: the case asks again.
        """
        person, allowed = press.source.person, _allowed(name)
        asking = asyncio.gather(
            self._offer(aim, name),
            holds(self._services.people, person, allowed),
            return_exceptions=True,
        )
        texts = await self._texts(person, UNHURRIED)
        offer, may = await asking
        if isinstance(offer, CaseOver):
            return texts.say("bot.modal.case_over", case=aim.case)
        if isinstance(offer, BaseException):
            raise offer
        if may is False:
            return await role_needed(self._services.people, allowed, texts)
        try:
            return self._view(press, aim, offer, texts.language)
        except Unreadable:
            return texts.say("bot.press.unreadable")

    def _view(self, press: Press, aim: Handle, offer: Offer, language: Language) -> View:
        if press.source.place is None:
            raise Unreadable("a modal of a case opens from a message")
        name, preset = modal_of(press.name), preset_of(press.name)
        assert name is not None
        if preset is not None and offer.view is not None:
            # What is asked is asked as of now, whatever stood on the card that was pressed.
            aim = aim._replace(version=offer.view.version)
        limits = offer.limits if name == "decide" else None
        metadata = metadata_for(aim, press.source.place, language, limits, preset)
        return view_of(name, offer, metadata, self._services.texts(language))

    async def offer(self, aim: Handle) -> Offer:
        """What a modal that stands open already has to choose from. Raises `CaseOver`."""
        return await self._offer(aim, "decide")

    async def _offer(self, aim: Handle, name: str) -> Offer:
        try:
            async with asyncio.timeout(ASKING):
                case = await self._case(aim)
        except (OutOfReach, TimeoutError) as error:
            _log.warning("case_not_asked", case=aim.case, error=str(error))
            case = None
        except CaseOver:
            if name not in CLOSED_TOO:
                raise
            case = None
        if case is None:
            return offer_at(aim.workflow_id, self._services.policies)
        if case.phase is Phase.CLOSED and name in UNDECIDED_ONLY:
            raise CaseOver(aim.case)
        others = await self._others(case) if name == "merge" else ()
        return offer_of(case).model_copy(update={"others": others})

    async def _case(self, aim: Handle) -> Case | None:
        """The case, where it was opened or was woken up after its end; None while it wakes up.

        Raises `CaseOver` and `OutOfReach`.
        """
        for workflow_id in dict.fromkeys((aim.workflow_id, closed_workflow_id(aim.case))):
            memory = await self._services.cases.memory(workflow_id)
            if memory is not None and (memory.case is None or memory.case.id == aim.case):
                return memory.case
        raise CaseOver(aim.case)

    async def _others(self, case: Case) -> tuple[CaseLine, ...]:
        try:
            async with asyncio.timeout(LOOKING):
                past = await self._services.ledger.past(case.subject)
        except (Unavailable, TimeoutError) as error:
            _log.warning("other_cases_not_asked", case=case.id, error=str(error))
            return ()
        return tuple(
            line for line in past.cases if line.phase is not Phase.CLOSED and line.id != case.id
        )


def _allowed(name: str) -> frozenset[Role]:
    """Who may at all send this modal; policy says who approves, and whom a role covers for."""
    if name == "all":  # whoever reads may watch, and look
        return EVERYBODY
    return EVERYBODY - READS_ONLY if name in ("reject", "ask") else WORKING_ROLES


class Templates(Listener):
    """The listener of the choice."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._opening = ModalOpener(context)

    async def chosen(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes the choice; the modal is drawn anew beside the request."""
        await ack()
        self._after.start(self._fill(body["view"]))

    async def _fill(self, view: dict[str, Any]) -> None:
        try:
            metadata = decode(str(view.get("private_metadata", "")))
            aim = Handle(
                case=metadata.case, version=metadata.version, workflow_id=metadata.workflow_id
            )
            offer = await self._opening.offer(aim)
        except (Unreadable, CaseOver) as error:
            # Whoever submits it will hear why; what was typed stays where it is.
            _log.warning("template_not_filled", error=str(error))
            return
        filled = with_template(view, offer, self._services.texts(metadata.language))
        await self._screen.redraw(str(view["id"]), filled)
