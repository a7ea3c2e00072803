"""Daily schedules: reports and their channels (reports.yaml), and retention (retention.yaml)."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from workflows.domain.people import ChannelName
from workflows.domain.policy.roster import EVERY_DAY, ClockTime, Days
from workflows.domain.values import Duration, Language, Slug, Written

BEFORE = timedelta(minutes=10)
"""Default time of the hand-over report before a shift's end."""


class Daily(Written):
    """The daily digest of the last 24 hours."""

    channel: ChannelName
    at: ClockTime
    days: Days = EVERY_DAY


class HandOver(Written):
    """The hand-over report of a shift, `before` its end. Without `shifts`: of all shifts."""

    channel: ChannelName
    before: Duration = BEFORE
    shifts: Annotated[tuple[Slug, ...], Field(max_length=40)] = ()


class ReportRules(Written):
    """The content of reports.yaml. Defaults of `zone` and `language` are the deployment's."""

    zone: ZoneInfo | None = None
    language: Language | None = None
    daily: Daily | None = None
    handover: HandOver | None = None

    @model_validator(mode="after")
    def _reports_something(self) -> Self:
        if self.daily is None and self.handover is None:
            raise ValueError("no report is described; write `daily:` or `handover:`")
        return self


class Kept(StrEnum):
    """A kind of personal data that the ledger or Slack keeps for a time."""

    EVIDENCE = "evidence"
    ATTRIBUTES = "attributes"
    NOTES = "notes"
    SNAPSHOTS = "snapshots"
    LOOKUPS = "lookups"
    LIMITS = "limits"
    RECORDS = "records"
    IMAGES = "images"


OF_CASES = (Kept.EVIDENCE, Kept.ATTRIBUTES, Kept.NOTES, Kept.SNAPSHOTS)
"""Kinds whose time begins when their case closes."""
LEAST_KEPT = timedelta(days=1)


class Retention(Written):
    """Times after which personal data is erased (retention.yaml); None: never.

    `at` is when the daily run begins, in the deployment's zone.
    """

    at: ClockTime = "04:00"
    evidence: Duration | None = None
    attributes: Duration | None = None
    notes: Duration | None = None
    snapshots: Duration | None = None
    lookups: Duration | None = None
    images: Duration = timedelta(days=30)
    limits: Duration | None = None
    records: Duration | None = None

    def after(self, kind: Kept) -> timedelta | None:
        """The time of a kind."""
        found: timedelta | None = getattr(self, kind.value)
        return found
