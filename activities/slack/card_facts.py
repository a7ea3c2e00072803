"""What a card says of the alerts: title line, sentence, score, evidence."""

from activities.slack.card_known import known
from activities.slack.card_state import STATE_COLOUR, standing, state_word
from activities.slack.drawing import Block, context, fit, header, quote
from activities.slack.escape import Safe, mrkdwn, plain
from activities.slack.reader import Reader
from workflows.domain.alert import AlertBrief
from workflows.domain.case_state import UNDECIDED
from workflows.domain.playbook.model import Severity
from workflows.domain.view import CardView

SEVERITY_COLOUR = {
    Severity.CRITICAL: "🟥",
    Severity.HIGH: "🟧",
    Severity.MEDIUM: "🟨",
    Severity.LOW: "🟦",
}
_WHAT = 100
_RELATED = 3


def case_line(view: CardView, reader: Reader, safe: Safe) -> str:
    """`重大 · 外部誘導 · K7Q2F9XM0`."""
    severity = reader.say(f"severity.{view.severity.value}")
    return f"{severity} · {reader.title(view.title, safe)} · {view.id}"


def title(view: CardView, reader: Reader) -> Block:
    """Severity, kind, id and state, in words and in colour."""
    colour = SEVERITY_COLOUR[view.severity]
    state = f"{STATE_COLOUR[standing(view)]} {state_word(view, reader)}"
    return header(f"{colour} {case_line(view, reader, plain)} · {state}")


def sentence(view: CardView, reader: Reader, safe: Safe) -> str:
    """What happened, and to whom: `ユーザー u_123: LINEへの誘導(配信 s_9)`."""
    what = view.latest.title or view.first.title or view.title
    values = {
        "subject": reader.subject(view.subject, safe),
        "what": reader.title(what, safe, _WHAT),
    }
    others = [each for each in view.latest.related if each != view.subject][:_RELATED]
    if not others:
        return reader.say("card.sentence", **values)
    related = reader.listed(reader.subject(each, safe) for each in others)
    return reader.say("card.sentence.related", **values, related=related)


def facts(view: CardView, reader: Reader) -> list[Block]:
    """Score and audience, where the detector told; below them what is known of the subject."""
    rows = ([*score(view, reader), *viewers(view, reader)], known(view, reader))
    return [context(shown) for shown in rows if shown]


def score(view: CardView, reader: Reader) -> list[str]:
    """How sure the detector is."""
    if view.latest.score is None:
        return []
    return [reader.say("card.score", score=reader.texts.number(view.latest.score, "0.00"))]


def viewers(view: CardView, reader: Reader) -> list[str]:
    """How many people it reaches."""
    if view.latest.viewers is None:
        return []
    return [reader.say("card.viewers", count=view.latest.viewers)]


def manner(view: CardView, reader: Reader) -> list[Block]:
    """How decisions on this kind of case are carried out, where it is out of the ordinary."""
    if view.phase not in UNDECIDED:
        return []
    told = [reader.say("card.rehearse")] if view.rehearse else []
    told += [reader.say("card.imminent")] if view.imminent else []
    return [context(told)] if told else []


def evidence(view: CardView, reader: Reader) -> list[Block]:
    """The last line of evidence, hidden where it is sensitive, and how many are like it."""
    shown = [] if view.latest.sensitive else quote(view.latest.excerpt)
    notes = [note for note in (_hidden(view.latest, reader), _similar(view, reader)) if note]
    return [*shown, context(notes)] if notes else shown


def _hidden(alert: AlertBrief, reader: Reader) -> str:
    """What is not shown: sensitive text, and images, which are never linked."""
    images = reader.say("card.images", count=alert.images) if alert.images else ""
    hidden = reader.say("card.sensitive") if alert.sensitive else ""
    return fit(filter(None, (hidden, images)), " · ", 200)


def _similar(view: CardView, reader: Reader) -> str:
    if view.alerts < 2:
        return ""
    if view.last_alert_at == view.opened_at:
        return reader.say("card.similar.once", count=view.alerts - 1)
    first, last = reader.clock(view.opened_at), reader.clock(view.last_alert_at)
    return reader.say("card.similar", count=view.alerts - 1, first=first, last=last)


def spoken_sentence(view: CardView, reader: Reader) -> str:
    """The sentence as mrkdwn, for the text that screen readers read."""
    return sentence(view, reader, mrkdwn)
