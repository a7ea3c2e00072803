"""Default texts of notices."""

from datetime import timedelta

import pytest

from activities.slack.i18n.catalog import CatalogWording
from workflows.domain.case.decision import Automated
from workflows.domain.values import Text

WORDING = CatalogWording()


@pytest.mark.parametrize(
    ("lasts", "ja", "en"),
    [
        (timedelta(hours=24), "24時間", "24 hours"),
        (timedelta(days=7), "7日", "7 days"),
        (timedelta(minutes=15), "15分", "15 minutes"),
        (timedelta(minutes=1), "1分", "1 minute"),
        (timedelta(seconds=90), "1分30秒", "1 minute 30 seconds"),
    ],
)
def test_a_time_is_exact(lasts: timedelta, ja: str, en: str) -> None:
    """Both languages have the exact duration, as on cards."""
    assert WORDING.lasting(lasts) == Text(ja=ja, en=en)


def test_it_is_said_how_automation_was_used() -> None:
    """Each of four kinds has a sentence in both languages."""
    told = [WORDING.automated(how) for how in Automated]
    assert told[1] == Text(
        ja="自動の検知をもとに、担当者が確認して判断しました。",
        en="Based on an automated detection, a person reviewed this and decided.",
    )
    assert len({text for each in told for text in (each.ja, each.en)}) == 8
