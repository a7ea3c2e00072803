"""What a detector saw: one alert about one subject."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, Field, JsonValue, StringConstraints

from workflows.domain.by_hand import ByHand, hand_of
from workflows.domain.model import Value, Written
from workflows.domain.text import Text, visible

EXCERPT = 500
"""Characters of evidence that a case keeps; the ledger keeps the whole."""


def _no_control(text: str) -> str:
    if visible(text) != text or "\n" in text or "\t" in text:
        raise ValueError("must not contain control characters")
    return text


Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
Identifier = Annotated[
    str, StringConstraints(min_length=1, max_length=256), AfterValidator(_no_control)
]
Words = Annotated[str, AfterValidator(visible)]


class Subject(Written):
    """Whom or what something is about: `type` is open (user, listing, stream, …)."""

    type: Name
    id: Identifier

    @property
    def key(self) -> str:
        """`type:id`, unique over all subjects since a type has no colon."""
        return f"{self.type}:{self.id}"


class TextEvidence(Written):
    """Words that were seen, as they were."""

    kind: Literal["text"] = "text"
    text: Words
    sensitive: bool = False


class ImageEvidence(Written):
    """An image at the platform; it is never linked on a card."""

    kind: Literal["image"] = "image"
    url: Annotated[str, StringConstraints(max_length=3000)]
    sensitive: bool = True


Evidence = Annotated[TextEvidence | ImageEvidence, Field(discriminator="kind")]


class Alert(Written):
    """One alert as a detector posts it. (detector, id) names it for good."""

    id: Identifier
    detector: Name = "default"
    kind: Name
    subject: Subject
    related: Annotated[tuple[Subject, ...], Field(max_length=100)] = ()
    score: Annotated[float, Field(ge=0, le=1)] | None = None
    occurred_at: AwareDatetime
    title: Text | None = None
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=100)] = ()
    attributes: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        """`detector/id`, the name under which it is known for good."""
        return f"{self.detector}/{self.id}"

    def facts(self) -> dict[str, Any]:
        """The alert as plain data, for conditions: absent optional fields are left out."""
        return self.model_dump(mode="json", exclude_none=True)


class AlertBrief(Value):
    """What a case remembers of an alert: bounded, whatever the detector sent.

    `hand` tells who made it, where that was a person.
    """

    key: str
    kind: str
    occurred_at: datetime
    score: float | None = None
    title: Text | None = None
    excerpt: str = ""
    sensitive: bool = False
    images: int = 0
    viewers: int | None = None
    related: tuple[Subject, ...] = ()
    hand: ByHand | None = None


def _short(text: Text | None) -> Text | None:
    return None if text is None else Text(ja=visible(text.ja[:200]), en=visible(text.en[:200]))


def brief(alert: Alert) -> AlertBrief:
    """The bounded memory of `alert`: the first text, shortened, and counts of the rest."""
    texts = [e for e in alert.evidence if isinstance(e, TextEvidence)]
    viewers = alert.attributes.get("viewers")
    return AlertBrief(
        key=alert.key,
        kind=alert.kind,
        occurred_at=alert.occurred_at,
        score=alert.score,
        title=_short(alert.title),
        excerpt=texts[0].text[:EXCERPT] if texts else "",
        sensitive=any(text.sensitive for text in texts[:1]),
        images=len(alert.evidence) - len(texts),
        viewers=int(viewers) if isinstance(viewers, int | float) else None,
        related=alert.related[:10],
        hand=hand_of(alert.detector, alert.attributes),
    )
