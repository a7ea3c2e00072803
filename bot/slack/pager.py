"""Pager: buttons for the previous and the next page of a list."""

from typing import Any

from activities.slack.blocks import actions, button
from activities.slack.i18n.catalog import Catalog
from bot.slack.rendering import Block

Position = object
"""A number or anything that `str` writes in digits and dots; read back as `Press.page`."""


def page_buttons(
    pager: str,
    of: str,
    before: Position | None,
    after: Position | None,
    texts: Catalog,
    block_id: str | None = None,
) -> list[Block]:
    """The row below a page; `before` and `after` are None at the ends.

    A button's value is `{position}:{of}`, where `of` is what the list is about.
    """
    shown: list[dict[str, Any]] = []
    for way, position in (("before", before), ("next", after)):
        if position is not None:
            words = texts.say(f"bot.page.{way}")
            shown.append(button(f"{pager}.page.{way}", words, f"{position}:{of}"))
    return actions(block_id or f"{pager}.page", shown)


def neighbours(first: int, size: int, total: int) -> tuple[int | None, int | None]:
    """The numbers of the pages before and after the one that begins at `first`, all from 0."""
    number = first // size
    return number - 1 if number > 0 else None, number + 1 if first + size < total else None
