"""Documentation of the ledger's tables and columns."""

from pathlib import Path

import pytest

from activities.ledger.schema import metadata

DOCS = Path(__file__).parents[3] / "docs" / "ledger.md"


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_every_table_and_column_is_documented(table: str) -> None:
    """The row of a table names each of its columns."""
    (row,) = [x for x in DOCS.read_text("utf-8").splitlines() if x.startswith(f"| `{table}` |")]
    missing = [c.name for c in metadata.tables[table].columns if f"`{c.name}`" not in row]
    assert missing == []
