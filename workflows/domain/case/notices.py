"""Notices of decisions: addressee and content."""

from collections.abc import Iterable

from workflows.domain.alerts import Subject
from workflows.domain.case.decision import (
    Automated,
    Decision,
    DecisionNotice,
    Measure,
    NoticeStatus,
    NoticeWords,
    PersonNotice,
    PlannedAction,
    person_notice_text,
)
from workflows.domain.case.enforcement import TOOK_EFFECT, ActionState, ActionStatus
from workflows.domain.case.model import Case, latest
from workflows.domain.policy.playbook import Policy, ReasonTemplate
from workflows.domain.values import Text

_AS_MEANT = TOOK_EFFECT - {ActionStatus.DRIFTED}


def notice_for(
    case: Case, planned: tuple[PlannedAction, ...], template: ReasonTemplate | None
) -> DecisionNotice | None:
    """The notice of a violation with actions; None without an addressee."""
    person = addressee(case, planned)
    if person is None or not planned:
        return None
    return DecisionNotice(person=person, facts=template.notice if template is not None else None)


def addressee(case: Case, planned: Iterable[PlannedAction] = ()) -> Subject | None:
    """The subject of the call's type that the actions or the case name, or None."""
    notice_text = case.policy.notice_text
    if notice_text is None:
        return None
    wanted = notice_text.call.subject
    subjects = [*(each.subject for each in planned), case.subject]
    found = next((each for each in subjects if each.type == wanted), None)
    return found or latest(case.sightings, wanted, None)


def notice_of(case: Case, decision: Decision) -> PersonNotice | None:
    """The notice of a decision with its actions in effect; None if none is sent, or it was sent."""
    notice, state = decision.notice, case.notices.get(decision.id)
    sent = state is not None and state.status is NoticeStatus.SENT
    if notice is None or decision.dry_run or sent:
        return None
    done = [state for state in case.actions_of(decision.id) if state.status in _AS_MEANT]
    return _letter(case, decision.id, decision.policy, notice, _measures(case.policy, done))


def preview(
    case: Case,
    template: ReasonTemplate | None,
    rule: str | None,
    actions: Iterable[Measure],
    wording: NoticeWords,
) -> tuple[Subject, Text] | None:
    """The addressee and text of the notice that a decision would send, or None."""
    person = addressee(case)
    if person is None or case.policy.playbook.silence(template) is not None:
        return None
    facts = template.notice if template is not None else None
    notice = DecisionNotice(person=person, facts=facts)
    letter = _letter(case, f"D{len(case.decisions) + 1}", rule, notice, tuple(actions))
    return None if letter is None else (person, person_notice_text(letter, wording))


def _letter(
    case: Case, decision: str, rule: str | None, notice: DecisionNotice, done: tuple[Measure, ...]
) -> PersonNotice | None:
    """The notice with all values; None if policy has no notices."""
    notice_text, automated = case.policy.notice_text, _automated(case)
    if notice_text is None:
        return None
    own: Text | None = getattr(notice_text.automation, automated.value)
    values = {
        **({"automation": own} if own is not None else {}),
        **({"facts": notice.facts} if notice.facts is not None else {}),
        "rule": rule_words(case.policy, rule),
        "case.id": Text.model_validate(case.id),
        "decision.id": Text.model_validate(decision),
        "subject.id": Text.model_validate(notice.person.id),
        "subject.type": Text.model_validate(notice.person.type),
    }
    return PersonNotice(
        person=notice.person,
        call=notice_text.call,
        frame=notice_text.frame,
        values=values,
        automated=automated,
        done=done,
    )


def rule_words(policy: Policy, rule: str | None) -> Text:
    """`MKT-4.2（外部誘導の禁止）`: the rule with its title, if policy has one."""
    known = policy.playbook.rule(rule) if rule is not None else None
    if rule is None or known is None or known.title is None:
        return Text.model_validate(rule or "—")
    return Text(ja=f"{rule}（{known.title.ja}）", en=f"{rule} ({known.title.en})")


def _automated(case: Case) -> Automated:
    if case.protections:
        return Automated.PROTECTED
    return Automated.PERSON if case.first.score is None else Automated.DETECTED


def _measures(policy: Policy, states: Iterable[ActionState]) -> tuple[Measure, ...]:
    specs = ((state.planned, policy.catalog.find(state.planned.action)) for state in states)
    return tuple(
        Measure(title=spec.title, lasts=planned.lasts)
        for planned, spec in specs
        if spec is not None
    )
