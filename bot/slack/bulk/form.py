"""Form of a bulk decision: its submitted values, their errors, and its metadata."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field, ValidationError

from activities.slack.escape import plain
from bot.slack.modals.form import Fault, Faults, duration_in, options_in, words_in
from bot.slack.modals.metadata import Metadata
from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import MOST
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.platform import RelatedSpec
from workflows.domain.values import Text, Value


class BulkMetadata(Metadata):
    """Metadata of the modal `bulk`.

    starts: ids by type. seen: how many subjects the preview of the choice `shown` (a digest) had.
    bulk: more subjects than this need an approval.
    """

    starts: dict[str, str] = Field(default_factory=dict)
    seen: int | None = None
    shown: str = ""
    bulk: int = 0


MOST_SHOWN = 40
"""Characters of an invalid id in its error."""
_BETWEEN = re.compile(r"[\s,、，;]+")


class BulkForm(Value):
    """The submitted values; `ids` without duplicates, in their order."""

    sources: tuple[str, ...]
    ids: tuple[str, ...]
    actions: tuple[str, ...]
    duration: timedelta | None
    reason: str

    def choice(self, type_: str) -> str:
        """A digest of the chosen subjects: while it is the same, so is their preview."""
        chosen = json.dumps([type_, sorted(self.sources), sorted(self.ids)])
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
        faults["reason"] = Fault(key="bot.fault.reason_needed")
    if not form.actions:
        faults["actions"] = Fault(key="bot.fault.actions_needed")
    elif type_ is None:
        faults["actions"] = Fault(key="refusal.bulk_mixed")
    timed = [limits[name] for name in form.actions if name in limits]
    limit = timedelta(seconds=min(timed)) if timed else None
    if limit is not None and form.duration is not None and form.duration > limit:
        faults["duration"] = Fault(key="bot.fault.too_long", limit=limit)
    if type_ is not None:
        faults |= _sources(form, type_, sources)
    return faults | _ids(form)


def _sources(form: BulkForm, type_: str, sources: Mapping[str, RelatedSpec]) -> Faults:
    for name in form.sources:
        spec = sources.get(name)
        if spec is None or spec.type != type_:
            named = Text(ja=name, en=name) if spec is None else spec.title
            return {"sources": Fault(key="bot.bulk.other_type", title=named)}
    return {}


def _ids(form: BulkForm) -> Faults:
    if len(form.ids) > MOST:
        return {"ids": Fault(key="bot.bulk.too_many", values={"count": len(form.ids)})}
    for each in form.ids:
        try:
            Subject(type="x", id=each)
        except ValidationError:
            return {"ids": Fault(key="bot.bulk.unusable", values={"id": plain(each, MOST_SHOWN)})}
    return {}
