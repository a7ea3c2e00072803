"""Errors that end a command, with their exit codes, and the count of refused messages."""

from collections import Counter
from enum import StrEnum


class Forgery(StrEnum):
    """The reason why a message was refused: nobody who may send it has sent it."""

    UNSEALED = "unsealed"
    WEBHOOK_SIGNATURE = "webhook_signature"
    SLACK_SIGNATURE = "slack_signature"
    SLACK_WORKSPACE = "slack_workspace"
    SLACK_USER = "slack_user"


FORGERIES: Counter[Forgery] = Counter()
"""Messages that this process has refused, by reason; a metric."""


class Stop(Exception):
    """Ends a command; the message is a sentence that an operator can act on."""

    exit_code = 1


class InputWrong(Stop):
    """Settings, files or arguments are wrong."""


class SettingWrong(InputWrong):
    """A setting is missing or wrong. The message names it without its value."""


class NotReachable(Stop):
    """A dependency does not answer."""

    exit_code = 2
