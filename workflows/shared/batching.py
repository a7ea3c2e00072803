"""Alerts of one case on their way to it: as few signals as hold them."""

from collections.abc import Iterator, Sequence

from workflows.domain.alerts import Alert

MOST, LARGEST = 100, 500_000
"""Alerts, and bytes, in one signal: Temporal refuses a payload of 2 MB."""


def batches(alerts: Sequence[Alert]) -> Iterator[tuple[Alert, ...]]:
    """The alerts in their order, in parts that a signal can hold; an alert is never too large."""
    part: list[Alert] = []
    size = 0
    for alert in alerts:
        weight = len(alert.model_dump_json()) if len(alerts) > 1 else 0
        if part and (len(part) == MOST or size + weight > LARGEST):
            yield tuple(part)
            part, size = [], 0
        part.append(alert)
        size += weight
    if part:
        yield tuple(part)
