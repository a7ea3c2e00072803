"""The patience of stories, in which everybody is answered for the first time."""

import pytest

from tests.patience import SECONDS


@pytest.fixture(autouse=True)
def language_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first question for a person's language is not cut short by a busy machine."""
    monkeypatch.setattr("bot.slack.replies.FIRST", SECONDS)
    monkeypatch.setattr("bot.services.team.FIRST", SECONDS)
