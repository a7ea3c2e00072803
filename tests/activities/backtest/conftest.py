"""Ledgers in SQLite and in a real PostgreSQL, and a folder for temporary files."""

import tempfile
from pathlib import Path

import pytest

from tests.activities.ledger.conftest import (  # noqa: F401
    closed,
    copied,
    database,
    ledger,
    postgres,
    signer,
    source,
    url,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty before and after."""
    made = tmp_path / "temporary"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    return made
