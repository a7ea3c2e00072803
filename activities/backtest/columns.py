"""SQL expressions of DuckDB that write the JSON text of an alert from columns of a file."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

MOST_PARTS = 8
"""Levels that the dots of a column's name may make; further dots belong to the last part."""
LITERAL = (
    r"-?(0|[1-9][0-9]{0,17})(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?|true|True|TRUE|false|False|FALSE"
)
"""Numbers as JSON writes them, and booleans; an id such as 007 is a text."""
TRUE = ("1", "1.0", "true", "yes")
FALSE = ("0", "0.0", "false", "no")
"""A label of a violation and of no violation, in lower case."""

_NESTED = frozenset({"subject", "related", "title", "evidence", "attributes"})
"""Fields that a single column may have as a JSON text."""
NOT_TEXT = frozenset({"score", "sensitive"})
"""Fields outside of the attributes whose values are no texts."""
_TIMESTAMP = "timestamp"

Path = tuple[str, ...]


@dataclass(frozen=True)
class Leaf:
    """A value: its SQL, its type in DuckDB, and whether its text may be a number or a boolean."""

    sql: str
    type: Any
    literal: bool = False


Node = dict[str, "Node | Leaf"]
"""The fields of an object, or the places of a list."""


class ColumnsConflict(Exception):
    """Two columns that can't both be in one alert; the message is the name of the second."""


def literal(text: str) -> str:
    """`text` as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """`name` as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def path_of(name: str) -> Path:
    """The parts between the dots of a name; a name with an empty part is one part."""
    parts = tuple(name.split(".", MOST_PARTS - 1))
    return parts if all(parts) else (name,)


def tree(columns: Mapping[str, Any], literals: frozenset[str] = frozenset()) -> Node:
    """The alert that columns make, by name and type; structs are objects.

    `literals` are the names of text columns with numbers or booleans. Raises `ColumnsConflict`.
    """
    root: Node = {}
    for name, kind in columns.items():
        *above, last = path_of(name)
        node = root
        for part in above:
            inner = node.setdefault(part, {})
            if isinstance(inner, Leaf):
                raise ColumnsConflict(name)
            node = inner
        if last in node:
            raise ColumnsConflict(name)
        node[last] = _expanded(Leaf(identifier(name), kind, name in literals))
    return root


def _expanded(leaf: Leaf) -> Node | Leaf:
    if leaf.type.id != "struct":
        return leaf
    return {
        name: _expanded(Leaf(f"struct_extract({leaf.sql}, {literal(name)})", kind))
        for name, kind in leaf.type.children
    }


def find(root: Node, path: Path) -> Leaf | None:
    """The value at a path; None where there is none, or an object."""
    found: Node | Leaf | None = root
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, Leaf) else None


def without(root: Node, path: Path) -> Node:
    """The alert without the value at a path."""
    first, *rest = path
    inner = root.get(first)
    if rest and isinstance(inner, dict):
        return {**root, first: without(inner, tuple(rest))}
    return {name: each for name, each in root.items() if name != first}


def names(root: Node, above: Path = ()) -> Iterator[str]:
    """The dotted names of all values."""
    for name, inner in root.items():
        if isinstance(inner, dict):
            yield from names(inner, (*above, name))
        else:
            yield ".".join((*above, name))


# -- expressions ---------------------------------------------------------------------------


def moment(root: Node) -> str:
    """The time of an alert; NULL where it has none. A time without a zone is taken as UTC."""
    leaf = find(root, ("occurred_at",))
    if leaf is None:
        return "NULL::TIMESTAMPTZ"
    if leaf.type.id.startswith(_TIMESTAMP):
        return _finite(f"try_cast({leaf.sql} AS TIMESTAMPTZ)")
    return moment_of_text(leaf.sql) if leaf.type.id == "varchar" else "NULL::TIMESTAMPTZ"


def moment_of_text(sql: str) -> str:
    """The time of a text; RFC 3339 allows small letters, DuckDB does not."""
    return _finite(f"try_cast(upper({sql}) AS TIMESTAMPTZ)")


def _finite(sql: str) -> str:
    return f"CASE WHEN isfinite({sql}) THEN {sql} END"


def is_literal(sql: str) -> str:
    """Whether a text is a number or a boolean."""
    return f"regexp_full_match({sql}, {literal(LITERAL)})"


def verdict(sql: str) -> str:
    """The boolean that a label means; NULL for anything else."""
    text = f"lower(trim(CAST({sql} AS VARCHAR)))"
    yes, no = (", ".join(map(literal, words)) for words in (TRUE, FALSE))
    return f"CASE WHEN {text} IN ({yes}) THEN true WHEN {text} IN ({no}) THEN false END"


def body(root: Node) -> str:
    """The JSON text of an alert. Fields without a value are left out, at every level."""
    return f"coalesce({_text(root, (), _Names())}, '{{}}')"


class _Names:
    """Names of the parameters of lambdas, each one once."""

    def __init__(self) -> None:
        self._numbers = count()

    def new(self) -> str:
        return f"e{next(self._numbers)}"


def _text(node: Node | Leaf, path: Path, fresh: _Names) -> str:
    """The JSON text of a node; NULL where it has no value."""
    if isinstance(node, Leaf):
        return _value(node, path, fresh)
    places = [str(place) for place in range(len(node))]
    if node and sorted(node, key=lambda name: (len(name), name)) == places:
        return _joined("[]", [_text(node[place], (*path, place), fresh) for place in places])
    fields = (
        f"{literal(json.dumps(name, ensure_ascii=False) + ':')} || "
        + _text(inner, (*path, name), fresh)
        for name, inner in node.items()
    )
    return _joined("{}", list(fields))


def _joined(ends: str, parts: Sequence[str]) -> str:
    """Texts between brackets; NULL where all are."""
    inner = f"concat_ws(',', {', '.join(parts)})" if parts else "''"
    return f"nullif('{ends[0]}' || {inner} || '{ends[1]}', '{ends}')"


def _value(leaf: Leaf, path: Path, fresh: _Names) -> str:
    sql, kind = leaf.sql, leaf.type.id
    if kind in ("list", "array", "map"):
        return _many(leaf, path, fresh)
    if kind == "struct":
        return _text(_expanded(leaf), path, fresh)
    if str(leaf.type) == "JSON":
        return f"nullif(CAST({sql} AS VARCHAR), 'null')"
    if kind.startswith(_TIMESTAMP):
        return f"strftime(CAST({sql} AS TIMESTAMP), '\"%Y-%m-%dT%H:%M:%S.%fZ\"')"
    return _scalar(leaf, path)


def _scalar(leaf: Leaf, path: Path) -> str:
    sql, kind = leaf.sql, leaf.type.id
    quoted = f"CAST(to_json(CAST({sql} AS VARCHAR)) AS VARCHAR)"
    if kind == "varchar" and len(path) == 1 and path[0] in _NESTED:
        is_json = f"ltrim({sql})[1] IN ('{{', '[') AND json_valid({sql})"
        return f"CASE WHEN {is_json} THEN {sql} ELSE {quoted} END"
    if leaf.literal:
        return f"CASE WHEN {is_literal(sql)} THEN lower({sql}) ELSE {quoted} END"
    if path[0] != "attributes" and path[-1] not in NOT_TEXT:
        return quoted
    plain = f"CAST(to_json({sql}) AS VARCHAR)"
    return f"CASE WHEN isfinite({sql}) THEN {plain} END" if kind in ("float", "double") else plain


def _many(leaf: Leaf, path: Path, fresh: _Names) -> str:
    """A list, or a map as an object; values that are NULL are left out."""
    one, kinds = fresh.new(), dict(leaf.type.children)
    if leaf.type.id == "map":
        entries, ends = f"map_entries({leaf.sql})", "{}"
        value = _value(Leaf(f"{one}.value", kinds["value"]), (*path, "*"), fresh)
        text = f"to_json(CAST({one}.key AS VARCHAR)) || ':' || {value}"
    else:
        entries, ends = leaf.sql, "[]"
        text = _value(replace(leaf, sql=one, type=kinds["child"]), (*path, "*"), fresh)
    made = f"list_transform({entries}, lambda {one}: {text})"
    return f"'{ends[0]}' || array_to_string({made}, ',') || '{ends[1]}'"
