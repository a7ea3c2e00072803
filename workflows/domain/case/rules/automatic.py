"""Automatic decisions: Koban applies a preset that can be undone, or leaves the case to people."""

from datetime import datetime

from workflows.domain.automation import AutomationPause, pause_over
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decision import KOBAN
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.refusals import Outcome, Refusal, Rules
from workflows.domain.case.rules.decisions import choose_preset
from workflows.domain.people import Actor
from workflows.domain.policy.bands import Band, drawn
from workflows.domain.policy.playbook import Preset


def mark_sample(case: Case, command: cmd.MarkSample, now: datetime) -> Outcome:
    """Records that the case is a sample of alerts that are otherwise only recorded."""
    if case.sampled is not None:
        return ()
    return (ev.Sampled(at=now, of=Band.LOG, alert_key=command.alert_key),)


def decide_automatically(case: Case, command: cmd.DecideAutomatically, now: datetime) -> Outcome:
    """Decides with the preset of an `auto` rule, unless people see to the case.

    What a pause, a limit or an exempt subject prevents is left to people, also later. A part of
    the cases that it would decide is drawn as a sample: it looks like any other case.
    """
    preset = _preset(case, command.rule)
    if preset is None or not may_decide(case):
        return ()
    chosen = _chosen(case, preset, now)
    if not chosen:
        return ()
    if cause := _spared(case, chosen):
        return (ev.ProtectionWithheld(at=now, auto=command.rule, **cause),)
    if any(isinstance(each, ev.ApprovalRequested) for each in chosen):
        return ()
    if drawn("auto", command.alert_key, case.policy.playbook.sample.auto):
        return (ev.Sampled(at=now, of=Band.ACT, alert_key=command.alert_key, preset=preset.id),)
    if cause := _prevented(case, command, chosen):
        return (ev.ProtectionWithheld(at=now, auto=command.rule, **cause),)
    # Koban claims no case.
    kept = (each for each in chosen if not isinstance(each, ev.CaseClaimed))
    decided = (_by_koban(each, command.detector) for each in kept)
    return (ev.AutoDecided(at=now, preset=preset.id, alert_key=command.alert_key), *decided)


def may_decide(case: Case) -> bool:
    """Whether no person has seen to the case, and none is needed."""
    untouched = case.phase is Phase.OPEN and not case.decisions and case.hold is None
    left = case.sampled is not None or case.left_to_people or case.clock_from is not None
    return untouched and not case.quiet and not left


def _preset(case: Case, rule: int) -> Preset | None:
    playbook = case.policy.playbook
    if rule not in range(len(playbook.auto)):
        return None
    return playbook.preset(playbook.auto[rule].preset)


def _chosen(case: Case, preset: Preset, now: datetime) -> tuple[ev.Event, ...]:
    """The events of the preset; none if it is refused, or can't be undone."""
    command = cmd.ChoosePreset(by=Actor(id=KOBAN), preset=preset.id, version=case.version)
    outcome = choose_preset(case, command, now)
    if isinstance(outcome, Refusal):
        return ()
    decided = _decision_in(outcome)
    if not all(_is_automatic(case, each.planned.action) for each in decided.actions):
        return ()
    return outcome


def _decision_in(events: tuple[ev.Event, ...]) -> ev.Decided:
    return next(each for each in events if isinstance(each, ev.Decided))


def _by_koban(event: ev.Event, detector: str) -> ev.Event:
    if not isinstance(event, ev.Decided):
        return event.model_copy(update={"by": None})
    decision = event.decision.model_copy(update={"detectors": (detector,)})
    return event.model_copy(update={"by": None, "decision": decision})


def _is_automatic(case: Case, action: str) -> bool:
    """Whether Koban may take the action: it can be undone, and today's policy allows it."""
    spec = case.policy.catalog.find(action)
    if spec is None or spec.undo is None or spec.danger:
        return False
    return action not in case.policy.unprotected


def _spared(case: Case, chosen: tuple[ev.Event, ...]) -> dict[str, object]:
    """What is special about a subject, as fields of the event; empty if nothing is."""
    event = _decision_in(chosen)
    subjects = (case.subject, *(each.planned.subject for each in event.actions))
    exempt = case.policy.exempts(*subjects)
    if exempt is not None:
        return {"exempt": exempt}
    return {"trusted": True} if case.policy.trusts(*subjects) else {}


def _prevented(
    case: Case, command: cmd.DecideAutomatically, chosen: tuple[ev.Event, ...]
) -> dict[str, object]:
    """The pause or limit that prevents the decision, as fields of its event; empty without one."""
    pause = _pause(case, command, _decision_in(chosen))
    if pause is not None:
        return {"pause": pause}
    return {} if command.limit is None else {"limit": command.limit}


def _pause(
    case: Case, command: cmd.DecideAutomatically, event: ev.Decided
) -> AutomationPause | None:
    playbook = case.policy.playbook.playbook
    found = (
        pause_over(command.pauses, playbook, (command.detector,), each.planned.action)
        for each in event.actions
    )
    return next((each for each in found if each is not None), None)


RULES: Rules = {
    cmd.MarkSample: mark_sample,
    cmd.DecideAutomatically: decide_automatically,
}
