"""Decision on a card: its approval, actions, bulk progress and notice."""

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

from activities.slack.blocks import Block, context, fit, quote, section
from activities.slack.cards.case_facts import case_id, pending
from activities.slack.escape import Safe, mrkdwn, one_line
from activities.slack.reader import Reader, problem_words
from workflows.domain.case import events as ev
from workflows.domain.case.approval import Approval, ApprovalState, Consent, Purpose
from workflows.domain.case.bulk import BULK, BulkState, Impact, Tally
from workflows.domain.case.decision import Decision, NoticeStatus, PlannedAction
from workflows.domain.case.enforcement import TOOK_EFFECT, ActionState, ActionStatus, NoticeState
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
        words = reader.say("words.noted", what=words, note=_rule(view, decision.policy))
    return reader.say("card.decision", person=reader.person(decision.by), decision=words)


def decision_words(view: CardView, decision: Decision, reader: Reader, safe: Safe) -> str:
    """A decision in a few words: its preset, else its actions, else the verdict."""
    latest = view.decision is not None and view.decision.id == decision.id
    if latest and view.decision_title is not None:
        return reader.title(view.decision_title, safe)
    if not decision.actions:
        return reader.say(f"verdict.{decision.verdict.value}")
    words = (action_words(view, planned, reader, safe) for planned in decision.actions)
    return with_count(fit(words, reader.say("words.comma"), _TITLES), decision, reader)


def action_words(view: CardView, planned: PlannedAction, reader: Reader, safe: Safe) -> str:
    """`コメント制限 24時間`."""
    title = action_title(view, planned.action, reader, safe)
    if planned.lasts is None:
        return title
    lasts = reader.texts.duration(planned.lasts)
    return reader.say("action.lasting", action=title, duration=lasts)


def action_title(view: CardView, action: str, reader: Reader, safe: Safe) -> str:
    """The title of an action; its name where the catalog does not have it any more."""
    return reader.title(view.action_titles.get(action) or Text(ja=action, en=action), safe)


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
    return reader.say(
        "words.noted",
        what=action_words(view, planned, reader, mrkdwn),
        note=target(view, planned, reader),
    )


def reason_words(decision: Decision, reader: Reader) -> str:
    """The person's reason, else that of the preset, unescaped."""
    if decision.reason or decision.preset_reason is None:
        return decision.reason
    return decision.preset_reason.in_(reader.texts.language)


def requester(view: CardView, approval: Approval) -> str | None:
    """The person who requested the approval; for an undo not always the decider."""
    decider = view.decision.by if view.decision is not None else None
    return approval.by or decider


def count(approval: Approval, reader: Reader) -> str:
    """`承認 0/1`."""
    needed = sum(need.quorum for need in approval.needs)
    return reader.say("card.approval", given=len(approval.consents), needed=needed)


def due(approval: Approval, near: datetime, reader: Reader) -> str:
    """The deadline, which a question pauses."""
    if approval.question is not None:
        return reader.say("card.due.still")
    return reader.say("words.due", time=reader.time(approval.expires_at, near))


def afterwards(approval: Approval, reader: Reader) -> str:
    """The effect of an expired approval."""
    if approval.on_expiry is OnExpiry.ESCALATE:
        return reader.say("approval.then.escalate")
    return reader.say(f"approval.then.refuse.{approval.purpose.value}")


def consents(approval: Approval, reader: Reader) -> list[str]:
    """`田中さんが鈴木さんの代理で承認しました` for each approver."""
    return [consent_words(each, reader) for each in approval.consents]


def consent_words(consent: Consent, reader: Reader) -> str:
    """The consent of one person, with the person they cover for."""
    person = reader.person(consent.by)
    if consent.covers is None:
        return reader.say("approval.consent", person=person)
    covered = reader.person(consent.covers)
    return reader.say("approval.consent.cover", person=person, covered=covered)


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
    asked = reader.say("approval.asked", person=reader.person(answers[-1].asked_by))
    text = reader.say("approval.answer", person=reader.person(answers[-1].by))
    blocks = [section([asked]), *quote(answers[-1].question)]
    return [*blocks, section([text]), *quote(answers[-1].answer)]


def waiting(view: CardView, reader: Reader) -> list[str]:
    """The terms of the pending approval, for the card."""
    approval = pending(view)
    if approval is None:
        return []
    roles = reader.listed(reader.say(f"role.{need.role.value}") for need in approval.needs)
    terms = [
        count(approval, reader),
        reader.say("card.asked", roles=roles),
        due(approval, view.opened_at, reader),
        afterwards(approval, reader),
        *consents(approval, reader),
    ]
    line = " · ".join(terms)
    if approval.purpose is Purpose.DECISION:
        return [line]
    person = reader.person(requester(view, approval))
    return [reader.say(f"card.waiting.{approval.purpose.value}", person=person), line]


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


def with_count(words: str, decision: Decision, reader: Reader) -> str:
    """The decision with the number of its subjects."""
    if decision.bulk is None:
        return words
    return reader.say("bulk.decision", decision=words, count=decision.bulk.count)


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
    if view.bulk is None:
        return []
    lines = [f"*{tally_words(view.bulk.tally, reader)}*"]
    return [*lines, *_stopped(view.bulk, reader)]


def tally_words(tally: Tally, reader: Reader) -> str:
    """The counts that are not 0."""
    return reader.say("bulk.joint").join(_counts(tally, reader))


def _counts(tally: Tally, reader: Reader) -> Iterator[str]:
    taken_back = tally.undone or tally.lifted
    if not taken_back or tally.done:
        yield reader.say("bulk.done", done=tally.done, total=tally.total)
    for name in _OTHERS:
        count = getattr(tally, name)
        if count:
            yield reader.say(f"bulk.{name}", count=count)


def _stopped(state: BulkState, reader: Reader) -> list[str]:
    if state.stopped_by is None:
        return []
    key = "bulk.stopping" if state.tally.left else "bulk.stopped"
    return [reader.say(key, person=reader.person(state.stopped_by))]


_BY_WHOM = {
    ApprovalState.REJECTED: (ev.Rejected, ev.UndoRequested),
    ApprovalState.WITHDRAWN: (ev.ApprovalWithdrawn,),
    ApprovalState.EXPIRED: (),
}
"""Event kinds with the person who ended the approval: a rejected review starts an undo."""
_REOPENED = ev.CaseReopened.model_fields["kind"].default


def sent_back(view: CardView, reader: Reader) -> str | None:
    """The reason why the last decision is off, until the next one."""
    if view.phase not in UNDECIDED:
        return None
    if view.turn is not None and view.turn.kind == _REOPENED:
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
    kinds = [each.model_fields["kind"].default for each in _BY_WHOM[approval.state]]
    if view.turn is None or view.turn.kind not in kinds or view.turn.by is None:
        return reader.say(f"{key}.somebody")
    return reader.say(key, person=reader.person(view.turn.by))


_FACTS = 300
_NOTICE_MARKS = {
    NoticeStatus.PENDING: "⏳",
    NoticeStatus.RETRYING: "🔁",
    NoticeStatus.SENT: "✉️",
    NoticeStatus.FAILED: "⚠️",
}
_BEFORE = (Phase.AWAITING_APPROVAL, Phase.ENFORCING)


def notice_facts(decision: Decision, reader: Reader) -> list[Block]:
    """The notice to send, for the approver."""
    if decision.notice is None:
        return []
    facts = mrkdwn(one_line(decision.notice.facts.in_(reader.texts.language)), _FACTS)
    person = reader.subject(decision.notice.person)
    return [context([reader.say("card.notice.facts", person=person, facts=facts)])]


def notice_line(view: CardView, reader: Reader) -> list[str]:
    """The status of the last decision's notice."""
    decision, state = view.decision, view.notice
    if decision is None or decision.notice is None:
        return []
    person = reader.subject(decision.notice.person)
    if state is None:
        return _planned(view, person, reader)
    if state.status is not NoticeStatus.SENT and not _took_effect(view):
        return []
    text = reader.say(f"card.notice.{state.status.value}", person=person)
    return [f"{_NOTICE_MARKS[state.status]} {_with_problem(text, state, reader)}"]


def _planned(view: CardView, person: str, reader: Reader) -> list[str]:
    if view.phase not in _BEFORE or (view.decision is not None and view.decision.dry_run):
        return []
    return [f"✉️ {reader.say('card.notice.planned', person=person)}"]


def _with_problem(text: str, state: NoticeState, reader: Reader) -> str:
    if state.problem is None or state.status is NoticeStatus.PENDING:
        return text
    problem = problem_words(state.problem, reader)
    return reader.say("action.problem", status=text, problem=problem)


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
    return [*blocks, *_asked(view, reader), *_still(view, reader)]


def _paragraph(lines: list[str]) -> list[Block]:
    return [section(lines)] if lines else []


def _asked(view: CardView, reader: Reader) -> list[Block]:
    """The open question of the pending approval."""
    approval = pending(view)
    return [] if approval is None else question(approval, view.opened_at, reader)


def _still(view: CardView, reader: Reader) -> list[Block]:
    """The refused undo with its reason."""
    refused = undo_refused(view, reader)
    return [] if refused is None else [section([f"*{refused}*"]), *quote(view.rejection or "")]


def action_lines(view: CardView, reader: Reader) -> list[str]:
    """One line per action with its status, after the approval."""
    if view.phase is Phase.AWAITING_APPROVAL:
        return []
    lines = [_action_line(view, action, reader) for action in view.actions]
    return [*lines, *progress(view, reader)] if lines else []


def _action_line(view: CardView, action: ActionState, reader: Reader) -> str:
    words = reader.say(
        "action.line",
        action=action_words(view, action.planned, reader, mrkdwn),
        subject=target(view, action.planned, reader),
        status=_status(view, action, reader),
    )
    return f"{_MARKS[action.status]} {words}"


def _status(view: CardView, action: ActionState, reader: Reader) -> str:
    status = reader.say(f"action.status.{action.status.value}")
    if action.standing and action.until is not None:
        until = reader.time(action.until, view.opened_at)
        status = reader.say("action.until", status=status, time=until)
    if action.status is ActionStatus.DRY_RUN:
        return would_words(status, action.would, reader)
    if action.problem is None:
        return status
    # A failed undo leaves the action active.
    key = "action.undo_failed" if action.standing else "action.problem"
    return reader.say(key, status=status, problem=problem_words(action.problem, reader))


def would_words(status: str, would: str, reader: Reader) -> str:
    """The request that a dry run would have sent."""
    asked = mrkdwn(one_line(would), _WOULD)
    return reader.say("action.would", status=status, would=asked) if asked else status


def _end(view: CardView, reader: Reader) -> list[str]:
    """Approvers, and the end of the case."""
    lines = []
    approval = view.approval
    if approval is not None and approval.state is ApprovalState.GRANTED:
        lines += consents(approval, reader)
    if view.merged_into is not None:
        return [*lines, _merged(view, view.merged_into, reader)]
    if view.phase is Phase.CLOSED and view.closed_at is not None and view.verdict is not None:
        verdict = reader.say(f"verdict.{view.verdict.value}")
        time = reader.time(view.closed_at, view.opened_at)
        lines.append(reader.say("card.closed", time=time, verdict=verdict))
    return lines


def _merged(view: CardView, into: str, reader: Reader) -> str:
    by = view.turn.by if view.turn is not None else None
    return reader.say("card.merged", person=reader.person(by), into=case_id(into))
