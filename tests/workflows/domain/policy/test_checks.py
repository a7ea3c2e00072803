"""Registry of policy checks."""

from importlib import import_module
from inspect import isfunction
from pathlib import Path

from workflows.conditions import holds
from workflows.domain.policy.checks import all
from workflows.domain.policy.checks.finding import Bundle, Findings


def test_every_rule_in_the_package_is_in_force() -> None:
    """A rule that nobody lists would check nothing."""
    found = set()
    for file in Path(all.__file__).parent.glob("*.py"):
        module = import_module(f"{all.__package__}.{file.stem}")
        found |= {each for each in vars(module).values() if _is_rule(each)}
    assert found - {all.findings} == set(all.RULES)


def _is_rule(each: object) -> bool:
    wants = {"bundle": Bundle, "return": Findings}
    return isfunction(each) and each.__name__[0] != "_" and each.__annotations__ == wants


def test_rules_keep_quiet_about_what_could_not_be_read() -> None:
    """A file with a mistake has one finding, not another one of each rule that needs the file."""
    nothing = Bundle(
        catalog=None,
        roles=None,
        playbooks={},
        detectors={},
        lookups=None,
        problem=lambda expression, names: "wrong",
        holds=holds,
        whole=False,
    )
    assert list(all.findings(nothing)) == []
