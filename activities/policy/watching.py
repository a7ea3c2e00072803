"""Picking up a changed folder while running; a broken change leaves the last good one in force."""

import time
from collections.abc import Callable
from pathlib import Path

from activities.policy.faults import Fault, PolicyFaults
from activities.policy.folder import PolicyFolder, load_policy

LOOK_SECONDS = 1.0
Signature = tuple[tuple[str, int, int], ...]


class PolicyWatch:
    """The folder as it stands. `faults` is what keeps its newest state from being used."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Reads the folder at once. Raises `PolicyFaults`."""
        self._folder = folder
        self._clock = clock
        self._signature = _signature(folder)
        self._current = load_policy(folder)
        self._looked = clock()
        self.faults: tuple[Fault, ...] = ()

    def current(self) -> PolicyFolder:
        """The newest folder without mistakes; looks at the disk once a second at most."""
        if self._clock() - self._looked >= LOOK_SECONDS:
            self._looked = self._clock()
            self._look()
        return self._current

    def _look(self) -> None:
        signature = _signature(self._folder)
        if signature == self._signature:
            return
        self._signature = signature
        try:
            self._current, self.faults = load_policy(self._folder), ()
        except PolicyFaults as wrong:
            self.faults = wrong.faults


def _signature(folder: Path) -> Signature:
    found = []
    for path in sorted(folder.rglob("*.yaml")):
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue  # it went away between the two looks: the next one sees it
        found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)
