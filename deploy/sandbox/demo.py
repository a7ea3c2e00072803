"""Demo (`make demo`): Temporal, the bot and the worker as processes that faults can kill."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bot.policies import Policies, watch_folder
from deploy.sandbox.app import INGEST_SECRET, POLICY, Sandbox, run_sandbox
from deploy.sandbox.detectors import detector_rows
from deploy.sandbox.faults import Fault
from deploy.sandbox.processes import Process
from deploy.sandbox.slack.workspace import Workspace
from deploy.sandbox.temporal import temporal_server
from deploy.sandbox.traffic.demo import Traffic, opening
from deploy.sandbox.traffic.sender import Sender
from deploy.sandbox.warehouse import make_warehouse

PORT_BASE = 8470
FIRST_CARD_SECONDS = 60.0
LOOK_SECONDS = 0.05
PROGRESS_SECONDS = 0.1
NOTICE_SECONDS = 10


class CannotStart(Exception):
    """The demo can't start; the message is printed unchanged."""


class Demo:
    """Processes of the demo; faults kill and restart them."""

    def __init__(
        self, sandbox: Sandbox, folder: Path, base: int, more: Mapping[str, str] | None = None
    ) -> None:
        """`base` is the first of four ports, `more` are further settings of Koban."""
        koban = str(Path(sys.executable).with_name("koban"))
        temporal = f"127.0.0.1:{base + 2}"
        ledger = f"sqlite+aiosqlite:///{folder / 'koban.db'}"
        environment = {**sandbox.environment(temporal, ledger, base + 1), **(more or {})}
        sandbox.workspace.bot_url = f"http://127.0.0.1:{base + 1}"
        self.sandbox, self.ledger = sandbox, ledger
        self.temporal_address = temporal
        self.temporal = temporal_server(folder, base + 2, base + 3)
        self.bot = Process("bot", [koban, "serve"], folder / "bot.log", environment)
        self.worker = Process("worker", [koban, "work"], folder / "worker.log", environment)
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Starts all processes, and ends them with the block."""
        try:
            for process in (self.temporal, self.bot, self.worker):
                await process.start()
            self.sandbox.faults.on_change(self._switched)
            yield
        finally:
            await asyncio.gather(self.bot.stop(), self.worker.stop())
            await self.temporal.stop()

    def _switched(self, fault: str, on: bool) -> None:
        process = {
            Fault.KILL_WORKER: self.worker,
            Fault.KILL_BOT: self.bot,
            Fault.KILL_TEMPORAL: self.temporal,
        }.get(fault)
        if process is not None:
            task = asyncio.create_task(process.kill() if on else process.start())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def first_card(self) -> None:
        """Waits until the page shows a card. Raises `CannotStart`."""
        try:
            async with asyncio.timeout(FIRST_CARD_SECONDS):
                while not self.sandbox.workspace.calls["chat.postMessage"] or not self._connected():
                    self._check_alive()
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise CannotStart(self._why()) from None

    def _connected(self) -> bool:
        """Waits for Socket Mode, because clicks can't be delivered before Koban has connected."""
        workspace = self.sandbox.workspace
        return bool(workspace.sockets.links) or not workspace.socket_mode

    def _check_alive(self) -> None:
        for process in (self.temporal, self.bot, self.worker):
            if not process.running:
                words = process.last_words()
                raise CannotStart(
                    f"The {process.name} stopped at once. Its log ends with:\n{words}"
                )

    def _why(self) -> str:
        words = [f"[{p.name}] {p.last_words(4)}" for p in (self.temporal, self.bot, self.worker)]
        return "No card appeared within a minute. The logs end with:\n" + "\n".join(words)


def port_base() -> int:
    """First of the demo's four ports. Raises `CannotStart`."""
    written = os.environ.get("KOBAN_DEMO_PORT_BASE", str(PORT_BASE))
    if not written.isdigit() or not 1024 <= int(written) <= 65000:
        raise CannotStart("KOBAN_DEMO_PORT_BASE must be a number from 1024 to 65000.")
    return int(written)


def check_ports(base: int) -> None:
    """Raises `CannotStart` if one of the four ports is taken."""
    for port in range(base, base + 4):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            raise CannotStart(
                f"Port {port} is taken; set KOBAN_DEMO_PORT_BASE to another number, "
                f"for example KOBAN_DEMO_PORT_BASE={base + 100} make demo."
            ) from None


def socket_mode() -> bool:
    """True for Socket Mode, False for HTTP. Raises `CannotStart`."""
    written = os.environ.get("KOBAN_DEMO_SOCKET", "0")
    if written not in ("", "0", "1"):
        raise CannotStart("KOBAN_DEMO_SOCKET must be 1 for Socket Mode, or 0 for HTTP.")
    return written == "1"


async def demo() -> None:
    """Runs until Ctrl-C. Raises `CannotStart`."""
    base, workspace = port_base(), Workspace(socket_mode=socket_mode())
    check_ports(base)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="koban-demo-")))
        sandbox = await opened.enter_async_context(run_sandbox(folder, base, workspace))
        played = Demo(sandbox, folder, base)
        make_warehouse(sandbox.warehouse, datetime.now(UTC))
        await opened.enter_async_context(played.running())
        rows = detector_rows(
            played.ledger, played.temporal_address, Policies(watch_folder(POLICY), ())
        )
        sandbox.detectors.rows = await opened.enter_async_context(rows)
        http = await opened.enter_async_context(httpx.AsyncClient())
        traffic = Traffic(
            Sender(sandbox.workspace.bot_url, INGEST_SECRET, http), sandbox.market.put
        )
        playing = asyncio.create_task(_play(traffic, f"{sandbox.url}/market"))
        opened.push_async_callback(_end, playing)
        await _until_first_card(played, stop, http)
        if not stop.is_set():
            print(f"Koban is running: {sandbox.url}  (Ctrl-C ends it)", flush=True)
            await stop.wait()
        print("\nStopping (about 5 seconds) ...", flush=True)


async def _until_first_card(played: Demo, stop: asyncio.Event, http: httpx.AsyncClient) -> None:
    card, stopped = asyncio.create_task(played.first_card()), asyncio.create_task(stop.wait())
    shown = asyncio.create_task(
        print_progress(played.temporal_address, played.sandbox.workspace, http)
    )
    await asyncio.wait({card, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    await _end(shown)
    if card.done():
        await card
    else:
        card.cancel()


async def print_progress(temporal: str, workspace: Workspace, http: httpx.AsyncClient) -> None:
    """Prints a line for each part that is ready, and one every ten seconds for a pending part."""

    async def temporal_answers() -> bool:
        host, _, port = temporal.partition(":")
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            return False
        writer.close()
        return True

    async def koban_is_ready() -> bool:
        try:
            return (await http.get(f"{workspace.bot_url}/readyz", timeout=2)).is_success
        except httpx.HTTPError:
            return False

    async def first_card() -> bool:
        return bool(workspace.calls["chat.postMessage"])

    steps: dict[str, Callable[[], Awaitable[bool]]] = {
        "Temporal": temporal_answers,
        "Koban": koban_is_ready,
        "The first card": first_card,
    }
    for name, ready in steps.items():
        await _print_when_ready(name, ready)


async def _print_when_ready(name: str, ready: Callable[[], Awaitable[bool]]) -> None:
    began = printed = time.monotonic()
    while not await ready():
        now = time.monotonic()
        if now - printed >= NOTICE_SECONDS:
            print(f"  still waiting for {name} ({now - began:.0f} s)", flush=True)
            printed = now
        await asyncio.sleep(PROGRESS_SECONDS)
    print(f"  {name} is ready", flush=True)


async def _play(traffic: Traffic, market: str) -> None:
    await traffic.play(opening(market))
    await traffic.drip()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
