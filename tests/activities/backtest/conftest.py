"""Ledgers in SQLite and in a real PostgreSQL."""

from tests.activities.ledger.conftest import (  # noqa: F401
    copied,
    database,
    ledger,
    postgres,
    signer,
    source,
    url,
)
