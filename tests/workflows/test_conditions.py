"""CEL conditions: true or false, without an exception, for any alert and policy."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.selection import examples
from workflows.conditions import DEEPEST, FUNCTIONS, LONGEST, _compiled, holds, problem

ALERT: dict[str, Any] = {
    "kind": "off_platform",
    "score": 0.95,
    "attributes": {"viewers": 1240, "tags": ["new", "bulk"], "note": None, "whole": 1},
    "subject": {"type": "user", "id": "u_1"},
}
FACTS = {"alert": ALERT}


@pytest.mark.parametrize(
    "expression",
    [
        "true",
        "alert.kind == 'off_platform'",
        "alert.score >= 0.9 && alert.attributes.viewers >= 1000",
        "alert.attributes.viewers > 1239.5",
        "alert.attributes.whole >= 0.9",
        "alert.attributes.whole == 1.0",
        "alert.score < 1",
        "'new' in alert.attributes.tags",
        "alert.attributes.tags.exists(t, t.startsWith('bul'))",
        "alert.kind.matches('^off_')",
        "!has(alert.attributes.absent)",
        "alert.attributes.absent == 1 || alert.kind == 'off_platform'",
        "alert.attributes.note == null",
        "size(alert.attributes.tags) == 2",
        "alert.kind in ['off_platform', 'phishing']",
    ],
)
def test_a_true_expression_holds(expression: str) -> None:
    """Numbers compare, lists are searched, and absence can be tested."""
    assert holds(expression, FACTS)
    assert problem(expression) is None


@pytest.mark.parametrize(
    "expression",
    [
        "alert.attributes.absent >= 0.9",
        "alert.attributes.absent.deeper == 1",
        "alert.attributes.absent == 1 && alert.kind == 'off_platform'",
        "alert.kind > 1",
        "alert.attributes.note > 1",
        "alert.attributes.tags > 1",
        "alert.attributes.tags[7] == 'new'",
        "alert.attributes.tags[-1] == 'bulk'",
        "alert.kind.matches('(')",
        "alert.kind.matches('(a{1000}){1000}')",
        "9223372036854775807 + alert.attributes.whole > 0",
        "alert.attributes.viewers / 0 > 0",
        "alert.attributes.viewers % 0 == 0",
        "int(1e300) > 0",
        "duration('long') > duration('1s')",
        "timestamp('soon') > timestamp('2026-01-01T00:00:00Z')",
        "1",
        "'true'",
        "alert",
        "false",
    ],
)
def test_an_invalid_comparison_is_false(expression: str) -> None:
    """Missing, of the wrong type, out of range or not boolean: false without an error."""
    assert holds(expression, FACTS) is False


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("", "the expression can't be read (1:1: Syntax error: mismatched input '<EOF>')"),
        ("alert.score >", "the expression can't be read (1:14: Syntax error: mismatched input"),
        ("alert.kind = 'x'", "the expression can't be read (1:12: Syntax error: token"),
        ("alert.kind == '\ud800'", "the expression can't be read ("),
        ("(" * 1000 + "true" + ")" * 1000, "the expression can't be read ("),
        ("true" + " || true" * LONGEST, "the expression can't be read (it is longer than 2000"),
        ("allert.score > 1", "the expression uses `allert`, which is unknown here"),
        ("alert.score > 1 && severity == 'x'", "the expression uses `severity`, which"),
        ("alert.tags.exists(t, t == u)", "the expression uses `u`, which is unknown"),
        ("now() > 1", "the expression uses `now()`, which does not exist"),
        ("alert.kind.endWith('x')", "the expression uses `endWith()`, which does not exist (`ends"),
    ],
)
def test_a_mistake_is_reported_and_false(expression: str, expected: str) -> None:
    """The policy check reports it; live it is false."""
    assert (problem(expression) or "").startswith(expected)
    assert holds(expression, FACTS) is False


@pytest.mark.parametrize(
    ("expression", "nested"),
    [
        ("alert.attributes.a.exists(x, alert.attributes.b.exists(y, x == y))", True),
        ("alert.attributes.a.all(x, (alert.attributes.a.filter( y, x == y)).size() > 1)", True),
        ("alert.attributes.a.exists(x, x == '.map(') && alert.attributes.b.all(y, y > (1))", False),
        ("alert.attributes.a.filter(x, x > 1).exists(y, y > 2)", False),
    ],
)
def test_a_loop_inside_another_is_a_mistake(expression: str, nested: bool) -> None:
    """A detector would choose the number of its steps."""
    found = problem(expression)
    assert (found is not None and "inside another one" in found) is nested


@pytest.mark.parametrize(
    "expression",
    [
        "alert.title.matches(alert.attributes.pattern)",
        "alert.attributes.words.exists(w, alert.title.matches(w))",
        "alert.title.matches('a' + alert.kind)",
        "alert.title . matches ( alert.kind )",
        "matches(alert.title, alert.kind)",
        "alert.kind == \".matches('x')\" || alert.title.matches(alert.kind)",
    ],
)
def test_a_pattern_is_written_out(expression: str) -> None:
    """A sender could choose one that takes long to be compiled, once a value of a list."""
    assert problem(expression) == "the pattern of matches() is not written out"
    assert problem("alert.title.matches(r'^a(b)') && alert.kind . matches ( \"c\" )") is None


@pytest.mark.parametrize(
    ("expression", "grows"),
    [
        ("alert.attributes.links.map(l, alert.title + l).size() > 1", True),
        ("alert.attributes.links.map(l, (alert.title)).size() > 1", True),
        ("alert.attributes.links.map(l, l + 'alert').size() > 1", False),
        ("alert.attributes.links.map(l, l.alert).size() > alert.attributes.most", False),
        ("alert.attributes.links.filter(l, l == alert.title).size() > 1", False),
    ],
)
def test_a_map_makes_values_of_its_list_only(expression: str, grows: bool) -> None:
    """Each step copies what was made before: a thousand long texts would take seconds."""
    found = problem(expression)
    assert (found is not None and "inside of map()" in found) is grows


def test_an_expression_uses_available_names_only() -> None:
    """A playbook has the alert, not the platform's response."""
    assert problem("response.muted == true", ("response",)) is None
    assert problem("response.muted == true", ("alert",)) == (
        "the expression uses `response`, which is unknown here (only `alert` is)"
    )


@pytest.mark.parametrize("poison", ["\ud800", 10**400, -(10**400), {"k": ["\udfff"]}, float("nan")])
def test_an_unused_attribute_changes_nothing(poison: object) -> None:
    """CEL refuses some values; such an alert still finds its playbook."""
    facts = {"alert": {**ALERT, "attributes": {"viewers": 1240, "poison": poison}}}
    assert holds("alert.kind == 'off_platform' && alert.attributes.viewers >= 1000", facts)
    assert holds("alert.attributes.viewers < 1000", facts) is False


def test_a_number_beyond_all_doubles_is_larger_than_any_threshold() -> None:
    """Its negative is smaller."""
    facts = {"alert": {"much": 10**400, "little": -(10**400)}}
    assert holds("alert.much > 1e300 && alert.little < -1e300", facts)


def test_facts_are_not_changed() -> None:
    """Values that were replaced for CEL stay in the alert."""
    facts = {"alert": {"x": "\ud800", "y": [10**400]}}
    assert holds("alert.x == 'a'", facts) is False
    assert facts == {"alert": {"x": "\ud800", "y": [10**400]}}


def test_bottomless_facts_do_not_crash_the_process() -> None:
    """The CEL library crashes the process on them: this runs in a process of its own."""
    script = (
        "from workflows.conditions import holds\n"
        "deep = {}\n"
        "for _ in range(200_000): deep = {'a': deep}\n"
        "print(holds('alert.kind == 1', {'alert': {'kind': 1, 'deep': deep}}))\n"
        "import os, sys; sys.stdout.flush(); os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "False\n")


def test_facts_may_be_as_deep_as_alerts_are() -> None:
    """Within the limit they are read, beyond it every condition is false."""
    for levels, held in ((DEEPEST - 2, True), (DEEPEST + 1, False)):
        deep: dict[str, Any] = {"bottom": 1}
        for _ in range(levels):
            deep = {"a": deep}
        assert holds("true", {"alert": deep}) is held


def test_compiled_expressions_are_cached_within_bounds() -> None:
    """Ten thousand expressions do not fill the memory."""
    for number in range(5000):
        assert holds(f"alert.n == {number}", {"alert": {"n": number}})
    assert _compiled.cache_info().currsize <= 4096


def test_threads_share_an_expression() -> None:
    """Workflows and activities run on several threads."""
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(holds, "alert.kind.matches('off')", FACTS) for _ in range(200)]
        assert all(each.result() for each in asked)


def test_accepted_functions_exist() -> None:
    """CEL has every function that `problem` accepts."""
    import cel

    for name in FUNCTIONS:
        for form in (
            f"{name}('1')",
            f"'1'.{name}('1')",
            f"timestamp('2026-01-01T00:00:00Z').{name}()",
        ):
            try:
                cel.compile(form).execute({})
                break
            except (TypeError, ValueError, RuntimeError) as error:
                if "Undefined variable or function" not in str(error):
                    break
        else:
            raise AssertionError(f"{name} does not exist")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
EXPRESSIONS = st.sampled_from(
    [
        "alert.x > 1",
        "alert.x == 'a'",
        "alert.x.matches(alert.y)",
        "alert.x in alert.y",
        "alert.x + alert.y > 0",
        "-alert.x / alert.y > 0",
        "alert.x[alert.y] == 1",
        "alert.x.exists(t, t == alert.y)",
        "alert.x.map(t, t)[0] == alert.y",
        "duration(alert.x) > duration(alert.y)",
        "timestamp(alert.x) - duration(alert.y) > timestamp(alert.x)",
        "string(alert.x).contains(string(alert.y))",
        "int(alert.x) % int(alert.y) == 0",
        "alert.x ? alert.y : !alert.y",
    ]
) | st.text(alphabet="alert.xy()[]{}'\"\\=&|!<>+-*/%? 019e", max_size=20)


@pytest.mark.property
@settings(max_examples=examples(400), deadline=None)
@given(EXPRESSIONS, ANYTHING, ANYTHING)
def test_any_expression_over_any_facts_has_a_value(expression: str, x: Any, y: Any) -> None:
    """True or False, without an exception or a panic of the CEL library."""
    assert holds(expression, {"alert": {"x": x, "y": y}}) in (True, False)
    assert problem(expression) is None or problem(expression)
