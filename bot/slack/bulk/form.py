"""Form of a bulk decision: what a person chose and typed, and what its modal carries."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field, ValidationError

from activities.slack.escape import plain
from bot.slack.interactions import Unreadable
from bot.slack.modals.form import duration_in, options_in, words_in
from bot.slack.modals.metadata import MOST_CHARACTERS, Metadata
from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import MOST
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.platform import RelatedSpec
from workflows.domain.values import Text, Value


class BulkMetadata(Metadata):
    """`starts`: ids by type. `seen` subjects were shown for the choice whose digest is `shown`.

    Above `bulk` somebody else has to agree.
    """

    starts: dict[str, str] = Field(default_factory=dict)
    seen: int | None = None
    shown: str = ""
    bulk: int = 0


def encode(metadata: BulkMetadata) -> str:
    """At most 3000 characters: without the limits where they do not fit (the case knows them)."""
    whole = metadata.model_dump_json(exclude_none=True)
    if len(whole) <= MOST_CHARACTERS:
        return whole
    return metadata.model_copy(update={"limits": {}}).model_dump_json(exclude_none=True)


def decode(written: str) -> BulkMetadata:
    """What `encode` wrote.

    Raises:
        Unreadable: for anything else.
    """
    try:
        return BulkMetadata.model_validate_json(written[:MOST_CHARACTERS])
    except ValidationError as error:
        raise Unreadable("not the metadata of a ring") from error


MOST_SHOWN = 40
"""Of an id that can't be used: enough to find it again."""
_BETWEEN = re.compile(r"[\s,、，;]+")


class BulkForm(Value):
    """The modal `ring`, filled in; `ids` are each once, in their order."""

    sources: tuple[str, ...]
    ids: tuple[str, ...]
    actions: tuple[str, ...]
    duration: timedelta | None
    reason: str

    def choice(self, type_: str) -> str:
        """The same for the same subjects: what was shown for them still holds."""
        chosen = json.dumps([type_, sorted(self.sources), sorted(self.ids)])
        return hashlib.sha256(chosen.encode()).hexdigest()[:16]


class BulkFault(Value):
    """What has to be put right: the sentence's key, and what it names."""

    key: str
    values: dict[str, str | int] = Field(default_factory=dict)
    limit: timedelta | None = None
    title: Text | None = None


BulkFaults = dict[str, BulkFault]
"""By block."""


def read_bulk(view: Mapping[str, Any]) -> BulkForm:
    """The modal's state; what is missing is empty."""
    ids = _BETWEEN.split(words_in(view, "ids"))
    return BulkForm(
        sources=options_in(view, "sources"),
        ids=tuple(dict.fromkeys(each for each in ids if each)),
        actions=options_in(view, "actions"),
        duration=duration_in(view, "duration"),
        reason=words_in(view, "reason"),
    )


def type_of(form: BulkForm, catalog: ActionCatalog) -> str | None:
    """The one type of subject that the chosen actions are for; None where there are several."""
    specs = [catalog.find(name) for name in form.actions]
    types = {spec.subject for spec in specs if spec is not None}
    return types.pop() if len(types) == 1 else None


def faults_of(
    form: BulkForm,
    limits: Mapping[str, int],
    catalog: ActionCatalog,
    sources: Mapping[str, RelatedSpec],
) -> BulkFaults:
    """What has to be put right, by block; `limits` in seconds by action."""
    faults: BulkFaults = {}
    type_ = type_of(form, catalog)
    if not form.reason:
        faults["reason"] = BulkFault(key="bot.fault.reason_needed")
    if not form.actions:
        faults["actions"] = BulkFault(key="bot.fault.actions_needed")
    elif type_ is None:
        faults["actions"] = BulkFault(key="refusal.bulk_mixed")
    timed = [limits[name] for name in form.actions if name in limits]
    limit = timedelta(seconds=min(timed)) if timed else None
    if limit is not None and form.duration is not None and form.duration > limit:
        faults["duration"] = BulkFault(key="bot.fault.too_long", limit=limit)
    if type_ is not None:
        faults |= _sources(form, type_, sources)
    return faults | _ids(form)


def _sources(form: BulkForm, type_: str, sources: Mapping[str, RelatedSpec]) -> BulkFaults:
    for name in form.sources:
        spec = sources.get(name)
        if spec is None or spec.type != type_:
            named = Text(ja=name, en=name) if spec is None else spec.title
            return {"sources": BulkFault(key="bot.bulk.other_type", title=named)}
    return {}


def _ids(form: BulkForm) -> BulkFaults:
    if len(form.ids) > MOST:
        return {"ids": BulkFault(key="bot.bulk.too_many", values={"count": len(form.ids)})}
    for each in form.ids:
        try:
            Subject(type="x", id=each)
        except ValidationError:
            return {
                "ids": BulkFault(key="bot.bulk.unusable", values={"id": plain(each, MOST_SHOWN)})
            }
    return {}
