"""Child processes of the sandbox: start, kill, stop; none outlives this process on Linux."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Loaded before the fork: between fork and exec nothing may be imported.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
GRACE_SECONDS = 12


def ends_with_parent(how: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """A `preexec_fn`: Linux sends `how` to the child when this process dies, even by SIGKILL.

    Other systems have no such signal; there Ctrl-C ends the children.
    """
    parent = os.getpid()

    def tie() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, how)
            if os.getppid() != parent:  # it died between fork and here
                os.kill(os.getpid(), how)

    return tie


class Process:
    """One child process, by its command; its output goes to a log file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        """`user` runs it as another user; only root can."""
        self.name = name
        self._command = command
        self._log = log
        self._env = {**os.environ, **(env or {})}
        self._user = user
        self._process: asyncio.subprocess.Process | None = None
        # Two starts at once would make two processes, and only one of them could be ended.
        self._changing = asyncio.Lock()

    @property
    def running(self) -> bool:
        """True while the process runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """Its process id; None when it is not running."""
        return self._process.pid if self._process is not None and self.running else None

    async def start(self) -> None:
        """Starts the process unless it is running."""
        async with self._changing:
            if not self.running:
                await self._start()

    async def _start(self) -> None:
        with self._log.open("ab") as log:
            # A separate session: Ctrl-C only reaches this process, which stops the child.
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                user=self._user,
                start_new_session=True,
                preexec_fn=ends_with_parent(),
            )

    async def kill(self) -> None:
        """SIGKILL, as a crash would be."""
        await self._end(signal.SIGKILL, None)

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after `GRACE_SECONDS`."""
        await self._end(signal.SIGTERM, GRACE_SECONDS)

    async def _end(self, how: signal.Signals, patience: float | None) -> None:
        async with self._changing:
            process = self._process
            if process is None or process.returncode is not None:
                return
            process.send_signal(how)
            try:
                await asyncio.wait_for(process.wait(), patience)
            except TimeoutError:
                process.kill()
                await process.wait()

    def last_words(self, lines: int = 12) -> str:
        """The end of its log."""
        if not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])
