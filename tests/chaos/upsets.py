"""Faults of a chaos run: a table of kills and of switches of the sandbox."""

from dataclasses import dataclass

from deploy.sandbox.faults import Fault


@dataclass(frozen=True)
class Upset:
    """One kind of fault; it lasts between `least` and `most` seconds. A kill has a process."""

    least: float
    most: float
    kills: str | None = None
    fault: Fault | None = None


UPSETS: dict[str, Upset] = {
    "kill_work": Upset(0.0, 1.5, kills="work"),
    "kill_serve": Upset(0.0, 1.5, kills="serve"),
    "kill_temporal": Upset(0.0, 2.0, kills="temporal"),
    "kill_postgres": Upset(0.0, 2.0, kills="postgres"),
    "slack_429": Upset(0.5, 2.5, fault=Fault.SLACK_429),
    "slack_lost_response": Upset(0.3, 1.5, fault=Fault.SLACK_LOST_RESPONSE),
    "slack_down": Upset(0.5, 2.5, fault=Fault.SLACK_DOWN),
    "slack_hang": Upset(0.5, 2.5, fault=Fault.SLACK_HANG),
    "platform_429": Upset(0.5, 2.5, fault=Fault.PLATFORM_429),
    "platform_500": Upset(0.5, 2.5, fault=Fault.PLATFORM_500),
    "platform_hang": Upset(0.5, 2.5, fault=Fault.PLATFORM_HANG),
    "platform_lost_response": Upset(0.5, 2.0, fault=Fault.PLATFORM_LOST_RESPONSE),
}


def upsets_for(postgres: bool) -> dict[str, Upset]:
    """The table, without PostgreSQL if the ledger is a SQLite file."""
    return {n: each for n, each in UPSETS.items() if postgres or each.kills != "postgres"}
