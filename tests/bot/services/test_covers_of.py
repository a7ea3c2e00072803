"""People who cover a role, from the ledger."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from activities.ledger.database import Database, migrate
from activities.ledger.team import Covers
from bot.services.slack import covers_of
from workflows.domain.people import Cover, Role


async def test_covers_are_read_from_the_ledger(tmp_path: Path) -> None:
    """A cover in the ledger is returned."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/koban.db")
    await migrate(database)
    now = datetime.now(UTC)
    cover = Cover(role=Role.LEAD, person="U0TANAKA", until=now + timedelta(hours=1))
    await Covers(database).begin("U0CLARK", cover, now)
    assert await covers_of(database)(Role.LEAD) == (("U0CLARK", "U0TANAKA"),)
    await database.aclose()


async def test_without_the_ledger_there_are_no_covers(tmp_path: Path) -> None:
    """The result is empty."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/nowhere/koban.db")
    assert await covers_of(database)(Role.LEAD) == ()
    await database.aclose()
