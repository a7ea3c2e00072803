"""Timeouts of an interaction, below the 3 s after which Slack shows an error for a click.

https://docs.slack.dev/interactivity/handling-user-interaction
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timeouts:
    """Seconds for each step."""

    temporal: float = 2.0
    """One call to Temporal."""
    store: float = 2.0
    """Storing a click before its acknowledgement."""
    error: float = 0.7
    """Posting an error message; with `store` below Slack's 3 s."""
    roles: float = 0.4
    """A person's roles; a modal has to open within 3 s of its click."""
    workspace: float = 2.0
    """The workspace's address, for links."""
    language: float = 1.0
    """A new person's language: a wrong language is worse than a late answer."""
    language_after_ack: float = 2.0
    """A person's language after the acknowledgement."""
    case: float = 8.0
    """Reading the case for a modal; after them every action of the policy is offered."""


PRODUCTION = Timeouts()
