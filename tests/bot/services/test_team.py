"""People on shift, and report schedules that follow the policy folder."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from temporalio.service import RPCError

from bot.cli.work import report_schedules
from bot.policies import Policies, open_policies, watch_folder
from deploy.sandbox.slack.person import wait_until
from tests.activities.policy import folders
from tests.environment import koban

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
    """A role's shift, or an hour without a shift, returns None: Slack's group counts."""
    folder = folders.good(tmp_path)
    (folder / "roster.yaml").write_text(ROSTER.replace("WHO", who), encoding="utf-8")
    policies = Policies(watch_folder(folder), ())
    assert policies.on_shift(TOKYO, when) == on


def test_without_a_roster_the_shift_is_unknown(tmp_path: Path) -> None:
    """The small folder has no roster."""
    policies = Policies(watch_folder(folders.good(tmp_path)), ())
    assert policies.on_shift(TOKYO, NOON) is None
    assert policies.roster() is None


async def test_schedules_follow_a_changed_folder(temporal: str, tmp_path: Path) -> None:
    """Created when a worker starts, changed while it runs."""
    policy = Path(shutil.copytree(folders.EXAMPLE, tmp_path / "policy"))
    async with koban(temporal, tmp_path, working=False, policy=policy) as env:
        policies = open_policies(env.settings)
        daily = env.client.get_schedule_handle("report/daily")

        async def comes_at(hour: int) -> bool:
            try:
                described = await daily.describe()
            except RPCError:
                return False
            return described.schedule.spec.calendars[0].hour[0].start == hour

        async with report_schedules(env.client, policies, env.settings, interval=0.2):
            await wait_until(lambda: comes_at(9))
            folders.replace(policy, "reports.yaml", "09:00", "10:00")
            await wait_until(lambda: comes_at(10))
