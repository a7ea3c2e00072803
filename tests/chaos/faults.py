"""Faults of a chaos run: a table of kills and of switches of the sandbox."""

from dataclasses import dataclass

from deploy.sandbox.faults import Fault


@dataclass(frozen=True)
class FaultKind:
    """One kind of fault; it lasts between `least` and `most` seconds. A kill has a process."""

    least: float
    most: float
    kills: str | None = None
    fault: Fault | None = None


FAULTS: dict[str, FaultKind] = {
    "kill_work": FaultKind(0.0, 1.5, kills="work"),
    "kill_serve": FaultKind(0.0, 1.5, kills="serve"),
    "kill_temporal": FaultKind(0.0, 2.0, kills="temporal"),
    "kill_postgres": FaultKind(0.0, 2.0, kills="postgres"),
    "slack_429": FaultKind(0.5, 2.5, fault=Fault.SLACK_429),
    "slack_lost_response": FaultKind(0.3, 1.5, fault=Fault.SLACK_LOST_RESPONSE),
    "slack_down": FaultKind(0.5, 2.5, fault=Fault.SLACK_DOWN),
    "slack_hang": FaultKind(0.5, 2.5, fault=Fault.SLACK_HANG),
    "platform_429": FaultKind(0.5, 2.5, fault=Fault.PLATFORM_429),
    "platform_500": FaultKind(0.5, 2.5, fault=Fault.PLATFORM_500),
    "platform_hang": FaultKind(0.5, 2.5, fault=Fault.PLATFORM_HANG),
    "platform_lost_response": FaultKind(0.5, 2.0, fault=Fault.PLATFORM_LOST_RESPONSE),
}


def faults_for(postgres: bool) -> dict[str, FaultKind]:
    """The table, without PostgreSQL if the ledger is a SQLite file."""
    return {n: each for n, each in FAULTS.items() if postgres or each.kills != "postgres"}
