"""Processes of a chaos run, which can be killed at any time."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from deploy.sandbox.app import Sandbox, run_sandbox
from deploy.sandbox.processes import Process
from deploy.sandbox.slack.person import wait_until
from deploy.sandbox.slack.rates import Rates
from deploy.sandbox.slack.workspace import Workspace
from deploy.sandbox.temporal import temporal_server
from tests.chaos.postgres import Postgres
from tests.conftest import free_port

ROOT = Path(__file__).parents[2]
POLICY = Path(__file__).parent / "policy"
QUEUES = (
    ("koban", TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW),
    ("koban-slack", TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
    ("koban-platform", TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
)
STARTING = 120.0


@dataclass
class Outage:
    """Time from a kill until all of Koban was healthy again."""

    kind: str
    since: float
    until: float | None = None


@dataclass
class Cluster:
    """The processes and their clients."""

    sandbox: Sandbox
    folder: Path
    url: str
    address: str
    ledger: str
    processes: dict[str, Process]
    baseline_timer: Process
    postgres: Postgres | None
    http: httpx.AsyncClient
    outages: list[Outage] = field(default_factory=list)
    restarts: Counter[str] = field(default_factory=Counter)
    _held: set[str] = field(default_factory=set)
    _client: Client | None = None

    async def client(self) -> Client:
        """A connected client, once the server answers."""

        async def connect() -> Client | None:
            try:
                return await Client.connect(self.address, data_converter=pydantic_data_converter)
            except RuntimeError:
                return None

        if self._client is None:
            self._client = await wait_until(connect, STARTING, what="Temporal")
        return self._client

    async def kill(self, name: str) -> Outage:
        """Sends SIGKILL; the process stays down until `revive`."""
        outage = Outage(f"kill_{name}", time.time())
        self.outages.append(outage)
        self._held.add(name)
        if name == "postgres" and self.postgres is not None:
            await self.postgres.kill()
        else:
            await self.processes[name].kill()
        return outage

    async def revive(self, name: str, outage: Outage) -> None:
        """Restarts it and waits until all is healthy; that ends the outage."""
        self._held.discard(name)
        self.restarts[name] += 1
        await self.processes[name].start()
        await wait_until(self.healthy, STARTING, what=f"{name} after it was killed")
        outage.until = time.time()

    async def supervise(self) -> None:
        """Restarts processes that have exited, as systemd or Kubernetes would."""
        while True:
            for name, process in self.processes.items():
                if not process.running and name not in self._held:
                    self.restarts[f"{name} by itself"] += 1
                    await process.start()
            await asyncio.sleep(0.2)

    async def healthy(self) -> bool:
        """True if `koban serve` is ready and today's worker polls each of its queues."""
        try:
            ready = await self.http.get(f"{self.url}/readyz")
            return ready.status_code == 200 and await self._worker_polls()
        except (httpx.TransportError, RPCError):
            return False

    async def _worker_polls(self) -> bool:
        client, pid = await self.client(), self.processes["work"].pid
        for queue, kind in QUEUES:
            asked = DescribeTaskQueueRequest(
                namespace="default", task_queue=TaskQueue(name=queue), task_queue_type=kind
            )
            description = await client.workflow_service.describe_task_queue(asked)
            if not any(poller.identity.startswith(f"{pid}@") for poller in description.pollers):
                return False
        return True

    def last_words(self) -> str:
        """The last lines of all logs."""
        return "\n".join(f"[{n}] {p.last_words(6)}" for n, p in self.processes.items())


@asynccontextmanager
async def run_cluster(folder: Path, postgres: bool) -> AsyncIterator[Cluster]:
    """All processes, healthy at the start of the block and killed at its end."""
    async with AsyncExitStack() as opened:
        workspace = Workspace(rates=Rates(enabled=False))
        sandbox = await opened.enter_async_context(run_sandbox(folder, 0, workspace))
        http = await opened.enter_async_context(httpx.AsyncClient(timeout=15, trust_env=False))
        server = await _postgres(opened, folder) if postgres else None
        ledger = server.url("koban") if server else f"sqlite+aiosqlite:///{folder / 'koban.db'}"
        made = _made(sandbox, folder, ledger, server, http)
        for process in made.processes.values():
            await process.start()
            opened.push_async_callback(process.kill)
        opened.push_async_callback(made.baseline_timer.kill)
        watching = asyncio.create_task(made.supervise())
        opened.push_async_callback(_end, watching)
        try:
            await wait_until(made.healthy, STARTING, what="the beginning")
            await made.baseline_timer.start()
        except TimeoutError as never:
            raise RuntimeError(made.last_words()) from never
        yield made


def _made(
    sandbox: Sandbox, folder: Path, ledger: str, postgres: Postgres | None, http: httpx.AsyncClient
) -> Cluster:
    temporal, bot = free_port(), free_port()
    address, url = f"127.0.0.1:{temporal}", f"http://127.0.0.1:{bot}"
    sandbox.workspace.bot_url = url
    env = sandbox.environment(address, ledger, bot)
    env |= {"KOBAN_POLICY": str(POLICY), "PYTHONPATH": str(ROOT)}
    koban = [sys.executable, "-m", "bot.cli.main"]
    processes = {"postgres": postgres.process} if postgres else {}
    processes["temporal"] = temporal_server(folder, temporal)
    for name in ("serve", "work"):
        processes[name] = Process(name, [*koban, name], folder / f"{name}.log", env)
    timing = [sys.executable, "-m", "tests.chaos.baseline_timer", address]
    baseline_timer = Process("baseline_timer", timing, folder / "baseline_timer.log", env)
    return Cluster(sandbox, folder, url, address, ledger, processes, baseline_timer, postgres, http)


async def _postgres(opened: AsyncExitStack, folder: Path) -> Postgres:
    server = Postgres(folder)
    await server.process.start()
    opened.push_async_callback(server.kill)
    await wait_until(server.answers, STARTING, what="PostgreSQL")
    await server.create("koban")
    return server


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
