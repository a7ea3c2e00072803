"""The suite on a busy machine: N runs while one busy process per processor takes its share.

python -m tests.busy [--runs N] [--load N] -- command …
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.sandbox.processes import ends_with_parent

_SPIN = "n = 0\nwhile True:\n    n = (n * 1103515245 + 12345) % 2147483648"
_COUNTS = re.compile(r"(\d+) (passed|failed|skipped|errors?)")


@contextmanager
def busy(processes: int) -> Iterator[list[int]]:
    """Keeps so many processors busy; the process ids of what does it."""
    spinning = [
        subprocess.Popen([sys.executable, "-c", _SPIN], preexec_fn=ends_with_parent())
        for _ in range(processes)
    ]
    try:
        yield [each.pid for each in spinning]
    finally:
        for each in spinning:
            each.send_signal(signal.SIGKILL)
            each.wait()


def counted(told: str) -> Counter[str]:
    """The counts in pytest's last line."""
    found = Counter[str]()
    for number, what in _COUNTS.findall(told):
        found[what.removesuffix("s")] += int(number)
    return found


def run(command: Sequence[str], log: Path) -> tuple[float, Counter[str], int]:
    """One run: its seconds, its counts and its exit code. What it says goes to `log`."""
    began = time.monotonic()
    with log.open("wb") as told:
        code = subprocess.call(command, stdout=told, stderr=told, preexec_fn=ends_with_parent())
    lines = log.read_text(errors="replace").splitlines()
    summary = next((line for line in reversed(lines) if _COUNTS.search(line)), "")
    return time.monotonic() - began, counted(summary), code


def main() -> int:
    """Prints a line per run; exit code 1 where a run was not green."""
    asked = _asked()
    folder = Path(tempfile.mkdtemp(prefix="koban-busy-"))
    red = 0
    with busy(asked.load):
        for number in range(1, asked.runs + 1):
            log = folder / f"run-{number}.txt"
            seconds, counts, code = run(asked.command, log)
            red += code != 0
            words = f"passed {counts['passed']}, failed {counts['failed'] + counts['error']}"
            print(f"run {number}: {seconds:.0f} s, {words}, exit code {code}", flush=True)
            _tell_failures(log)
    print(f"{asked.runs - red} of {asked.runs} runs green; what they said: {folder}")
    return int(red > 0)


def _tell_failures(log: Path) -> None:
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            print(f"  {line}", flush=True)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--load", type=int, default=os.cpu_count() or 1)
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
