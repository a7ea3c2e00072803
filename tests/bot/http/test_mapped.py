"""`POST /v1/detectors/NAME`: a detector's own JSON becomes alerts by the policy's mapping."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from bot.admission import AlertSubmitter
from bot.http.alerts import AlertEndpoint, MappedEndpoint
from bot.http.app import make_app
from bot.http.budgets import Budget, Intake, OverBudget, Rates
from bot.http.metrics import Metrics
from bot.http.validation import MAX_MAPPED_VALUES
from tests.bot.http.conftest import KEYS, WINDOW, AlertServer, Front, no_record, target_of
from tests.bot.http.fakes import COMMON, LIVE_CHAT, alert, as_json, signed
from workflows.domain.policy.detectors import Detector

MAP = {
    "id": "body.event_id",
    "kind": "'phishing'",
    "subject": {"type": "'user'", "id": "body.account.id"},
    "related": [{"type": "'listing'", "id": "body.item"}],
    "score": "double(body.confidence) / 100.0",
    "occurred_at": "timestamp('1970-01-01T00:00:00Z') + duration(string(body.ts) + 's')",
    "text": "body.message",
    "attributes": {"region": "body.account.region"},
}
ACCEPTS = {"kinds": ["phishing"], "subjects": ["user", "listing"]}


def detector(name: str, **given: Any) -> Detector:
    """A detector as its policy file has it."""
    return Detector.model_validate({"detector": name, **given})


def event(id_: Any = "e1", **fields: Any) -> dict[str, Any]:
    """A body as the detector sends it."""
    account = {"id": "u_123", "region": "Kansai"}
    return {"event_id": id_, "account": account, "ts": 1795404245, **fields}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Mapped:
    """A server whose detectors have mappings."""

    server: AlertServer
    clock: Clock = field(default_factory=Clock)
    detectors: dict[str, Detector] = field(default_factory=dict)

    async def post(
        self, value: Any, name: str = "legacy", secret: str = COMMON, **headers: str
    ) -> httpx.Response:
        """Posts a body of the detector `name`."""
        path = f"/v1/detectors/{name}"
        return await self.server.http.send_signed(path, value, secret, **headers)

    @property
    def ids(self) -> list[str]:
        """The alerts that were stored."""
        return self.server.cases.ids


@pytest.fixture
async def mapped(server: AlertServer, front: Front) -> Mapped:
    """Detectors with a mapping: `legacy`, and `live-chat` with a secret of its own."""
    found = Mapped(server)
    found.detectors |= {
        "legacy": detector("legacy", map=MAP),
        "live-chat": detector("live-chat", map=MAP),
        "plain": detector("plain", accepts=ACCEPTS),
    }
    submitter = AlertSubmitter(server.cases, target_of, server.known, record=no_record)
    intake = Intake(rates=Rates(found.clock))

    def detectors() -> Mapping[str, Detector]:
        return found.detectors

    endpoints = [
        kind(
            *(lambda: KEYS, submitter, Metrics(), WINDOW),
            detectors=detectors,
            intake=intake,
        )
        for kind in (AlertEndpoint, MappedEndpoint)
    ]
    front.app = make_app([each.router() for each in endpoints], {}, Metrics())
    return found


async def test_a_body_becomes_the_alert_of_its_mapping(mapped: Mapped) -> None:
    """Every field that the mapping names is there; those without a value are left out."""
    answer = await mapped.post(event(confidence=93, item="m_7", message="ここで払って", extra=[1]))
    assert answer.status_code == 202
    assert answer.json() == {"results": [{"id": "e1", "result": "accepted"}]}
    [(taken, group)] = mapped.server.cases.taken
    assert group == ("user:u_123",)
    assert taken.model_dump(mode="json", exclude_none=True) == {
        "id": "e1",
        "detector": "legacy",
        "kind": "phishing",
        "subject": {"type": "user", "id": "u_123"},
        "related": [{"type": "listing", "id": "m_7"}],
        "score": 0.93,
        "occurred_at": "2026-11-23T03:24:05Z",
        "evidence": [{"kind": "text", "text": "ここで払って", "sensitive": False}],
        "attributes": {"region": "Kansai"},
    }


async def test_a_list_has_an_answer_for_each_body_in_order(mapped: Mapped) -> None:
    """An invalid one has the pointer of its field and the reason; its neighbours are stored."""
    mapped.server.known.keys.add(("legacy", "old"))
    without = event("e2")
    del without["account"]
    bodies = [event("e1"), without, event("old"), event(7), "text", event("e1"), event("e3")]
    answer = await mapped.post(bodies)
    assert answer.status_code == 202
    assert answer.json()["results"] == [
        {"id": "e1", "result": "accepted"},
        {
            "id": "e2",
            "result": "invalid",
            "pointer": "/subject/id",
            "error": "`body.account.id` has no value in this body.",
        },
        {"id": "old", "result": "duplicate"},
        {
            "id": None,
            "result": "invalid",
            "pointer": "/id",
            "error": "This should be a valid string.",
        },
        {"id": None, "result": "invalid", "pointer": "", "error": "This must be an object."},
        {"id": "e1", "result": "duplicate"},
        {"id": "e3", "result": "accepted"},
    ]
    assert mapped.ids == ["e1", "e3"]


@pytest.mark.parametrize("name", ["nobody", "plain"])
async def test_a_detector_without_a_mapping_is_not_found(mapped: Mapped, name: str) -> None:
    """The answer is a problem document with the sentence of other answers."""
    answer = await mapped.post(event(), name)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    sentence = "There is no detector of this name with a map in the policy."
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": sentence,
        "error": sentence,
    }
    assert mapped.ids == []


@pytest.mark.parametrize(
    ("name", "secret", "error"),
    [
        ("legacy", LIVE_CHAT, "This secret is for 'live-chat' only."),
        ("live-chat", COMMON, "This detector requires its own secret."),
        ("nobody", LIVE_CHAT, "This secret is for 'live-chat' only."),
    ],
)
async def test_no_detector_posts_as_another(
    mapped: Mapped, name: str, secret: str, error: str
) -> None:
    """A detector's secret is for its own name, and nobody else's is for that name."""
    answer = await mapped.post(event(), name, secret)
    assert (answer.status_code, answer.json()) == (401, {"error": error})
    assert mapped.ids == []


async def test_an_unsigned_body_is_refused(mapped: Mapped) -> None:
    """Also for a name that does not exist: names are nobody's business without a secret."""
    for name in ("legacy", "nobody"):
        answer = await mapped.post(event(), name, webhook_signature="v1,bm9uc2Vuc2U=")
        assert answer.status_code == 401
    assert mapped.ids == []


@pytest.mark.parametrize("path", ["/v1/detectors/legacy", "/v1/alerts"])
async def test_feedback_is_not_taken_as_an_alert(mapped: Mapped, path: str) -> None:
    """A receiver has messages that Koban signed, perhaps with the same secret."""
    body = as_json(event() if "detectors" in path else alert("a1"))
    headers = signed(body, COMMON, message="fb_9NE0H1PJSTHPA4ABD9SM98ZD918D3P42")
    answer = await mapped.server.http.post(path, content=body, headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {"error": "A webhook-id that begins with fb_ is one of Koban's own."}
    assert mapped.ids == []


async def test_a_detector_with_its_own_secret_posts_its_json(mapped: Mapped) -> None:
    """The alert has the detector's name, whatever the body says."""
    answer = await mapped.post(event(detector="other"), "live-chat", LIVE_CHAT)
    assert answer.status_code == 202
    assert [taken.key for taken, _ in mapped.server.cases.taken] == ["live-chat/e1"]


@pytest.mark.parametrize(
    ("body", "pointer", "error"),
    [
        (b'{"event_id": "a", "event_id": "b"}', "/event_id", "In the body: This field is there"),
        (b'{"x": [NaN]}', "/x/0", "In the body: NaN is not a number in JSON."),
        (b'{"x": ' + b"[" * 40 + b"]" * 40 + b"}", "/x/0", "In the body: This is nested more"),
    ],
)
async def test_a_body_that_can_not_be_stored_is_invalid(
    mapped: Mapped, body: bytes, pointer: str, error: str
) -> None:
    """The pointer is into the body."""
    answer = await mapped.post(body)
    assert answer.status_code == 422
    [result] = answer.json()["results"]
    assert result["pointer"] == pointer
    assert result["error"].startswith(error)
    assert mapped.ids == []


async def test_a_body_of_too_many_values_is_invalid(mapped: Mapped) -> None:
    """The largest one is mapped."""
    rest = MAX_MAPPED_VALUES - 7
    assert (await mapped.post(event(extra=[0] * rest))).status_code == 202
    answer = await mapped.post(event("e2", extra=[0] * (rest + 1)))
    [result] = answer.json()["results"]
    assert result["error"] == "A body may have at most 1000 values."
    assert mapped.ids == ["e1"]


async def test_a_body_with_a_long_text_is_invalid(mapped: Mapped) -> None:
    """An expression could copy it for every value of a list."""
    assert (await mapped.post(event(extra=["a" * 50_000]))).status_code == 202
    answer = await mapped.post(event("e2", extra=["a" * 50_001]))
    [result] = answer.json()["results"]
    assert result["pointer"] == "/extra/0"
    assert result["error"] == "In the body: A text may have at most 50000 characters."
    assert mapped.ids == ["e1"]


@pytest.mark.parametrize(
    "field",
    [
        b'"hash": 18446744073709551615',
        b'"hash": 184467440737095516151844674407370955161',
        b'"ratio": [1e400]',
        b'"emoji": "\\ud83d"',
        b'"\\ud83d": 1',
        b'"title": "a\\u0000b"',
    ],
)
async def test_a_field_that_nobody_maps_spoils_no_alert(mapped: Mapped, field: bytes) -> None:
    """It is left out before the mapping."""
    body = as_json(event())[:-1] + b", " + field + b"}"
    answer = await mapped.post(body)
    assert answer.json() == {"results": [{"id": "e1", "result": "accepted"}]}


async def test_a_mapped_number_that_is_too_large_is_no_value(mapped: Mapped) -> None:
    """The answer names the expression; values beside it in a list keep their places."""
    mapped.detectors["legacy"] = detector("legacy", map={**MAP, "id": "body.ids[1]"})
    answer = await mapped.post(event(ids=[2**64, "e1"]))
    assert answer.json() == {"results": [{"id": "e1", "result": "accepted"}]}
    answer = await mapped.post(event(ids=["e1", 2**64]))
    [result] = answer.json()["results"]
    assert (result["result"], result["pointer"]) == ("invalid", "/id")


async def test_a_related_subject_is_named_by_its_place_in_the_mapping(mapped: Mapped) -> None:
    """One without an id is left out of the alert, and the next one has another place there."""
    related = [{"type": "body.t1", "id": "body.r1"}, {"type": "body.t2", "id": "body.r2"}]
    mapped.detectors["legacy"] = detector("legacy", map={**MAP, "related": related})
    answer = await mapped.post(event(r2="m_1"))
    [result] = answer.json()["results"]
    assert result["pointer"] == "/related/1/type"
    assert result["error"] == "`body.t2` has no value in this body."
    answer = await mapped.post(event(r2="m_1", t2="no type"))
    assert answer.json()["results"][0]["pointer"] == "/related/1/type"


@pytest.mark.parametrize("body", [b"[]", b"7", b'"a"', b"null"])
async def test_other_json_is_refused(mapped: Mapped, body: bytes) -> None:
    """Nothing in it can be an alert."""
    assert (await mapped.post(body)).status_code == 422
    assert mapped.ids == []


async def test_an_alert_outside_of_what_the_detector_may_send_is_invalid(mapped: Mapped) -> None:
    """The sentence names what it may send; the others of the request are stored."""
    listing = {"type": "listing", "id": "m_1"}
    answer = await mapped.server.post(
        {
            "alerts": [
                alert("a1", detector="plain"),
                alert("a2", kind="phishing", detector="plain"),
                alert("a3", kind="phishing", subject={"type": "stream", "id": "s_1"}),
                alert("a4", kind="phishing", subject=listing),
            ]
        }
    )
    assert answer.status_code == 202
    kinds = "This detector may send phishing only."
    types = "This detector may send user, listing only."
    assert answer.json()["results"] == [
        {"id": "a1", "result": "invalid", "pointer": "/kind", "error": kinds},
        {"id": "a2", "result": "accepted"},
        {"id": "a3", "result": "invalid", "pointer": "/subject/type", "error": types},
        {"id": "a4", "result": "accepted"},
    ]
    assert mapped.ids == ["a2", "a4"]


async def test_a_mapped_alert_outside_is_invalid(mapped: Mapped) -> None:
    """A mapping is no way around `accepts`."""
    mapped.detectors["legacy"] = detector("legacy", map=MAP, accepts={"subjects": ["listing"]})
    answer = await mapped.post(event())
    assert answer.status_code == 422
    assert answer.json()["results"][0]["error"] == "This detector may send listing only."
    assert mapped.ids == []


async def test_a_detector_above_its_rate_waits(mapped: Mapped) -> None:
    """429 with the seconds to wait, without effect; another detector is not affected."""
    accepts = {"rate": "2/m"}
    mapped.detectors["legacy"] = detector("legacy", map=MAP, accepts=accepts)
    assert (await mapped.post([event("e1"), event("e2"), event("e3")])).status_code == 202
    refused = await mapped.post(event("late"))
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "30"
    assert refused.json() == {
        "error": "legacy may send 2 alerts in 60 s (accepts.rate).",
        "budget": "rate",
    }
    again = await mapped.server.post(alert("late", detector="legacy"))
    assert again.status_code == 429
    assert (await mapped.server.post(alert("o1", detector="other"))).status_code == 202
    assert mapped.ids == ["e1", "e2", "e3", "o1"]
    mapped.clock.now = 31.0
    assert (await mapped.post(event("late"))).status_code == 202


def test_a_rate_comes_back_evenly() -> None:
    """An hour's rate is not there again after a minute."""
    clock = Clock()
    rates = Rates(clock)
    rates.take("a", 60, 3_600, 120)
    with pytest.raises(OverBudget) as refused:
        rates.take("a", 60, 3_600, 1)
    assert (refused.value.budget, refused.value.retry_after) == (Budget.RATE, 3_600)
    clock.now = 3_599.0
    with pytest.raises(OverBudget):
        rates.take("a", 60, 3_600, 1)
    rates.take("b", 60, 3_600, 1)
    clock.now = 3_661.0
    rates.take("a", 60, 3_600, 1)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"scroe": 0.9}, "/scroe"),
        ({"subject": {"type": "user", "id": "u_1", "name": "x"}}, "/subject/name"),
        ({"related": [{"type": "user", "id": "u_1", "n": 1}]}, "/related/0/n"),
        ({"evidence": [{"kind": "text", "text": "a", "lang": "ja"}]}, "/evidence/0/lang"),
        ({"title": {"ja": "a", "fr": "b"}}, "/title"),
        ({"\x00": 1}, "/␀"),
    ],
)
async def test_no_field_of_an_alert_is_ignored(
    mapped: Mapped, fields: dict[str, Any], pointer: str
) -> None:
    """An unknown one is invalid at any depth, with its pointer."""
    answer = await mapped.server.post(alert("a1", **fields))
    assert answer.status_code == 422
    assert answer.json()["results"][0]["pointer"] == pointer
    assert mapped.ids == []


def test_a_large_request_stops_its_detector_for_one_period_at_most() -> None:
    """A thousand alerts at 6 an hour would otherwise stop it for a week."""
    clock = Clock()
    rates = Rates(clock)
    rates.take("a", 6, 3_600, 1_000)
    with pytest.raises(OverBudget) as refused:
        rates.take("a", 6, 3_600, 1)
    assert refused.value.retry_after == 3_600
    clock.now += 3_600
    with pytest.raises(OverBudget):
        rates.take("a", 6, 3_600, 1)
    clock.now += 1
    rates.take("a", 6, 3_600, 1)
