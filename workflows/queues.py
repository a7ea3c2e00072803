"""The task queues: Slack and the platform have their own, so that neither waits for the other."""


def slack_queue(base: str) -> str:
    """Where what writes to Slack is done."""
    return f"{base}-slack"


def platform_queue(base: str) -> str:
    """Where the platform is called."""
    return f"{base}-platform"
