"""Version in force in a process: recorded by workers, followed by all, held back if looser."""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities.ledger.database import Database, LedgerUnavailable
from activities.ledger.policies import PolicyHistory
from activities.ledger.schema import policy_versions
from activities.signatures import Signer
from bot.policies import Policies, watch_folder
from bot.policy_recorder import FolderRecorder
from tests.workflows.domain.builders import TANAKA
from workflows.client import OutOfReach
from workflows.domain.policy.changes import PolicyRecord, RecordKind
from workflows.ports.cases import CurrentPolicy

EXAMPLE = Path(__file__).parents[2] / "deploy" / "policy"
KEY = Signer([("2026", b"1" * 32)])


class Process:
    """A worker or `koban serve`, with the folder on its disk."""

    def __init__(self, folder: Path, database: Database, worker: bool = True) -> None:
        self.policies = Policies(watch_folder(folder, look_seconds=0.0), ())
        self.history = PolicyHistory(database, KEY)
        self.announced: list[int] = []
        self.away = False
        announce = self._announce if worker else None
        self.recorder = FolderRecorder(self.policies, self.history, announce)

    async def _announce(self, record: PolicyRecord) -> None:
        if self.away:
            raise OutOfReach("Temporal is away")
        self.announced.append(record.id)

    @property
    def bulk(self) -> int:
        """The limit of bulk decisions that this process uses."""
        limits = self.policies.limits()
        assert limits is not None
        return limits.bulk

    async def automatic(self, version: str) -> frozenset[str] | None:
        """The actions that a case of this version may still start; None: those of its own."""
        wanted = CurrentPolicy(playbook="off_platform", known=version)
        found = await self.policies.strictness_now(wanted)
        return None if found is None else found.automatic


@pytest.fixture
async def database(migrated: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A migrated ledger."""
    file = shutil.copy(migrated, tmp_path / "ledger.db")
    made = Database(f"sqlite+aiosqlite:///{file}", KEY)
    yield made
    await made.aclose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the example."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "policy"))


def set_bulk(folder: Path, number: int) -> None:
    """Changes the limit of bulk decisions."""
    file = folder / "limits.yaml"
    lines = file.read_text("utf-8").splitlines()
    written = [f"bulk: {number}" if line.startswith("bulk:") else line for line in lines]
    file.write_text("\n".join([*written, ""]), "utf-8")


async def test_a_tighter_folder_is_used_at_once(database: Database, folder: Path) -> None:
    """Its messages are started."""
    worker = Process(folder, database)
    await worker.recorder.look()
    set_bulk(folder, 3)
    await worker.recorder.look()
    assert (worker.bulk, worker.announced) == (3, [2])


async def test_a_looser_folder_is_used_when_a_lead_has_confirmed_it(
    database: Database, folder: Path
) -> None:
    """Also by `koban serve`, which only follows."""
    worker, serve = Process(folder, database), Process(folder, database, worker=False)
    await worker.recorder.look()
    await serve.recorder.look()
    set_bulk(folder, 9)
    for _ in range(2):
        await serve.recorder.look()
        await worker.recorder.look()
    assert (worker.bulk, serve.bulk) == (5, 5)
    last = await worker.history.last()
    assert last is not None
    await serve.history.confirm(TANAKA, last.id)
    await serve.recorder.look()
    await worker.recorder.look()
    assert (worker.bulk, serve.bulk) == (9, 9)


async def test_a_restarted_process_keeps_the_version_in_force(
    database: Database, folder: Path
) -> None:
    """It is not on the disk any more: the ledger has it."""
    await Process(folder, database).recorder.look()
    before = Process(folder, database).policies.all()
    set_bulk(folder, 9)
    first = Process(folder, database)
    await first.recorder.look()
    again, serve = Process(folder, database), Process(folder, database, worker=False)
    for process in (again, serve):
        await process.recorder.look()
        assert process.bulk == 5
        assert process.policies.all() == before
    assert first.announced == again.announced == [2]


async def test_a_restored_folder_is_used_as_before(database: Database, folder: Path) -> None:
    """Nothing waits any more."""
    worker = Process(folder, database)
    await worker.recorder.look()
    set_bulk(folder, 9)
    await worker.recorder.look()
    set_bulk(folder, 5)
    await worker.recorder.look()
    last = await worker.history.last()
    assert last is not None
    assert (last.kind, last.waiting, worker.bulk) == (RecordKind.WITHDRAWN, None, 5)


async def test_a_case_of_a_version_that_waits_starts_nothing_by_itself(
    database: Database, folder: Path
) -> None:
    """`koban serve` has started without the ledger, and has opened it with the folder on disk."""
    worker = Process(folder, database)
    await worker.recorder.look()
    in_force = worker.policies.in_force
    assert in_force is not None
    set_bulk(folder, 9)
    await worker.recorder.look()
    held = Process(folder, database, worker=False).policies.on_disk().version
    assert await worker.automatic(held) == frozenset()
    assert await worker.automatic(in_force) is None


async def test_messages_that_were_not_started_are_started_later(
    database: Database, folder: Path
) -> None:
    """Temporal was out of reach, or the worker was killed after it recorded the change."""
    worker = Process(folder, database)
    await worker.recorder.look()
    set_bulk(folder, 3)
    worker.away = True
    with pytest.raises(OutOfReach):
        await worker.recorder.look()
    assert worker.bulk == 3
    worker.away = False
    await worker.recorder.look()
    other = Process(folder, database)
    await other.recorder.look()
    assert worker.announced == other.announced == [2]


async def test_a_tighter_folder_that_is_restored_before_its_record(
    database: Database, folder: Path
) -> None:
    """The process goes back to the version that the ledger has."""
    worker = Process(folder, database)
    await worker.recorder.look()
    for number, used in ((3, 3), (5, 3)):
        set_bulk(folder, number)
        assert worker.bulk == used
    await worker.recorder.look()
    last = await worker.history.last()
    assert last is not None
    assert (worker.bulk, last.kind) == (5, RecordKind.LOADED)


class Away(PolicyHistory):
    """A ledger out of reach."""

    async def last(self) -> PolicyRecord | None:
        raise LedgerUnavailable("The ledger does not answer.")


async def test_without_the_ledger_only_a_tighter_folder_is_used(
    database: Database, folder: Path
) -> None:
    """It is recorded once the ledger answers."""
    worker = Process(folder, database)
    await worker.recorder.look()
    there = worker.history
    worker.recorder._history = Away(database, KEY)
    for number, used in ((9, 5), (3, 3), (4, 3)):
        set_bulk(folder, number)
        assert worker.bulk == used
        await worker.recorder.attempt()
        assert worker.bulk == used
    worker.recorder._history = there
    set_bulk(folder, 3)
    await worker.recorder.attempt()
    last = await there.last()
    assert last is not None
    assert (last.kind, last.in_force) == (RecordKind.CHANGED, worker.policies.in_force)


async def test_without_the_stored_version_nothing_runs_by_itself(
    database: Database, folder: Path
) -> None:
    """Somebody has changed it in the database, and the disk has another one."""
    await Process(folder, database).recorder.look()
    set_bulk(folder, 9)
    await Process(folder, database).recorder.look()
    await database.execute(policy_versions.update().values(data="x", seen_at=datetime.now(UTC)))
    worker = Process(folder, database)
    await worker.recorder.look()
    assert worker.bulk == 9
    in_force = worker.policies.in_force
    assert in_force is not None
    assert await worker.automatic(in_force) == frozenset()


async def test_a_case_of_a_version_that_no_worker_has_signed_starts_nothing_by_itself(
    database: Database, folder: Path
) -> None:
    """Somebody has written it into the database for `koban serve`, which has no keys."""
    worker, asked = Process(folder, database), []
    await worker.recorder.look()

    async def signed(playbook: str, version: str) -> bool:
        asked.append((playbook, version))
        return version == "earlier"

    worker.policies.trust(signed)
    for version, automatic in (("forged", False), ("earlier", True), ("earlier", True)):
        assert bool(await worker.automatic(version)) is automatic
    assert asked == [("off_platform", "forged"), ("off_platform", "earlier")]
