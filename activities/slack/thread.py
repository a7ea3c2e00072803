"""Thread of a case's card: one line per event, and the people named by card and lines."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from activities.slack.blocks import MOST_TEXT, Message, fit, metadata, sections
from activities.slack.cards.case_facts import case_id
from activities.slack.cards.decision import (
    action_on,
    approver_roles,
    consent_words,
    decision_words,
    reason_words,
    requester,
    would_words,
)
from activities.slack.escape import mrkdwn
from activities.slack.reader import (
    Reader,
    detector_of,
    limit_values,
    pause_values,
    problem_words,
)
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Approval, Purpose, missing
from workflows.domain.case.event_base import ActionEvent, AttemptEvent, DecisionEvent, Why
from workflows.domain.case.view import CardView
from workflows.domain.people import Role
from workflows.domain.policy.actions import OnExpiry
from workflows.domain.policy.playbook import Notify, Via
from workflows.domain.policy.strictness import Tightening

Words = dict[type[Any], Callable[[Any, CardView, Reader], str]]
"""mrkdwn of each event."""


def by(event: ev.Event, view: CardView, reader: Reader, more: str = "", **values: object) -> str:
    """The line of an event with its person, `values`, and the words that the person typed."""
    key = f"line.{event.kind}{more}"
    line = reader.say(key, person=reader.person(event.by), **values)
    return reader.with_reason(line, getattr(event, event.words[0]) if event.words else "")


def about(event: Any, view: CardView, reader: Reader, more: str = "", **values: object) -> str:
    """The line of an event with the action behind `action/type:id`."""
    title = reader.action(event.action.partition("/")[0], view.action_titles)
    return by(event, view, reader, more, action=title, **values)


def _released(event: ev.CaseReleased, view: CardView, reader: Reader) -> str:
    return reader.released(event.by, event.owner)


def _handed_over(event: ev.CaseHandedOver, view: CardView, reader: Reader) -> str:
    mention, to = reader.call(event.to), reader.person(event.to)
    return by(event, view, reader, mention=mention, to=to)


def _warned(event: ev.ClaimWarned, view: CardView, reader: Reader) -> str:
    time = reader.time(event.until, event.at)
    return by(event, view, reader, mention=reader.call(event.owner), time=time)


def _ended(event: ev.ClaimExpired, view: CardView, reader: Reader) -> str:
    mention, owner = reader.mention(Role.SPECIALIST), reader.person(event.owner)
    return by(event, view, reader, mention=mention, owner=owner)


def _escalated(event: ev.CaseEscalated, view: CardView, reader: Reader) -> str:
    role = event.role or (Role.SPECIALIST if event.notify is Notify.SHIFT else Role.LEAD)
    if event.via is Via.DIRECT and not reader.direct:
        # The person gets a direct message: the thread mentions nobody.
        named = reader.person(event.person) if event.person else reader.say(f"role.{role}")
        return by(event, view, reader, ".direct", whom=named)
    mention = reader.call(event.person) if event.person else reader.mention(role)
    if event.by is not None or event.unless is None:
        return by(event, view, reader, ".asked", mention=mention)
    line = by(event, view, reader, f".{event.unless}", mention=mention)
    if event.round == 0:
        return line
    # A repeated call: `再通知 2/3`.
    times = view.repeats.get(-1 if event.step is None else event.step, event.round)
    return reader.say("line.reminder", line=line, round=event.round, times=max(times, event.round))


def _call_missed(event: ev.CallMissed, view: CardView, reader: Reader) -> str:
    if not event.nobody:
        people = reader.listed(reader.person(each) for each in event.missed)
        return by(event, view, reader, people=people)
    role = event.role or (Role.SPECIALIST if event.notify is Notify.SHIFT else Role.LEAD)
    mention = reader.call(event.person) if event.person else reader.mention(role)
    return by(event, view, reader, ".nobody", mention=mention)


def _snoozed(event: ev.CaseSnoozed, view: CardView, reader: Reader) -> str:
    time = reader.time(event.until, event.at)
    return by(event, view, reader, ".paused" if event.pauses else "", time=time)


def _waiting(event: ev.CaseWaiting, view: CardView, reader: Reader) -> str:
    return by(event, view, reader, time=reader.time(event.until, event.at))


def _resumed(event: ev.CaseResumed, view: CardView, reader: Reader) -> str:
    if event.why is Why.ASKED and event.by is None:
        return by(event, view, reader, ".changed")
    owner = reader.call(view.owner) if view.owner else reader.mention(Role.SPECIALIST)
    return by(event, view, reader, f".{event.why}", mention=owner)


def _merged(event: ev.CaseMerged, view: CardView, reader: Reader) -> str:
    return by(event, view, reader, case=case_id(event.into))


def _absorbed(event: ev.CaseAbsorbed, view: CardView, reader: Reader) -> str:
    return by(event, view, reader, case=case_id(event.case), count=event.alerts)


def _decided(event: ev.Decided, view: CardView, reader: Reader) -> str:
    words = decision_words(view, event.decision, reader, mrkdwn)
    line = reader.say("line.decided", person=reader.person(event.by), decision=words)
    return reader.with_reason(line, reason_words(event.decision, reader))


def _requested(event: ev.ApprovalRequested, view: CardView, reader: Reader) -> str:
    approval = event.approval
    due = reader.time(approval.expires_at, event.at)
    roles = approver_roles(approval, reader)
    return by(event, view, reader, f".{approval.purpose}", roles=roles, due=due)


def _approved(event: ev.Approved, view: CardView, reader: Reader) -> str:
    line = consent_words(event.consent, reader)
    return line if event.granted else reader.say("line.approved.more", line=line)


def _too_few(event: ev.ApproversMissing, view: CardView, reader: Reader) -> str:
    approval = _of(event, view)
    review = approval is not None and approval.purpose is Purpose.REVIEW
    roles = reader.listed(reader.say(f"role.{role}") for role in event.roles)
    more, mention = ".review" if review else "", reader.call(event.to)
    return by(event, view, reader, more, mention=mention, roles=roles)


def _tightened(event: ev.PolicyTightened, view: CardView, reader: Reader) -> str:
    what = reader.listed(reader.say(f"policy.stricter.{each}") for each in _stricter(event.change))
    if event.approval is None:
        return by(event, view, reader, what=what)
    return by(
        event, view, reader, ".asked", what=what, roles=approver_roles(event.approval, reader)
    )


def _stricter(change: Tightening) -> Iterator[str]:
    further = change.further
    if change.danger or further.actions or further.undos or further.reviews or further.limits:
        yield "approval"
    if change.limits is not None or change.exempt:
        yield "limits"
    if change.unprotected or change.unreported:
        yield "automation"
    if change.no_bulk:
        yield "bulk"
    if change.dry_run:
        yield "dry_run"


def _expired(event: ev.ApprovalExpired, view: CardView, reader: Reader) -> str:
    approval = _of(event, view)
    if event.outcome is OnExpiry.REFUSE or event.renewed is None:
        purpose = approval.purpose if approval is not None else Purpose.DECISION
        return by(event, view, reader, f".refuse.{purpose}")
    due = reader.time(event.renewed, event.at)
    return by(event, view, reader, ".escalate", mention=_approvers(approval, reader), due=due)


def _asked(event: ev.ApprovalAsked, view: CardView, reader: Reader) -> str:
    approval = _of(event, view)
    asked = requester(view, approval) if approval is not None else None
    return by(event, view, reader, mention=reader.call(asked) if asked else "")


def _answered(event: ev.ApprovalAnswered, view: CardView, reader: Reader) -> str:
    return _due(event, view, reader, "" if event.by else ".nobody")


def _due(event: Any, view: CardView, reader: Reader, more: str = "") -> str:
    """The line of an event that calls the approvers, with their deadline."""
    mention = _approvers(_of(event, view), reader)
    due = reader.time(event.expires_at, event.at)
    return by(event, view, reader, more, mention=mention, due=due)


def _of(event: DecisionEvent, view: CardView) -> Approval | None:
    """The approval of an event, while the case has it."""
    approval = view.approval
    return approval if approval is not None and approval.decision == event.decision else None


def _approvers(approval: Approval | None, reader: Reader) -> str:
    """Mentions the missing approvers; empty once the approval is over."""
    if approval is None or not approval.pending:
        return ""
    return " ".join(reader.mention(need.role) for need in missing(approval))


def _closed(event: ev.CaseClosed, view: CardView, reader: Reader) -> str:
    return by(event, view, reader, verdict=reader.say(f"verdict.{event.verdict}"))


def _appeal_answered(event: ev.AppealAnswered, view: CardView, reader: Reader) -> str:
    answer = event.answer
    line = by(event, view, reader, f".{answer.outcome}", id=answer.appeal)
    return reader.with_reason(line, answer.reason)


def _verified(event: ev.ActionVerified, view: CardView, reader: Reader) -> str:
    return about(event, view, reader, "" if event.matches else ".drifted")


def _failed(event: ev.ActionFailed, view: CardView, reader: Reader) -> str:
    problem = problem_words(event.problem, reader)
    return about(event, view, reader, ".undo" if event.undo else "", problem=problem)


def _dry_run(event: ev.ActionDryRun, view: CardView, reader: Reader) -> str:
    return would_words(about(event, view, reader), event.would, reader)


def _started(event: ev.ProtectionStarted, view: CardView, reader: Reader) -> str:
    return by(event, view, reader, what=action_on(view, event.action.planned, reader))


def _withheld(event: ev.ProtectionWithheld, view: CardView, reader: Reader) -> str:
    if event.exempt is not None:
        return by(event, view, reader, ".exempt", reason=reader.title(event.exempt.reason))
    if event.trusted:
        return by(event, view, reader, ".trusted")
    if event.limit is not None:
        return by(event, view, reader, f".{event.limit.power}", **limit_values(event.limit, reader))
    pause = event.pause
    if pause is not None and pause.trip is not None:
        named = pause_values(pause, view.action_titles, reader)
        return by(event, view, reader, ".breaker", **named)
    return reader.say("line.protection_withheld", person=reader.person(pause.by if pause else None))


def _detector_snoozed(event: ev.DetectorSnoozed, view: CardView, reader: Reader) -> str:
    time = reader.time(event.until, event.at)
    return by(event, view, reader, detector=detector_of(event), time=time)


def _snooze_ended(event: ev.SnoozeEnded, view: CardView, reader: Reader) -> str:
    return by(event, view, reader, detector=detector_of(event))


def _skipped(event: ev.ActionSkipped, view: CardView, reader: Reader) -> str:
    return about(event, view, reader, "" if event.problem is None else f".{event.problem.kind}")


def _protection(event: Any, view: CardView, reader: Reader, more: str = "") -> str:
    """The line of an event with the title of its protection, while the case has it."""
    line = by(event, view, reader, more)
    for each in view.protections:
        if each.id == event.protection:
            return reader.noted(line, reader.title(each.title))
    return line


def _dismissed(event: ev.ProtectionDismissed, view: CardView, reader: Reader) -> str:
    return _protection(event, view, reader, "" if event.by is None else ".by")


def _notice(event: Any, view: CardView, reader: Reader, **values: object) -> str:
    """The line about a notice, or with counts about the notices of a bulk decision."""
    more = "" if event.sent is None else ".bulk"
    return by(event, view, reader, more, sent=event.sent, failed=event.failed, **values)


def _notice_failed(event: ev.NoticeFailed, view: CardView, reader: Reader) -> str:
    return _notice(event, view, reader, problem=problem_words(event.problem, reader))


EVENT_TYPE = "koban_lines"
MAX_LINES = 100
"""Lines in one message."""


def _enforcement_refused(event: ev.EnforcementRefused, view: CardView, reader: Reader) -> str:
    return reader.say("line.enforcement_refused")


WORDS: Words = {
    ev.CaseReleased: _released,
    ev.CaseHandedOver: _handed_over,
    ev.ClaimWarned: _warned,
    ev.ClaimExpired: _ended,
    ev.CaseEscalated: _escalated,
    ev.CallMissed: _call_missed,
    ev.CaseSnoozed: _snoozed,
    ev.CaseWaiting: _waiting,
    ev.CaseResumed: _resumed,
    ev.CaseMerged: _merged,
    ev.CaseAbsorbed: _absorbed,
    ev.Decided: _decided,
    ev.ApprovalRequested: _requested,
    ev.Approved: _approved,
    ev.ApprovalExpired: _expired,
    ev.ApprovalAsked: _asked,
    ev.ApprovalAnswered: _answered,
    ev.ApprovalReminded: _due,
    ev.ApproversMissing: _too_few,
    ev.PolicyTightened: _tightened,
    ev.CaseClosed: _closed,
    ev.AppealAnswered: _appeal_answered,
    ev.ActionVerified: _verified,
    ev.ActionFailed: _failed,
    ev.ActionSkipped: _skipped,
    ev.ActionDryRun: _dry_run,
    ev.ProtectionStarted: _started,
    ev.ProtectionWithheld: _withheld,
    ev.DetectorSnoozed: _detector_snoozed,
    ev.SnoozeEnded: _snooze_ended,
    ev.ProtectionHeld: _protection,
    ev.ProtectionResumed: _protection,
    ev.ProtectionConfirmed: _protection,
    ev.ProtectionDismissed: _dismissed,
    ev.EnforcementRefused: _enforcement_refused,
    ev.NoticeSent: _notice,
    ev.NoticeDelayed: _notice,
    ev.NoticeFailed: _notice_failed,
}
"""mrkdwn of events in the thread; the line of the others names only the action or the person."""


def words_of(event: ev.Event) -> Callable[[Any, CardView, Reader], str]:
    """The function that writes the line of an event in the thread."""
    return WORDS.get(type(event), about if isinstance(event, ActionEvent) else by)


def lines_message(
    lines: tuple[ev.Recorded, ...],
    view: CardView,
    reader: Reader,
    quiet: frozenset[int] = frozenset(),
) -> Message:
    """Draws at most `MAX_LINES` lines; `through` in the metadata is the last event.

    The storm digest mentions the roles of `quiet` events, by seq.
    """
    calm = replace(reader, mentions={})
    drawn = [
        reader.say("storm.together", line=line(each, view, calm))
        if each.seq in quiet
        else line(each, view, reader)
        for each in _without_outdated(lines)
    ]
    text = fit([reader.say("fallback.lines", id=view.id), *drawn], "\n", MOST_TEXT)
    named = metadata(EVENT_TYPE, case=view.id, through=lines[-1].seq)
    return Message(text, sections(drawn), named)


def _without_outdated(lines: Iterable[ev.Recorded]) -> list[ev.Recorded]:
    """Leaves out progress of an action that has a later line in the same message."""
    kept: list[ev.Recorded] = []
    newer: set[tuple[str, str]] = set()
    for each in reversed(tuple(lines)):
        event = each.event
        if isinstance(event, AttemptEvent):
            action = (event.decision, event.action)
            if not event.final and action in newer:
                continue
            newer.add(action)
        kept.append(each)
    return kept[::-1]


def line(recorded: ev.Recorded, view: CardView, reader: Reader) -> str:
    """One event in one line of mrkdwn, with its time."""
    event = recorded.event
    return reader.timed(event.at, words_of(event)(event, view, reader).strip())


def people_of(view: CardView, lines: Iterable[ev.Recorded]) -> Iterator[str | None]:
    """The ids of everybody named by the view and these lines."""
    yield from (view.owner, view.acknowledged_by)
    yield view.next_step.person if view.next_step is not None else None
    manual = view.latest.manual
    parts = (view.turn, view.decision, view.hold, view.appeal, manual, view.automation_pause)
    yield from (part.by for part in parts if part is not None)
    if view.approval is not None:
        yield from _people_in_approval(view.approval)
    ended = (*view.actions, *(each.state for each in view.ended_protections))
    yield from (state.ended_by for state in ended)
    yield view.bulk.stopped_by if view.bulk is not None else None
    for line in lines:
        yield from line.event.people_named()


def _people_in_approval(approval: Approval) -> Iterator[str | None]:
    yield from (approval.by or None, approval.ended_by)
    yield approval.question.by if approval.question is not None else None
    for exchange in approval.exchanges:
        yield from (exchange.asked_by, exchange.by)
    for consent in approval.consents:
        yield from (consent.by, consent.covers)
