"""Searches, automation pauses and manual alerts in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from activities.errors import Unavailable
from bot.services.cases import CaseLine, Record
from tests.bot.slack.fakes import OTHER, PLAYBOOK
from workflows.domain import automation as rules
from workflows.domain.alerts import Alert, Subject
from workflows.domain.automation import AutomationChange, PauseState, Unchanged
from workflows.domain.people import Actor
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
class FakeAutomation:
    """Automation pauses by the real rules."""

    changes: list[AutomationChange] = field(default_factory=list)
    away: bool = False

    async def active(self, now: datetime) -> tuple[PauseState, ...]:
        return rules.current_pauses(self.changes, now)

    async def pause(
        self, by: Actor, playbook: str | None, lasts: timedelta | None, now: datetime
    ) -> AutomationChange | Unchanged:
        return self._keep(rules.pause(self.changes, by, playbook, lasts, now))

    async def resume(
        self, by: Actor, playbook: str | None, now: datetime
    ) -> AutomationChange | Unchanged:
        return self._keep(rules.resume(self.changes, by, playbook, now))

    async def approve(
        self, by: Actor, playbook: str | None, now: datetime
    ) -> AutomationChange | Unchanged:
        return self._keep(rules.approve(self.changes, by, playbook, now))

    def _keep(self, outcome: AutomationChange | Unchanged) -> AutomationChange | Unchanged:
        if self.away:
            raise Unavailable("the ledger does not answer")
        if isinstance(outcome, AutomationChange):
            self.changes.append(outcome)
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
