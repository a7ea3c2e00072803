"""Log lines: one format, without alert texts, names or addresses."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from bot.log_setup import set_up_logging


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """The log's stream; logging is reset after the test."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    set_up_logging(stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


def test_a_machine_reads_one_json_object_a_line(written: io.StringIO) -> None:
    """Koban's lines and the libraries' have one format."""
    structlog.get_logger().info("working", task_queue="koban")
    logging.getLogger("temporalio.worker").warning("lost %s", "it")
    first, second = (json.loads(line) for line in written.getvalue().splitlines())
    assert (first["event"], first["level"], first["task_queue"]) == ("working", "info", "koban")
    assert (second["event"], second["level"]) == ("lost it", "warning")


def test_an_exception_is_logged_by_kind_and_place_only(written: io.StringIO) -> None:
    """An exception's message may quote an alert or name a person."""
    try:
        raise ValueError("LINE ID ください")
    except ValueError:
        logging.getLogger("temporalio.activity").warning("failed", exc_info=True)
    [line] = written.getvalue().splitlines()
    content = json.loads(line)
    assert content["error"] == "ValueError"
    assert content["where"].rpartition(":")[0].endswith("test_log_setup.py")
    assert "LINE" not in line


def test_requests_are_not_logged_one_by_one(written: io.StringIO) -> None:
    """A URL may contain an id or a token."""
    logging.getLogger("httpx").info("GET http://platform/users/u_123")
    logging.getLogger("uvicorn.access").info("POST /v1/alerts")
    assert written.getvalue() == ""
