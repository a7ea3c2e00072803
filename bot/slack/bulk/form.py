"""Form of a bulk decision: views, submitted values and errors; and the list of its subjects."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field, ValidationError
from slack_sdk.models.blocks import (
    Block,
    CheckboxesElement,
    Option,
    PlainTextInputElement,
)
from slack_sdk.models.views import View

from activities.slack import handles
from activities.slack.cards.decision import impact_line
from activities.slack.escape import plain
from activities.slack.handles import Handle
from activities.slack.i18n.catalog import Catalog, CatalogWording
from activities.slack.reader import Reader, limit_values, problem_words
from activities.slack.refusals import wait_words
from bot.services.bulk import BulkPage, DoneLine, SubjectLine
from bot.slack.interactions import Press
from bot.slack.modals.base import PagedModal
from bot.slack.modals.choices import Choices
from bot.slack.modals.decide import (
    action_select,
    duration_field,
    is_of_notice,
    measures_of,
    no_notice,
    notice_blocks,
)
from bot.slack.modals.form import (
    OPTION_TEXT,
    Fault,
    Faults,
    about,
    duration_in,
    field,
    many_lines,
    modal,
    needed,
    option,
    options_in,
    too_long,
    words_in,
)
from bot.slack.modals.metadata import Metadata, encode
from bot.slack.rendering import neighbours, page_buttons, safe, section, sections, subject_name
from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import MOST, Impact
from workflows.domain.case.model import Case
from workflows.domain.case.notices import preview
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.limits import Full, Limits, PeopleLimits
from workflows.domain.policy.platform import RelatedSpec
from workflows.domain.values import Text, Value


class BulkMetadata(Metadata):
    """Metadata of the modal `bulk`.

    starts: ids by type. seen: how many subjects the preview of the choice `shown` (a digest) had.
    bulk: more subjects than this need an approval. rates: the limits of a person's decisions.
    """

    starts: dict[str, str] = Field(default_factory=dict)
    seen: int | None = None
    shown: str = ""
    bulk: int = 0
    rates: Limits | None = None


MOST_SHOWN = 40
"""Characters of an invalid id in its error."""
_BETWEEN = re.compile(r"[\s,、，;]+")


def rates_of(limits: Limits | None) -> Limits | None:
    """Those of the limits that a preview compares; the metadata has little room."""
    if limits is None:
        return None
    return Limits(
        velocity=limits.velocity,
        bulk=limits.bulk,
        approval=limits.approval,
        people=PeopleLimits(decisions=limits.people.decisions),
    )


class BulkForm(Value):
    """The submitted values; `ids` without duplicates, in their order."""

    sources: tuple[str, ...]
    ids: tuple[str, ...]
    actions: tuple[str, ...]
    duration: timedelta | None
    reason: str

    def choice(self, type_: str) -> str:
        """A digest of subjects and actions: while it is the same, so is their preview."""
        lasts = None if self.duration is None else self.duration.total_seconds()
        chosen = json.dumps(
            [type_, sorted(self.sources), sorted(self.ids), sorted(self.actions), lasts]
        )
        return hashlib.sha256(chosen.encode()).hexdigest()[:16]


def read_bulk(view: Mapping[str, Any]) -> BulkForm:
    """The values of a submission; missing ones are empty."""
    ids = _BETWEEN.split(words_in(view, "ids"))
    return BulkForm(
        sources=options_in(view, "sources"),
        ids=tuple(dict.fromkeys(each for each in ids if each)),
        actions=options_in(view, "actions"),
        duration=duration_in(view, "duration"),
        reason=words_in(view, "reason"),
    )


def type_of(form: BulkForm, catalog: ActionCatalog) -> str | None:
    """The subject type of the chosen actions; None for several."""
    specs = [catalog.find(name) for name in form.actions]
    types = {spec.subject for spec in specs if spec is not None}
    return types.pop() if len(types) == 1 else None


def faults_of(
    form: BulkForm,
    limits: Mapping[str, int],
    catalog: ActionCatalog,
    sources: Mapping[str, RelatedSpec],
) -> Faults:
    """Errors by block; `limits` in seconds by action."""
    faults: Faults = {}
    type_ = type_of(form, catalog)
    if not form.reason:
        faults |= needed("reason")
    if not form.actions:
        faults |= needed("actions")
    elif type_ is None:
        faults["actions"] = Fault(key="refusal.bulk_mixed")
    faults |= too_long(form.duration, form.actions, limits)
    if type_ is not None:
        faults |= _source_faults(form, type_, sources)
    return faults | _id_faults(form)


def _source_faults(form: BulkForm, type_: str, sources: Mapping[str, RelatedSpec]) -> Faults:
    for name in form.sources:
        spec = sources.get(name)
        if spec is None or spec.type != type_:
            named = Text(ja=name, en=name) if spec is None else spec.title
            return {"sources": Fault(key="bot.bulk.other_type", title=named)}
    return {}


def _id_faults(form: BulkForm) -> Faults:
    if len(form.ids) > MOST:
        return {"ids": Fault(key="bot.bulk.too_many", values={"count": len(form.ids)})}
    for each in form.ids:
        try:
            Subject(type="x", id=each)
        except ValidationError:
            return {"ids": Fault(key="bot.bulk.unusable", values={"id": plain(each, MOST_SHOWN)})}
    return {}


PAGE = 25
"""Subjects of one page."""
_PREVIEW = "bulk_preview"

Counted = Sequence[tuple[str, RelatedSpec, int | None]]
"""Look-ups by name with their number of subjects; None without an answer."""


def bulk_view(choices: Choices, counted: Counted, metadata: BulkMetadata, texts: Catalog) -> View:
    """The modal `bulk` before anything is chosen."""
    ids = PlainTextInputElement(multiline=True, max_length=3000)
    blocks = [
        about(choices, metadata, texts),
        *_sources(counted, texts),
        field("ids", texts, ids, label="bot.bulk.ids", optional=True, hint="bot.bulk.ids.hint"),
        field("actions", texts, action_select(choices, texts)),
        *duration_field(choices, texts),
        field("reason", texts, many_lines(), label="bot.modal.reason", hint="bot.bulk.reason.hint"),
        {**section(texts.say("bot.bulk.first")), "block_id": _PREVIEW},
    ]
    return modal("bulk", blocks, texts, encode(metadata), texts.say("bot.bulk.preview"))


def redrawn(
    view: Mapping[str, Any],
    text: str,
    submit: str,
    metadata: BulkMetadata,
    notice: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """The modal with another end and submit button; entered values are kept."""
    names = ((block, str(block.get("block_id", ""))) for block in view["blocks"])
    kept = [block for block, name in names if name != _PREVIEW and not is_of_notice(name)]
    return {
        "type": "modal",
        "callback_id": "bulk",
        "title": view["title"],
        "submit": {"type": "plain_text", "text": submit},
        "close": view["close"],
        "private_metadata": encode(metadata),
        "blocks": [*kept, {**section(text), "block_id": _PREVIEW}, *notice],
    }


def notices(
    case: Case | None, form: BulkForm, subjects: Sequence[Subject], texts: Catalog
) -> list[dict[str, Any]]:
    """The number of notices with the text of the first, or why there are none.

    Empty if `case` is unknown, or its policy has no notices.
    """
    notice_text = case.policy.notice_text if case is not None else None
    if case is None or notice_text is None or case.policy.playbook.dry_run:
        return []
    silence = case.policy.playbook.unnotified(None)
    if silence is not None or subjects[0].type != notice_text.call.subject:
        return no_notice(silence, texts)
    rule, specs = case.policy.playbook.policy, case.policy.catalog.actions
    done = measures_of(form.actions, form.duration, specs)
    named = None if rule is None else rule.id
    shown = preview(case, None, named, done, CatalogWording(), subjects[0])
    if shown is None:
        return []
    person = Reader(texts=texts, zone=UTC).subject(shown[0])
    title = texts.say("bot.bulk.notices", count=len(subjects), person=person)
    return notice_blocks(title, shown[1], texts)


def confirmation(count: int, touched: Impact, asks: bool, reader: Reader) -> str:
    """The impact, shown before the decision is submitted."""
    line = impact_line(count, touched, reader)
    text = reader.say("bot.bulk.confirm", impact=f"*{line}*", count=count)
    return f"{text}\n{reader.say('bot.bulk.asks')}" if asks else text


def over_limit(count: int, touched: Impact, limit: Full, reader: Reader, now: datetime) -> str:
    """The impact with the limit that the decision would exceed, and what is left of it."""
    number = reader.texts.number
    values = {
        **limit_values(limit, reader),
        "wanted": number(count),
        "left": number(max(limit.most - limit.used, 0)),
    }
    line = f"*{impact_line(count, touched, reader)}*\n"
    if limit.resets_at is None:
        return line + reader.say("bot.bulk.over_limit.large", **values)
    wait = wait_words(limit.resets_at, now, reader.texts)
    return line + reader.say("bot.bulk.over_limit.until", wait=wait, **values)


def _sources(counted: Counted, texts: Catalog) -> list[Block]:
    if not counted:
        return []
    options = [_source(name, spec, count, texts) for name, spec, count in counted]
    boxes = CheckboxesElement(options=options)
    hint = "bot.bulk.sources.hint"
    return [field("sources", texts, boxes, label="bot.bulk.sources", optional=True, hint=hint)]


def _source(name: str, spec: RelatedSpec, count: int | None, texts: Catalog) -> Option:
    title = plain(spec.title.in_(texts.language), OPTION_TEXT - 25)
    shown = texts.say("bot.bulk.source.unknown", title=title)
    if count is not None:
        shown = texts.say("bot.bulk.source", title=title, count=count)
    return option(name, shown)


class BulkList(PagedModal):
    """The modal of the list."""

    modal = "bulk_list"
    pager = "bulk"

    async def _page(self, press: Press, aim: Handle, texts: Catalog) -> View | str:
        number = self._number(press) or 0
        await self._record(press.source.person, "case", aim.case, f"bulk, page {number + 1}")
        page = await self._services.bulk_decisions.page(aim.case, number * PAGE, PAGE)
        return texts.say("bot.bulk.list.none") if page is None else list_view(page, aim, texts)


def list_view(page: BulkPage, aim: Handle, texts: Catalog) -> View:
    """One page."""
    last = page.first + len(page.lines)
    first = min(page.first + 1, last)
    head = texts.say("bot.bulk.list.range", first=first, last=last, total=page.total)
    value = handles.encode(aim.case, aim.version)
    before, after = neighbours(page.first, PAGE, page.total)
    blocks = [
        section(f"*{head}*"),
        *sections(_line(line, texts) for line in page.lines),
        *page_buttons("bulk", value, before, after, texts, aim.workflow_id),
    ]
    return modal("bulk_list", blocks, texts, submit=None)


def _line(line: SubjectLine, texts: Catalog) -> str:
    name = subject_name(line.subject, texts)
    done = [_done(each, texts) for each in line.done] or [texts.say("bot.bulk.list.waiting")]
    return f"• {name} · {' · '.join(done)}"


def _done(done: DoneLine, texts: Catalog) -> str:
    title = safe(done.title.in_(texts.language) if done.title else done.name, 60)
    status = texts.say(f"action.status.{done.status}")
    words = f"{title}: {status}"
    if done.problem is None:
        return words
    problem = problem_words(done.problem, Reader(texts=texts, zone=UTC))
    return texts.say("words.with_note", what=words, note=problem)
