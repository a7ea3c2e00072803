"""Documentation of the policy folder, compared with the models and the example."""

import re
from pathlib import Path

import pytest
import yaml

from activities.policy.loader import check_folder, load_policy
from activities.policy.messages import all_models
from activities.policy.schemas import MODELS
from tests.activities.policy import folders
from workflows.domain.policy.checks.actions import KNOWN
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import format_duration

DOCS = folders.HERE.parents[2] / "docs" / "policy.md"
TEXT = DOCS.read_text(encoding="utf-8")
CATALOG = load_policy(folders.EXAMPLE).catalog.actions
# Text's `ja` and `en` are explained once, as a pair.
FIELDS = sorted(
    {
        field.alias or name
        for model in MODELS.values()
        for each in all_models(model)
        if each.__name__ != "Text"
        for name, field in each.model_fields.items()
    }
)


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_is_documented(field: str) -> None:
    """docs/policy.md has every key of a policy file, marked as code."""
    assert re.search(rf"`{field}\b[^`]*`|^  *{field}:|^{field}:", TEXT, re.MULTILINE)


@pytest.mark.parametrize("action", sorted(CATALOG))
def test_an_action_of_the_example_is_documented_as_it_is(action: str) -> None:
    """The row has title, subject, duration and approval."""
    spec = CATALOG[action]
    ends = "no"
    if spec.timed is not None:
        ends = f"{format_duration(spec.timed.default)}, {format_duration(spec.timed.max)} at most"
    undone = "yes" if spec.undo else "no"
    row = f"| `{action}` {spec.title.ja} | {spec.subject} | {ends} | {undone} | "
    rest = TEXT.partition(row)[2].partition("\n")[0]
    approval = spec.approval
    if approval is None:
        assert rest == "no |"
    else:
        assert rest.startswith(f"a {approval.by} within {format_duration(approval.within)}, ")


@pytest.mark.parametrize("word", [f"{{{each}}}" for each in KNOWN] + list(Severity))
def test_a_word_with_a_meaning_is_documented(word: str) -> None:
    """docs/policy.md has every placeholder and severity."""
    assert f"`{word}`" in TEXT


def test_what_the_docs_show_has_no_mistakes(tmp_path: Path) -> None:
    """The YAML of the docs, copied over the small folder, passes the check."""
    folder = folders.good(tmp_path)
    for heading, shown in re.findall(r"^## (\S+)\n\n```yaml\n(.*?)```", TEXT, re.M | re.S):
        data = yaml.safe_load(shown)
        name = data.get("playbook") or data.get("detector") or ""
        if heading == "actions.yaml":
            # The docs show one action; the small folder has the other that its presets name.
            small = (folder / heading).read_text(encoding="utf-8")
            shown += "  permanent_ban" + small.partition("  permanent_ban")[2]
        (folder / heading.replace("NAME", name)).write_text(shown, encoding="utf-8")
    assert check_folder(folder) == []
