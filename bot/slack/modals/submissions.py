"""Modals that come back: checked, stored with their case, and only then closed."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.slack.text.texts import Catalog
from bot.services.slack import Services
from bot.slack.modals.form import Fault
from bot.slack.modals.frame import sentence_view
from bot.slack.modals.kinds import KINDS, Kind, Submitted
from bot.slack.modals.metadata import Metadata, decode
from bot.slack.press import Unreadable, submission_id
from bot.slack.sending import store
from workflows.domain.commands import Click, PersonCommand
from workflows.domain.people import Actor

_log = structlog.get_logger(__name__)


class Submissions:
    """The listener of every modal. What a person typed survives every refusal."""

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    async def submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes a modal: its command is stored, or what is wrong stands under its field."""
        view = body["view"]
        kind = KINDS[str(view["callback_id"])]
        metadata = await self._metadata(ack, view, kind)
        if metadata is None:
            return
        by = Actor(id=str(body["user"]["id"]))
        read = kind.read(Submitted(view=view, by=by, metadata=metadata, now=self._now()))
        if isinstance(read, dict):
            texts = self._services.texts(metadata.language)
            await _refuse(ack, {block: _worded(fault, texts) for block, fault in read.items()})
            return
        await self._send(ack, view, metadata, read)

    async def _metadata(self, ack: AsyncAck, view: dict[str, Any], kind: Kind) -> Metadata | None:
        try:
            return decode(str(view.get("private_metadata", "")))
        except Unreadable as error:
            _log.warning("modal_unreadable", error=str(error))
            texts = self._services.texts(self._services.language)
            await _refuse_whole(ack, view, kind, "bot.modal.unreadable", texts)
            return None

    async def _send(
        self, ack: AsyncAck, view: dict[str, Any], metadata: Metadata, command: PersonCommand
    ) -> None:
        click = Click(
            id=submission_id(view),
            case=metadata.case,
            command=command,
            place=metadata.place,
            received_at=self._now(),
        )
        if await store(self._services.cases, metadata.route, click):
            await ack()
            return
        _log.warning("submission_not_stored", case=metadata.case, command=command.kind)
        kind = KINDS[str(view["callback_id"])]
        texts = self._services.texts(metadata.language)
        await _refuse_whole(ack, view, kind, "bot.modal.not_taken", texts)


def _worded(fault: Fault, texts: Catalog) -> str:
    if fault.limit is None:
        return texts.say(fault.key)
    return texts.say(fault.key, limit=texts.duration(fault.limit))


async def _refuse_whole(
    ack: AsyncAck, view: dict[str, Any], kind: Kind, key: str, texts: Catalog
) -> None:
    """Says what is wrong with all of it; the modal stays as it is."""
    if kind.whole is not None:
        await _refuse(ack, {kind.whole: texts.say(key)})
        return
    above = sentence_view(str(view["callback_id"]), texts.say(key), texts)
    await ack(response_action="push", view=above)


async def _refuse(ack: AsyncAck, errors: dict[str, str]) -> None:
    await ack(response_action="errors", errors=errors)
