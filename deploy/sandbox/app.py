"""Sandbox: Slack, the marketplace, a receiver of feedback, faults and the page on one port."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI

from bot.slack.manifest import SHORTCUTS
from deploy.sandbox.detectors import DetectorPanel, detector_routes
from deploy.sandbox.faults import Faults
from deploy.sandbox.feedback import FeedbackReceiver, feedback_routes
from deploy.sandbox.marketplace.app import market_routes
from deploy.sandbox.marketplace.appeals import appeal_routes
from deploy.sandbox.marketplace.pictures import picture_routes
from deploy.sandbox.marketplace.store import Store
from deploy.sandbox.page.page import page_routes
from deploy.sandbox.serve import serving
from deploy.sandbox.slack.app import add_slack
from deploy.sandbox.slack.faults import faults_router
from deploy.sandbox.slack.sockets import socket_server
from deploy.sandbox.slack.workspace import Workspace

MARKET_TOKEN = "sandbox-market"
INGEST_SECRET = "whsec_c2FuZGJveC1zYW5kYm94LXNhbmRib3gtMzItYg=="
APPEALS_SECRET = "whsec_c2FuZGJveC1hcHBlYWxzLW9mLXRoZS1zYW5kYm94"
POLICY = Path(__file__).parents[1] / "policy"


@dataclass
class Sandbox:
    """One sandbox. `url` is its address while it is served; `warehouse` need not exist."""

    workspace: Workspace
    market: Store
    faults: Faults
    warehouse: Path
    url: str = ""
    detectors: DetectorPanel = field(default_factory=DetectorPanel)
    feedback: FeedbackReceiver = field(default_factory=lambda: FeedbackReceiver(INGEST_SECRET))
    app: FastAPI = field(default_factory=FastAPI)

    def environment(self, temporal: str, ledger: str, port: int) -> dict[str, str]:
        """Settings of Koban's processes for this sandbox."""
        slack = {"KOBAN_SLACK__SIGNING_SECRET": self.workspace.signing_secret}
        if self.workspace.socket_mode:
            slack = {"KOBAN_SLACK__APP_TOKEN": self.workspace.app_token}
        return {
            **slack,
            "KOBAN_TEMPORAL__ADDRESS": temporal,
            "KOBAN_SLACK__BOT_TOKEN": self.workspace.bot_token,
            "KOBAN_SLACK__API_URL": f"{self.url}/api/",
            "KOBAN_SLACK__PACE": str(self.workspace.rates.pace),
            "KOBAN_PLATFORM__BASE_URL": f"{self.url}/market",
            "KOBAN_PLATFORM__TOKEN": MARKET_TOKEN,
            "KOBAN_INGEST__SECRET": INGEST_SECRET,
            "KOBAN_APPEALS__SECRET": APPEALS_SECRET,
            "KOBAN_LEDGER__URL": ledger,
            "KOBAN_POLICY": str(POLICY),
            "KOBAN_SOURCE_WAREHOUSE": f"duckdb:///{self.warehouse}",
            "KOBAN_FEEDBACK_SPAM": f"{self.url}/feedback/spam",
            "KOBAN_HTTP__PORT": str(port),
        }


@asynccontextmanager
async def run_sandbox(
    folder: Path, port: int = 0, workspace: Workspace | None = None
) -> AsyncIterator[Sandbox]:
    """Serves a sandbox; the marketplace keeps its state in `folder`.

    Raises:
    OSError: The port is taken.
    """
    workspace = workspace or Workspace()
    faults = Faults()
    workspace.shortcuts, workspace.faults = SHORTCUTS, faults
    market = Store(folder / "market.db")
    made = Sandbox(workspace, market, faults, folder / "warehouse.duckdb")
    made.app.router.routes.extend(page_routes())
    made.app.include_router(faults_router(made.faults))
    made.app.include_router(picture_routes(made.faults))
    made.app.include_router(market_routes(made.market, made.faults, MARKET_TOKEN))
    made.app.include_router(feedback_routes(made.feedback))
    made.app.include_router(detector_routes(made.detectors))
    made.app.include_router(appeal_routes(made.market, lambda: workspace.bot_url, APPEALS_SECRET))
    app_client = add_slack(made.app, workspace)
    async with AsyncExitStack() as opened:
        opened.callback(made.market.close)
        if workspace.socket_mode:
            await opened.enter_async_context(socket_server(workspace.sockets))
        made.url = workspace.base_url = await opened.enter_async_context(serving(made.app, port))
        opened.push_async_callback(app_client.close)
        yield made
