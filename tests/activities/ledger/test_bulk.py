"""Bulk decisions in the ledger, on both databases."""

import pytest
import sqlalchemy as sa

from activities.ledger.bulk import BulkLedger
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.queries import Queries
from activities.ledger.schema import actions
from tests.activities.ledger.recording import after, following, opening
from tests.workflows.domain.builders import SATO, minutes
from tests.workflows.domain.case.bulk_builders import a_bulk, a_bulk_case, bulk_news, decide_bulk
from workflows.domain.alerts import Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case.bulk import Tally
from workflows.domain.case.decision import NoticeStatus
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind
from workflows.ports.bulk import BulkPart, BulkRow, BulkRows, Member

BULK, CASE = "R0123456789AB", "K7Q2F9XM0"
S = ActionStatus


@pytest.fixture
def bulk_decisions(database: Database) -> BulkLedger:
    """Bulk decisions of an empty ledger."""
    return BulkLedger(database)


def users(count: int, first: int = 0) -> list[Subject]:
    """A number of users."""
    return [Subject(type="user", id=f"u_{n}") for n in range(first, first + count)]


def rows(version: int, *given: tuple[int, ActionStatus], **more: object) -> BulkRows:
    """One write: (place, status of `mute_user`)."""
    return BulkRows(
        bulk=BULK,
        case=CASE,
        decision="D1",
        by="U0SATO",
        at=minutes(1),
        version=version,
        rows=tuple(
            BulkRow(place=place, action="mute_user", status=status, **more)
            for place, status in given
        ),
    )


async def test_a_bulk_is_stored_for_good(bulk_decisions: BulkLedger) -> None:
    """A retry that found other accounts does not change the members."""
    assert await bulk_decisions.stored(BULK) == ()
    assert await bulk_decisions.store(BULK, CASE, users(1000)) == tuple(users(1000))
    assert await bulk_decisions.store(BULK, CASE, users(3, first=7)) == tuple(users(1000))
    assert await bulk_decisions.stored("RANOTHERRING0") == ()


async def test_a_part_has_the_results_if_asked(bulk_decisions: BulkLedger) -> None:
    """A decision that Temporal lost goes on from them, and numbers its writes after them."""
    await bulk_decisions.store(BULK, CASE, users(2))
    await bulk_decisions.record_bulk(rows(3, (0, S.VERIFIED), life=2))
    done, waiting = await bulk_decisions.members(BulkPart(bulk=BULK, places=(0, 1), results=True))
    found = [(row.action, row.status, row.life) for row in done.rows]
    assert found == [("mute_user", S.VERIFIED, 2)]
    assert (done.version, waiting.rows, waiting.version) == (3, (), 0)


async def test_a_part_has_the_actions_in_effect(bulk_decisions: BulkLedger) -> None:
    """An undo reverts only the actions in force of each subject."""
    await bulk_decisions.store(BULK, CASE, users(4))
    await bulk_decisions.record_bulk(rows(1, (0, S.VERIFIED), (1, S.FAILED), (2, S.DRIFTED)))
    assert await bulk_decisions.members(BulkPart(bulk=BULK, places=(2, 0, 1, 3))) == (
        Member(place=0, subject=users(4)[0], in_force=("mute_user",)),
        Member(place=1, subject=users(4)[1]),
        Member(place=2, subject=users(4)[2], in_force=("mute_user",)),
        Member(place=3, subject=users(4)[3]),
    )
    assert await bulk_decisions.bulk_statuses(BULK) == "vfx."


async def test_an_older_write_never_goes_over_a_newer_one(bulk_decisions: BulkLedger) -> None:
    """A late or repeated delivery changes nothing."""
    await bulk_decisions.store(BULK, CASE, users(2))
    newer = rows(2, (0, S.UNDONE))
    await bulk_decisions.record_bulk(newer)
    await bulk_decisions.record_bulk(rows(1, (0, S.VERIFIED), (1, S.VERIFIED)))
    await bulk_decisions.record_bulk(newer)
    assert await bulk_decisions.bulk_statuses(BULK) == "uv"


async def test_notices_are_kept_beside_the_actions(bulk_decisions: BulkLedger) -> None:
    """A later result of an action leaves them; an older write changes none."""
    await bulk_decisions.store(BULK, CASE, users(4))
    done = rows(2, *((place, S.VERIFIED) for place in range(3)))
    told = {0: NoticeStatus.SENT, 1: NoticeStatus.FAILED, 2: NoticeStatus.RETRYING}
    await bulk_decisions.record_bulk(done.model_copy(update={"notices": told}))
    assert await bulk_decisions.bulk_notices(BULK) == "sfr."
    await bulk_decisions.record_bulk(rows(3, (0, S.LIFTED)))
    again = {1: NoticeStatus.PENDING, 2: None, 3: NoticeStatus.SENT}
    await bulk_decisions.record_bulk(rows(4).model_copy(update={"notices": again}))
    await bulk_decisions.record_bulk(rows(1).model_copy(update={"notices": told}))
    assert await bulk_decisions.bulk_notices(BULK) == "sp.."
    assert await bulk_decisions.bulk_statuses(BULK) == "lvv."


async def test_rows_of_one_write_may_speak_of_the_same_action_twice(
    bulk_decisions: BulkLedger,
) -> None:
    """The last row counts."""
    await bulk_decisions.store(BULK, CASE, users(1))
    await bulk_decisions.record_bulk(rows(1, (0, S.RETRYING), (0, S.VERIFIED)))
    assert await bulk_decisions.bulk_statuses(BULK) == "v"
    await bulk_decisions.record_bulk(rows(2))
    await bulk_decisions.record_bulk(rows(3, (7, S.VERIFIED)))
    assert await bulk_decisions.bulk_statuses(BULK) == "v"


async def test_pages_show_failed_ones_first(bulk_decisions: BulkLedger) -> None:
    """Failed subjects need a person and come first."""
    problem = Problem(kind=ProblemKind.REFUSED, status=404)
    await bulk_decisions.store(BULK, CASE, users(5))
    await bulk_decisions.record_bulk(rows(1, (0, S.VERIFIED), (1, S.VERIFIED)))
    await bulk_decisions.record_bulk(rows(2, (3, S.FAILED), problem=problem))
    first = await bulk_decisions.page(BULK, 0, 2)
    assert (first.total, [row["subject_id"] for row in first.rows]) == (5, ["u_3", "u_0"])
    assert first.rows[0]["problem"] == {"kind": "refused", "status": 404}
    last = await bulk_decisions.page(BULK, 4, 2)
    assert [(row["subject_id"], row["status"]) for row in last.rows] == [("u_4", None)]


async def test_sanctions_in_force_are_counted_by_subject(
    bulk_decisions: BulkLedger, database: Database
) -> None:
    """Each sanctioned subject counts once; undone and undecided actions do not count."""
    await bulk_decisions.store(BULK, CASE, users(900))
    await bulk_decisions.record_bulk(
        rows(1, (0, S.VERIFIED), (1, S.DONE), (2, S.UNDONE), (3, S.FAILED), (850, S.DRIFTED))
    )
    protecting = rows(2, (4, S.VERIFIED)).model_copy(update={"by": None})
    await bulk_decisions.record_bulk(protecting)
    assert await bulk_decisions.sanctioned(users(900)) == 3
    assert await bulk_decisions.sanctioned([]) == 0


async def test_a_decision_for_a_bulk_has_rows_for_its_subjects_only(
    bulk_decisions: BulkLedger, ledger: Ledger, database: Database, queries: Queries
) -> None:
    """Statistics over `actions` count subjects, not the bulk decision itself."""
    opened = a_bulk_case()
    await ledger.record(opening(opened))
    decided, _ = after(opened, decide_bulk(SATO, 2))
    await ledger.record(following(opened, decide_bulk(SATO, 2)))
    done = bulk_news(decided, Tally(total=2, step=1, done=2), S.VERIFIED)
    await ledger.record(following(decided, done))
    await bulk_decisions.store(BULK, CASE, users(2))
    await bulk_decisions.record_bulk(rows(1, (0, S.VERIFIED), (1, S.VERIFIED)))
    async with database.reading() as connection:
        found = (await connection.execute(sa.select(actions.c.subject_id, actions.c.bulk_id))).all()
    assert sorted(found) == [("u_0", BULK), ("u_1", BULK)]
    assert await queries.actions_of(CASE) == []
    assert [row["status"] for row in await queries.actions_on("user", "u_1")] == ["verified"]
    decision = await bulk_decisions.last_of(CASE)
    assert decision is not None
    assert decision.bulk == a_bulk(2)


async def test_a_case_without_a_bulk_has_none(bulk_decisions: BulkLedger, ledger: Ledger) -> None:
    """An unknown case and a single decision have no members."""
    opened = a_bulk_case()
    await ledger.record(opening(opened))
    await ledger.record(following(opened, cmd.ChoosePreset(by=SATO, preset="mute")))
    assert await bulk_decisions.last_of(CASE) is None
    assert await bulk_decisions.last_of("K00000000") is None
