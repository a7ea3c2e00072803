"""Report schedules and channels (reports.yaml)."""

from datetime import timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from workflows.domain.policy.roles import ChannelName
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
