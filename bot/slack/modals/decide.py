"""Modal `decide`: verdict, actions, policy rule, reason, and a preview of the notice."""

from collections.abc import Iterable, Mapping
from datetime import UTC, timedelta
from typing import Any

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

from activities.slack.blocks import MOST_SECTION
from activities.slack.escape import plain
from activities.slack.i18n.catalog import Catalog, CatalogWording
from activities.slack.i18n.catalog import texts as texts_in
from activities.slack.reader import Reader
from bot.slack.modals.base import Submitted
from bot.slack.modals.form import (
    OPTION_TEXT,
    Fault,
    Faults,
    Invalid,
    duration_in,
    field,
    many_lines,
    one_line,
    option_in,
    options_in,
    words_in,
)
from bot.slack.modals.metadata import Metadata
from bot.slack.modals.offer import Offer
from bot.slack.rendering import section
from workflows.domain.case.decision import Measure, Verdict
from workflows.domain.case.notices import preview
from workflows.domain.policy.actions import ActionSpec
from workflows.domain.policy.playbook import PresetAction, ReasonTemplate, Rule
from workflows.domain.values import Language, Text, Value, format_duration


def decide_blocks(offer: Offer, texts: Catalog) -> list[Block]:
    """Verdict, actions, duration, rule, reason template and reason."""
    return [
        field("verdict", texts, _verdicts(texts)),
        *_actions(offer, texts),
        field("policy", texts, _rules(offer, texts), optional=True),
        *_templates(offer, texts),
        field("reason", texts, many_lines(), hint="bot.decide.reason.hint"),
    ]


def _rules(offer: Offer, texts: Catalog) -> InputInteractiveElement:
    """A menu of rules with the usual one chosen; a text line for fewer than two."""
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
    """The reason templates; choosing one fills in the reason and previews the notice."""
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
    """The blocks `actions` and `duration`, each only if it has options."""
    if not offer.actions:
        return []
    select, hint = action_select(offer, texts), "bot.modal.actions.hint"
    chosen = field("actions", texts, select, optional=True, hint=hint)
    return [chosen, *duration_field(offer, texts)]


def action_select(offer: Offer, texts: Catalog) -> StaticMultiSelectElement:
    """A menu of the offered actions."""
    options = [_action(name, spec, texts) for name, spec in offer.actions.items()]
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
    described = plain(" · ".join(notes), OPTION_TEXT)
    return Option(
        value=name,
        text=PlainTextObject(text=plain(spec.title.in_(texts.language), OPTION_TEXT) or name),
        description=PlainTextObject(text=described) if described else None,
    )


def duration_field(offer: Offer, texts: Catalog) -> list[InputBlock]:
    """The block `duration`; empty without timed actions."""
    if not offer.durations:
        return []
    options = [
        Option(value=format_duration(each), text=PlainTextObject(text=texts.duration(each)))
        for each in offer.durations
    ]
    choose = PlainTextObject(text=texts.say("bot.modal.duration.choose"))
    select = StaticSelectElement(options=options, placeholder=choose)
    return [field("duration", texts, select, optional=True, hint="bot.modal.duration.hint")]


# A redrawn modal keeps entered values as long as its fields keep their names.

_PREVIEW = "notice"
"""block_id of the preview's blocks: this, or `notice.{more}`."""
_KEPT = ("type", "callback_id", "title", "submit", "close", "private_metadata")

Json = dict[str, Any]
ViewState = Mapping[str, Any]


def with_template(view: ViewState, offer: Offer, texts: Catalog) -> Json:
    """`view` with the reason and the notice of its chosen template."""
    template = offer.template(template_in(view))
    blocks: list[Json] = []
    for block in view["blocks"]:
        name = str(block.get("block_id", ""))
        if name.partition(".")[0] == _PREVIEW:
            continue
        refill = name == "reason" and template is not None
        blocks.append(_reason(block, view, offer, template, texts) if refill else block)
        if name == TEMPLATE and template is not None:
            blocks += _notice(view, offer, template, texts)
    return {**{name: view[name] for name in _KEPT if view.get(name)}, "blocks": blocks}


def _reason(
    block: Json, view: ViewState, offer: Offer, template: ReasonTemplate | None, texts: Catalog
) -> Json:
    """The field, filled in unless the person has typed a reason."""
    if template is None or not _may_replace(words_in(view, "reason"), offer.templates, texts):
        return block
    reason = many_lines(template.reason.in_(texts.language))
    filled: Json = field("reason", texts, reason, hint="bot.decide.reason.hint").to_dict()
    # Slack keeps a field's value by its action_id: a new id makes it show the new text.
    filled["element"]["action_id"] = f"reason.{template.id}"
    return filled


def _may_replace(typed: str, templates: Iterable[ReasonTemplate], texts: Catalog) -> bool:
    return not typed or typed in {each.reason.in_(texts.language).strip() for each in templates}


def _notice(view: ViewState, offer: Offer, template: ReasonTemplate, texts: Catalog) -> list[Json]:
    """The notice to the sanctioned person, in both languages."""
    if template.notice is None:
        return [_said("bot.notice.none", texts)]
    if offer.case is None:
        return []
    rule = option_in(view, "policy") or words_in(view, "policy") or offer.rule
    shown = preview(offer.case, template, rule, _measures(view, offer), CatalogWording())
    if shown is None:
        return [_said("bot.notice.nobody", texts)]
    person, text = shown
    named = Reader(texts=texts, zone=UTC).subject(person)
    return [
        _said("bot.notice.title", texts, person=named),
        _plainly(text.ja, "ja"),
        _plainly(text.en, "en"),
        {**section(texts.say("bot.notice.when")), "block_id": f"{_PREVIEW}.when"},
    ]


def _measures(view: ViewState, offer: Offer) -> tuple[Measure, ...]:
    """The actions chosen so far, else a placeholder."""
    lasts = duration_in(view, "duration")
    chosen = tuple(
        Measure(title=spec.title, lasts=(lasts or spec.timed.default) if spec.timed else None)
        for name in options_in(view, "actions")
        if (spec := offer.actions.get(name)) is not None
    )
    ja, en = (texts_in(language).say("bot.notice.actions") for language in Language)
    return chosen or (Measure(title=Text(ja=ja, en=en)),)


def _said(key: str, texts: Catalog, **values: str) -> Json:
    return {**section(texts.say(key, **values)), "block_id": _PREVIEW}


def _plainly(text: str, language: str) -> Json:
    """The notice as plain text, so that Slack makes no links of it."""
    shown = {"type": "plain_text", "text": plain(text, MOST_SECTION) or "—", "emoji": False}
    return {"type": "section", "block_id": f"{_PREVIEW}.{language}", "text": shown}


TEMPLATE = "template"
"""block_id and action_id of the reason templates."""
NONE = "-"
"""The option for no template: a select in Slack cannot be cleared."""


class Form(Value):
    """The submitted values; missing or unknown ones are None or empty."""

    verdict: Verdict | None
    actions: tuple[str, ...]
    duration: timedelta | None
    policy: str | None
    reason: str
    template: str | None = None


def read_decide(sent: Submitted[Metadata]) -> dict[str, Any]:
    """The fields of `Decide`. Raises `Invalid`."""
    form = _form(sent.view)
    faults = _faults(form, sent.carried.limits)
    if faults:
        raise Invalid(faults)
    return {
        "verdict": form.verdict,
        "actions": tuple(PresetAction(action=name, for_=form.duration) for name in form.actions),
        "policy": form.policy if form.verdict is Verdict.VIOLATION else None,
        "reason": form.reason,
        "template": form.template,
    }


def _form(view: Mapping[str, Any]) -> Form:
    verdict = option_in(view, "verdict")
    return Form(
        verdict=next((each for each in Verdict if each == verdict), None),
        actions=options_in(view, "actions"),
        duration=duration_in(view, "duration"),
        policy=option_in(view, "policy") or words_in(view, "policy") or None,
        reason=words_in(view, "reason"),
        template=template_in(view),
    )


def template_in(view: Mapping[str, Any]) -> str | None:
    """The chosen reason template; None without one."""
    chosen = option_in(view, TEMPLATE)
    return None if chosen == NONE else chosen


def _faults(form: Form, limits: Mapping[str, int]) -> Faults:
    faults: Faults = {}
    if form.verdict is None:
        faults["verdict"] = Fault(key="bot.fault.verdict_needed")
    if not form.reason:
        faults["reason"] = Fault(key="bot.fault.reason_needed")
    if form.verdict is Verdict.VIOLATION and not form.actions:
        faults["actions"] = Fault(key="bot.fault.actions_needed")
    if form.verdict not in (None, Verdict.VIOLATION) and form.actions:
        faults["actions"] = Fault(key="bot.fault.actions_without_violation")
    limit = _strictest(form, limits)
    if limit is not None and form.duration is not None and form.duration > limit:
        faults["duration"] = Fault(key="bot.fault.too_long", limit=limit)
    return faults


def _strictest(form: Form, limits: Mapping[str, int]) -> timedelta | None:
    """The shortest maximum of the chosen actions."""
    timed = [limits[name] for name in form.actions if name in limits]
    return timedelta(seconds=min(timed)) if timed else None
