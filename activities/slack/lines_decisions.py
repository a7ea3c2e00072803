"""How the thread tells of decisions, and of the second person behind them."""

from activities.slack.approval_words import consent_words, requester
from activities.slack.decision_words import decision_words, reason_words
from activities.slack.escape import mrkdwn
from activities.slack.line_words import Words, by, with_reason
from activities.slack.reader import Reader
from workflows.domain import events as ev
from workflows.domain.approval import Approval, Purpose, missing
from workflows.domain.playbook.actions import OnExpiry
from workflows.domain.view import CardView


def _decided(event: ev.Decided, view: CardView, reader: Reader) -> str:
    words = decision_words(view, event.decision, reader, mrkdwn)
    line = reader.say("line.decided", person=reader.person(event.by), decision=words)
    return with_reason(line, reason_words(event.decision, reader), reader)


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
    return with_reason(by(event, view, reader), event.reason, reader)


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
    return with_reason(line, event.question, reader)


def _answered(event: ev.ApprovalAnswered, view: CardView, reader: Reader) -> str:
    key = "line.approval_answered" if event.by else "line.approval_answered.nobody"
    mention = _approvers(_of(event.decision, view), reader)
    due = reader.time(event.expires_at, event.at)
    line = reader.say(key, mention=mention, person=reader.person(event.by), due=due)
    return with_reason(line, event.answer, reader)


def _reminded(event: ev.ApprovalReminded, view: CardView, reader: Reader) -> str:
    mention = _approvers(_of(event.decision, view), reader)
    due = reader.time(event.expires_at, event.at)
    return reader.say("line.approval_reminded", mention=mention, due=due)


def _of(decision: str, view: CardView) -> Approval | None:
    """The approval that an event is about, as long as the case has it."""
    approval = view.approval
    return approval if approval is not None and approval.decision == decision else None


def _approvers(approval: Approval | None, reader: Reader) -> str:
    """Calls those who can agree; nobody any more, once it is over."""
    if approval is None or not approval.pending:
        return ""
    return " ".join(reader.mention(need.role) for need in missing(approval))


def _closed(event: ev.CaseClosed, view: CardView, reader: Reader) -> str:
    return reader.say("line.case_closed", verdict=reader.say(f"verdict.{event.verdict.value}"))


def _reopened(event: ev.CaseReopened, view: CardView, reader: Reader) -> str:
    return with_reason(by(event, view, reader), event.reason, reader)


def _appeal_answered(event: ev.AppealAnswered, view: CardView, reader: Reader) -> str:
    answer, person = event.answer, reader.person(event.by)
    key = f"line.appeal_answered.{answer.outcome.value}"
    return with_reason(reader.say(key, id=answer.appeal, person=person), answer.reason, reader)


WORDS: Words = {
    ev.Decided: _decided,
    ev.ApprovalRequested: _requested,
    ev.Approved: _approved,
    ev.Rejected: _rejected,
    ev.ApprovalExpired: _expired,
    ev.ApprovalAsked: _asked,
    ev.ApprovalAnswered: _answered,
    ev.ApprovalReminded: _reminded,
    ev.ApprovalWithdrawn: by,
    ev.CaseClosed: _closed,
    ev.CaseReopened: _reopened,
    ev.AppealAnswered: _appeal_answered,
}
