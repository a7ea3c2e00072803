"""The modal `decide` with a reason of policy in it: the rationale, and what the person is told.

A redrawn modal keeps what a person chose and typed, since its fields keep their names.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any

from activities.slack.drawing import MOST_SECTION
from activities.slack.escape import plain
from activities.slack.reader import Reader
from activities.slack.text.texts import Catalog, CatalogWording
from activities.slack.text.texts import texts as texts_in
from bot.slack.drawing import section
from bot.slack.modals.deciding import TEMPLATE, template_in
from bot.slack.modals.form import duration_in, option_in, options_in, words_in
from bot.slack.modals.frame import field, many_lines
from bot.slack.modals.offer import Offer
from workflows.domain.notice import Measure
from workflows.domain.playbook.reasons import ReasonTemplate
from workflows.domain.telling import preview
from workflows.domain.text import Language, Text

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
