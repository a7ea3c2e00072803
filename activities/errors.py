"""Errors that several rooms raise, and the bot answers in one way."""


class Unavailable(Exception):
    """Ledger, platform, Slack or Temporal did not answer: the person can try again in a moment."""
