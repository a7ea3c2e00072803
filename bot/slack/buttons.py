"""Buttons: a press is stored with its case, or its person notified, before the ack."""

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.slack.actions import find, snooze_of
from activities.slack.handles import Handle
from bot.slack.bulk.decide import BulkModal
from bot.slack.bulk.form import BulkList
from bot.slack.evidence.pages import EvidenceList
from bot.slack.interactions import Press, command_for, press_id, read_handle
from bot.slack.listener import ButtonListener, SlackContext
from bot.slack.modals.metadata import placed
from bot.slack.modals.opening import ModalOpener
from bot.slack.replies import NotTaken
from bot.slack.timeline import TimelineModal
from workflows.domain.case.commands import PersonCommand, Place

_log = structlog.get_logger(__name__)


class CaseButtons(ButtonListener):
    """The listener of every button and menu that is about a case."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._modals = ModalOpener(context)
        lists = (TimelineModal(context), BulkList(context), EvidenceList(context))
        self._pagers = {each.pager: each.open for each in lists}
        self._openers = {
            "bulk": BulkModal(context).open,
            **{each.modal: each.open for each in lists},
        }

    async def _take(self, ack: AsyncAck, press: Press) -> None:
        """Stores a press, opens its modal, or says why neither happened."""
        press = placed(press)
        if press.url:
            await ack()
            return
        aim, action = read_handle(press), find(press.name)
        opens = self._pagers.get(press.pager)
        if action is not None and action.modal is not None:
            opens = self._openers.get(action.modal, self._modals.open)
        command = command_for(press.name, press.source.person, aim.version)
        if opens is None and command is not None and press.source.place is not None:
            await self._send(ack, press, aim, command, press.source.place)
            return
        await ack()
        if opens is not None:
            self._after.start(opens(press, aim))
        else:
            self.later(press.source, "bot.press.unknown")

    async def _send(
        self, ack: AsyncAck, press: Press, aim: Handle, command: PersonCommand, place: Place
    ) -> None:
        stored = await self._store(press_id(press), aim, command, place)
        if not stored:
            _log.warning("click_not_stored", case=aim.case, command=command.kind)
        # Acknowledged without a word, a lost press would look as if it had worked.
        if not stored and not press.view:
            said = await self.in_time(press.source, "bot.press.not_taken", case=aim.case)
            if not said:
                raise NotTaken(aim.case)
        await ack()
        if stored and snooze_of(press.name) is not None:
            # Its card may be far from the list with the button.
            self.later(press.source, "bot.snoozes.ending")
        if press.view:
            key = "bot.all.taken" if stored else "bot.all.not_taken"
            self._after.start(self._modals.say(press, key))
