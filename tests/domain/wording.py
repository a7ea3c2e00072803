"""Words for letters that tests can tell apart."""

from datetime import timedelta

from workflows.domain.notice import Automated
from workflows.domain.text import Text


class PlainWording:
    """`workflows.domain.notice.Wording` without the catalogs."""

    def automated(self, how: Automated) -> Text:
        return Text(ja=f"判断:{how.value}", en=f"decided:{how.value}")

    def lasting(self, duration: timedelta) -> Text:
        minutes = int(duration.total_seconds()) // 60
        return Text(ja=f"{minutes}分", en=f"{minutes} min")


WORDING = PlainWording()
