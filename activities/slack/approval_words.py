"""What is said of a request for approval, on the case's card and on its own."""

from datetime import datetime

from activities.slack.card_state import pending
from activities.slack.drawing import Block, quote, section
from activities.slack.reader import Reader
from workflows.domain.approval import Approval, Consent, Purpose
from workflows.domain.playbook.actions import OnExpiry
from workflows.domain.view import CardView


def requester(view: CardView, approval: Approval) -> str | None:
    """Who asked: for an undo not always who decided."""
    decider = view.decision.by if view.decision is not None else None
    return approval.by or decider


def count(approval: Approval, reader: Reader) -> str:
    """`承認 0/1`."""
    needed = sum(need.quorum for need in approval.needs)
    return reader.say("card.approval", given=len(approval.consents), needed=needed)


def due(approval: Approval, near: datetime, reader: Reader) -> str:
    """Until when; while a question is open, the clock stands still."""
    if approval.question is not None:
        return reader.say("card.due.still")
    return reader.say("card.due", time=reader.time(approval.expires_at, near))


def afterwards(approval: Approval, reader: Reader) -> str:
    """What happens when nobody agrees in time."""
    if approval.on_expiry is OnExpiry.ESCALATE:
        return reader.say("approval.then.escalate")
    return reader.say(f"approval.then.refuse.{approval.purpose.value}")


def consents(approval: Approval, reader: Reader) -> list[str]:
    """`田中さんが鈴木さんの代理で承認しました`, one each."""
    return [consent_words(each, reader) for each in approval.consents]


def consent_words(consent: Consent, reader: Reader) -> str:
    """One person's consent, with whom they stood in for."""
    person = reader.person(consent.by)
    if consent.covers is None:
        return reader.say("approval.consent", person=person)
    covered = reader.person(consent.covers)
    return reader.say("approval.consent.cover", person=person, covered=covered)


def question(approval: Approval, near: datetime, reader: Reader) -> list[Block]:
    """What an approver asked back, and how long the answer is waited for."""
    asked = approval.question
    if asked is None:
        return []
    until = reader.time(asked.until, near)
    said = reader.say("approval.question", person=reader.person(asked.by), time=until)
    return [section([said]), *quote(asked.text)]


def answered(approval: Approval, reader: Reader) -> list[Block]:
    """What was asked and answered last, as long as nothing is asked again."""
    told = [each for each in approval.exchanges if each.by is not None]
    if not told:
        return []
    asked = reader.say("approval.asked", person=reader.person(told[-1].asked_by))
    said = reader.say("approval.answer", person=reader.person(told[-1].by))
    blocks = [section([asked]), *quote(told[-1].question)]
    return [*blocks, section([said]), *quote(told[-1].answer)]


def waiting(view: CardView, reader: Reader) -> list[str]:
    """The terms of the request that the case waits for, as a line of its card."""
    approval = pending(view)
    if approval is None:
        return []
    roles = reader.listed(reader.say(f"role.{need.role.value}") for need in approval.needs)
    terms = [
        count(approval, reader),
        reader.say("card.asked", roles=roles),
        due(approval, view.opened_at, reader),
        afterwards(approval, reader),
        *consents(approval, reader),
    ]
    line = " · ".join(terms)
    if approval.purpose is Purpose.DECISION:
        return [line]
    person = reader.person(requester(view, approval))
    return [reader.say(f"card.waiting.{approval.purpose.value}", person=person), line]
