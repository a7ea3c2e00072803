"""Modal of an alert by hand: opened by command, shortcut or button, and submitted."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import structlog
from pydantic import Field, ValidationError
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.models.blocks import (
    Block,
    ContextBlock,
    MarkdownTextObject,
    Option,
    PlainTextObject,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from activities.errors import Unavailable
from activities.slack.escape import mrkdwn, one_line, plain, shorten, units
from activities.slack.i18n.catalog import Catalog
from bot.slack.commands.parser import as_typed
from bot.slack.commands.request import leads_said
from bot.slack.context import Listener, SlackContext
from bot.slack.interactions import Press, Source, Unreadable, read_source, submission_id
from bot.slack.manual.alert import (
    AlertForm,
    Fault,
    Made,
    Words,
    block_of,
    fault_words,
    kinds_offered,
    made_page,
    reported_page,
)
from bot.slack.modals.form import OPTION_TEXT, field, many_lines, option_in, words_in
from bot.slack.modals.form import one_line as short
from bot.slack.modals.metadata import MOST_CHARACTERS
from bot.slack.replies import Said
from workflows.domain.alerts import PEOPLE, REPORTS, SLACK_MESSAGE, Subject, may_open
from workflows.domain.case.snapshot import CardRef
from workflows.domain.policy.matching import subjects_in
from workflows.domain.policy.playbook import Playbook
from workflows.domain.values import Language, Value

REPORT, OPEN_CASE = "report", "open_case"
MOST_MESSAGE = 2000
"""Characters of a message that a modal carries: its metadata holds 3,000."""
_MOST_KINDS = 100
_EXCERPT = 500


class About(Value):
    """What the modal carries: the message that was reported, and where it stands."""

    language: Language
    where: CardRef | None = None
    link: Annotated[str | None, Field(max_length=400)] = None
    message: str = ""


def encode(about: About) -> str:
    """At most 3,000 UTF-16 units; a message that is longer written than read loses its end."""
    written = about.model_dump_json(exclude_none=True)
    while units(written) > MOST_CHARACTERS:
        message = about.message[: len(about.message) * 3 // 4]
        about = about.model_copy(update={"message": message})
        written = about.model_dump_json(exclude_none=True)
    return written


def decode(written: str) -> About:
    """What `encode` wrote. Raises `Unreadable` for anything else."""
    try:
        return About.model_validate_json(written[:MOST_CHARACTERS])
    except ValidationError as error:
        raise Unreadable("not the metadata of a report") from error


def hand_view(
    name: str, about: About, subject: str, playbooks: tuple[Playbook, ...], texts: Catalog
) -> View:
    """The modal with the callback_id `name`; `subject` is what stands in its field at first."""
    report = name == REPORT
    return View(
        type="modal",
        callback_id=name,
        title=PlainTextObject(text=texts.say(f"bot.{name}.title")),
        submit=PlainTextObject(text=texts.say(f"bot.{name}.submit")),
        close=PlainTextObject(text=texts.say("bot.modal.close")),
        private_metadata=encode(about),
        blocks=[
            *_message(about, texts),
            field("kind", texts, _kinds(playbooks, texts)),
            field(
                "subject",
                texts,
                short(subject or None),
                optional=report,
                hint=f"bot.{name}.subject.hint",
            ),
            field("note", texts, many_lines(), label="bot.hand.note", optional=bool(about.message)),
        ],
    )


def _message(about: About, texts: Catalog) -> list[Block]:
    shown = mrkdwn(one_line(about.message), _EXCERPT)
    if not shown:
        return []
    text = texts.say("bot.report.message", message=shown)
    return [ContextBlock(elements=[MarkdownTextObject(text=text, verbatim=True)])]


def _kinds(playbooks: tuple[Playbook, ...], texts: Catalog) -> StaticSelectElement:
    offered = kinds_offered(playbooks)[:_MOST_KINDS]
    return StaticSelectElement(
        options=[_kind(kind, playbook, texts) for kind, playbook in offered],
        placeholder=PlainTextObject(text=texts.say("bot.hand.kind.choose")),
    )


def _kind(kind: str, playbook: Playbook, texts: Catalog) -> Option:
    title = plain(playbook.title.in_(texts.language), OPTION_TEXT) or playbook.playbook
    # Two kinds of one playbook would read the same.
    named = texts.say("words.noted", what=title, note=kind)
    shown = title if kind == playbook.playbook else shorten(named, OPTION_TEXT)
    return Option(value=kind, text=PlainTextObject(text=shown))


def message_words(message: dict[str, Any]) -> str:
    """What a message says, as far as it says it in words."""
    words = str(message.get("text") or "")
    return words[: MOST_MESSAGE * 2]


STORING = 1.6
"""Seconds for somebody's roles and for storing; with the platform's it stays below Slack's 3."""
ROLES = 0.5
"""Seconds that anything is given before a modal opens; roles are asked for again after it."""
WHOLE = "note"

_log = structlog.get_logger(__name__)


class ByHandListener(Listener):
    """Hears the shortcuts `report_message` and `open_case`, and the button `lookup.open`."""

    def __init__(self, context: SlackContext) -> None:
        super().__init__(context)
        self._making = AlertForm(context)

    # -- opening the modal ----------------------------------------------------------------

    async def reported(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes the message shortcut: anybody may report."""
        await ack()
        self._after.start(self._open_report(body))

    async def wanted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Takes the global shortcut."""
        await ack()
        self._after.start(self._open_case(read_source(body), ""))

    def pressed(self, press: Press) -> None:
        """Takes the button of a look-up, whose value is the subject."""
        self._after.start(self._open_case(press.source, press.value))

    async def _open_report(self, body: Mapping[str, Any]) -> None:
        source, message = read_source(body), body.get("message") or {}
        texts = await self._texts(source.person)
        said = as_typed(message_words(message))[:MOST_MESSAGE]
        channel = (body.get("channel") or {}).get("id")
        ts = message.get("ts") or body.get("message_ts")
        where = CardRef(channel=str(channel), ts=str(ts)) if channel and ts else None
        about = About(
            language=texts.language, where=where, link=await self._permalink(where), message=said
        )
        named = subjects_in(said, self._services.policies.look_ups())
        await self._show(source, REPORT, about, named[0].key if named else "", texts)

    async def _permalink(self, where: CardRef | None) -> str | None:
        """The message's address, unless Slack takes too long to say where the workspace is."""
        try:
            async with asyncio.timeout(ROLES):
                return await self._links.to(where)
        except TimeoutError:
            return None

    async def _open_case(self, source: Source, subject: str) -> None:
        texts = await self._texts(source.person)
        if not await self._may_open_perhaps(source.person):
            said = await leads_said(self._services.people, "bot.hand.no_role", texts)
            await self._say(source, said)
            return
        await self._show(source, OPEN_CASE, About(language=texts.language), subject, texts)

    async def _show(
        self, source: Source, name: str, about: About, subject: str, texts: Catalog
    ) -> None:
        playbooks = self._services.policies.playbooks()
        await self._screen.open(source, hand_view(name, about, subject, playbooks, texts))

    async def _may_open_perhaps(self, person: str) -> bool:
        """Whether it is worth filling the modal in."""
        try:
            async with asyncio.timeout(ROLES):
                return may_open(await self._services.people.roles(person))
        except (Unavailable, TimeoutError):
            return True

    # -- the modal comes back -------------------------------------------------------------

    async def submitted(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Stores the alert, and only then closes the modal."""
        view, person = body["view"], str(body["user"]["id"])
        name = str(view["callback_id"])
        try:
            about = decode(str(view.get("private_metadata", "")))
        except Unreadable as error:
            _log.warning("modal_unreadable", error=str(error))
            texts = self._services.texts(self._services.language)
            await _refuse(ack, {WHOLE: texts.say("bot.modal.unreadable")})
            return
        texts = self._services.texts(about.language)
        words = _words(view, name, about, person)
        made = await self._making.make(words, self._now())
        if isinstance(made, Fault):
            await _refuse(ack, _worded(made, words, texts))
            return
        problem = await self._stored(name, person, made)
        if problem is not None:
            # A modal's errors are plain text, where nobody is named by a mention.
            await _refuse(ack, {WHOLE: texts.say(problem, holders="")})
            return
        await ack()
        self._after.start(self._confirm(name, person, made, texts))

    async def _stored(self, name: str, person: str, made: Made) -> str | None:
        """Stores it where this person may; the key of what keeps it from that."""
        try:
            async with asyncio.timeout(STORING):
                if name == OPEN_CASE and not may_open(await self._services.people.roles(person)):
                    return "bot.hand.no_role"
                await self._making.hand_over(made)
        except (Unavailable, TimeoutError) as error:
            _log.warning("submission_not_stored", callback=name, error=str(error))
            return "bot.modal.not_taken"
        return None

    async def _confirm(self, name: str, person: str, made: Made, texts: Catalog) -> None:
        """Tells the person by direct message: a modal knows no channel."""
        line = await self._making.standing(made)
        if name == REPORT:
            said = reported_page(line, texts)
        else:
            said = made_page(made, line, texts, await self._links.base())
        await self._replies.directly(person, said)

    async def _say(self, source: Source, said: Said) -> None:
        """Where they pressed; a global shortcut was pressed nowhere."""
        if source.place is None and source.response_url is None:
            await self._replies.directly(source.person, said)
        else:
            await self._replies.privately(source, said)


def _words(view: Mapping[str, Any], name: str, about: About, person: str) -> Words:
    return Words(
        id=submission_id(view),
        detector=REPORTS if name == REPORT else PEOPLE,
        by=person,
        kind=option_in(view, "kind") or "",
        subject=words_in(view, "subject"),
        note=words_in(view, "note"),
        message=about.message,
        link=about.link,
        instead=_instead(name, about.where),
    )


def _worded(fault: Fault, words: Words, texts: Catalog) -> dict[str, str]:
    block = block_of(fault.wrong)
    written = words.subject if block == "subject" else words.kind
    return {block: fault_words(fault, written, texts, plain)}


def _instead(name: str, where: CardRef | None) -> Subject | None:
    """Whom a report is about where nobody can tell: the message itself."""
    if name != REPORT or where is None:
        return None
    return Subject(type=SLACK_MESSAGE, id=f"{where.channel}/{where.ts}")


async def _refuse(ack: AsyncAck, errors: dict[str, str]) -> None:
    await ack(response_action="errors", errors=errors)
