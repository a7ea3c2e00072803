"""People who cover a role, from the ledger and Slack."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.ledger.database import Database, migrate
from activities.ledger.team import Covers
from activities.slack.directory import RolesUnknown
from bot.services.slack import covers_of
from bot.services.team import CurrentCovers
from workflows.domain.people import Cover, Role

NOW = datetime.now(UTC)
COVER = Cover(role=Role.LEAD, person="U0TANAKA", until=NOW + timedelta(hours=1))


class People:
    """田中 is a lead; `away` refuses every look-up."""

    def __init__(self, *roles: Role, away: bool = False) -> None:
        self._roles = frozenset(roles)
        self._away = away

    async def roles(self, person: str) -> frozenset[Role]:
        if self._away:
            raise RolesUnknown(person)
        return self._roles if person == "U0TANAKA" else frozenset()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(f"sqlite+aiosqlite:///{tmp_path}/koban.db")
    await migrate(made)
    await Covers(made).begin("U0CLARK", COVER, NOW)
    yield made
    await made.aclose()


async def test_covers_are_read_from_the_ledger(database: Database) -> None:
    """A cover in the ledger is returned."""
    assert await covers_of(database, People(Role.LEAD))(Role.LEAD) == (("U0CLARK", "U0TANAKA"),)


@pytest.mark.parametrize("people", [People(), People(Role.SPECIALIST), People(away=True)])
async def test_a_cover_ends_with_its_givers_role(database: Database, people: People) -> None:
    """Refusals, lists and App Home show none of it; nor while the roles are unknown."""
    assert await covers_of(database, people)(Role.LEAD) == ()
    covers = CurrentCovers(Covers(database), people)
    assert await covers.of("U0CLARK", NOW) == ()
    assert await covers.all(NOW) == ()
    assert await covers.around("U0TANAKA", NOW) == ()


async def test_the_others_show_the_cover(database: Database) -> None:
    """As long as it lasts."""
    covers = CurrentCovers(Covers(database), People(Role.LEAD))
    assert await covers.of("U0CLARK", NOW) == (COVER,)
    assert [each.person for each in await covers.all(NOW)] == ["U0CLARK"]
    assert await covers.all(NOW + timedelta(hours=2)) == ()


async def test_without_the_ledger_there_are_no_covers(tmp_path: Path) -> None:
    """The result is empty."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/nowhere/koban.db")
    assert await covers_of(database, People(Role.LEAD))(Role.LEAD) == ()
    await database.aclose()
