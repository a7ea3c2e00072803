"""Card of a case: one message with facts, decision, deadlines and buttons, updated in place."""

import re
from collections.abc import Iterator
from enum import StrEnum

from activities.slack.actions import OPEN, element
from activities.slack.blocks import (
    MOST_TEXT,
    Block,
    Message,
    actions,
    context,
    metadata,
    quote,
    section,
    strong,
)
from activities.slack.cards.appeal import on_case_card
from activities.slack.cards.buttons import buttons
from activities.slack.cards.case_facts import (
    BEGINNING,
    CardState,
    absorbed,
    card_state,
    case_id,
    ended_by,
    evidence,
    facts,
    hold_kind,
    manner,
    pending,
    protecting,
    sentence,
    state_word,
    title,
)
from activities.slack.cards.decision import decision, decision_words, sent_back, undone_end
from activities.slack.escape import mrkdwn, one_line, plain, units
from activities.slack.reader import (
    Reader,
    detector_of,
    limit_values,
    pause_values,
    problem_words,
)
from workflows.domain.alerts import REPORTS
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import UNDECIDED, Intent, Phase
from workflows.domain.case.snapshot import Refused
from workflows.domain.case.view import CardView, NextStep, ProtectionView

_NOTE = 300
# Koban writes these links; others are not linked.
_PERMALINK = re.compile(r"https://[A-Za-z0-9.-]{1,200}/archives/[A-Z0-9]{2,30}/p[0-9]{6,30}")


def by_hand(view: CardView, reader: Reader) -> list[Block]:
    """The last report by a person, unless a detector reported after it."""
    manual = view.latest.manual
    if manual is None:
        return []
    reported = view.latest.key.startswith(f"{REPORTS}/")
    key = "card.manual.reported" if reported else "card.manual.opened"
    parts = [reader.say(key, person=reader.person(manual.by))]
    note = mrkdwn(one_line(manual.note), _NOTE)
    if note:
        parts.append(reader.say("card.manual.note", note=note))
    if manual.link is not None and _PERMALINK.fullmatch(manual.link):
        parts.append(f"<{manual.link}|{reader.say('card.manual.message')}>")
    return [context(parts)]


MOST = 5
_MARK = "🛡️"


def hold(view: CardView, reader: Reader) -> list[Block]:
    """The hold: person, end, note, and whether it pauses the deadlines."""
    held = view.hold
    if held is None or view.phase not in UNDECIDED:
        return []
    person, until = reader.person(held.by), reader.time(held.until, view.opened_at)
    text = reader.say(f"card.hold.{hold_kind(view)}", person=person, time=until)
    return [section([f"⏸️ {text}"]), *quote(held.note)]


def protections(view: CardView, reader: Reader) -> list[Block]:
    """Automatic protections with their state."""
    shown = view.protections
    if view.phase not in UNDECIDED:  # a failed one is no news after the decision
        shown = tuple(e for e in shown if e.state.in_force or e.state.status in BEGINNING)
    lines = [f"{_MARK} {_words(view, each, reader)}" for each in shown[:MOST]]
    ended = view.ended_protections[-MOST:]
    lines += [f"{_MARK} {_ended_words(view, each, reader)}" for each in ended]
    return [section(lines)] if lines else []


def _ended_words(view: CardView, protection: ProtectionView, reader: Reader) -> str:
    """The end of a protection, with its person and time."""
    state = protection.state
    what = reader.noted(reader.title(protection.title), reader.subject(state.planned.subject))
    over = "kept" if state.status is ActionStatus.KEPT else "lifted"
    by = ended_by(state.ended_by, state.ended_at, view.opened_at, reader)
    return reader.say(f"card.protection.{over}", what=what, end=by)


def _words(view: CardView, protection: ProtectionView, reader: Reader) -> str:
    state = protection.state
    what = reader.noted(reader.title(protection.title), reader.subject(state.planned.subject))
    time = reader.countdown(protection.until or view.opened_at, view.opened_at)
    text = reader.say(f"card.protection.{_standing(protection)}", what=what, time=time)
    return (
        text if state.problem is None else reader.noted(text, problem_words(state.problem, reader))
    )


class _Lasts(StrEnum):
    """Duration of a protection that is lifted in time."""

    PENDING = "pending"
    UNTIL = "until"
    LASTING = "lasting"


def _standing(protection: ProtectionView) -> ActionStatus | Intent | _Lasts:
    """The state in a protection's text: its future matters more than its progress."""
    status = protection.state.status
    if status in (ActionStatus.FAILED, ActionStatus.DRY_RUN, ActionStatus.SKIPPED):
        return status
    if protection.intent is not Intent.LIFT_IN_TIME:
        return protection.intent
    if status in BEGINNING:
        return _Lasts.PENDING
    return _Lasts.UNTIL if protection.until is not None else _Lasts.LASTING


def withheld(view: CardView, reader: Reader) -> list[Block]:
    """Notes an exempt subject, and a protection withheld by a pause or a limit of automation."""
    if view.phase is Phase.CLOSED:
        return []
    lines = []
    if view.exempt is not None:
        reason = reader.title(view.exempt.reason, limit=_NOTE)
        about = reader.subject(view.exempt.subject)
        lines.append(f"🔰 {reader.say('card.exempt', subject=about, reason=reason)}")
    if view.phase in UNDECIDED:
        lines += _stopped(view, reader)
    return [section(lines)] if lines else []


def _stopped(view: CardView, reader: Reader) -> list[str]:
    pause, limit = view.automation_pause, view.automation_limit
    if limit is not None:
        return [f"⏸️ {reader.say(f'card.limit.{limit.power}', **limit_values(limit, reader))}"]
    if pause is None:
        return []
    scope, time = pause.key.partition("/")[0], reader.time(pause.at, view.opened_at)
    person, named = reader.person(pause.by), pause_values(pause, view.action_titles, reader)
    if pause.trip is not None:
        return [f"⏸️ {reader.say('card.breaker', time=time, **named)}"]
    if pause.detector is not None and pause.action is not None:
        said = reader.say("card.pause.detector.action", person=person, time=time, **named)
        return [f"⏸️ {said}"]
    return [f"⏸️ {reader.say(f'card.pause.{scope}', person=person, time=time)}"]


def snoozes(view: CardView, reader: Reader) -> list[Block]:
    """Snoozed detectors with their ends, which stay true when the time is over."""
    lines = [
        reader.say(
            "card.detector_snoozed",
            detector=detector_of(each),
            time=reader.time(each.until, view.opened_at),
            person=reader.person(each.by),
        )
        for each in view.snoozes[-MOST:]
    ]
    return [section([f"🔕 {line}" for line in lines])] if lines else []


def duty(view: CardView, reader: Reader) -> list[Block]:
    """Assignee, deadlines and next step, until the decision."""
    if view.phase not in UNDECIDED:
        return []
    return [section([" · ".join((*_deadlines(view, reader), *_calls(view, reader)))])]


def _deadlines(view: CardView, reader: Reader) -> Iterator[str]:
    near = view.opened_at
    yield reader.owner(view.owner)
    if view.owner is not None and view.warned and view.claim_ends is not None:
        yield reader.say("card.claim_ends", time=reader.time(view.claim_ends, near))
    if view.hold is not None and view.hold.pauses:
        # The deadlines are unknown until the hold ends.
        yield reader.say("card.due.paused")
        return
    if view.owner is None:
        yield reader.say("card.due.claim", time=reader.countdown(view.clock.claim, near))
    yield reader.say("card.due.decide", time=reader.countdown(view.clock.decide, near))


def _calls(view: CardView, reader: Reader) -> Iterator[str]:
    near = view.opened_at
    if view.next_step is not None:
        time = reader.time(view.next_step.at, near)
        yield reader.say("card.next", time=time, whom=_notified(view.next_step, reader))
    if view.called_at is not None:
        yield reader.say("card.called", time=reader.time(view.called_at, near))
    if view.acknowledged_by is not None:
        yield reader.say("card.acknowledged", person=reader.person(view.acknowledged_by))
    if view.watchers:
        yield reader.say("card.watchers", count=len(view.watchers))


def _notified(step: NextStep, reader: Reader) -> str:
    """The person or role of a step, by name: a card mentions nobody."""
    role = reader.say(f"role.{step.role.value}") if step.role is not None else ""
    whom = reader.person(step.person) if step.person is not None else role
    return reader.say(f"notify.{step.notify.value}", whom=whom)


def spoken(view: CardView, reader: Reader) -> str:
    """The card in whole sentences, for screen readers and notifications."""
    text = reader.say(
        "fallback.case",
        severity=reader.say(f"severity.{view.severity.value}"),
        title=reader.title(view.title),
        id=view.id,
        state=state_word(view, reader),
        sentence=sentence(view, reader, mrkdwn),
    )
    for more in _rest(view, reader):
        longer = reader.say("fallback.joined", head=text, rest=more)
        text = longer if units(longer) <= MOST_TEXT else text
    return text


def _rest(view: CardView, reader: Reader) -> Iterator[str]:
    back = sent_back(view, reader)
    if back is not None:
        yield back
    yield reader.say(_key(view), **_values(view, reader))
    approval = pending(view)
    if approval is not None and approval.question is not None:
        yield reader.say("fallback.question", person=reader.person(approval.question.by))
    protected = protecting(view)
    if protected:
        what = reader.listed(dict.fromkeys(reader.title(each.title) for each in protected))
        yield reader.say("fallback.protecting", what=what)


def _key(view: CardView) -> str:
    where = card_state(view)
    if where is CardState.ON_HOLD:
        return f"fallback.on_hold.{hold_kind(view)}"
    if where is CardState.REOPENED:
        where = CardState.CLAIMED  # the reopening has its own sentence
    approval = pending(view)
    acting = where in (CardState.ENFORCING, CardState.FAILED)
    if approval is None or approval.question is None or acting:
        return f"fallback.{where}"
    return f"fallback.{where}.asked"


def _values(view: CardView, reader: Reader) -> dict[str, str]:
    """Values of all state sentences."""
    near = view.opened_at
    values = {
        "claim": reader.time(view.clock.claim, near),
        "decide": reader.time(view.clock.decide, near),
        "person": reader.person(view.owner),
        "into": case_id(view.merged_into or ""),
        "end": undone_end(view, reader),
    }
    if view.decision is not None and (view.phase not in UNDECIDED or view.undoing):
        values["person"] = reader.person(view.decision.by)
        values["decision"] = decision_words(view, view.decision, reader, mrkdwn)
    if view.approval is not None:
        values["due"] = reader.time(view.approval.expires_at, near)
    if view.hold is not None:
        values["until"] = reader.time(view.hold.until, near)
        values["person"] = reader.person(view.hold.by)
    return values


def notes(refused: Refused, old: str | None, reader: Reader) -> list[Block]:
    """Notes what Slack refused, and an older card that stays."""
    said = []
    if refused.thread:
        said.append(reader.say("card.thread_refused"))
    if refused.approval:
        said.append(reader.say("card.approval_refused"))
    if old is not None:
        said.append(reader.say("card.old", link=old))
    return [context([each]) for each in said]


EVENT_TYPE = "koban_case"
NOTHING_REFUSED = Refused()


def case_card(
    view: CardView,
    reader: Reader,
    refused: Refused = NOTHING_REFUSED,
    plain_: bool = False,
    old: str | None = None,
) -> Message:
    """Draws the card. It mentions nobody, and says what Slack refused.

    One that may never be changed again is `plain_`: instead of the case's buttons it has one that
    shows the case. `old` is the link of the card before it.
    """
    blocks: list[Block] = [
        title(view, reader),
        strong(sentence(view, reader, plain)),
        *facts(view, reader),
        *evidence(view, reader),
        *by_hand(view, reader),
        *absorbed(view, reader),
        *decision(view, reader),
        *on_case_card(view, reader),
        *protections(view, reader),
        *withheld(view, reader),
        *snoozes(view, reader),
        *hold(view, reader),
        *duty(view, reader),
        *manner(view, reader),
        *notes(refused, old, reader),
        *(actions(OPEN, [element(OPEN, reader, view.id)]) if plain_ else buttons(view, reader)),
    ]
    return Message(spoken(view, reader), blocks, metadata(EVENT_TYPE, case=view.id))
