"""Services of the Slack bot in memory, which can be slow or unavailable."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from activities.errors import Unavailable
from activities.ledger.queries import Look
from activities.ledger.team import ActiveCover
from activities.slack.directory import HomeWorkspace
from bot.services.cases import CaseLine, Past, SnoozeLine, Story, Timeline, TimelineLine
from bot.services.lookups import Fact
from workflows.client import OutOfReach
from workflows.domain.alerts import AlertBrief, Subject
from workflows.domain.appeal.commands import AppealClick
from workflows.domain.case.automation import Booked, Booking
from workflows.domain.case.commands import Click, Grant
from workflows.domain.case.events import CaseOpened
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.snapshot import CardRef, CaseSnapshot
from workflows.domain.people import Cover, Role
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.detectors import Detector
from workflows.domain.policy.limits import Full, Limits, Power
from workflows.domain.policy.platform import LookupCatalog
from workflows.domain.policy.playbook import Playbook, Policy, Severity
from workflows.domain.values import Language, Text
from workflows.ports.appeals import AppealSnapshot

NOW = datetime(2026, 11, 23, 3, 10, tzinfo=UTC)
ROUTE = "case/off_platform/0123456789ABCDEF"
CASE = "K7Q2F9XM0"

CATALOG = ActionCatalog.model_validate(
    {
        "actions": {
            "permanent_ban": {
                "title": {"ja": "強制退会", "en": "Permanent ban"},
                "subject": "user",
                "danger": True,
                "request": {"path": "/bans"},
                "approval": {"by": "lead", "quorum": 1, "within": "30m"},
            },
            "mute_user": {
                "title": {"ja": "コメント制限", "en": "Mute"},
                "subject": "user",
                "timed": {"default": "24h", "max": "7d"},
                "request": {"path": "/mutes"},
            },
            "remove_listing": {
                "title": {"ja": "商品削除", "en": "Remove listing"},
                "subject": "listing",
                "request": {"path": "/listings"},
            },
        }
    }
)
PLAYBOOK = Playbook.model_validate(
    {
        "playbook": "off_platform",
        "title": {"ja": "外部誘導", "en": "Off-platform inducement"},
        "match": "alert.kind == 'off_platform'",
        "policy": {"id": "MKT-4.2"},
        "channel": "ts-live",
        "severity": {"high": "true"},
        "clocks": {"high": {"claim": "10m", "decide": "30m"}},
        "presets": [
            {
                "id": "mute",
                "title": {"ja": "24時間コメント制限", "en": "Mute"},
                "actions": ["mute_user"],
            }
        ],
    }
)

OTHER = Playbook.model_validate(
    {
        "playbook": "other",
        "title": {"ja": "その他の検知", "en": "Other alerts"},
        "catch_all": True,
        "channel": "ts-live",
        "severity": {"medium": "true"},
        "clocks": {"medium": {"claim": "1h", "decide": "8h"}},
        "presets": [{"id": "remove", "title": "remove", "actions": ["remove_listing"]}],
    }
)
_FIELD = {"name": "status", "title": "status"}
LOOKUPS = LookupCatalog.model_validate(
    {
        "lookups": {
            kind: {"title": kind, "path": f"/v1/{kind}s/{{id}}", "fields": [_FIELD], **more}
            for kind, more in (
                ("user", {"ids": "u_[0-9]+"}),
                ("listing", {"ids": "m_[0-9]+"}),
                ("stream", {}),
                ("order", {}),
            )
        }
    }
)


def case(case_id: str = CASE) -> Case:
    """An open case about user u_123."""
    brief = AlertBrief(key="chat/1", kind="off_platform", occurred_at=NOW)
    return Case(
        id=case_id,
        workflow_id=ROUTE,
        policy=Policy(version="1", playbook=PLAYBOOK, catalog=CATALOG),
        subject=Subject(type="user", id="u_123"),
        severity=Severity.HIGH,
        opened_at=NOW,
        version=3,
        detectors=frozenset({"chat"}),
        first=brief,
        latest=brief,
        last_alert_at=NOW,
    )


@dataclass
class FakeCases:
    """Records clicks. `gate` delays them, `away` refuses them, `broken` raises.

    `thinking` delays queries.
    """

    clicks: list[tuple[str, Click]] = field(default_factory=list)
    memories: dict[str, CaseSnapshot] = field(
        default_factory=lambda: {ROUTE: CaseSnapshot(case=case())}
    )
    gate: asyncio.Event | None = None
    thinking: asyncio.Event | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    away: bool = False
    broken: bool = False

    async def click(self, workflow_id: str, click: Click) -> None:
        self.arrived.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.broken:
            raise RuntimeError("a fault in the programme")
        if self.away:
            raise OutOfReach("no answer")
        self.clicks.append((workflow_id, click))

    async def memory(self, workflow_id: str) -> CaseSnapshot | None:
        if self.thinking is not None:
            await self.thinking.wait()
        if self.away:
            raise OutOfReach("no answer")
        return self.memories.get(workflow_id)


@dataclass
class FakeAppeals:
    """Records clicks on appeals. `over` ends all of them, `away` refuses everything."""

    clicks: list[AppealClick] = field(default_factory=list)
    open: AppealSnapshot | None = None
    over: bool = False
    away: bool = False

    async def click(self, click: AppealClick) -> bool:
        if self.away:
            raise OutOfReach("no answer")
        if not self.over:
            self.clicks.append(click)
        return not self.over

    async def memory(self, appeal: str) -> AppealSnapshot | None:
        if self.away:
            raise OutOfReach("no answer")
        return None if self.over else self.open


class FakePolicies:
    """A folder with one playbook and three actions; `today` are its limits."""

    def __init__(self) -> None:
        self.today = LIMITS

    def catalog(self) -> ActionCatalog:
        return CATALOG

    def playbook(self, name: str) -> Playbook | None:
        return PLAYBOOK if name == "off_platform" else None

    def playbooks(self) -> tuple[Playbook, ...]:
        return (PLAYBOOK, OTHER)

    def detectors(self) -> dict[str, Detector]:
        title = {"ja": "吊り上げの疑い", "en": "Shill bidding"}
        return {"shill": Detector.model_validate({"detector": "shill", "title": title})}

    def look_ups(self) -> LookupCatalog:
        return LOOKUPS

    def limits(self) -> Limits | None:
        return self.today


@dataclass
class FakeLimits:
    """Books everything, unless there is a `full` limit. `away` refuses previews."""

    full: Full | None = None
    totals: dict[Power, int] = field(default_factory=dict)
    away: bool = False
    bookings: list[Booking] = field(default_factory=list)
    previews: list[Booking] = field(default_factory=list)

    async def book(self, booking: Booking) -> Booked:
        self.bookings.append(booking)
        return Booked(full=self.full)

    async def room(self, booking: Booking) -> Booked:
        self.previews.append(booking)
        if self.away:
            raise Unavailable("the ledger isn’t responding")
        return Booked(full=self.full, totals=self.totals)


LIMITS = Limits.model_validate(
    {
        "approval": {"by": "lead", "within": "30m"},
        "people": {
            "reveals": {"most": 2, "within": "8h"},
            "reports": {"most": 2, "within": "1h"},
        },
    }
)

ROLES = {
    "U0SATO": {Role.SPECIALIST},
    "U0CLARK": {Role.SPECIALIST},
    "U0TANAKA": {Role.LEAD},
    "U0REED": {Role.LEAD},
    "U0SUZUKI": {Role.AUDITOR},
}
ENGLISH = {"U0CLARK", "U0REED"}


@dataclass
class FakePeople:
    """People of the demo; `asleep` delays languages, `unknown` hides every role.

    `homeless`: auth.test was never answered. `left` have lost their roles a moment ago.
    """

    asleep: asyncio.Event | None = None
    unknown: bool = False
    homeless: bool = False
    roles_of: dict[str, set[Role]] = field(default_factory=lambda: dict(ROLES))
    left: set[str] = field(default_factory=set)

    async def grant(self, person: str, newest: bool = False) -> Grant:
        roles = frozenset() if newest and person in self.left else await self.roles(person)
        return Grant(roles=tuple(sorted(roles)), as_of=NOW)

    async def language(self, person: str) -> Language:
        if self.asleep is not None:
            await self.asleep.wait()
        return Language.EN if person in ENGLISH else Language.JA

    async def roles(self, person: str) -> frozenset[Role]:
        if self.unknown:
            raise Unavailable("Slack does not say who holds a role.")
        return frozenset(self.roles_of.get(person, set()))

    async def members(self, role: Role) -> tuple[str, ...]:
        if self.unknown:
            raise Unavailable("Slack does not say who holds a role.")
        return tuple(sorted(who for who, held in self.roles_of.items() if role in held))

    async def names(self, people: Iterable[str]) -> dict[str, str]:
        return {person: person.removeprefix("U0").title() for person in people}

    async def home(self) -> HomeWorkspace:
        if self.homeless:
            raise Unavailable("Slack does not say which workspace this is.")
        return HomeWorkspace(team="T0KOBAN", bot="B0KOBAN")


@dataclass
class FakeLedger:
    """Given events, queue and history; `log` has the order of reads and writes."""

    stories: dict[str, Story] = field(default_factory=dict)
    lines: tuple[CaseLine, ...] = ()
    pasts: dict[str, Past] = field(default_factory=dict)
    namings: dict[str, tuple[CaseLine, ...]] = field(default_factory=dict)
    timelines: dict[str, list[TimelineLine]] = field(default_factory=dict)
    snoozed: tuple[SnoozeLine, ...] = ()
    detectors: tuple[str, ...] = ()
    gate: asyncio.Event | None = None
    notes: list[Look] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    away: bool = False

    def _reach(self, what: str) -> None:
        if self.away:
            raise Unavailable("the ledger does not answer")
        self.log.append(what)

    async def snoozes(self, _now: datetime) -> tuple[SnoozeLine, ...]:
        self._reach("snoozes")
        return self.snoozed

    async def detectors_of(self, _case: str) -> tuple[str, ...]:
        self._reach("detectors")
        return self.detectors

    async def is_open(self, _case: str) -> bool:
        return False

    async def story(self, case: str) -> Story | None:
        self._reach("story")
        return self.stories.get(case)

    async def timeline(self, case: str, page: int | None, size: int) -> Timeline | None:
        if self.gate is not None:
            await self.gate.wait()
        self._reach("timeline")
        lines = self.timelines.get(case)
        if not lines:
            return None
        last = (len(lines) - 1) // size
        first = (last if page is None else min(page, last)) * size
        event = lines[0].whole.event if lines[0].whole else None
        return Timeline(
            opened=event if isinstance(event, CaseOpened) else None,
            lines=tuple(lines[first : first + size]),
            first=first,
            total=len(lines),
        )

    async def queue(self) -> tuple[CaseLine, ...]:
        self._reach("queue")
        return self.lines

    async def past(self, subject: Subject) -> Past:
        self._reach("past")
        return self.pasts.get(subject.key, Past())

    async def naming(self, subject: Subject) -> tuple[CaseLine, ...]:
        self._reach("naming")
        return self.namings.get(subject.key, ())

    async def looked_up(self, look: Look) -> None:
        self._reach("looked_up")
        self.notes.append(look)


@dataclass
class FakeCovers:
    """Covers as (person, cover); `away` refuses calls."""

    given: list[tuple[str, Cover]] = field(default_factory=list)
    ended: list[tuple[str, datetime]] = field(default_factory=list)
    ended_by: list[tuple[str, str]] = field(default_factory=list)
    away: bool = False

    async def begin(self, person: str, cover: Cover, now: datetime) -> None:
        if self.away:
            raise Unavailable("the ledger does not answer")
        self.given.append((person, cover))

    async def end(self, covers_for: str, now: datetime) -> int:
        self.ended.append((covers_for, now))
        return sum(cover.person == covers_for for _, cover in self.given)

    async def of(self, person: str, now: datetime) -> tuple[Cover, ...]:
        return tuple(cover for who, cover in self.given if who == person)

    async def around(self, person: str, now: datetime) -> tuple[ActiveCover, ...]:
        return tuple(
            each for each in await self.all(now) if person in (each.person, each.covers_for)
        )

    async def all(self, now: datetime) -> tuple[ActiveCover, ...]:
        return tuple(
            ActiveCover(person=who, covers_for=cover.person, role=cover.role, until=cover.until)
            for who, cover in self.given
        )

    async def end_around(self, person: str, by: str, now: datetime) -> tuple[ActiveCover, ...]:
        self.ended_by.append((person, by))
        return await self.around(person, now)


@dataclass
class FakePlatform:
    """Fields by subject key; `away` refuses calls."""

    facts: dict[str, tuple[Fact, ...]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False

    async def look_up(self, kind: str, id_: str) -> tuple[Fact, ...] | None:
        self.asked.append(f"{kind}:{id_}")
        if self.away:
            raise Unavailable("the platform isn’t responding")
        return self.facts.get(f"{kind}:{id_}")


def line(
    case_id: str,
    severity: Severity = Severity.HIGH,
    due_in: int = 10,
    phase: Phase = Phase.CLAIMED,
    **more: object,
) -> CaseLine:
    """A row of a case list, due `due_in` minutes from now."""
    return CaseLine.model_validate(
        {
            "id": case_id,
            "title": Text(ja="外部誘導", en="Off-platform inducement"),
            "subject": Subject(type="user", id="u_123"),
            "severity": severity,
            "phase": phase,
            "opened_at": NOW - timedelta(minutes=30),
            "due": NOW + timedelta(minutes=due_in),
            "card": CardRef(channel="C0LIVE", ts="1763900000.000100"),
            **more,
        }
    )
