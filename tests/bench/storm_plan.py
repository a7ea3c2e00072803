"""Storm plan: alerts with their times, over subjects that start one after another."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import uuid4

from deploy.sandbox.traffic.alerts import Json, alert

LIVE = ("off_platform", "off_platform", "harassment", "other")
"""Kinds whose playbooks use one channel."""
BOTH = ("off_platform", "phishing", "harassment", "counterfeit")
"""Kinds of which half use another channel."""


@dataclass(frozen=True)
class Plan:
    """Number of alerts and subjects; each subject's first alert is within the first part.

    `critical` subjects have the worst severity from their first alert on.
    """

    alerts: int = 10_000
    subjects: int = 300
    seconds: float = 60.0
    critical: int = 12
    kinds: tuple[str, ...] = LIVE
    onset: float = 0.75
    seed: int = 7
    tag: str = field(default_factory=lambda: uuid4().hex[:6])


@dataclass(frozen=True)
class Coming:
    """One alert, at `at` seconds after the start."""

    at: float
    body: Json
    subject: str
    critical: bool


def coming(plan: Plan) -> list[Coming]:
    """Returns all alerts in order of time."""
    dice = random.Random(plan.seed)
    made = [each for number in range(plan.subjects) for each in _of_subject(plan, number, dice)]
    return sorted(made, key=lambda each: each.at)


def _of_subject(plan: Plan, number: int, dice: random.Random) -> Iterator[Coming]:
    critical = number < plan.critical
    kind = "off_platform" if critical else plan.kinds[number % len(plan.kinds)]
    score = 0.98 if critical else dice.choice((0.8, 0.8, 0.92))
    began = dice.uniform(0, plan.onset * plan.seconds)
    count = plan.alerts // plan.subjects + (number < plan.alerts % plan.subjects)
    moments = [began, *(dice.uniform(began, plan.seconds) for _ in range(count - 1))]
    who = f"u_{plan.tag}_{number}"
    for index, at in enumerate(sorted(moments)):
        body = alert(
            f"{plan.tag}-{number}-{index}",
            kind,
            ("user", who),
            ("検知", "Alert"),
            score=score,
            text=f"LINE ID ください ({index})",
            viewers=1240 if critical else 300,
        )
        yield Coming(at, body, who, critical)
