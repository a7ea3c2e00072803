"""`POST /v1/appeals`: accepted and refused appeals; a refused one has no effect."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from activities.ledger.database import Database
from bot.http.signatures import MAX_BODY
from bot.settings import Temporal
from bot.temporal import open_client
from deploy.sandbox.slack.person import WAIT_SECONDS
from tests.bot.http.appeal_server import APPEAL, AppealServer, appeal, record_closed_case
from tests.bot.http.conftest import Front, SigningClient
from tests.bot.http.fakes import (
    APPEALS,
    APPEALS_NEXT,
    COMMON,
    LIVE_CHAT,
    WEB_SHOP,
    as_json,
    secret_of,
)
from tests.environment import fresh_namespace
from workflows.domain.ids import appeal_id


@pytest.fixture
async def server(
    front: Front, temporal: str, migrated: Path, tmp_path: Path
) -> AsyncIterator[AppealServer]:
    """An app for appeals, with one closed case in its ledger."""
    settings = Temporal(address=temporal, namespace=await fresh_namespace(temporal))
    database = Database(f"sqlite+aiosqlite:///{shutil.copy(migrated, tmp_path / 'koban.db')}")
    await record_closed_case(database)
    async with SigningClient(timeout=WAIT_SECONDS, base_url=front.url) as http:
        server = AppealServer(http, front, database, await open_client(settings))
        server.serve()
        yield server
    await database.aclose()


def result(outcome: str, **more: str) -> dict[str, Any]:
    """The answer for ap-1 alone."""
    return {"results": [{"id": "ap-1", "result": outcome, **more}]}


async def test_an_appeal_is_accepted_once_temporal_holds_it(server: AppealServer) -> None:
    """The workflow gets the current rules."""
    assert await server.post(appeal(decision="D1")) == (202, result("accepted"))
    start = await server.filed()
    assert start is not None
    assert start.id == APPEAL
    assert (start.request.case, start.request.decision) == ("K7Q2F9XM0", "D1")
    assert start.rules.channel == "ts-leads"


async def test_the_second_secret_is_valid_while_rotating(server: AppealServer) -> None:
    """Both secrets are valid, as for alerts."""
    assert (await server.post(appeal(), secret=APPEALS_NEXT))[0] == 202


async def test_the_same_appeal_again_is_a_duplicate(server: AppealServer) -> None:
    """Temporal detects it while the appeal runs, the ledger afterwards."""
    await server.post(appeal())
    assert await server.post(appeal(statement="別の文")) == (202, result("duplicate"))
    await server.end()
    await server.fail_actions()
    assert await server.post(appeal()) == (202, result("duplicate"))


async def test_two_sources_have_names_of_their_own(server: AppealServer) -> None:
    """The same id from another source is another appeal."""
    await server.post(appeal())
    assert await server.post(appeal(), secret=WEB_SHOP) == (202, result("accepted"))
    assert await server.filed()
    assert await server.filed(appeal_id("web-shop", "ap-1"))


@pytest.mark.parametrize(
    ("change", "fields", "pointer", "error"),
    [
        (AppealServer.remove_case, {}, "/case", "There is no case K7Q2F9XM0."),
        (
            AppealServer.fail_actions,
            {"decision": "D7"},
            "/decision",
            "No action of decision D7 is in effect.",
        ),
        (
            AppealServer.decide_in_bulk,
            {},
            "/case",
            "Decision D1 is a bulk decision and can't be appealed for a single account: "
            "ask the team about case K7Q2F9XM0.",
        ),
        (AppealServer.fail_actions, {}, "/case", "No action of case K7Q2F9XM0 is in effect."),
    ],
)
async def test_the_answer_says_why_there_is_nothing_to_review(
    server: AppealServer,
    change: Callable[[AppealServer], Awaitable[None]],
    fields: dict[str, str],
    pointer: str,
    error: str,
) -> None:
    """The status is 422 with a pointer, and nothing is filed."""
    await change(server)
    status, answer = await server.post(appeal(**fields))
    assert status == 422
    assert answer == {
        "error": "The appeal is invalid.",
        **result("invalid", pointer=pointer, error=error),
    }
    assert await server.filed() is None


async def test_an_appeal_against_an_open_case_is_accepted(server: AppealServer) -> None:
    """The ledger may not have the decision yet: the appeal workflow checks it again."""
    await server.fail_actions()
    await server.reopen_case()
    assert await server.post(appeal()) == (202, result("accepted"))


async def test_an_appeal_is_accepted_without_the_ledger(server: AppealServer) -> None:
    """The appeal workflow repeats the checks."""
    server.serve(database=Database("sqlite+aiosqlite:////nowhere/at/all.db"))
    assert await server.post(appeal()) == (202, result("accepted"))


async def test_without_temporal_the_answer_is_503_with_retry_after(server: AppealServer) -> None:
    """The same appeal is sent again."""
    server.serve(client=await open_client(Temporal(address="127.0.0.1:1")))
    answer = await server.http.send_signed("/v1/appeals", appeal(), APPEALS)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json() == {"error": "Temporal is unavailable: send the same appeal again."}


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
        ({"because": "x"}, "/because", "Unknown field."),
        ({"source": "web-shop"}, "/source", "This source requires its own secret."),
        ({"source": "a b"}, "/source", None),
        ({"withdrawn": "maybe"}, "/withdrawn", None),
    ],
)
async def test_a_wrong_field_is_pointed_at(
    server: AppealServer, fields: dict[str, Any], pointer: str, error: str | None
) -> None:
    """422, one sentence, no effect."""
    status, answer = await server.post(appeal(**fields))
    (one,) = answer["results"]
    assert (status, one["result"], one["pointer"]) == (422, "invalid", pointer)
    assert error is None or one["error"] == error
    assert one["error"].endswith(".")
    assert await server.filed() is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"[" * 5000])
async def test_what_is_no_appeal_is_refused_whole(server: AppealServer, body: bytes) -> None:
    """The status is 422 with a sentence."""
    status, answer = await server.post(body)
    assert status == 422
    assert answer["error"].endswith(".")
    assert await server.filed() is None


async def test_a_strange_signature_is_refused(server: AppealServer) -> None:
    """The status is 401, before the body is parsed."""
    status, answer = await server.post(appeal(), secret=secret_of("x"))
    assert (status, await server.filed()) == (401, None)
    assert answer == {"error": "The webhook-signature does not match any valid secret."}


@pytest.mark.parametrize("secret", [COMMON, LIVE_CHAT])
async def test_the_secret_of_a_detector_files_no_appeal(server: AppealServer, secret: str) -> None:
    """The status is 401: a detector can't ask for an overturn of what it reported."""
    status, answer = await server.post(appeal(), secret=secret)
    assert (status, await server.filed()) == (401, None)
    assert answer == {"error": "The webhook-signature does not match any valid secret."}


@pytest.mark.parametrize("phase", ["closed", "claimed"])
@pytest.mark.parametrize("fields", [{}, {"decision": "D1"}])
async def test_an_appeal_of_somebody_else_is_refused(
    server: AppealServer, phase: str, fields: dict[str, str]
) -> None:
    """Only the subject of the decision appeals against it; the pointer is to `subject`."""
    if phase != "closed":
        await server.reopen_case()
    other = {"type": "user", "id": "u_9"}
    status, answer = await server.post(appeal(subject=other, **fields))
    assert status == 422
    assert answer == {
        "error": "The appeal is invalid.",
        **result("invalid", pointer="/subject", error="Decision D1 is not about this subject."),
    }
    assert await server.filed() is None


async def test_the_subject_of_the_decision_may_appeal(server: AppealServer) -> None:
    """The subject may be named, and then it is the one acted upon."""
    named = appeal(subject={"type": "user", "id": "u_123"})
    assert await server.post(named) == (202, result("accepted"))


async def test_an_appeal_is_withdrawn_only_by_its_source(server: AppealServer) -> None:
    """Other sources, and detectors, get a refusal; the appeal stays open."""
    await server.post(appeal())
    back = appeal(withdrawn=True, statement="")
    assert (await server.post(back, secret=COMMON))[0] == 401
    status, answer = await server.post(back, secret=WEB_SHOP)
    assert (status, answer["results"][0]["pointer"]) == (422, "/id")
    assert await server.post({**back, "source": "web-shop"}) == (
        422,
        {
            "error": "The appeal is invalid.",
            **result("invalid", pointer="/source", error="This source requires its own secret."),
        },
    )
    assert await server.withdrawals() == 0


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"case": "K00000000"}, "/case"),
        ({"subject": {"type": "user", "id": "u_9"}}, "/subject"),
    ],
)
async def test_a_withdrawal_names_the_appeal_that_it_withdraws(
    server: AppealServer, fields: dict[str, Any], pointer: str
) -> None:
    """A withdrawal for another case or subject than the appeal's is refused."""
    await server.post(appeal(subject={"type": "user", "id": "u_123"}))
    await server.record()
    status, answer = await server.post(appeal(withdrawn=True, statement="", **fields))
    assert (status, answer["results"][0]["pointer"]) == (422, pointer)
    assert await server.withdrawals() == 0


async def test_a_body_over_the_cap_is_refused(server: AppealServer) -> None:
    """The status is 413."""
    status, _ = await server.post(as_json(appeal(statement="x" * MAX_BODY)))
    assert (status, await server.filed()) == (413, None)


async def test_control_and_direction_characters_become_visible(server: AppealServer) -> None:
    """They are kept in a visible form."""
    await server.post(appeal(statement="a\x00b\u202ec"))
    start = await server.filed()
    assert start is not None
    assert start.request.statement == "a\u2400b\ufffdc"


async def test_a_withdrawal(server: AppealServer) -> None:
    """An open appeal is withdrawn once; without one the answer is 422."""
    back = appeal(withdrawn=True, statement="")
    assert await server.post(back) == (
        422,
        {
            "error": "The appeal is invalid.",
            **result(
                "invalid",
                pointer="/id",
                error="There is no open appeal with this id.",
            ),
        },
    )
    await server.post(appeal())
    assert await server.post(back) == (202, result("accepted"))
    await server.end()
    assert await server.post(back) == (202, result("duplicate"))


async def test_the_openapi_page_has_it(server: AppealServer) -> None:
    """It has every field of the body."""
    inside = httpx.ASGITransport(server.front.app.internal)
    async with httpx.AsyncClient(transport=inside, base_url="http://inside") as operator:
        page = (await operator.get("/openapi.json")).json()
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
