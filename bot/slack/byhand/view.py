"""The modals `report` and `open_case`: kind, subject, and what a person has to say."""

from typing import Annotated, Any

from pydantic import Field, ValidationError
from slack_sdk.models.blocks import (
    Block,
    ContextBlock,
    MarkdownTextObject,
    Option,
    PlainTextObject,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from activities.slack.escape import mrkdwn, one_line, plain, shorten, units
from activities.slack.text.texts import Catalog
from bot.slack.byhand.making import kinds_offered
from bot.slack.modals.frame import OPTION_TEXT, field, many_lines
from bot.slack.modals.frame import one_line as short
from bot.slack.modals.metadata import MOST_CHARACTERS
from bot.slack.press import Unreadable
from workflows.domain.memory import CardRef
from workflows.domain.model import Value
from workflows.domain.playbook.model import Playbook
from workflows.domain.text import Language

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
    shown = title if kind == playbook.playbook else shorten(f"{title} ({kind})", OPTION_TEXT)
    return Option(value=kind, text=PlainTextObject(text=shown))


def message_words(message: dict[str, Any]) -> str:
    """What a message says, as far as it says it in words."""
    words = str(message.get("text") or "")
    return words[: MOST_MESSAGE * 2]
