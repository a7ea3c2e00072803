"""Timeouts of an interaction; Slack shows an error for a click without an answer within 3 s.

https://docs.slack.dev/interactivity/handling-user-interaction
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timeouts:
    """Seconds for each step."""

    language: float = 1.0
    """First query of a person's language: a late answer is better than one in another language."""


PRODUCTION = Timeouts()
