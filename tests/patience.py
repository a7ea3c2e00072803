"""The deadlines of Koban that a busy machine exceeds where a test is about something else."""

from datetime import timedelta

import pytest

from bot.slack import replies

SECONDS = 8.0
ANSWERED_WITHIN = replies.STORING + replies.TELLING
"""Seconds in production until a person knows that a press was not taken."""


def be_patient(patch: pytest.MonkeyPatch) -> None:
    """Calls to Temporal, answers, lists and questions for roles or an address get more time.

    In production Slack shows an error after 3 s, and the person presses again.
    """
    patch.setattr("workflows.client.RPC_TIMEOUT", timedelta(seconds=SECONDS))
    patch.setattr("bot.slack.sending.PATIENCE", SECONDS)
    patch.setattr("bot.slack.appeals.storing.PATIENCE", SECONDS)
    patch.setattr("bot.slack.telling.PATIENCE", SECONDS)
    patch.setattr("bot.slack.links.SECONDS", SECONDS)
    patch.setattr("bot.slack.rights.PATIENCE", SECONDS)
    patch.setattr("bot.slack.rings.listing.READING", SECONDS)
