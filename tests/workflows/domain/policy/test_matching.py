"""Matching of alerts: playbook, group and severity."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.conditions import holds
from workflows.domain.alerts import Alert, Subject
from workflows.domain.ids import case_workflow_id
from workflows.domain.policy.matching import find_playbook, group_of, severity_of
from workflows.domain.policy.playbook import Clocks, Playbook, Severity
from workflows.domain.values import Text

CLOCKS = Clocks(claim=timedelta(minutes=1), decide=timedelta(minutes=5))


def playbook(name: str, **written: Any) -> Playbook:
    """A playbook of one severity."""
    base = {
        "playbook": name,
        "title": Text(ja=name, en=name),
        "channel": "ts",
        "severity": {"medium": "true"},
        "clocks": {"medium": CLOCKS},
    }
    return Playbook.model_validate({**base, **written})


def alert(**given_: Any) -> Alert:
    """An alert about user u_1."""
    base = {
        "id": "a",
        "kind": "spam",
        "subject": Subject(type="user", id="u_1"),
        "occurred_at": datetime(2026, 11, 23, tzinfo=UTC),
    }
    return Alert.model_validate({**base, **given_})


def never(expression: str, facts: Mapping[str, Any]) -> bool:
    """No condition holds."""
    return False


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
BOOKS = st.lists(
    st.builds(
        playbook,
        NAMES,
        match=st.sampled_from(["true", "false", "alert.kind == 'spam'", "alert.none > 1"]),
        order=st.integers(-5, 5),
    ),
    unique_by=lambda each: each.playbook,
    max_size=6,
)


@given(BOOKS, st.randoms())
def test_the_order_of_files_does_not_matter(books: list[Playbook], shuffler: Any) -> None:
    """The same playbook takes an alert however they are listed."""
    rest = playbook("zz_rest", catch_all=True)
    books = [each for each in books if each.playbook != rest.playbook]
    first = find_playbook([*books, rest], alert(), holds)
    mixed = [rest, *books]
    shuffler.shuffle(mixed)
    assert find_playbook(mixed, alert(), holds) == first


@given(BOOKS)
def test_the_catch_all_comes_last(books: list[Playbook]) -> None:
    """It takes an alert exactly where no other playbook matches, whatever its order says."""
    rest = playbook("a_rest", catch_all=True, order=-100)
    books = [each for each in books if each.playbook != rest.playbook]
    taken = find_playbook([rest, *books], alert(), holds)
    anyone = any(each.match in ("true", "alert.kind == 'spam'") for each in books)
    assert taken.catch_all is not anyone


def test_the_lower_order_is_asked_first() -> None:
    """`order` decides among several that match, and names decide among equals."""
    books = [playbook("b", match="true"), playbook("c", match="true", order=1)]
    assert find_playbook(books, alert(), holds).playbook == "c"
    same = [playbook("b", match="true"), playbook("a", match="true")]
    assert find_playbook(same, alert(), holds).playbook == "a"


def test_without_a_catch_all_an_unknown_alert_is_an_error() -> None:
    """`koban check` refuses such a folder before."""
    with pytest.raises(LookupError, match="no playbook takes alerts of kind spam"):
        find_playbook([playbook("a")], alert(), holds)


@given(
    st.sets(st.sampled_from(list(Severity)), min_size=1), st.sets(st.sampled_from(list(Severity)))
)
def test_the_worst_severity_that_holds_is_taken(named: set[Severity], true: set[Severity]) -> None:
    """Whatever the order in the file; where none holds, the mildest that is named."""
    written = {each.value: str(each in true).lower() for each in sorted(named)}
    book = playbook("a", severity=written, clocks={each.value: CLOCKS for each in named})
    found = severity_of(book, alert(), holds)
    holding = named & true
    expected = min(holding, key=rank) if holding else max(named, key=rank)
    assert found is expected


def rank(severity: Severity) -> int:
    """1 is the worst."""
    return severity.rank


def test_no_severity_that_holds_is_the_mildest_named() -> None:
    """An alert is never without a severity."""
    book = playbook("a", severity={"high": "x", "low": "y"}, clocks={"high": CLOCKS})
    assert severity_of(book, alert(), never) is Severity.LOW


SUBJECTS = st.builds(
    lambda type_, id_: Subject(type=type_, id=id_),
    st.sampled_from(["user", "listing", "stream"]),
    st.sampled_from(["1", "2", "u_1", "1:2"]),
)
TERMS = st.lists(
    st.sampled_from(["subject", "detector", "kind", "related.stream", "attributes.shop"]),
    min_size=1,
    max_size=5,
)


@given(SUBJECTS, SUBJECTS, TERMS)
def test_alerts_on_one_subject_share_a_case(one: Subject, other: Subject, terms: list[str]) -> None:
    """Two alerts with nothing but a subject are together exactly where the subject is the same."""
    book = playbook("a", group_by=["subject", *terms[:4]])
    first, second = (group_of(book, alert(subject=each)) for each in (one, other))
    assert (first == second) is (one == other)
    assert (case_workflow_id("a", first) == case_workflow_id("a", second)) is (one == other)


@given(SUBJECTS, SUBJECTS)
def test_strangers_never_share_a_case_for_what_both_lack(one: Subject, other: Subject) -> None:
    """A term that an alert lacks falls back to its subject."""
    book = playbook("a", group_by=["related.stream"])
    first, second = (group_of(book, alert(subject=each)) for each in (one, other))
    assert (first == second) is (one == other)


def test_alerts_of_one_stream_share_a_case_where_the_playbook_says_so() -> None:
    """`related.stream` and `attributes.NAME` group what different subjects have in common."""
    book = playbook("a", group_by=["related.stream", "attributes.shop"])
    stream = Subject(type="stream", id="s_9")
    shop = {"shop": 7}
    one = alert(subject=Subject(type="user", id="u_1"), related=[stream], attributes=shop)
    other = alert(subject=Subject(type="user", id="u_2"), related=[stream], attributes=shop)
    assert (
        group_of(book, one)
        == group_of(book, other)
        == (
            "related.stream=stream:s_9",
            "attributes.shop=7",
        )
    )


def test_the_value_of_one_term_is_not_that_of_another() -> None:
    """An attribute that reads like a subject does not join that subject's case."""
    by_shop, by_subject = playbook("a", group_by=["attributes.shop"]), playbook("a")
    faking = alert(attributes={"shop": "user:u_1"})
    assert group_of(by_shop, faking) != group_of(by_subject, alert())
