"""Timeouts of an interaction, below the 3 s after which Slack shows an error for a click.

https://docs.slack.dev/interactivity/handling-user-interaction
"""

from dataclasses import dataclass

from activities.slack.directory import APPROVERS_LAST
from workflows.domain.automation import ASK_LASTS


@dataclass(frozen=True)
class Timeouts:
    """Seconds for each step."""

    ack: int = 3
    """An acknowledgement; Bolt answers 404 after it."""
    temporal: float = 2.0
    """One call to Temporal."""
    store: float = 2.0
    """Storing a click before its acknowledgement."""
    gather: float = 1.5
    """Look-ups of a bulk decision before the acknowledgement."""
    impact: float = 0.8
    """The impact of a bulk decision; a slower one is shown after the acknowledgement."""
    manual: float = 1.6
    """Roles and storing of a manual alert; with the platform's look-ups below Slack's 3 s."""
    look_up: float = 0.8
    """The subject of a manual alert at the platform; after them it is stored as unverified."""
    ledger: float = 1.0
    """The ledger's checks of an alert or an appeal. The workflow repeats them."""
    others: float = 2.0
    """A subject's other cases; after them people type an id."""
    statement: float = 0.8
    """The statement of an appeal; after them its modal opens without it."""
    draw: float = 0.8
    """Drawing a modal; after them a placeholder opens, and is filled in later."""
    error: float = 0.7
    """Posting an error message; with `store` below Slack's 3 s."""
    approvers: float = APPROVERS_LAST
    """Age of an approver's roles."""
    roles: float = 0.4
    """A person's roles; a modal has to open within 3 s of its click."""
    workspace: float = 2.0
    """The workspace's address, for links."""
    language: float = 1.0
    """A new person's language: a wrong language is worse than a late answer."""
    language_after_ack: float = 2.0
    """A person's language after the acknowledgement."""
    resume: float = ASK_LASTS.total_seconds()
    """A request to resume the automation; after them its button is removed."""
    case: float = 8.0
    """Reading the case for a modal; after them every action of the policy is offered."""


PRODUCTION = Timeouts()
