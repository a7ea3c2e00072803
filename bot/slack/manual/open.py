"""Modal of a manual alert: opened by a shortcut or a button."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import structlog
from pydantic import Field
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.models.blocks import Option
from slack_sdk.models.views import View

from activities.errors import Unavailable
from activities.slack.blocks import context
from activities.slack.escape import mrkdwn, one_line, plain, shorten, units
from activities.slack.i18n.catalog import Catalog
from bot.slack.commands.base import leads_said
from bot.slack.commands.parser import as_typed
from bot.slack.interactions import Press, Source, read_source, submission_id
from bot.slack.listener import SlackContext
from bot.slack.manual.alert import (
    AlertBuilder,
    AlertFault,
    AlertInput,
    NewAlert,
    block_of,
    fault_words,
    kinds_offered,
    opened_page,
    reported_page,
)
from bot.slack.modals.base import ModalListener, Submitted
from bot.slack.modals.form import (
    OPTION_TEXT,
    field,
    many_lines,
    menu,
    modal,
    option,
    option_in,
    words_in,
)
from bot.slack.modals.form import one_line as short
from bot.slack.modals.metadata import MOST_CHARACTERS, Carried
from bot.slack.permissions import holds
from bot.slack.replies import Said, link
from workflows.domain.alerts import PEOPLE, REPORTS, SLACK_MESSAGE, Subject, may_open
from workflows.domain.case.snapshot import CardRef
from workflows.domain.people import WORKING_ROLES
from workflows.domain.policy.limits import Power
from workflows.domain.policy.matching import subjects_in
from workflows.domain.policy.playbook import Playbook

REPORT, OPEN_CASE = "report", "open_case"
MOST_MESSAGE = 2000
"""Characters of a message that a modal carries: its metadata holds 3,000."""
_MOST_KINDS = 100
_EXCERPT = 500


class AlertMetadata(Carried):
    """The reported message of a modal, with its address."""

    where: CardRef | None = None
    link: Annotated[str | None, Field(max_length=400)] = None
    message: str = ""


def encode(carried: AlertMetadata) -> str:
    """At most 3,000 UTF-16 units; a longer message is cut."""
    written = carried.model_dump_json(exclude_none=True)
    while units(written) > MOST_CHARACTERS:
        message = carried.message[: len(carried.message) * 3 // 4]
        carried = carried.model_copy(update={"message": message})
        written = carried.model_dump_json(exclude_none=True)
    return written


def alert_view(
    name: str,
    carried: AlertMetadata,
    subject: str,
    playbooks: tuple[Playbook, ...],
    texts: Catalog,
) -> View:
    """The modal with the callback_id `name`; `subject` is the initial value of its field."""
    hint = f"bot.{name}.subject.hint"
    quoted = mrkdwn(one_line(carried.message), _EXCERPT)
    offered = kinds_offered(playbooks)[:_MOST_KINDS]
    kinds = [_kind(kind, playbook, texts) for kind, playbook in offered]
    has_message, optional = bool(carried.message), name == REPORT
    blocks = [
        *([context([texts.say("bot.report.message", message=quoted)])] if quoted else []),
        field("kind", texts, menu(kinds, texts.say("bot.manual.kind.choose"))),
        field("subject", texts, short(subject or None), optional=optional, hint=hint),
        field("note", texts, many_lines(), label="bot.manual.note", optional=has_message),
    ]
    return modal(name, blocks, texts, encode(carried))


def _kind(kind: str, playbook: Playbook, texts: Catalog) -> Option:
    title = plain(playbook.title.in_(texts.language), OPTION_TEXT) or playbook.playbook
    # Two kinds of one playbook would read the same.
    named = texts.say("words.with_note", what=title, note=kind)
    return option(kind, title if kind == playbook.playbook else shorten(named, OPTION_TEXT))


_log = structlog.get_logger(__name__)


class ManualAlertModals(ModalListener[AlertMetadata]):
    """The listener of the shortcuts `report_message` and `open_case` and of `lookup.open`."""

    carries = AlertMetadata
    whole = "note"

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._builder = AlertBuilder(context)

    # -- opening the modal ----------------------------------------------------------------

    async def reported(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Opens the modal of the message shortcut, which everybody may use."""
        await ack()
        self._after.start(self._open_report(body))

    async def shortcut(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Opens the modal of the global shortcut."""
        await ack()
        self._after.start(self._open_case(read_source(body), ""))

    def pressed(self, press: Press) -> None:
        """Opens the modal from the answer to a look-up; the button's value is the subject."""
        self._after.start(self._open_case(press.source, press.value))

    async def _open_report(self, body: Mapping[str, Any]) -> None:
        source, message = read_source(body), body.get("message") or {}
        texts = await self._texts(source.person)
        text = str(message.get("text") or "")[: MOST_MESSAGE * 2]
        text = as_typed(text)[:MOST_MESSAGE]
        channel = (body.get("channel") or {}).get("id")
        ts = message.get("ts") or body.get("message_ts")
        where = CardRef(channel=str(channel), ts=str(ts)) if channel and ts else None
        link = await self._permalink(where)
        carried = AlertMetadata(language=texts.language, where=where, link=link, message=text)
        named = subjects_in(text, self._services.policies.look_ups())
        await self._show(source, REPORT, carried, named[0].key if named else "", texts)

    async def _permalink(self, where: CardRef | None) -> str | None:
        """The message's address; None if Slack does not answer in time."""
        try:
            async with asyncio.timeout(self._services.timeouts.roles):
                return link(await self._links.base(), where)
        except TimeoutError:
            return None

    async def _open_case(self, source: Source, subject: str) -> None:
        texts = await self._texts(source.person)
        within = self._services.timeouts.roles
        if await holds(self._services.people, source.person, WORKING_ROLES, within) is False:
            text = await leads_said(self._services.people, "bot.manual.no_role", texts)
            await self._say(source, text)
            return
        carried = AlertMetadata(language=texts.language)
        await self._show(source, OPEN_CASE, carried, subject, texts)

    async def _show(
        self, source: Source, name: str, carried: AlertMetadata, subject: str, texts: Catalog
    ) -> None:
        playbooks = self._services.policies.playbooks()
        await self._screen.open(source, alert_view(name, carried, subject, playbooks, texts))

    # -- submitting -----------------------------------------------------------------------

    async def _take(self, ack: AsyncAck, sent: Submitted[AlertMetadata]) -> None:
        """Stores the alert, and closes the modal only then."""
        name, texts = str(sent.view["callback_id"]), sent.texts
        given = _input(sent, name)
        new = await self._builder.build(given, sent.now)
        if isinstance(new, AlertFault):
            block = block_of(new.wrong)
            written = given.subject if block == "subject" else given.kind
            errors = {block: fault_words(new, written, texts, plain)}
            await ack(response_action="errors", errors=errors)
            return
        problem = await self._stored(name, sent.by.id, new, texts)
        if problem is not None:
            await self._refuse_whole(ack, sent.view, problem, texts)
            return
        await ack()
        self._after.start(self._confirm(name, sent.by.id, new, texts))

    async def _stored(self, name: str, person: str, new: NewAlert, texts: Catalog) -> str | None:
        """Stores the alert; the sentence of an error if that failed."""
        try:
            async with asyncio.timeout(self._services.timeouts.manual):
                if name == OPEN_CASE and not may_open(await self._services.people.roles(person)):
                    # Errors in a modal are plain text, where a mention would not be a name.
                    return texts.say("bot.manual.no_role", holders="")
                refused = await self._over_limit(Power.REPORTS, person, new.alert.id, texts)
                if refused is not None:
                    return refused
                await self._builder.submit(new)
        except (Unavailable, TimeoutError) as error:
            _log.warning("submission_not_stored", callback=name, error=str(error))
            return texts.say("bot.modal.not_taken", holders="")
        return None

    async def _confirm(self, name: str, person: str, new: NewAlert, texts: Catalog) -> None:
        """Answers by direct message: a modal has no channel."""
        line = await self._builder.carded(new)
        page = reported_page(line, texts)
        if name == OPEN_CASE:
            page = opened_page(new, line, texts, await self._links.base())
        await self._replies.directly(person, page)

    async def _say(self, source: Source, said: Said) -> None:
        """Answers next to the press; by direct message after a global shortcut."""
        if source.place is None and source.response_url is None:
            await self._replies.directly(source.person, said)
        else:
            await self._replies.privately(source, said)


def _input(sent: Submitted[AlertMetadata], name: str) -> AlertInput:
    view, carried = sent.view, sent.carried
    # A report without a subject is about the message itself.
    where = carried.where if name == REPORT else None
    message = Subject(type=SLACK_MESSAGE, id=f"{where.channel}/{where.ts}") if where else None
    return AlertInput(
        id=submission_id(view),
        detector=REPORTS if name == REPORT else PEOPLE,
        by=sent.by.id,
        kind=option_in(view, "kind") or "",
        subject=words_in(view, "subject"),
        note=words_in(view, "note"),
        message=carried.message,
        link=carried.link,
        instead=message,
    )
