"""Modals that come back: checked, stored with their case, and only then closed."""

from datetime import timedelta
from typing import Any

import structlog
from slack_bolt.context.ack.async_ack import AsyncAck

from activities.slack.text.texts import Catalog
from bot.slack.doors import Doors
from bot.slack.modals.form import Faults, Form, faults_of, read_form, read_reason
from bot.slack.modals.metadata import Metadata, decode
from bot.slack.press import Unreadable, submission_id
from bot.slack.sending import store
from workflows.domain.commands import Click, Decide, PersonCommand, Reject
from workflows.domain.decision import Verdict
from workflows.domain.people import Actor
from workflows.domain.playbook.model import PresetAction

_log = structlog.get_logger(__name__)

# Both modals have this block: what is wrong with the whole is said under it.
WHOLE = "reason"


class Submissions:
    """The listeners of `decide` and `reject`. What a person typed survives every refusal."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def decided(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes the modal `decide`."""
        metadata = await self._metadata(ack, body)
        if metadata is None:
            return
        form = read_form(body["view"])
        faults = faults_of(form, metadata.limits)
        if faults:
            await _refuse(ack, self._worded(faults, metadata))
            return
        await self._send(ack, body, metadata, _decide(form, _by(body), metadata.version))

    async def rejected(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes the modal `reject`."""
        metadata = await self._metadata(ack, body)
        if metadata is None:
            return
        reason = read_reason(body["view"])
        if not reason:
            texts = self._doors.texts(metadata.language)
            await _refuse(ack, {WHOLE: texts.say("bot.fault.reason_needed")})
            return
        command = Reject(by=_by(body), version=metadata.version, reason=reason)
        await self._send(ack, body, metadata, command)

    async def _metadata(self, ack: AsyncAck, body: dict[str, Any]) -> Metadata | None:
        try:
            return decode(str(body["view"].get("private_metadata", "")))
        except Unreadable as error:
            _log.warning("modal_unreadable", error=str(error))
            texts = self._doors.texts(self._doors.language)
            await _refuse(ack, {WHOLE: texts.say("bot.modal.unreadable")})
            return None

    async def _send(
        self, ack: AsyncAck, body: dict[str, Any], metadata: Metadata, command: PersonCommand
    ) -> None:
        click = Click(
            id=submission_id(str(body["view"].get("id", "")), command),
            case=metadata.case,
            command=command,
            place=metadata.place,
        )
        if await store(self._doors.cases, metadata.route, click):
            await ack()
            return
        _log.warning("submission_not_stored", case=metadata.case, command=command.kind)
        texts = self._doors.texts(metadata.language)
        await _refuse(ack, {WHOLE: texts.say("bot.modal.not_taken")})

    def _worded(self, faults: Faults, metadata: Metadata) -> dict[str, str]:
        texts = self._doors.texts(metadata.language)
        return {block: _worded(fault, metadata, texts) for block, fault in faults.items()}


def _worded(fault: tuple[str, str | None], metadata: Metadata, texts: Catalog) -> str:
    key, action = fault
    if action is None:
        return texts.say(key)
    limit = timedelta(seconds=metadata.limits[action])
    return texts.say(key, limit=texts.duration(limit))


async def _refuse(ack: AsyncAck, errors: dict[str, str]) -> None:
    await ack(response_action="errors", errors=errors)


def _by(body: dict[str, Any]) -> Actor:
    return Actor(id=str(body["user"]["id"]))


def _decide(form: Form, by: Actor, version: int) -> Decide:
    assert form.verdict is not None
    violation = form.verdict is Verdict.VIOLATION
    return Decide(
        by=by,
        version=version,
        verdict=form.verdict,
        actions=tuple(PresetAction(action=name, for_=form.duration) for name in form.actions),
        policy=form.policy if violation else None,
        reason=form.reason,
    )
