"""Modal `decide`: verdict, actions, policy rule, reason, and a preview of the notice."""

from collections.abc import Iterable, Mapping
from datetime import UTC, timedelta
from typing import Any

from slack_sdk.models.blocks import (
    Block,
    CheckboxesElement,
    InputBlock,
    Option,
    PlainTextObject,
    RadioButtonsElement,
    StaticMultiSelectElement,
)

from activities.slack.blocks import MOST_SECTION
from activities.slack.escape import mrkdwn, plain
from activities.slack.i18n.catalog import Catalog, CatalogWording
from activities.slack.i18n.catalog import texts as texts_in
from activities.slack.reader import Reader
from bot.slack.modals.base import Submitted
from bot.slack.modals.choices import Choices
from bot.slack.modals.form import (
    OPTION_TEXT,
    Fault,
    Faults,
    Invalid,
    duration_in,
    field,
    has_field,
    many_lines,
    menu,
    needed,
    option,
    option_in,
    options_in,
    too_long,
    words_in,
)
from bot.slack.modals.metadata import Metadata
from bot.slack.rendering import section
from workflows.domain.case.decision import Measure, Verdict
from workflows.domain.case.notices import preview
from workflows.domain.policy.actions import ActionSpec
from workflows.domain.policy.playbook import PresetAction, ReasonTemplate, Rule
from workflows.domain.values import Language, Text, format_duration


def decide_blocks(choices: Choices, texts: Catalog) -> list[Block]:
    """Verdict, actions, duration, protections to keep, rule, reason template and reason."""
    blocks = [
        field("verdict", texts, _verdicts(texts)),
        *_actions(choices, texts),
        *_keeps(choices, texts),
        *_rules(choices, texts),
        *_templates(choices, texts),
        field("reason", texts, many_lines(), hint="bot.decide.reason.hint"),
    ]
    if choices.notifies:
        for block in blocks:
            block.dispatch_action = block.block_id in PREVIEWED
    return list(blocks)


def _keeps(choices: Choices, texts: Catalog) -> list[InputBlock]:
    """The protections that a violation keeps, ticked."""
    if not choices.keepable:
        return []
    options = [
        option(id_, plain(title.in_(texts.language), OPTION_TEXT) or id_)
        for id_, title in list(choices.keepable.items())[:MOST_KEPT]
    ]
    boxes = CheckboxesElement(options=options, initial_options=options)
    return [field(KEEPS, texts, boxes, optional=True, hint="bot.modal.keeps.hint")]


def _rules(choices: Choices, texts: Catalog) -> list[InputBlock]:
    """A menu of the playbook's rules with the usual one chosen; none without rules."""
    if not choices.rules:
        return []
    options = [_rule(each, texts) for each in choices.rules]
    select = menu(options, texts.say("bot.modal.policy.choose"))
    select.initial_option = next((each for each in options if each.value == choices.rule), None)
    return [field("policy", texts, select, optional=True)]


def _rule(rule: Rule, texts: Catalog) -> Option:
    title = f" · {rule.title.in_(texts.language)}" if rule.title is not None else ""
    return option(rule.id, plain(f"{rule.id}{title}", OPTION_TEXT) or "—")


def _templates(choices: Choices, texts: Catalog) -> list[InputBlock]:
    """The reason templates; choosing one fills in the reason and previews the notice."""
    if not choices.templates:
        return []
    titles = [(each.id, each.title.in_(texts.language)) for each in choices.templates]
    options = [
        option(value, plain(title, OPTION_TEXT) or value)
        for value, title in [*titles, (NONE, texts.say("bot.modal.template.none"))]
    ]
    select = menu(options, texts.say("bot.modal.template.choose"))
    return [field(TEMPLATE, texts, select, optional=True, hint="bot.modal.template.hint")]


def _verdicts(texts: Catalog) -> RadioButtonsElement:
    options = [option(verdict, texts.say(f"verdict.{verdict}")) for verdict in Verdict]
    return RadioButtonsElement(options=options)


def _actions(choices: Choices, texts: Catalog) -> list[InputBlock]:
    """The blocks `actions` and `duration`, each only if it has options."""
    if not choices.actions:
        return []
    select, hint = action_select(choices, texts), "bot.modal.actions.hint"
    chosen = field("actions", texts, select, optional=True, hint=hint)
    return [chosen, *duration_field(choices, texts)]


def action_select(choices: Choices, texts: Catalog) -> StaticMultiSelectElement:
    """A menu of the offered actions."""
    options = [_action(name, spec, texts) for name, spec in choices.actions.items()]
    choose = PlainTextObject(text=texts.say("bot.modal.actions.choose"))
    return StaticMultiSelectElement(options=options, placeholder=choose)


def _action(name: str, spec: ActionSpec, texts: Catalog) -> Option:
    """An action as an option, with danger, approval and longest duration in its description."""
    notes = [texts.say("bot.action.danger")] if spec.danger else []
    if spec.approval is not None:
        role = texts.say(f"role.{spec.approval.by}")
        notes.append(texts.say("bot.action.approval", role=role, quorum=spec.approval.quorum))
    if spec.timed is not None:
        limit = texts.duration(spec.timed.max)
        notes.append(texts.say("bot.action.timed", limit=limit))
    title = plain(spec.title.in_(texts.language), OPTION_TEXT) or name
    return option(name, title, plain(" · ".join(notes), OPTION_TEXT))


def duration_field(choices: Choices, texts: Catalog) -> list[InputBlock]:
    """The block `duration`; empty without timed actions."""
    if not choices.durations:
        return []
    options = [option(format_duration(each), texts.duration(each)) for each in choices.durations]
    select = menu(options, texts.say("bot.modal.duration.choose"))
    return [field("duration", texts, select, optional=True, hint="bot.modal.duration.hint")]


# A redrawn modal keeps entered values as long as its fields keep their names.

_PREVIEW = "notice"
"""block_id of the preview's blocks: this, or `notice.{more}`."""
_KEPT = ("type", "callback_id", "title", "submit", "close", "private_metadata")


def is_of_notice(block_id: str) -> bool:
    """Whether a block shows the notice."""
    return block_id.partition(".")[0] == _PREVIEW


Json = dict[str, Any]
ViewState = Mapping[str, Any]


def with_template(view: ViewState, choices: Choices, texts: Catalog) -> Json:
    """`view` with the reason of its chosen template, and the notice of the decision."""
    template = choices.template(template_in(view))
    shows = template is not None or bool(options_in(view, "actions"))
    blocks: list[Json] = []
    for block in view["blocks"]:
        name = str(block.get("block_id", ""))
        if is_of_notice(name):
            continue
        if name == "reason" and shows:
            blocks += _notice(view, choices, template, texts)
        refill = name == "reason" and template is not None
        blocks.append(_reason(block, view, choices, template, texts) if refill else block)
    return {**{name: view[name] for name in _KEPT if view.get(name)}, "blocks": blocks}


def _reason(
    block: Json, view: ViewState, choices: Choices, template: ReasonTemplate | None, texts: Catalog
) -> Json:
    """The field, filled in unless the person has typed a reason."""
    typed = words_in(view, "reason")
    reasons = {each.reason.in_(texts.language).strip() for each in choices.templates}
    if template is None or (typed and typed not in reasons):
        return block
    reason = many_lines(template.reason.in_(texts.language))
    filled: Json = field("reason", texts, reason, hint="bot.decide.reason.hint").to_dict()
    # Slack keeps a field's value by its action_id: a new id makes it show the new text.
    filled["element"]["action_id"] = f"reason.{template.id}"
    return filled


def _notice(
    view: ViewState, choices: Choices, template: ReasonTemplate | None, texts: Catalog
) -> list[Json]:
    """The notice to the sanctioned person in both languages, or the reason why there is none."""
    silence = None if choices.playbook is None else choices.playbook.unnotified(template)
    if silence is not None:
        return no_notice(silence, texts)
    if choices.case is None or not (template or choices.case.policy.notice_text):
        return []
    rule = option_in(view, "policy") or choices.rule
    shown = preview(choices.case, template, rule, _measures(view, choices), CatalogWording())
    if shown is None:
        return no_notice(None, texts)
    person, text = shown
    named = Reader(texts=texts, zone=UTC).subject(person)
    return notice_blocks(texts.say("bot.notice.title", person=named), text, texts)


def notice_blocks(title: str, text: Text, texts: Catalog) -> list[Json]:
    """A notice in both languages below its title."""
    return [
        _shown(title),
        _plainly(text.ja, "ja"),
        _plainly(text.en, "en"),
        {**section(texts.say("bot.notice.when")), "block_id": f"{_PREVIEW}.when"},
    ]


def no_notice(silence: Text | None, texts: Catalog) -> list[Json]:
    """The reason why there is no notice: that of policy, or (None) the missing addressee."""
    if silence is None:
        return [_shown(texts.say("bot.notice.nobody"))]
    because = mrkdwn(silence.in_(texts.language), OPTION_TEXT)
    return [_shown(texts.say("bot.notice.none", reason=because))]


def measures_of(
    names: Iterable[str], lasts: timedelta | None, actions: Mapping[str, ActionSpec]
) -> tuple[Measure, ...]:
    """The chosen ones of the actions, as a notice names them."""
    return tuple(
        Measure(title=spec.title, lasts=(lasts or spec.timed.default) if spec.timed else None)
        for name in names
        if (spec := actions.get(name)) is not None
    )


def _measures(view: ViewState, choices: Choices) -> tuple[Measure, ...]:
    """The actions chosen so far, else a placeholder."""
    lasts = duration_in(view, "duration")
    chosen = measures_of(options_in(view, "actions"), lasts, choices.actions)
    if chosen:
        kept = (choices.keepable.get(each) for each in options_in(view, KEEPS))
        others = (title for title in kept if title not in [each.title for each in chosen])
        return (*chosen, *(Measure(title=title) for title in others if title is not None))
    ja, en = (texts_in(language).say("bot.notice.actions") for language in Language)
    return (Measure(title=Text(ja=ja, en=en)),)


def _shown(text: str) -> Json:
    return {**section(text), "block_id": _PREVIEW}


def _plainly(text: str, language: str) -> Json:
    """The notice as plain text, so that Slack makes no links of it."""
    shown = {"type": "plain_text", "text": plain(text, MOST_SECTION) or "—", "emoji": False}
    return {"type": "section", "block_id": f"{_PREVIEW}.{language}", "text": shown}


TEMPLATE, KEEPS = "template", "keeps"
"""block_id and action_id of the reason templates, and of the protections to keep."""
PREVIEWED = frozenset({TEMPLATE, KEEPS, "actions", "duration", "policy"})
"""Fields that change the preview of the notice."""
MOST_KEPT = 10
"""docs.slack.dev, checkbox group element."""
NONE = "-"
"""The option for no template: a select in Slack cannot be cleared."""


def read_decide(sent: Submitted[Metadata]) -> dict[str, Any]:
    """The fields of `Decide`. Raises `Invalid`."""
    view, chosen = sent.view, option_in(sent.view, "verdict")
    verdict = next((each for each in Verdict if each == chosen), None)
    actions, duration = options_in(view, "actions"), duration_in(view, "duration")
    reason = words_in(view, "reason")
    faults = _faults(verdict, actions, reason) | too_long(duration, actions, sent.carried.limits)
    if faults:
        raise Invalid(faults)
    rule = option_in(view, "policy")
    return {
        "verdict": verdict,
        "actions": tuple(PresetAction(action=name, for_=duration) for name in actions),
        "policy": rule if verdict is Verdict.VIOLATION else None,
        "reason": reason,
        "template": template_in(view),
        "keeps": options_in(view, KEEPS) if has_field(view, KEEPS) else None,
    }


def _faults(verdict: Verdict | None, actions: tuple[str, ...], reason: str) -> Faults:
    faults: Faults = {}
    if verdict is None:
        faults |= needed("verdict")
    if not reason:
        faults |= needed("reason")
    if verdict is Verdict.VIOLATION and not actions:
        faults |= needed("actions")
    if verdict not in (None, Verdict.VIOLATION) and actions:
        faults["actions"] = Fault(key="bot.fault.actions_without_violation")
    return faults


def template_in(view: Mapping[str, Any]) -> str | None:
    """The chosen reason template; None without one."""
    chosen = option_in(view, TEMPLATE)
    return None if chosen == NONE else chosen
