"""Recovery: a ledger's file that is gone, its identity, and cases rebuilt from their events."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from activities.ledger.cases import Ledger
from activities.ledger.database import Database, LedgerGone, migrate
from activities.ledger.event_log import erase
from activities.ledger.policies import StoredPolicies
from activities.ledger.queries import Queries, case_rows
from activities.ledger.recovery import NotRestorable, Recovery
from activities.ledger.schema import cases, events
from activities.signatures import Signer
from tests.activities.ledger.recording import following, opening
from tests.workflows.domain.builders import POLICY, SATO, a_case, follow, minutes, preset
from workflows.domain.case import commands as cmd
from workflows.domain.policy.playbook import pack


@pytest.fixture
def recovery(database: Database) -> Recovery:
    """The recovery of a migrated ledger."""
    return Recovery(database, StoredPolicies(database, Signer()))


async def test_a_removed_file_is_not_made_again(tmp_path: Path) -> None:
    """Reads and writes say so; a file that is put back is used by the same process."""
    file, aside = tmp_path / "koban.db", tmp_path / "aside.db"
    database = Database(f"sqlite+aiosqlite:///{file}")
    await migrate(database)
    await Recovery(database, StoredPolicies(database, Signer())).identify("first")
    queries = Queries(database)
    file.rename(aside)
    for suffix in ("-wal", "-shm"):
        file.with_name(f"koban.db{suffix}").unlink(missing_ok=True)
    with pytest.raises(LedgerGone, match="is missing"):
        await queries.identity()
    with pytest.raises(LedgerGone, match="is missing"):
        await database.write(lambda connection: connection.execute(sa.delete(cases)))
    assert not file.exists()
    other = Database(f"sqlite+aiosqlite:///{file}")
    await migrate(other)
    await Recovery(other, StoredPolicies(other, Signer())).identify("second")
    await other.aclose()
    assert await queries.identity() == "second"
    await database.aclose()


async def test_only_a_migration_that_may_makes_a_file(tmp_path: Path) -> None:
    """A command that only reads leaves no empty ledger behind."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'koban.db'}")
    with pytest.raises(LedgerGone):
        await migrate(database, creates=False)
    await database.aclose()
    assert not (tmp_path / "koban.db").exists()


async def test_a_ledger_keeps_its_first_identity(recovery: Recovery) -> None:
    """A second process finds that of the first."""
    assert await recovery.identity() is None
    assert await recovery.identify("one") == "one"
    assert await recovery.identify("two") == "one"
    assert await recovery.identity() == "one"


async def test_a_case_is_rebuilt_from_its_events(recovery: Recovery, ledger: Ledger) -> None:
    """The state is that of the workflow, with the alerts that it has seen."""
    case = follow(a_case(), preset(SATO, "warn"), minutes(1))
    await ledger.record(opening())
    await ledger.record(following(a_case(), preset(SATO, "warn")))
    (row,) = await recovery.unfinished()
    snapshot = await recovery.snapshot(row, pack(POLICY))
    assert snapshot.case is not None
    assert snapshot.case == case
    assert snapshot.key == row["owner_key"]
    assert [each.seq for each in snapshot.unposted] == [2, 3]


async def test_an_erased_case_is_rebuilt(
    recovery: Recovery, ledger: Ledger, database: Database
) -> None:
    """Its action still has to be lifted; an erasure that nobody entered is none."""
    await ledger.record(opening())
    await ledger.record(
        following(a_case(), cmd.AddNote(by=SATO, note="田中"), preset(SATO, "warn"))
    )
    (row,) = await recovery.unfinished()
    blank = sa.update(events).where(events.c.seq == 2).values(data={"note": ""}, salt=None)
    await database.execute(blank)
    with pytest.raises(NotRestorable, match="event 2: its data was changed or removed"):
        await recovery.snapshot(row, pack(POLICY))
    async with database.writing() as connection:
        await connection.run_sync(erase, database.audit, row["id"], {2: {"note": ""}})
    case = (await recovery.snapshot(row, pack(POLICY))).case
    assert case is not None
    assert [each.id for each in case.decisions] == ["D1"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            sa.update(events).where(events.c.seq == 2).values(actor="U0MALLORY"),
            "event 2: it was changed",
        ),
        (sa.delete(events).where(events.c.seq == 2), "event 2: an event is missing"),
        (sa.delete(events).where(events.c.seq == 3), "it has 2 of 3 events"),
    ],
)
async def test_a_changed_or_cut_chain_rebuilds_nothing(
    recovery: Recovery, ledger: Ledger, database: Database, change: sa.Executable, why: str
) -> None:
    """A forged event would otherwise become a decision of the case."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), preset(SATO, "warn")))
    await database.execute(change)
    (row,) = await database.rows(case_rows())
    with pytest.raises(NotRestorable, match=why):
        await recovery.snapshot(row, pack(POLICY))
