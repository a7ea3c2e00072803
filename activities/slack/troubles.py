"""What Slack answers instead of doing it, as errors that Temporal retries.

Every one is retryable: a person may invite the app, mend a token, or Slack may come back, and
nothing that should be on the screen may be lost. Messages hold Slack's code and nothing else,
since they are kept in workflow histories.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from temporalio.exceptions import ApplicationError

LONG = timedelta(seconds=60)
"""Until the next try where somebody has to mend something first."""

UNANSWERED = (aiohttp.ClientError, TimeoutError, OSError)
"""No answer came: the call may have been carried out or not."""
FAILURES = (SlackClientError, *UNANSWERED)
"""Everything that a call of the Slack client raises where Slack is at fault."""

LIMITED = "ratelimited"
"""The code of a 429, whatever Slack calls it."""
_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
# https://docs.slack.dev/reference/methods/chat.postMessage#errors: of the last two, "it's
# possible some aspect of the operation succeeded before the error was raised".
_SOON = frozenset({"service_unavailable", "request_timeout", "thread_not_found"})
_UNSURE = frozenset({"internal_error", "fatal_error"})

_log = structlog.get_logger(__name__)


class SlackTrouble(ApplicationError):
    """A call that failed. `code` is Slack's word; `unsure`: it may have been carried out."""

    def __init__(self, code: str, unsure: bool, delay: timedelta | None = None) -> None:
        """`delay`: until the next try; None leaves it to the retry policy."""
        super().__init__(f"Slack: {code}", type=f"slack_{code}", next_retry_delay=delay)
        self.code = code
        self.unsure = unsure
        self.delay = delay or timedelta()


def trouble(method: str, error: Exception, expected: frozenset[str] = frozenset()) -> SlackTrouble:
    """The trouble behind an error of the Slack client.

    What a person has to mend is logged, unless it is `expected` and dealt with.
    """
    if not isinstance(error, SlackApiError):
        return SlackTrouble("unreachable", unsure=True)
    status, headers, body = _read(error)
    code = str(body.get("error") or f"http_{status}")
    if status == 429 or code in _LIMITED:
        return SlackTrouble(LIMITED, unsure=False, delay=_wait(headers))
    if code in _UNSURE or code.startswith("http_"):
        return SlackTrouble(code, unsure=True)
    if code in _SOON:
        return SlackTrouble(code, unsure=False)
    if code in expected:
        return SlackTrouble(code, unsure=False)
    faults = (body.get("response_metadata") or {}).get("messages")
    _log.error("slack_refused", method=method, code=code, faults=faults)
    return SlackTrouble(code, unsure=False, delay=LONG)


def _read(error: SlackApiError) -> tuple[int, Mapping[str, str], dict[str, Any]]:
    """Status, headers and body of the answer; the body of a proxy's error page is no mapping."""
    response = error.response
    status = getattr(response, "status_code", None) or getattr(response, "status", None) or 0
    body = getattr(response, "data", None)
    headers = getattr(response, "headers", None) or {}
    return int(status), headers, body if isinstance(body, dict) else {}


def _wait(headers: Mapping[str, str]) -> timedelta:
    """Retry-After in whole seconds; https://docs.slack.dev/apis/web-api/rate-limits."""
    asked = headers.get("Retry-After", "")
    return timedelta(seconds=int(asked) if asked.isdecimal() else 30)
