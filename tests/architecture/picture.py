"""Picture of the architecture: draws docs/architecture.svg from docs/architecture.yaml.

`make picture` writes the file. Boxes are placed by rows of equal widths; nothing is measured.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import yaml

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "docs" / "architecture.yaml"
PICTURE = ROOT / "docs" / "architecture.svg"

WIDTH = 960
LEFT, LAYER_WIDTH = 150, 660
SIDE_WIDTH, SIDE_HEIGHT = 110, 26
PAD, TITLE, PACKAGE, FILES, GAP = 14, 26, 52, 20, 44
COLOURS = ("#fdf1e3", "#e8f3ec", "#e6eef9")
INNER = "#d3e1f5"
STYLE = (
    "text{font-family:Helvetica,Arial,sans-serif;fill:#1f2a37}"
    ".t{font-size:16px;font-weight:bold}.r{font-size:13px;font-weight:bold}"
    ".s{font-size:11px}.b{fill:#fff;stroke:#8a97a8}.f{stroke:#8a97a8}"
    ".o{fill:#f4f4f5;stroke:#8a97a8;stroke-dasharray:4 3}"
    ".a{stroke:#4b5866;stroke-width:1.6;fill:none;marker-end:url(#h)}"
    ".d{marker-start:url(#h)}"
)
HEAD = (
    '<defs><marker id="h" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" fill="#4b5866"/></marker></defs>'
)

Layer = dict[str, Any]


def text(x: float, y: float, words: str, style: str, middle: bool = False) -> str:
    anchor = ' text-anchor="middle"' if middle else ""
    return f'<text x="{x:g}" y="{y:g}" class="{style}"{anchor}>{escape(words)}</text>'


def box(x: float, y: float, size: tuple[float, float], style: str, fill: str = "") -> str:
    colour = f' fill="{fill}"' if fill else ""
    width, height = size
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" '
        f'class="{style}"{colour}/>'
    )


def arrow(start: tuple[float, float], end: tuple[float, float], both: bool = False) -> str:
    style = "a d" if both else "a"
    return f'<path d="M{start[0]:g} {start[1]:g} {end[0]:g} {end[1]:g}" class="{style}"/>'


def rows(packages: dict[str, str]) -> int:
    return -(-len(packages) // 4)


def height(layer: Layer) -> float:
    """Height in pixels: title, packages four a row, the line of files, the layer inside."""
    inner = height(layer["inner"]) + PAD if "inner" in layer else 0
    files = FILES if "files" in layer else 0
    return TITLE + PAD + rows(layer["packages"]) * (PACKAGE + 8) + files + inner + 4


def packages(layer: Layer, x: float, y: float, width: float) -> Iterator[str]:
    columns = min(4, -(-len(layer["packages"]) // rows(layer["packages"])))
    each = (width - 2 * PAD - 8 * (columns - 1)) / columns
    for number, (name, words) in enumerate(layer["packages"].items()):
        left = x + PAD + number % columns * (each + 8)
        top = y + number // columns * (PACKAGE + 8)
        yield box(left, top, (each, PACKAGE), "b")
        yield text(left + each / 2, top + 21, f"{name}/", "r", middle=True)
        yield text(left + each / 2, top + 39, words, "s", middle=True)


def band(layer: Layer, spot: tuple[float, float], width: float, fill: str) -> Iterator[str]:
    """One layer with its packages, and the layer inside it."""
    x, y = spot
    yield box(x, y, (width, height(layer)), "f", fill)
    yield text(x + PAD, y + TITLE - 4, f"{layer['folder']}/ · {layer['role']}", "t")
    y += TITLE + 10
    yield from packages(layer, x, y, width)
    y += rows(layer["packages"]) * (PACKAGE + 8)
    if "files" in layer:
        yield text(x + PAD, y + 12, layer["files"], "s")
        y += FILES
    if "inner" in layer:
        yield from band(layer["inner"], (x + PAD, y + 4), width - 2 * PAD, INNER)


def outside(layer: Layer, y: float) -> Iterator[str]:
    """Systems beside a layer, with an arrow each."""
    for side, x, edge in (
        ("left", 10.0, float(LEFT)),
        ("right", WIDTH - SIDE_WIDTH - 10.0, float(LEFT + LAYER_WIDTH)),
    ):
        names = layer.get(side, ())
        for number, name in enumerate(names):
            top = y + (number + 0.5) * height(layer) / len(names) - SIDE_HEIGHT / 2
            yield box(x, top, (SIDE_WIDTH, SIDE_HEIGHT), "o")
            yield text(x + SIDE_WIDTH / 2, top + 19, name, "s", middle=True)
            near = x + SIDE_WIDTH if side == "left" else x
            ends = (near, top + SIDE_HEIGHT / 2), (edge, top + SIDE_HEIGHT / 2)
            start, end = ends if layer["arrow"] == "in" else ends[::-1]
            yield arrow(start, end, both=layer["arrow"] == "both")


def draw(layers: list[Layer]) -> str:
    """The SVG document."""
    parts, y = [], 12.0
    for layer, fill in zip(layers, COLOURS, strict=True):
        parts += band(layer, (LEFT, y), LAYER_WIDTH, fill)
        parts += outside(layer, y)
        y += height(layer)
        if layer is not layers[-1]:
            middle = LEFT + LAYER_WIDTH / 2
            parts += [arrow((middle, y + 4), (middle, y + GAP - 4))]
            parts += [text(middle + 12, y + GAP / 2 + 4, "imports", "s")]
            y += GAP
    total = y + 12
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total:g}" '
        f'width="{WIDTH}" height="{total:g}" role="img">'
    )
    title = "<title>Three layers: bot, activities, workflows</title>"
    white = f'<rect width="{WIDTH}" height="{total:g}" fill="#fff"/>'
    body = [opening, title, f"<style>{STYLE}</style>", HEAD, white, *parts, "</svg>"]
    return "\n".join(body) + "\n"


def layers() -> list[Layer]:
    read: list[Layer] = yaml.safe_load(SOURCE.read_text("utf-8"))["layers"]
    return read


if __name__ == "__main__":
    PICTURE.write_text(draw(layers()), "utf-8")
