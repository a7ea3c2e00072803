"""Bands of alerts: what Koban does by itself about an alert, with modes and samples.

The band is decided for each alert from the policy and the alert alone, so that live operation and
backtests agree.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from workflows.domain.alerts import Identifier, Name
from workflows.domain.values import Share, Slug, Value, Written


class Mode(StrEnum):
    """The mode of a playbook: it acts, it only records what it would do, or it is off."""

    LIVE = "live"
    SHADOW = "shadow"
    OFF = "off"


def _mode(given: Any) -> Any:
    # YAML 1.1 reads an unquoted `off` as false.
    return Mode.OFF.value if given is False else given


WrittenMode = Annotated[Mode, BeforeValidator(_mode)]


class Band(StrEnum):
    """What happens to an alert: automation and a card, a card, or only a record."""

    ACT = "act"
    REVIEW = "review"
    LOG = "log"


Condition = Annotated[str, StringConstraints(min_length=1)]


class BandRule(Written):
    """The bands of alerts of one detector; an alert for which neither holds is only recorded."""

    detector: Name
    act: Condition | None = None
    review: Condition | None = None

    @model_validator(mode="after")
    def _has_a_condition(self) -> "BandRule":
        if self.act is None and self.review is None:
            raise ValueError("a band needs `act`, `review`, or both")
        return self


class AutoRule(Written):
    """A decision by Koban: the preset is applied to alerts for which `when` holds."""

    when: Condition
    preset: Slug


class Sample(Written):
    """Shares of automatic decisions and of recorded alerts that become ordinary cards."""

    auto: Share = 0.0
    log: Share = 0.0


class Trusted(Written):
    """Ids of subjects to which nothing automatic happens, in every playbook."""

    trusted: Annotated[tuple[Identifier, ...], Field(max_length=10_000)] = ()


TRIAL_TIME = timedelta(days=7)
"""Time over which a playbook on trial is compared with the team."""


class Trial(Value):
    """A playbook in shadow mode over `TRIAL_TIME`: its alerts, and what people did.

    `subjects` are those of its alerts; it would act on some by itself (`acts`). About these,
    people found `violations`, or `cleared` them, or have `open` cases; the others have no case.
    """

    playbook: str
    alerts: int = 0
    subjects: int = 0
    acts: int = 0
    violations: int = 0
    cleared: int = 0
    open: int = 0

    @property
    def unseen(self) -> int:
        """Subjects on which it would act, and that have no case."""
        return self.acts - self.violations - self.cleared - self.open


class Placement(Value):
    """The band of an alert. `sampled`: it is a recorded alert that becomes an ordinary card."""

    band: Band
    sampled: bool = False


Holds = Callable[[str, Mapping[str, Any]], bool]


def band_of(
    rules: Iterable[BandRule], detector: str, holds: Holds, facts: Mapping[str, Any]
) -> Band:
    """The first band that holds; `act` for a detector without bands."""
    own = [rule for rule in rules if rule.detector == detector]
    for rule in own:
        if rule.act is not None and holds(rule.act, facts):
            return Band.ACT
        if rule.review is not None and holds(rule.review, facts):
            return Band.REVIEW
    return Band.LOG if own else Band.ACT


def drawn(purpose: str, key: str, share: float) -> bool:
    """Whether `key` is in a sample: the same answer in every process and in a backtest."""
    if share <= 0:
        return False
    number = int.from_bytes(hashlib.sha256(f"{purpose}\n{key}".encode()).digest()[:8], "big")
    return number < share * 2**64
