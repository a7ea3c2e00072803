"""JSON Schemas for editors, compared with the models."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from activities.policy.schemas import schemas
from tests.activities.policy import folders

SCHEMAS_OF = {"playbooks": "playbook", "detectors": "detector"}


def schema_of(file: Path) -> dict[str, Any]:
    """The schema for a file of a policy folder."""
    return schemas()[f"{SCHEMAS_OF.get(file.parent.name, file.stem)}.schema.json"]


def is_valid(file: Path) -> bool:
    """True if the file is valid by its schema."""
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema_of(file)).is_valid(data)


def test_the_published_schemas_are_those_of_the_models() -> None:
    """To update them, call `activities.policy.schemas.write_schemas` on that folder."""
    folder = folders.EXAMPLE / "schemas"
    published = {
        file.name: json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")
    }
    assert published == schemas()


@pytest.mark.parametrize("name", sorted(schemas()))
def test_a_schema_is_a_schema(name: str) -> None:
    """It is valid by the meta-schema that it names."""
    jsonschema.Draft202012Validator.check_schema(schemas()[name])


@pytest.mark.wide(5)
@pytest.mark.parametrize(
    "file",
    [*folders.EXAMPLE.rglob("*.yaml"), *folders.BASE.rglob("*.yaml")],
    ids=lambda file: f"{file.parent.name}/{file.name}",
)
def test_a_file_without_mistakes_fits_its_schema(file: Path) -> None:
    """The files of the example and of the small folder are valid."""
    assert is_valid(file)


def test_an_example_file_names_the_schema_that_it_fits() -> None:
    """The first line has the schema's path, relative to the file."""
    for file in folders.EXAMPLE.rglob("*.yaml"):
        first = file.read_text(encoding="utf-8").splitlines()[0]
        named = first.removeprefix("# yaml-language-server: $schema=")
        assert json.loads((file.parent / named).read_text(encoding="utf-8")) == schema_of(file)


@pytest.mark.wide(5)
@pytest.mark.parametrize(
    ("fault", "file"),
    [
        ("channel_with_a_hash", "playbooks/off_platform.yaml"),
        ("duration_without_a_unit", "playbooks/off_platform.yaml"),
        ("key_misspelt", "playbooks/off_platform.yaml"),
        ("protect_without_an_end", "playbooks/off_platform.yaml"),
        ("repeat_without_times", "playbooks/off_platform.yaml"),
        ("step_person_by_their_name", "playbooks/off_platform.yaml"),
        ("limits_misspelt", "limits.yaml"),
        ("limits_of_nothing", "limits.yaml"),
        ("presets_not_a_list", "playbooks/off_platform.yaml"),
        ("severity_unknown", "playbooks/off_platform.yaml"),
        ("method_unknown", "actions.yaml"),
        ("approval_quorum_too_large", "actions.yaml"),
        ("role_unknown", "roles.yaml"),
        ("role_group_by_its_name", "roles.yaml"),
        ("lookup_without_an_id", "platform.yaml"),
        ("detector_secret_as_its_variable", "detectors/live-chat.yaml"),
    ],
)
def test_an_editor_underlines_mistakes_of_shape(fault: str, file: str) -> None:
    """The schema finds every mistake that concerns a single file's structure."""
    assert not is_valid(folders.TESTDATA / fault / file)
