"""The evidence of one alert, as it is read again when somebody looks at it."""

from datetime import datetime

from workflows.domain.alert import Evidence, ImageEvidence, TextEvidence
from workflows.domain.model import Value
from workflows.domain.text import Text


class AlertEvidence(Value):
    """What the ledger keeps of an alert, as far as people look at it. `key` is `detector/id`."""

    key: str
    kind: str
    detector: str
    occurred_at: datetime
    score: float | None = None
    title: Text | None = None
    evidence: tuple[Evidence, ...] = ()

    def item(self, number: int) -> TextEvidence | ImageEvidence | None:
        """One piece, counted from 0."""
        return self.evidence[number] if 0 <= number < len(self.evidence) else None


def is_hidden(piece: TextEvidence | ImageEvidence) -> bool:
    """Whether it is shown only to whoever asks for it: sensitive words, and every image."""
    return piece.sensitive or isinstance(piece, ImageEvidence)


def named(key: str) -> tuple[str, str]:
    """Detector and id of an alert's key: a detector's name has no slash."""
    detector, _, id_ = key.partition("/")
    return detector, id_
