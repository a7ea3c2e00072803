"""How the platform tells who belongs together (platform.yaml, `related`)."""

from typing import Annotated

from pydantic import Field, StringConstraints

from workflows.domain.model import Written
from workflows.domain.text import Text

RelatedName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class RelatedSpec(Written):
    """Subjects of `type` that share something with one of type `of`.

    `items` is an expression over the `response`: a list of ids, or of things with an `id`. `next`
    is one too: the path of the next page, null on the last one.
    """

    title: Text
    of: str = "user"
    type: str
    path: Annotated[
        str, StringConstraints(pattern=r"^/[^?#{}]*\{id\}[^?#{}]*(\?[^#{}]*)?$", max_length=500)
    ]
    items: str
    next: str | None = None


Related = Annotated[dict[RelatedName, RelatedSpec], Field(max_length=10)]
"""By their names; a modal holds ten (docs.slack.dev, checkbox group)."""
