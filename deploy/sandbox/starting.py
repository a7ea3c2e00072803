"""What `make demo` prints while its processes start."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx

from deploy.sandbox.slack.workspace import Workspace

LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 10


async def starting(temporal: str, workspace: Workspace, http: httpx.AsyncClient) -> None:
    """Prints a line for each part that is ready, and one every ten seconds for one that is not."""

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
    for name, there in steps.items():
        await _until(name, there)


async def _until(name: str, there: Callable[[], Awaitable[bool]]) -> None:
    began = said = time.monotonic()
    while not await there():
        now = time.monotonic()
        if now - said >= PATIENCE_SECONDS:
            print(f"  still waiting for {name} ({now - began:.0f} s)", flush=True)
            said = now
        await asyncio.sleep(LOOK_SECONDS)
    print(f"  {name} is ready", flush=True)
