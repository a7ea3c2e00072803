"""Assessment of alerts: what is read, and placed, is what live operation reads and places."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from activities.backtest.assessment import Assessor, Handling, Rules, read, whole
from activities.policy.loader import PolicyFolder, load_policy
from tests.activities.backtest.folders import playbook, raw, written
from tests.activities.policy.folders import EXAMPLE
from workflows.conditions import holds
from workflows.domain.alerts import Alert
from workflows.domain.detection import outside
from workflows.domain.policy.bands import Band
from workflows.domain.policy.matching import assess, facts_of, group_of

# -- alerts -----------------------------------------------------------------------------------

ODD_TEXT = st.text(max_size=12) | st.sampled_from(
    ["", " a", "a ", "a b", "値", "a\u200b", "a\n", "\ud800", "x" * 256, "x" * 257, "\x7f"]
)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, 1.0, 0.0, 2, -1, 2**63, 10**30, 0.5, float("nan"), float("inf")])
    | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXT, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["user", "stream", "a-b.c", "", "x" * 64, "x" * 65, "a b", "é"]) | ODD_TEXT
IDS = st.sampled_from(["u_1", "m/1", "値段", "é"]) | ODD_TEXT
SUBJECTS = st.fixed_dictionaries({"type": NAMES, "id": IDS}, optional={"name": ODD_TEXT})
TIMES = st.sampled_from(
    [
        "2026-11-23T03:00:00Z",
        "2026-11-23t03:00:00.123456z",
        "2026-11-23 03:00:00+09:00",
        "2026-11-23T03:00:00-00:00",
        "2026-11-23T03:00:00.1234567Z",
        "2026-11-23T03:00:00+14:59",
        "2026-11-23T03:00:00+15:00",
        "2026-11-23T03:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T23:59:60Z",
        "2026-11-23T03:00:00",
        "2026-02-29T03:00:00Z",
        "2024-02-29T03:00:00Z",
        "2026-11-31T03:00:00Z",
        "2026-13-01T03:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-28T23:59:59-14:00",
        "２０２６-11-23T03:00:00Z",
        "2026-11-23T03:00:00Z\n",
        " 2026-11-23T03:00:00Z",
        "tomorrow",
        "1763866800",
    ]
)
TEXTS = (
    st.none()
    | ODD_TEXT
    | st.fixed_dictionaries(
        {},
        optional={
            "ja": ODD_TEXT,
            "en": ODD_TEXT | st.none() | st.just(1),
            "fr": ODD_TEXT,
        },
    )
)
EVIDENCE = st.fixed_dictionaries(
    {"kind": st.sampled_from(["text", "image", "video", None])},
    optional={
        "text": ODD_TEXT | st.just(3),
        "url": st.sampled_from(["https://cdn.example/a.png", "ftp://x", "https:///x", "値"]),
        "sensitive": st.sampled_from([True, False, 1, "true", None]),
        "more": st.just(1),
    },
)
SCORES = st.sampled_from([0, 1, 1.0, 0.5, -0.0, 1.1, -1, True, "0.5", None, float("nan"), 2])


@st.composite
def alerts(draw: st.DrawFn) -> dict[str, Any]:
    """An alert, of the usual form in most of its fields; fields may be missing, odd or unknown."""
    alert = {**raw(1), "related": [], "title": {"ja": "題", "en": "T"}, "evidence": []}
    odd: dict[str, st.SearchStrategy[Any]] = {
        "id": IDS | st.just(1),
        "detector": NAMES | st.none(),
        "kind": NAMES | st.none(),
        "subject": SUBJECTS | st.none() | st.just([]),
        "related": st.lists(SUBJECTS, max_size=3) | st.none() | st.just({}),
        "score": SCORES,
        "occurred_at": TIMES | st.just(1763866800) | st.none(),
        "title": TEXTS,
        "evidence": st.lists(EVIDENCE, max_size=3) | st.none() | st.just("x"),
        "attributes": st.dictionaries(ODD_TEXT, JSON_VALUES, max_size=4) | st.none() | st.just([]),
        "unknown": st.just(1),
    }
    for name in draw(st.lists(st.sampled_from(sorted(odd)), max_size=3, unique=True)):
        alert[name] = draw(odd[name])
    for name in draw(st.lists(st.sampled_from(sorted(alert)), max_size=1)):
        del alert[name]
    return alert


def is_valid(body: str) -> bool:
    """Whether live operation takes the JSON text as an alert."""
    try:
        Alert.model_validate(json.loads(body))
    except (ValidationError, ValueError, RecursionError):
        return False
    return True


def nested(levels: int) -> Any:
    """A list in a list, this many times."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@given(alerts())
@example({**raw(1), "occurred_at": "２０２６-11-23T03:00:00Z"})
@example({**raw(1), "occurred_at": "0000-01-01T00:00:00Z"})
@example({**raw(1), "attributes": {"deep": nested(98)}})
@example({**raw(1), "attributes": {"deep": nested(300)}})
@example({**raw(1), "related": [{"type": "user", "id": "u"}] * 101})
@example({**raw(1), "evidence": [{"kind": "text", "text": "x"}] * 101})
def test_an_alert_is_read_exactly_if_it_is_valid(alert: dict[str, Any]) -> None:
    """Whatever its form, and with the fields of the validated alert."""
    body = json.dumps(alert)
    found = read(body)
    assert (found is not None) == is_valid(body)
    if found is not None:
        valid = Alert.model_validate(json.loads(body))
        related = [(each.type, each.id) for each in found.related]
        assert (found.key, found.kind, found.subject.key) == (
            valid.key,
            valid.kind,
            valid.subject.key,
        )
        assert (found.score, related) == (
            valid.score,
            [(each.type, each.id) for each in valid.related],
        )


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "3", '"a"', "{", "[" * 100_000, '{"id": 1' + "0" * 5000 + "}", "NaN"]
)
def test_what_is_no_json_object_is_no_alert(body: str) -> None:
    """Nothing is raised, however deep or large it is."""
    assert read(body) is None
    assert whole(body) is None


# -- places -----------------------------------------------------------------------------------

CLOCK = {"claim": "10m", "decide": "30m"}
CLOCKS = dict.fromkeys(("critical", "high", "medium", "low"), CLOCK)
FAST = playbook(
    "spam",
    clocks=CLOCKS,
    order=1,
    match="alert.kind == 'spam' && alert.attributes.text.contains('x')",
    severity={
        "critical": "alert.score >= 0.9 && alert.attributes.viewers > 10",
        "high": "alert.attributes.a.b == 'alert.title' || alert.attributes.flag == true",
        "medium": "true",
    },
    group_by=["subject", "attributes.text"],
    protect=[
        {
            "when": "severity == 'critical' && has(alert.attributes.a)",
            "action": "pause",
            "for": "5m",
        },
        {"when": "alert.subject.id.startsWith('u')", "action": "mute", "for": "5m"},
        {
            "when": "alert.attributes.flag == null",
            "action": "hide",
            "for": "5m",
            "manual": ["people"],
        },
    ],
    bands=[
        {"detector": "model", "act": "alert.score >= 0.9", "review": "alert.score >= 0.4"},
        {"detector": "rules", "review": "alert.attributes.viewers >= 1"},
    ],
    auto=[{"when": "alert.attributes.viewers == 1", "preset": "mute"}],
    sample={"auto": 0.02, "log": 0.5},
)
WHOLE = playbook(
    "raid",
    order=2,
    match="alert.related.exists(r, r.type == 'stream')",
    severity={"high": "alert.title.en == 'T' // it's\n", "medium": "true"},
    group_by=["related.stream", "kind", "detector"],
    protect=[{"when": "size(alert.evidence) > 0", "action": "pause", "for": "5m"}],
)
QUOTED = playbook(
    "odd",
    clocks=CLOCKS,
    order=3,
    match="alert.attributes.text == r'\\' || alert.title.en == 'Odd'",
    severity={"high": "alert.attributes.text != '''it's''' && alert.id == 'a1'", "low": "true"},
)
SHADOW = playbook("shade", order=4, mode="shadow", match="alert.score < 0.5 // what's new\n")
OFF = playbook("gone", order=5, mode="off", match="alert.kind == 'gone'", sample={"log": 0.5})
ACCEPTS = {"detector": "rules", "title": "R", "accepts": {"kinds": ["spam", "gone", "odd"]}}
BOOKS = (FAST, WHOLE, QUOTED, SHADOW, OFF)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> PolicyFolder:
    """A folder with conditions of every form."""
    return load_policy(written(tmp_path_factory.mktemp("policy"), *BOOKS, detectors=[ACCEPTS]))


@pytest.fixture(scope="module")
def shipped() -> PolicyFolder:
    """The example that is shipped."""
    return load_policy(EXAMPLE)


VALUES = st.sampled_from(
    ["x", "axb", "it's", "\\", "", "alert.title", 0, 1, 1.0, True, False, None, 11, 11.0, 0.5]
) | st.sampled_from(
    [[], ["x"], {"b": "alert.title"}, {"b": None}, {"c": 1}, nested(90), nested(99)]
)
PLACEABLE = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["a1", "a2", "a3", "a4", "値"]),
        "detector": st.sampled_from(["model", "rules", "third", "people"]),
        "kind": st.sampled_from(["spam", "spam", "gone", "odd", "off_platform", "phishing"]),
        "subject": st.sampled_from([{"type": "user", "id": "u_1"}, {"type": "stream", "id": "値"}]),
        "occurred_at": st.just("2026-11-23T03:00:00Z"),
        "attributes": st.dictionaries(
            st.sampled_from(["text", "viewers", "a", "flag", "unused"]), VALUES, max_size=4
        ),
    },
    optional={
        "score": st.sampled_from([0, 0.3, 0.45, 0.9, 0.98, 1, 1.0]),
        "title": st.sampled_from(["T", "Odd", None]),
        "related": st.lists(
            st.sampled_from([{"type": t, "id": i} for t in ("stream", "user") for i in "12"]),
            max_size=2,
        ),
        "evidence": st.just([{"kind": "image", "url": "https://cdn.example/a.png"}]),
    },
)


def live(folder: PolicyFolder, alert: Alert) -> tuple[Any, ...] | None:
    """The place of an alert by the functions of live operation, as a tuple."""
    known = folder.detectors.get(alert.detector)
    if known is not None and outside(known.accepts, alert) is not None:
        return None
    facts = facts_of(alert)
    shadows = tuple(each.playbook for each in folder.shadows(facts))
    found = folder.find(alert, facts)
    if found.catch_all and shadows:
        return Handling.UNMATCHED, shadows
    weighed = assess(found, alert, holds)
    if weighed.placement.band is Band.LOG:
        return Handling.LOGGED, found.playbook, weighed.severity, shadows
    rules = {
        each: Rules(weighed.protections(found, each, holds), weighed.decides(found, each, holds))
        for each in found.severity
        if each.rank <= weighed.severity.rank
    }
    group = (found.playbook, *group_of(found, alert))
    sampled = weighed.placement.sampled
    return Handling.CASE, found.playbook, weighed.severity, shadows, sampled, rules, group


def placed(
    assessor: Assessor, folder: PolicyFolder, alert: Mapping[str, Any]
) -> tuple[Any, ...] | None:
    """The place of an alert by the assessor, as a tuple."""
    known = read(json.dumps(alert))
    assert known is not None
    found = assessor.place(known)
    if found is None:
        return None
    own, group = found
    if own.handling is Handling.UNMATCHED:
        return own.handling, own.shadows
    if own.handling is Handling.LOGGED:
        return own.handling, own.playbook, own.severity, own.shadows
    written_ = folder.playbooks[own.playbook].severity
    rules = {each: own.rules_in(each) for each in written_ if each.rank <= own.severity.rank}
    named = tuple(group.split("\n"))
    return own.handling, own.playbook, own.severity, own.shadows, own.sampled, rules, named


@given(st.lists(PLACEABLE, min_size=1, max_size=25))
def test_alerts_are_placed_as_in_live_operation(
    folder: PolicyFolder, sent: list[dict[str, Any]]
) -> None:
    """Each one, whatever came before it: remembered conditions give what the whole alert gives."""
    assessor = Assessor(folder)
    for alert in sent:
        assert placed(assessor, folder, alert) == live(folder, Alert.model_validate(alert))
    for alert in reversed(sent):
        assert placed(assessor, folder, alert) == live(folder, Alert.model_validate(alert))


@given(st.lists(PLACEABLE, min_size=1, max_size=25))
def test_the_shipped_folder(shipped: PolicyFolder, sent: list[dict[str, Any]]) -> None:
    """The same with the playbooks of the example."""
    assessor = Assessor(shipped)
    for alert in sent:
        assert placed(assessor, shipped, alert) == live(shipped, Alert.model_validate(alert))


def test_true_is_not_one(folder: PolicyFolder) -> None:
    """Equal keys of Python, but different values of a condition."""
    assessor = Assessor(folder)
    severities = []
    for flag in (1, True, 1.0, True):
        alert = raw(1, attributes={"text": "x", "flag": flag})
        found = placed(assessor, folder, alert)
        assert found is not None
        severities.append(found[2])
    assert severities == ["medium", "high", "medium", "high"]


def test_groups_with_line_breaks_differ(tmp_path: Path) -> None:
    """A value with the text between two terms makes no other group."""
    by_both = playbook("spam", group_by=["attributes.a", "attributes.b"])
    assessor = Assessor(load_policy(written(tmp_path / "policy", by_both)))
    groups = set()
    for attributes in (
        {"a": "x\nattributes.b=y", "b": "z"},
        {"a": "x", "b": "y\nattributes.b=z"},
        {"a": "x\\nattributes.b=y", "b": "z"},
    ):
        known = read(json.dumps(raw(1, attributes=attributes)))
        assert known is not None
        found = assessor.place(known)
        assert found is not None
        groups.add(found.group)
    assert len(groups) == 3


def test_equal_assessments_are_one_object(folder: PolicyFolder) -> None:
    """The run compares them by their identity."""
    found = []
    for assessor in (Assessor(folder), Assessor(folder)):
        known = read(json.dumps(raw(7, attributes={"text": "x"})))
        assert known is not None
        one = assessor.place(known)
        assert one is not None
        found.append(one.assessed)
    assert found[0] is found[1]
