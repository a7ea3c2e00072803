"""Loosening of automation: it is known as such, and what can't be compared counts as such."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.domain.policy.folders import (
    PROTECT,
    RICH,
    book,
    catalog,
    limits,
    written,
    written_severity,
)
from workflows.domain.people import RoleBook
from workflows.domain.policy.changes import changes
from workflows.domain.policy.detectors import Detector
from workflows.domain.policy.differences import PolicySet
from workflows.domain.policy.loosening import Compared, compare
from workflows.domain.policy.reports import Retention

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
