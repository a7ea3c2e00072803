"""Notices to users, stored beside the things and shown with the user."""

import json
import sqlite3

from deploy.sandbox.marketplace.sanctions import Row

SCHEMA = """
CREATE TABLE IF NOT EXISTS notices (
  id INTEGER PRIMARY KEY, user TEXT, at TEXT, kind TEXT, case_id TEXT, appeal TEXT, text TEXT);
"""
LAST = 5


class Notices:
    """The notices of all users, in the store's database."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.executescript(SCHEMA)

    def add(self, user: str, given: Row, at: str) -> None:
        """Stores a notice; the call's idempotency key prevents a second one."""
        text = json.dumps(given["text"], ensure_ascii=False)
        kind, case, appeal = (str(given.get(name) or "") for name in ("kind", "case", "appeal"))
        self._db.execute(
            "INSERT INTO notices (user, at, kind, case_id, appeal, text) VALUES (?, ?, ?, ?, ?, ?)",
            (user, at, kind, case, appeal, text),
        )

    def of(self, user: str) -> list[Row]:
        """A user's newest notices, oldest first."""
        rows = self._db.execute(
            "SELECT at, kind, case_id AS 'case', appeal, text FROM notices WHERE user = ? "
            "ORDER BY id DESC LIMIT ?",
            (user, LAST),
        ).fetchall()
        return [{**dict(row), "text": json.loads(row["text"])} for row in reversed(rows)]
