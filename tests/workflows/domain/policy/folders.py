"""Builders of policy folders, and of the records of their loads."""

from pathlib import Path
from typing import Any

from activities.policy.loader import load_policy
from tests.workflows.domain.builders import T0, minutes
from workflows.domain.policy.appeals import AppealSource
from workflows.domain.policy.bands import AutoRule, BandRule, Sample, Trusted
from workflows.domain.policy.changes import Change, Load, PolicyRecord, RecordKind, record_of
from workflows.domain.policy.detectors import Detector, Sources
from workflows.domain.policy.differences import PolicySet
from workflows.domain.policy.limits import FolderLimits
from workflows.domain.policy.playbook import Playbook

FOLDER = load_policy(Path(__file__).parents[4] / "deploy" / "policy")
EXAMPLE = FOLDER.content
assert EXAMPLE.appeals is not None
SENDER = AppealSource.model_validate({"secret": {"env": "APPEALS"}})
SHILL = Detector.model_validate(
    {
        "detector": "shill",
        "expect": {"every": "15m"},
        "sql": {
            "source": "warehouse",
            "query": "shill.sql",
            "every": "5m",
            "watermark": {"column": "seen_at"},
        },
        "alert": {
            "id": "row.id",
            "kind": "'shill'",
            "subject": {"type": "'user'", "id": "row.bidder"},
            "related": [{"type": "'listing'", "id": "row.listing"}],
            "score": "row.p",
            "occurred_at": "row.seen_at",
            "attributes": {"ratio": "row.ratio"},
        },
    }
)
AUTOMATIC = {
    "bands": (BandRule(detector="shill", act="alert.score >= 0.98", review="true"),),
    "auto": (AutoRule(when="alert.score >= 0.99", preset="mute"),),
    "sample": Sample(auto=0.02, log=0.01),
    "trusted": ("u_official",),
}
RICH = EXAMPLE.model_copy(
    update={
        "playbooks": {
            **{n: EXAMPLE.playbooks[n] for n in ("self_harm", "other")},
            "off_platform": EXAMPLE.playbooks["off_platform"].model_copy(update=AUTOMATIC),
        },
        "trusted": Trusted(trusted=("u_partner",)),
        "detectors": {**EXAMPLE.detectors, "shill": SHILL},
        "appeals": EXAMPLE.appeals.model_copy(update={"sources": {"support": SENDER}}),
        "queries": {"shill": "SELECT 1"},
        "sources": Sources.model_validate({"sources": {"warehouse": {"url": {"env": "W"}}}}),
    }
)
"""The example with a SQL detector: an object of every model of the folder."""
BOOK = RICH.playbooks["off_platform"]


def book(**fields: Any) -> PolicySet:
    """The example with changed fields of one playbook, as written."""
    written = BOOK.model_dump(mode="json", by_alias=True, exclude_none=True)
    changed = Playbook.model_validate({**written, **fields})
    return RICH.model_copy(update={"playbooks": {**RICH.playbooks, "off_platform": changed}})


def limits(**fields: Any) -> PolicySet:
    """The example with changed limits, as written."""
    assert RICH.limits is not None
    written = RICH.limits.model_dump(mode="json", by_alias=True, exclude_none=True)
    return RICH.model_copy(update={"limits": FolderLimits.model_validate({**written, **fields})})


def only(found: tuple[Change, ...]) -> Change:
    """The only change."""
    (one,) = found
    return one


def written_severity() -> dict[str, str]:
    """The conditions of the playbook."""
    return {severity.value: condition for severity, condition in BOOK.severity.items()}


def written(field: str) -> Any:
    """A field of the playbook as written."""
    return BOOK.model_dump(mode="json", by_alias=True, exclude_none=True)[field]


def catalog(actions: dict[str, Any]) -> PolicySet:
    """The example with other actions."""
    changed = RICH.catalog.model_copy(update={"actions": actions})
    return RICH.model_copy(update={"catalog": changed})


PROTECT = {"when": "severity == 'critical'", "action": "hide_message", "for": "15m"}
TIGHTER, LOOSE = limits(bulk=3), limits(bulk=9)
FIRST = PolicyRecord(id=1, kind=RecordKind.LOADED, at=T0, version="v1")


def loaded(version: str, **more: Any) -> Load:
    """A load of a version."""
    return Load(version=version, at=minutes(1), **more)


def record(last: PolicyRecord | None, version: str, new: PolicySet, **more: Any) -> PolicyRecord:
    """The record of a load after `last`, with the next id."""
    made = record_of(last, loaded(version, **more), RICH, new)
    return made.model_copy(update={"id": last.id + 1 if last is not None else 1})
