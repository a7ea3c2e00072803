"""Forms of modals: their frame, their fields, and what was typed into them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from slack_sdk.models.blocks import (
    Block,
    ContextBlock,
    InputBlock,
    MarkdownTextObject,
    PlainTextInputElement,
    PlainTextObject,
    SectionBlock,
)
from slack_sdk.models.blocks.block_elements import InputInteractiveElement
from slack_sdk.models.views import View

from activities.slack.escape import shorten
from activities.slack.i18n.catalog import Catalog
from bot.slack.modals.metadata import Metadata, encode
from bot.slack.modals.offer import Offer
from bot.slack.rendering import safe, subject_name
from workflows.domain.values import Value, parse_duration

OPTION_TEXT = 75
"""docs.slack.dev, option object: text and description."""
MOST_WORDS = 3000
MOST_LINE = 200


def modal(
    name: str, blocks: list[Block], metadata: Metadata, texts: Catalog, submit: str | None = ""
) -> View:
    """The modal with the callback_id `name`; `submit` None where there is nothing to send."""
    label = submit if submit is None else submit or texts.say(f"bot.{name}.submit")
    return View(
        type="modal",
        callback_id=name,
        title=PlainTextObject(text=texts.say(f"bot.{name}.title")),
        submit=PlainTextObject(text=label) if label else None,
        close=PlainTextObject(text=texts.say("bot.modal.close")),
        private_metadata=encode(metadata),
        blocks=blocks,
    )


def sentence_view(name: str, text: str, texts: Catalog) -> View:
    """A modal that only says something: that it is loading, or why there is nothing to fill in."""
    said = SectionBlock(text=MarkdownTextObject(text=text, verbatim=True))
    return View(
        type="modal",
        callback_id="said",
        title=PlainTextObject(text=texts.say(f"bot.{name}.title")),
        close=PlainTextObject(text=texts.say("bot.modal.close")),
        blocks=[said],
    )


def about(offer: Offer, metadata: Metadata, texts: Catalog) -> Block:
    """`K7Q2F9XM0 · 外部誘導 · ユーザー u_123`, as far as it is known."""
    parts = [metadata.case]
    if offer.title is not None:
        parts.append(safe(offer.title.in_(metadata.language)))
    if offer.subject is not None:
        parts.append(subject_name(offer.subject, texts))
    return ContextBlock(elements=[MarkdownTextObject(text=" · ".join(parts), verbatim=True)])


def field(
    name: str,
    texts: Catalog,
    element: InputInteractiveElement,
    *,
    label: str | None = None,
    optional: bool = False,
    hint: str | None = None,
) -> InputBlock:
    """The block `name` with an element of the same name; `label` is a key of the catalog."""
    element.action_id = name
    return InputBlock(
        block_id=name,
        label=PlainTextObject(text=texts.say(label or f"bot.modal.{name}")),
        element=element,
        optional=optional,
        hint=PlainTextObject(text=texts.say(hint)) if hint else None,
    )


def one_line(initial: str | None = None) -> PlainTextInputElement:
    """A short text."""
    return PlainTextInputElement(
        max_length=MOST_LINE, initial_value=shorten(initial, MOST_LINE) if initial else None
    )


def many_lines(initial: str | None = None) -> PlainTextInputElement:
    """A text of as many lines as a case keeps."""
    return PlainTextInputElement(multiline=True, max_length=MOST_WORDS, initial_value=initial)


_PERSON = re.compile(r"[UW][A-Z0-9]{2,20}")


class Fault(Value):
    """What has to be put right: the sentence's key, and the limit that it names."""

    key: str
    limit: timedelta | None = None


Faults = dict[str, Fault]
"""By block."""


def words_in(view: Mapping[str, Any], block: str) -> str:
    """A text field, without the space around it."""
    return str(_of(view, block).get("value") or "").strip()


def option_in(view: Mapping[str, Any], block: str) -> str | None:
    """The chosen option of a menu."""
    chosen = (_of(view, block).get("selected_option") or {}).get("value")
    return str(chosen) if chosen else None


def options_in(view: Mapping[str, Any], block: str) -> tuple[str, ...]:
    """The chosen options of a menu that takes several."""
    chosen = _of(view, block).get("selected_options") or []
    return tuple(str(option.get("value")) for option in chosen)


def duration_in(view: Mapping[str, Any], block: str) -> timedelta | None:
    """The chosen duration; None where there is none."""
    chosen = option_in(view, block)
    try:
        return parse_duration(chosen) if chosen else None
    except ValueError:
        return None


def moment_in(view: Mapping[str, Any], block: str) -> datetime | None:
    """The chosen time: Slack shows a picker in its reader's zone and sends Unix seconds."""
    chosen = _of(view, block).get("selected_date_time")
    try:
        return datetime.fromtimestamp(int(chosen), UTC) if chosen else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def person_in(view: Mapping[str, Any], block: str) -> str | None:
    """The chosen person's id; None where it is none of Slack's."""
    chosen = str(_of(view, block).get("selected_user") or "")
    return chosen if _PERSON.fullmatch(chosen) else None


def _of(view: Mapping[str, Any], block: str) -> Mapping[str, Any]:
    """What stands in a block: it has one element, called as the block or `{block}.{more}`."""
    values = (view.get("state") or {}).get("values") or {}
    return next(iter((values.get(block) or {}).values()), None) or {}
