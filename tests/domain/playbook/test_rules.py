"""The rules of a policy folder: one a file, each in force."""

from pathlib import Path

from workflows.domain.playbook.lint import rules
from workflows.domain.playbook.lint.finding import Bundle


def test_every_rule_in_the_room_is_in_force() -> None:
    """A file with a rule that nobody lists would check nothing."""
    files = {file.stem for file in Path(rules.__file__).parent.glob("*.py")}
    listed = {rule.__name__.rpartition(".")[2] for rule in rules.RULES}
    assert files - {"__init__", "rules", "finding"} == listed


def test_rules_keep_quiet_about_what_could_not_be_read() -> None:
    """A file with a mistake is told once, not once more by every rule that misses it."""
    nothing = Bundle(
        catalog=None,
        roles=None,
        playbooks={},
        detectors={},
        lookups=None,
        problem=lambda expression, names: "wrong",
        whole=False,
    )
    assert list(rules.findings(nothing)) == []
