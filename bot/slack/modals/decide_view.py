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
from slack_sdk.models.blocks.block_elements import InputInteractiveElement

from activities.slack.escape import plain
from activities.slack.text.texts import Catalog
from bot.slack.modals.deciding import NONE, TEMPLATE
from bot.slack.modals.frame import OPTION_TEXT, field, many_lines, one_line
from bot.slack.modals.offer import Offer
from workflows.domain.decision import Verdict
from workflows.domain.playbook.actions import ActionSpec
from workflows.domain.playbook.durations import format_duration
from workflows.domain.playbook.model import Rule


def decide_blocks(offer: Offer, texts: Catalog) -> list[Block]:
    """Verdict, actions, duration, rule, what policy offers as a reason, and the reason."""
    return [
        field("verdict", texts, _verdicts(texts)),
        *_actions(offer, texts),
        field("policy", texts, _rules(offer, texts), optional=True),
        *_templates(offer, texts),
        field("reason", texts, many_lines(), hint="bot.decide.reason.hint"),
    ]


def _rules(offer: Offer, texts: Catalog) -> InputInteractiveElement:
    """A choice where there are several, the usual one chosen; else a line to type."""
    if len(offer.rules) < 2:
        return one_line(offer.rule)
    options = [_rule(each, texts) for each in offer.rules]
    return StaticSelectElement(
        options=options,
        initial_option=next((each for each in options if each.value == offer.rule), None),
        placeholder=PlainTextObject(text=texts.say("bot.modal.policy.choose")),
    )


def _rule(rule: Rule, texts: Catalog) -> Option:
    title = f" · {rule.title.in_(texts.language)}" if rule.title is not None else ""
    shown = plain(f"{rule.id}{title}", OPTION_TEXT)
    return Option(value=rule.id, text=PlainTextObject(text=shown))


def _templates(offer: Offer, texts: Catalog) -> list[Block]:
    """The reasons of policy; choosing one fills in the reason, and shows the notice."""
    if not offer.templates:
        return []
    titles = [(each.id, each.title.in_(texts.language)) for each in offer.templates]
    options = [
        Option(value=value, text=PlainTextObject(text=plain(title, OPTION_TEXT) or value))
        for value, title in [*titles, (NONE, texts.say("bot.modal.template.none"))]
    ]
    select = StaticSelectElement(
        options=options,
        placeholder=PlainTextObject(text=texts.say("bot.modal.template.choose")),
    )
    block = field(TEMPLATE, texts, select, optional=True, hint="bot.modal.template.hint")
    block.dispatch_action = True
    return [block]


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
