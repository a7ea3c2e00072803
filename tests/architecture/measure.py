"""Measures of the product's size and shape; fails where `make check` must.

Contracts between layers are import-linter's (pyproject.toml). Import circles, sizes and module
docstrings are measured here. `measure.py ROOT` measures another tree of the same layout.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median, quantiles

import grimp

LAYERS = ("bot", "activities", "workflows")
NOT_MEASURED = "migrations"
BAD_STARTS = {"What", "Whether", "Who", "How", "Where", "Which", "When"}

MOST_FILES = 288
"""240 without detectors, feedback, bands, brakes and policy changes (40), and backtests (8)."""
SMALL, MOST_SMALL = 50, 20
LONGEST_FILE = 600
FUNCTION_MEDIAN, FUNCTION_P90 = 7, 16


@dataclass(frozen=True)
class Module:
    """A Python file of the product, of deploy/ or of tests/; `path` is relative to the root."""

    path: Path
    source: str

    @property
    def lines(self) -> int:
        return len(self.source.splitlines())

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    def functions(self) -> Iterator[int]:
        """Lines of every function and method, from `def` to its last line."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield (node.end_lineno or node.lineno) - node.lineno + 1

    def docstring_problem(self) -> str | None:
        docstring = ast.get_docstring(self.tree)
        if not docstring:
            return f"{self.path}: no module docstring"
        first = docstring.split()[0].strip(",.:;'\"")
        return f"{self.path}: docstring starts with {first!r}" if first in BAD_STARTS else None


def modules(root: Path, *folders: str) -> list[Module]:
    """Modules below the folders, without migrations and empty `__init__.py`."""
    paths = sorted(path for folder in folders for path in (root / folder).rglob("*.py"))
    found = (Module(path.relative_to(root), path.read_text("utf-8")) for path in paths)
    return [
        module
        for module in found
        if NOT_MEASURED not in module.path.parts
        and (module.path.name != "__init__.py" or module.source.strip())
    ]


def circles(graph: grimp.ImportGraph) -> list[str]:
    """One import chain for each set of modules that import each other."""
    found, seen = [], set[str]()
    for module in sorted(graph.modules):
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            back = graph.find_shortest_chain(imported, module)
            if back and not seen.intersection(back):
                seen.update(back)
                found.append("import circle: " + " -> ".join((module, *back)))
    return found


def up_arrows(graph: grimp.ImportGraph) -> list[str]:
    """Imports of a higher layer by a lower one."""
    return [
        f"up-arrow: {importer} -> {imported}"
        for higher, lower in ((0, 1), (0, 2), (1, 2))
        for importer in sorted(graph.find_matching_modules(f"{LAYERS[lower]}.**"))
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
        if imported.split(".")[0] == LAYERS[higher]
    ]


@dataclass(frozen=True)
class Figures:
    """Sizes of the product in lines, and its imports against the rules."""

    files: dict[Path, int]
    functions: list[int]
    circles: list[str]
    up_arrows: list[str]

    @property
    def small(self) -> int:
        return sum(lines <= SMALL for lines in self.files.values())

    @property
    def largest(self) -> Path:
        return max(self.files, key=lambda path: self.files[path])

    @property
    def function_median(self) -> float:
        return median(self.functions)

    @property
    def function_p90(self) -> float:
        return quantiles(self.functions, n=10)[-1]

    @property
    def lines(self) -> int:
        return sum(self.files.values())

    def table(self) -> str:
        rows = (
            ("product lines", f"{self.lines}"),
            ("product files", f"{len(self.files)} (at most {MOST_FILES})"),
            (f"files of ≤ {SMALL} lines", f"{self.small} (at most {MOST_SMALL})"),
            ("median file", f"{median(self.files.values()):g}"),
            ("largest file", f"{self.files[self.largest]} ({self.largest})"),
            ("functions, median", f"{self.function_median:g} (at most {FUNCTION_MEDIAN})"),
            ("functions, p90", f"{self.function_p90:g} (at most {FUNCTION_P90})"),
            ("import circles", f"{len(self.circles)}"),
            ("up-arrows", f"{len(self.up_arrows)}"),
        )
        return "\n".join(f"{name:<22}{value}" for name, value in rows)

    def problems(self) -> Iterator[str]:
        yield from (*self.circles, *self.up_arrows)
        if len(self.files) > MOST_FILES:
            yield f"{len(self.files)} product files, more than {MOST_FILES}"
        if self.small > MOST_SMALL:
            yield f"{self.small} files of at most {SMALL} lines, more than {MOST_SMALL}"
        for path, lines in self.files.items():
            if lines > LONGEST_FILE:
                yield f"{path}: {lines} lines, more than {LONGEST_FILE}"
        if self.function_median > FUNCTION_MEDIAN:
            yield f"median function of {self.function_median:g} lines, above {FUNCTION_MEDIAN}"
        if self.function_p90 > FUNCTION_P90:
            yield f"90th percentile of functions {self.function_p90:g} lines, above {FUNCTION_P90}"


def measure(root: Path) -> tuple[Figures, list[str]]:
    """The figures of the tree below `root`, and its problems as lines of text."""
    sys.path.insert(0, str(root))
    product = modules(root, *LAYERS)
    graph = grimp.build_graph(*LAYERS, cache_dir=None)
    figures = Figures(
        {module.path: module.lines for module in product},
        [lines for module in product for lines in module.functions()],
        circles(graph),
        up_arrows(graph),
    )
    documented = modules(root, *LAYERS, "deploy", "tests")
    docstrings = (module.docstring_problem() for module in documented)
    return figures, [*figures.problems(), *filter(None, docstrings)]


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
    figures, problems = measure(root)
    print(figures.table())
    for problem in problems:
        print(f"✗ {problem}", file=sys.stderr)
    return bool(problems)


if __name__ == "__main__":
    raise SystemExit(main())
