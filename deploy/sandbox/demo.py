"""`make demo`: everything on this machine, each part a process of its own that can be killed."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from deploy.sandbox.faults import Fault
from deploy.sandbox.processes import Process
from deploy.sandbox.slack.workspace import Workspace
from deploy.sandbox.stage import INGEST_SECRET, Stage, stage
from deploy.sandbox.starting import starting
from deploy.sandbox.temporal import temporal_server
from deploy.sandbox.traffic.demo import Traffic, opening
from deploy.sandbox.traffic.sender import Sender

PORT_BASE = 8470
FIRST_CARD_SECONDS = 60.0
LOOK_SECONDS = 0.05


class CannotStart(Exception):
    """The demo can't begin; the message is a sentence for the person."""


class Demo:
    """The processes of the demo, and the switches that kill and heal them."""

    def __init__(
        self, world: Stage, folder: Path, base: int, more: Mapping[str, str] | None = None
    ) -> None:
        """`base` is the first of four ports, `more` are further settings of Koban."""
        koban = str(Path(sys.executable).with_name("koban"))
        temporal = f"127.0.0.1:{base + 2}"
        ledger = f"sqlite+aiosqlite:///{folder / 'koban.db'}"
        environment = {**world.environment(temporal, ledger, base + 1), **(more or {})}
        world.workspace.bot_url = f"http://127.0.0.1:{base + 1}"
        self.world = world
        self.temporal_address = temporal
        self.temporal = temporal_server(folder, base + 2, base + 3)
        self.bot = Process("bot", [koban, "serve"], folder / "bot.log", environment)
        self.worker = Process("worker", [koban, "work"], folder / "worker.log", environment)
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Starts everything; ends it again, whatever happens."""
        try:
            for process in (self.temporal, self.bot, self.worker):
                await process.start()
            self.world.faults.on_change(self._switched)
            yield
        finally:
            await asyncio.gather(self.bot.stop(), self.worker.stop())
            await self.temporal.stop()

    def _switched(self, fault: Fault, on: bool) -> None:
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
        """Waits until a card stands on the page. Raises `CannotStart`."""
        try:
            async with asyncio.timeout(FIRST_CARD_SECONDS):
                while not self.world.workspace.calls["chat.postMessage"] or not self._hears():
                    self._check_alive()
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise CannotStart(self._why()) from None

    def _hears(self) -> bool:
        """Over Socket Mode a press can't be heard before Koban has connected."""
        workspace = self.world.workspace
        return bool(workspace.sockets.links) or not workspace.socket_mode

    def _check_alive(self) -> None:
        for process in (self.temporal, self.bot, self.worker):
            if not process.running:
                words = process.last_words()
                raise CannotStart(f"The {process.name} stopped at once. It said:\n{words}")

    def _why(self) -> str:
        words = [f"[{p.name}] {p.last_words(4)}" for p in (self.temporal, self.bot, self.worker)]
        return "No card appeared within a minute. The logs end with:\n" + "\n".join(words)


def port_base() -> int:
    """Where the demo's four ports begin. Raises `CannotStart`."""
    written = os.environ.get("KOBAN_DEMO_PORT_BASE", str(PORT_BASE))
    if not written.isdigit() or not 1024 <= int(written) <= 65000:
        raise CannotStart("KOBAN_DEMO_PORT_BASE must be a number from 1024 to 65000.")
    return int(written)


def check_ports(base: int) -> None:
    """Raises `CannotStart` where one of the four ports is taken."""
    for port in range(base, base + 4):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            raise CannotStart(
                f"Port {port} is taken; set KOBAN_DEMO_PORT_BASE to another number, "
                f"for example KOBAN_DEMO_PORT_BASE={base + 100} make demo."
            ) from None


def socket_mode() -> bool:
    """Whether Koban hears Slack over Socket Mode. Raises `CannotStart`."""
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
        world = await opened.enter_async_context(stage(folder, base, workspace))
        played = Demo(world, folder, base)
        await opened.enter_async_context(played.running())
        http = await opened.enter_async_context(httpx.AsyncClient())
        traffic = Traffic(Sender(world.workspace.bot_url, INGEST_SECRET, http), world.market.put)
        playing = asyncio.create_task(_play(traffic, f"{world.url}/market"))
        opened.push_async_callback(_end, playing)
        await _until_first_card(played, stop, http)
        if not stop.is_set():
            print(f"Koban is running: {world.url}  (Ctrl-C ends it)", flush=True)
            await stop.wait()
        print("\nStopping (about 5 seconds) ...", flush=True)


async def _until_first_card(played: Demo, stop: asyncio.Event, http: httpx.AsyncClient) -> None:
    card, stopped = asyncio.create_task(played.first_card()), asyncio.create_task(stop.wait())
    shown = asyncio.create_task(starting(played.temporal_address, played.world.workspace, http))
    await asyncio.wait({card, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    await _end(shown)
    if card.done():
        await card
    else:
        card.cancel()


async def _play(traffic: Traffic, market: str) -> None:
    await traffic.play(opening(market))
    await traffic.drip()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
