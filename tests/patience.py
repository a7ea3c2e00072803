"""Timeouts for tests on a busy machine, longer than in production."""

from datetime import timedelta

import pytest

from bot.slack import context, replies
from bot.timeouts import Timeouts

SECONDS = 8.0
PATIENT = Timeouts(language=SECONDS)
ANSWERED_WITHIN = replies.STORING + context.TELLING
"""Seconds in production until a person is told that a click failed."""


def be_patient(patch: pytest.MonkeyPatch) -> None:
    """Lengthens the timeouts that are still module constants.

    In production Slack shows an error after 3 s, and the person presses again.
    """
    patch.setattr("workflows.client.RPC_TIMEOUT", timedelta(seconds=SECONDS))
    patch.setattr("bot.slack.replies.STORING", SECONDS)
    patch.setattr("bot.slack.appeals.STORING", SECONDS)
    patch.setattr("bot.slack.context.TELLING", SECONDS)
    patch.setattr("bot.slack.replies.LINK_SECONDS", SECONDS)
    patch.setattr("bot.slack.permissions.PATIENCE", SECONDS)
