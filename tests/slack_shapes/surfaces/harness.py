"""Services behind the listeners, with foreign texts, and their answers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from activities.slack.i18n.catalog import texts
from bot.services.slack import Services
from bot.slack.commands.base import Request
from bot.slack.interactions import Source
from bot.slack.listener import SlackContext
from bot.slack.replies import Languages, Links, Said
from bot.tasks import Background
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
    NOW,
    FakeAppeals,
    FakeCases,
    FakeCovers,
    FakeLedger,
    FakeLimits,
    FakePeople,
    FakePlatform,
    FakePolicies,
)
from tests.slack_shapes.scene import BASE, Scene
from tests.slack_shapes.surfaces.policies import actions, playbooks
from workflows.domain.automation import PauseState, current_pauses
from workflows.domain.case.commands import Place
from workflows.domain.people import Role
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.detectors import Detector
from workflows.domain.policy.platform import RelatedSpec
from workflows.domain.policy.playbook import Playbook
from workflows.domain.values import Language, Text


async def acknowledged(*_: object, **__: object) -> None:
    """Accepts an acknowledgement."""


@dataclass
class FakeSlack:
    """Records answers, homes and messages in order, in place of Slack."""

    said: list[Said] = field(default_factory=list)
    homes: list[dict[str, Any]] = field(default_factory=list)
    published: asyncio.Event = field(default_factory=asyncio.Event)

    async def privately(self, source: Source, said: Said, in_place: bool = False) -> bool:
        self.said.append(said)
        return True

    async def directly(self, person: str, said: Said, request: str | None = None) -> bool:
        self.said.append(said)
        return True

    async def settle(self, request: str, ended: Callable[[str], Awaitable[Said]]) -> None:
        self.said.append(await ended("U0TANAKA"))

    async def in_channel(self, channel: str, said: Said) -> bool:
        self.said.append(said)
        return True

    async def views_publish(self, **given: Any) -> dict[str, Any]:
        self.homes.append(given["view"])
        self.published.set()
        return {"view": {"hash": "1.a"}}

    async def auth_test(self) -> dict[str, str]:
        return {"url": BASE}


@dataclass
class Speaking(FakePeople):
    """One language, with the texts as names."""

    reads: Language = Language.JA
    named: Mapping[str, str] = field(default_factory=dict)

    async def language(self, person: str) -> Language:
        return self.reads

    async def names(self, people: Iterable[str]) -> dict[str, str]:
        return {person: self.named.get(person, person) for person in people}


SHILL = {
    "detector": "shill",
    "sql": {
        "source": "warehouse",
        "query": "shill.sql",
        "every": "5m",
        "watermark": {"column": "seen_at"},
    },
    "alert": {
        "id": "row.id",
        "kind": "'shill_bidding'",
        "subject": {"type": "'user'", "id": "row.bidder"},
        "occurred_at": "row.seen_at",
    },
}


class Policies(FakePolicies):
    """Policy folder with the texts as titles."""

    def __init__(self, scene: Scene) -> None:
        self._playbooks = playbooks(scene.words)
        self._actions = actions(scene.words)
        title = scene.words.titled("吊り上げの疑い", "Shill bidding")
        self._detectors = {"shill": Detector.model_validate({**SHILL, "title": title})}

    def catalog(self) -> ActionCatalog:
        return self._actions

    def detectors(self) -> dict[str, Detector]:
        return self._detectors

    def playbook(self, name: str) -> Playbook | None:
        return next((each for each in self._playbooks if each.playbook == name), None)

    def playbooks(self) -> tuple[Playbook, ...]:
        return self._playbooks


class Bulk(FakeBulkDecisions):
    """Look-ups with the texts as titles."""

    title: Text

    def sources(self) -> dict[str, RelatedSpec]:
        spec = {"title": self.title, "type": "user", "path": "/x/{id}", "items": "response"}
        return {"device": RelatedSpec.model_validate(spec)}


class Team(FakeTeam):
    """Playbooks with the texts as titles."""

    title: Text

    def titles(self) -> dict[str, Text]:
        return {"off_platform": self.title}


@dataclass
class Harness:
    """Every service in its initial state, which a surface fills in."""

    scene: Scene
    cases: FakeCases = field(default_factory=FakeCases)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    covers: FakeCovers = field(default_factory=FakeCovers)
    platform: FakePlatform = field(default_factory=FakePlatform)
    finding: FakeFinding = field(default_factory=FakeFinding)
    automation: FakeAutomation = field(default_factory=FakeAutomation)
    detectors: FakeDetectors = field(default_factory=FakeDetectors)
    policy_history: FakePolicyHistory = field(default_factory=FakePolicyHistory)
    heard: FakeSlack = field(default_factory=FakeSlack)
    background: Background = field(default_factory=Background)

    def __post_init__(self) -> None:
        self.people = Speaking(reads=self.scene.language, named=self.scene.reader.names)
        self.team, self.bulk_decisions = Team(), Bulk()
        self.team.title = self.scene.words.titled("外部誘導", "Off-platform inducement")
        self.bulk_decisions.title = self.scene.words.titled("同じ端末", "Same device")

    @property
    def services(self) -> Services:
        """The service container."""
        return Services(
            cases=self.cases,
            appeals=FakeAppeals(),
            policies=Policies(self.scene),
            people=self.people,
            ledger=self.ledger,
            covers=self.covers,
            platform=self.platform,
            team=self.team,
            texts=texts,
            language=self.scene.language,
            zone=ZoneInfo("Asia/Tokyo"),
            finding=self.finding,
            automation=self.automation,
            detectors=self.detectors,
            alerts=FakeAlerts(),
            bulk_decisions=self.bulk_decisions,
            evidence=FakeEvidence(),
            limits=FakeLimits(),
            policy_history=self.policy_history,
        )

    @property
    def pauses(self) -> tuple[PauseState, ...]:
        """The current pauses."""
        return current_pauses(self.automation.changes, NOW)

    @property
    def languages(self) -> Languages:
        """The language of each person's answers."""
        return Languages(self.services, self.background)

    @property
    def links(self) -> Links:
        """Links to the demo's workspace."""
        return Links(self.heard)

    @property
    def context(self) -> SlackContext:
        """The listeners' context."""
        return SlackContext(
            self.services,
            self.heard,
            self.background,
            self.languages,
            self.heard,
            self.links,
            lambda: NOW,
        )

    def asked(self, person: str = "U0SATO", *roles: Role) -> Request:
        """A command typed in a channel, by a specialist unless `roles` is given."""
        source = Source(person=person, place=Place(channel="C0LIVE"))
        given = frozenset(roles or {Role.SPECIALIST})
        return Request(source=source, roles=given, texts=self.scene.catalog, now=NOW)

    def ask(self, deed: Callable[[], Awaitable[Said | None]]) -> list[Said]:
        """The answer, and messages to other people."""
        before = len(self.heard.said)

        async def to_its_end() -> Said | None:
            answer = await deed()
            await self.background.drain(10)
            return answer

        answer = asyncio.run(to_its_end())
        return [*([answer] if answer is not None else []), *self.heard.said[before:]]
