"""How the thread tells of the work on a case: owners, calls, holds, notes, merging."""

from activities.slack.card_known import case_id
from activities.slack.card_people import ROLE_OF
from activities.slack.line_words import Words, by, with_reason
from activities.slack.reader import Reader
from workflows.domain import events as ev
from workflows.domain.people import Role
from workflows.domain.playbook.steps import Via
from workflows.domain.view import CardView


def _released(event: ev.CaseReleased, view: CardView, reader: Reader) -> str:
    person = reader.person(event.by)
    if event.by == event.owner:
        return reader.say("line.case_released", person=person)
    return reader.say("line.case_released.other", person=person, owner=reader.person(event.owner))


def _handed_over(event: ev.CaseHandedOver, view: CardView, reader: Reader) -> str:
    line = reader.say(
        "line.case_handed_over",
        mention=reader.call(event.to),
        person=reader.person(event.by),
        to=reader.person(event.to),
    )
    return with_reason(line, event.note, reader)


def _warned(event: ev.ClaimWarned, view: CardView, reader: Reader) -> str:
    time = reader.time(event.until, event.at)
    return reader.say("line.claim_warned", mention=reader.call(event.owner), time=time)


def _ended(event: ev.ClaimExpired, view: CardView, reader: Reader) -> str:
    mention, owner = reader.mention(Role.SPECIALIST), reader.person(event.owner)
    return reader.say("line.claim_expired", mention=mention, owner=owner)


def _escalated(event: ev.CaseEscalated, view: CardView, reader: Reader) -> str:
    if event.via is Via.DIRECT and not reader.direct:
        # Who is called reads it in a message of their own: here it is told, and nobody called.
        return reader.say("line.case_escalated.direct", whom=_named(event, reader))
    mention = _called(event, reader)
    if event.by is not None or event.unless is None:
        person = reader.person(event.by)
        return reader.say("line.case_escalated.asked", mention=mention, person=person)
    line = reader.say(f"line.case_escalated.{event.unless.value}", mention=mention)
    return _again(event, line, view, reader)


def _again(event: ev.CaseEscalated, line: str, view: CardView, reader: Reader) -> str:
    """Marks a call that was made before: `再通知 2/3`."""
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
    return with_reason(line, event.note, reader)


def _resumed(event: ev.CaseResumed, view: CardView, reader: Reader) -> str:
    if event.why is ev.Why.ASKED and event.by is None:
        return reader.say("line.case_resumed.changed")
    owner = reader.call(view.owner) if view.owner else reader.mention(Role.SPECIALIST)
    person = reader.person(event.by)
    return reader.say(f"line.case_resumed.{event.why.value}", mention=owner, person=person)


def _noted(event: ev.NoteAdded, view: CardView, reader: Reader) -> str:
    return with_reason(by(event, view, reader), event.note, reader)


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


WORDS: Words = {
    ev.CaseClaimed: by,
    ev.CaseReleased: _released,
    ev.CaseHandedOver: _handed_over,
    ev.ClaimWarned: _warned,
    ev.ClaimExpired: _ended,
    ev.CaseEscalated: _escalated,
    ev.CaseAcknowledged: by,
    ev.CaseSnoozed: _snoozed,
    ev.CaseWaiting: _waiting,
    ev.CaseResumed: _resumed,
    ev.NoteAdded: _noted,
    ev.CaseMerged: _merged,
    ev.CaseAbsorbed: _absorbed,
}
