"""Signing secrets of detectors and of sources of appeals."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import structlog
from standardwebhooks.webhooks import Webhook

from bot.errors import SettingWrong
from bot.settings import secrets_named

log = structlog.get_logger()


@dataclass(frozen=True)
class Signer:
    """Secret of one sender, or of all senders without a secret of their own (None)."""

    webhook: Webhook
    sender: str | None


@dataclass(frozen=True)
class Keys:
    """Keys that requests are verified with; `own` are the senders with a secret of their own."""

    signers: tuple[Signer, ...]
    own: frozenset[str]


def signers(common: Iterable[str], own: Mapping[str, Iterable[str]]) -> tuple[Signer, ...]:
    """Returns a signer for each valid secret; those of single senders (`own`) come first."""
    named = [Signer(Webhook(secret), name) for name, several in own.items() for secret in several]
    return (*named, *(Signer(Webhook(secret), None) for secret in common))


def secrets_of(variables: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The secrets of each sender; none where its variable is missing or wrong."""
    own: dict[str, tuple[str, ...]] = {}
    for name, variable in variables.items():
        try:
            own[name] = secrets_named(variable)
        except SettingWrong as wrong:
            # A new sender in a changed folder must not disable the others.
            log.error("sender_secret_wrong", sender=name, problem=str(wrong))
            own[name] = ()
    return own


def unsigned_by(variables: Mapping[str, str], why: str) -> list[str]:
    """A sentence for each variable that is missing or wrong."""
    problems = []
    for name, variable in variables.items():
        try:
            if not secrets_named(variable):
                problems.append(f"{variable} is missing: {why.format(name=name)}")
        except SettingWrong as wrong:
            problems.append(str(wrong))
    return problems
