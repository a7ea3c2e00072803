"""Suite on a busy machine: N runs beside one busy process per processor.

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
    """Keeps `processes` processors busy; yields the process ids."""
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


def counted(summary: str) -> Counter[str]:
    """Returns the counts of pytest's last line."""
    found = Counter[str]()
    for number, what in _COUNTS.findall(summary):
        found[what.removesuffix("s")] += int(number)
    return found


def run(command: Sequence[str], log: Path) -> tuple[float, Counter[str], int]:
    """Runs once; returns seconds, counts and exit code. The output goes to `log`."""
    began = time.monotonic()
    with log.open("wb") as output:
        code = subprocess.call(command, stdout=output, stderr=output, preexec_fn=ends_with_parent())
    lines = log.read_text(errors="replace").splitlines()
    summary = next((line for line in reversed(lines) if _COUNTS.search(line)), "")
    return time.monotonic() - began, counted(summary), code


def main() -> int:
    """Prints a line per run; exit code 1 if a run failed."""
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
            _print_failures(log)
    print(f"{asked.runs - red} of {asked.runs} runs green; logs: {folder}")
    return int(red > 0)


def _print_failures(log: Path) -> None:
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
