"""Notices of decisions: addressee and content."""

from collections.abc import Iterable

from workflows.domain.alerts import Subject
from workflows.domain.case.bulk import Bulk
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

AS_MEANT = TOOK_EFFECT - {ActionStatus.DRIFTED}
"""Actions that a notice names."""


def notice_for(
    case: Case,
    planned: tuple[PlannedAction, ...],
    template: ReasonTemplate | None,
    bulk: Bulk | None = None,
) -> DecisionNotice | None:
    """The notice of a violation with actions; None without an addressee.

    In a bulk decision each subject is one: its `person` represents all of them.
    """
    person = addressee(case, planned) if bulk is None else addressees(case, bulk)
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


def addressees(case: Case, bulk: Bulk) -> Subject | None:
    """The subject that represents all of a bulk decision, if they are of the call's type."""
    notice_text = case.policy.notice_text
    fits = notice_text is not None and bulk.type == notice_text.call.subject
    return bulk.subject if fits else None


def lacks_addressees(case: Case, decision: Decision) -> bool:
    """Whether a bulk decision sends no notice because its subjects are of another type."""
    notices = case.policy.notice_text is not None and decision.no_notice is None
    return decision.bulk is not None and notices and decision.notice is None


def notice_of(case: Case, decision: Decision) -> PersonNotice | None:
    """The notice of a decision with its actions in effect; None if none is sent, or it was sent.

    That of a bulk decision still has to be `addressed` to each subject, which has its own state.
    """
    notice, state = decision.notice, case.notices.get(decision.id)
    bulk = decision.bulk is not None
    sent = not bulk and state is not None and state.status is NoticeStatus.SENT
    if notice is None or decision.dry_run or sent:
        return None
    states = () if bulk else case.actions_of(decision.id)
    done = [state for state in states if state.status in AS_MEANT]
    return _letter(case, decision.id, decision.policy, notice, _measures(case.policy, done))


def addressed(
    letter: PersonNotice, person: Subject, done: tuple[Measure, ...] = ()
) -> PersonNotice:
    """The notice of a bulk decision to one of its subjects."""
    values = {**letter.values, **_names(person)}
    return letter.model_copy(update={"person": person, "values": values, "done": done})


def preview(
    case: Case,
    template: ReasonTemplate | None,
    rule: str | None,
    actions: Iterable[Measure],
    wording: NoticeWords,
    person: Subject | None = None,
) -> tuple[Subject, Text] | None:
    """The addressee, by default that of the case, and the text of a decision's notice, or None."""
    person = person or addressee(case)
    if person is None or case.policy.playbook.unnotified(template) is not None:
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
        **_names(notice.person),
    }
    return PersonNotice(
        person=notice.person,
        call=notice_text.call,
        frame=notice_text.frame,
        values=values,
        automated=automated,
        done=done,
    )


def _names(person: Subject) -> dict[str, Text]:
    return {
        "subject.id": Text.model_validate(person.id),
        "subject.type": Text.model_validate(person.type),
    }


def rule_words(policy: Policy, rule: str | None) -> Text:
    """`MKT-4.2（外部誘導の禁止）`: the rule with its title, if policy has one."""
    known = policy.playbook.rule(rule) if rule is not None else None
    if rule is None or known is None or known.title is None:
        return Text.model_validate(rule or "—")
    return Text(ja=f"{rule}（{known.title.ja}）", en=f"{rule} ({known.title.en})")


def _automated(case: Case) -> Automated:
    if case.decision is not None and case.decision.automatic:
        return Automated.DECIDED
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
