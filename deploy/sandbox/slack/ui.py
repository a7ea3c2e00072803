"""Routes of `/ui/*`: a person's side of Slack, for the page and for tests."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from deploy.sandbox.slack import interactions
from deploy.sandbox.slack.app_client import AppClient
from deploy.sandbox.slack.blockkit.values import merged
from deploy.sandbox.slack.client_state import client_state, person_json
from deploy.sandbox.slack.errors import SlackError
from deploy.sandbox.slack.model import Channel, Member
from deploy.sandbox.slack.web_api import learn_base_url
from deploy.sandbox.slack.workspace import Workspace

# At most about ten events a second reach a page.
STREAM_PAUSE = 0.1
STREAM_KEEPALIVE = 15.0


class By(BaseModel):
    """A request of one person; further fields have the values of actions."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)
    user: str = Field(alias="as")

    def given(self) -> dict:
        return dict(self.model_extra or {})


class Act(By):
    container: dict
    block_id: str
    action_id: str
    values: dict[str, dict[str, dict]] = Field(default_factory=dict)


class Submission(By):
    view_id: str
    values: dict[str, dict[str, dict]] = Field(default_factory=dict)


class CloseView(By):
    view_id: str


class Command(By):
    channel: str
    command: str = "/koban"
    text: str = ""


class NewMessage(By):
    channel: str
    text: str
    thread_ts: str | None = None


class ReadMark(By):
    channel: str


class Shortcut(By):
    callback_id: str


class MessageShortcut(Shortcut):
    channel: str
    ts: str


def ui_router(workspace: Workspace, client: AppClient) -> APIRouter:
    async def learn(request: Request) -> None:
        learn_base_url(workspace, request)

    router = APIRouter(prefix="/ui", dependencies=[Depends(learn)])
    _read_routes(router, workspace)
    _action_routes(router, workspace, client)
    _modal_routes(router, workspace, client)
    _log_routes(router, workspace)
    return router


def _member(workspace: Workspace, user: str) -> Member:
    member = workspace.people.get(user)
    if member is None or member.is_bot:
        raise HTTPException(404, f"there is no person {user!r}")
    return member


def _channel(workspace: Workspace, member: Member, name: str) -> Channel:
    try:
        channel = workspace.channel(name)
    except SlackError as unknown:
        raise HTTPException(404, f"there is no channel {name!r}") from unknown
    if not channel.seen_by(member.id):
        raise HTTPException(404, f"there is no channel {name!r}")
    return channel


def _outcome(error: str | None) -> dict:
    return {"ok": error is None, **({"error": error} if error else {})}


def _read_routes(router: APIRouter, workspace: Workspace) -> None:
    @router.get("/people")
    async def people() -> list[dict]:
        return [person_json(workspace, m) for m in workspace.people.values() if not m.is_bot]

    @router.get("/state")
    async def state(user: str = Query(alias="as")) -> dict:
        return client_state(workspace, _member(workspace, user))

    @router.get("/shortcuts")
    async def shortcuts() -> list[dict]:
        """Shortcuts of the app: `{name, type: global | message, callback_id, description}`."""
        return list(workspace.shortcuts)

    @router.get("/stream")
    async def stream(user: str = Query(alias="as")) -> StreamingResponse:
        _member(workspace, user)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(
            _changes(workspace, user), media_type="text/event-stream", headers=headers
        )

    @router.post("/read")
    async def read(body: ReadMark) -> dict:
        member = _member(workspace, body.user)
        workspace.mark_read(member.id, _channel(workspace, member, body.channel).id)
        return _outcome(None)


async def _changes(workspace: Workspace, user: str) -> AsyncIterator[str]:
    seen = -1
    while not workspace.feed.closed:
        now = await workspace.feed.after(user, seen, STREAM_KEEPALIVE)
        yield f'data: {{"seq": {now}}}\n\n' if now != seen else ": still here\n\n"
        seen = now
        await asyncio.sleep(STREAM_PAUSE)


def _action_routes(router: APIRouter, workspace: Workspace, client: AppClient) -> None:
    @router.post("/act")
    async def act(body: Act) -> dict:
        member = _member(workspace, body.user)
        source = interactions.source_of(workspace, member.id, body.container)
        if source is not None:
            source.values = merged(source.values, body.values)
        done = interactions.Press(body.block_id, body.action_id, body.given())
        return _outcome(await interactions.press(workspace, client, member, source, done))

    @router.post("/options")
    async def options(body: Act) -> dict:
        member = _member(workspace, body.user)
        source = interactions.source_of(workspace, member.id, body.container)
        done = interactions.Press(body.block_id, body.action_id, body.given())
        return {"options": await interactions.suggest(workspace, client, member, source, done)}

    @router.post("/command")
    async def command(body: Command) -> dict:
        member = _member(workspace, body.user)
        channel = _channel(workspace, member, body.channel)
        line = (body.command, body.text)
        return _outcome(await interactions.command(workspace, client, member, channel, line))

    @router.post("/home")
    async def home(body: By) -> dict:
        member = _member(workspace, body.user)
        return _outcome(await interactions.open_home(workspace, client, member))

    @router.post("/message")
    async def post_message(body: NewMessage) -> dict:
        member = _member(workspace, body.user)
        channel = _channel(workspace, member, body.channel)
        message = await interactions.say(
            workspace, client, member, channel, (body.text, body.thread_ts)
        )
        return {"ok": True, "ts": message.ts}

    @router.post("/shortcut")
    async def shortcut(body: Shortcut) -> dict:
        member = _member(workspace, body.user)
        error = await interactions.shortcut(workspace, client, member, body.callback_id, None)
        return _outcome(error)

    @router.post("/message_shortcut")
    async def message_shortcut(body: MessageShortcut) -> dict:
        member = _member(workspace, body.user)
        channel = _channel(workspace, member, body.channel)
        source = workspace.messages.visible(channel.id, body.ts)
        if source is None:
            # Slack's menu of a message that only one person sees has no shortcuts.
            raise HTTPException(404, f"there is no message {body.ts!r} in {body.channel!r}")
        error = await interactions.shortcut(workspace, client, member, body.callback_id, source)
        return _outcome(error)


def _modal_routes(router: APIRouter, workspace: Workspace, client: AppClient) -> None:
    @router.post("/submit")
    async def submit(body: Submission) -> dict:
        member = _member(workspace, body.user)
        done = await interactions.submit(workspace, client, member, body.view_id, body.values)
        errors = {"errors": done.errors} if done.errors else {}
        error = {"error": done.error} if done.error else {}
        return {"ok": done.ok, **errors, **error}

    @router.post("/close")
    async def close(body: CloseView) -> dict:
        member = _member(workspace, body.user)
        await interactions.close(workspace, client, member, body.view_id)
        return _outcome(None)


def _log_routes(router: APIRouter, workspace: Workspace) -> None:
    @router.get("/calls")
    async def calls() -> dict:
        """Web API calls since the start: all by method, and those answered 429."""
        return {
            "calls": dict(workspace.calls),
            "refused": dict(workspace.refused),
            "total": workspace.calls.total(),
        }

    @router.get("/deliveries")
    async def deliveries() -> list[dict]:
        """Requests to the bot: `{kind, at, seconds, status, error}`, oldest first."""
        return [vars(d) for d in workspace.deliveries]

    @router.get("/notifications")
    async def notifications() -> list[dict]:
        return [vars(n) for n in workspace.notifications]
