"""The deadlines of Koban that a busy machine exceeds where a test is about something else."""

from datetime import timedelta

import pytest

from bot.slack import context, replies

SECONDS = 8.0
ANSWERED_WITHIN = replies.STORING + context.TELLING
"""Seconds in production until a person knows that a press was not taken."""


def be_patient(patch: pytest.MonkeyPatch) -> None:
    """Calls to Temporal, answers, lists and questions for roles or an address get more time.

    In production Slack shows an error after 3 s, and the person presses again.
    """
    patch.setattr("workflows.client.RPC_TIMEOUT", timedelta(seconds=SECONDS))
    patch.setattr("bot.slack.replies.STORING", SECONDS)
    patch.setattr("bot.slack.appeals.STORING", SECONDS)
    patch.setattr("bot.slack.context.TELLING", SECONDS)
    patch.setattr("bot.slack.replies.LINK_SECONDS", SECONDS)
    patch.setattr("bot.slack.permissions.PATIENCE", SECONDS)
