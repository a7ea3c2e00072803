"""Command line option for renewing snapshots."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--renew`."""
    parser.addoption("--renew", action="store_true", help="rewrite the text snapshots")
