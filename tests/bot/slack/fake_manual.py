"""Searches, automation pauses, policy changes and manual alerts in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from activities.errors import Unavailable
from activities.ledger.detectors import DetectorRun
from bot.services.cases import CaseLine, Record
from bot.services.detectors import DetectorLine
from tests.bot.slack.fakes import NOW, OTHER, PLAYBOOK
from workflows.domain import automation as rules
from workflows.domain.alerts import Alert, Subject
from workflows.domain.automation import AutomationChange, PauseState, Scope, Unchanged
from workflows.domain.detection import RunResult
from workflows.domain.feedback import FeedbackMessage
from workflows.domain.people import Actor, Role
from workflows.domain.policy import changes
from workflows.domain.policy.changes import NotConfirmed, PolicyRecord
from workflows.domain.policy.limits import Loosening
from workflows.domain.policy.playbook import Playbook


@dataclass
class FakeFinding:
    """Cases by the search that finds them; `asked` has every search."""

    lines: tuple[CaseLine, ...] = ()
    slips: tuple[str, ...] = ()
    by_alert: dict[str, CaseLine] = field(default_factory=dict)
    on: dict[str, Record] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    away: bool = False

    async def cases(
        self, text: str, prefix: str | None, first: int, size: int
    ) -> tuple[CaseLine, ...]:
        if self.away:
            raise Unavailable("the ledger does not answer")
        self.asked.append((text, first))
        return self.lines[first : first + size]

    async def near(self, case: str) -> tuple[str, ...]:
        return self.slips

    async def of_alert(self, detector: str, alert: str) -> CaseLine | None:
        return self.by_alert.get(detector)

    async def records(self, subjects: Sequence[Subject]) -> dict[str, Record]:
        return {each.key: self.on[each.key] for each in subjects if each.key in self.on}


@dataclass
class FakeDetectors:
    """Detectors as `known`, with one result for every run."""

    known: list[DetectorLine] = field(default_factory=list)
    history: list[DetectorRun] = field(default_factory=list)
    result: RunResult | None = field(default_factory=RunResult)
    ran: list[str] = field(default_factory=list)
    dead: list[FeedbackMessage] = field(default_factory=list)
    undelivered: int = 0
    resent: list[str] = field(default_factory=list)

    async def dead_feedback(self, detector: str) -> list[FeedbackMessage]:
        return self.dead

    async def resend_feedback(self, detector: str, now: datetime) -> int:
        self.resent.append(detector)
        return self.undelivered

    async def lines(self, now: datetime) -> tuple[DetectorLine, ...]:
        return tuple(self.known)

    async def gaps(self, now: datetime) -> tuple[DetectorLine, ...]:
        return tuple(each for each in self.known if each.is_gap)

    async def runs(self, detector: str) -> list[DetectorRun]:
        return self.history

    async def next_run(self, detector: str) -> datetime | None:
        return datetime(2026, 11, 23, 3, 15, tzinfo=UTC)

    async def run(self, detector: str) -> RunResult | None:
        self.ran.append(detector)
        return self.result


@dataclass
class FakeAutomation:
    """Automation pauses by the real rules."""

    changes: list[AutomationChange] = field(default_factory=list)
    senders: set[str] = field(default_factory=set)
    away: bool = False

    async def active(self, now: datetime) -> tuple[PauseState, ...]:
        return rules.current_pauses(self.changes, now)

    async def sender_named(self, detector: str) -> str | None:
        return detector if detector in self.senders else None

    async def pause(
        self, by: Actor, scope: Scope, lasts: timedelta | None, now: datetime
    ) -> AutomationChange | Unchanged:
        return self._keep(rules.pause(self.changes, by, scope, lasts, now))

    async def resume(self, by: Actor, scope: Scope, now: datetime) -> AutomationChange | Unchanged:
        return self._keep(rules.resume(self.changes, by, scope, now))

    async def approve(self, by: Actor, scope: Scope, now: datetime) -> AutomationChange | Unchanged:
        return self._keep(rules.approve(self.changes, by, scope, now))

    def _keep(self, outcome: AutomationChange | Unchanged) -> AutomationChange | Unchanged:
        if self.away:
            raise Unavailable("the ledger does not answer")
        if isinstance(outcome, AutomationChange):
            self.changes.append(outcome)
        return outcome


@dataclass
class FakePolicyHistory:
    """Records of policy changes, the oldest first, by the real rules."""

    records: list[PolicyRecord] = field(default_factory=list)
    rule: Loosening = field(default_factory=Loosening)
    away: bool = False

    async def page(self, playbook: str, first: int, most: int) -> tuple[PolicyRecord, ...]:
        if self.away:
            raise Unavailable("the ledger does not answer")
        found = [each for each in reversed(self.records) if each.concerns(playbook)]
        return tuple(found[first : first + most])

    async def confirming_role(self) -> Role:
        return self.rule.approval

    async def confirm(self, by: Actor, record: int) -> PolicyRecord | NotConfirmed:
        if self.away:
            raise Unavailable("the ledger does not answer")
        last = self.records[-1] if self.records else None
        outcome = changes.confirm(last, by, record, self.rule, NOW)
        if isinstance(outcome, PolicyRecord):
            self.records.append(outcome.model_copy(update={"id": len(self.records) + 1}))
        return outcome


@dataclass
class FakeAlerts:
    """Records alerts; `away` refuses them, `lost` has no playbook for them."""

    alerts: list[Alert] = field(default_factory=list)
    away: bool = False
    lost: bool = False

    def playbook_of(self, alert: Alert) -> Playbook | None:
        if self.lost:
            return None
        return PLAYBOOK if alert.kind == "off_platform" else OTHER

    async def submit(self, alerts: Sequence[Alert]) -> None:
        if self.away:
            raise Unavailable("Temporal does not answer")
        self.alerts.extend(alerts)
