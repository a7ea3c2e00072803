"""Timeouts of stories, in which every person gets their first answer."""

import pytest

from tests.patience import SECONDS


@pytest.fixture(autouse=True)
def language_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine does not cut the first query for a person's language short."""
    monkeypatch.setattr("bot.slack.replies.FIRST", SECONDS)
