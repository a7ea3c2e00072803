"""Approval card: the decision, its reach and its evidence, for the approver."""

from typing import Any

from activities.slack import handles
from activities.slack.actions import element, label
from activities.slack.blocks import (
    Block,
    Message,
    actions,
    confirm,
    context,
    header,
    metadata,
    quote,
    section,
    strong,
)
from activities.slack.cards.buttons import acted_upon
from activities.slack.cards.case import protections
from activities.slack.cards.case_facts import (
    case_line,
    evidence,
    facts,
    sentence,
    viewers,
)
from activities.slack.cards.decision import (
    action_lines,
    action_on,
    answered,
    consents,
    decision_line,
    decision_words,
    impact,
    notice_facts,
    question,
    reason_words,
    requester,
    terms,
)
from activities.slack.escape import mrkdwn, plain
from activities.slack.reader import Reader
from workflows.domain.case.approval import Approval, ApprovalState, Purpose, missing
from workflows.domain.case.decision import Decision
from workflows.domain.case.enforcement import ActionState
from workflows.domain.case.view import CardView

EVENT_TYPE = "koban_approval"


def approval_card(
    view: CardView,
    approval: Approval,
    decision: Decision,
    reader: Reader,
    link: str | None,
) -> Message:
    """Draws the request; it mentions the approvers and has buttons while it is pending.

    `link` is that of the case's card.
    """
    body = [
        strong(sentence(view, reader, plain)),
        section(_decision(view, approval, decision, reader)),
        *quote(reason_words(decision, reader)),
        *notice_facts(view, decision, reader),
        *facts(view, reader),
        *evidence(view, reader),
    ]
    if approval.pending:
        title = _title(view, f"approval.title.{approval.purpose}", reader)
        # Only here: an ended request is not drawn again when a protection ends.
        body += protections(view, reader)
        blocks = [title, *_request(view, approval, reader), *body]
        blocks += question(approval, approval.requested_at, reader) or answered(approval, reader)
        blocks.append(section(_terms(view, approval, decision, reader, link)))
        blocks += actions(view.workflow_id, _buttons(view, approval, decision, reader))
    else:
        blocks = [_title_over(view, approval.state, reader), *body]
        blocks.append(section([f"*{_ended(approval, reader)}*"]))
        if approval.state is ApprovalState.REJECTED:
            blocks += quote(view.rejection or "")
        blocks += [context([each]) for each in reader.link(link, "approval.open")]
    text = _spoken(view, approval, decision, reader)
    # One decision can have several requests, for example for its undo.
    asked = int(approval.requested_at.timestamp() * 1000)
    named = metadata(EVENT_TYPE, case=view.id, decision=approval.decision, asked=asked)
    return Message(text, blocks, named)


def replaced_card(view: CardView, reader: Reader, link: str | None) -> Message:
    """Draws a request that was replaced by another one."""
    blocks = [
        _title_over(view, "replaced", reader),
        section([reader.say("approval.over.replaced"), *reader.link(link, "approval.open")]),
    ]
    return Message(reader.say("fallback.approval.replaced", id=view.id), blocks, {})


def _title(view: CardView, key: str, reader: Reader, **values: str) -> Block:
    return header(reader.say(key, line=case_line(view, reader, plain), **values))


def _title_over(view: CardView, state: str, reader: Reader) -> Block:
    word = reader.say(f"approval.state.{state}")
    return _title(view, "approval.title.over", reader, state=word)


def _request(view: CardView, approval: Approval, reader: Reader) -> list[Block]:
    """The line that mentions the approvers; no other line of a card mentions anybody."""
    mention = " ".join(reader.mention(need.role) for need in missing(approval))
    person = reader.person(requester(view, approval))
    key = f"approval.request.{approval.purpose.value}"
    return [section([reader.say(key, mention=mention, person=person)])]


def _decision(view: CardView, approval: Approval, decision: Decision, reader: Reader) -> list[str]:
    """The decision with its planned, executed or undone actions."""
    lines = [decision_line(view, decision, reader), *impact(decision, reader)]
    if decision.over_limit and approval.purpose is Purpose.DECISION:
        lines.append(reader.say("approval.over_limit"))
    if decision.paused and approval.purpose is Purpose.DECISION:
        lines.append(reader.say("approval.paused"))
    if decision.exempt is not None and approval.purpose is Purpose.DECISION:
        reason, about = reader.title(decision.exempt.reason), decision.exempt.subject
        lines.append(reader.say("approval.exempt", subject=reader.subject(about), reason=reason))
    if approval.purpose is Purpose.REVIEW:
        return [*lines, *action_lines(view, reader)]
    if approval.purpose is Purpose.UNDO:
        return [*lines, *(f"• {action_on(view, each.planned, reader)}" for each in _undone(view))]
    undoable = {state.planned.key: state.undoable for state in view.actions}
    warning = f" · ⚠️ {reader.say('approval.irreversible')}"
    for each in decision.actions:
        note = "" if undoable.get(each.key, True) else warning
        lines.append(f"• {action_on(view, each, reader)}{note}")
    return lines


def _undone(view: CardView) -> list[ActionState]:
    return [each for each in view.actions if each.in_force and each.undoable]


def _terms(
    view: CardView, approval: Approval, decision: Decision, reader: Reader, link: str | None
) -> list[str]:
    """Effect, reach and deadline of the answer."""
    channel = reader.say("approval.channel", channel=view.channel)
    return [
        reader.say(f"approval.effect.{approval.purpose.value}"),
        _reach(view, approval, decision, reader),
        terms(approval, approval.requested_at, reader),
        " · ".join([channel, *reader.link(link, "approval.open")]),
    ]


def _reach(view: CardView, approval: Approval, decision: Decision, reader: Reader) -> str:
    """The impact: numbers of subjects, actions and viewers."""
    undo = approval.purpose is Purpose.UNDO
    planned = [each.planned for each in _undone(view)] if undo else list(decision.actions)
    bulk = decision.bulk
    count = len({each.subject.key for each in planned}) if bulk is None else bulk.count
    reach = [
        reader.say("words.subjects", count=count),
        reader.say(
            "approval.scope.actions", count=len(planned) if bulk is None else len(planned) * count
        ),
        *viewers(view, reader),
    ]
    return reader.say("approval.impact", reach=" · ".join(reach))


def _buttons(
    view: CardView, approval: Approval, decision: Decision, reader: Reader
) -> list[dict[str, Any]]:
    value = handles.encode(view.id, view.version)
    asked = reader.say(
        f"confirm.approve.{approval.purpose}",
        decision=decision_words(view, decision, reader, plain),
        subject=acted_upon(view, view.actions, reader),
    )
    title, yes = reader.say("confirm.approve.title"), label("approval.approve", reader)
    sure = confirm(title, asked, yes, reader.say("confirm.no"))
    names = ["approval.reject", *(["approval.ask"] if approval.question is None else [])]
    # Approvers have to see what the decision was based on.
    names += ["case.evidence", *(["bulk.list"] if decision.bulk is not None else [])]
    approve = element("approval.approve", reader, value, "primary", sure)
    return [approve, *(element(name, reader, value) for name in names)]


def _ended(approval: Approval, reader: Reader) -> str:
    """The end of the request, with its person and time."""
    text = _end(approval, reader)
    if approval.ended_at is None:
        return text
    time = reader.time(approval.ended_at, approval.requested_at)
    return reader.say("approval.over.at", text=text, time=time)


def _end(approval: Approval, reader: Reader) -> str:
    state = approval.state
    if state is ApprovalState.EXPIRED:
        return reader.say(f"approval.over.expired.{approval.purpose.value}")
    if state is ApprovalState.WITHDRAWN and approval.ended_by is None:
        # No person withdrew it: it became pointless.
        return reader.say("approval.over.replaced")
    agreed, person = reader.listed(consents(approval, reader)), reader.person(approval.ended_by)
    return reader.say(f"approval.over.{state}", consents=agreed, person=person)


def _spoken(view: CardView, approval: Approval, decision: Decision, reader: Reader) -> str:
    values = {
        "person": reader.person(requester(view, approval)),
        "decision": decision_words(view, decision, reader, mrkdwn),
    }
    if not approval.pending:
        state = reader.say(f"approval.state.{approval.state.value}")
        values["person"] = reader.person(decision.by)
        return reader.say("fallback.approval.over", **values, state=state)
    text = sentence(view, reader, mrkdwn)
    asks = reader.say(f"fallback.approval.{approval.purpose.value}", **values, sentence=text)
    if approval.question is None:
        until = reader.time(approval.expires_at, approval.requested_at)
        more = reader.say("fallback.approval.due", due=until)
    else:
        more = reader.say("fallback.question", person=reader.person(approval.question.by))
    return reader.say("fallback.joined", head=asks, rest=more)
