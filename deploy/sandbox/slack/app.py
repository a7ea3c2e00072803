"""The stand-in as one app, or as parts of an app that has more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from deploy.sandbox.faults import faults_router
from deploy.sandbox.slack.courier import Courier
from deploy.sandbox.slack.ui import ui_router
from deploy.sandbox.slack.web_api import api_router
from deploy.sandbox.slack.workspace import Workspace


def add_slack(app: FastAPI, workspace: Workspace) -> Courier:
    """Hangs the Web API and `/ui` into the app; close the courier when the app ends."""
    courier = Courier(workspace)
    app.include_router(api_router(workspace))
    app.include_router(ui_router(workspace, courier))
    return courier


def make_app(workspace: Workspace) -> FastAPI:
    """The Slack stand-in alone, with its fault switches."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await courier.close()

    app = FastAPI(title="Slack stand-in", lifespan=lifespan)
    app.include_router(faults_router(workspace.faults))
    courier = add_slack(app, workspace)
    return app
