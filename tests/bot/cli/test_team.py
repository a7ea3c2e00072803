"""What people chose, and who is on shift, as running processes know it."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from temporalio.service import RPCError

from activities.ledger.database import Database
from activities.ledger.migrating import migrate
from activities.ledger.preferences import Preferences
from bot.cli import reporting
from bot.cli.policies import Policies, open_policies, watch_folder
from bot.cli.preferring import LASTS, Preferred
from deploy.sandbox.slack.person import wait_until
from tests.activities.policy import folders
from tests.domain.building import T0
from tests.world import koban
from workflows.domain.text import Language

TOKYO = ZoneInfo("Asia/Tokyo")
NOON = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
"""12:00 in Tokyo."""
ROSTER = """shifts:
  day:
    title: {ja: 日勤, en: Day shift}
    start: "09:00"
    end: "17:00"
    WHO
"""


@pytest.mark.parametrize(
    ("who", "when", "on"),
    [
        ("people: [U0SATO, U0CLARK]", NOON, {"U0SATO", "U0CLARK"}),
        ("people: [U0SATO]", NOON.replace(hour=12), None),
        ("role: specialist", NOON, None),
    ],
)
def test_who_is_on_shift_is_known_by_name_or_not_at_all(
    tmp_path: Path, who: str, when: datetime, on: set[str] | None
) -> None:
    """A shift of a role, or an hour without anybody, leaves it to Slack's group."""
    folder = folders.good(tmp_path)
    (folder / "roster.yaml").write_text(ROSTER.replace("WHO", who), encoding="utf-8")
    policies = Policies(watch_folder(folder), ())
    assert policies.on_shift(TOKYO, when) == on


def test_without_a_roster_nobody_is_known_to_be_on_shift(tmp_path: Path) -> None:
    """The small folder has none."""
    policies = Policies(watch_folder(folders.good(tmp_path)), ())
    assert policies.on_shift(TOKYO, NOON) is None
    assert policies.roster() is None


async def test_a_choice_counts_at_once_here_and_soon_elsewhere(tmp_path: Path) -> None:
    """Two processes over one ledger."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'koban.db'}")
    await migrate(database)
    now = [0.0]
    here, there = (Preferred(Preferences(database), lambda: now[0]) for _ in range(2))
    assert await there.language("U0SATO") is None
    await here.choose("U0SATO", Language.EN, T0)
    assert await here.language("U0SATO") is Language.EN
    assert await there.language("U0SATO") is None
    now[0] += LASTS
    assert await there.language("U0SATO") is Language.EN
    await database.aclose()


async def test_while_the_ledger_is_away_what_was_known_counts(tmp_path: Path) -> None:
    """Nobody's message waits for it, and it is not asked for every word."""

    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'koban.db'}")
    await migrate(database)
    now = [0.0]
    preferred = Preferred(Preferences(database), lambda: now[0])
    await preferred.choose("U0SATO", Language.EN, T0)
    away = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    preferred._preferences = Preferences(away)
    now[0] += LASTS
    assert await preferred.language("U0SATO") is Language.EN
    assert await preferred.language("U0CLARK") is None
    await database.aclose()
    await away.aclose()


async def test_schedules_follow_a_changed_folder(
    temporal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made when a worker starts, changed while it runs."""
    monkeypatch.setattr(reporting, "LOOK", 0.2)
    policy = Path(shutil.copytree(folders.EXAMPLE, tmp_path / "policy"))
    async with koban(temporal, tmp_path, working=False, policy=policy) as world:
        policies = open_policies(world.settings)
        daily = world.client.get_schedule_handle("report/daily")

        async def comes_at(hour: int) -> bool:
            try:
                described = await daily.describe()
            except RPCError:
                return False
            return described.schedule.spec.calendars[0].hour[0].start == hour

        async with reporting.keeping_schedules(world.client, policies, world.settings):
            await wait_until(lambda: comes_at(9), 10)
            folders.replace(policy, "reports.yaml", "09:00", "10:00")
            await wait_until(lambda: comes_at(10), 10)
