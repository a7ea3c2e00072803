"""Decision on a card: its approval, actions, bulk progress and notice."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from activities.slack.blocks import Block, context, fit, quote, section
from activities.slack.cards.case_facts import (
    CardState,
    card_state,
    case_id,
    ended_by,
    pending,
    turn_by,
    turned,
)
from activities.slack.escape import Safe, mrkdwn, one_line
from activities.slack.i18n.catalog import CatalogWording
from activities.slack.reader import Reader, problem_words
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Approval, ApprovalState, Consent, Purpose
from workflows.domain.case.bulk import BULK, Impact, Tally
from workflows.domain.case.decision import Decision, NoticeStatus, PlannedAction
from workflows.domain.case.enforcement import ENDED, TOOK_EFFECT, ActionState, ActionStatus
from workflows.domain.case.model import UNDECIDED, Phase
from workflows.domain.case.view import CardView
from workflows.domain.policy.actions import OnExpiry
from workflows.domain.values import Text

_TITLES = 200
_RULE = 60


def decision_line(view: CardView, decision: Decision, reader: Reader) -> str:
    """`佐藤さんの判断: 強制退会(MKT-4.2)`, as mrkdwn."""
    words = decision_words(view, decision, reader, mrkdwn)
    if decision.policy:
        words = reader.noted(words, _rule(view, decision.policy))
    return reader.say("card.decision", person=reader.person(decision.by), decision=words)


def decision_words(view: CardView, decision: Decision, reader: Reader, safe: Safe) -> str:
    """A decision in a few words: its preset, else its actions, else the verdict."""
    latest = view.decision is not None and view.decision.id == decision.id
    if latest and view.decision_title is not None:
        return reader.title(view.decision_title, safe)
    if not decision.actions:
        return reader.say(f"verdict.{decision.verdict.value}")
    words = actions_words(decision, view.action_titles, reader, safe)
    if decision.bulk is None:
        return words
    return reader.say("bulk.decision", decision=words, count=decision.bulk.count)


def actions_words(
    decision: Decision, titles: Mapping[str, Text], reader: Reader, safe: Safe = mrkdwn
) -> str:
    """The actions of a decision, as many as fit."""
    words = (action_words(each, titles, reader, safe) for each in decision.actions)
    return fit(words, reader.say("words.comma"), _TITLES)


def action_words(
    planned: PlannedAction, titles: Mapping[str, Text], reader: Reader, safe: Safe = mrkdwn
) -> str:
    """`コメント制限 24時間`."""
    title = reader.action(planned.action, titles, safe)
    if planned.lasts is None:
        return title
    lasts = reader.texts.duration(planned.lasts)
    return reader.say("action.lasting", action=title, duration=lasts)


def _rule(view: CardView, rule: str) -> str:
    """The rule, linked to its text where the playbook has a valid URL."""
    words = mrkdwn(one_line(rule), _RULE)
    url = view.rule_url or ""
    odd = any(character in url for character in "<>| \n") or len(url) > 500
    if odd or urlsplit(url).scheme not in ("http", "https"):
        return words
    return f"<{url.replace('&', '&amp;')}|{words}>"


def action_on(view: CardView, planned: PlannedAction, reader: Reader) -> str:
    """`コメント制限 24時間(ユーザー u_123)`, as mrkdwn."""
    words = action_words(planned, view.action_titles, reader)
    return reader.noted(words, target(view, planned, reader))


def reason_words(decision: Decision, reader: Reader) -> str:
    """The person's reason, else that of the preset, unescaped."""
    if decision.reason or decision.preset_reason is None:
        return decision.reason
    return decision.preset_reason.in_(reader.texts.language)


def requester(view: CardView, approval: Approval) -> str | None:
    """The person who requested the approval; for an undo not always the decider."""
    decider = view.decision.by if view.decision is not None else None
    return approval.by or decider


def approver_roles(approval: Approval, reader: Reader) -> str:
    """The roles that are asked to approve."""
    return reader.listed(reader.say(f"role.{need.role}") for need in approval.needs)


def terms(approval: Approval, near: datetime, reader: Reader, *asked: str) -> str:
    """`承認 0/1`, `asked`, the deadline, which a question pauses, its effect, and consents."""
    given, needed = len(approval.consents), sum(need.quorum for need in approval.needs)
    due = reader.say("words.due", time=reader.time(approval.expires_at, near))
    after = "escalate" if approval.on_expiry is OnExpiry.ESCALATE else f"refuse.{approval.purpose}"
    parts = (
        reader.say("card.approval", given=given, needed=needed),
        *asked,
        due if approval.question is None else reader.say("card.due.stopped"),
        reader.say(f"approval.then.{after}"),
        *consents(approval, reader),
    )
    return " · ".join(parts)


def consents(approval: Approval, reader: Reader) -> list[str]:
    """`田中さんが鈴木さんの代理で承認しました` for each approver."""
    return [consent_words(each, reader) for each in approval.consents]


def consent_words(consent: Consent, reader: Reader) -> str:
    """The consent of one person, with the person they cover for."""
    key = "approval.consent" if consent.covers is None else "approval.consent.cover"
    person, covered = reader.person(consent.by), reader.person(consent.covers)
    return reader.say(key, person=person, covered=covered)


def question(approval: Approval, near: datetime, reader: Reader) -> list[Block]:
    """The open question of an approver, with its deadline."""
    asked = approval.question
    if asked is None:
        return []
    until = reader.time(asked.until, near)
    text = reader.say("approval.question", person=reader.person(asked.by), time=until)
    return [section([text]), *quote(asked.text)]


def answered(approval: Approval, reader: Reader) -> list[Block]:
    """The last question with its answer."""
    answers = [each for each in approval.exchanges if each.by is not None]
    if not answers:
        return []
    last = answers[-1]
    asked = reader.say("approval.asked", person=reader.person(last.asked_by))
    text = reader.say("approval.answer", person=reader.person(last.by))
    return [section([asked]), *quote(last.question), section([text]), *quote(last.answer)]


def waiting(view: CardView, reader: Reader) -> list[str]:
    """The terms of the pending approval, for the card."""
    approval = pending(view)
    if approval is None:
        return []
    asked = reader.say("card.asked", roles=approver_roles(approval, reader))
    line = terms(approval, view.opened_at, reader, asked)
    if approval.purpose is Purpose.DECISION:
        return [line]
    person = reader.person(requester(view, approval))
    return [reader.say(f"card.waiting.{approval.purpose}", person=person), line]


_SUMS = 6
"""Sums that a card has room for."""
_OTHERS = (
    *("failed", "drifted", "retrying", "dry_run"),
    *("skipped", "given_up", "undone", "lifted"),
)
"""Counts that are shown unless 0."""


def target(view: CardView, planned: PlannedAction, reader: Reader, safe: Safe = mrkdwn) -> str:
    """The subject of an action: `ユーザー u_123`, of a bulk decision `対象 60件`."""
    decision = view.decision
    if planned.subject.type != BULK or decision is None or decision.bulk is None:
        return reader.subject(planned.subject, safe)
    return reader.say("words.subjects", count=decision.bulk.count)


def whom(view: CardView, reader: Reader, safe: Safe) -> str:
    """The subject of the last decision."""
    if view.decision is not None and view.decision.bulk is not None:
        return reader.say("words.subjects", count=view.decision.bulk.count)
    return reader.subject(view.subject, safe)


def impact(decision: Decision, reader: Reader) -> list[str]:
    """The impact of a bulk decision in one line."""
    bulk = decision.bulk
    return [] if bulk is None else [impact_line(bulk.count, bulk.impact, reader)]


def impact_line(count: int, touched: Impact, reader: Reader) -> str:
    """`対象 60件(措置中 4件)・出品中 812・フォロワー 12,345`."""
    parts = [reader.say("words.subjects", count=count)]
    if touched.sanctioned:
        parts.append(reader.say("bulk.impact.sanctioned", count=touched.sanctioned))
    for each in touched.sums[:_SUMS]:
        total = reader.texts.number(each.total)
        parts.append(reader.say("bulk.impact.sum", title=reader.title(each.title), total=total))
    if touched.unknown:
        parts.append(reader.say("bulk.impact.unknown", count=touched.unknown))
    if touched.dropped:
        parts.append(reader.say("bulk.impact.dropped", count=touched.dropped))
    return reader.say("bulk.impact", parts=" · ".join(parts))


def progress(view: CardView, reader: Reader) -> list[str]:
    """Progress of a bulk decision: `312/1,000 完了・失敗 3`, and a stop."""
    state = view.bulk
    if state is None:
        return []
    lines = [f"*{tally_words(state.tally, reader)}*"]
    if state.stopped_by is not None:
        key = "bulk.stopping" if state.tally.left else "bulk.stopped"
        text = reader.say(key, person=reader.person(state.stopped_by))
        at = state.stopped_at
        lines.append(reader.noted(text, reader.time(at, view.opened_at)) if at else text)
    return lines


def tally_words(tally: Tally, reader: Reader) -> str:
    """The counts that are not 0."""
    counts = [(name, getattr(tally, name)) for name in _OTHERS]
    words = [reader.say(f"bulk.{name}", count=count) for name, count in counts if count]
    if tally.done or not (tally.undone or tally.lifted):
        words.insert(0, reader.say("bulk.done", done=tally.done, total=tally.total))
    return reader.say("bulk.separator").join(words)


_BY_WHOM = {
    ApprovalState.REJECTED: (ev.Rejected, ev.UndoRequested),
    ApprovalState.WITHDRAWN: (ev.ApprovalWithdrawn,),
    ApprovalState.EXPIRED: (),
}
"""Event kinds with the person who ended the approval: a rejected review starts an undo."""


def sent_back(view: CardView, reader: Reader) -> str | None:
    """The reason why the last decision is off, until the next one."""
    if view.phase not in UNDECIDED:
        return None
    if view.turn is not None and turned(view, ev.CaseReopened):
        time = reader.time(view.turn.at, view.opened_at)
        return reader.say("card.reopened", person=reader.person(view.turn.by), time=time)
    approval = view.approval
    if approval is None or approval.state not in _BY_WHOM:
        return None
    reviewed = approval.purpose is Purpose.REVIEW
    if reviewed and approval.state is ApprovalState.WITHDRAWN:
        return None  # given up: the card shows the failed actions
    return _ended(view, approval, "review" if reviewed else "decision", reader)


def undo_refused(view: CardView, reader: Reader) -> str | None:
    """The reason why a requested undo did not happen."""
    approval = view.approval
    if approval is None or approval.purpose is not Purpose.UNDO or view.undoing:
        return None
    if approval.state not in _BY_WHOM or view.phase in UNDECIDED or not view.undoable:
        return None
    return _ended(view, approval, "undo", reader)


def _ended(view: CardView, approval: Approval, what: str, reader: Reader) -> str:
    key = f"card.{approval.state.value}.{what}"
    if approval.state is ApprovalState.EXPIRED:
        return reader.say(key)
    by = turn_by(view) if turned(view, *_BY_WHOM[approval.state]) else None
    return reader.say(key, person=reader.person(by)) if by else reader.say(f"{key}.somebody")


_FACTS = 300
_NOTICE_MARKS = {
    NoticeStatus.PENDING: "⏳",
    NoticeStatus.RETRYING: "🔁",
    NoticeStatus.SENT: "✉️",
    NoticeStatus.FAILED: "⚠️",
}
_BEFORE = (Phase.AWAITING_APPROVAL, Phase.ENFORCING)


def notice_facts(view: CardView, decision: Decision, reader: Reader) -> list[Block]:
    """The notice to send, for the approver; for a bulk decision also that it has no addressees."""
    if decision.notice is None:
        return [context([each]) for each in _unaddressed(view, reader)]
    told = decision.notice.facts or CatalogWording().facts()
    facts = mrkdwn(one_line(told.in_(reader.texts.language)), _FACTS)
    if decision.bulk is not None:
        count = decision.bulk.count
        return [context([reader.say("card.notices.facts", count=count, facts=facts)])]
    person = reader.subject(decision.notice.person)
    return [context([reader.say("card.notice.facts", person=person, facts=facts)])]


def _unaddressed(view: CardView, reader: Reader) -> list[str]:
    return [f"🔕 {reader.say('card.notices.unaddressed')}"] if view.lacks_addressees else []


def notice_line(view: CardView, reader: Reader) -> list[str]:
    """The status of the last decision's notice."""
    decision, state = view.decision, view.notice
    if decision is not None and decision.no_notice is not None:
        reason = mrkdwn(one_line(decision.no_notice.in_(reader.texts.language)), _FACTS)
        return [f"🔕 {reader.say('card.notice.none', reason=reason)}"]
    if decision is None or decision.notice is None:
        return _unaddressed(view, reader)
    if decision.bulk is not None:
        return _notices_line(view, decision.bulk.count, reader)
    person = reader.subject(decision.notice.person)
    if state is None:
        planned = view.phase in _BEFORE and not decision.dry_run
        return [f"✉️ {reader.say('card.notice.planned', person=person)}"] if planned else []
    if state.status is not NoticeStatus.SENT and not _took_effect(view):
        return []
    text = reader.say(f"card.notice.{state.status}", person=person)
    if state.problem is not None and state.status is not NoticeStatus.PENDING:
        problem = problem_words(state.problem, reader)
        text = reader.say("action.problem", status=text, problem=problem)
    return [f"{_NOTICE_MARKS[state.status]} {text}"]


def _notices_line(view: CardView, count: int, reader: Reader) -> list[str]:
    """The notices of a bulk decision so far, or how many follow."""
    tally = view.bulk.tally if view.bulk is not None else None
    if tally is not None and tally.notices:
        status = _status_of_notices(view, tally)
        return [f"{_NOTICE_MARKS[status]} {_notices_words(view, tally, status, reader)}"]
    dry_run = view.decision is not None and view.decision.dry_run
    planned = view.phase in _BEFORE and not dry_run
    return [f"✉️ {reader.say('card.notices.planned', count=count)}"] if planned else []


def _status_of_notices(view: CardView, tally: Tally) -> NoticeStatus:
    if view.notice is not None and view.notice.status is NoticeStatus.PENDING:
        return NoticeStatus.PENDING
    if tally.notices_failed:
        return NoticeStatus.FAILED
    return NoticeStatus.RETRYING if tally.notices_retrying else NoticeStatus.SENT


def _notices_words(view: CardView, tally: Tally, status: NoticeStatus, reader: Reader) -> str:
    """`通知 58/60件、2件失敗`, with the problem of those."""
    # After a press on the button the failed ones are being sent.
    failed = 0 if status is NoticeStatus.PENDING else tally.notices_failed
    counts = {"retrying": tally.notices - tally.notices_sent - failed, "failed": failed}
    words = [reader.say("card.notices.sent", sent=tally.notices_sent, total=tally.notices)]
    words += [reader.say(f"card.notices.{name}", count=n) for name, n in counts.items() if n]
    text = reader.say("words.comma").join(words)
    problem = view.notice.problem if view.notice is not None else None
    if not failed or problem is None:
        return text
    return reader.say("action.problem", status=text, problem=problem_words(problem, reader))


def can_retry(view: CardView) -> bool:
    """True for a failed notice of an executed decision."""
    failed = view.notice is not None and view.notice.status is NoticeStatus.FAILED
    return failed and _took_effect(view)


def _took_effect(view: CardView) -> bool:
    return any(action.status in TOOK_EFFECT for action in view.actions)


_WOULD = 200
_MARKS = {
    ActionStatus.PENDING: "⏳",
    ActionStatus.RETRYING: "🔁",
    ActionStatus.DONE: "☑️",
    ActionStatus.VERIFIED: "✅",
    ActionStatus.DRIFTED: "⚠️",
    ActionStatus.FAILED: "⚠️",
    ActionStatus.GIVEN_UP: "⏹️",
    ActionStatus.SKIPPED: "⏭️",
    ActionStatus.ROLLED_BACK: "↩️",
    ActionStatus.DRY_RUN: "🧪",
    ActionStatus.UNDOING: "⏳",
    ActionStatus.UNDONE: "↩️",
    ActionStatus.LIFTED: "⏹️",
    ActionStatus.KEPT: "☑️",
}


def decision(view: CardView, reader: Reader) -> list[Block]:
    """Decision, approval, actions and end of the case."""
    if view.decision is None:
        return _paragraph(_end(view, reader))
    above = [decision_line(view, view.decision, reader), *impact(view.decision, reader)]
    back = sent_back(view, reader)
    if back is not None:
        actions = _paragraph(action_lines(view, reader))
        return [section([*above, f"*{back}*"]), *quote(view.rejection or ""), *actions]
    below = [
        *waiting(view, reader),
        *action_lines(view, reader),
        *notice_line(view, reader),
        *_end(view, reader),
    ]
    blocks = [section(above), *quote(reason_words(view.decision, reader)), *_paragraph(below)]
    approval, refused = pending(view), undo_refused(view, reader)
    if approval is not None:
        blocks += question(approval, view.opened_at, reader)
    if refused is not None:
        blocks += [section([f"*{refused}*"]), *quote(view.rejection or "")]
    return blocks


def _paragraph(lines: list[str]) -> list[Block]:
    return [section(lines)] if lines else []


def action_lines(view: CardView, reader: Reader) -> list[str]:
    """One line per action with its status, after the approval."""
    if view.phase is Phase.AWAITING_APPROVAL:
        return []
    lines = [_action_line(view, action, reader) for action in view.actions]
    return [*lines, *progress(view, reader)] if lines else []


def _action_line(view: CardView, action: ActionState, reader: Reader) -> str:
    words = reader.say(
        "action.line",
        action=action_words(action.planned, view.action_titles, reader),
        subject=target(view, action.planned, reader),
        status=_status(view, action, reader),
    )
    return f"{_MARKS[action.status]} {words}"


def _status(view: CardView, action: ActionState, reader: Reader) -> str:
    status = reader.say(f"action.status.{action.status.value}")
    if action.status in ENDED and action.ended_at is not None:
        by, at = action.ended_by, action.ended_at
        timely = by is None and action.status is ActionStatus.LIFTED  # the status says so
        end = (
            reader.time(at, view.opened_at) if timely else ended_by(by, at, view.opened_at, reader)
        )
        status = reader.noted(status, end)
    if action.in_force and action.until is not None:
        until = reader.time(action.until, view.opened_at)
        status = reader.say("action.until", status=status, time=until)
    if action.status is ActionStatus.DRY_RUN:
        return would_words(status, action.would, reader)
    if action.problem is None:
        return status
    # A failed undo leaves the action active.
    key = "action.undo_failed" if action.in_force else "action.problem"
    return reader.say(key, status=status, problem=problem_words(action.problem, reader))


def would_words(status: str, would: str, reader: Reader) -> str:
    """The request that a dry run would have sent."""
    asked = mrkdwn(one_line(would), _WOULD)
    return reader.say("action.not_sent", status=status, would=asked) if asked else status


def undone_end(view: CardView, reader: Reader) -> str:
    """`7:27 佐藤さん`: the end of an undone decision; empty for another one."""
    ended = [each for each in view.actions if each.ended_at is not None]
    if card_state(view) is not CardState.UNDONE or not ended:
        return ""
    last = max(ended, key=_ended_at)
    return ended_by(last.ended_by, last.ended_at, view.opened_at, reader)


def _ended_at(action: ActionState) -> datetime:
    assert action.ended_at is not None
    return action.ended_at


def _end(view: CardView, reader: Reader) -> list[str]:
    """Approvers, and the end of the case."""
    lines = []
    approval = view.approval
    if approval is not None and approval.state is ApprovalState.GRANTED:
        lines += consents(approval, reader)
    if view.merged_into is not None:
        person, into = reader.person(turn_by(view)), case_id(view.merged_into)
        return [*lines, reader.say("card.merged", person=person, into=into)]
    if view.phase is Phase.CLOSED and view.closed_at is not None and view.verdict is not None:
        verdict = reader.say(f"verdict.{view.verdict.value}")
        time = reader.time(view.closed_at, view.opened_at)
        end = undone_end(view, reader)
        undone = reader.say("card.undone", end=end, verdict=verdict)
        lines.append(undone if end else reader.say("card.closed", time=time, verdict=verdict))
    return lines
