"""YAML documents of the policy folder, with the line of every value and mistake."""

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError


@dataclass(frozen=True, order=True)
class Fault:
    """A mistake; `file` is relative to the folder, `line` counts from 1."""

    file: str
    line: int
    what: str
    write: str

    def __str__(self) -> str:
        """`file:line: what is wrong; what to write`."""
        return f"{self.file}:{self.line}: {self.what}; {self.write}"


class PolicyFaults(Exception):
    """The folder is invalid; `faults` has all mistakes."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        """`faults` has at least one."""
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


SIZE_LIMIT = 1024 * 1024
Place = tuple[Hashable, ...]

_CONTROL = ("there is a control character on this line", "remove it")
_ALIAS = ("an alias (*) is used", "write the value out in full")
_KNOWN_PROBLEMS = (
    ("'\\t'", ("there is a tab in place of spaces", "indent with spaces")),
    (
        "mapping values are not allowed",
        ("there is a second `: ` on this line", "put the value in quotes"),
    ),
    ("cannot start any token", ("a value starts with a sign of YAML", "put the value in quotes")),
    ("unexpected end of stream", ("a quote is opened and never closed", "close it")),
    ("another document", ("`---` starts a second document", "keep one in a file")),
    ("undefined alias", _ALIAS),
)
"""Parts of PyYAML's messages, with our message and remedy."""


@dataclass
class Document:
    """Data of a file with the line of every place; `digest` is the hash of its bytes."""

    file: str
    data: Any = None
    digest: str = ""
    lines: dict[Place, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest place around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def fault(self, place: Place, what: str, write: str) -> None:
        """Adds a mistake at `place`."""
        self.faults.append(Fault(self.file, self.line(place), what, write))


def read(folder: Path, file: str) -> Document:
    """Reads a document; errors are among its faults."""
    document = Document(file)
    text = text_of(folder / file, document)
    if text is None:
        return document
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        _unreadable(document, error, text)
        return document
    except RecursionError:
        document.fault((), "the file is nested too deeply", "write it flatter")
        return document
    aliases = _aliases(text)
    if aliases:
        document.faults.append(Fault(file, aliases, *_ALIAS))
        return document
    document.data = _value(document, node, ()) if node is not None else None
    if document.data is None:
        empty = Fault(file, 1, "the file is empty", "write at least its first key")
        document.faults.append(empty)
    return document


def text_of(path: Path, document: Document) -> str | None:
    """The text of a file; None with a fault if it can't be read."""
    try:
        if path.exists() and not path.is_file():
            # Reading a pipe or a device could wait for ever.
            document.fault((), "this is not a regular file", "put a YAML file there")
            return None
        raw = path.read_bytes()
    except FileNotFoundError:
        document.fault((), "the file is missing", "make it as docs/policy.md shows")
        return None
    except OSError as error:
        document.fault((), f"the file can't be read ({error.strerror})", "check its rights")
        return None
    document.digest = hashlib.sha256(raw).hexdigest()
    if len(raw) > SIZE_LIMIT:
        document.fault((), "the file is larger than 1 MiB", "split it")
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        document.faults.append(
            Fault(document.file, line, "the file is not UTF-8", "save it as UTF-8")
        )
        return None


def _unreadable(document: Document, error: yaml.YAMLError, text: str) -> None:
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        document.faults.append(Fault(document.file, line, *_CONTROL))
        return
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark is not None else 1
    problem = str(getattr(error, "problem", None) or "it is not YAML")
    known = next((words for sign, words in _KNOWN_PROBLEMS if sign in problem), None)
    what, write = known or (f"the file can't be read: {problem}", "mend this line")
    document.faults.append(Fault(document.file, line, what, write))


def _aliases(text: str) -> int | None:
    """The line of the first alias: a few can expand to gigabytes."""
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken):
            return int(token.start_mark.line) + 1
    return None


def _value(document: Document, node: yaml.Node, place: Place) -> Any:
    document.lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(document, node, place)
    if isinstance(node, yaml.SequenceNode):
        return [_value(document, each, (*place, n)) for n, each in enumerate(node.value)]
    return _scalar(node)


def _mapping(document: Document, node: yaml.MappingNode, place: Place) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = _scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
        if not isinstance(key, str):
            # YAML reads `on:` and `12:` as something else than words.
            key = str(getattr(key_node, "value", "?"))
        line = key_node.start_mark.line + 1
        if key in made:
            document.faults.append(
                Fault(document.file, line, f"`{key}` is there twice", "keep one of them")
            )
        document.lines[(*place, key)] = line
        made[key] = _value(document, value_node, (*place, key))
    return made


def _scalar(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        return str(node.value)
    finally:
        loader.dispose()
