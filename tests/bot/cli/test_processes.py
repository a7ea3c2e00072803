"""Processes `koban serve` and `koban work`: start without Temporal or ledger, end with SIGTERM."""

import asyncio
import base64
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from bot.settings import Temporal
from bot.temporal import open_client
from deploy.sandbox.processes import ends_with_parent
from deploy.sandbox.slack.person import WAIT_SECONDS
from tests.bot.http.fakes import APPEALS, COMMON, alert, as_json, signed
from tests.chaos.postgres import Postgres
from tests.environment import fresh_namespace

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
WITHIN = WAIT_SECONDS


def free_port() -> int:
    """A free port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert isinstance(port, int)
        return port


@asynccontextmanager
async def running(*command: str, **settings: str) -> AsyncIterator[Process]:
    """A process that is killed at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **settings},
        stdout=PIPE,
        stderr=PIPE,
        preexec_fn=ends_with_parent(),
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process: Process, event: str) -> dict[str, Any]:
    """Waits for the log line of `event`."""
    assert process.stderr is not None
    async with asyncio.timeout(WITHIN):
        async for line in process.stderr:
            fields = json.loads(line) if line.startswith(b"{") else {}
            if fields.get("event") == event:
                return dict(fields)
    raise AssertionError(f"the process ended before {event}")


async def until(get: Callable[[], Any], holds: Callable[[httpx.Response], bool]) -> httpx.Response:
    """Repeats a request until `holds` accepts its response."""
    async with asyncio.timeout(WITHIN):
        while True:
            answer = await get()
            assert isinstance(answer, httpx.Response)
            if holds(answer):
                return answer
            await asyncio.sleep(0.05)  # between two looks


async def ended(process: Process) -> int:
    """Sends SIGTERM and returns the exit code."""
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(WITHIN):
        return await process.wait()


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Local settings: no Temporal yet, and an unreachable Slack."""
    return {
        "KOBAN_POLICY": str(ROOT / "deploy/policy"),
        "KOBAN_TEMPORAL__ADDRESS": f"127.0.0.1:{free_port()}",
        "KOBAN_HTTP__PORT": "0",
        "KOBAN_HTTP__METRICS_PORT": "0",
        "KOBAN_SLACK__BOT_TOKEN": "xoxb-nobody",
        "KOBAN_SLACK__SIGNING_SECRET": "secret-of-slack",
        "KOBAN_SLACK__API_URL": "http://127.0.0.1:1/api/",
        "KOBAN_PLATFORM__BASE_URL": "http://127.0.0.1:1/",
        "KOBAN_INGEST__SECRET": COMMON,
        "KOBAN_APPEALS__SECRET": APPEALS,
        "KOBAN_LEDGER__URL": f"sqlite+aiosqlite:///{tmp_path}/koban.db",
    }


@pytest.mark.long
async def test_both_start_without_temporal_and_go_on_once_it_is_there(
    settings: dict[str, str], tmp_path: Path
) -> None:
    """The first response is 503; later the alert is accepted and its case recorded."""
    koban, temporal = str(BIN / "koban"), str(BIN / "temporal")
    port = settings["KOBAN_TEMPORAL__ADDRESS"].rpartition(":")[2]
    headless = ("--headless", "--log-level", "error", "--ip", "127.0.0.1")
    database = ("--port", port, "--db-filename", str(tmp_path / "temporal.db"))
    async with AsyncExitStack() as stack:
        serve = await stack.enter_async_context(running(koban, "serve", **settings))
        work = await stack.enter_async_context(running(koban, "work", **settings))
        inside = (await line_of(serve, "listening_inside"))["url"]
        url = (await line_of(serve, "listening"))["url"]
        assert (await line_of(work, "temporal_away"))["problem"]
        http = await stack.enter_async_context(
            httpx.AsyncClient(timeout=WAIT_SECONDS, base_url=url, trust_env=False)
        )
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/readyz")).status_code == 503
        away = await http.get(f"{inside}/readyz")
        assert away.status_code == 503
        assert (away.json()["ledger"], away.json()["policy"]) == ("ok", "ok")
        assert (await _post(http)).status_code == 503
        await stack.enter_async_context(
            running(temporal, "server", "start-dev", *headless, *database)
        )
        await line_of(work, "working")
        answer = await until(lambda: _post(http), lambda given: given.status_code == 202)
        assert answer.json() == {"results": [{"id": "a1", "result": "accepted"}]}
        assert (await http.get("/readyz")).status_code == 200
        await _recorded(koban, settings)
        inside = (await line_of(work, "listening_inside"))["url"]
        assert (await http.get(f"{inside}/readyz")).json() == {"temporal": "ok", "policy": "ok"}
        page = (await http.get(f"{inside}/metrics")).text
        assert 'koban_activity_seconds_count{activity="open_case",result="ok"} 1.0' in page
        assert await ended(serve) == 0
        assert await ended(work) == 0


@pytest.mark.long
async def test_both_start_without_the_ledger_and_go_on_once_it_is_there(
    temporal: str, settings: dict[str, str], open_folder: Path
) -> None:
    """Alerts are accepted at once; the case is recorded once the ledger is back."""
    koban, postgres = str(BIN / "koban"), Postgres(open_folder)
    settings["KOBAN_LEDGER__URL"] = postgres.url("postgres")
    settings["KOBAN_TEMPORAL__ADDRESS"] = temporal
    settings["KOBAN_TEMPORAL__NAMESPACE"] = await fresh_namespace(temporal)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(postgres.kill)
        serve = await stack.enter_async_context(running(koban, "serve", **settings))
        work = await stack.enter_async_context(running(koban, "work", **settings))
        inside = (await line_of(serve, "listening_inside"))["url"]
        url = (await line_of(serve, "listening"))["url"]
        assert "postgresql" in (await line_of(work, "ledger_away"))["address"]
        http = await stack.enter_async_context(
            httpx.AsyncClient(timeout=WAIT_SECONDS, base_url=url, trust_env=False)
        )
        away = await http.get(f"{inside}/readyz")
        assert (away.status_code, away.json()["temporal"]) == (503, "ok")
        assert away.json()["ledger"].endswith("does not answer. Start it or set KOBAN_LEDGER__URL.")
        assert (await _post(http)).status_code == 202
        await postgres.process.start()
        await line_of(work, "working")
        await until(lambda: http.get("/readyz"), lambda given: given.status_code == 200)
        await _recorded(koban, settings)
        assert await ended(serve) == 0
        assert await ended(work) == 0


@pytest.mark.long
async def test_work_that_waits_for_its_ledger_ends_on_sigterm(
    temporal: str, settings: dict[str, str], open_folder: Path
) -> None:
    """The process has nothing to shut down."""
    settings["KOBAN_LEDGER__URL"] = Postgres(open_folder).url("postgres")
    settings["KOBAN_TEMPORAL__ADDRESS"] = temporal
    async with running(str(BIN / "koban"), "work", **settings) as work:
        await line_of(work, "ledger_away")
        assert await ended(work) == 0


@pytest.mark.wide(1)
@pytest.mark.parametrize("command", ["serve", "work"])
async def test_a_ledger_that_can_not_be_used_stops_the_start(
    temporal: str, settings: dict[str, str], tmp_path: Path, command: str
) -> None:
    """Exit 1 and a sentence with the setting, because waiting would not help."""
    settings["KOBAN_LEDGER__URL"] = f"sqlite+aiosqlite:///{tmp_path}/nowhere/koban.db"
    settings["KOBAN_TEMPORAL__ADDRESS"] = temporal
    async with asyncio.timeout(WITHIN), running(str(BIN / "koban"), command, **settings) as process:
        _, output = await process.communicate()
    assert process.returncode == 1
    assert output.decode().splitlines()[-1] == (
        f"The ledger at sqlite+aiosqlite:///{tmp_path}/nowhere/koban.db can't be opened. "
        "Set KOBAN_LEDGER__URL."
    )


async def _post(http: httpx.AsyncClient) -> httpx.Response:
    body = as_json(alert("a1"))
    return await http.post("/v1/alerts", content=body, headers=signed(body))


async def _recorded(koban: str, settings: dict[str, str]) -> None:
    """Waits until `koban audit verify` sees the case."""
    async with asyncio.timeout(WITHIN):
        output = b""
        while not output.startswith(b"1 cases, "):
            async with running(koban, "audit", "verify", **settings) as audit:
                output, _ = await audit.communicate()
                assert audit.returncode == 0


async def test_a_taken_port_gets_a_sentence(settings: dict[str, str]) -> None:
    """The exit code is 1, and the message names the settings."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings["KOBAN_HTTP__PORT"] = port = str(taken.getsockname()[1])
        async with running(str(BIN / "koban"), "serve", **settings) as serve:
            _, output = await serve.communicate()
    assert serve.returncode == 1
    assert output.decode() == (
        f"Koban can't listen on 127.0.0.1 port {port} (Address already in use): "
        "set KOBAN_HTTP__HOST or KOBAN_HTTP__PORT.\n"
    )


@pytest.mark.long
async def test_a_worker_without_the_key_does_not_start(
    temporal: str, settings: dict[str, str], tmp_path: Path
) -> None:
    """Exit 1 and a sentence about the missing key; `doctor` prints it too."""
    key = base64.b64encode(b"k" * 32).decode()
    namespace = await fresh_namespace(temporal)
    mine = Temporal(address=temporal, namespace=namespace, encryption_keys=SecretStr(f"k1:{key}"))
    await (await open_client(mine)).start_workflow("Any", "sealed", id="any", task_queue="none")
    settings["KOBAN_TEMPORAL__ADDRESS"] = temporal
    settings["KOBAN_TEMPORAL__NAMESPACE"] = namespace
    settings["KOBAN_TEMPORAL__ENCRYPTION_KEYS"] = f"k2:{key}"
    sentence = (
        "Temporal holds data that was encrypted with the key 'k1': "
        "add it to KOBAN_TEMPORAL__ENCRYPTION_KEYS.\n"
    )
    async with asyncio.timeout(WITHIN):
        async with running(str(BIN / "koban"), "work", **settings) as work:
            _, output = await work.communicate()
        async with running(str(BIN / "koban"), "doctor", **settings) as doctor:
            answers, _ = await doctor.communicate()
    assert (work.returncode, output.decode()) == (1, sentence)
    assert f"temporal  {sentence}" in answers.decode()
    assert key not in output.decode() + answers.decode()
