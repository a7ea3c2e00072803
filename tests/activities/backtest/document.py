"""Parsed page: a tree of elements, strict about the order of end tags."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from activities.backtest.html import page
from tests.activities.backtest.samples import SHOWN, TITLES
from workflows.domain.backtest.report import BacktestReport
from workflows.domain.values import Language

VOID = frozenset({"meta", "input"})
LINES = frozenset({"h1", "h2", "h3", "p", "tr", "li", "dt", "dd", "figcaption", "title", "text"})


@dataclass
class Node:
    """An element with its attributes and content."""

    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    content: list["Node | str"] = field(default_factory=list)

    def all(self, *tags: str) -> list["Node"]:
        """The elements with these tags below this one; all without tags."""
        return [node for node in self._below() if not tags or node.tag in tags]

    def _below(self) -> Iterator["Node"]:
        for each in self.content:
            if isinstance(each, Node):
                yield each
                yield from each._below()

    def id(self, name: str) -> "Node":
        """The element with this id."""
        return next(node for node in self._below() if node.attributes.get("id") == name)

    def section(self, name: str) -> "Node":
        """The section that is named by the heading with this id."""
        named = {node.attributes.get("aria-labelledby"): node for node in self.all("section")}
        return named[name]

    @property
    def text(self) -> str:
        """The text in it, with single spaces."""
        parts = (each if isinstance(each, str) else each.text for each in self.content)
        return re.sub(r"\s+", " ", " ".join(parts)).strip()

    def rows(self) -> list[list[str]]:
        """The cells of the tables in it."""
        return [[cell.text for cell in row.all("th", "td")] for row in self.all("tr")]

    def pairs(self) -> dict[str, str]:
        """The labels in it with their numbers."""
        labels, values = self.all("dt"), self.all("dd")
        return {a.text: b.text for a, b in zip(labels, values, strict=True)}

    def lines(self) -> Iterator[str]:
        """One line for each heading, paragraph, row, entry and text; none for a chart's bars."""
        for each in self.content:
            if not isinstance(each, Node) or each.tag == "g":
                continue
            if each.tag in LINES:
                yield each.text
            else:
                yield from each.lines()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("document")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert sorted(names) == sorted(set(names)), tag
        node = Node(tag, dict(attrs))
        self.open[-1].content.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def parse(html: str) -> Node:
    """The document."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert [node.tag for node in reader.open] == ["document"]
    return reader.open[0]


def main_of(report: BacktestReport, language: Language = Language.EN) -> Node:
    """The part of a page in one language."""
    whole = parse(page(report, TITLES, SHOWN))
    return next(n for n in whole.all("main") if n.attributes["lang"] == language.value)
