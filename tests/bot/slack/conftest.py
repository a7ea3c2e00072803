"""Slack workspace and Koban's listeners, connected over real HTTP."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

import aiohttp
import httpx
import pytest
from fastapi import FastAPI
from slack_sdk.web.async_client import AsyncWebClient
from starlette.types import Receive, Scope, Send

from activities.slack.i18n.catalog import texts
from bot.services.slack import Services
from bot.slack.app import make_bolt_app
from bot.slack.http import slack_routes
from bot.tasks import Background
from bot.timeouts import PRODUCTION, Timeouts
from deploy.sandbox.serve import serving
from deploy.sandbox.slack.app import add_slack
from deploy.sandbox.slack.model import BOT_USER, Message
from deploy.sandbox.slack.person import WAIT_SECONDS, Person
from deploy.sandbox.slack.triggers import Triggers
from deploy.sandbox.slack.workspace import ON_A_BUSY_MACHINE, Workspace
from tests.bot.slack.fake_bulk import FakeBulkDecisions
from tests.bot.slack.fake_evidence import FakeEvidence
from tests.bot.slack.fake_manual import (
    FakeAlerts,
    FakeAutomation,
    FakeDetectors,
    FakeFinding,
    FakePolicyHistory,
)
from tests.bot.slack.fake_team import FakeTeam
from tests.bot.slack.fakes import (
    CASE,
    NOW,
    ROUTE,
    FakeAppeals,
    FakeCases,
    FakeCovers,
    FakeLedger,
    FakeLimits,
    FakePeople,
    FakePlatform,
    FakePolicies,
)
from tests.leaks import no_task_left
from tests.timeouts import LONG_TIMEOUTS
from workflows.domain.values import Language

BUTTONS = (
    ("case.bulk", "一括で判断…"),
    ("case.evidence", "検知内容を見る"),
    ("bulk.list", "対象を見る"),
    ("bulk.stop", "一括実行を停止する"),
    ("case.claim", "担当する"),
    ("case.preset.mute", "24時間コメント制限"),
    ("case.decide", "判断…"),
    ("case.clear", "違反なし"),
    ("case.escalate", "リードを呼ぶ"),
    ("action.undo", "取り消す"),
    ("action.retry", "再試行"),
    ("action.give_up", "あきらめる"),
    ("approval.approve", "承認"),
    ("approval.reject", "却下…"),
    ("approval.ask", "質問…"),
    ("approval.answer", "答える…"),
    ("approval.withdraw", "取り下げる"),
    ("case.confirm", "この措置で確定"),
    ("case.lift_protection", "自動対応を解除"),
    ("case.acknowledge", "確認した"),
    ("case.resume", "保留を解除"),
    ("case.reopen", "再開する…"),
    ("case.invented", "未知"),
)
ENTRIES = (("release", "担当を外す"), ("escalate", "呼び出し"))


@dataclass
class SlackEnvironment:
    """Workspace and services of a test."""

    workspace: Workspace
    slack_url: str
    cases: FakeCases = field(default_factory=FakeCases)
    appeals: FakeAppeals = field(default_factory=FakeAppeals)
    people: FakePeople = field(default_factory=FakePeople)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    covers: FakeCovers = field(default_factory=FakeCovers)
    platform: FakePlatform = field(default_factory=FakePlatform)
    team: FakeTeam = field(default_factory=FakeTeam)
    bulk_decisions: FakeBulkDecisions = field(default_factory=FakeBulkDecisions)
    finding: FakeFinding = field(default_factory=FakeFinding)
    automation: FakeAutomation = field(default_factory=FakeAutomation)
    detectors: FakeDetectors = field(default_factory=FakeDetectors)
    alerts: FakeAlerts = field(default_factory=FakeAlerts)
    evidence: FakeEvidence = field(default_factory=FakeEvidence)
    limits: FakeLimits = field(default_factory=FakeLimits)
    policy_history: FakePolicyHistory = field(default_factory=FakePolicyHistory)
    policies: FakePolicies = field(default_factory=FakePolicies)
    background: Background = field(default_factory=Background)
    now: datetime = NOW
    timeouts: Timeouts = PRODUCTION
    sessions: list[Person] = field(default_factory=list)

    def person(self, user: str) -> Person:
        self.sessions.append(Person(self.slack_url, user))
        return self.sessions[-1]

    def services(self) -> Services:
        return Services(
            cases=self.cases,
            appeals=self.appeals,
            policies=self.policies,
            people=self.people,
            ledger=self.ledger,
            covers=self.covers,
            platform=self.platform,
            team=self.team,
            texts=texts,
            language=Language.JA,
            zone=ZoneInfo("Asia/Tokyo"),
            bulk_decisions=self.bulk_decisions,
            finding=self.finding,
            automation=self.automation,
            detectors=self.detectors,
            alerts=self.alerts,
            evidence=self.evidence,
            limits=self.limits,
            policy_history=self.policy_history,
            timeouts=self.timeouts,
        )

    def card(
        self,
        value: str = f"{CASE}:3",
        workflow_id: str = ROUTE,
        thread_ts: str | None = None,
        entries: tuple[tuple[str, str], ...] = ENTRIES,
    ) -> str:
        """Posts a card with every button into ts-live; returns its ts."""
        elements = [button(action, label, value) for action, label in BUTTONS]
        elements.append(button("case.rule", "ルール", value) | {"url": "https://rules.example/"})
        menu = {
            "type": "overflow",
            "action_id": "case.more",
            "options": [_option(label, f"{entry}:{value}") for entry, label in entries],
        }
        return self.posted(f"card {value}", workflow_id, [*elements, menu], thread_ts)

    def posted(
        self, text: str, block_id: str, elements: list[dict], thread_ts: str | None = None
    ) -> str:
        """Posts a message with one row of buttons into ts-live; returns its ts."""
        blocks = [
            {"type": "section", "text": {"type": "plain_text", "text": text}},
            {"type": "actions", "block_id": block_id, "elements": elements},
        ]
        message = Message(
            "C0LIVE",
            self.workspace.messages.next_ts(),
            BOT_USER,
            text,
            blocks,
            bot=True,
            thread_ts=thread_ts,
        )
        return self.workspace.post(message).ts

    async def message(self, person: Person, card_ts: str) -> dict:
        """A message as a person sees it."""
        messages = await person.messages("ts-live")
        return next(one for one in messages if one["ts"] == card_ts)

    async def ephemeral(self, person: Person) -> str:
        """The person's first ephemeral message in ts-live."""

        async def look() -> str:
            found = await person.ephemerals("ts-live")
            return shown(found[0]) if found else ""

        return await person.until(look, what="an ephemeral answer")

    async def command(self, person: Person, line: str) -> str:
        """The answer to `/koban …`."""
        await person.command(line)
        return await self.ephemeral(person)


def shown(message: dict) -> str:
    """The texts of a message's blocks, one line each, as mrkdwn."""
    lines = [block["text"]["text"] for block in message["blocks"] if "text" in block]
    return "\n".join(lines) or message["text"]


def button(action: str, label: str, value: str) -> dict:
    """A button of a message."""
    text = {"type": "plain_text", "text": label}
    return {"type": "button", "action_id": action, "text": text, "value": value}


def _option(label: str, value: str) -> dict:
    return {"text": {"type": "plain_text", "text": label}, "value": value}


class Server:
    """One HTTP server for all tests; each test replaces its app."""

    def __init__(self) -> None:
        self.app: FastAPI = FastAPI()
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[Server]:
    shared = Server()
    async with serving(shared) as shared.url:
        yield shared
        shared.app = FastAPI()


@pytest.fixture
def timeouts() -> Timeouts:
    """Timeouts for a busy machine; a test parametrizes this to shorten one."""
    return replace(LONG_TIMEOUTS, language=PRODUCTION.language)


@pytest.fixture
async def env(server: Server, timeouts: Timeouts) -> AsyncIterator[SlackEnvironment]:
    workspace = Workspace(
        bot_url=server.url,
        base_url=server.url,
        ack_seconds=ON_A_BUSY_MACHINE,
        triggers=Triggers(lives=ON_A_BUSY_MACHINE),
    )
    env = SlackEnvironment(workspace, server.url, timeouts=timeouts)
    app = FastAPI()
    app_client = add_slack(app, workspace)
    async with no_task_left(), aiohttp.ClientSession() as session:
        client = AsyncWebClient(
            token=workspace.bot_token, base_url=f"{server.url}/api/", session=session
        )
        bolt = make_bolt_app(
            env.services(), client, workspace.signing_secret, env.background, lambda: env.now
        )
        app.include_router(slack_routes(bolt, workspace.signing_secret))
        server.app = app
        yield env
        for each in env.sessions:
            await each.close()
        await env.background.drain(2)
        await app_client.close()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=WAIT_SECONDS, trust_env=False) as client:
        yield client
