"""Modal that asks why personal data is wanted, and the look-up that it records."""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from pydantic import ValidationError
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.models.blocks import Block, ContextBlock, MarkdownTextObject, PlainTextObject
from slack_sdk.models.views import View

from activities.errors import Unavailable
from activities.slack.i18n.catalog import Catalog
from bot.services.cases import LookedUp
from bot.services.lookups import Fact
from bot.slack.commands.pages import fact_line
from bot.slack.commands.parser import case_named
from bot.slack.context import Listener
from bot.slack.interactions import Press
from bot.slack.modals.form import field, many_lines, one_line, words_in
from bot.slack.rendering import sections, subject_name
from workflows.domain.alerts import Subject
from workflows.domain.values import Language, Value

CALLBACK = "reveal"
SETTLING = 0.5
"""Seconds in which Slack takes the answer to a submission."""
ROLES = 0.5
"""Seconds that roles are given before the modal opens; they are asked for again afterwards."""

_log = structlog.get_logger(__name__)


class Aim(Value):
    """What the modal carries: whom it is about."""

    subject: Subject
    language: Language


def subject_pressed(value: str) -> Subject | None:
    """The subject in a button's value, `type:id`."""
    type_, _, id_ = value.partition(":")
    try:
        return Subject(type=type_, id=id_)
    except ValidationError:
        return None


class RevealModal(Listener):
    """Opens the modal that asks why, and shows what was asked for."""

    async def open(self, press: Press, subject: Subject) -> None:
        """Asks why, unless it is clear already that this person may not."""
        if not await self._may(press.source.person, ROLES):
            await self._screen.tell(press.source, "bot.reveal.no_role")
            return
        texts = await self._texts(press.source.person)
        aim = Aim(subject=subject, language=texts.language)
        await self._screen.open(press.source, _asking(aim, texts))

    async def submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes the reason; what is shown follows in the same modal."""
        view, person = body["view"], str(body["user"]["id"])
        try:
            aim = Aim.model_validate_json(str(view.get("private_metadata", "")))
        except ValidationError:
            texts = self._services.texts(self._services.language)
            await _refuse(ack, {"reason": texts.say("bot.modal.unreadable")})
            return
        texts = self._services.texts(aim.language)
        reason, typed = words_in(view, "reason"), words_in(view, "case")
        case = case_named(typed) if typed else None
        if typed and case is None:
            await _refuse(ack, {"case": texts.say("bot.fault.into_needed")})
        elif not reason and case is None:
            await _refuse(ack, {"reason": texts.say("bot.reveal.reason_needed")})
        else:
            await ack(response_action="update", view=_told(texts.say("bot.modal.loading"), texts))
            shown = self._shown(str(view["id"]), person, aim, reason, case)
            self._after.start(shown)

    async def _shown(
        self, view_id: str, person: str, aim: Aim, reason: str, case: str | None
    ) -> None:
        texts = self._services.texts(aim.language)
        blocks = await self._blocks(person, aim.subject, reason, case, texts)
        # Slack has to have taken the answer to the submission before: it would undo this one.
        await asyncio.sleep(SETTLING)
        await self._screen.redraw(view_id, _showing(blocks, texts))

    async def _blocks(
        self, person: str, subject: Subject, reason: str, case: str | None, texts: Catalog
    ) -> Sequence[dict[str, Any]]:
        """What is shown; without the right, or without a record of it, only a sentence."""
        try:
            roles = await self._services.people.roles(person)
            if not self._services.policies.look_ups().may_reveal(roles):
                _log.warning("reveal_refused", person=person)
                return sections([texts.say("bot.reveal.no_role")])
            if case is not None and await self._services.ledger.story(case) is None:
                return sections([texts.say("refusal.unknown_case", case=case)])
            await self._write_down(person, subject, reason, case)
            facts = await self._services.platform.look_up(subject.type, subject.id)
        except Unavailable as error:
            _log.warning("reveal_unavailable", error=str(error))
            return sections([texts.say("bot.slash.unavailable")])
        return sections(_lines(subject, facts, texts))

    async def _write_down(
        self, person: str, subject: Subject, reason: str, case: str | None
    ) -> None:
        await self._services.ledger.looked_up(
            LookedUp(
                by=person,
                kind=subject.type,
                id=subject.id,
                why=reason or f"case {case}",
                at=self._now(),
                revealed=True,
                case=case,
            )
        )

    async def _may(self, person: str, within: float) -> bool:
        try:
            async with asyncio.timeout(within):
                roles = await self._services.people.roles(person)
        except (Unavailable, TimeoutError):
            return True  # it is asked for again before anything is shown
        return self._services.policies.look_ups().may_reveal(roles)


def _lines(subject: Subject, facts: Sequence[Fact] | None, texts: Catalog) -> list[str]:
    if facts is None:
        return [texts.say("bot.subject.unknown")]
    rows = [fact_line(fact, texts, whole=True) for fact in facts]
    return [f"*{subject_name(subject, texts)}*", *rows, texts.say("bot.reveal.recorded")]


def _asking(aim: Aim, texts: Catalog) -> View:
    about = ContextBlock(
        elements=[MarkdownTextObject(text=subject_name(aim.subject, texts), verbatim=True)]
    )
    blocks: list[Block] = [
        about,
        field("reason", texts, many_lines(), label="bot.reveal.reason", optional=True),
        field("case", texts, one_line(), label="bot.reveal.case", optional=True),
    ]
    return View(
        type="modal",
        callback_id=CALLBACK,
        title=PlainTextObject(text=texts.say("bot.reveal.title")),
        submit=PlainTextObject(text=texts.say("bot.reveal.submit")),
        close=PlainTextObject(text=texts.say("bot.modal.close")),
        private_metadata=aim.model_dump_json(),
        blocks=blocks,
    )


def _told(text: str, texts: Catalog) -> dict[str, Any]:
    return _showing(sections([text]), texts).to_dict()


def _showing(blocks: Sequence[dict[str, Any]], texts: Catalog) -> View:
    return View(
        type="modal",
        callback_id="revealed",
        title=PlainTextObject(text=texts.say("bot.reveal.title")),
        close=PlainTextObject(text=texts.say("bot.modal.close")),
        blocks=list(blocks),
    )


async def _refuse(ack: AsyncAck, errors: dict[str, str]) -> None:
    await ack(response_action="errors", errors=errors)
