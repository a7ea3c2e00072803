"""Base of the errors about an unreachable service."""


class Unavailable(Exception):
    """Ledger, platform, Slack or Temporal does not answer; a person may try again soon."""
