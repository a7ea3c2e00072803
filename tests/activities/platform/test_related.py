"""Related subjects at the demo marketplace, and at one with invalid responses."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.responses import JSONResponse
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.bulk_members import BulkActivities
from activities.ledger.bulk import BulkLedger
from activities.ledger.database import Database
from activities.platform.client import Platform, TryAgain, open_platform
from activities.platform.related import Found, RelatedReader, Unreadable
from activities.policy.loader import load_policy
from activities.signatures import Proofs, Signer
from deploy.sandbox.app import POLICY
from deploy.sandbox.faults import Faults
from deploy.sandbox.marketplace.app import market_routes
from deploy.sandbox.marketplace.store import Store
from deploy.sandbox.serve import serving
from deploy.sandbox.traffic import resale_ring
from tests.timeouts import PLATFORM_TIMEOUT
from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import Bulk, Impact
from workflows.domain.case.decision import PlannedAction
from workflows.domain.case.enforcement import Proof, Terms
from workflows.domain.policy.platform import RelatedSpec
from workflows.domain.values import Text
from workflows.ports.bulk import BulkJob, BulkPart, BulkRequest

CATALOG = load_policy(POLICY).lookups
START = {"user": Subject(type="user", id="u_ring0")}


@dataclass
class Market:
    """The marketplace and its client."""

    store: Store
    faults: Faults
    reader: RelatedReader


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    """A marketplace with the demo's 24 linked accounts on three phones."""
    store, faults, app = Store(tmp_path / "market.db"), Faults(), FastAPI()
    app.include_router(market_routes(store, faults, "token"))
    for type_, body in resale_ring.scene().things:
        store.put(type_, body)
    async with serving(app) as url:
        http = open_platform(f"{url}/market", "token")
        yield Market(store, faults, RelatedReader(Platform(http, PLATFORM_TIMEOUT)))
        await http.aclose()
    store.close()


def ids(found: Found) -> list[str]:
    """The ids of the subjects, in order."""
    return [subject.id for subject in found.subjects]


async def gathered(market: Market, *sources: str, ids: tuple[str, ...] = ()) -> Found:
    """The users found by these look-ups and ids."""
    return await market.reader.gather(CATALOG, "user", START, sources, ids)


async def test_a_look_up_finds_who_shares_a_phone(market: Market) -> None:
    """The other accounts are found without any personal data."""
    found = await market.reader.related(CATALOG.related["device"], START["user"])
    assert ids(found) == [
        "u_ring12",
        "u_ring15",
        "u_ring18",
        "u_ring21",
        "u_ring3",
        "u_ring6",
        "u_ring9",
    ]
    told = found.facts["user:u_ring3"]
    assert {"device_id", "bank_hash", "address_hash", "email", "phone"} & told.keys() == set()


async def test_everybody_counts_once_and_the_cases_own_subject_is_first(market: Market) -> None:
    """Device, bank, address and pasted ids overlap."""
    found = await gathered(market, "device", "bank", "address", "device", ids=("u_ring0", "u_x"))
    assert ids(found)[0] == "u_ring0"
    assert len(set(ids(found))) == len(ids(found))
    assert {"u_ring1", "u_ring3", "u_ring12", "u_x"} <= set(ids(found))


async def test_nobody_is_related_to_a_stranger(market: Market) -> None:
    """An unknown subject has no relations, without an error."""
    stranger = Subject(type="user", id="u_nobody")
    assert await market.reader.related(CATALOG.related["bank"], stranger) == Found()


async def test_what_it_touches_is_summed_and_the_unknown_counted(market: Market) -> None:
    """24 accounts, calculated by hand: 3..7 listings each, 0..240 followers."""
    everybody = tuple(f"u_ring{n}" for n in range(24))
    found = await gathered(market, ids=(*everybody, "u_gone"))
    touched = await market.reader.touched(CATALOG, found)
    assert [(each.title.ja, each.total) for each in touched.sums] == [
        ("出品中", 118),
        ("フォロワー", 2640),
    ]
    assert touched.unknown == 1


async def test_fields_from_a_look_up_are_not_read_again(market: Market) -> None:
    """This saves a thousand requests to the platform."""
    found = await gathered(market, "device")
    before = len(market.store.calls())
    await market.reader.touched(CATALOG, found)
    assert len(market.store.calls()) - before == 1


async def test_a_platform_that_is_away_can_be_tried_again(market: Market) -> None:
    """An incomplete list is an error."""
    market.faults.set("platform_500", True)
    with pytest.raises(TryAgain):
        await gathered(market, "device")


async def test_an_unknown_look_up_can_not_be_read(market: Market) -> None:
    """platform.yaml changed after the modal was opened."""
    with pytest.raises(Unreadable):
        await gathered(market, "shoe_size")


HOSTILE: dict[str, Any] = {
    "ids": ["u_1", "u_1", 7, "", ".", "..", None, True, {"id": "u_2"}, {"id": {}}, [], "x" * 300],
    "text": "u_1",
    "nothing": None,
}


@pytest.fixture
async def liar() -> AsyncIterator[RelatedReader]:
    """A platform with invalid responses."""
    app = FastAPI()

    @app.get("/v1/users/{user}/{what}")
    async def answer(user: str, what: str) -> JSONResponse:
        return JSONResponse(HOSTILE)

    async with serving(app) as url:
        http = open_platform(url, None)
        yield RelatedReader(Platform(http, PLATFORM_TIMEOUT))
        await http.aclose()


def look_up(items: str) -> RelatedSpec:
    """A look-up that reads `items` from such a response."""
    return RelatedSpec(title="x", type="user", path="/v1/users/{id}/lies", items=items)


async def test_what_can_not_be_a_subject_is_dropped_and_counted(liar: RelatedReader) -> None:
    """Ids from the platform are untrusted text."""
    found = await liar.related(look_up("response.ids"), START["user"])
    assert (ids(found), found.dropped) == (["u_1", "7", "u_2"], 8)


@pytest.mark.parametrize("items", ["response.text", "response.nothing", "response.absent", "1 + 1"])
async def test_items_that_are_no_list_can_not_be_read(liar: RelatedReader, items: str) -> None:
    """A wrong response is an error, not an empty list."""
    with pytest.raises(Unreadable):
        await liar.related(look_up(items), START["user"])


# -- the activity ----------------------------------------------------------------------------


@pytest.fixture
async def bulk_decisions(migrated: Path, tmp_path: Path) -> AsyncIterator[BulkLedger]:
    """Bulk decisions of a migrated ledger."""
    file = shutil.copy(migrated, tmp_path / "ledger.db")
    database = Database(f"sqlite+aiosqlite:///{file}")
    yield BulkLedger(database)
    await database.aclose()


async def bulk_of(market: Market, bulk_decisions: BulkLedger, **more: object) -> Bulk:
    """Result of the members activity for a case."""
    given = {"id": "R0123456789AB", "case": "K7Q2F9XM0", "type": "user", "starts": START}
    acts = BulkActivities(market.reader, bulk_decisions, lambda: CATALOG, Proofs(Signer()))
    ask = BulkRequest.model_validate({**given, **more})
    return await ActivityEnvironment().run(acts.bulk_of, ask)


async def test_a_bulk_is_stored_and_a_second_try_finds_the_same(
    market: Market, bulk_decisions: BulkLedger
) -> None:
    """An account that is created in between is not included."""
    first = await bulk_of(market, bulk_decisions, sources=("device",))
    assert (first.count, first.type) == (8, "user")
    market.store.put("users", {"id": "u_ring0b", "device_id": "d_ring0"})
    assert await bulk_of(market, bulk_decisions, sources=("device",)) == first
    assert len(await bulk_decisions.stored("R0123456789AB")) == 8


async def test_too_many_are_counted_and_not_stored(
    market: Market, bulk_decisions: BulkLedger
) -> None:
    """A refused bulk decision has no effect."""
    many = tuple(f"u_{n}" for n in range(1000))
    assert await bulk_of(market, bulk_decisions, ids=many) == Bulk(
        id="R0123456789AB", type="user", count=1001, impact=Impact()
    )
    assert await bulk_decisions.stored("R0123456789AB") == ()


@pytest.mark.parametrize(
    ("sources", "switch", "retried"),
    [(("shoe_size",), None, False), (("device",), "platform_500", True)],
)
async def test_what_can_not_be_read_says_whether_to_try_again(
    market: Market,
    bulk_decisions: BulkLedger,
    sources: tuple[str, ...],
    switch: str | None,
    retried: bool,
) -> None:
    """Only an unreachable platform is retried."""
    if switch is not None:
        market.faults.set(switch, True)
    with pytest.raises(ApplicationError) as raised:
        await bulk_of(market, bulk_decisions, sources=sources)
    assert raised.value.non_retryable is not retried
    assert await bulk_decisions.stored("R0123456789AB") == ()


PAGED = RelatedSpec.model_validate(
    {
        "title": "pages",
        "type": "user",
        "path": "/v1/users/{id}/friends",
        "items": "response.users",
        "next": "response.next",
    }
)


async def paging(following: Any) -> tuple[Found | type[Exception], list[str]]:
    """Ids found at a platform whose first page names `following`, and its requests."""
    asked: list[str] = []
    app = FastAPI()

    @app.get("/{path:path}")
    async def page(path: str, after: int = 0) -> JSONResponse:
        asked.append(f"/{path}?after={after}")
        more = following(after) if callable(following) else following
        return JSONResponse({"users": [f"u_{after}"], "next": more})

    async with serving(app) as url:
        http = open_platform(url, "token")
        try:
            found = await RelatedReader(Platform(http, PLATFORM_TIMEOUT)).related(
                PAGED, START["user"]
            )
        except Unreadable as error:
            return type(error), asked
        finally:
            await http.aclose()
    return found, asked


async def test_pages_are_followed_to_the_last() -> None:
    """Each page has the URL of the `next` one."""
    found, asked = await paging(lambda n: f"/v1/friends?after={n + 1}" if n < 3 else None)
    assert isinstance(found, Found)
    assert ids(found) == ["u_0", "u_1", "u_2", "u_3"]
    assert len(asked) == 4


@pytest.mark.parametrize(
    "following", ["https://evil.example/x", "//evil.example/x", "/\\evil.example", 7, "users?x"]
)
async def test_a_next_page_elsewhere_is_not_read(following: Any) -> None:
    """No other host receives the platform's token."""
    found, asked = await paging(following)
    assert (found, len(asked)) == (Unreadable, 1)


async def test_endless_pages_are_refused_and_not_cut_off() -> None:
    """A cut list would leave out accounts without a notice."""
    found, asked = await paging(lambda n: f"/v1/friends?after={n}")
    assert (found, len(asked)) == (Unreadable, 51)


async def test_a_forged_part_of_a_bulk_decision_gets_no_proof(
    market: Market, bulk_decisions: BulkLedger
) -> None:
    """Somebody at Temporal asks for proofs of what no case decided; each is without a signature."""
    bulk, case = "R0123456789AB", "K7Q2F9XM0"
    await bulk_decisions.store(bulk, case, [Subject(type="user", id="u_1")])
    proofs = Proofs(Signer((("s1", b"s" * 32),)))
    acts = BulkActivities(market.reader, bulk_decisions, lambda: CATALOG, proofs)
    terms = Terms(
        title=Text(ja="制限", en="Mute"), deadline=timedelta(hours=1), verified=False, undoable=True
    )
    bare = Proof(playbook="harassment", policy="v1", by="U0SATO")
    job = BulkJob(action="mute_user", lasts=None, terms=terms, proof=bare)
    real = job.model_copy(update={"proof": proofs.signed(case, "D1", job.planned(bulk), job.proof)})
    part = BulkPart(bulk=bulk, places=(0,), case=case, decision="D1", jobs=(real,))
    for forged in (
        part.model_copy(update={"jobs": (job,)}),
        part.model_copy(update={"case": "K00000000"}),
        part.model_copy(update={"decision": "D2"}),
        part.model_copy(update={"jobs": (real.model_copy(update={"action": "permanent_ban"}),)}),
        part.model_copy(update={"jobs": (real, job)}),
    ):
        for member in await acts.bulk_part(forged):
            assert {each.signature for each in member.proofs} == {""}
    (member,) = await acts.bulk_part(part)
    (proof,) = member.proofs
    planned = PlannedAction(action="mute_user", subject=member.subject)
    assert proofs.holds(case, "D1", planned, proof)
    assert not proofs.holds(case, "D1", planned, bare)
