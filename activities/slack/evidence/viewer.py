"""The modal of one piece of hidden evidence: what it shows once it is recorded who looks.

It lies above the list that it was asked for from; closing it hides the piece again.
"""

from dataclasses import dataclass
from typing import Any

from activities.slack.drawing import (
    Block,
    actions,
    button,
    context,
    fit,
    picture,
    quote_whole,
    section,
)
from activities.slack.escape import mrkdwn, one_line, pieces
from activities.slack.evidence.handles import PieceHandle, encode
from activities.slack.reader import Reader
from workflows.domain.commands import Modal
from workflows.domain.evidence import AlertEvidence

CALLBACK = "evidence_piece"
AGAIN = "evidence.reveal.again"
PART = 2_800
"""UTF-16 units of one quote: a section takes 3,000 (docs.slack.dev, section block)."""
MOST_PARTS = 10
"""Of one text in one modal: Slack takes 250 KB of a view, and a unit up to 6 bytes in JSON."""
_TITLE = 150
_DETECTOR = 64

View = dict[str, Any]


@dataclass(frozen=True)
class Viewer:
    """The modal that is drawn: for whom, and what it carries."""

    reader: Reader
    modal: Modal

    def loading(self) -> View:
        """What opens at once."""
        return self._view([section([self.reader.say("evidence.loading")])])

    def words(self, alert: AlertEvidence, text: str) -> View:
        """Sensitive words, whole as far as a modal can hold them."""
        parts = pieces(text, PART)
        shown = [quote_whole(part) for part in parts[:MOST_PARTS]]
        if not shown:
            shown = [section([self.reader.say("evidence.empty")])]
        if len(parts) > MOST_PARTS:
            shown.append(section([self.reader.say("evidence.cut", count=len(text))]))
        return self._view([about(alert, self.reader), *shown, self._recorded()])

    def image(self, alert: AlertEvidence, file: str) -> View:
        """An image that lies at Slack."""
        alt = self.reader.say("evidence.image.alt", about=_spoken(alert, self.reader))
        return self._view([about(alert, self.reader), picture(file, alt), self._recorded()])

    def refused(self, sentence: str) -> View:
        """Why it is not shown; `sentence` is safe already."""
        return self._view([section([sentence])])

    def failed(self, why: str, piece: PieceHandle | None) -> View:
        """What could not be fetched; with a `piece`, a button tries again."""
        sentence = self.reader.say(f"evidence.failed.{why}")
        if piece is None:
            return self._view([section([sentence])])
        again = button(AGAIN, self.reader.say("evidence.again"), encode(piece), "primary")
        return self._view([section([sentence]), *actions(AGAIN, [again])])

    def _recorded(self) -> Block:
        return context([self.reader.say("evidence.recorded")])

    def _view(self, blocks: list[Block]) -> View:
        return {
            "type": "modal",
            "callback_id": CALLBACK,
            "external_id": self.modal.id,
            **({"private_metadata": self.modal.carries} if self.modal.carries else {}),
            "title": {"type": "plain_text", "text": self.reader.say("evidence.piece.title")},
            "close": {"type": "plain_text", "text": self.reader.say("evidence.back")},
            "blocks": blocks,
        }


def about(alert: AlertEvidence, reader: Reader, *more: str) -> Block:
    """`*LINEへの誘導* · 12:03:10 · live-chat · スコア 0.98`."""
    title = reader.title(alert.title, mrkdwn, _TITLE) if alert.title else mrkdwn(alert.kind, _TITLE)
    facts = [f"*{title}*", reader.clock(alert.occurred_at), mrkdwn(alert.detector, _DETECTOR)]
    if alert.score is not None:
        facts.append(reader.say("card.score", score=reader.texts.number(alert.score, "0.00")))
    return section([fit([*facts, *more], " · ", 2_900)])


def _spoken(alert: AlertEvidence, reader: Reader) -> str:
    """Whose image it is, for screen readers: as plain text, without what it shows."""
    title = alert.title.in_(reader.texts.language) if alert.title else alert.kind
    return one_line(" ".join(pieces(title, _TITLE)[:1]))
