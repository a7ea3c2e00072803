"""Version in force in a process: recorded by workers, followed by all, held back if looser."""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from activities.ledger.database import Database, LedgerUnavailable
from activities.ledger.policies import PolicyHistory
from activities.ledger.schema import policy_versions
from activities.signatures import Signer
from bot.policies import Policies, watch_folder
from bot.policy_recorder import FolderRecorder
from tests.workflows.domain.builders import TANAKA
from workflows.client import OutOfReach
from workflows.domain.policy import changes
from workflows.domain.policy.changes import UNREADABLE, PolicyRecord, RecordKind
from workflows.ports.cases import CurrentPolicy

EXAMPLE = Path(__file__).parents[2] / "deploy" / "policy"
PROTECT = "- {when: severity == 'critical', action: hide_message, for: 15m}"
EVERYTHING = "- {action: hide_message, for: 15m}"
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


def set_protection(folder: Path, old: str = PROTECT, new: str = EVERYTHING) -> None:
    """Changes the condition of a protection, so that it loosens."""
    file = folder / "playbooks" / "off_platform.yaml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


async def test_a_change_that_can_not_be_compared_waits(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake in the comparison is logged, and lets nothing loosen."""
    worker = Process(folder, database)
    await worker.recorder.look()

    def fails(found: object, both: object) -> bool:
        raise AttributeError("a mistake")

    monkeypatch.setattr(changes, "loosens", fails)
    set_bulk(folder, 3)
    with capture_logs() as logs:
        assert worker.bulk == 5
        await worker.recorder.look()
        await worker.recorder.look()
    assert worker.bulk == 5
    last = await worker.history.last()
    assert last is not None
    assert (last.kind, last.changes) == (RecordKind.HELD, (UNREADABLE,))
    assert {each["event"] for each in logs} >= {"policy_not_compared"}


async def test_a_worker_with_an_older_disk_takes_no_change_back(
    database: Database, tmp_path: Path
) -> None:
    """Two pushes in a row reach its disk one after the other, later."""
    disks = [Path(shutil.copytree(EXAMPLE, tmp_path / name)) for name in ("a", "b")]
    first, lagging = (Process(each, database) for each in disks)
    for each in (first, lagging):
        await each.recorder.look()
    for number in (4, 3):
        set_bulk(disks[0], number)
        await first.recorder.look()
    for number in (4, 3):
        set_bulk(disks[1], number)
        await lagging.recorder.look()
        await first.recorder.look()
        assert (first.bulk, lagging.bulk) == (3, 3)
    last = await first.history.last()
    assert last is not None
    assert (last.id, last.in_force) == (3, first.policies.on_disk().version)


async def test_a_change_of_one_worker_is_recorded_again_when_it_comes_back(
    database: Database, folder: Path
) -> None:
    """A version that was replaced since then is a change again."""
    worker = Process(folder, database)
    await worker.recorder.look()
    for number in (4, 3, 4, 3):
        set_bulk(folder, number)
        await worker.recorder.look()
    last = await worker.history.last()
    assert last is not None
    assert (last.kind, last.in_force) == (RecordKind.WITHDRAWN, worker.policies.in_force)
    assert last.id == 5


async def test_a_case_of_a_disk_that_was_never_in_force_starts_nothing_by_itself(
    database: Database, folder: Path
) -> None:
    """The ledger was away when `koban serve` started with it; the worker has it on its disk too."""
    worker = Process(folder, database)
    await worker.recorder.look()
    there = worker.history
    set_protection(folder)
    worker.recorder._history = Away(database, KEY)
    await worker.recorder.attempt()
    serve = Process(folder, database, worker=False)
    version = serve.policies.all()[0].version

    async def signed(playbook: str, version: str) -> bool:
        raise LedgerUnavailable("The ledger does not answer.")

    for given in (None, signed):
        worker.policies.trust(given)
        assert version != worker.policies.in_force
        assert await worker.automatic(version) == frozenset()
    worker.policies.trust(lambda _, version: there.was_in_force(version))
    assert await worker.automatic(version) == frozenset()


async def test_a_case_of_an_unknown_version_waits_for_the_ledger(
    database: Database, folder: Path
) -> None:
    """`koban serve` had it on its own disk; a version that was in force before goes on."""
    worker = Process(folder, database)
    await worker.recorder.look()
    earlier = worker.policies.in_force
    assert earlier is not None
    set_bulk(folder, 3)
    await worker.recorder.look()
    again = Process(folder, database)
    await again.recorder.look()

    async def signed(playbook: str, version: str) -> bool:
        raise LedgerUnavailable("The ledger does not answer.")

    again.policies.trust(signed)
    assert await again.automatic(earlier) != frozenset()
    assert await again.automatic("unknown") == frozenset()


async def test_a_version_that_only_waited_was_never_in_force(
    database: Database, folder: Path
) -> None:
    """A lagging `koban serve` may still open cases with it."""
    worker = Process(folder, database)
    await worker.recorder.look()
    set_protection(folder)
    await worker.recorder.look()
    waited = worker.policies.on_disk().version
    set_protection(folder, EVERYTHING, PROTECT)
    await worker.recorder.look()
    again = Process(folder, database)
    await again.recorder.look()
    again.policies.trust(lambda _, version: again.history.was_in_force(version))
    assert await again.automatic(waited) == frozenset()


async def test_a_confirmed_change_is_taken_back_at_once(database: Database, folder: Path) -> None:
    """Its condition can't be compared with the one before, in either direction."""
    worker = Process(folder, database)
    await worker.recorder.look()
    old, new = "alert.kind == 'off_platform'", "alert.kind == 'off_platform' || false"
    before = worker.policies.in_force
    set_protection(folder, old, new)
    await worker.recorder.look()
    held = await worker.history.last()
    assert held is not None
    assert held.kind is RecordKind.HELD
    await worker.history.confirm(TANAKA, held.id)
    await worker.recorder.look()
    set_protection(folder, new, old)
    await worker.recorder.look()
    last = await worker.history.last()
    assert last is not None
    assert (last.kind, last.restored, last.in_force) == (RecordKind.CHANGED, True, before)
    assert worker.policies.in_force == before


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

    async def last(self, whole: bool = True) -> PolicyRecord | None:
        raise LedgerUnavailable("The ledger does not answer.")

    async def load(self, *arguments: object) -> PolicyRecord | None:
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
