"""What people chose for themselves."""

from datetime import datetime

import sqlalchemy as sa

from activities.ledger.database import Database
from activities.ledger.tables import preferences
from workflows.domain.text import Language


class Preferences:
    """Every call raises `LedgerUnavailable` where the database is out of reach."""

    def __init__(self, database: Database) -> None:
        """`database` has to be migrated."""
        self._database = database

    async def language(self, person: str) -> Language | None:
        """The language that a person chose; None where they follow Slack."""
        query = sa.select(preferences.c.language).where(preferences.c.person == person)
        async with self._database.reading() as connection:
            chosen = (await connection.execute(query)).scalar_one_or_none()
        return Language(chosen) if chosen in set(Language) else None

    async def choose_language(self, person: str, language: Language | None, at: datetime) -> None:
        """From `at` on the person reads `language`; None: what Slack says."""
        chosen = {"language": language.value if language else None, "at": at}
        added = self._database.insert(preferences).values(person=person, **chosen)
        async with self._database.writing() as connection:
            await connection.execute(
                added.on_conflict_do_update(index_elements=["person"], set_=chosen)
            )
