"""Structured logging: coloured lines on a terminal, JSON elsewhere.

Logs never contain alert texts, names of people or secrets.
"""

import logging
import sys
import traceback
from typing import Any, TextIO

import structlog

QUIET = (
    "alembic",
    "httpx",
    "httpcore",
    "slack_bolt",
    "slack_sdk",
    "uvicorn.access",
    "uvicorn.error",
)
"""Loggers of libraries that would log each request, some with its URL or body."""


def set_up_logging(stream: TextIO | None = None) -> None:
    """Configures structlog and the standard library to log to `stream` (stderr) in one format."""
    out = stream or sys.stderr
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _exception_location,
                _renderer(out.isatty()),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _exception_location(
    logger: Any, name: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Reduces an exception to type and line: its message may quote an alert or name a person."""
    given = event.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else given
    if given is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        event["error"] = type(error).__name__
        event["where"] = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return event


def _renderer(terminal: bool) -> structlog.types.Processor:
    if terminal:
        return structlog.dev.ConsoleRenderer(colors=True)
    return structlog.processors.JSONRenderer(ensure_ascii=False)
