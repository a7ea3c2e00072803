"""Strict fields of alerts and appeals: a wrong value is invalid, its neighbours are accepted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.http.models import RequestRefused
from bot.http.validation import Invalid, Window, read_alerts, read_appeal
from tests.bot.http.conftest import WINDOW, AlertServer
from tests.bot.http.fakes import alert, as_json
from workflows.domain.alerts import Alert, brief

NONE = frozenset[str]()


def refusal(body: bytes, window: Window = WINDOW) -> tuple[str, str]:
    """The pointer and the sentence of the only alert."""
    [read] = read_alerts(body, None, NONE, window)
    assert isinstance(read, Invalid)
    return read.pointer, read.error


JUNK: list[tuple[dict[str, Any], str, str]] = [
    ({"score": True}, "/score", "This should be a valid number."),
    ({"score": "0.93"}, "/score", "This should be a valid number."),
    ({"occurred_at": 1764360000}, "/occurred_at", "A time is written as 2026-11-23T03:04:05Z."),
    ({"occurred_at": "1764360000"}, "/occurred_at", "A time is written as 2026-11-23T03:04:05Z."),
    ({"occurred_at": "-1"}, "/occurred_at", "A time is written as 2026-11-23T03:04:05Z."),
    ({"occurred_at": "2026-11-23"}, "/occurred_at", "A time is written as 2026-11-23T03:04:05Z."),
    ({"title": {"jp": "誘導"}}, "/title", "A text has the languages ja and en."),
    ({"title": {"ja": "誘導", "jp": "x"}}, "/title", "A text has the languages ja and en."),
    (
        {"evidence": [{"kind": "image", "url": ""}]},
        "/evidence/0/url",
        "Must be an address that begins with https://.",
    ),
    (
        {"evidence": [{"kind": "image", "url": "javascript:alert(1)"}]},
        "/evidence/0/url",
        "Must be an address that begins with https://.",
    ),
    (
        {"evidence": [{"kind": "image", "url": "https:///1.png"}]},
        "/evidence/0/url",
        "Must be an address that begins with https://.",
    ),
    (
        {"evidence": [{"kind": "text", "text": "a", "sensitive": "no"}]},
        "/evidence/0/sensitive",
        "This should be a valid boolean.",
    ),
    (
        {"evidence": [{"kind": "text", "text": "a", "sensitive": 1}]},
        "/evidence/0/sensitive",
        "This should be a valid boolean.",
    ),
]


@pytest.mark.parametrize(("fields", "pointer", "error"), JUNK)
def test_a_value_of_another_type_is_invalid(
    fields: dict[str, Any], pointer: str, error: str
) -> None:
    """Nothing is converted: a wrong type is a detector's mistake."""
    assert refusal(as_json(alert(**fields))) == (pointer, error)


@pytest.mark.parametrize(
    "id_",
    [" ", "\u200b", "u_1\u200b", " u_1", "u_1 ", "u\u00a01", "\u3164", "u_\ufeff1", "u\u3000_1"],
)
@pytest.mark.parametrize("field", ["id", "subject", "related"])
def test_an_id_with_invisible_characters_is_invalid(id_: str, field: str) -> None:
    """Two ids that look the same must be the same."""
    subject = {"type": "user", "id": id_}
    fields = {"id": id_, "subject": subject, "related": [subject]}
    pointer, error = refusal(as_json(alert(**{field: fields[field]})))
    assert pointer == {"id": "/id", "subject": "/subject/id", "related": "/related/0/id"}[field]
    assert error == "Must not contain invisible characters, or spaces at its ends."


def test_an_id_keeps_its_spaces_and_scripts() -> None:
    """A space between words and letters of every script are visible."""
    [read] = read_alerts(as_json(alert("販売 者 é ก 1")), None, NONE, WINDOW)
    assert isinstance(read, Alert)
    assert read.id == "販売 者 é ก 1"


@pytest.mark.parametrize(
    ("found", "written", "pointer"),
    [
        ('"subject"', '"subject": {"type": "user", "id": "u_9"}, "subject"', "/subject"),
        ('"type"', '"type": "stream", "type"', "/subject/type"),
        ('"id": "a1"', '"id": "a0", "id": "a1"', "/id"),
    ],
)
def test_a_field_that_is_there_twice_is_invalid(found: str, written: str, pointer: str) -> None:
    """Readers of JSON differ about the value of such a field."""
    body = as_json(alert("a1")).decode().replace(found, written, 1)
    assert refusal(body.encode()) == (pointer, "This field is there twice.")


def test_a_list_that_is_there_twice_is_refused() -> None:
    """The whole request is refused: neither list is preferred."""
    body = b'{"alerts": [], "alerts": [' + as_json(alert()) + b"]}"
    with pytest.raises(RequestRefused, match=r"^This field is there twice\.$"):
        read_alerts(body, None, NONE, WINDOW)


@pytest.mark.parametrize(
    ("number", "error"),
    [
        ("1e27", "This number is too large."),
        ("-1e29", "This number is too large."),
        ("1e308", "This number is too large."),
        ("1e999", "This number is too large."),
        ("9" * 5_000, "This number is too large."),
        ("NaN", "NaN is not a number in JSON."),
        ("-Infinity", "-Infinity is not a number in JSON."),
    ],
)
def test_a_number_that_no_store_holds_is_invalid(number: str, error: str) -> None:
    """Integers and fractions have the same bound."""
    body = as_json(alert(attributes={"viewers": 7})).replace(b"7}", number.encode() + b"}")
    assert refusal(body) == ("/attributes/viewers", error)


@pytest.mark.parametrize(
    ("viewers", "shown"),
    [(1240, 1240), (12.9, 12), (0, 0), (-1, None), (10**12, None), (True, None), ("7", None)],
)
def test_viewers_are_shown_if_they_are_a_number_of_people(viewers: Any, shown: int | None) -> None:
    """A mistake in an attribute leaves the number out of the card."""
    [read] = read_alerts(as_json(alert(attributes={"viewers": viewers})), None, NONE, WINDOW)
    assert isinstance(read, Alert)
    assert brief(read).viewers == shown


YEAR = Window(oldest=timedelta(days=365), newest=timedelta(minutes=5))
OLD, AHEAD = "This time is not within the last 365 days.", "This time is in the future."


@pytest.mark.parametrize(
    ("at", "error"),
    [
        ("0001-01-01T00:00:00+09:00", OLD),
        ("9999-12-31T23:59:59-09:00", OLD),
        ("1970-01-01T00:00:00Z", OLD),
        (timedelta(days=-366), OLD),
        (timedelta(days=1), AHEAD),
    ],
)
def test_a_time_outside_the_window_is_invalid(at: str | timedelta, error: str) -> None:
    """Alerts and appeals are recent, and clocks are a few minutes apart."""
    at = at if isinstance(at, str) else (datetime.now(UTC) + at).isoformat()
    assert refusal(as_json(alert(occurred_at=at)), YEAR) == ("/occurred_at", error)
    appeal = {"id": "ap-1", "case": "K7Q2F9XM0", "statement": "型番です", "submitted_at": at}
    read = read_appeal(as_json(appeal), None, NONE, YEAR)
    assert read == Invalid("ap-1", "/submitted_at", error)


def test_a_time_within_the_window_is_accepted() -> None:
    """Up to a year back and five minutes ahead."""
    for delta in (timedelta(days=-364), timedelta(minutes=4)):
        at = (datetime.now(UTC) + delta).isoformat()
        assert isinstance(read_alerts(as_json(alert(occurred_at=at)), None, NONE, YEAR)[0], Alert)


@pytest.mark.parametrize("statement", ["", "  ", "\u200b\u3000", "\u3164"])
def test_a_statement_that_nobody_can_read_is_missing(statement: str) -> None:
    """An appeal needs words."""
    appeal = {
        "id": "ap-1",
        "case": "K7Q2F9XM0",
        "statement": statement,
        "submitted_at": "2026-11-25T03:04:05Z",
    }
    read = read_appeal(as_json(appeal), None, NONE, WINDOW)
    assert read == Invalid("ap-1", "/statement", "This field is required.")


@pytest.mark.parametrize(
    ("broken", "pointer", "error"),
    [
        (b'{"title": "\\ud83d"}', "/title", "This text has half of a surrogate pair."),
        (b'{"attributes": {"\\ud83d": 1}}', "/attributes", None),
        (b'{"score": NaN}', "/score", "NaN is not a number in JSON."),
        (b'{"id": "\\udc00"}', "/id", "This text has half of a surrogate pair."),
    ],
)
async def test_a_broken_alert_is_invalid_and_its_neighbours_are_accepted(
    server: AlertServer, broken: bytes, pointer: str, error: str | None
) -> None:
    """Each alert of a batch is read by itself."""
    body = b'{"alerts": [' + as_json(alert("a1")) + b"," + broken + b"," + as_json(alert("a3"))
    answer = await server.post(body + b"]}")
    assert answer.status_code == 202
    first, second, third = answer.json()["results"]
    assert (first, third) == (
        {"id": "a1", "result": "accepted"},
        {"id": "a3", "result": "accepted"},
    )
    assert (second["result"], second["pointer"]) == ("invalid", pointer)
    assert second["error"] == (error or "This text has half of a surrogate pair.")
    assert server.cases.ids == ["a1", "a3"]


def nested(levels: int) -> dict[str, Any]:
    """An object within an object, and so on."""
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "attributes",
    [
        {"l": [{}] * 1000},
        {"l": [1] * 1000},
        {f"k{number}": "x" for number in range(1001)},
        {"l": [nested(25) for _ in range(40)]},
    ],
)
def test_attributes_of_too_many_values_are_invalid(attributes: dict[str, Any]) -> None:
    """Conditions read all of them, and a few kilobytes can hold thousands."""
    assert refusal(as_json(alert(attributes=attributes))) == (
        "/attributes",
        "Attributes may have at most 1000 values in all.",
    )


@pytest.mark.parametrize("attributes", [{"l": [{}] * 999}, {"l": [nested(27)] * 37}])
def test_attributes_of_a_thousand_values_are_accepted(attributes: dict[str, Any]) -> None:
    """The limit is far above what a detector needs."""
    [read] = read_alerts(as_json(alert(attributes=attributes)), None, NONE, WINDOW)
    assert isinstance(read, Alert)
    assert read.attributes == attributes


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"title": "x" * 50_001}, "/title"),
        ({"title": {"ja": "短", "en": "x" * 50_001}}, "/title/en"),
        ({"evidence": [{"kind": "text", "text": "x" * 50_001}]}, "/evidence/0/text"),
        ({"attributes": {"a": ["x" * 50_001]}}, "/attributes/a/0"),
        ({"attributes": {"x" * 50_001: 1}}, "/attributes"),
    ],
)
def test_a_text_that_is_too_long_is_invalid(fields: dict[str, Any], pointer: str) -> None:
    """The pointer names the text; its neighbours in the request are not affected."""
    long = alert(**fields)
    assert refusal(as_json(long)) == (pointer, "A text may have at most 50000 characters.")
    [_, other] = read_alerts(as_json({"alerts": [long, alert("a2")]}), None, NONE, WINDOW)
    assert isinstance(other, Alert)


def test_a_body_of_too_many_values_is_refused_unread() -> None:
    """Commas and brackets are counted before the body is parsed, but not those in texts."""
    many = {"alerts": [alert(str(number), attributes={"l": [1] * 900}) for number in range(60)]}
    with pytest.raises(RequestRefused, match="at most 50000 values") as refused:
        read_alerts(as_json(many), None, NONE, WINDOW)
    assert refused.value.status == 413
    texts = [{"kind": "text", "text": ',"\\[]{}' * 5_000}] * 3
    [read] = read_alerts(as_json(alert(evidence=texts)), None, NONE, WINDOW)
    assert isinstance(read, Alert)
