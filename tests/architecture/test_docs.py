"""Documents: paths and links that exist, a picture that agrees with the folders."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture import picture

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("deploy/**/*.md"),
        *ROOT.glob("tests/**/*.md"),
    ],
)
FOLDERS = ("bot", "activities", "workflows", "deploy", "tests", "docs")
SPAN = re.compile(r"`([^`\n]+)`")
PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})(?:/[\w.*-]+)*/?|[\w./-]+\.py")
LINK = re.compile(r"\]\(([^)#\s]+)(#[\w-]+)?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
MAKE = re.compile(r"make ([a-z-]+)")
MOST_WORDS = 25


def prose(document: Path) -> str:
    """The document; of the changelog only the part that is not released."""
    text = document.read_text("utf-8")
    return text.split("\n## ", 2)[1] if document.name == "CHANGELOG.md" else text


def paths(text: str) -> Iterator[str]:
    for span in SPAN.findall(text):
        for word in re.split(r"[\s:,]+", span):
            if PATH.fullmatch(word) and ("/" in word or word.endswith(".py")):
                yield word


def anchor(heading: str) -> str:
    return "#" + re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_exists(document: Path) -> None:
    """Paths in backticks exist from the root; in tests also from the document's folder."""
    roots = (ROOT, document.parent) if "tests" in document.parts else (ROOT,)
    named = (path.rstrip("/") for path in paths(prose(document)))
    missing = [path for path in named if not any([*root.glob(path)] for root in roots)]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_has_a_target(document: Path) -> None:
    """Relative links and their anchors exist."""
    for target, fragment in LINK.findall(document.read_text("utf-8")):
        if "://" in target:
            continue
        linked = document.parent / target
        assert linked.exists(), target
        if fragment:
            headings = HEADING.findall(linked.read_text("utf-8"))
            assert fragment in map(anchor, headings), fragment


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_exists(document: Path) -> None:
    """`make …` in backticks names a target of the Makefile."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = [name for span in SPAN.findall(prose(document)) for name in MAKE.findall(span)]
    assert [name for name in named if name not in targets] == []


def test_the_picture_is_up_to_date() -> None:
    """docs/architecture.svg is what `make picture` draws."""
    assert picture.PICTURE.read_text("utf-8") == picture.draw(picture.layers())


def test_the_picture_has_every_folder() -> None:
    """Each package shows exactly its folders, and files that exist."""

    def check(layer: picture.Layer) -> None:
        folder = ROOT / layer["folder"]
        inner = layer.get("inner")
        shown = {*layer["packages"], *([Path(inner["folder"]).name] if inner else [])}
        assert shown == {path.parent.name for path in folder.glob("*/__init__.py")}
        for name in layer.get("files", "").removesuffix(" …").split(" · "):
            assert not name or (folder / name).exists(), name
        if inner:
            check(inner)

    for layer in picture.layers():
        check(layer)


def test_the_glossary_is_short() -> None:
    """At most 25 words, each explained once, in alphabetical order."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8").split("## Glossary")[1]
    words = re.findall(r"^\| (?!word|-)([^|]+) \|", text, re.MULTILINE)
    assert len(words) <= MOST_WORDS
    assert len(set(words)) == len(words)
