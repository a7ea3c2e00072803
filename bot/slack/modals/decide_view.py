"""The fields of the modal `decide`."""

from datetime import timedelta

from slack_sdk.models.blocks import (
    Block,
    InputBlock,
    Option,
    PlainTextObject,
    RadioButtonsElement,
    StaticMultiSelectElement,
    StaticSelectElement,
)

from activities.slack.escape import plain
from activities.slack.text.texts import Catalog
from bot.slack.modals.frame import OPTION_TEXT, field, many_lines, one_line
from bot.slack.modals.offer import Offer
from workflows.domain.decision import Verdict
from workflows.domain.playbook.actions import ActionSpec
from workflows.domain.playbook.durations import format_duration


def decide_blocks(offer: Offer, texts: Catalog) -> list[Block]:
    """Verdict, actions, duration, rule and reason."""
    return [
        field("verdict", texts, _verdicts(texts)),
        *_actions(offer, texts),
        field("policy", texts, one_line(offer.rule), optional=True),
        field("reason", texts, many_lines(), hint="bot.decide.reason.hint"),
    ]


def _verdicts(texts: Catalog) -> RadioButtonsElement:
    return RadioButtonsElement(
        options=[
            Option(value=verdict, text=PlainTextObject(text=texts.say(f"verdict.{verdict}")))
            for verdict in Verdict
        ]
    )


def _actions(offer: Offer, texts: Catalog) -> list[Block]:
    """The blocks `actions` and `duration`, each only where there is something to choose."""
    if not offer.actions:
        return []
    options = [action_option(name, spec, texts) for name, spec in offer.actions.items()]
    chosen = StaticMultiSelectElement(
        options=options, placeholder=PlainTextObject(text=texts.say("bot.modal.actions.choose"))
    )
    blocks: list[Block] = [
        field("actions", texts, chosen, optional=True, hint="bot.modal.actions.hint")
    ]
    if offer.durations:
        blocks.append(_duration(offer.durations, texts))
    return blocks


def action_option(name: str, spec: ActionSpec, texts: Catalog) -> Option:
    """An action as a choice, with what has to be known of it before."""
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
        text=PlainTextObject(text=plain(spec.title.in_(texts.language), OPTION_TEXT) or name),
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
    return field("duration", texts, select, optional=True, hint="bot.modal.duration.hint")
