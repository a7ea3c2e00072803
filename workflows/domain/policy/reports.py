"""When and where reports are posted (reports.yaml)."""

from datetime import timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from workflows.domain.policy.roles import ChannelName
from workflows.domain.policy.roster import EVERY_DAY, ClockTime, Days, ShiftName
from workflows.domain.values import Duration, Language, Written

BEFORE = timedelta(minutes=10)
"""How long before a shift's end its people read what they hand over."""


class Daily(Written):
    """The digest of the last 24 hours."""

    channel: ChannelName
    at: ClockTime
    days: Days = EVERY_DAY


class HandOver(Written):
    """What a shift hands over, `before` its end. `shifts`: only of these; else of each."""

    channel: ChannelName
    before: Duration = BEFORE
    shifts: Annotated[tuple[ShiftName, ...], Field(max_length=40)] = ()


class ReportRules(Written):
    """The whole of reports.yaml. The digest's time is in `zone`, else in the deployment's.

    `language` is that of the channels, else the deployment's.
    """

    zone: ZoneInfo | None = None
    language: Language | None = None
    daily: Daily | None = None
    handover: HandOver | None = None

    @model_validator(mode="after")
    def _reports_something(self) -> Self:
        if self.daily is None and self.handover is None:
            raise ValueError("no report is described; write `daily:` or `handover:`")
        return self
