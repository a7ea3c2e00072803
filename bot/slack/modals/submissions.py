"""Submissions of the modals about a case."""

from collections.abc import Mapping
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck

from activities.slack.actions import MODALS
from bot.slack.modals.base import ModalListener, Submitted
from bot.slack.modals.forms import FORMS
from bot.slack.modals.metadata import Metadata


class Submissions(ModalListener[Metadata]):
    """The listener of every form in `FORMS`."""

    carries = Metadata

    def _whole_of(self, view: Mapping[str, Any]) -> str | None:
        return FORMS[str(view["callback_id"])].whole

    async def _take(self, ack: AsyncAck, sent: Submitted[Metadata]) -> None:
        name, carried = str(sent.view["callback_id"]), sent.carried
        make = MODALS[name].command
        assert make is not None
        command = make(by=sent.by, version=carried.version, **FORMS[name].read(sent))
        await self._send(ack, sent, command, carried)
