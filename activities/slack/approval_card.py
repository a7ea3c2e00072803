"""The request for approval: everything that a second person needs in order to answer."""

from typing import Any

from activities.slack import handles
from activities.slack.card_decision import (
    action_words,
    approval_count,
    decision_line,
    decision_words,
)
from activities.slack.card_facts import case_line, evidence, facts, sentence
from activities.slack.drawing import (
    Block,
    Message,
    actions,
    button,
    confirm,
    context,
    header,
    metadata,
    quote,
    section,
    strong,
)
from activities.slack.escape import mrkdwn, plain
from activities.slack.reader import Reader
from workflows.domain.approval import Approval, ApprovalState, missing
from workflows.domain.decision import Decision
from workflows.domain.enforcement import ActionState
from workflows.domain.view import CardView

EVENT_TYPE = "koban_approval"


def approval_card(
    view: CardView, approval: Approval, decision: Decision, reader: Reader, link: str | None
) -> Message:
    """The request as it stands: it calls the approvers, and has buttons while it is pending.

    `link` leads to the case's card.
    """
    body = [
        strong(sentence(view, reader, plain)),
        section(_decision(view, decision, reader)),
        *quote(decision.reason),
        *facts(view, reader),
        *evidence(view, reader),
    ]
    if approval.pending:
        blocks = [_title(view, reader), *_request(decision, approval, reader), *body]
        blocks += [section([_terms(decision, approval, reader, link)])]
        blocks += actions(view.route, _buttons(view, decision, reader))
    else:
        blocks = [_title_over(view, approval, reader), *body]
        blocks += _outcome(view, approval, reader, link)
    text = _spoken(view, approval, decision, reader)
    return Message(text, blocks, _metadata(view, approval.decision))


def withdrawn_card(view: CardView, reader: Reader, link: str | None) -> Message:
    """What a request becomes that another one has taken the place of."""
    over = ApprovalState.WITHDRAWN
    state = reader.say(f"approval.state.{over.value}")
    line = case_line(view, reader, plain)
    blocks = [
        header(reader.say("approval.title.over", state=state, line=line)),
        section([reader.say(f"approval.over.{over.value}"), *_link(reader, link)]),
    ]
    return Message(reader.say("spoken.approval.withdrawn", id=view.id), blocks, {})


def _metadata(view: CardView, decision: str) -> dict[str, Any]:
    return metadata(EVENT_TYPE, case=view.id, decision=decision)


def _title(view: CardView, reader: Reader) -> Block:
    return header(reader.say("approval.title", line=case_line(view, reader, plain)))


def _title_over(view: CardView, approval: Approval, reader: Reader) -> Block:
    state = reader.say(f"approval.state.{approval.state.value}")
    line = case_line(view, reader, plain)
    return header(reader.say("approval.title.over", state=state, line=line))


def _request(decision: Decision, approval: Approval, reader: Reader) -> list[Block]:
    """The only line of a card that mentions anybody: those who can approve."""
    roles = [need.role for need in missing(approval)]
    mention = " ".join(reader.mention(role) for role in roles)
    person = reader.person(decision.by)
    return [section([reader.say("approval.request", mention=mention, person=person)])]


def _decision(view: CardView, decision: Decision, reader: Reader) -> list[str]:
    lines = [decision_line(view, decision, reader)]
    states = {state.planned.key: state for state in view.actions}
    for planned in decision.actions:
        words = reader.say(
            "approval.action",
            action=action_words(view, planned, reader, mrkdwn),
            subject=reader.subject(planned.subject),
        )
        lines.append(f"• {words}{_warning(states.get(planned.key), reader)}")
    return lines


def _warning(state: ActionState | None, reader: Reader) -> str:
    if state is None or state.undoable:
        return ""
    return f" · ⚠️ {reader.say('approval.irreversible')}"


def _terms(decision: Decision, approval: Approval, reader: Reader, link: str | None) -> str:
    subjects = {planned.subject.key for planned in decision.actions}
    terms = [
        approval_count(approval, reader),
        reader.say("approval.scope", count=len(subjects)),
        reader.say("card.due", time=reader.time(approval.expires_at, approval.requested_at)),
        reader.say(f"approval.then.{approval.on_expiry.value}"),
        *_link(reader, link),
    ]
    return " · ".join(terms)


def _link(reader: Reader, link: str | None) -> list[str]:
    return [f"<{link}|{reader.say('approval.open')}>"] if link else []


def _buttons(view: CardView, decision: Decision, reader: Reader) -> list[dict[str, Any]]:
    value = handles.encode(view.id, view.version)
    words = decision_words(view, decision, reader, plain)
    sure = confirm(
        reader.say("confirm.approve.title"),
        reader.say(
            "confirm.approve.text", decision=words, subject=reader.subject(view.subject, plain)
        ),
        reader.say("button.approve"),
        reader.say("confirm.no"),
    )
    approve, reject = reader.say("button.approve"), reader.say("button.reject")
    return [
        button("approval.approve", approve, value, "primary", sure),
        button("approval.reject", reject, value),
    ]


def _outcome(view: CardView, approval: Approval, reader: Reader, link: str | None) -> list[Block]:
    over = approval.state
    people = tuple(consent.by for consent in approval.consents)
    by = view.turn.by if view.turn is not None else None
    said = reader.say(
        f"approval.over.{over.value}", people=reader.people(people), person=reader.person(by)
    )
    rejection = quote(view.rejection or "") if over is ApprovalState.REJECTED else []
    opening = [context(_link(reader, link))] if link else []
    return [section([f"*{said}*"]), *rejection, *opening]


def _spoken(view: CardView, approval: Approval, decision: Decision, reader: Reader) -> str:
    values = {
        "person": reader.person(decision.by),
        "decision": decision_words(view, decision, reader, mrkdwn),
    }
    if not approval.pending:
        state = reader.say(f"approval.state.{approval.state.value}")
        return reader.say("spoken.approval.over", **values, state=state)
    due = reader.time(approval.expires_at, approval.requested_at)
    said = sentence(view, reader, mrkdwn)
    return reader.say("spoken.approval", **values, sentence=said, due=due)
