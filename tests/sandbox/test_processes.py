"""Child processes of a killed run: none is left."""

import asyncio
import shutil
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import psutil
import pytest

from deploy.sandbox.processes import Process, ends_with_parent
from deploy.sandbox.slack.person import WAIT_SECONDS, wait_until
from tests.conftest import NAMES

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]

POSTGRES = """
import sys, time
from pathlib import Path
from tests.postgres import postgres_server
with postgres_server(Path(sys.argv[1]) / "postgres"):
    print("ready", flush=True)
    time.sleep(3600)
"""
TEMPORAL = """
import asyncio, sys
from pathlib import Path
from tests.conftest import a_server
async def main():
    async with a_server(Path(sys.argv[1])):
        print("ready", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
CHROMIUM = """
import asyncio, sys
from tests.conftest import a_browser
async def main():
    async with a_browser(sys.argv[2]):
        print("ready", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
SUITE = """
import time
from pathlib import Path
from tests.postgres import postgres_server

def test_that_is_killed(tmp_path):
    with postgres_server(tmp_path / "postgres"):
        Path({ready!r}).touch()
        time.sleep(3600)
"""


async def test_two_starts_at_once_make_one_process(tmp_path: Path) -> None:
    """A supervisor and a fault that restart the same process leave nothing behind."""
    sleeper = [sys.executable, "-c", "import time; time.sleep(3600)"]
    process = Process("sleeper", sleeper, tmp_path / "sleeper.log")
    before = {each.pid for each in psutil.Process().children()}
    await asyncio.gather(process.start(), process.start())
    begun = {each.pid for each in psutil.Process().children()} - before
    assert begun == {process.pid}
    await asyncio.gather(process.kill(), process.kill())
    assert not process.running
    assert not {each.pid for each in psutil.Process().children()} - before


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """The running ones; a zombie has ended."""
    return [each for each in processes if _is_alive(each)]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # ended between the two questions
        return False


async def gone(processes: list[psutil.Process]) -> None:
    """Waits until all have ended; kills the rest."""
    try:
        await wait_until(lambda: not alive(processes), what="the end of every process")
    finally:
        for left in alive(processes):
            left.kill()


def started_by(pid: int) -> list[psutil.Process]:
    """All descendants of a process."""
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.parametrize("script", [POSTGRES, TEMPORAL, CHROMIUM], ids=["pg", "temporal", "page"])
async def test_a_server_ends_with_the_process_that_started_it(
    open_folder: Path, script: str
) -> None:
    """This holds for a SIGKILL too, which leaves no time to clean up."""
    chromium = next(filter(None, map(shutil.which, NAMES)), "")
    if script is CHROMIUM and not chromium:
        pytest.skip("no Chromium on this machine")
    starter = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, str(open_folder), chromium),
        cwd=ROOT,
        stdout=PIPE,
        preexec_fn=ends_with_parent(),
    )
    assert starter.stdout is not None
    async with asyncio.timeout(3 * WAIT_SECONDS):  # a browser starts slowly
        assert await starter.stdout.readline() == b"ready\n"
    servers = started_by(starter.pid)
    assert servers
    starter.kill()
    await starter.wait()
    await gone(servers)


async def test_a_killed_run_of_the_suite_leaves_nothing_behind(open_folder: Path) -> None:
    """The processes of pytest-xdist end first, then their servers."""
    ready, suite = open_folder / "ready", open_folder / "test_killed.py"
    suite.write_text(SUITE.format(ready=str(ready)), "utf-8")
    own = ("--basetemp", str(open_folder / "own"))
    options = ("-n", "1", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"), *own)
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", *options, str(suite)),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        preexec_fn=ends_with_parent(),
    )
    await wait_until(ready.exists, what="a test with its server")
    processes = started_by(run.pid)
    run.kill()
    await run.wait()
    await gone(processes)
