"""Everybody whom a card, a thread or an answer may name: whose names have to be asked for."""

from collections.abc import Iterable, Iterator

from workflows.domain import events as ev
from workflows.domain.approval import Approval
from workflows.domain.refusal import Reason, Refusal
from workflows.domain.view import CardView

_ROLES = ("by", "owner", "to", "person")
"""The fields of events that hold somebody's id."""


def people_of(view: CardView, lines: Iterable[ev.Recorded]) -> Iterator[str | None]:
    """Whom the view and these lines name."""
    yield from (view.owner, view.acknowledged_by)
    yield view.turn.by if view.turn is not None else None
    yield view.decision.by if view.decision is not None else None
    yield view.hold.by if view.hold is not None else None
    yield view.next_step.person if view.next_step is not None else None
    yield view.appeal.by if view.appeal is not None else None
    yield view.latest.hand.by if view.latest.hand is not None else None
    yield view.halt.by if view.halt is not None else None
    if view.approval is not None:
        yield from _agreeing(view.approval)
    for line in lines:
        yield from _told(line.event)


def people_in(refusal: Refusal) -> Iterator[str | None]:
    """Whom a refusal names."""
    yield refusal.by
    if refusal.reason is Reason.NOT_A_COLLEAGUE:
        yield refusal.name


def _agreeing(approval: Approval) -> Iterator[str | None]:
    yield approval.by or None
    yield approval.question.by if approval.question is not None else None
    for exchange in approval.exchanges:
        yield from (exchange.asked_by, exchange.by)
    for consent in approval.consents:
        yield from (consent.by, consent.covers)


def _told(event: ev.Event) -> Iterator[str | None]:
    yield from (getattr(event, name, None) for name in _ROLES)
    if isinstance(event, ev.ProtectionWithheld):
        yield event.halt.by
    if isinstance(event, ev.Approved):
        yield from (event.consent.by, event.consent.covers)
