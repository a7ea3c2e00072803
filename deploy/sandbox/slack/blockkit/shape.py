"""Combinators for checks of JSON shapes, with Slack's messages.

A check takes a value and a `Spot` and records faults there; it never raises.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Spot:
    """A place in the JSON document, and the list that collects faults."""

    pointer: str = ""
    faults: list[str] = field(default_factory=list)

    def at(self, part: object) -> "Spot":
        return Spot(f"{self.pointer}/{part}", self.faults)

    def fault(self, text: str) -> None:
        self.faults.append(f"[ERROR] {text} [json-pointer:{self.pointer}]")


Check = Callable[[object, Spot], None]


def length(value: str, most: int | None, least: int, spot: Spot) -> None:
    if most is not None and len(value) > most:
        spot.fault(f"must be less than {most + 1} characters")
    if len(value) < least:
        spot.fault(f"must be more than {least - 1} characters")


def string(most: int | None = None, least: int = 1) -> Check:
    def check(value: object, spot: Spot) -> None:
        if not isinstance(value, str):
            spot.fault("must provide a string")
            return
        length(value, most, least, spot)

    return check


def pattern(regex: str, wanted: str) -> Check:
    compiled = re.compile(regex)

    def check(value: object, spot: Spot) -> None:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            spot.fault(f"must match format: {wanted}")

    return check


def url(most: int = 3000) -> Check:
    def check(value: object, spot: Spot) -> None:
        string(most)(value, spot)
        if isinstance(value, str) and not value.startswith(("https://", "http://")):
            spot.fault("must be a valid URL")

    return check


def integer(least: int | None = None, most: int | None = None) -> Check:
    def check(value: object, spot: Spot) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            spot.fault("must provide a number")
        elif least is not None and value < least:
            spot.fault(f"must be greater than or equal to {least}")
        elif most is not None and value > most:
            spot.fault(f"must be less than or equal to {most}")

    return check


def boolean(value: object, spot: Spot) -> None:
    if not isinstance(value, bool):
        spot.fault("must provide a boolean")


def anything(value: object, spot: Spot) -> None:
    """Accepts every value; used for parts that the stand-in does not check."""


def one_of(*allowed: str) -> Check:
    def check(value: object, spot: Spot) -> None:
        if value not in allowed:
            spot.fault(f"must be a valid enum value: {', '.join(allowed)}")

    return check


def items(each: Check, most: int | None = None, least: int = 1) -> Check:
    def check(value: object, spot: Spot) -> None:
        if not isinstance(value, list):
            spot.fault("must provide an array")
            return
        if most is not None and len(value) > most:
            spot.fault(f"no more than {most} items allowed")
        if len(value) < least:
            spot.fault(f"no fewer than {least} items allowed")
        for index, item in enumerate(value):
            each(item, spot.at(index))

    return check


def shape(
    required: Mapping[str, Check] | None = None,
    optional: Mapping[str, Check] | None = None,
    also: Check | None = None,
) -> Check:
    """An object with exactly these properties; `also` checks the whole object afterwards."""
    needed, allowed = dict(required or {}), dict(optional or {})

    def check(value: object, spot: Spot) -> None:
        if not isinstance(value, dict):
            spot.fault("must provide an object")
            return
        for name in needed:
            if name not in value:
                spot.fault(f"missing required field: {name}")
        for name, inner in value.items():
            rule = needed.get(name) or allowed.get(name)
            if rule is None:
                spot.fault(f"invalid additional property: {name}")
            elif inner is not None or name in needed:
                rule(inner, spot.at(name))
        if also is not None:
            also(value, spot)

    return check


def tagged(kinds: Mapping[str, Check]) -> Check:
    """An object whose `type` chooses the check."""

    def check(value: object, spot: Spot) -> None:
        if not isinstance(value, dict):
            spot.fault("must provide an object")
            return
        rule = kinds.get(str(value.get("type")))
        if "type" not in value:
            spot.fault("missing required field: type")
        elif rule is None:
            spot.at("type").fault(f"unsupported type: {value['type']}")
        else:
            rule(value, spot)

    return check


def every(*checks: Check) -> Check:
    def check(value: object, spot: Spot) -> None:
        for rule in checks:
            rule(value, spot)

    return check
