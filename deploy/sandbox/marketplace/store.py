"""SQLite store of the marketplace: things, sanctions, responses by idempotency key, calls."""

import json
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.sandbox.marketplace.notices import Notices
from deploy.sandbox.marketplace.sanctions import PERSONAL, SANCTIONS, Row

SCHEMA = """
CREATE TABLE IF NOT EXISTS things (
  type TEXT, id TEXT, body TEXT, touched INTEGER, PRIMARY KEY (type, id));
CREATE TABLE IF NOT EXISTS measures (
  type TEXT, id TEXT, name TEXT, case_id TEXT, until TEXT, at TEXT,
  PRIMARY KEY (type, id, name, case_id));
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, asked TEXT, status INTEGER, body TEXT);
CREATE TABLE IF NOT EXISTS executions (key TEXT, at TEXT);
CREATE TABLE IF NOT EXISTS calls (
  id INTEGER PRIMARY KEY, at TEXT, method TEXT, path TEXT, status INTEGER,
  idempotency_key TEXT, actor TEXT, replayed INTEGER, fault TEXT);
"""


def now() -> str:
    """The current time in the marketplace's format."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Store:
    """One marketplace. Single-threaded; every change is committed before its response."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + SCHEMA)
        self._notices = Notices(self._db)
        (self._touches,) = self._db.execute(
            "SELECT coalesce(max(touched), 0) FROM things"
        ).fetchone()

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def put(self, type_: str, body: Row) -> None:
        """Adds a thing by its `id`; an existing one stays unchanged."""
        self._touches += 1
        self._db.execute(
            "INSERT OR IGNORE INTO things VALUES (?, ?, ?, ?)",
            (type_, body["id"], json.dumps(body, ensure_ascii=False), self._touches),
        )

    def remove(self, type_: str, id_: str) -> Row:
        """Removes a thing without a trace; returns it for `put`."""
        found = self._db.execute(
            "DELETE FROM things WHERE type = ? AND id = ? RETURNING body", (type_, id_)
        ).fetchone()
        return dict(json.loads(found["body"]))

    def get(self, type_: str, id_: str) -> Row | None:
        """A thing with the fields of its sanctions, or None."""
        found = self._db.execute(
            "SELECT body FROM things WHERE type = ? AND id = ?", (type_, id_)
        ).fetchone()
        return None if found is None else self._shown(type_, json.loads(found["body"]))

    def sharing(self, type_: str, id_: str, name: str) -> list[Row]:
        """The other things with the same value in a field, without personal data."""
        path = f"$.{name}"
        rows = self._db.execute(
            "SELECT other.body FROM things AS own JOIN things AS other "
            "ON other.type = own.type AND other.id != own.id "
            "AND json_extract(other.body, ?) = json_extract(own.body, ?) "
            "WHERE own.type = ? AND own.id = ? ORDER BY other.id",
            (path, path, type_, id_),
        ).fetchall()
        return [_impersonal(json.loads(row["body"])) for row in rows]

    def _shown(self, type_: str, body: Row) -> Row:
        rows = self._db.execute(
            "SELECT * FROM measures WHERE type = ? AND id = ?", (type_, body["id"])
        ).fetchall()
        for name, sanction in SANCTIONS[type_].items():
            body.update(sanction.shows([dict(row) for row in rows if row["name"] == name]))
        if type_ == "users":
            body["notices"] = self._notices.of(body["id"])
        return body

    def notify(self, user: str, notice: Row) -> None:
        """Adds a notice to a user."""
        self._notices.add(user, notice, now())
        self._touch("users", user)

    def last_case(self, type_: str, id_: str) -> str | None:
        """Case of the newest sanction in force on a thing."""
        row = self._db.execute(
            "SELECT case_id FROM measures WHERE type = ? AND id = ? ORDER BY at DESC LIMIT 1",
            (type_, id_),
        ).fetchone()
        return None if row is None else str(row["case_id"])

    def impose(self, type_: str, id_: str, name: str, case: str, until: str | None) -> None:
        """Imposes a sanction on a thing, once per case."""
        self._db.execute(
            "INSERT OR REPLACE INTO measures VALUES (?, ?, ?, ?, ?, ?)",
            (type_, id_, name, case, until, now()),
        )
        self._touch(type_, id_)

    def lift(self, type_: str, id_: str, name: str, case: str) -> bool:
        """Lifts one case's sanction; False if there is none."""
        gone = self._db.execute(
            "DELETE FROM measures WHERE type = ? AND id = ? AND name = ? AND case_id = ?",
            (type_, id_, name, case),
        ).rowcount
        self._touch(type_, id_)
        return gone > 0

    def _touch(self, type_: str, id_: str) -> None:
        self._touches += 1
        self._db.execute(
            "UPDATE things SET touched = ? WHERE type = ? AND id = ?", (self._touches, type_, id_)
        )

    def answered(self, key: str) -> tuple[str, int, str] | None:
        """Stored request and response of an idempotency key: (request, status, body)."""
        row = self._db.execute(
            "SELECT asked, status, body FROM answers WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else (row["asked"], row["status"], row["body"])

    def answer(self, key: str, asked: str, status: int, body: str) -> None:
        """Stores a response, and that the change was made."""
        self._db.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", (key, asked, status, body))
        self._db.execute("INSERT INTO executions VALUES (?, ?)", (key, now()))

    def executions(self) -> dict[str, int]:
        """Number of times that a change was made, by idempotency key."""
        rows = self._db.execute("SELECT key, count(*) FROM executions GROUP BY key")
        return dict(rows.fetchall())

    def sanctions(self) -> set[tuple[str, str, str, str]]:
        """Sanctions in force: (type, id, name, case)."""
        rows = self._db.execute("SELECT type, id, name, case_id FROM measures")
        return {(row["type"], row["id"], row["name"], row["case_id"]) for row in rows}

    def called(self, **call: Any) -> None:
        """Stores one call."""
        names = ("method", "path", "status", "idempotency_key", "actor", "replayed", "fault")
        self._db.execute(
            f"INSERT INTO calls (at, {', '.join(names)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (now(), *(call[name] for name in names)),
        )

    def calls(self, limit: int = 200) -> list[Row]:
        """The newest calls first."""
        rows = self._db.execute("SELECT * FROM calls ORDER BY id DESC LIMIT ?", (limit,))
        return [{**dict(row), "replayed": bool(row["replayed"])} for row in rows]

    def panel(self, types: Iterable[str], limit: int = 50) -> dict[str, list[Row]]:
        """Data of the page: recently changed things of each type, without personal data."""
        return {type_: self._last(type_, limit) for type_ in types}

    def _last(self, type_: str, limit: int) -> list[Row]:
        rows = self._db.execute(
            "SELECT body FROM things WHERE type = ? ORDER BY touched DESC LIMIT ?", (type_, limit)
        )
        shown = [self._shown(type_, json.loads(row["body"])) for row in rows.fetchall()]
        return [_impersonal(row) for row in shown]


def _impersonal(row: Row) -> Row:
    return {key: value for key, value in row.items() if key not in PERSONAL}
