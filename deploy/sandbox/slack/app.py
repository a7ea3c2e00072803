"""FastAPI app of the stand-in, alone or as routers of a larger app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from deploy.sandbox.slack.app_client import AppClient
from deploy.sandbox.slack.faults import faults_router
from deploy.sandbox.slack.ui import ui_router
from deploy.sandbox.slack.web_api import api_router
from deploy.sandbox.slack.workspace import Workspace


def add_slack(app: FastAPI, workspace: Workspace) -> AppClient:
    """Adds the Web API and `/ui` to the app; the caller closes the returned client."""
    app_client = AppClient(workspace)
    app.include_router(api_router(workspace))
    app.include_router(ui_router(workspace, app_client))
    return app_client


def make_app(workspace: Workspace) -> FastAPI:
    """The Slack stand-in alone, with its fault switches."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await app_client.close()

    app = FastAPI(title="Slack stand-in", lifespan=lifespan)
    app.include_router(faults_router(workspace.faults))
    app_client = add_slack(app, workspace)
    return app
