"""Thread of a case's card: one line per event."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from activities.slack.blocks import MOST_TEXT, Message, fit, metadata, sections
from activities.slack.cards.case import ROLE_OF
from activities.slack.cards.case_facts import case_id
from activities.slack.cards.decision import (
    action_on,
    action_title,
    consent_words,
    decision_words,
    reason_words,
    requester,
    would_words,
)
from activities.slack.escape import mrkdwn
from activities.slack.reader import Reader, problem_words
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Approval, Purpose, missing
from workflows.domain.case.event_base import AttemptEvent
from workflows.domain.case.view import CardView
from workflows.domain.people import Role
from workflows.domain.policy.actions import OnExpiry
from workflows.domain.policy.playbook import Via

Words = dict[type[Any], Callable[[Any, CardView, Reader], str]]
"""mrkdwn of each event."""


def by(event: ev.Event, view: CardView, reader: Reader) -> str:
    """The line of an event with only a person."""
    return reader.say(f"line.{event.kind}", person=reader.person(event.by))


def about(event: Any, view: CardView, reader: Reader) -> str:
    """The line of an event with only an action."""
    return reader.say(f"line.{event.kind}", action=action(event.action, view, reader))


def action(key: str, view: CardView, reader: Reader) -> str:
    """The title of the action behind `action/type:id`."""
    return action_title(view, key.partition("/")[0], reader, mrkdwn)


def _released(event: ev.CaseReleased, view: CardView, reader: Reader) -> str:
    return reader.released(event.by, event.owner)


def _handed_over(event: ev.CaseHandedOver, view: CardView, reader: Reader) -> str:
    line = reader.say(
        "line.case_handed_over",
        mention=reader.call(event.to),
        person=reader.person(event.by),
        to=reader.person(event.to),
    )
    return reader.with_reason(line, event.note)


def _warned(event: ev.ClaimWarned, view: CardView, reader: Reader) -> str:
    time = reader.time(event.until, event.at)
    return reader.say("line.claim_warned", mention=reader.call(event.owner), time=time)


def _ended(event: ev.ClaimExpired, view: CardView, reader: Reader) -> str:
    mention, owner = reader.mention(Role.SPECIALIST), reader.person(event.owner)
    return reader.say("line.claim_expired", mention=mention, owner=owner)


def _escalated(event: ev.CaseEscalated, view: CardView, reader: Reader) -> str:
    if event.via is Via.DIRECT and not reader.direct:
        # The person gets a direct message: the thread mentions nobody.
        return reader.say("line.case_escalated.direct", whom=_named(event, reader))
    mention = _called(event, reader)
    if event.by is not None or event.unless is None:
        person = reader.person(event.by)
        return reader.say("line.case_escalated.asked", mention=mention, person=person)
    line = reader.say(f"line.case_escalated.{event.unless.value}", mention=mention)
    return _again(event, line, view, reader)


def _again(event: ev.CaseEscalated, line: str, view: CardView, reader: Reader) -> str:
    """Marks a repeated call: `再通知 2/3`."""
    if event.round == 0:
        return line
    times = view.repeats.get(-1 if event.step is None else event.step, event.round)
    return reader.say("line.again", line=line, round=event.round, times=max(times, event.round))


def _called(event: ev.CaseEscalated, reader: Reader) -> str:
    if event.person is not None:
        return reader.call(event.person)
    return reader.mention(event.role or ROLE_OF.get(event.notify, Role.LEAD))


def _named(event: ev.CaseEscalated, reader: Reader) -> str:
    if event.person is not None:
        return reader.person(event.person)
    return reader.say(f"role.{(event.role or ROLE_OF.get(event.notify, Role.LEAD)).value}")


def _snoozed(event: ev.CaseSnoozed, view: CardView, reader: Reader) -> str:
    key = "line.case_snoozed.paused" if event.pauses else "line.case_snoozed"
    time = reader.time(event.until, event.at)
    return reader.say(key, person=reader.person(event.by), time=time)


def _waiting(event: ev.CaseWaiting, view: CardView, reader: Reader) -> str:
    time = reader.time(event.until, event.at)
    line = reader.say("line.case_waiting", person=reader.person(event.by), time=time)
    return reader.with_reason(line, event.note)


def _resumed(event: ev.CaseResumed, view: CardView, reader: Reader) -> str:
    if event.why is ev.Why.ASKED and event.by is None:
        return reader.say("line.case_resumed.changed")
    owner = reader.call(view.owner) if view.owner else reader.mention(Role.SPECIALIST)
    person = reader.person(event.by)
    return reader.say(f"line.case_resumed.{event.why.value}", mention=owner, person=person)


def _noted(event: ev.NoteAdded, view: CardView, reader: Reader) -> str:
    return reader.with_reason(by(event, view, reader), event.note)


def _merged(event: ev.CaseMerged, view: CardView, reader: Reader) -> str:
    person = reader.person(event.by)
    return reader.say("line.case_merged", person=person, case=case_id(event.into))


def _absorbed(event: ev.CaseAbsorbed, view: CardView, reader: Reader) -> str:
    return reader.say(
        "line.case_absorbed",
        person=reader.person(event.by),
        case=case_id(event.case),
        count=event.alerts,
    )


_WORK_WORDS: Words = {
    ev.CaseReleased: _released,
    ev.CaseHandedOver: _handed_over,
    ev.ClaimWarned: _warned,
    ev.ClaimExpired: _ended,
    ev.CaseEscalated: _escalated,
    ev.CaseSnoozed: _snoozed,
    ev.CaseWaiting: _waiting,
    ev.CaseResumed: _resumed,
    ev.NoteAdded: _noted,
    ev.CaseMerged: _merged,
    ev.CaseAbsorbed: _absorbed,
}


def _decided(event: ev.Decided, view: CardView, reader: Reader) -> str:
    words = decision_words(view, event.decision, reader, mrkdwn)
    line = reader.say("line.decided", person=reader.person(event.by), decision=words)
    return reader.with_reason(line, reason_words(event.decision, reader))


def _requested(event: ev.ApprovalRequested, view: CardView, reader: Reader) -> str:
    approval = event.approval
    roles = reader.listed(reader.say(f"role.{need.role.value}") for need in approval.needs)
    return reader.say(
        f"line.approval_requested.{approval.purpose.value}",
        person=reader.person(event.by),
        roles=roles,
        due=reader.time(approval.expires_at, event.at),
    )


def _approved(event: ev.Approved, view: CardView, reader: Reader) -> str:
    line = consent_words(event.consent, reader)
    return line if event.granted else reader.say("line.approved.more", line=line)


def _rejected(event: ev.Rejected, view: CardView, reader: Reader) -> str:
    return reader.with_reason(by(event, view, reader), event.reason)


def _expired(event: ev.ApprovalExpired, view: CardView, reader: Reader) -> str:
    approval = _of(event.decision, view)
    if event.outcome is OnExpiry.REFUSE or event.renewed is None:
        purpose = approval.purpose if approval is not None else Purpose.DECISION
        return reader.say(f"line.approval_expired.refuse.{purpose.value}")
    due = reader.time(event.renewed, event.at)
    mention = _approvers(approval, reader)
    return reader.say("line.approval_expired.escalate", mention=mention, due=due)


def _asked(event: ev.ApprovalAsked, view: CardView, reader: Reader) -> str:
    approval = _of(event.decision, view)
    asked = requester(view, approval) if approval is not None else None
    mention = reader.call(asked) if asked else ""
    line = reader.say("line.approval_asked", mention=mention, person=reader.person(event.by))
    return reader.with_reason(line, event.question)


def _answered(event: ev.ApprovalAnswered, view: CardView, reader: Reader) -> str:
    key = "line.approval_answered" if event.by else "line.approval_answered.nobody"
    mention = _approvers(_of(event.decision, view), reader)
    due = reader.time(event.expires_at, event.at)
    line = reader.say(key, mention=mention, person=reader.person(event.by), due=due)
    return reader.with_reason(line, event.answer)


def _reminded(event: ev.ApprovalReminded, view: CardView, reader: Reader) -> str:
    mention = _approvers(_of(event.decision, view), reader)
    due = reader.time(event.expires_at, event.at)
    return reader.say("line.approval_reminded", mention=mention, due=due)


def _of(decision: str, view: CardView) -> Approval | None:
    """The approval of an event, while the case has it."""
    approval = view.approval
    return approval if approval is not None and approval.decision == decision else None


def _approvers(approval: Approval | None, reader: Reader) -> str:
    """Mentions the missing approvers; empty once the approval is over."""
    if approval is None or not approval.pending:
        return ""
    return " ".join(reader.mention(need.role) for need in missing(approval))


def _closed(event: ev.CaseClosed, view: CardView, reader: Reader) -> str:
    return reader.say("line.case_closed", verdict=reader.say(f"verdict.{event.verdict.value}"))


def _reopened(event: ev.CaseReopened, view: CardView, reader: Reader) -> str:
    return reader.with_reason(by(event, view, reader), event.reason)


def _appeal_answered(event: ev.AppealAnswered, view: CardView, reader: Reader) -> str:
    answer, person = event.answer, reader.person(event.by)
    key = f"line.appeal_answered.{answer.outcome.value}"
    return reader.with_reason(reader.say(key, id=answer.appeal, person=person), answer.reason)


_DECISIONS_WORDS: Words = {
    ev.Decided: _decided,
    ev.ApprovalRequested: _requested,
    ev.Approved: _approved,
    ev.Rejected: _rejected,
    ev.ApprovalExpired: _expired,
    ev.ApprovalAsked: _asked,
    ev.ApprovalAnswered: _answered,
    ev.ApprovalReminded: _reminded,
    ev.CaseClosed: _closed,
    ev.CaseReopened: _reopened,
    ev.AppealAnswered: _appeal_answered,
}


def _verified(event: ev.ActionVerified, view: CardView, reader: Reader) -> str:
    if event.matches:
        return about(event, view, reader)
    return reader.say("line.action_verified.drifted", action=action(event.action, view, reader))


def _failed(event: ev.ActionFailed, view: CardView, reader: Reader) -> str:
    key = "line.action_failed.undo" if event.undo else "line.action_failed"
    named = action(event.action, view, reader)
    return reader.say(key, action=named, problem=problem_words(event.problem, reader))


def _dry_run(event: ev.ActionDryRun, view: CardView, reader: Reader) -> str:
    return would_words(about(event, view, reader), event.would, reader)


def _started(event: ev.ProtectionStarted, view: CardView, reader: Reader) -> str:
    what = action_on(view, event.action.planned, reader)
    return reader.say("line.protection_started", what=what)


def _withheld(event: ev.ProtectionWithheld, view: CardView, reader: Reader) -> str:
    return reader.say("line.protection_withheld", person=reader.person(event.pause.by))


def _protection(event: Any, view: CardView, reader: Reader) -> str:
    """The line of an event with only a protection."""
    return _which(event.protection, reader.say(f"line.{event.kind}"), view, reader)


def _dismissed(event: ev.ProtectionDismissed, view: CardView, reader: Reader) -> str:
    if event.by is None:
        return _protection(event, view, reader)
    line = reader.say("line.protection_dismissed.by", person=reader.person(event.by))
    return _which(event.protection, line, view, reader)


def _which(protection: str, line: str, view: CardView, reader: Reader) -> str:
    """Adds the title of the protection, while the case has it."""
    for each in view.protections:
        if each.id == protection:
            return reader.say("words.noted", what=line, note=reader.title(each.title))
    return line


_ACTIONS_WORDS: Words = {
    ev.ActionRetrying: about,
    ev.ActionSucceeded: about,
    ev.ActionVerified: _verified,
    ev.ActionFailed: _failed,
    ev.ActionSkipped: about,
    ev.ActionRolledBack: about,
    ev.ActionDryRun: _dry_run,
    ev.ActionUndone: about,
    ev.ActionLifted: about,
    ev.ProtectionStarted: _started,
    ev.ProtectionWithheld: _withheld,
    ev.ProtectionHeld: _protection,
    ev.ProtectionResumed: _protection,
    ev.ProtectionConfirmed: _protection,
    ev.ProtectionDismissed: _dismissed,
    ev.ProtectionLifted: about,
    ev.ProtectionKept: about,
}


def _sent(event: ev.NoticeSent, view: CardView, reader: Reader) -> str:
    return reader.say("line.notice_sent")


def _delayed(event: ev.NoticeDelayed, view: CardView, reader: Reader) -> str:
    return reader.say("line.notice_delayed")


def _notice_failed(event: ev.NoticeFailed, view: CardView, reader: Reader) -> str:
    return reader.say("line.notice_failed", problem=problem_words(event.problem, reader))


_NOTICES_WORDS: Words = {
    ev.NoticeSent: _sent,
    ev.NoticeDelayed: _delayed,
    ev.NoticeFailed: _notice_failed,
}


EVENT_TYPE = "koban_lines"
MAX_LINES = 100
"""Lines in one message."""

WORDS: Words = {
    **_WORK_WORDS,
    **_DECISIONS_WORDS,
    **_ACTIONS_WORDS,
    **_NOTICES_WORDS,
}
"""mrkdwn of events in the thread; the others have a line that names only the person."""


def words_of(event: ev.Event) -> Callable[[Any, CardView, Reader], str]:
    """The function that writes the line of an event in the thread."""
    return WORDS.get(type(event), by)


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
    text = fit([reader.say("spoken.lines", id=view.id), *drawn], "\n", MOST_TEXT)
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
