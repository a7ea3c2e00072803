"""`POST /v1/alerts` with invalid requests: one sentence, and no effect."""

import asyncio
import gzip
import json
import math
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.http.signatures import MAX_BODY
from tests.bot.http.conftest import AlertServer
from tests.bot.http.fakes import COMMON, LIVE_CHAT, alert, as_json, secret_of, signed


@pytest.fixture(autouse=True)
async def nothing_happened(server: AlertServer) -> AsyncIterator[None]:
    """No alert of a refused request is stored."""
    yield
    assert server.cases.taken == []


async def refused(server: AlertServer, body: bytes, status: int, **headers: str) -> dict[str, Any]:
    """The answer to a body that is refused with `status`."""
    answer = await server.post(body, **headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    content = answer.json()
    assert isinstance(content, dict)
    return content


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "Expecting value at line 1 column 1"),
        (b"{", "Expecting property name enclosed in double quotes at line 1 column 2"),
        (b'{"id": "a1" "b": 1}', "Expecting ',' delimiter at line 1 column 13"),
        (b'{"id": "a\nb"}', "Invalid control character at line 1 column 10"),
        (b'{"id": "\\x"}', "Invalid \\escape at line 1 column 9"),
    ],
)
async def test_malformed_json_is_answered_with_its_place(
    server: AlertServer, body: bytes, sentence: str
) -> None:
    """422 has the line and column of the syntax error."""
    content = await refused(server, body, 422)
    assert content == {"error": f"The body is not valid JSON: {sentence}."}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], {"error": 'The body must be one alert or {"alerts": [...]}.', "pointer": ""}),
        (5, {"error": 'The body must be one alert or {"alerts": [...]}.', "pointer": ""}),
        ({"alerts": []}, {"error": "The list of alerts is empty.", "pointer": "/alerts"}),
        ({"alerts": {}}, {"error": "alerts must be a list.", "pointer": "/alerts"}),
        (
            {"alerts": [alert()], "a/b": 1},
            {"error": "Unknown field beside alerts.", "pointer": "/a~1b"},
        ),
        (
            {"alerts": [alert(str(number)) for number in range(1001)]},
            {"error": "At most 1000 alerts are allowed per request.", "pointer": "/alerts"},
        ),
    ],
)
async def test_a_body_of_another_shape_is_refused_whole(
    server: AlertServer, value: Any, expected: dict[str, str]
) -> None:
    """422 describes the expected shape."""
    assert await refused(server, as_json(value), 422) == expected


@pytest.mark.parametrize(
    ("fields", "pointer", "error"),
    [
        ({"colour": "red"}, "/colour", "Unknown field."),
        (
            {"subject": {"type": "user", "id": "u", "name": "x"}},
            "/subject/name",
            "Unknown field.",
        ),
        ({"subject": {"type": "user"}}, "/subject/id", "This field is required."),
        ({"score": "high"}, "/score", None),
        ({"kind": "誘導"}, "/kind", None),
        ({"kind": ""}, "/kind", None),
        ({"kind": "nobody"}, "/kind", "No playbook matches this alert."),
        ({"occurred_at": "yesterday"}, "/occurred_at", None),
        (
            {"occurred_at": "2026-11-23T03:04:05"},
            "/occurred_at",
            "This time needs a UTC offset, such as Z or +09:00.",
        ),
        ({"id": "a\u0000b"}, "/id", "Must not contain control characters."),
        ({"id": "x" * 257}, "/id", "String should have at most 256 characters."),
        (
            {"evidence": [{"kind": "text", "text": "a", "colour": 1}]},
            "/evidence/0/colour",
            "Unknown field.",
        ),
        (
            {"evidence": [{"kind": "video"}]},
            "/evidence/0",
            "The kind of evidence must be text or image.",
        ),
        ({"evidence": "seen"}, "/evidence", "This must be a list."),
        ({"related": [{"type": "stream"}]}, "/related/0/id", "This field is required."),
        (
            {"attributes": {"a": {"b": [1, 10**30]}}},
            "/attributes/a/b/1",
            "This number is too large.",
        ),
        ({"attributes": {"a": "\u0000"}}, "/attributes/a", "U+0000 is not allowed in text."),
        ({"title": "\u0000"}, "/title", "U+0000 is not allowed in text."),
        ({"attributes": {"x/y~z": "\u0000"}}, "/attributes/x~1y~0z", None),
    ],
)
async def test_an_invalid_alert_is_answered_with_a_pointer_to_its_field(
    server: AlertServer, fields: dict[str, Any], pointer: str, error: str | None
) -> None:
    """422 has the field and the reason for each alert."""
    content = await refused(server, as_json(alert(**fields)), 422)
    assert content["error"] == "None of the alerts is valid."
    [result] = content["results"]
    assert (result["result"], result["pointer"]) == ("invalid", pointer)
    assert result["error"] == error or (error is None and result["error"].endswith("."))


async def test_an_infinite_number_is_refused(server: AlertServer) -> None:
    """JSON numbers that overflow to infinity are refused."""
    body = as_json(alert()).replace(b'"id"', b'"attributes": {"x": 1e999}, "id"', 1)
    [result] = (await refused(server, body, 422))["results"]
    assert (result["pointer"], result["error"]) == ("/attributes/x", "This number is too large.")


async def test_attributes_nested_too_deep_are_refused(server: AlertServer) -> None:
    """Values that CEL or PostgreSQL can't hold are refused."""
    deep = json.loads('{"a":' * 40 + "1" + "}" * 40)
    [result] = (await refused(server, as_json(alert(attributes=deep)), 422))["results"]
    assert result["pointer"] == "/attributes/a"
    assert result["error"] == "This is nested more than 32 levels deep."


async def test_an_alert_that_is_no_object_is_invalid(server: AlertServer) -> None:
    """The result's position identifies it."""
    content = await refused(server, as_json({"alerts": ["a1"]}), 422)
    assert content["results"] == [
        {"id": None, "result": "invalid", "pointer": "", "error": "An alert must be an object."}
    ]


async def test_a_detector_can_not_speak_for_another(server: AlertServer) -> None:
    """A detector's own secret is valid for that detector only."""
    content = await refused(server, as_json(alert(detector="images")), 422, secret=LIVE_CHAT)
    [result] = content["results"]
    assert result["pointer"] == "/detector"
    assert result["error"] == "This secret is for 'live-chat' only."


async def test_the_common_secret_is_not_for_a_detector_with_its_own(
    server: AlertServer,
) -> None:
    """The common secret can't be used for a detector with its own secret."""
    content = await refused(server, as_json(alert(detector="live-chat")), 422)
    [result] = content["results"]
    assert result["pointer"] == "/detector"
    assert result["error"] == "This detector requires its own secret."


async def test_a_mebibyte_and_one_byte_is_refused(server: AlertServer) -> None:
    """413, with a correct Content-Length."""
    body = b'{"id":"' + b"x" * (MAX_BODY + 1 - 9) + b'"}'
    assert len(body) == 1_048_577
    content = await refused(server, body, 413)
    assert content == {"error": "A request may have at most 1048576 bytes."}


async def test_exactly_a_mebibyte_is_read(server: AlertServer) -> None:
    """A body of exactly the limit is parsed."""
    body = b'{"id":"' + b"x" * (MAX_BODY - 9) + b'"}'
    assert len(body) == 1_048_576
    content = await refused(server, body, 422)
    assert content["error"] == "None of the alerts is valid."


async def test_a_body_without_a_length_is_capped_as_it_comes(server: AlertServer) -> None:
    """413 also for a stream without a Content-Length."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    answer = await server.http.post("/v1/alerts", content=endless(), headers=signed(b""))
    assert answer.status_code == 413
    assert answer.json() == {"error": "A request may have at most 1048576 bytes."}


async def test_a_huge_declared_length_is_refused_before_reading(server: AlertServer) -> None:
    """413 at once when the declared length exceeds the drain limit."""

    reader, writer = await asyncio.open_connection("127.0.0.1", server.http.base_url.port)
    writer.write(b"POST /v1/alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_a_missing_header_is_not_signed(server: AlertServer, header: str) -> None:
    """401 names the header."""
    body = as_json(alert())
    headers = {name: text for name, text in signed(body).items() if name != header}
    answer = await server.http.post("/v1/alerts", content=body, headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {"error": f"The header {header} is missing."}


@pytest.mark.parametrize(
    "signature",
    [
        "v1",
        "v1,",
        "v1,not base64!",
        "v1,AAA",
        "v1,AAAA,BBBB",
        ",",
        "v2,AAAA",
        "v1,AAAA v1",
        "v1," + "A" * 8000,
    ],
)
async def test_a_malformed_signature_is_not_signed(server: AlertServer, signature: str) -> None:
    """401, never 500, for any header value."""
    content = await refused(server, as_json(alert()), 401, webhook_signature=signature)
    assert content["error"] in {
        "The webhook-signature does not match any valid secret.",
        "The header webhook-signature is missing.",
    }


async def test_a_wrong_secret_is_not_signed(server: AlertServer) -> None:
    """401 for a signature with an unknown secret."""
    content = await refused(server, as_json(alert()), 401, secret=secret_of("z"))
    assert content == {"error": "The webhook-signature does not match any valid secret."}


async def test_a_changed_body_is_not_signed(server: AlertServer) -> None:
    """401 when one character was changed."""
    headers = signed(as_json(alert("a1")))
    answer = await server.http.post("/v1/alerts", content=as_json(alert("a2")), headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "timestamp",
    ["nan", "inf", "-inf", "yesterday", "1_7", "1e9", "1700000000.5", "-1", "9" * 400, "0x10"],
)
async def test_a_timestamp_that_is_no_number_of_seconds_is_not_signed(
    server: AlertServer, timestamp: str
) -> None:
    """401 for everything that is not whole seconds."""
    content = await refused(server, as_json(alert()), 401, webhook_timestamp=timestamp)
    assert content == {"error": "The webhook-timestamp must be whole seconds since 1970."}


@pytest.mark.parametrize("header", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_a_header_outside_ascii_is_not_signed(server: AlertServer, header: str) -> None:
    """401 for bytes outside ASCII."""
    body = as_json(alert())
    headers: list[tuple[bytes, bytes]] = [
        (name.encode(), "é".encode("latin-1") if name == header else text.encode())
        for name, text in signed(body).items()
    ]
    answer = await server.http.post("/v1/alerts", content=body, headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {"error": f"The header {header} has non-ASCII characters."}


@pytest.mark.parametrize("seconds", [-301, 302, -math.pow(10, 8)])
async def test_a_timestamp_far_from_now_is_not_signed(server: AlertServer, seconds: float) -> None:
    """401 for an old and for a future timestamp with a correct signature."""
    body = as_json(alert())
    headers = signed(body, at=time.time() + seconds)
    answer = await server.http.post("/v1/alerts", content=body, headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {
        "error": "The webhook-timestamp is more than 5 minutes from the current time."
    }


async def test_a_body_nested_without_end_is_refused(server: AlertServer) -> None:
    """422 for a body that no parser can read to its end."""
    content = await refused(server, b"[" * 100_000, 422)
    assert content == {"error": "The body is nested more than 32 levels deep."}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("誘導".encode("shift_jis"), "The body is not UTF-8: byte 0 can't be read."),
        (
            as_json(alert(title="外部")).replace("外部".encode(), "外部".encode("euc-jp")),
            "The body is not UTF-8: byte 130 can't be read.",
        ),
        (
            gzip.compress(as_json(alert())),
            "The body is compressed: send it as it is, and sign it as it is.",
        ),
    ],
    ids=["shift_jis", "euc-jp", "gzip"],
)
async def test_a_body_in_another_encoding_is_refused_with_the_reason(
    server: AlertServer, body: bytes, sentence: str
) -> None:
    """415 instead of a wrong signature, although the signature is right."""
    assert await refused(server, body, 415) == {"error": sentence}


async def test_a_compressed_body_is_refused_by_its_header(server: AlertServer) -> None:
    """415 for any content coding."""
    content = await refused(server, as_json(alert()), 415, content_encoding="br")
    assert content == {"error": "The body is compressed: send it as it is, and sign it as it is."}


async def test_a_body_of_a_declared_encoding_is_refused(server: AlertServer) -> None:
    """415 although the bytes could be read as UTF-8: they would be read as other characters."""
    body, declared = as_json(alert()), "application/json; charset=EUC-JP"
    content = await refused(server, body, 415, content_type=declared)
    assert content == {"error": "The body is euc-jp: send JSON as UTF-8."}


async def test_only_post_is_allowed(server: AlertServer) -> None:
    """The status of a GET is 405."""
    assert (await server.http.get("/v1/alerts")).status_code == 405


async def test_an_alert_that_is_too_large_for_a_history_is_invalid(server: AlertServer) -> None:
    """256 KiB each, counted in bytes, because of Temporal's history limit."""
    large = alert("a1", evidence=[{"kind": "text", "text": "あ" * 87_500}])
    content = await refused(server, as_json(large), 422)
    assert content["results"] == [
        {
            "id": "a1",
            "result": "invalid",
            "pointer": "",
            "error": "An alert may have at most 262144 bytes; this one has 262742.",
        }
    ]


@pytest.mark.parametrize("detector", ["people", "reports"])
@pytest.mark.parametrize("secret", [COMMON, LIVE_CHAT])
async def test_a_detector_can_not_send_manual_alerts(
    server: AlertServer, detector: str, secret: str
) -> None:
    """Only people in Slack can send an alert with the detectors of manual alerts."""
    given = alert(detector=detector, attributes={"by": "U0TANAKA"})
    [result] = (await refused(server, as_json(given), 422, secret=secret))["results"]
    assert result["pointer"] == "/detector"
