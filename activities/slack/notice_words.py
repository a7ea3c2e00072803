"""Koban's own words in what the person acted upon is told, in both languages."""

from datetime import timedelta

from activities.slack.text.texts import texts
from workflows.domain.notice import Automated
from workflows.domain.text import Language, Text


class CatalogWording:
    """`workflows.domain.notice.Wording` out of the catalogs."""

    def automated(self, how: Automated) -> Text:
        """`自動の検知をもとに、担当者が確認して判断しました。`."""
        ja, en = (texts(each).say(f"notice.automated.{how.value}") for each in Language)
        return Text(ja=ja, en=en)

    def lasting(self, duration: timedelta) -> Text:
        """`24時間`, `24 hours`: exactly."""
        ja, en = (texts(each).duration(duration) for each in Language)
        return Text(ja=ja, en=en)
