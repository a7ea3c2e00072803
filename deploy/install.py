"""Installer of `.venv` for the Makefile: `python3 deploy/install.py demo|all [--uv PATH]`.

Standard library only. It can be killed at any point; the next run resumes.
"""

import argparse
import fcntl
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
DEMO_STAMP, ALL_STAMP = VENV / ".demo-ready", VENV / ".ready"
LOCKS = {"demo": "demo.lock", "all": "requirements.lock"}
PURPOSE = {"demo": "the demo", "all": "the demo, the tests and the checks"}
# Linux, x86-64, Python 3.11: to download, and in .venv.
SIZES = {"demo": (140, 570), "all": (270, 980)}
OLDEST_PIP = (22, 3)  # the first one that installs into another environment (--python)
KEPT_LINES = 15
TICK_SECONDS = 0.5
LINE_SECONDS = 5.0

NO_NETWORK = re.compile(
    r"Retrying \(Retry|NewConnectionError|ConnectTimeout|Connection refused|Network is unreachable"
    r"|name resolution|dns error|client error \(Connect\)|error sending request|timed out",
    re.IGNORECASE,
)


class CannotInstall(Exception):
    """The set-up failed; the message is printed as it is."""


class Progress:
    """Progress of the installation, from the output of pip or uv and the installed packages."""

    def __init__(self, total: int, installed: Callable[[], int]) -> None:
        """`total` packages; `installed` counts those already there."""
        self._total = total
        self._installed = installed
        self._seen = 0
        self._downloading: dict[str, str] = {}
        self._stage = "preparing"

    def read(self, line: str) -> None:
        """Handles one line of the installer's output."""
        line = line.strip()
        if found := re.match(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)", line):
            self._seen += 1
            self._downloading = {found[1]: ""}
            self._stage = "downloading"
        elif found := re.match(r"Downloading (\S+) \(([^)]+)\)$", line):
            name = found[1].partition("-")[0] if found[1].endswith((".whl", ".gz")) else found[1]
            if self._seen:  # pip: one at a time
                self._downloading.clear()
            self._downloading[name] = found[2]
            self._stage = "downloading"
        elif found := re.match(r"Downloaded ([\w.-]+)$", line):
            self._downloading.pop(found[1], None)
        elif re.match(r"Installing collected packages|Prepared \d+ package", line):
            self._stage = "installing"
        elif "Retrying (Retry" in line:
            self._stage = "waiting"

    def __str__(self) -> str:
        if self._stage == "waiting":
            return "no answer from the network, trying again"
        if self._stage == "installing":
            return f"installing, {min(self._installed(), self._total)} of {self._total}"
        if self._stage == "preparing":
            return self._stage
        count = f", {min(self._seen, self._total)} of {self._total}" if self._seen else ""
        names = [f"{name} ({size})" if size else name for name, size in self._downloading.items()]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return f"downloading{count}: {', '.join(names[:3])}{more}".rstrip(": ")


class Shown:
    """Progress line: rewritten on a terminal, elsewhere a new line every few seconds."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._live = out.isatty()
        self._began = self._printed = time.monotonic()
        self._ended = threading.Event()

    @property
    def seconds(self) -> int:
        """Seconds since the start."""
        return round(time.monotonic() - self._began)

    def tick(self, progress: Progress) -> None:
        """Prints the progress if it is due."""
        now = time.monotonic()
        if not self._live and now - self._printed < LINE_SECONDS:
            return
        self._printed = now
        text = f"  {self.seconds:3d} s  {progress}"
        self._out.write(f"\r\033[K{text[:78]}" if self._live else f"{text}\n")
        self._out.flush()

    @contextmanager
    def of(self, progress: Progress) -> Iterator[None]:
        """Prints the progress until the block ends."""

        def keep_on() -> None:
            while not self._ended.wait(TICK_SECONDS):
                self.tick(progress)

        ticking = threading.Thread(target=keep_on, daemon=True)
        ticking.start()
        try:
            yield
        finally:
            self._ended.set()
            ticking.join()
            if self._live:
                self._out.write("\r\033[K")
                self._out.flush()


def packages(lock: Path) -> set[str]:
    """Package names of a lock file, without those for Windows."""
    lines = lock.read_text("utf-8").splitlines()
    return {line.split("==")[0] for line in lines if "==" in line and "win32" not in line}


def site_packages() -> Path:
    """Package folder of the environment."""
    return next((VENV / "lib").glob("python3.*/site-packages"), VENV)


def drop_half_installed(folder: Path) -> None:
    """Removes the records of interrupted installations; the next run installs these again.

    pip and uv write INSTALLER after a package's files. Without it some may be missing.
    """
    for info in folder.glob("*.dist-info"):
        if not (info / "INSTALLER").exists() or not (info / "RECORD").exists():
            shutil.rmtree(info)


def make_environment() -> None:
    """Creates `.venv` unless it has a Python that runs. Raises `CannotInstall`."""
    if _output([str(PYTHON), "-c", "import sys; print(sys.version_info >= (3, 11))"]) == "True":
        return
    command = [sys.executable, "-m", "venv", "--without-pip", "--clear", str(VENV)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise CannotInstall(f"{done.stdout}{done.stderr}\nPython could not make {VENV.name}.")


def installer(uv: str) -> tuple[str, list[str]]:
    """Name and command of the installer: uv, else pip."""
    if uv:
        return "uv", [uv, "pip", "install", "--python", str(PYTHON)]
    options = ["install", "--disable-pip-version-check", "--no-input", "--no-compile"]
    version = re.match(r"pip (\d+)\.(\d+)", _output([sys.executable, "-m", "pip", "--version"]))
    if version and (int(version[1]), int(version[2])) >= OLDEST_PIP:
        return "pip", [sys.executable, "-m", "pip", "--python", str(PYTHON), *options]
    inside = [str(PYTHON), "-m", "pip"]
    if not _output([*inside, "--version"]):
        done = subprocess.run(
            [str(PYTHON), "-m", "ensurepip", "--upgrade"], capture_output=True, text=True
        )
        if done.returncode:
            raise CannotInstall(
                "This Python has neither pip nor venv. "
                "Install them (Debian: apt-get install python3-venv), or install uv."
            )
    return "pip", [*inside, *options]


def run(command: list[str], progress: Progress, shown: Shown, held: int) -> None:
    """Runs the installer and prints its progress. Raises `CannotInstall`."""
    kept: deque[str] = deque(maxlen=KEPT_LINES)
    with (
        shown.of(progress),
        subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=[held],  # if only this script is killed, the next run waits for the installer
        ) as process,
    ):
        for line in process.stdout or ():
            progress.read(line)
            kept.append(line.rstrip())
    if process.returncode:
        raise CannotInstall(why("\n".join(kept)))


def why(text: str) -> str:
    """Error message from the last lines of the installer."""
    if "No space left" in text:
        return f"{text}\nThe disk is full. Make room, then run the same command again."
    if NO_NETWORK.search(text) and "DO NOT MATCH THE HASHES" not in text:
        return (
            "The package index does not answer. Check the network, proxy and index settings,"
            " then run the same command again to resume."
        )
    return (
        f"{text}\nThe set-up failed. Run the same command again to resume it, or `make clean` to"
        " start over. Where uv is the cause, add `UV=` to the command to use pip."
    )


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def megabytes(folder: Path) -> int:
    """Size of a folder on disk."""
    sizes = (path.lstat() for path in folder.rglob("*"))
    return round(sum(each.st_blocks * 512 for each in sizes) / 2**20)


@contextmanager
def alone() -> Iterator[int]:
    """Allows one set-up at a time, by a lock on this file. Yields its descriptor."""
    with Path(__file__).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up is running in this folder. Waiting for it ...", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def install(what: str, uv: str) -> None:
    """Sets up `.venv` for `what`. Raises `CannotInstall`."""
    with alone() as held:
        shown = Shown()
        make_environment()
        drop_half_installed(site_packages())
        lock = LOCKS[what]
        names = packages(ROOT / lock)
        tool, command = installer(uv)
        download, disk = SIZES[what]
        print(
            f"Setting up {VENV.name} for {PURPOSE[what]}: {len(names)} packages with {tool},"
            f" up to {download} MB to download, {disk} MB on disk.\n"
            f"This happens once. It takes {'a few seconds' if tool == 'uv' else 'half a minute'}"
            " on a fast network and a few minutes on a slow one.",
            flush=True,
        )
        progress = Progress(len(names), lambda: len(list(site_packages().glob("*.dist-info"))))
        run([*command, "--require-hashes", "-r", lock], progress, shown, held)
        # The project itself is linked: a change needs no second installation.
        link = [*command, "--no-deps", "--no-build-isolation", "-e", "."]
        run(link, progress, Shown(), held)
        DEMO_STAMP.touch()
        if what == "all":
            ALL_STAMP.touch()
        size, seconds = megabytes(VENV), shown.seconds
        print(f"{VENV.name} is ready: {size} MB, {seconds} s.", flush=True)


def main() -> None:
    """Exits with 1 and a sentence on failure."""
    parser = argparse.ArgumentParser(description="Sets up .venv.")
    parser.add_argument("what", choices=LOCKS)
    parser.add_argument("--uv", default="", help="the uv command; without it pip installs")
    given = parser.parse_args()
    try:
        install(given.what, given.uv)
    except CannotInstall as why:
        sys.exit(str(why))
    except KeyboardInterrupt:
        sys.exit("\nStopped. Run the same command again to resume.")


if __name__ == "__main__":
    main()
