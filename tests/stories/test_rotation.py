"""Rotation of every key while alerts arrive and a decision waits for approval."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.cli.serve import open_app
from bot.policies import open_policies
from bot.settings import Settings
from deploy.sandbox.app import INGEST_SECRET
from deploy.sandbox.serve import serving
from deploy.sandbox.traffic.sender import Sender
from tests.environment import Environment, koban, work
from tests.stories.test_a_shift import lure
from tests.stories.test_second_person import a_ban
from tests.timeouts import LONG_TIMEOUTS

SEAL, SIGN, NEXT = (
    f"{name}:{base64.b64encode(name[0].encode() * 32).decode()}" for name in ("e1", "s1", "n2")
)
NEW_SECRET = f"whsec_{base64.b64encode(b'n' * 32).decode()}"
STEPS = (
    # The new keys are behind the old ones, then first; the ingest secret's old one is removed.
    (f"{SEAL},{NEXT}", f"{SIGN},{NEXT}", f"{INGEST_SECRET},{NEW_SECRET}", INGEST_SECRET),
    (f"{NEXT},{SEAL}", f"{NEXT},{SIGN}", f"{INGEST_SECRET},{NEW_SECRET}", NEW_SECRET),
    (f"{NEXT},{SEAL}", f"{NEXT},{SIGN}", NEW_SECRET, NEW_SECRET),
)
MOST = 60
"""Alerts of a run, so that a slow machine ends it."""


class Detector:
    """Detector that sends one alert after another, through the sender of the moment."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self.accepted: list[str] = []
        self.grown = asyncio.Event()

    async def run(self) -> None:
        """Sends until `MOST`; an alert is repeated until it is accepted."""
        for number in range(100, 100 + MOST):
            await self._env.happens(lure(number, f"u_{number}"))
            self.accepted.append(f"u_{number}")
            self.grown.set()

    async def more(self, count: int) -> None:
        """Waits until `count` more alerts are accepted, or all are."""
        wanted = min(len(self.accepted) + count, MOST)
        while len(self.accepted) < wanted:
            self.grown.clear()
            await self.grown.wait()


@asynccontextmanager
async def restarted(env: Environment, settings: Settings, secret: str) -> AsyncIterator[None]:
    """Another `serve` and `work` with these settings; Slack and the detector move to them."""
    async with AsyncExitStack() as opened:
        app = await open_app(opened, settings, open_policies(settings), LONG_TIMEOUTS)
        url = await opened.enter_async_context(serving(app))
        await opened.enter_async_context(work(settings))
        env.sandbox.workspace.bot_url = url
        env.sender = Sender(url, secret, env.http)
        yield


def with_keys(env: Environment, seal: str, sign: str, ingest: str) -> Settings:
    """The environment's settings with other keys."""
    keys = {"encryption_keys": SecretStr(seal), "signing_keys": SecretStr(sign)}
    temporal = env.settings.temporal.model_copy(update=keys)
    changed = env.settings.ingest.model_copy(update={"secret": SecretStr(ingest)})
    return env.settings.model_copy(update={"temporal": temporal, "ingest": changed})


@pytest.mark.long
async def test_every_key_is_rotated_under_load(temporal: str, tmp_path: Path) -> None:
    """No alert is lost, and the decision from before is approved and executed once."""
    keys = {"encryption_keys": SEAL, "signing_keys": SIGN}
    async with koban(temporal, tmp_path, of_temporal=keys, working=False) as env:
        sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
        processes = AsyncExitStack()
        await processes.enter_async_context(work(env.settings))
        card, case, asked = await a_ban(env, sato, tanaka)
        detector = Detector(env)
        try:
            async with asyncio.TaskGroup() as running:
                running.create_task(detector.run())
                for seal, sign, ingest, secret in STEPS:
                    old, processes = processes, AsyncExitStack()
                    settings = with_keys(env, seal, sign, ingest)
                    await processes.enter_async_context(restarted(env, settings, secret))
                    await old.aclose()
                    await detector.more(5)
                await tanaka.press(asked, "approval.approve")
                await sato.wait_text(card, "完了")
                await env.wait_kind(case, "case_closed")
            for person in detector.accepted:
                await sato.wait_card("ts-live", person)
        finally:
            await processes.aclose()
        assert len(detector.accepted) == MOST
        assert await env.changes() == [("POST", "users/u_123/bans")]
        assert await env.findings(settings) == ()
