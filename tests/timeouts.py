"""Timeouts for tests on a busy machine, longer than in production."""

from datetime import timedelta

from bot.timeouts import Timeouts

SECONDS = 8.0
RPC_TIMEOUT = timedelta(seconds=SECONDS)
LONG_TIMEOUTS = Timeouts(
    temporal=SECONDS,
    store=SECONDS,
    error=SECONDS,
    roles=SECONDS,
    workspace=SECONDS,
    language=SECONDS,
)
