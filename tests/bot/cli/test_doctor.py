"""`koban doctor --slack` against the sandbox: a line for each surface."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.sandbox.serve import serving
from deploy.sandbox.slack.app import make_app
from deploy.sandbox.slack.rates import Rates
from deploy.sandbox.slack.workspace import Workspace
from tests.bot.cli.test_processes import BIN, ROOT, WITHIN, free_port, running


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """Settings with the example policy and a Slack; everything else is unreachable."""
    workspace = Workspace(rates=Rates(enabled=False))
    shutil.copytree(ROOT / "deploy/policy", tmp_path / "policy")
    async with serving(make_app(workspace)) as url:
        yield {
            "KOBAN_POLICY": str(tmp_path / "policy"),
            "KOBAN_TEMPORAL__ADDRESS": f"127.0.0.1:{free_port()}",
            "KOBAN_SLACK__BOT_TOKEN": workspace.bot_token,
            "KOBAN_SLACK__API_URL": f"{url}/api/",
            "KOBAN_PLATFORM__BASE_URL": "http://127.0.0.1:1/",
            "KOBAN_LEDGER__URL": f"sqlite+aiosqlite:///{tmp_path}/koban.db",
        }


async def asked(settings: dict[str, str], *options: str) -> tuple[int | None, list[str]]:
    """Exit code, and the output lines about blocks."""
    async with asyncio.timeout(WITHIN):
        async with running(str(BIN / "koban"), "doctor", *options, **settings) as doctor:
            output, _ = await doctor.communicate()
    lines = output.decode().splitlines()
    assert "slack     ok" in lines
    return doctor.returncode, [line for line in lines if line.startswith("blocks    ")]


@pytest.mark.long
async def test_every_surface_is_validated(settings: dict[str, str]) -> None:
    """The other lines do not change; the exit code reports the unreachable services."""
    code, lines = await asked(settings, "--slack")
    assert code == 2
    assert len(lines) > 40
    assert [line for line in lines if not line.endswith(": ok")] == []
    assert "blocks    off_platform: approval, ban: ok" in lines
    assert "blocks    home: ok" in lines


@pytest.mark.long
async def test_without_the_option_nothing_is_validated(settings: dict[str, str]) -> None:
    """`--slack` makes one call for each surface."""
    assert await asked(settings) == (2, [])


def spoil(folder: str) -> None:
    """Adds a mistake to the policy folder."""
    Path(folder, "actions.yaml").write_text("actions: 3\n", "utf-8")


@pytest.mark.long
async def test_without_a_policy_nothing_is_validated(settings: dict[str, str]) -> None:
    """One line describes the mistake."""
    spoil(settings["KOBAN_POLICY"])
    _, lines = await asked(settings, "--slack")
    assert len(lines) == 1
    assert lines[0].startswith(f"blocks    The policy folder {settings['KOBAN_POLICY']} has mist")
