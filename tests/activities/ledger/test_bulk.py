"""Rings in the ledger, on both databases."""

import pytest
import sqlalchemy as sa

from activities.ledger.bulk import Rings
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.queries import Queries
from activities.ledger.schema import actions
from tests.activities.ledger.recording import after, following, opening
from tests.workflows.domain.builders import SATO, minutes
from tests.workflows.domain.case.bulk_builders import a_ring, a_ring_case, decide_ring, ring_news
from workflows.domain.alerts import Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case.bulk import Tally
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind
from workflows.ports.bulk import Member, RingPart, RingRow, RingRows

RING, CASE = "R0123456789AB", "K7Q2F9XM0"
S = ActionStatus


@pytest.fixture
def rings(database: Database) -> Rings:
    """The room that is tested."""
    return Rings(database)


def users(count: int, first: int = 0) -> list[Subject]:
    """So many users."""
    return [Subject(type="user", id=f"u_{n}") for n in range(first, first + count)]


def rows(version: int, *given: tuple[int, ActionStatus], **more: object) -> RingRows:
    """One write: (place, status of `mute_user`)."""
    return RingRows(
        ring=RING,
        case=CASE,
        decision="D1",
        by="U0SATO",
        at=minutes(1),
        version=version,
        rows=tuple(
            RingRow(place=place, action="mute_user", status=status, **more)
            for place, status in given
        ),
    )


async def test_a_ring_is_stored_for_good(rings: Rings) -> None:
    """A second try that found others does not change who is in it."""
    assert await rings.stored(RING) == ()
    assert await rings.store(RING, CASE, users(1000)) == tuple(users(1000))
    assert await rings.store(RING, CASE, users(3, first=7)) == tuple(users(1000))
    assert await rings.stored("RANOTHERRING0") == ()


async def test_a_part_tells_what_stands(rings: Rings) -> None:
    """An undo takes back what stands of each, and no more."""
    await rings.store(RING, CASE, users(4))
    await rings.record_ring(rows(1, (0, S.VERIFIED), (1, S.FAILED), (2, S.DRIFTED)))
    assert await rings.ring_part(RingPart(ring=RING, places=(2, 0, 1, 3))) == (
        Member(place=0, subject=users(4)[0], standing=("mute_user",)),
        Member(place=1, subject=users(4)[1]),
        Member(place=2, subject=users(4)[2], standing=("mute_user",)),
        Member(place=3, subject=users(4)[3]),
    )
    assert await rings.ring_marks(RING) == "vfx."


async def test_an_older_write_never_goes_over_a_newer_one(rings: Rings) -> None:
    """A late second delivery is harmless, and the same one twice changes nothing."""
    await rings.store(RING, CASE, users(2))
    newer = rows(2, (0, S.UNDONE))
    await rings.record_ring(newer)
    await rings.record_ring(rows(1, (0, S.VERIFIED), (1, S.VERIFIED)))
    await rings.record_ring(newer)
    assert await rings.ring_marks(RING) == "uv"


async def test_rows_of_one_write_may_speak_of_the_same_action_twice(rings: Rings) -> None:
    """The last one counts."""
    await rings.store(RING, CASE, users(1))
    await rings.record_ring(rows(1, (0, S.RETRYING), (0, S.VERIFIED)))
    assert await rings.ring_marks(RING) == "v"
    await rings.record_ring(rows(2))
    await rings.record_ring(rows(3, (7, S.VERIFIED)))
    assert await rings.ring_marks(RING) == "v"


async def test_pages_show_failed_ones_first(rings: Rings) -> None:
    """Whoever looks has to do something about those."""
    problem = Problem(kind=ProblemKind.REFUSED, status=404)
    await rings.store(RING, CASE, users(5))
    await rings.record_ring(rows(1, (0, S.VERIFIED), (1, S.VERIFIED)))
    await rings.record_ring(rows(2, (3, S.FAILED), problem=problem))
    first = await rings.page(RING, 0, 2)
    assert (first.total, [row["subject_id"] for row in first.rows]) == (5, ["u_3", "u_0"])
    assert first.rows[0]["problem"] == {"kind": "refused", "status": 404}
    last = await rings.page(RING, 4, 2)
    assert [(row["subject_id"], row["status"]) for row in last.rows] == [("u_4", None)]


async def test_sanctions_that_stand_are_counted_by_subject(
    rings: Rings, database: Database
) -> None:
    """Twice sanctioned is one subject; what was undone, and what nobody decided, is none."""
    await rings.store(RING, CASE, users(900))
    await rings.record_ring(
        rows(1, (0, S.VERIFIED), (1, S.DONE), (2, S.UNDONE), (3, S.FAILED), (850, S.DRIFTED))
    )
    protecting = rows(2, (4, S.VERIFIED)).model_copy(update={"by": None})
    await rings.record_ring(protecting)
    assert await rings.sanctioned(users(900)) == 3
    assert await rings.sanctioned([]) == 0


async def test_a_decision_for_a_ring_has_rows_for_its_subjects_only(
    rings: Rings, ledger: Ledger, database: Database, queries: Queries
) -> None:
    """The ring itself is nobody: numbers over `actions` count people."""
    opened = a_ring_case()
    await ledger.record(opening(opened))
    decided, _ = after(opened, decide_ring(SATO, 2))
    await ledger.record(following(opened, decide_ring(SATO, 2)))
    done = ring_news(decided, Tally(total=2, step=1, done=2), S.VERIFIED)
    await ledger.record(following(decided, done))
    await rings.store(RING, CASE, users(2))
    await rings.record_ring(rows(1, (0, S.VERIFIED), (1, S.VERIFIED)))
    async with database.reading() as connection:
        found = (await connection.execute(sa.select(actions.c.subject_id, actions.c.ring_id))).all()
    assert sorted(found) == [("u_0", RING), ("u_1", RING)]
    assert await queries.actions_of(CASE) == []
    assert [row["status"] for row in await queries.actions_on("user", "u_1")] == ["verified"]
    decision = await rings.last_of(CASE)
    assert decision is not None
    assert decision.ring == a_ring(2)


async def test_a_case_without_a_ring_has_none(rings: Rings, ledger: Ledger) -> None:
    """Neither an unknown case nor a single decision."""
    opened = a_ring_case()
    await ledger.record(opening(opened))
    await ledger.record(following(opened, cmd.ChoosePreset(by=SATO, preset="mute")))
    assert await rings.last_of(CASE) is None
    assert await rings.last_of("K00000000") is None
