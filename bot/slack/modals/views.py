"""The modals as they are drawn, in their reader's language."""

from datetime import timedelta

from slack_sdk.models.blocks import (
    Block,
    ContextBlock,
    InputBlock,
    MarkdownTextObject,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    RadioButtonsElement,
    StaticMultiSelectElement,
    StaticSelectElement,
)
from slack_sdk.models.blocks.block_elements import InputInteractiveElement
from slack_sdk.models.views import View

from activities.slack.escape import plain, shorten
from activities.slack.text.texts import Catalog
from bot.slack.drawing import safe, subject_name
from bot.slack.modals.metadata import Metadata, encode
from bot.slack.modals.offer import Offer
from workflows.domain.decision import Verdict
from workflows.domain.playbook.actions import ActionSpec
from workflows.domain.playbook.durations import format_duration
from workflows.domain.text import Language

OPTION_TEXT = 75
"""docs.slack.dev, option object: text and description."""
MOST_REASON = 3000
MOST_POLICY = 200


def decide_view(offer: Offer, metadata: Metadata, texts: Catalog) -> View:
    """The modal `decide`."""
    blocks: list[Block] = [
        _about(offer, metadata, texts),
        _input("verdict", texts, _verdicts(texts)),
        *_actions(offer, metadata.language, texts),
        _input("policy", texts, _line(offer.rule), optional=True),
        _input("reason", texts, _lines(), hint=texts.say("bot.decide.reason.hint")),
    ]
    return _modal("decide", blocks, metadata, texts)


def reject_view(offer: Offer, metadata: Metadata, texts: Catalog) -> View:
    """The modal `reject`."""
    reason = _input("reason", texts, _lines(), hint=texts.say("bot.reject.reason.hint"))
    return _modal("reject", [_about(offer, metadata, texts), reason], metadata, texts)


def _modal(name: str, blocks: list[Block], metadata: Metadata, texts: Catalog) -> View:
    return View(
        type="modal",
        callback_id=name,
        title=PlainTextObject(text=texts.say(f"bot.{name}.title")),
        submit=PlainTextObject(text=texts.say(f"bot.{name}.submit")),
        close=PlainTextObject(text=texts.say("bot.modal.close")),
        private_metadata=encode(metadata),
        blocks=blocks,
    )


def _about(offer: Offer, metadata: Metadata, texts: Catalog) -> Block:
    parts = [metadata.case]
    if offer.title is not None:
        parts.append(safe(offer.title.in_(metadata.language)))
    if offer.subject is not None:
        parts.append(subject_name(offer.subject, texts))
    return ContextBlock(elements=[MarkdownTextObject(text=" · ".join(parts), verbatim=True)])


def _input(
    name: str,
    texts: Catalog,
    element: InputInteractiveElement,
    *,
    optional: bool = False,
    hint: str | None = None,
) -> InputBlock:
    element.action_id = name
    return InputBlock(
        block_id=name,
        label=PlainTextObject(text=texts.say(f"bot.modal.{name}")),
        element=element,
        optional=optional,
        hint=PlainTextObject(text=hint) if hint else None,
    )


def _verdicts(texts: Catalog) -> RadioButtonsElement:
    return RadioButtonsElement(
        options=[
            Option(value=verdict, text=PlainTextObject(text=texts.say(f"verdict.{verdict}")))
            for verdict in Verdict
        ]
    )


def _actions(offer: Offer, language: Language, texts: Catalog) -> list[Block]:
    """The blocks `actions` and `duration`, each only where there is something to choose."""
    if not offer.actions:
        return []
    options = [_action(name, spec, language, texts) for name, spec in offer.actions.items()]
    chosen = StaticMultiSelectElement(
        options=options, placeholder=PlainTextObject(text=texts.say("bot.modal.actions.choose"))
    )
    hint = texts.say("bot.modal.actions.hint")
    blocks: list[Block] = [_input("actions", texts, chosen, optional=True, hint=hint)]
    if offer.durations:
        blocks.append(_duration(offer.durations, texts))
    return blocks


def _action(name: str, spec: ActionSpec, language: Language, texts: Catalog) -> Option:
    notes = [texts.say("bot.action.danger")] if spec.danger else []
    if spec.approval is not None:
        role = texts.say(f"role.{spec.approval.by}")
        notes.append(texts.say("bot.action.approval", role=role, quorum=spec.approval.quorum))
    if spec.timed is not None:
        limit = texts.duration(spec.timed.max)
        notes.append(texts.say("bot.action.timed", limit=limit))
    described = plain(" · ".join(notes), OPTION_TEXT)
    return Option(
        value=name,
        text=PlainTextObject(text=plain(spec.title.in_(language), OPTION_TEXT) or name),
        description=PlainTextObject(text=described) if described else None,
    )


def _duration(durations: tuple[timedelta, ...], texts: Catalog) -> InputBlock:
    options = [
        Option(value=format_duration(each), text=PlainTextObject(text=texts.duration(each)))
        for each in durations
    ]
    select = StaticSelectElement(
        options=options, placeholder=PlainTextObject(text=texts.say("bot.modal.duration.choose"))
    )
    hint = texts.say("bot.modal.duration.hint")
    return _input("duration", texts, select, optional=True, hint=hint)


def _line(initial: str | None) -> PlainTextInputElement:
    return PlainTextInputElement(
        max_length=MOST_POLICY, initial_value=shorten(initial, MOST_POLICY) if initial else None
    )


def _lines() -> PlainTextInputElement:
    return PlainTextInputElement(multiline=True, max_length=MOST_REASON)
