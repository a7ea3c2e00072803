"""The task queues, so that nothing waits for what is slower or less urgent than itself.

Slack's budgets are small, and posts and updates have one each: what only Koban wants to show waits
in a queue for each of them, where Temporal keeps the most severe first.
"""


def slack_queue(base: str) -> str:
    """Where what a person waits for is written to Slack."""
    return f"{base}-slack"


def cards_queue(base: str) -> str:
    """Where the cards of new cases wait for the pace of their channel."""
    return f"{base}-slack-cards"


def worst_queue(base: str) -> str:
    """Where the cards of new critical cases do: the places of the others are taken for minutes."""
    return f"{base}-slack-worst"


def updates_queue(base: str) -> str:
    """Where cards that stand wait to be drawn anew."""
    return f"{base}-slack-updates"


def platform_queue(base: str) -> str:
    """Where the platform is called."""
    return f"{base}-platform"
