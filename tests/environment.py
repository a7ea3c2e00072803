"""Koban for one test: the sandbox over real HTTP, the real app and the real workers.

All tests share one Temporal server; each environment has its own namespace.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.ledger.database import Database
from activities.ledger.queries import Queries
from activities.ledger.verification import Verifier
from bot.cli.process import open_database
from bot.cli.serve import open_app
from bot.cli.work import open_duties
from bot.ledger import signer_of
from bot.policies import Policies, open_policies, watch_folder
from bot.settings import Settings
from bot.temporal import deployment_of, open_client
from bot.worker import make_workers
from deploy.sandbox.app import (
    APPEALS_SECRET,
    INGEST_SECRET,
    MARKET_TOKEN,
    POLICY,
    Sandbox,
    run_sandbox,
)
from deploy.sandbox.processes import Process
from deploy.sandbox.serve import serving
from deploy.sandbox.slack.person import WAIT_SECONDS, Person, wait_until
from deploy.sandbox.slack.rates import Rates
from deploy.sandbox.slack.triggers import Triggers
from deploy.sandbox.slack.workspace import ON_A_BUSY_MACHINE, Workspace
from deploy.sandbox.traffic.alerts import Json, Scene
from deploy.sandbox.traffic.sender import Sender
from tests.leaks import no_task_left
from tests.timeouts import AFTER_CLAIM, LONG_TIMEOUTS, RPC_TIMEOUT, SECONDS
from workflows.client import Appeals, Cases, OutOfReach
from workflows.domain.ids import closed_workflow_id


@dataclass
class Environment:
    """Handles of a test: people, marketplace, switches, detector and ledger."""

    sandbox: Sandbox
    url: str
    settings: Settings
    client: Client
    queries: Queries
    sender: Sender
    http: httpx.AsyncClient
    opened: AsyncExitStack

    @cached_property
    def cases(self) -> Cases:
        """The cases at Temporal."""
        return Cases(self.client, "koban", rpc_timeout=RPC_TIMEOUT)

    @cached_property
    def appeals(self) -> Appeals:
        """The appeals at Temporal."""
        return Appeals(self.client, "koban", rpc_timeout=RPC_TIMEOUT)

    async def person(self, user: str) -> Person:
        """A person in Slack, closed with the environment."""
        return await self.opened.enter_async_context(Person(self.sandbox.url, user, AFTER_CLAIM))

    async def happens(self, scene: Scene) -> list[Json]:
        """Creates the scene's things at the marketplace and posts its alerts."""
        for type_, body in scene.things:
            self.sandbox.market.put(type_, body)
        return await self.sender.send(scene.alerts)

    async def thing(self, type_: str, id_: str) -> dict[str, Any]:
        """The current state of a thing at the marketplace."""
        found = self.sandbox.market.get(type_, id_)
        assert found is not None, f"there is no {type_} {id_}"
        return found

    async def changes(self) -> list[tuple[str, str]]:
        """The changes that took effect at the marketplace, oldest first: (method, path).

        Without notices, which follow their change a moment later.
        """
        calls = reversed(self.sandbox.market.calls())
        return [
            (call["method"], call["path"].removeprefix("/market/v1/"))
            for call in calls
            if call["method"] != "GET" and call["status"] < 300 and not call["replayed"]
            if not call["path"].endswith("/notices")
        ]

    def executions(self) -> dict[str, int]:
        """How often each change was made, by its key; without notices."""
        made = self.sandbox.market.executions()
        return {key: times for key, times in made.items() if "/notice/" not in key}

    async def kinds(self, case: str) -> list[str]:
        """The kinds of a case's events, oldest first, once the ledger is up to date."""
        await wait_until(lambda: self._is_written(case), what=f"the ledger's events of {case}")
        return await self.written_kinds(case)

    async def written_kinds(self, case: str) -> list[str]:
        """The kinds of the events that the ledger has now."""
        return [row["kind"] for row in await self.queries.events_of(case)]

    async def _is_written(self, case: str) -> bool:
        """True if the ledger has all events of the workflow, or the workflow has ended."""
        try:
            version = await self._version(case)
        except OutOfReach:
            return True  # no worker runs
        return version is None or len(await self.queries.events_of(case)) >= version

    async def _version(self, case: str) -> int | None:
        appeal = await self.appeals.memory(case)
        if appeal is not None:
            return appeal.appeal.version
        row = await self.queries.case(case)
        for workflow_id in (
            [row["workflow_id"], closed_workflow_id(case)] if row is not None else []
        ):
            memory = await self.cases.memory(workflow_id)
            if memory is not None and memory.case is not None and memory.case.id == case:
                return memory.case.version
        return None

    async def findings(self, settings: Settings | None = None) -> tuple[str, ...]:
        """The faults that `koban audit verify` finds, with the keys of `settings` if given."""
        signer = signer_of((settings or self.settings).temporal)
        async with open_database(self.settings.ledger, signer) as database:
            return (await Verifier(database).run()).findings

    async def wait_kind(self, case: str, kind: str) -> None:
        """Waits until the ledger has such an event."""

        async def recorded() -> bool:
            return kind in await self.written_kinds(case)

        await wait_until(recorded, what=f"{kind} of {case}")

    async def print_pending(self) -> None:
        """Prints what the open workflows wait for, for the report of a failure.

        Without Temporal it says so: the failure itself must be reported.
        """
        print("Open workflows at the failure:")
        try:
            async with asyncio.timeout(SECONDS):
                await self._print_pending()
        except (RPCError, RuntimeError, TimeoutError) as error:
            print(f"Temporal did not answer: {error!r}")

    async def _print_pending(self) -> None:
        async for found in self.client.list_workflows("ExecutionStatus = 'Running'", limit=20):
            handle = self.client.get_workflow_handle(found.id, run_id=found.run_id)
            pending = (await handle.describe()).raw_description
            events = [each async for each in handle.fetch_history_events()]
            latest = [f"{e.event_id}:{EventType.Name(e.event_type)[11:]}" for e in events[-8:]]
            print(found.id, latest, *pending.pending_activities, pending.pending_workflow_task)


def policies_of(settings: Settings) -> Policies:
    """The sandbox's policy folder, read once per process, because no test changes it: 0.2 s."""
    return (
        _sandbox_policies()
        if settings.policy == POLICY
        else open_policies(settings, look_seconds=0.0)
    )


@cache
def _sandbox_policies() -> Policies:
    return Policies(watch_folder(POLICY), (INGEST_SECRET,), (APPEALS_SECRET,))


@asynccontextmanager
async def work(settings: Settings, build: str | None = None) -> AsyncIterator[None]:
    """Runs the workers for the block; `build` sets their version."""
    if build is not None:
        versioned = {"deployment": "koban", "build_id": build}
        temporal = settings.temporal.model_copy(update=versioned)
        settings = settings.model_copy(update={"temporal": temporal})
    async with AsyncExitStack() as opened:
        client = await open_client(settings.temporal, lazy=False)
        duties = await open_duties(opened, settings, policies_of(settings), client, LONG_TIMEOUTS)
        deployment = deployment_of(settings.temporal)
        for worker in make_workers(client, settings.temporal.task_queue, duties, deployment):
            _interrupt_later(worker)
            await opened.enter_async_context(worker)
        yield


def _interrupt_later(worker: Worker) -> None:
    """Gives a workflow task longer than the SDK's 2 s, which has no option for it.

    A task shares its processor and interpreter lock with the test, the app and the other tests.
    Stories about long tasks run `koban work` as a process.
    """
    if worker._workflow_worker is not None:
        worker._workflow_worker._deadlock_timeout_seconds = SECONDS  # type: ignore[assignment]


@asynccontextmanager
async def work_process(env: Environment, folder: Path) -> AsyncIterator[Process]:
    """Runs `koban work` for the block, then kills it."""
    ledger = env.settings.ledger.url.get_secret_value()
    environment = env.sandbox.environment(env.settings.temporal.address, ledger, 0)
    environment |= {"KOBAN_TEMPORAL__NAMESPACE": env.settings.temporal.namespace}
    command = [sys.executable, "-m", "bot.cli.main", "work"]
    worker = Process("worker", command, folder / "worker.log", environment)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.kill()


async def fresh_namespace(temporal: str) -> str:
    """A new namespace, so that tests share no open case."""
    name = f"test-{uuid4().hex[:12]}"
    client = await Client.connect(temporal)
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(
            namespace=name, workflow_execution_retention_period=Duration(seconds=86400)
        )
    )
    return name


def settings_for(sandbox: Sandbox, temporal: dict[str, Any], folder: Path, **more: Any) -> Settings:
    """The settings of a Koban over `sandbox`, independent of the environment."""
    access = {"signing_secret": sandbox.workspace.signing_secret}
    if sandbox.workspace.socket_mode:
        access = {"app_token": sandbox.workspace.app_token}
    given: dict[str, Any] = {
        "temporal": temporal,
        "slack": {
            "bot_token": sandbox.workspace.bot_token,
            **access,
            "api_url": f"{sandbox.url}/api/",
            "pace": sandbox.workspace.rates.pace,
        },
        "platform": {"base_url": f"{sandbox.url}/market", "token": MARKET_TOKEN},
        "ingest": {"secret": INGEST_SECRET, "oldest": "36500d"},
        "appeals": {"secret": APPEALS_SECRET},
        "ledger": {"url": f"sqlite+aiosqlite:///{folder / 'koban.db'}"},
        "policy": POLICY,
        "http": {"port": 0},
    }
    return Settings(_env_file=None, **{**given, **more})


@asynccontextmanager
async def koban(
    temporal: str,
    folder: Path,
    *,
    rates: bool | Rates = False,
    socket_mode: bool = False,
    working: bool = True,
    namespace: str | None = None,
    of_temporal: dict[str, Any] | None = None,
    **more: Any,
) -> AsyncIterator[Environment]:
    """A running Koban; without `working`, every worker is down.

    `of_temporal` are further settings of Temporal, `more` are groups of settings; `rates` are the
    workspace's, True for Slack's own.
    """
    async with no_task_left(), AsyncExitStack() as opened:
        kept = Rates(enabled=rates) if isinstance(rates, bool) else rates
        workspace = Workspace(
            rates=kept,
            socket_mode=socket_mode,
            ack_seconds=ON_A_BUSY_MACHINE,
            triggers=Triggers(lives=ON_A_BUSY_MACHINE),
        )
        sandbox = await opened.enter_async_context(run_sandbox(folder, 0, workspace))
        where = {
            "address": temporal,
            "namespace": namespace or await fresh_namespace(temporal),
            **(of_temporal or {}),
        }
        settings = settings_for(sandbox, where, folder, **more)
        app = await open_app(opened, settings, policies_of(settings), LONG_TIMEOUTS)
        url = await opened.enter_async_context(serving(app))
        workspace.bot_url = url
        if working:
            await opened.enter_async_context(work(settings))
        http = await opened.enter_async_context(httpx.AsyncClient(timeout=WAIT_SECONDS))
        database = Database(settings.ledger.url.get_secret_value())
        opened.push_async_callback(database.aclose)
        client = await open_client(settings.temporal)
        sender = Sender(url, INGEST_SECRET, http)
        made = Environment(sandbox, url, settings, client, Queries(database), sender, http, opened)
        try:
            yield made
        except Exception:
            await made.print_pending()
            raise


def scene(alerts: Sequence[Json], things: Sequence[tuple[str, Json]] = ()) -> Scene:
    """Alerts and their subjects."""
    return Scene(alerts=list(alerts), things=list(things))
