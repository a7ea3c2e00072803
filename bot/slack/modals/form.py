"""Modal forms: the frame, input fields, and the values that people entered."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field
from slack_sdk.models.blocks import (
    InputBlock,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    StaticSelectElement,
)
from slack_sdk.models.blocks.block_elements import InputInteractiveElement
from slack_sdk.models.views import View

from activities.slack.actions import modal_title
from activities.slack.blocks import context
from activities.slack.escape import plain, shorten
from activities.slack.i18n.catalog import Catalog
from bot.slack.modals.choices import Choices
from bot.slack.modals.metadata import Metadata
from bot.slack.rendering import Block, safe, section, subject_name
from workflows.domain.values import Text, Value, parse_duration

OPTION_TEXT = 75
"""docs.slack.dev, option object: text and description."""
MOST_WORDS = 3000
MOST_LINE = 200


def modal(
    name: str, blocks: Sequence[Any], texts: Catalog, carried: str = "", submit: str | None = ""
) -> View:
    """The modal with the callback_id `name`.

    Title and submit button are `bot.{name}.title` and `bot.{name}.submit`, else the label of the
    action that opens the modal. `submit` replaces the latter; None leaves the button out.
    """
    label = submit if submit is None else submit or _own(f"bot.{name}.submit", name, texts)
    return View(
        type="modal",
        callback_id=name,
        title=PlainTextObject(text=_own(f"bot.{name}.title", name, texts)),
        submit=PlainTextObject(text=label) if label else None,
        close=PlainTextObject(text=texts.say("bot.modal.close")),
        private_metadata=carried or None,
        blocks=list(blocks),
    )


def _own(key: str, name: str, texts: Catalog) -> str:
    return texts.say(key) if key in texts.keys else modal_title(name, texts)


def sentence_view(name: str, text: str, texts: Catalog) -> View:
    """The modal `name` with a sentence only: it is loading, or there is nothing to fill in."""
    view = modal(name, [section(text)], texts, submit=None)
    view.callback_id = "said"
    return view


def about(choices: Choices, metadata: Metadata, texts: Catalog) -> Block:
    """`K7Q2F9XM0 · 外部誘導 · ユーザー u_123`; only the id if the case did not answer."""
    parts = [metadata.case]
    if choices.title is not None:
        parts.append(safe(choices.title.in_(metadata.language)))
    if choices.subject is not None:
        parts.append(subject_name(choices.subject, texts))
    return context(parts)


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


def option(value: str, text: str, description: str = "") -> Option:
    """An entry of a menu, with texts that fit into it."""
    return Option(
        value=value,
        text=PlainTextObject(text=text),
        description=PlainTextObject(text=description) if description else None,
    )


def menu(options: Sequence[Option], placeholder: str) -> StaticSelectElement:
    """A menu with one choice; `placeholder` is shown before it."""
    return StaticSelectElement(options=options, placeholder=PlainTextObject(text=placeholder))


def one_line(initial: str | None = None) -> PlainTextInputElement:
    """A short text."""
    return PlainTextInputElement(
        max_length=MOST_LINE, initial_value=shorten(initial, MOST_LINE) if initial else None
    )


def many_lines(initial: str | None = None) -> PlainTextInputElement:
    """A text of several lines."""
    return PlainTextInputElement(multiline=True, max_length=MOST_WORDS, initial_value=initial)


_PERSON = re.compile(r"[UW][A-Z0-9]{2,20}")


class Fault(Value):
    """An error in a field: the key of its sentence, and the values in it."""

    key: str
    values: dict[str, str | int] = Field(default_factory=dict)
    limit: timedelta | None = None
    title: Text | None = None

    def worded(self, texts: Catalog) -> str:
        """The sentence as plain text."""
        values: dict[str, str | int] = dict(self.values)
        if self.limit is not None:
            values["limit"] = texts.duration(self.limit)
        if self.title is not None:
            values["title"] = plain(self.title.in_(texts.language), OPTION_TEXT)
        return texts.say(self.key, **values)


Faults = dict[str, Fault]
"""By block_id."""


def needed(block: str) -> Faults:
    """The error of an empty field."""
    return {block: Fault(key=f"bot.fault.{block}_needed")}


def too_long(
    duration: timedelta | None, actions: Sequence[str], limits: Mapping[str, int]
) -> Faults:
    """The error of a duration above the shortest limit of the actions, which is in seconds."""
    timed = [limits[name] for name in actions if name in limits]
    limit = timedelta(seconds=min(timed)) if timed else None
    if limit is None or duration is None or duration <= limit:
        return {}
    return {"duration": Fault(key="bot.fault.too_long", limit=limit)}


class Invalid(Exception):
    """A submission with errors, by block."""

    def __init__(self, faults: Faults) -> None:
        super().__init__(", ".join(faults))
        self.faults = faults


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
    """The chosen duration; None without one."""
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
    """The chosen person's id; None if it is not one of Slack's."""
    chosen = str(_of(view, block).get("selected_user") or "")
    return chosen if _PERSON.fullmatch(chosen) else None


def has_field(view: Mapping[str, Any], block: str) -> bool:
    """Whether the modal has this field, possibly empty."""
    return block in ((view.get("state") or {}).get("values") or {})


def _of(view: Mapping[str, Any], block: str) -> Mapping[str, Any]:
    """The value of a block: its one element is named as the block or `{block}.{more}`."""
    values = (view.get("state") or {}).get("values") or {}
    return next(iter((values.get(block) or {}).values()), None) or {}
