"""Facts of a case's card: state, alerts, evidence and the subject's history."""

from datetime import datetime
from enum import StrEnum

from activities.slack.blocks import Block, context, fit, header, quote
from activities.slack.escape import Safe, mrkdwn, one_line, plain
from activities.slack.reader import Reader
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Approval, Purpose
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.event_base import kind_of
from workflows.domain.case.model import UNDECIDED, HoldKind, Intent, Phase, Sanction
from workflows.domain.case.view import CardView, ProtectionView
from workflows.domain.policy.playbook import Severity


class CardState(StrEnum):
    """State of a case in the header of its card: its phase, or a more precise one."""

    OPEN = Phase.OPEN.value
    CLAIMED = Phase.CLAIMED.value
    REOPENED = "reopened"
    ON_HOLD = "on_hold"
    AWAITING_APPROVAL = Phase.AWAITING_APPROVAL.value
    REVIEWING = "reviewing"
    UNDO_ASKED = "undo_asked"
    RETRY_ASKED = "retry_asked"
    ENFORCING = Phase.ENFORCING.value
    UNDOING = "undoing"
    FAILED = "failed"
    CLOSED = Phase.CLOSED.value
    UNDONE = "undone"
    DRY_RUN = "dry_run"
    MERGED = "merged"


class HoldState(StrEnum):
    """State of a hold; PAUSED is a snooze that pauses the deadlines."""

    WAITING = "waiting"
    PAUSED = "paused"
    SNOOZED = "snoozed"


STATE_COLOUR = {
    CardState.OPEN: "🔴",
    CardState.CLAIMED: "🔵",
    CardState.REOPENED: "🔵",
    CardState.ON_HOLD: "⏸️",
    CardState.AWAITING_APPROVAL: "🟡",
    CardState.REVIEWING: "🟡",
    CardState.UNDO_ASKED: "🟡",
    CardState.RETRY_ASKED: "🟡",
    CardState.ENFORCING: "🟣",
    CardState.UNDOING: "🟣",
    CardState.FAILED: "🔴",
    CardState.CLOSED: "⚪",
    CardState.UNDONE: "⚪",
    CardState.DRY_RUN: "⚪",
    CardState.MERGED: "⚪",
}
_LEAVING = (Intent.LIFT_NOW, Intent.HAND_OVER)
BEGINNING = (ActionStatus.PENDING, ActionStatus.RETRYING)


def state_word(view: CardView, reader: Reader) -> str:
    """The state in a word."""
    return reader.say(f"card.state.{card_state(view)}")


def card_state(view: CardView) -> CardState:
    """The phase, or a more precise state."""
    if view.merged_into is not None:
        return CardState.MERGED
    if view.undoing:
        return CardState.UNDOING
    if view.phase in UNDECIDED:
        return _undecided(view)
    if view.phase is Phase.ENFORCING:
        return _enforcing(view)
    return _closed(view) if view.phase is Phase.CLOSED else CardState(view.phase)


def _undecided(view: CardView) -> CardState:
    if view.hold is not None:
        return CardState.ON_HOLD
    again = view.owner is not None and turned(view, ev.CaseReopened)
    return CardState.REOPENED if again else CardState(view.phase)


def _enforcing(view: CardView) -> CardState:
    if pending(view, Purpose.RETRY) is not None:
        return CardState.RETRY_ASKED
    if view.failed:
        return CardState.FAILED
    reviewed = pending(view, Purpose.REVIEW) is not None and not view.acting
    return CardState.REVIEWING if reviewed else CardState.ENFORCING


def _closed(view: CardView) -> CardState:
    if pending(view, Purpose.UNDO) is not None:
        return CardState.UNDO_ASKED
    statuses = {action.status for action in view.actions}
    if statuses == {ActionStatus.UNDONE}:
        return CardState.UNDONE
    return CardState.DRY_RUN if statuses == {ActionStatus.DRY_RUN} else CardState.CLOSED


def turned(view: CardView, *events: type[ev.Event]) -> bool:
    """True where one of these events was the last change of a decision."""
    return view.turn is not None and view.turn.kind in map(kind_of, events)


def turn_by(view: CardView) -> str | None:
    """The person who last changed a decision; None for Koban."""
    return view.turn.by if view.turn is not None else None


def pending(view: CardView, *purposes: Purpose) -> Approval | None:
    """The pending approval, if it has one of the purposes (none: any)."""
    approval = view.approval
    if approval is None or not approval.pending:
        return None
    return approval if not purposes or approval.purpose in purposes else None


def protecting(view: CardView) -> tuple[ProtectionView, ...]:
    """The protections that are active or starting, which a decision can keep."""
    return tuple(
        each
        for each in view.protections
        if each.intent not in _LEAVING and (each.state.in_force or each.state.status in BEGINNING)
    )


def cleared(view: CardView) -> bool:
    """Whether the case ended without a violation, in which a detector was wrong."""
    return view.phase is Phase.CLOSED and view.verdict in _CLEARED


_CLEARED = (Verdict.NO_VIOLATION, Verdict.FALSE_POSITIVE)


def ended_by(by: str | None, at: datetime | None, near: datetime, reader: Reader) -> str:
    """`7:27 佐藤さん`; `7:27 自動` without a person."""
    time = reader.time(at or near, near)
    if by is None:
        return reader.say("words.automatic", time=time)
    return reader.say("words.ended", time=time, person=reader.person(by))


def hold_kind(view: CardView) -> HoldState:
    """The state of the hold."""
    hold = view.hold
    if hold is not None and hold.kind is HoldKind.WAITING:
        return HoldState.WAITING
    return HoldState.PAUSED if hold is not None and hold.pauses else HoldState.SNOOZED


MOST = 5
"""Listed cases or actions; the rest is counted."""
_LIST = 600
_CASE = 20


def history(view: CardView, reader: Reader) -> list[str]:
    """`過去の措置 警告1・コメント制限1`, `対応中の別ケース 1(K7…)`."""
    found = view.history
    lines = []
    if found.sanctions:
        words = (_sanction(each, view, reader) for each in found.sanctions[:MOST])
        lines.append(
            reader.say("card.sanctions", list=fit(words, reader.say("words.separator"), _LIST))
        )
    if found.open_cases:
        ids = cases(found.open_cases, reader)
        lines.append(reader.say("card.other_cases", count=len(found.open_cases), ids=ids))
    if found.closed_cases:
        lines.append(reader.say("card.closed_cases", count=found.closed_cases))
    return lines


def cases(ids: tuple[str, ...], reader: Reader) -> str:
    """The first ids, and the number of the others."""
    named = reader.listed(case_id(each) for each in ids[:MOST])
    if len(ids) <= MOST:
        return named
    return reader.say("words.and_more", list=named, count=len(ids) - MOST)


def case_id(case: str) -> str:
    """The id of another case, escaped: a person may have typed it."""
    return mrkdwn(one_line(case), _CASE)


def absorbed(view: CardView, reader: Reader) -> list[Block]:
    """The cases merged into this one."""
    if not view.absorbed:
        return []
    return [context([reader.say("card.absorbed", ids=cases(view.absorbed, reader))])]


def _sanction(sanction: Sanction, view: CardView, reader: Reader) -> str:
    key = "card.sanction.in_force" if sanction.in_force else "card.sanction"
    action = reader.action(sanction.action, view.action_titles)
    return reader.say(key, action=action, times=sanction.times, in_force=sanction.in_force)


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
    """Severity, kind, id and state, with colours."""
    colour = SEVERITY_COLOUR[view.severity]
    state = f"{STATE_COLOUR[card_state(view)]} {state_word(view, reader)}"
    return header(f"{colour} {case_line(view, reader, plain)} · {state}")


def sentence(view: CardView, reader: Reader, safe: Safe) -> str:
    """The subject and its alert: `ユーザー u_123: LINEへの誘導(配信 s_9)`."""
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
    """Score and viewers of the alert, then the subject's history."""
    score = [] if view.latest.score is None else [reader.score(view.latest.score)]
    rows = ([*score, *viewers(view, reader)], history(view, reader))
    return [context(shown) for shown in rows if shown]


def viewers(view: CardView, reader: Reader) -> list[str]:
    """The number of viewers."""
    if view.latest.viewers is None:
        return []
    return [reader.say("card.viewers", count=view.latest.viewers)]


def manner(view: CardView, reader: Reader) -> list[Block]:
    """Notes on dry runs and imminent harm."""
    if view.phase not in UNDECIDED:
        return []
    notes = [reader.say("card.dry_run")] if view.dry_run else []
    notes += [reader.say("card.imminent")] if view.imminent else []
    return [context(notes)] if notes else []


def evidence(view: CardView, reader: Reader) -> list[Block]:
    """The latest evidence, unless it is sensitive, and the number of similar alerts."""
    alert = view.latest
    shown = [] if alert.sensitive else quote(alert.excerpt)
    notes = [
        reader.say("card.sensitive") if alert.sensitive else "",
        reader.say("card.images", count=alert.images) if alert.images else "",
        _similar(view, reader),
    ]
    return [*shown, context(filter(None, notes))] if any(notes) else shown


def _similar(view: CardView, reader: Reader) -> str:
    if view.alerts < 2:
        return ""
    if view.last_alert_at == view.opened_at:
        return reader.say("card.similar.once", count=view.alerts - 1)
    first, last = reader.clock(view.opened_at), reader.clock(view.last_alert_at)
    return reader.say("card.similar", count=view.alerts - 1, first=first, last=last)
