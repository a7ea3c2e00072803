"""`koban work` that exits right after the ledger has recorded an event of the kind argv[1].

The commit is durable, and Temporal does not have the activity's result: the worst moment to end.
"""

import os
import sys
from collections.abc import Callable, Iterable

from temporalio import activity

from activities.ledger.activities import LedgerActivities
from activities.ledger.appeals import AppealsLedger
from activities.ledger.policies import PolicyHistory
from bot.cli import work
from workflows.domain.automation import PauseChange
from workflows.domain.case.automation import Booked, Booking
from workflows.domain.policy.changes import Origin, PolicyNotice, PolicyRecord, RecordKind
from workflows.domain.policy.differences import PolicySet
from workflows.ports.appeals import AppealWrite
from workflows.ports.cases import ClaimAlerts, ClaimedAlerts, LedgerWrite, OpenCase, OpenedCase
from workflows.ports.policies import AnnouncementStart


def _die_of(kinds: Iterable[str]) -> None:
    if sys.argv[1] in list(kinds):
        os._exit(9)


class DyingLedger(LedgerActivities):
    """Ledger activities that exit after the given write."""

    @activity.defn(name="open_case")
    async def open_case(self, wanted: OpenCase) -> OpenedCase:
        """Opens a case, then exits."""
        opened = await super().open_case(wanted)
        _die_of([] if opened.event is None else [opened.event.kind])
        return opened

    @activity.defn(name="claim_alerts")
    async def claim_alerts(self, claim: ClaimAlerts) -> ClaimedAlerts:
        """Claims alerts, then exits."""
        claimed = await super().claim_alerts(claim)
        _die_of(["alerts_claimed"])
        return claimed

    @activity.defn(name="book")
    async def book(self, booking: Booking) -> Booked:
        """Books, then exits if that has tripped a breaker."""
        booked = await super().book(booking)
        trips = booked.pause is not None and booked.pause.trip is not None
        _die_of([PauseChange.BREAKER_TRIPPED.value] if trips else [])
        return booked

    @activity.defn(name="record")
    async def record(self, write: LedgerWrite) -> None:
        """Records a write, then exits."""
        await super().record(write)
        _die_of(each.event.kind for each in write.events)


class DyingAppeals(AppealsLedger):
    """The same for appeals."""

    @activity.defn(name="record_appeal")
    async def record_appeal(self, write: AppealWrite) -> bool:
        """Records a write, then exits."""
        written = await super().record_appeal(write)
        _die_of(each.event.kind for each in write.events)
        return written


class DyingHistory(PolicyHistory):
    """The same for changes of the policy folder."""

    async def load(
        self, version: str, content: PolicySet, origin: Callable[[], Origin], changed: bool
    ) -> PolicyRecord | None:
        """Records a load, then exits."""
        record = await super().load(version, content, origin, changed)
        _die_of([] if record is None else [record.kind.value])
        return record

    @activity.defn(name="end_policy_notices")
    async def end_policy_notices(self, start: AnnouncementStart) -> tuple[PolicyNotice, ...]:
        """Records that the messages were posted, then exits."""
        found = await super().end_policy_notices(start)
        _die_of([RecordKind.ANNOUNCED.value])
        return found


if __name__ == "__main__":
    work.LedgerActivities = DyingLedger  # type: ignore[misc]
    work.AppealsLedger = DyingAppeals  # type: ignore[misc]
    work.PolicyHistory = DyingHistory  # type: ignore[misc]
    work.work()
