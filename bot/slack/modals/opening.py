"""Modal opener: a modal opens within Slack's 3 s, with a placeholder while its case is read."""

import asyncio
from collections.abc import Iterable
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.models.views import View

from activities.slack.actions import MODALS, SlackAction, find, preset_of
from activities.slack.handles import Handle
from activities.slack.i18n.catalog import Catalog
from bot.services.cases import CaseLine
from bot.slack.interactions import Press, Unreadable
from bot.slack.listener import Listener, SlackContext
from bot.slack.modals.choices import Choices, choices_at, choices_of
from bot.slack.modals.decide import with_template
from bot.slack.modals.forms import view_of
from bot.slack.modals.metadata import Metadata, decode, metadata_for
from bot.slack.permissions import holds, role_needed
from bot.slack.replies import in_time
from workflows.domain.alerts import MANUAL_DETECTORS
from workflows.domain.case.model import Case, Phase
from workflows.domain.ids import closed_workflow_id
from workflows.domain.people import Role

SNOOZE = "snooze_detector"

_log = structlog.get_logger(__name__)


class CaseOver(Exception):
    """The case of a button is closed and cannot take its command."""


class ModalOpener(Listener):
    """Opens the modal of a press."""

    async def open(self, press: Press, aim: Handle) -> None:
        """Opens the modal, or answers why it does not open."""
        action = find(press.name)
        assert action is not None
        assert action.modal is not None
        drawing = self._after.start(self._drawn(press, aim, action, action.modal))
        done, _ = await asyncio.wait({drawing}, timeout=self._services.timeouts.draw)
        if done:
            await self._show(press, action.modal, drawing.result())
            return
        texts = await self._texts(press.source.person)
        await self._screen.fill(press, action.modal, "bot.modal.loading", texts, lambda: drawing)

    async def _show(self, press: Press, name: str, drawn: View | str) -> None:
        """A sentence opens no modal of its own."""
        if isinstance(drawn, View):
            await self._screen.begin(press, drawn)
        elif not press.view:
            await self._screen.say(press.source, drawn)
        else:
            texts = await self._texts(press.source.person)
            await self._screen.show(press.view, name, drawn, texts)

    async def say(self, press: Press, key: str) -> None:
        """Shows the outcome of a press in the modal around its button."""
        texts = await self._texts(press.source.person)
        await self._screen.show(press.view, "all", texts.say(key), texts)

    async def _drawn(self, press: Press, aim: Handle, action: SlackAction, name: str) -> View | str:
        """The modal, or the sentence that says why there is none.

        Nobody types what would be refused. Unknown roles count as allowed: the case checks again.
        """
        person = press.source.person
        asking = asyncio.gather(
            self.choices(aim, action),
            holds(self._services.people, person, action.roles, self._services.timeouts.roles),
            return_exceptions=True,
        )
        texts = await self._texts(person, self._services.timeouts.language_after_ack)
        choices, may = await asking
        if isinstance(choices, CaseOver):
            return texts.say(await self.why_over(aim.case), case=aim.case)
        if isinstance(choices, BaseException):
            raise choices
        if may is False:
            return await role_needed(self._services.people, action.roles, texts)
        if name == SNOOZE:
            choices = await self._with_detectors(choices, aim, person)
        try:
            return self._view(press, aim, name, choices, texts)
        except Unreadable:
            return texts.say("bot.press.unreadable")

    async def _with_detectors(self, choices: Choices, aim: Handle, person: str) -> Choices:
        """Adds the detectors of the case, of a closed one from the ledger, and how long is allowed.

        A person whose role is unknown may choose a lead's time: the case checks again.
        """
        services, within = self._services, self._services.timeouts
        found: Iterable[str] = choices.case.detectors if choices.case is not None else ()
        if choices.case is None:
            asking = services.ledger.detectors_of(aim.case)
            read = await in_time(asking, within.others, "detectors_not_read", case=aim.case)
            found = read or ()
        known = services.policies.detectors()
        titles = {
            name: known[name].title if name in known else None
            for name in sorted(set(found) - MANUAL_DETECTORS)
        }
        lead = await holds(services.people, person, frozenset({Role.LEAD}), within.roles)
        return choices.model_copy(update={"detectors": titles, "lead": lead is not False})

    async def why_over(self, case: str) -> str:
        """The key of the sentence: a case that is open in the ledger was lost at Temporal."""
        seconds = self._services.timeouts.others
        lost = await in_time(
            self._services.ledger.is_open(case), seconds, "case_not_read", case=case
        )
        return "refusal.case_lost" if lost else "bot.modal.case_over"

    def _view(self, press: Press, aim: Handle, name: str, choices: Choices, texts: Catalog) -> View:
        if press.source.place is None:
            raise Unreadable("a modal of a case opens from a message")
        preset = preset_of(press.name)
        if preset is not None and choices.view is not None:
            # The question shows the case as it is now, so the answer is about this version.
            aim = aim._replace(version=choices.view.version)
        limits = choices.limits if name == "decide" else None
        metadata = metadata_for(aim, press.source.place, texts.language, limits, preset)
        return view_of(name, choices, metadata, texts)

    async def choices(self, aim: Handle, action: SlackAction) -> Choices:
        """The choices of the modal of `action`. Raises `CaseOver`."""
        seconds = self._services.timeouts.case
        try:
            case = await in_time(self.case(aim), seconds, "case_not_asked", case=aim.case)
        except CaseOver:
            if not action.closed_too:
                raise
            case = None
        if case is None:
            return choices_at(aim.workflow_id, self._services.policies)
        if case.phase is Phase.CLOSED and Phase.CLOSED not in action.phases:
            raise CaseOver(aim.case)
        others = await self._others(case) if action.modal == "merge" else ()
        return choices_of(case).model_copy(update={"others": others})

    async def case(self, aim: Handle) -> Case | None:
        """The case, by the workflow that opened it or the one that reopened it.

        None while it starts again. Raises `CaseOver` and `OutOfReach`.
        """
        for workflow_id in dict.fromkeys((aim.workflow_id, closed_workflow_id(aim.case))):
            memory = await self._services.cases.memory(workflow_id)
            if memory is not None and (memory.case is None or memory.case.id == aim.case):
                return memory.case
        raise CaseOver(aim.case)

    async def _others(self, case: Case) -> tuple[CaseLine, ...]:
        asking = self._services.ledger.past(case.subject)
        past = await in_time(
            asking, self._services.timeouts.others, "other_cases_not_asked", case=case.id
        )
        lines = past.cases if past is not None else ()
        return tuple(
            line for line in lines if line.phase is not Phase.CLOSED and line.id != case.id
        )


class NoticePreview(Listener):
    """The listener of the fields of `decide` that change the preview of the notice."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._opening = ModalOpener(context)

    async def chosen(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Redraws the modal with the reason and the notice of what is chosen."""
        await ack()
        self._after.start(self._fill(body["view"]))

    async def _fill(self, view: dict[str, Any]) -> None:
        try:
            metadata = decode(str(view.get("private_metadata", "")), Metadata)
            aim = Handle(metadata.case, metadata.version, metadata.workflow_id)
            choices = await self._opening.choices(aim, MODALS["decide"])
        except (Unreadable, CaseOver) as error:
            # The submission will say why; typed text stays in place.
            _log.warning("template_not_filled", error=str(error))
            return
        filled = with_template(view, choices, self._services.texts(metadata.language))
        await self._screen.redraw(str(view["id"]), filled)
