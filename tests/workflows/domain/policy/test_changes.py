"""Changes of the policy folder: none is silent, and what loosens automation is known as such."""

import typing
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from activities.policy.loader import PolicyFolder, load_policy
from tests.workflows.domain.builders import REED, SATO, T0, TANAKA, minutes
from workflows.domain.brakes import Breaker, Silence
from workflows.domain.people import Role, RoleBook
from workflows.domain.policy.appeals import AppealSource
from workflows.domain.policy.bands import AutoRule, BandRule, Sample, Trusted
from workflows.domain.policy.changes import (
    UNREADABLE,
    Change,
    Form,
    Load,
    NotConfirmed,
    Part,
    PolicyRecord,
    RecordKind,
    Shown,
    changes,
    confirm,
    holds_back,
    is_news,
    notices_of,
    record_of,
)
from workflows.domain.policy.detectors import Accepts, Detector, Feedback, Sources
from workflows.domain.policy.differences import LONGEST_VALUE, ChangeKind, PolicySet
from workflows.domain.policy.limits import EXEMPT_APPROVAL, FolderLimits, Loosening
from workflows.domain.policy.loosening import Compared, compare
from workflows.domain.policy.platform import SecretPlace
from workflows.domain.policy.playbook import Conduct, Playbook
from workflows.domain.policy.reports import Retention
from workflows.domain.values import Language, Text

FOLDER = load_policy(Path(__file__).parents[4] / "deploy" / "policy")
EXAMPLE = FOLDER.content
assert EXAMPLE.appeals is not None
SENDER = AppealSource.model_validate({"secret": {"env": "APPEALS"}})
SHILL = Detector.model_validate(
    {
        "detector": "shill",
        "expect": {"every": "15m"},
        "sql": {
            "source": "warehouse",
            "query": "shill.sql",
            "every": "5m",
            "watermark": {"column": "seen_at"},
        },
        "alert": {
            "id": "row.id",
            "kind": "'shill'",
            "subject": {"type": "'user'", "id": "row.bidder"},
            "related": [{"type": "'listing'", "id": "row.listing"}],
            "score": "row.p",
            "occurred_at": "row.seen_at",
            "attributes": {"ratio": "row.ratio"},
        },
    }
)
AUTOMATIC = {
    "bands": (BandRule(detector="shill", act="alert.score >= 0.98", review="true"),),
    "auto": (AutoRule(when="alert.score >= 0.99", preset="mute"),),
    "sample": Sample(auto=0.02, log=0.01),
    "trusted": ("u_official",),
}
RICH = EXAMPLE.model_copy(
    update={
        "playbooks": {
            **{n: EXAMPLE.playbooks[n] for n in ("self_harm", "other")},
            "off_platform": EXAMPLE.playbooks["off_platform"].model_copy(update=AUTOMATIC),
        },
        "trusted": Trusted(trusted=("u_partner",)),
        "detectors": {**EXAMPLE.detectors, "shill": SHILL},
        "appeals": EXAMPLE.appeals.model_copy(update={"sources": {"support": SENDER}}),
        "queries": {"shill": "SELECT 1"},
        "sources": Sources.model_validate({"sources": {"warehouse": {"url": {"env": "W"}}}}),
    }
)
"""The example with a SQL detector: an object of every model of the folder."""
BOOK = RICH.playbooks["off_platform"]


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


def book(**fields: Any) -> PolicySet:
    """The example with changed fields of one playbook, as written."""
    written = BOOK.model_dump(mode="json", by_alias=True, exclude_none=True)
    changed = Playbook.model_validate({**written, **fields})
    return RICH.model_copy(update={"playbooks": {**RICH.playbooks, "off_platform": changed}})


def limits(**fields: Any) -> PolicySet:
    """The example with changed limits, as written."""
    assert RICH.limits is not None
    written = RICH.limits.model_dump(mode="json", by_alias=True, exclude_none=True)
    return RICH.model_copy(update={"limits": FolderLimits.model_validate({**written, **fields})})


def only(found: tuple[Change, ...]) -> Change:
    """The only change."""
    (one,) = found
    return one


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


def written_severity() -> dict[str, str]:
    """The conditions of the playbook."""
    return {severity.value: condition for severity, condition in BOOK.severity.items()}


def written(field: str) -> Any:
    """A field of the playbook as written."""
    return BOOK.model_dump(mode="json", by_alias=True, exclude_none=True)[field]


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


def catalog(actions: dict[str, Any]) -> PolicySet:
    """The example with other actions."""
    changed = RICH.catalog.model_copy(update={"actions": actions})
    return RICH.model_copy(update={"catalog": changed})


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


# -- what loosens -------------------------------------------------------------------------

PROTECT = {"when": "severity == 'critical'", "action": "hide_message", "for": "15m"}
STEP = {
    "after": "10m",
    "unless": "decided",
    "notify": "lead",
    "severity": ["critical"],
    "protect": {"action": "pause_stream", "for": "15m"},
}
EARLY = {"after": "1m", "unless": "claimed", "notify": "shift"}
CRITICAL = "alert.score >= 0.97 && alert.attributes.viewers >= {}"
APPROVAL = {"by": "lead", "within": "30m", "on_expiry": "refuse"}


def alone(mode: str) -> PolicySet:
    """The example with one playbook that acts, in a mode."""
    found = book(mode=mode)
    books = {name: each for name, each in found.playbooks.items() if not each.protections}
    only_one = {**books, "off_platform": found.playbooks["off_platform"]}
    return found.model_copy(update={"playbooks": only_one})


def severity(**conditions: str) -> PolicySet:
    """The example with other conditions of severities."""
    return book(severity={**written_severity(), **conditions})


def step(**fields: Any) -> PolicySet:
    """The example with one step, which protects."""
    return book(escalation=[{**STEP, **fields}])


def people(*users: str, role: str = "lead") -> PolicySet:
    """The example with further people of a role."""
    roles = RICH.roles.model_dump(mode="json", exclude_none=True)["roles"]
    roles[role] = {**roles[role], "users": list(users)}
    return RICH.model_copy(update={"roles": RoleBook.model_validate({"roles": roles})})


def times(**fields: Any) -> PolicySet:
    """The example with times of personal data."""
    return RICH.model_copy(update={"retention": Retention.model_validate(fields)})


def requesting(path: str) -> PolicySet:
    """The example with another request of an action."""
    spec = RICH.catalog.actions["mute_user"]
    request = spec.request.model_copy(update={"path": path})
    mute = spec.model_copy(update={"request": request})
    return catalog({**RICH.catalog.actions, "mute_user": mute})


def rate(most: int, within: str = "1h") -> dict[str, Any]:
    """A rate as written."""
    return {"most": most, "within": within}


AUTO = {"when": "alert.score >= 0.99", "preset": "mute"}
BAND = {"detector": "shill", "act": "alert.score >= 0.98", "review": "true"}
OTHER_BAND = {**BAND, "detector": "chat"}
BREAKER = {"window": "5m", "floor": 20, "precision": "90%", "undone": "10%"}
SILENCE = {"at_most": "7d"}
ACCEPTS = {"kinds": ["a", "b"], "subjects": ["user"], "rate": "600/m"}


def detector(**fields: Any) -> PolicySet:
    """The example with a detector that posts."""
    made = Detector.model_validate({"detector": "chat", **fields})
    return RICH.model_copy(update={"detectors": {**RICH.detectors, "chat": made}})


def decided(by: dict[str, Any], **conditions: str) -> PolicySet:
    """The example with one decision by Koban, no protection, and other severities."""
    severities = {**written_severity(), **conditions}
    return book(auto=[by], protect=[], escalation=[], severity=severities)


def specialist(*users: str) -> PolicySet:
    """The example with these specialists, who confirm changes."""
    rule = limits(loosening={"approval": "specialist"}).limits
    return people(*users, role="specialist").model_copy(update={"limits": rule})


LOOSER: dict[str, tuple[PolicySet, PolicySet]] = {
    "a protection": (book(protect=[]), book(protect=[PROTECT])),
    "a longer protection": (book(protect=[PROTECT]), book(protect=[{**PROTECT, "for": "20m"}])),
    "a wider condition": (
        book(protect=[{**PROTECT, "when": "alert.score >= 0.9"}]),
        book(protect=[{**PROTECT, "when": "alert.score >= 0.8"}]),
    ),
    "a dropped condition": (
        book(protect=[{**PROTECT, "when": "severity == 'critical' && alert.score > 0.9"}]),
        book(protect=[PROTECT]),
    ),
    "reports of people": (
        book(protect=[PROTECT]),
        book(protect=[{**PROTECT, "manual": ["people"]}]),
    ),
    "a wider severity of a protection": (
        severity(critical=CRITICAL.format(1000)),
        severity(critical=CRITICAL.format(100)),
    ),
    "a protecting step": (book(escalation=[{**STEP, "protect": None}]), step()),
    "a longer protection of a step": (
        step(),
        step(protect={"action": "pause_stream", "for": "1h"}),
    ),
    "a sooner protecting step": (step(), step(after="5m")),
    "more severities of a step": (step(), step(severity=["critical", "high"])),
    "all severities of a step": (step(), step(severity=[])),
    "a live trial": (alone("shadow"), alone("live")),
    "a playbook that was off": (book(mode="off"), book(mode="live")),
    "a decision by Koban": (book(auto=[]), book()),
    "a wider decision by Koban": (book(), book(auto=[{**AUTO, "when": "alert.score >= 0.9"}])),
    "a wider band": (book(), book(bands=[{**BAND, "act": "alert.score >= 0.9"}])),
    "a band that acts": (
        book(bands=[{"detector": "shill", "review": "true"}]),
        book(bands=[BAND]),
    ),
    "another band that acts": (
        book(bands=[BAND]),
        book(bands=[BAND, {"detector": "shill", "act": "alert.score >= 0.5"}]),
    ),
    "a band for fewer people": (
        book(bands=[BAND]),
        book(bands=[{**BAND, "review": "alert.score >= 0.5"}]),
    ),
    "a band for nobody": (
        book(bands=[BAND]),
        book(bands=[{"detector": "shill", "act": BAND["act"]}]),
    ),
    "no bands": (book(bands=[BAND]), book(bands=[])),
    "a wider severity of a decision by Koban": (
        decided({**AUTO, "when": "severity == 'high'"}),
        decided({**AUTO, "when": "severity == 'high'"}, high="alert.score >= 0.1"),
    ),
    "alerts of a playbook on trial": (book(mode="off"), book(mode="shadow")),
    "no breaker": (book(breaker=BREAKER), book()),
    "a breaker that trips later": (book(breaker=BREAKER), book(breaker={**BREAKER, "floor": 30})),
    "a breaker of a larger burst": (book(breaker=BREAKER), book(breaker={**BREAKER, "usual": 9})),
    "a breaker of more subjects": (
        book(breaker=BREAKER),
        book(breaker={**BREAKER, "subjects": 900}),
    ),
    "a less precise breaker": (
        book(breaker=BREAKER),
        book(breaker={**BREAKER, "precision": "80%"}),
    ),
    "a breaker without precision": (
        book(breaker=BREAKER),
        book(breaker={**BREAKER, "precision": None}),
    ),
    "a breaker of more undone actions": (
        book(breaker=BREAKER),
        book(breaker={**BREAKER, "undone": "20%"}),
    ),
    "no silence": (book(silence=SILENCE), book()),
    "a shorter silence": (book(silence=SILENCE), book(silence={"at_most": "1d"})),
    "more kinds of a detector": (
        detector(accepts=ACCEPTS),
        detector(accepts={**ACCEPTS, "kinds": ["a", "b", "c"]}),
    ),
    "every type of subject": (
        detector(accepts=ACCEPTS),
        detector(accepts={**ACCEPTS, "subjects": None}),
    ),
    "a detector that posts more": (
        detector(accepts=ACCEPTS),
        detector(accepts={**ACCEPTS, "rate": "900/m"}),
    ),
    "a detector that posts faster": (
        detector(accepts={**ACCEPTS, "rate": "10/s"}),
        detector(accepts=ACCEPTS),
    ),
    "a detector without limits": (detector(accepts=ACCEPTS), detector()),
    "a detector that was removed with its limits": (detector(accepts=ACCEPTS), RICH),
    "another person who confirms": (specialist("U0A"), specialist("U0A", "U0B")),
    "a smaller sample": (book(), book(sample={"auto": "1%", "log": "1%"})),
    "a subject less that is trusted": (book(), book(trusted=[])),
    "no list of trusted subjects": (RICH, RICH.model_copy(update={"trusted": None})),
    "kept protections": (book(keep_on_violation=False), book(keep_on_violation=True)),
    "bulk decisions": (book(bulk=False), book(bulk=True)),
    "no dry run": (book(dry_run=True), book(dry_run=False)),
    "a larger bulk": (limits(), limits(bulk=6)),
    "a higher rate": (limits(), limits(automation={"detector": rate(700), "playbook": rate(600)})),
    "a shorter window": (
        limits(),
        limits(automation={"detector": rate(600, "30m"), "playbook": rate(600)}),
    ),
    "no rate": (limits(), limits(automation={"playbook": rate(600)})),
    "fewer exempt subjects": (limits(), limits(exempt=[])),
    "no second person for this": (limits(), limits(loosening=None)),
    "a smaller quorum": (limits(approval={**APPROVAL, "quorum": 2}), limits(approval=APPROVAL)),
    "a longer approval": (limits(), limits(approval={**APPROVAL, "within": "2h"})),
    "a milder expiry": (limits(), limits(approval={**APPROVAL, "on_expiry": "escalate"})),
    "another lead": (people(), people("U0NEW")),
    "erasure sooner": (times(notes="90d"), times(notes="30d")),
    "erasure at all": (times(), times(notes="365d")),
    "no playbook for them": (
        RICH,
        RICH.model_copy(
            update={"playbooks": {n: b for n, b in RICH.playbooks.items() if n != "off_platform"}}
        ),
    ),
    "another query": (RICH, RICH.model_copy(update={"queries": {"shill": "SELECT 2"}})),
}
"""Pairs of a policy and a looser one."""

INCOMPARABLE = {
    "a trial beside a playbook that acts": (book(mode="live"), book(mode="shadow")),
    "other alerts": (RICH, book(match="alert.kind == 'another'")),
    "another condition": (
        book(protect=[PROTECT]),
        book(protect=[{**PROTECT, "when": "alert.kind == 'x'"}]),
    ),
    "a preset that Koban applies": (
        book(),
        book(presets=[{**each, "actions": ["warn"]} for each in written("presets")]),
    ),
    "another approver": (limits(), limits(approval={**APPROVAL, "by": "admin"})),
    "another request": (RICH, requesting("/elsewhere")),
    "another order of decisions by Koban": (
        book(auto=[AUTO, {**AUTO, "preset": "hide"}]),
        book(auto=[{**AUTO, "preset": "hide"}, AUTO]),
    ),
    "the window of a breaker": (book(breaker=BREAKER), book(breaker={**BREAKER, "window": "1h"})),
    "alerts for another decision by Koban": (
        book(auto=[AUTO, {"when": "true", "preset": "hide"}]),
        book(auto=[{**AUTO, "when": "alert.score >= 0.995"}, {"when": "true", "preset": "hide"}]),
    ),
}
"""Pairs of which nothing is known, in either direction."""

HARMLESS: dict[str, tuple[PolicySet, PolicySet]] = {
    "a channel": (RICH, book(channel="ts-other")),
    "a clock": (RICH, book(clocks={**written("clocks"), "high": {"claim": "1m", "decide": "9m"}})),
    "a preset": (RICH, book(presets=written("presets")[:2])),
    "an escalation step": (RICH, book(escalation=[*written("escalation"), EARLY])),
    "another specialist": (people(), people("U0NEW", role="specialist")),
    "the order of bands of two detectors": (
        book(bands=[BAND, OTHER_BAND]),
        book(bands=[OTHER_BAND, BAND]),
    ),
    "a severity without protection": (RICH, severity(high="alert.score >= 0.5")),
}


@pytest.mark.parametrize("what", LOOSER)
def test_what_loosens_in_one_direction(what: str) -> None:
    """The same change in the other direction tightens."""
    before, after = LOOSER[what]
    assert any(each.loosens for each in changes(before, after))
    if what not in ("no playbook for them", "another query"):
        assert not any(each.loosens for each in changes(after, before))


@pytest.mark.parametrize("what", INCOMPARABLE)
def test_what_can_not_be_compared_loosens_in_both_directions(what: str) -> None:
    """Nothing is known of it."""
    before, after = INCOMPARABLE[what]
    assert any(each.loosens for each in changes(before, after))
    assert any(each.loosens for each in changes(after, before))


@pytest.mark.parametrize("what", HARMLESS)
def test_what_people_work_with_loosens_nothing(what: str) -> None:
    """It is live at once."""
    before, after = HARMLESS[what]
    assert changes(before, after)
    assert not any(each.loosens for each in (*changes(before, after), *changes(after, before)))


def test_a_narrower_severity_loosens_if_a_milder_one_has_protections() -> None:
    """What is not critical any more becomes high."""
    high = {**PROTECT, "when": "severity == 'high'"}
    narrower = {**written_severity(), "critical": CRITICAL.format(2000)}
    tighter = changes(
        book(protect=[PROTECT], escalation=[]),
        book(protect=[PROTECT], escalation=[], severity=narrower),
    )
    looser = changes(
        book(protect=[high], escalation=[]), book(protect=[high], escalation=[], severity=narrower)
    )
    assert [each.loosens for each in tighter] == [False]
    assert [each.loosens for each in looser] == [True]


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


# -- conditions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("a >= 0.9", "a  >=  0.9 ", Compared.UNKNOWN),
        ("a >= 0.9", " a >= 0.9", Compared.SAME),
        ("a >= 0.9", "a >= 0.95", Compared.NARROWER),
        ("a >= 0.9", "a > 0.9", Compared.NARROWER),
        ("a <= 3", "a < 3", Compared.NARROWER),
        ("0.9 <= a", "a >= 0.95", Compared.NARROWER),
        ("a >= 0.9", "a >= 0.9 && b == 'x'", Compared.NARROWER),
        ("true", "a == b", Compared.NARROWER),
        ("a >= 0.9 && b > 3", "b > 3 && a >= 0.8", Compared.WIDER),
        ("a >= 0.9 && b > 3", "a >= 0.8 && b > 4", Compared.UNKNOWN),
        ("a >= 0.9 || b > 3", "a >= 0.95 || b > 3", Compared.UNKNOWN),
        ("!(a >= 0.9)", "!(a >= 0.95)", Compared.UNKNOWN),
        ("(a >= 0.9) == c", "(a >= 0.95) == c", Compared.UNKNOWN),
        ("a >= 0.9", "b >= 0.95", Compared.UNKNOWN),
        ("a >= 0.9", "a >= 0.95 // && b", Compared.UNKNOWN),
        ("t == '''&& p > 1 &&'''", "t == '''&& p > 2 &&'''", Compared.UNKNOWN),
        ("t == 'x && p > 1'", "t == 'x && p > 2'", Compared.UNKNOWN),
        ("t == r'\\' && p > 1 && u == '\\'", "t == r'\\' && p > 2 && u == '\\'", Compared.UNKNOWN),
        ("c ? a >= 1 : b && d", "c ? a >= 2 : b && d", Compared.UNKNOWN),
    ],
)
def test_conditions_are_compared_where_they_are_thresholds(
    before: str, after: str, found: Compared
) -> None:
    """A wrong `narrower` would let a wider condition act without a second person."""
    if found is Compared.UNKNOWN and " ".join(before.split()) == " ".join(after.split()):
        assert compare(before, after) in (Compared.UNKNOWN, Compared.SAME)
    else:
        assert compare(before, after) is found


NUMBERS = st.integers(-3, 3)
PARTS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from([">=", ">", "<=", "<"]), NUMBERS), max_size=3
)


def holds(parts: list[tuple[str, str, int]], values: dict[str, int]) -> bool:
    """Evaluates a conjunction of thresholds."""
    tests: dict[str, Callable[[int, int], bool]] = {
        ">=": lambda value, bound: value >= bound,
        ">": lambda value, bound: value > bound,
        "<=": lambda value, bound: value <= bound,
        "<": lambda value, bound: value < bound,
    }
    return all(tests[sign](values[name], bound) for name, sign, bound in parts)


@given(PARTS, PARTS)
def test_a_narrower_condition_holds_only_where_the_other_does(
    before: list[tuple[str, str, int]], after: list[tuple[str, str, int]]
) -> None:
    """And a wider one wherever the other does."""
    texts = [
        " && ".join(f"{n} {s} {v}" for n, s, v in parts) or "true" for parts in (before, after)
    ]
    found = compare(*texts)
    for a in range(-4, 5):
        for b in range(-4, 5):
            was, now = (holds(parts, {"a": a, "b": b}) for parts in (before, after))
            assert found not in (Compared.NARROWER, Compared.SAME) or was or not now
            assert found not in (Compared.WIDER, Compared.SAME) or now or not was


# -- records ------------------------------------------------------------------------------

TIGHTER, LOOSE = limits(bulk=3), limits(bulk=9)
FIRST = PolicyRecord(id=1, kind=RecordKind.LOADED, at=T0, version="v1")
RULE = Loosening(authors={"Maya@Market.example": "U0TANAKA"})


def loaded(version: str, **more: Any) -> Load:
    """A load of a version."""
    return Load(version=version, at=minutes(1), **more)


def record(last: PolicyRecord | None, version: str, new: PolicySet, **more: Any) -> PolicyRecord:
    """The record of a load after `last`, with the next id."""
    made = record_of(last, loaded(version, **more), RICH, new)
    return made.model_copy(update={"id": last.id + 1 if last is not None else 1})


def test_the_first_load_is_accepted() -> None:
    """Whatever it has: there is nothing to compare with."""
    made = record(None, "v1", LOOSE)
    assert (made.kind, made.in_force, made.waiting) == (RecordKind.LOADED, "v1", None)


def test_a_tighter_folder_is_in_force_at_once() -> None:
    """It is announced in the role's place, because it concerns all playbooks."""
    made = record(FIRST, "v2", TIGHTER)
    assert (made.kind, made.before, made.in_force, made.waiting) == (
        RecordKind.CHANGED,
        "v1",
        "v2",
        None,
    )
    (notice,) = notices_of(made, [RICH, TIGHTER], RULE.approval)
    assert (notice.channel, notice.asks, notice.key) == (None, False, "policy/2/role/lead")


def test_a_looser_folder_waits_as_a_whole() -> None:
    """A tighter change in the same load waits as well."""
    both = limits(bulk=9, exempt=[*exempt(), {"type": "user", "id": "u_1", "reason": "x"}])
    made = record(FIRST, "v2", both)
    assert (made.kind, made.in_force, made.waiting) == (RecordKind.HELD, "v1", "v2")
    assert [each.loosens for each in made.changes] == [True, False]
    assert not is_news(made, "v2")
    assert is_news(made, "v1")


def exempt() -> list[dict[str, Any]]:
    """The exempt subjects as written."""
    assert RICH.limits is not None
    return [each.model_dump(mode="json") for each in RICH.limits.exempt]


def test_the_rule_of_the_version_in_force_counts() -> None:
    """A folder can't take the rule away with the change that it is about."""
    without = limits(loosening=None)
    assert holds_back(RICH, changes(RICH, without))
    assert not holds_back(without, changes(without, LOOSE))


def test_a_restored_folder_takes_the_change_back() -> None:
    """It names the change that does not wait any more."""
    held = record(FIRST, "v2", LOOSE)
    made = record(held, "v1", RICH)
    assert (made.kind, made.before, made.in_force, made.about) == (
        RecordKind.WITHDRAWN,
        "v2",
        "v1",
        held.id,
    )


def test_a_later_folder_replaces_one_that_waits() -> None:
    """It is compared with the version in force."""
    held = record(FIRST, "v2", LOOSE)
    made = record(held, "v3", TIGHTER)
    assert (made.kind, made.before, made.in_force, made.waiting) == (
        RecordKind.CHANGED,
        "v1",
        "v3",
        None,
    )


def test_a_version_after_an_unreadable_one_waits() -> None:
    """Nothing is known of what it changes."""
    made = record_of(FIRST, loaded("v2"), None, TIGHTER)
    assert (made.kind, made.changes) == (RecordKind.HELD, (UNREADABLE,))


def test_a_lead_confirms_once() -> None:
    """Then nothing waits any more."""
    held = record(FIRST, "v2", LOOSE)
    made = confirm(held, TANAKA, held.id, RULE, minutes(2))
    assert isinstance(made, PolicyRecord)
    assert (made.kind, made.in_force, made.waiting, made.actor) == (
        RecordKind.CONFIRMED,
        "v2",
        None,
        "U0TANAKA",
    )
    again = made.model_copy(update={"id": 3})
    assert confirm(again, REED, held.id, RULE, minutes(2)) is NotConfirmed.NOT_WAITING


def test_who_does_not_confirm() -> None:
    """Somebody without the role, the author, and anybody with an old button."""
    held = record(FIRST, "v2", LOOSE, email="maya@market.example")
    assert confirm(held, SATO, held.id, RULE, T0) is NotConfirmed.ROLE_NEEDED
    assert confirm(held, TANAKA, held.id, RULE, T0) is NotConfirmed.OWN_CHANGE
    assert confirm(held, REED, held.id - 1, RULE, T0) is NotConfirmed.NOT_WAITING
    assert isinstance(confirm(held, REED, held.id, RULE, T0), PolicyRecord)


def test_the_authors_of_all_commits_count() -> None:
    """Neither hides behind a colleague's commit; with `authors`, an unknown one is none of them."""
    reed = "reed@market.example"
    rule = Loosening(authors={**RULE.authors, reed: REED.id})
    both = record(FIRST, "v2", LOOSE, email=reed, authors=(reed, "maya@market.example"))
    assert confirm(both, TANAKA, both.id, rule, T0) is NotConfirmed.OWN_CHANGE
    assert confirm(both, REED, both.id, rule, T0) is NotConfirmed.OWN_CHANGE
    for unknown in ("somebody@else.example", ""):
        held = record(FIRST, "v2", LOOSE, authors=("maya@market.example", unknown))
        assert confirm(held, REED, held.id, rule, T0) is NotConfirmed.AUTHOR_UNKNOWN
        assert confirm(held, TANAKA, held.id, rule, T0) is NotConfirmed.OWN_CHANGE
        assert isinstance(confirm(held, REED, held.id, Loosening(), T0), PolicyRecord)
    outside = record(FIRST, "v2", LOOSE)
    assert isinstance(confirm(outside, REED, outside.id, rule, T0), PolicyRecord)


def test_a_confirmed_change_is_taken_back_at_once() -> None:
    """Although the condition before it can't be compared either."""
    other = book(match="alert.kind == 'another'")
    held = record(FIRST, "v2", other)
    made = confirm(held, REED, held.id, RULE, minutes(2))
    assert isinstance(made, PolicyRecord)
    confirmed = made.model_copy(update={"id": 3})
    whole = confirmed.model_copy(update={"changes": held.changes})
    back = record_of(confirmed, loaded("v1"), other, RICH, whole)
    assert (back.kind, back.in_force) == (RecordKind.CHANGED, "v1")
    for version, content, known in (
        ("v3", RICH, whole),  # not the version before it
        ("v1", limits(bulk=9), whole),  # loosens more than the change has loosened
        ("v1", RICH, None),
    ):
        again = record_of(confirmed, loaded(version), other, content, known)
        assert again.kind is RecordKind.HELD


def test_what_loosens_is_the_first_and_whole_in_a_message_that_asks() -> None:
    """The approver reads all of it, in several messages if need be; the last has the button."""
    stricter = {**written_severity(), "high": "alert.score >= 0.95"}
    new = book(severity=stricter, **{f: written(f)[::-1] for f in ("presets", "escalation")})
    new = new.model_copy(update={"limits": limits(bulk=900, people={}).limits})
    made = record(FIRST, "v2", new)
    (asking, *_) = notices_of(made, [RICH, new], RULE.approval)
    assert asking.asks
    shown = [each.loosens for each in asking.record.changes]
    assert shown == sorted(shown, reverse=True)
    assert sum(shown) == sum(each.loosens for each in made.changes)
    (change,) = (each for each in made.changes if each.path == ("bulk",))
    many = made.model_copy(update={"changes": (*made.changes, *[change] * 70)})
    parts = [each for each in notices_of(many, [RICH, new], RULE.approval) if each.asks]
    assert [(each.part, each.parts, len(each.record.changes) <= 30) for each in parts] == [
        (number, len(parts), True) for number in range(len(parts))
    ]
    found = sum(each.loosens for notice in parts for each in notice.record.changes)
    assert found == sum(each.loosens for each in many.changes) > 70
    assert len({each.key for each in parts}) == len(parts)


def test_a_channel_reads_first_what_loosens() -> None:
    """The cut leaves out other lines."""
    new = book(presets=[], reasons=[], clauses=[], clocks={"low": {"claim": "1m", "decide": "9m"}})
    new = new.model_copy(update={"playbooks": {**new.playbooks, **bulky(new)}})
    made = record(FIRST, "v2", new)
    notices = notices_of(made, [RICH, new], RULE.approval)
    (here,) = (each for each in notices if each.channel == "ts-live")
    assert here.record.changes[0].loosens
    assert here.more > 0


def bulky(content: PolicySet) -> dict[str, Playbook]:
    """The playbook with bulk decisions."""
    changed = content.playbooks["off_platform"].model_copy(update={"bulk": True})
    return {"off_platform": changed}


def test_a_change_is_announced_in_the_channel_before_and_after() -> None:
    """A playbook that moves is announced in both; other channels hear nothing."""
    moved = book(channel="ts-other", bulk=False)
    made = record(FIRST, "v2", moved)
    found = notices_of(made, [RICH, moved], RULE.approval)
    assert [each.channel for each in found] == ["ts-live", "ts-other"]
    assert {each.playbooks for each in found} == {("off_platform",)}


def test_comments_are_recorded_and_not_announced() -> None:
    """The version is another one, and means the same."""
    made = record(FIRST, "v2", RICH)
    assert (made.kind, made.changes) == (RecordKind.CHANGED, ())
    assert notices_of(made, [RICH, RICH], RULE.approval) == ()
