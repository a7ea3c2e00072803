"""Modal `decide`: actions, reason of policy, rationale, and what the person is told."""

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
from bot.slack.modals.form import (
    OPTION_TEXT,
    Fault,
    Faults,
    duration_in,
    field,
    many_lines,
    one_line,
    option_in,
    options_in,
    words_in,
)
from bot.slack.modals.offer import Offer
from bot.slack.rendering import section
from workflows.domain.case.commands import Decide
from workflows.domain.case.decision import Measure, Verdict
from workflows.domain.case.notices import preview
from workflows.domain.policy.actions import ActionSpec
from workflows.domain.policy.playbook import PresetAction, ReasonTemplate, Rule
from workflows.domain.values import Language, Text, Value, format_duration


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


# A redrawn modal keeps what a person chose and typed, since its fields keep their names.

_PREVIEW = "notice"
"""The blocks of the preview are called so, or `notice.{more}`."""
_KEPT = ("type", "callback_id", "title", "submit", "close", "private_metadata")

Json = dict[str, Any]
Seen = Mapping[str, Any]


def with_template(view: Seen, offer: Offer, texts: Catalog) -> Json:
    """`view` with the reason and the notice of the template that is chosen in it."""
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
    block: Json, view: Seen, offer: Offer, template: ReasonTemplate | None, texts: Catalog
) -> Json:
    """The field, filled in unless its person has written something of their own."""
    if template is None or not _may_replace(words_in(view, "reason"), offer.templates, texts):
        return block
    reason = many_lines(template.reason.in_(texts.language))
    filled: Json = field("reason", texts, reason, hint="bot.decide.reason.hint").to_dict()
    # Slack keeps what stands in a field by its name: only under another one is the new text shown.
    filled["element"]["action_id"] = f"reason.{template.id}"
    return filled


def _may_replace(typed: str, templates: Iterable[ReasonTemplate], texts: Catalog) -> bool:
    return not typed or typed in {each.reason.in_(texts.language).strip() for each in templates}


def _notice(view: Seen, offer: Offer, template: ReasonTemplate, texts: Catalog) -> list[Json]:
    """What the person acted upon would be told, in both languages."""
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


def _measures(view: Seen, offer: Offer) -> tuple[Measure, ...]:
    """The actions that are chosen by now, else words that stand for them."""
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
    """As it will be read, but for its links: nothing of it is obeyed here."""
    shown = {"type": "plain_text", "text": plain(text, MOST_SECTION) or "—", "emoji": False}
    return {"type": "section", "block_id": f"{_PREVIEW}.{language}", "text": shown}


TEMPLATE = "template"
"""The block, and the action, of the reasons that policy offers."""
NONE = "-"
"""A choice among them can't be undone in Slack: this one stands for no choice."""


class Form(Value):
    """The modal `decide`, filled in; what is missing or unknown is None or empty."""

    verdict: Verdict | None
    actions: tuple[str, ...]
    duration: timedelta | None
    policy: str | None
    reason: str
    template: str | None = None


def read_decide(
    view: Mapping[str, Any], limits: Mapping[str, int], seen: Mapping[str, Any]
) -> Decide | Faults:
    """The decision, or what has to be put right; `limits` in seconds by action."""
    form = _form(view)
    faults = _faults(form, limits)
    if faults or form.verdict is None:
        return faults
    return Decide(
        **seen,
        verdict=form.verdict,
        actions=tuple(PresetAction(action=name, for_=form.duration) for name in form.actions),
        policy=form.policy if form.verdict is Verdict.VIOLATION else None,
        reason=form.reason,
        template=form.template,
    )


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
    """The chosen reason of policy; None also where somebody chose to have none."""
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
    """The least time that one of the chosen actions allows."""
    timed = [limits[name] for name in form.actions if name in limits]
    return timedelta(seconds=min(timed)) if timed else None
