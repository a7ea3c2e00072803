"""Distinct default texts of notices."""

from datetime import timedelta

from workflows.domain.case.decision import Automated
from workflows.domain.values import Text


class PlainWording:
    """`workflows.domain.case.decision.NoticeWords` without the catalogs."""

    def facts(self) -> Text:
        return Text(ja="事実", en="facts")

    def automated(self, how: Automated) -> Text:
        return Text(ja=f"判断:{how.value}", en=f"decided:{how.value}")

    def lasting(self, duration: timedelta) -> Text:
        minutes = int(duration.total_seconds()) // 60
        return Text(ja=f"{minutes}分", en=f"{minutes} min")


WORDING = PlainWording()
