"""How the snapshots are renewed."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--renew` writes the snapshots anew."""
    parser.addoption("--renew", action="store_true", help="write the snapshots of texts anew")
