"""Platform changes at the demo marketplace, over HTTP."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.errors import Unavailable
from activities.platform.activities import PlatformActivities, SpecOf
from activities.platform.client import Platform, UnusableSubject, open_platform
from activities.platform.requests import fill_path
from activities.signatures import Proofs, Signer
from deploy.sandbox.faults import Faults
from deploy.sandbox.marketplace.app import market_routes
from deploy.sandbox.marketplace.store import Store
from deploy.sandbox.serve import serving
from tests.timeouts import PLATFORM_TIMEOUT
from tests.workflows.domain.builders import CATALOG, T0
from workflows.domain.alerts import Subject
from workflows.domain.case.decision import PlannedAction
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind, Proof
from workflows.domain.policy.actions import ActionSpec
from workflows.ports.cases import Direction, Order, Result

PROOFS = Proofs(Signer())
UNTIL = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


class Market:
    """The marketplace and the activities that change it."""

    def __init__(
        self, store: Store, faults: Faults, acts: PlatformActivities, http: AsyncClient
    ) -> None:
        self.store, self.faults, self.acts, self.http = store, faults, acts, http

    async def do(self, order: Order) -> Result:
        """Runs the change as a worker does."""
        return await ActivityEnvironment().run(self.acts.carry_out, order)


async def unpaused(order: Order) -> bool:
    """No pause of automation."""
    return False


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    """A marketplace with one user."""
    store, faults, app = Store(tmp_path / "market.db"), Faults(), FastAPI()
    app.include_router(market_routes(store, faults, "token"))
    store.put("users", {"id": "u_123", "name": "める", "status": "active"})
    async with serving(app) as url:
        http = open_platform(f"{url}/market", "token")
        yield Market(
            store,
            faults,
            PlatformActivities(
                Platform(http, PLATFORM_TIMEOUT), spec_of, PROOFS.verifies, unpaused
            ),
            http,
        )
        await http.aclose()
    store.close()


Answer = Response | Callable[[], Response]


def order(
    subject: str = "u_123", action: str = "mute_user", direction: Direction = Direction.DO
) -> Order:
    """A change: a mute by 佐藤, or another action."""
    return Order(
        case="K7Q2F9XM0",
        decision="D1",
        planned=PlannedAction(action=action, subject=Subject(type="user", id=subject)),
        proof=Proof(playbook="harassment", policy="v1"),
        direction=direction,
        actor="U0SATO",
        until=UNTIL,
    )


async def spec_of(wanted: Order) -> ActionSpec | None:
    """The action of the policy, with time and case in its body."""
    spec = CATALOG.find(wanted.planned.action)
    if spec is None:
        return None
    body = {"until": "{until}", "case": "{case.id}"}
    return spec.model_copy(update={"request": spec.request.model_copy(update={"json_": body})})


async def unverified(wanted: Order) -> ActionSpec | None:
    """The same action without `verify`."""
    spec = await spec_of(wanted)
    return None if spec is None else spec.model_copy(update={"verify": None})


async def test_a_change_is_made_and_read_back(market: Market) -> None:
    """The change is verified at once; the request names the responsible person."""
    assert (await market.do(order())).status is ActionStatus.VERIFIED
    call = market.store.calls()[1]
    assert (call["method"], call["path"]) == ("POST", "/market/v1/users/u_123/mutes")
    assert call["idempotency_key"] == "K7Q2F9XM0/D1/mute_user/u_123"
    assert call["actor"] == "U0SATO"
    assert market.store.get("users", "u_123")["muted_until"] == "2026-11-24T03:00:00Z"


async def test_the_same_change_twice_is_made_once(market: Market) -> None:
    """A retry after a worker crash does not repeat the change."""
    await market.do(order())
    assert (await market.do(order())).status is ActionStatus.VERIFIED
    assert market.store.executions() == {"K7Q2F9XM0/D1/mute_user/u_123": 1}


async def test_an_undo_has_a_key_of_its_own(market: Market) -> None:
    """With the same key the platform would return the first result."""
    await market.do(order())
    undone = await market.do(order(direction=Direction.UNDO))
    assert undone.status is ActionStatus.UNDONE
    assert market.store.get("users", "u_123")["muted"] is False
    assert "K7Q2F9XM0/D1/mute_user/u_123/undo" in market.store.executions()


async def test_what_the_platform_does_not_know_is_final(market: Market) -> None:
    """A 404 is not retried; the card shows the status."""
    result = await market.do(order("u_nobody"))
    assert result.status is ActionStatus.FAILED
    assert result.problem is not None
    assert (result.problem.kind, result.problem.status) == (ProblemKind.REFUSED, 404)


@pytest.mark.parametrize("fault", ["platform_500", "platform_lost_response"])
async def test_trouble_is_tried_again(market: Market, fault: str) -> None:
    """Temporal retries; after a lost response the change still happens once."""
    market.faults.set(fault, True)
    with pytest.raises(ApplicationError) as caught:
        await market.do(order())
    assert caught.value.non_retryable is False
    market.faults.set(fault, False)
    assert (await market.do(order())).status is ActionStatus.VERIFIED
    assert market.store.executions() == {"K7Q2F9XM0/D1/mute_user/u_123": 1}


@pytest.mark.parametrize(
    ("subject", "path"),
    [
        ("../../admin", "..%2F..%2Fadmin"),
        ("a/b", "a%2Fb"),
        ("a?x=1", "a%3Fx%3D1"),
        ("%00", "%2500"),
        ("a b", "a%20b"),
        ("める#1", "%E3%82%81%E3%82%8B%231"),
    ],
)
async def test_an_id_never_changes_the_path(market: Market, subject: str, path: str) -> None:
    """An id is one encoded path segment, and the key is a plain header."""
    await market.do(order(subject))
    assert market.store.calls()[0]["path"] == f"/market/v1/users/{path}/mutes"


@pytest.mark.parametrize("subject", [".", ".."])
async def test_dots_are_refused_before_any_call(market: Market, subject: str) -> None:
    """Servers resolve dot segments even if they are encoded."""
    result = await market.do(order(subject))
    assert result.problem is not None
    assert result.problem.kind is ProblemKind.UNUSABLE_SUBJECT
    assert market.store.calls() == []
    with pytest.raises(UnusableSubject):
        fill_path("/v1/users/{subject.id}", {"subject.id": subject})


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (Response(status_code=429, headers={"Retry-After": "7"}), timedelta(seconds=7)),
        (Response(status_code=503, headers={"Retry-After": "99999"}), timedelta(minutes=5)),
        (Response(status_code=503), None),
    ],
)
async def test_the_platform_says_when_to_come_back(answer: Response, wait: timedelta) -> None:
    """Retry-After is used, up to five minutes."""
    with pytest.raises(ApplicationError) as caught:
        await _answered(answer)
    assert caught.value.next_retry_delay == wait


async def test_a_redirect_is_not_followed() -> None:
    """A redirect must not receive the token."""
    result = await _answered(Response(status_code=307, headers={"Location": "/elsewhere"}))
    assert result.status is ActionStatus.FAILED


async def test_an_answer_that_is_no_json_leaves_it_unverified() -> None:
    """The change was accepted and is read back later."""
    assert (await _answered(Response("ok"))).status is ActionStatus.DONE


async def test_an_answer_that_shows_something_else_leaves_it_unverified() -> None:
    """The platform may need a moment to apply it."""
    result = await _answered(JSONResponse({"muted": False}))
    assert result.status is ActionStatus.DONE


SIGN_IN = "<!doctype html><title>Sign in</title>"


def _endless() -> Iterator[bytes]:
    while True:
        yield b" " * 65_536


BROKEN: dict[str, Callable[[], Response]] = {
    "broken gzip": lambda: Response(b"no gzip", headers={"Content-Encoding": "gzip"}),
    "cut JSON": lambda: Response('{"muted": tr', media_type="application/json"),
    "endless": lambda: StreamingResponse(_endless(), media_type="application/json"),
}
STRANGE: dict[str, Callable[[], Response]] = {
    "sign-in page": lambda: HTMLResponse(SIGN_IN),
    "page without a type": lambda: Response(SIGN_IN),
    "long words": lambda: Response("word " * 50, media_type="text/plain"),
}


@pytest.mark.parametrize("kind", [*BROKEN, *STRANGE])
async def test_an_unreadable_answer_is_settled_by_reading_back(kind: str) -> None:
    """The change is done if the platform shows it, whatever its answer was."""
    answer = {**BROKEN, **STRANGE}[kind]
    result = await _answered(answer, JSONResponse({"muted": True}))
    assert result.status is ActionStatus.VERIFIED


@pytest.mark.parametrize("kind", [*BROKEN, *STRANGE])
async def test_an_unreadable_answer_without_its_change_is_tried_again(kind: str) -> None:
    """The change is not called done; the problem is named."""
    answer = {**BROKEN, **STRANGE}[kind]
    with pytest.raises(ApplicationError) as caught:
        await _answered(answer, JSONResponse({"muted": False}))
    assert caught.value.details == ({"kind": "unreadable", "status": 200},)
    assert caught.value.non_retryable is False


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_answer_that_can_not_be_settled_now_is_tried_again(kind: str) -> None:
    """The platform executes one key once."""
    with pytest.raises(ApplicationError) as caught:
        await _answered(BROKEN[kind], Response(status_code=503))
    assert caught.value.details == ({"kind": "unreadable", "status": 200},)


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_answer_of_an_action_without_verify_is_done(kind: str) -> None:
    """Its status says success, and nothing else could say more."""
    result = await _answered(BROKEN[kind], spec=unverified)
    assert result.status is ActionStatus.DONE


@pytest.mark.parametrize("kind", STRANGE)
async def test_a_page_in_front_of_the_platform_is_no_success(kind: str) -> None:
    """A sign-in page answers every request, also the one that reads back."""
    with pytest.raises(ApplicationError) as caught:
        await _answered(STRANGE[kind])
    assert caught.value.details == ({"kind": "unreadable", "status": 200},)


async def test_a_path_that_leaves_the_platform_is_not_called() -> None:
    """`//host/path` names another host, or another base path."""
    http = open_platform("http://127.0.0.1:1/market", None)
    try:
        with pytest.raises(UnusableSubject):
            await Platform(http, PLATFORM_TIMEOUT).change(
                "POST", "//other/v1/users/u_1/mutes", None, "k", None
            )
    finally:
        await http.aclose()


async def _answered(
    answer: Answer,
    read: Answer | None = None,
    wanted: Order | None = None,
    spec: SpecOf = spec_of,
) -> Result:
    """Result of a change at a platform with fixed responses, that to `read` if it differs."""
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def always(request: Request) -> Response:
        given = read if read is not None and request.method == "GET" else answer
        return given if isinstance(given, Response) else given()

    async with serving(app) as url:
        http = open_platform(url, None)
        try:
            acts = PlatformActivities(
                Platform(http, PLATFORM_TIMEOUT), spec, PROOFS.verifies, unpaused
            )
            return await ActivityEnvironment().run(acts.carry_out, wanted or order())
        finally:
            await http.aclose()


def signed_order(began: datetime | None = None, **changes: object) -> Order:
    """A mute that a case decided, or one that was changed afterwards."""
    plain = order()
    proof = SIGNED.signed(plain.case, plain.decision, plain.planned, plain.proof)
    return plain.model_copy(update={"proof": proof, "began": began, **changes})


SIGNED = Proofs(Signer([("s2", b"2" * 32), ("s1", b"1" * 32)]), unsigned_until=UNTIL)
FORGED = [
    {"case": "K0"},
    {"decision": "D2"},
    {"planned": PlannedAction(action="permanent_ban", subject=Subject(type="user", id="u_123"))},
    {"planned": PlannedAction(action="mute_user", subject=Subject(type="user", id="u_9"))},
    {"proof": Proof(playbook="harassment", policy="v1")},
    {"proof": Proof(playbook="harassment", policy="v1", signature="s1:00"), "began": T0},
    {"proof": Proof(playbook="harassment", policy="v1"), "began": UNTIL},
]


async def test_a_signed_order_is_carried_out(market: Market) -> None:
    """The keys of a rotation verify, and an enforcement from before the keys needs none."""
    old = Proofs(Signer([("s1", b"1" * 32)]))
    plain = order()
    by_old = old.signed(plain.case, plain.decision, plain.planned, plain.proof)
    acts = PlatformActivities(
        Platform(market.http, PLATFORM_TIMEOUT), spec_of, SIGNED.verifies, unpaused
    )
    for wanted in (
        signed_order(),
        plain.model_copy(update={"proof": by_old}),
        plain.model_copy(update={"began": T0}),
    ):
        result = await ActivityEnvironment().run(acts.carry_out, wanted)
        assert result.status is ActionStatus.VERIFIED


@pytest.mark.parametrize("changes", FORGED)
async def test_a_forged_order_makes_no_request(market: Market, changes: dict[str, object]) -> None:
    """Neither the change nor a reading reaches the platform."""
    acts = PlatformActivities(
        Platform(market.http, PLATFORM_TIMEOUT), spec_of, SIGNED.verifies, unpaused
    )
    for call in (acts.carry_out, acts.read_back):
        result = await ActivityEnvironment().run(call, signed_order(**changes))
        assert result.problem == Problem(kind=ProblemKind.UNPROVEN)
    assert market.store.calls() == []


@pytest.mark.parametrize("only", ["undo", "dry_run"])
async def test_a_proof_allows_only_what_it_says(market: Market, only: str) -> None:
    """A decision to undo makes no change, and a dry run sends nothing."""
    proof = Proof(playbook="harassment", policy="v1", **{only: True})
    plain = order()
    signed = SIGNED.signed(plain.case, plain.decision, plain.planned, proof)
    acts = PlatformActivities(
        Platform(market.http, PLATFORM_TIMEOUT), spec_of, SIGNED.verifies, unpaused
    )
    wanted = plain.model_copy(update={"proof": signed})
    result = await ActivityEnvironment().run(acts.carry_out, wanted)
    assert result.problem == Problem(kind=ProblemKind.UNPROVEN)
    assert market.store.calls() == []


class Paused:
    """A pause of automation that concerns every order, or an unreachable ledger."""

    def __init__(self, away: bool = False) -> None:
        self.away = away
        self.asked: list[Order] = []

    async def __call__(self, order: Order) -> bool:
        self.asked.append(order)
        if self.away:
            raise Unavailable("The ledger does not answer.")
        return True


def by(person: str | None) -> Order:
    """A mute that a person, or (None) a protection of Koban, asks for."""
    plain = order()
    proof = plain.proof.model_copy(update={"by": person})
    return plain.model_copy(update={"proof": proof, "actor": person, "detectors": ("shill",)})


async def pausing(market: Market, pauses: Paused, wanted: Order) -> Result:
    """Runs a change while automation is paused."""
    platform = Platform(market.http, PLATFORM_TIMEOUT)
    acts = PlatformActivities(platform, spec_of, PROOFS.verifies, pauses)
    return await ActivityEnvironment().run(acts.carry_out, wanted)


@pytest.mark.parametrize("person", [None, "koban"])
async def test_a_pause_stops_an_automatic_change(market: Market, person: str | None) -> None:
    """It makes no request, and says why."""
    pauses = Paused()
    result = await pausing(market, pauses, by(person))
    stopped = Problem(kind=ProblemKind.PAUSED)
    assert result == Result(status=ActionStatus.SKIPPED, problem=stopped)
    assert [each.detectors for each in pauses.asked] == [("shill",)]
    assert market.store.calls() == []


async def test_a_pause_stops_no_person_and_no_undo(market: Market) -> None:
    """The pauses are not even read."""
    pauses = Paused()
    done = await pausing(market, pauses, by("U0SATO"))
    undo = by(None).model_copy(update={"direction": Direction.UNDO})
    undone = await pausing(market, pauses, undo)
    assert (done.status, undone.status) == (ActionStatus.VERIFIED, ActionStatus.UNDONE)
    assert pauses.asked == []


async def test_without_the_ledger_protections_go_on(market: Market) -> None:
    """Harm does not wait; a decision by Koban does, and is tried again."""
    pauses = Paused(away=True)
    assert (await pausing(market, pauses, by(None))).status is ActionStatus.VERIFIED
    before = market.store.calls()
    with pytest.raises(ApplicationError) as error:
        await pausing(market, pauses, by("koban"))
    unknown = Problem(kind=ProblemKind.PAUSES_UNKNOWN)
    assert Problem.model_validate(error.value.details[0]) == unknown
    assert not error.value.non_retryable
    assert market.store.calls() == before
