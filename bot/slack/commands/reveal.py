"""Modal of personal data: asks for a reason, records the look-up, and shows the data."""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from pydantic import ValidationError
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.models.views import View

from activities.errors import Unavailable
from activities.slack.blocks import context
from activities.slack.i18n.catalog import Catalog
from bot.services.lookups import Fact
from bot.slack.commands.pages import fact_line
from bot.slack.commands.parser import case_named
from bot.slack.interactions import Press, submission_id
from bot.slack.modals.base import SETTLING, ModalListener, Submitted
from bot.slack.modals.form import (
    Fault,
    Invalid,
    field,
    many_lines,
    modal,
    one_line,
    words_in,
)
from bot.slack.modals.metadata import Carried
from bot.slack.permissions import holds
from bot.slack.rendering import sections, subject_name
from workflows.domain.alerts import Subject
from workflows.domain.policy.limits import Power

_log = structlog.get_logger(__name__)


class RevealMetadata(Carried):
    """The subject of the modal."""

    subject: Subject


def subject_pressed(value: str) -> Subject | None:
    """The subject in a button's value, `type:id`."""
    type_, _, id_ = value.partition(":")
    try:
        return Subject(type=type_, id=id_)
    except ValidationError:
        return None


class RevealModal(ModalListener[RevealMetadata]):
    """The modal of personal data."""

    carries = RevealMetadata
    whole = "reason"

    async def open(self, press: Press, subject: Subject) -> None:
        """Opens the modal, unless the person is known to lack the role."""
        allowed = frozenset(self._services.policies.look_ups().reveal)
        within = self._services.timeouts.roles
        if await holds(self._services.people, press.source.person, allowed, within) is False:
            await self._screen.answer(press.source, "bot.reveal.no_role")
            return
        texts = await self._texts(press.source.person)
        carried = RevealMetadata(subject=subject, language=texts.language)
        await self._screen.open(press.source, reason_view(carried, texts))

    async def _take(self, ack: AsyncAck, sent: Submitted[RevealMetadata]) -> None:
        texts = sent.texts
        reason, typed = words_in(sent.view, "reason"), words_in(sent.view, "case")
        case = case_named(typed) if typed else None
        if typed and case is None:
            raise Invalid({"case": Fault(key="bot.fault.into_needed")})
        if not reason and case is None:
            raise Invalid({"reason": Fault(key="bot.reveal.reason_needed")})
        loading = data_view(sections([texts.say("bot.modal.loading")]), texts)
        await ack(response_action="update", view=loading.to_dict())
        self._after.start(self._show(sent, reason, case))

    async def _show(self, sent: Submitted[RevealMetadata], reason: str, case: str | None) -> None:
        blocks = await self._blocks(sent, reason, case)
        await asyncio.sleep(SETTLING)
        await self._screen.redraw(str(sent.view["id"]), data_view(blocks, sent.texts))

    async def _blocks(
        self, sent: Submitted[RevealMetadata], reason: str, case: str | None
    ) -> Sequence[dict[str, Any]]:
        """The data; a sentence without the role, or if the look-up cannot be recorded."""
        person, subject, texts = sent.by.id, sent.carried.subject, sent.texts
        try:
            roles = await self._services.people.roles(person)
            if not self._services.policies.look_ups().may_reveal(roles):
                _log.warning("reveal_refused", person=person)
                return sections([texts.say("bot.reveal.no_role")])
            if case is not None and await self._services.ledger.story(case) is None:
                return sections([texts.say("refusal.unknown_case", case=case)])
            key = submission_id(sent.view)
            refused = await self._over_limit(Power.REVEALS, person, key, texts)
            if refused is not None:
                return sections([refused])
            why = reason or f"case {case}"
            await self._record(person, subject.type, subject.id, why, case=case, revealed=True)
            facts = await self._services.platform.look_up(subject.type, subject.id)
        except Unavailable as error:
            _log.warning("reveal_unavailable", error=str(error))
            return sections([texts.say("bot.slash.unavailable")])
        return sections(_lines(subject, facts, texts))


def _lines(subject: Subject, facts: Sequence[Fact] | None, texts: Catalog) -> list[str]:
    if facts is None:
        return [texts.say("bot.subject.unknown")]
    rows = [fact_line(fact, texts, whole=True) for fact in facts]
    return [f"*{subject_name(subject, texts)}*", *rows, texts.say("bot.reveal.recorded")]


def reason_view(carried: RevealMetadata, texts: Catalog) -> View:
    """The modal that asks for a reason."""
    blocks = [
        context([subject_name(carried.subject, texts)]),
        field("reason", texts, many_lines(), label="bot.reveal.reason", optional=True),
        field("case", texts, one_line(), label="bot.reveal.case", optional=True),
    ]
    return modal("reveal", blocks, texts, carried.model_dump_json())


def data_view(blocks: Sequence[dict[str, Any]], texts: Catalog) -> View:
    """The modal with the personal data, or with a sentence."""
    view = modal("reveal", blocks, texts, submit=None)
    view.callback_id = "revealed"
    return view
