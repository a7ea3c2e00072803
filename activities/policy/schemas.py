"""JSON Schemas of the policy files, for editors; `koban check` also checks across files."""

import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from workflows.domain.people import RoleBook
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.appeals import AppealRules
from workflows.domain.policy.bands import Trusted
from workflows.domain.policy.detectors import Detector, Sources
from workflows.domain.policy.limits import FolderLimits
from workflows.domain.policy.platform import LookupCatalog
from workflows.domain.policy.playbook import Playbook
from workflows.domain.policy.reports import ReportRules, Retention
from workflows.domain.policy.roster import Roster

MODELS: dict[str, type[BaseModel]] = {
    "actions": ActionCatalog,
    "appeals": AppealRules,
    "detector": Detector,
    "limits": FolderLimits,
    "platform": LookupCatalog,
    "playbook": Playbook,
    "reports": ReportRules,
    "retention": Retention,
    "roles": RoleBook,
    "roster": Roster,
    "sources": Sources,
    "trusted": Trusted,
}
_ISO = re.compile(r"P(?:[0-9]+D)?(?:T[0-9HMS.]+)?")
DURATION = {
    "type": "string",
    "pattern": r"^[0-9]{1,6}[smhd]$",
    "description": "A duration: 30s, 5m, 24h, 7d.",
}


def schemas() -> dict[str, dict[str, Any]]:
    """A JSON Schema (2020-12) for each kind of file, by its file name."""
    return {f"{name}.schema.json": _schema(name, model) for name, model in MODELS.items()}


def write_schemas(folder: Path) -> None:
    """Writes them into `folder`, which must exist."""
    for name, schema in schemas().items():
        text = json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        (folder / name).write_text(text, encoding="utf-8")


def _schema(name: str, model: type[BaseModel]) -> dict[str, Any]:
    made: dict[str, Any] = _as_written(model.model_json_schema(by_alias=True))
    for inner, short in (("Text", _text), ("PresetAction", _preset_action)):
        if inner in made.get("$defs", {}):
            made["$defs"][inner] = short(made["$defs"][inner])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Koban: {name}",
        **{key: value for key, value in made.items() if key != "title"},
    }


def _as_written(value: Any) -> Any:
    """Durations as people write them: the models say ISO 8601, which is what the wire carries."""
    if isinstance(value, list):
        return [_as_written(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("format") == "duration":
        return dict(DURATION)
    # A default of a duration is written in ISO 8601 by the model.
    default = value.get("default")
    is_iso = isinstance(default, str) and _ISO.fullmatch(default)
    return {k: _as_written(each) for k, each in value.items() if not (k == "default" and is_iso)}


def _text(full: dict[str, Any]) -> dict[str, Any]:
    both = {**full, "additionalProperties": False}
    return {"description": full["description"], "anyOf": [{"type": "string"}, both]}


def _preset_action(full: dict[str, Any]) -> dict[str, Any]:
    """`mute_user`, `{mute_user: {for: 24h}}`, or both keys written out."""
    details = {
        "anyOf": [
            {
                "type": "object",
                "properties": {"for": DURATION},
                "additionalProperties": False,
            },
            {"type": "null"},
        ]
    }
    named = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "propertyNames": {"not": {"const": "action"}},
        "additionalProperties": details,
    }
    return {
        "description": full["description"],
        "anyOf": [{"type": "string"}, named, full],
    }
