"""`POST /v1/appeals`: what is taken, what is refused, and that nothing refused has an effect."""

from typing import Any

import pytest

from bot.http.signatures import MAX_BODY
from tests.bot.http.appellant import appeal
from tests.bot.http.conftest import Desk
from tests.bot.http.detector import LIVE_CHAT, NEXT, as_json, secret_of
from tests.workflows.domain.appeal.builders import a_decision
from workflows.domain.appeal.model import Appealed
from workflows.domain.case.bulk import Bulk
from workflows.domain.ids import appeal_id


async def post(desk: Desk, value: Any, **more: Any) -> tuple[int, dict[str, Any]]:
    """Status and answer."""
    answer = await desk.post(value, path="/v1/appeals", **more)
    return answer.status_code, answer.json()


def result(what: str, **more: str) -> dict[str, Any]:
    """The answer for ap-1 alone."""
    return {"results": [{"id": "ap-1", "result": what, **more}]}


async def test_an_appeal_is_accepted_once_temporal_holds_it(desk: Desk) -> None:
    """With the rules of this moment."""
    assert await post(desk, appeal(decision="D1")) == (202, result("accepted"))
    (start,) = desk.appeals.filed.values()
    assert start.id == appeal_id("default", "ap-1")
    assert (start.request.case, start.request.decision) == ("K7Q2F9XM0", "D1")
    assert start.rules.channel == "ts-leads"


async def test_the_second_secret_is_valid_while_rotating(desk: Desk) -> None:
    """As for alerts."""
    assert (await post(desk, appeal(), secret=NEXT))[0] == 202


async def test_the_same_appeal_again_is_a_duplicate(desk: Desk) -> None:
    """By Temporal while it runs, by the ledger for good; also once nothing stands any more."""
    await post(desk, appeal())
    assert await post(desk, appeal(statement="別の文")) == (202, result("duplicate"))
    desk.appeals.filed.clear()
    desk.appeals.in_ledger.add(appeal_id("default", "ap-1"))
    desk.appeals.found = a_decision(effective=False)
    assert await post(desk, appeal()) == (202, result("duplicate"))
    assert desk.appeals.filed == {}


async def test_two_sources_have_names_of_their_own(desk: Desk) -> None:
    """The same id from another source is another appeal."""
    await post(desk, appeal())
    assert await post(desk, appeal(), secret=LIVE_CHAT) == (202, result("accepted"))
    assert len(desk.appeals.filed) == 2


def a_bulk() -> Appealed:
    """A decision for a crowd: what it did stands by its members."""
    found = a_decision(effective=False)
    assert found.decision is not None
    bulk = Bulk(id="R1", type="user", count=60)
    return found.model_copy(update={"decision": found.decision.model_copy(update={"bulk": bulk})})


@pytest.mark.parametrize(
    ("found", "fields", "pointer", "error"),
    [
        (None, {}, "/case", "There is no case K7Q2F9XM0."),
        (
            a_decision(decision=None, effective=False),
            {"decision": "D7"},
            "/decision",
            "No measure of decision D7 is in force.",
        ),
        (
            a_bulk(),
            {},
            "/case",
            "Decision D1 acted on many accounts at once, and can't be reviewed for one of them "
            "here: ask the team about case K7Q2F9XM0.",
        ),
        (
            a_decision(effective=False),
            {},
            "/case",
            "No measure of case K7Q2F9XM0 is in force.",
        ),
    ],
)
async def test_where_nothing_can_be_reviewed_the_answer_says_so(
    desk: Desk, found, fields, pointer: str, error: str
) -> None:
    """422 with a pointer, and nothing is filed."""
    desk.appeals.found = found
    status, told = await post(desk, appeal(**fields))
    assert status == 422
    assert told == {
        "error": "The appeal can't be used.",
        **result("invalid", pointer=pointer, error=error),
    }
    assert desk.appeals.filed == {}


async def test_a_case_that_is_still_worked_may_have_more_to_tell(desk: Desk) -> None:
    """The ledger follows a moment later: the appeal asks again for itself."""
    desk.appeals.found, desk.appeals.closed = a_decision(effective=False), False
    assert await post(desk, appeal()) == (202, result("accepted"))


async def test_a_ledger_that_is_away_holds_nothing_up(desk: Desk) -> None:
    """It is accepted, and the appeal asks again for itself."""
    desk.appeals.ledger_away = True
    assert await post(desk, appeal()) == (202, result("accepted"))


async def test_temporal_away_is_503_with_retry_after(desk: Desk) -> None:
    """Nothing is lost: the same appeal is sent again."""
    desk.appeals.away = True
    answer = await desk.post(appeal(), path="/v1/appeals")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json() == {"error": "Temporal is out of reach: send the same appeal again."}


@pytest.mark.parametrize(
    ("fields", "pointer", "error"),
    [
        ({"case": "K1"}, "/case", None),
        ({"case": "../K7Q2F9XM0"}, "/case", None),
        ({"decision": "1"}, "/decision", None),
        ({"statement": "x" * 4001}, "/statement", "String should have at most 4000 characters."),
        ({"statement": " \n"}, "/statement", "This field is required."),
        ({"submitted_at": "2026-11-25T03:04:05"}, "/submitted_at", None),
        ({"subject": {"type": "user"}}, "/subject/id", "This field is required."),
        ({"because": "x"}, "/because", "There is no such field."),
        ({"source": "live-chat"}, "/source", "This source signs with a secret of its own."),
        ({"source": "a b"}, "/source", None),
        ({"withdrawn": "maybe"}, "/withdrawn", None),
    ],
)
async def test_a_wrong_field_is_pointed_at(
    desk: Desk, fields: dict[str, Any], pointer: str, error: str | None
) -> None:
    """422, one sentence, no effect."""
    status, told = await post(desk, appeal(**fields))
    (one,) = told["results"]
    assert (status, one["result"], one["pointer"]) == (422, "invalid", pointer)
    assert error is None or one["error"] == error
    assert one["error"].endswith(".")
    assert desk.appeals.filed == {}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"[" * 5000])
async def test_what_is_no_appeal_is_refused_whole(desk: Desk, body: bytes) -> None:
    """422 with a sentence."""
    status, told = await post(desk, body)
    assert status == 422
    assert told["error"].endswith(".")
    assert desk.appeals.filed == {}


async def test_a_strange_signature_is_refused(desk: Desk) -> None:
    """401, before anything is looked at."""
    status, told = await post(desk, appeal(), secret=secret_of("x"))
    assert (status, desk.appeals.filed) == (401, {})
    assert told == {"error": "The webhook-signature fits no secret that is valid here."}


async def test_a_body_over_the_cap_is_refused(desk: Desk) -> None:
    """413."""
    status, _ = await post(desk, as_json(appeal(statement="x" * MAX_BODY)))
    assert (status, desk.appeals.filed) == (413, {})


async def test_control_and_direction_characters_become_visible(desk: Desk) -> None:
    """They are kept, and can't hide anything."""
    await post(desk, appeal(statement="a\x00b\u202ec"))
    (start,) = desk.appeals.filed.values()
    assert start.request.statement == "a\u2400b\ufffdc"


async def test_a_withdrawal(desk: Desk) -> None:
    """Of an open appeal, once; of none, with a sentence."""
    back = appeal(withdrawn=True, statement="")
    assert await post(desk, back) == (
        422,
        {
            "error": "The appeal can't be used.",
            **result(
                "invalid",
                pointer="/id",
                error="There is no appeal with this id to withdraw.",
            ),
        },
    )
    await post(desk, appeal())
    assert await post(desk, back) == (202, result("accepted"))
    assert desk.appeals.withdrawn == [appeal_id("default", "ap-1")]
    desk.appeals.in_ledger.add(appeal_id("default", "ap-1"))
    assert await post(desk, back) == (202, result("duplicate"))


async def test_the_openapi_page_has_it(desk: Desk) -> None:
    """With every field of the body."""
    page = (await desk.http.get("/openapi.json")).json()
    operation = page["paths"]["/v1/appeals"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert sorted(schema["properties"]) == [
        "case",
        "decision",
        "id",
        "source",
        "statement",
        "subject",
        "submitted_at",
        "withdrawn",
    ]
    assert set(operation["responses"]) >= {"202", "401", "413", "422", "503"}
