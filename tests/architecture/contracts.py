"""Contract types of import-linter: allowed names of each package, and no clock in workflow code."""

import ast
import builtins
import symtable
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

CLOCKS = frozenset(
    [
        "now",
        "utcnow",
        "today",
        "fromtimestamp",
        "uuid1",
        "uuid4",
        "time_ns",
        "monotonic",
        "perf_counter",
        "urandom",
    ]
)
"""Attributes whose values differ in a replay, except on `workflow`: those are in the history."""
REPLAYED = frozenset({"workflow", "self", "_clock", "clock"})
_BUILTINS = frozenset(dir(builtins)) | {"__builtins__"}


class Use(NamedTuple):
    """A name from outside the project in a line of a module: `os.environ`, `builtins.open`.

    `module`: the whole name is that of an imported module.
    """

    line: int
    name: str
    module: bool = False


def uses(source: str) -> Iterator[Use]:
    """Every import, every attribute of an imported name, and every builtin."""
    tree = ast.parse(source)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        yield from _imported(node, names)
    inner: set[ast.AST] = set()
    for node in ast.walk(tree):  # outer nodes come first
        if isinstance(node, ast.Attribute | ast.Name) and node not in inner:
            base, path = _chain(node, inner)
            if isinstance(base, ast.Name) and base.id in names:
                yield Use(node.lineno, ".".join((names[base.id], *path)))
    yield from _builtins(source, tree)


def _imported(node: ast.AST, names: dict[str, str]) -> Iterator[Use]:
    """The imports of a node; `names` gets the full name of each local one."""
    if isinstance(node, ast.Import):
        for each in node.names:
            top = each.name.partition(".")[0]
            names[each.asname or top] = each.name if each.asname else top
            yield Use(node.lineno, each.name, module=True)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for each in node.names:
            names[each.asname or each.name] = f"{node.module}.{each.name}"
            yield Use(node.lineno, f"{node.module}.{each.name}")


def _chain(node: ast.expr, inner: set[ast.AST]) -> tuple[ast.expr, list[str]]:
    """The first part of `a.b.c` and the rest; `inner` gets the nodes of the parts."""
    path: list[str] = []
    while isinstance(node, ast.Attribute):
        path.insert(0, node.attr)
        node = node.value
        inner.add(node)
    return node, path


def _builtins(source: str, tree: ast.Module) -> Iterator[Use]:
    """Builtins that are read; a field or parameter of the same name hides them in its scope."""
    module = symtable.symtable(source, "module", "exec")
    own = {each.get_name() for each in module.get_symbols() if each.is_assigned()}
    found = {name for name in _globals(module) if name in _BUILTINS - own}
    lines: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in found:
            lines.setdefault(node.id, node.lineno)
    yield from (Use(lines[name], f"builtins.{name}") for name in sorted(found & lines.keys()))


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (top or symbol.is_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _globals(child)


def clocks(source: str) -> Iterator[Use]:
    """Attributes that read a clock or make a random value, on whatever object."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            of = _last_name(node.value)
            if of not in REPLAYED:
                yield Use(node.lineno, f"{of}.{node.attr}")


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else "…"


def is_allowed(use: Use, patterns: Sequence[str]) -> bool:
    """Whether a pattern has the name; `a.b.*` has `a.b` and everything below it.

    A module may be imported when a pattern has something of it: `import os` for `os.urandom`.
    """
    if use.module and any(each.startswith(f"{use.name}.") for each in patterns):
        return True
    return any(
        fnmatchcase(use.name, each) or use.name == each.removesuffix(".*") for each in patterns
    )


@cache
def source_of(module: str) -> str:
    """The source of a module of the project."""
    root, *rest = module.split(".")
    spec = find_spec(root)
    assert spec is not None
    path = Path((spec.submodule_search_locations or ())[0], *rest)
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text("utf-8")


class TableField(fields.Field[dict[str, list[str]]]):
    """A TOML table of lists of names."""

    def parse(self, raw_data: Any) -> dict[str, list[str]]:
        if not isinstance(raw_data, dict):
            raise fields.ValidationError("Expected a table of lists.")
        return raw_data


class SourceContract(Contract):
    """A contract over the source of single modules."""

    def faults(self, graph: ImportGraph) -> Iterator[tuple[str, Use]]:
        """The module and the place of every fault."""
        raise NotImplementedError

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        faults = sorted(self.faults(graph))
        found = [f"{module} (l.{use.line}): {use.name}" for module, use in faults]
        return ContractCheck(kept=not found, metadata={"faults": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for each in check.metadata["faults"]:
            output.print_error(each)


class AllowedContract(SourceContract):
    """Names of the standard library and of other packages that each package may use.

    - `allowed`: patterns by package; the most specific package counts.
    - `everywhere`: patterns that count in addition, in all packages.

    Imports within the project are not read: the layers contracts have those.
    """

    type_name = "allowed"

    everywhere = fields.ListField(subfield=fields.StringField())
    allowed = TableField()

    def faults(self, graph: ImportGraph) -> Iterator[tuple[str, Use]]:
        table: Mapping[str, list[str]] = self.allowed  # type: ignore[assignment]
        everywhere: list[str] = self.everywhere  # type: ignore[assignment]
        own = tuple(f"{each}." for each in self.session_options["root_packages"])
        for module in sorted(graph.modules):
            package = package_of(module, table)
            if package is None:
                continue
            for use in uses(source_of(module)):
                inside = use.name.startswith(own)
                if not inside and not is_allowed(use, [*everywhere, *table[package]]):
                    yield module, use


def package_of(module: str, packages: Mapping[str, object]) -> str | None:
    """The most specific of the packages that has the module."""
    found = [each for each in packages if f"{module}.".startswith(f"{each}.")]
    return max(found, key=len, default=None)


class NoClockContract(SourceContract):
    """No clock and no random value in `packages`, except those of `temporalio.workflow`.

    Workflows run without Temporal's sandbox: this contract replaces it.
    """

    type_name = "no_clock"

    packages = fields.ListField(subfield=fields.StringField())

    def faults(self, graph: ImportGraph) -> Iterator[tuple[str, Use]]:
        packages = dict.fromkeys(self.packages)  # type: ignore[call-overload]
        for module in sorted(graph.modules):
            if package_of(module, packages) is not None:
                yield from ((module, use) for use in clocks(source_of(module)))
