"""Changes of the policy folder: none is silent, and each is shown with its values."""

import typing
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from activities.policy.loader import PolicyFolder
from tests.workflows.domain.policy.folders import (
    AUTOMATIC,
    BOOK,
    FIRST,
    PROTECT,
    RICH,
    SHILL,
    book,
    catalog,
    limits,
    only,
    record,
    written,
    written_severity,
)
from workflows.domain.brakes import Breaker, Silence
from workflows.domain.people import Role
from workflows.domain.policy.bands import Trusted
from workflows.domain.policy.changes import Change, Form, Part, PolicyRecord, Shown, changes
from workflows.domain.policy.detectors import Accepts, Feedback
from workflows.domain.policy.differences import LONGEST_VALUE, ChangeKind, PolicySet
from workflows.domain.policy.limits import EXEMPT_APPROVAL
from workflows.domain.policy.platform import SecretPlace
from workflows.domain.policy.playbook import Conduct
from workflows.domain.values import Language, Text


def filled(value: Any) -> Any:
    """The value with something in each optional field in it."""
    match value:
        case BaseModel() if not isinstance(value, Text):
            names = type(value).model_fields
            given = {name: getattr(value, name) for name in names}
            return value.model_copy(
                update={
                    name: filled(each)
                    if each not in (None, ())
                    else OPTIONAL_VALUES.get(name, each)
                    for name, each in given.items()
                }
            )
        case dict():
            return {name: filled(each) for name, each in value.items()}
        case tuple():
            return tuple(filled(each) for each in value)
    return value


OPTIONAL_VALUES: dict[str, Any] = {
    **dict.fromkeys(("decided", "detected", "protected", "no_notice"), Text(ja="例", en="Example")),
    "auto": AUTOMATIC["auto"],
    "bands": AUTOMATIC["bands"],
    "accepts": Accepts(kinds=("a", "b"), subjects=("user",), rate="600/m"),
    "because": "reason",
    "breaker": Breaker(precision=0.9, undone=0.1),
    "conduct": Conduct(),
    "cron": "0 9 * * *",
    "feedback": Feedback.model_validate({"url": {"env": "URL"}, "secret": {"env": "SECRET"}}),
    "language": Language.JA,
    "manual": ("people",),
    "map": SHILL.alert,
    "next": "response.next",
    "person": "U0MORI",
    "remind": timedelta(minutes=10),
    "role": Role.LEAD,
    "secret": SecretPlace(env="SECRET"),
    "silence": Silence(),
    "text": "row.text",
    "title": "row.title",
    "undo_approval": EXEMPT_APPROVAL,
}
FULL = filled(RICH)
"""The example with a value in every field; not all of them go together."""


# -- every field --------------------------------------------------------------------------


TIMES = 2
"""Variants of one field that are compared: all of them take minutes."""
Place = tuple[str, str]
"""A field: the names of its model and of itself."""


def models(annotation: Any, found: set[type[BaseModel]] | None = None) -> set[type[BaseModel]]:
    """The models in an annotation, and in their fields."""
    seen = found if found is not None else set()
    for part in typing.get_args(annotation):
        models(part, seen)
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    if is_model and annotation not in {Text, *seen}:
        seen.add(annotation)
        for info in annotation.model_fields.values():
            models(info.annotation, seen)
    return seen


FIELDS = sorted((each.__name__, name) for each in models(PolicySet) for name in each.model_fields)
OPTIONAL = sorted(
    (each.__name__, name)
    for each in models(PolicySet)
    for name, info in each.model_fields.items()
    if type(None) in typing.get_args(info.annotation)
)
"""The fields that may be left out."""


Mutations = Iterator[tuple[Place | None, Any]]
"""Changed values, each with the innermost field that changed."""


def mutated(value: Any) -> Mutations:
    """Variants of a value with one field of one model in it changed."""
    match value:
        case Text():
            yield None, Text(ja=f"{value.ja}改", en=f"{value.en}!")
        case BaseModel():
            yield from mutated_model(value)
        case dict():
            yield None, {**value, "another": next(iter(value.values()), "x")}
            for name, each in value.items():
                yield None, {key: one for key, one in value.items() if key != name}
                yield from ((inner, {**value, name: other}) for inner, other in mutated(each))
        case tuple():
            yield None, (*value, value[-1] if value else "x")
            for place, each in enumerate(value):
                yield None, (*value[:place], *value[place + 1 :])
                for inner, other in mutated(each):
                    yield inner, (*value[:place], other, *value[place + 1 :])
        case _:
            yield None, another(value)


def mutated_model(value: BaseModel) -> Mutations:
    """Variants of a model; each optional field in it is also left out."""
    for name, info in type(value).model_fields.items():
        place = (type(value).__name__, name)
        for inner, other in mutated(getattr(value, name)):
            yield inner or place, value.model_copy(update={name: other})
        if isinstance(getattr(value, name), BaseModel):
            other = None if info.default is None else next(mutated(getattr(value, name)))[1]
            yield place, value.model_copy(update={name: other})
        if place in OPTIONAL and getattr(value, name) is not None:
            yield (place[0], f"no {name}"), value.model_copy(update={name: None})


def another(value: Any) -> Any:
    """A value of the same type that is not equal."""
    match value:
        case None:
            return "x"
        case bool():
            return not value
        case StrEnum():
            return next(each for each in type(value) if each is not value)
        case str():
            return f"1{value}" if value[:1].isdigit() else f"{value}x"
        case timedelta():
            return value * 2
        case ZoneInfo():
            return ZoneInfo("UTC")
    return value + 1


def test_a_change_of_any_field_is_named() -> None:
    """Fields that are added to the models later are among them."""
    tried: Counter[Place] = Counter()
    for place, other in mutated(FULL):
        assert place is not None
        tried[place] += 1
        if tried[place] <= TIMES:
            assert changes(FULL, other), place
            assert changes(other, FULL), place
    there = {place for place in tried if not place[1].startswith("no ")}
    assert sorted(there) == FIELDS, "FULL needs an object of every model"
    left_out = sorted((model, name.removeprefix("no ")) for model, name in set(tried) - there)
    assert left_out == OPTIONAL, "FULL needs a value in every optional field"


def test_every_part_of_the_folder_is_compared() -> None:
    """A file that is read later is part of the content."""
    own = set(PolicyFolder.__dataclass_fields__) - {"version", "warnings", "_policies"}
    assert own == set(PolicySet.model_fields)


def test_the_same_content_has_no_changes() -> None:
    """Also after its way through the ledger."""
    back = PolicySet.model_validate_json(RICH.model_dump_json(by_alias=True, exclude_none=True))
    assert changes(RICH, RICH) == ()
    assert changes(RICH, back) == ()


# -- meaning ------------------------------------------------------------------------------


def test_a_changed_threshold_is_named_with_both_conditions() -> None:
    """The change knows its playbook."""
    stricter = {**written_severity(), "high": "alert.score >= 0.95"}
    assert only(changes(RICH, book(severity=stricter))) == Change(
        kind=ChangeKind.CHANGED,
        part=Part.PLAYBOOK,
        name="off_platform",
        title=BOOK.title,
        path=("severity", "high"),
        before="alert.score >= 0.9",
        after="alert.score >= 0.95",
        playbooks=("off_platform",),
    )


def test_an_approval_of_an_action_concerns_the_playbooks_that_take_it() -> None:
    """Others are not bothered."""
    spec = RICH.catalog.actions["permanent_ban"]
    without = {**RICH.catalog.actions, "permanent_ban": spec.model_copy(update={"approval": None})}
    found = only(changes(RICH, catalog(without)))
    assert (found.kind, found.name, found.path) == (
        ChangeKind.REMOVED,
        "permanent_ban",
        ("approval",),
    )
    assert found.loosens
    assert "off_platform" in found.playbooks


def test_a_reworded_text_is_one_line_without_the_texts() -> None:
    """A notice may be long."""
    found = only(changes(RICH, book(title={"ja": "別の題", "en": BOOK.title.en})))
    assert (found.kind, found.path, found.before, found.after, found.loosens) == (
        ChangeKind.REWORDED,
        ("title",),
        None,
        None,
        False,
    )


def test_a_moved_step_has_both_orders() -> None:
    """Nothing was added or removed."""
    presets = written("presets")
    found = only(changes(RICH, book(presets=[*presets[1:], presets[0]])))
    assert (found.kind, found.before, found.after) == (
        ChangeKind.ORDERED,
        "hide, mute, ban",
        "mute, ban, hide",
    )


# -- values ------------------------------------------------------------------------------


def test_long_conditions_show_where_they_differ() -> None:
    """Cut at their ends, both would read the same."""
    kinds = ", ".join(f"'kind_{number}'" for number in range(60))
    for end in ("", f" && alert.kind != '{'x' * 400}'"):
        old, new = (f"alert.kind in [{kinds}] && alert.score >= {n}{end}" for n in (0.97, 0.1))
        found = only(
            changes(
                book(protect=[{**PROTECT, "when": old}]), book(protect=[{**PROTECT, "when": new}])
            )
        )
        assert found.before is not None
        assert found.after is not None
        assert "alert.score >= 0.97" in found.before
        assert "alert.score >= 0.1" in found.after
        assert max(len(found.before), len(found.after)) <= LONGEST_VALUE


def test_many_names_are_one_change() -> None:
    """With the first ones and their number: a list has up to 10,000."""
    ids = tuple(f"u_{number:05}" for number in range(10_000))
    many = RICH.model_copy(update={"trusted": Trusted(trusted=ids)})
    added = [each for each in changes(RICH, many) if each.kind is ChangeKind.ADDED]
    (removed,) = changes(many, RICH.model_copy(update={"trusted": Trusted()}))
    assert [(e.part, e.after, e.loosens) for e in added] == [
        (Part.TRUSTED, "u_00000, u_00001, u_00002, … (10,000)", False)
    ]
    assert (removed.kind, removed.loosens) == (ChangeKind.REMOVED, True)
    assert len(PolicyRecord.model_dump_json(record(FIRST, "v2", many))) < 2_000


@pytest.mark.parametrize(
    ("before", "after", "form"),
    [
        (book(protect=[PROTECT]), book(protect=[{**PROTECT, "for": "20m"}]), Form.DURATION),
        (book(bulk=False), book(bulk=True), Form.SWITCH),
        (book(mode="live"), book(mode="off"), Form.WORD),
        (book(), book(sample={"auto": "3%", "log": "1%"}), Form.SHARE),
        (book(trusted=["5m"]), book(trusted=[]), Form.TEXT),
        (limits(), limits(bulk=6), Form.TEXT),
    ],
)
def test_a_value_has_its_type(before: PolicySet, after: PolicySet, form: Form) -> None:
    """An id that reads like a time is none."""
    assert only(changes(before, after)).form is form


def test_an_added_entry_has_its_fields() -> None:
    """Each with its type, for the words of the message."""
    found = only(changes(book(auto=[]), book()))
    assert [(each.name, each.text) for each in found.fields] == [
        ("when", "alert.score >= 0.99"),
        ("preset", "mute"),
    ]
    assert only(changes(book(protect=[]), book(protect=[PROTECT]))).fields[1:] == (
        Shown(name="for", text="15m", form=Form.DURATION),
        Shown(name="when", text="severity == 'critical'"),
    )


def test_the_words_of_a_notice_are_shown() -> None:
    """They reach people outside of the team."""
    assert RICH.appeals is not None
    notices_ = RICH.appeals.notices.model_copy(update={"upheld": Text(ja="維持", en="Upheld")})
    appeals = RICH.appeals.model_copy(update={"notices": notices_})
    found = only(changes(RICH, RICH.model_copy(update={"appeals": appeals})))
    assert (found.kind, found.after) == (ChangeKind.REWORDED, "維持 / Upheld")
