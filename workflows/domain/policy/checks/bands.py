"""Checks of bands: modes, automatic decisions, samples and breakers."""

from collections.abc import Iterator
from datetime import UTC, datetime

from workflows.domain.alerts import Alert, Subject
from workflows.domain.brakes import Breaker
from workflows.domain.policy.actions import ActionSpec
from workflows.domain.policy.bands import Band, Mode, band_of
from workflows.domain.policy.checks.finding import Bundle, Finding, Findings
from workflows.domain.policy.limits import Limits, Power, Rate
from workflows.domain.policy.matching import facts_of, kinds_of
from workflows.domain.policy.playbook import Playbook, Preset
from workflows.domain.values import format_duration


def automatic_decisions_are_known_presets(bundle: Bundle) -> Findings:
    """Every rule of `auto` names a preset of the playbook."""
    for file, playbook in bundle.playbooks.items():
        known = ", ".join(each.id for each in playbook.presets)
        for number, rule in enumerate(playbook.auto):
            if playbook.preset(rule.preset) is None:
                write = f"write one of {known}" if known else "add it to `presets`"
                what = f"there is no preset `{rule.preset}`"
                yield Finding(file, ("auto", number, "preset"), what, write)


def automatic_decisions_can_be_undone(bundle: Bundle) -> Findings:
    """Koban decides by itself only what can be undone, is not dangerous and needs no approval."""
    for file, playbook in bundle.playbooks.items():
        for number, preset in _decided(playbook):
            for action in preset.actions:
                why = _needs_a_person(bundle.actions.get(action.action))
                if why is not None:
                    what = f"Koban would decide `{action.action}` by itself, but it {why}"
                    write = "write a preset of actions with `undo`, without `danger` or `approval`"
                    yield Finding(file, ("auto", number, "preset"), what, write)


def _needs_a_person(spec: ActionSpec | None) -> str | None:
    """The reason why a person has to decide an action; None without one, or if it is unknown."""
    if spec is None:
        return None
    if spec.undo is None:
        return "can't be undone"
    if spec.danger:
        return "is marked `danger`"
    return "needs an approval" if spec.approval is not None else None


def _decided(playbook: Playbook) -> Iterator[tuple[int, Preset]]:
    for number, rule in enumerate(playbook.auto):
        preset = playbook.preset(rule.preset)
        if preset is not None:
            yield number, preset


def automatic_decisions_are_sampled(bundle: Bundle) -> Findings:
    """People judge a part of the automatic decisions, so that mistakes are found."""
    for file, playbook in bundle.playbooks.items():
        if playbook.auto and playbook.sample.auto == 0:
            what = "no person ever judges what Koban decides by itself"
            yield Finding(file, ("auto",), what, "write `sample: {auto: 2%}` or more")


_ANY_TIME = datetime(2024, 1, 1, tzinfo=UTC)
_STEPS = 100


def bands_leave_no_hole(bundle: Bundle) -> Findings:
    """Where an alert has a card, one with a higher score has a card too."""
    for file, playbook in bundle.playbooks.items():
        for detector in dict.fromkeys(rule.detector for rule in playbook.bands):
            hole = _hole(bundle, playbook, detector)
            if hole is not None:
                number = next(
                    i for i, rule in enumerate(playbook.bands) if rule.detector == detector
                )
                low, high = hole
                what = (
                    f"alerts of `{detector}` with a score of {low:.2f} get a card, "
                    f"but those with {high:.2f} do not"
                )
                write = "write `act` and `review` so that every higher score is in one of them"
                yield Finding(file, ("bands", number), what, write)


def _hole(bundle: Bundle, playbook: Playbook, detector: str) -> tuple[float, float] | None:
    """A score with a card and a higher one without; None if there are none."""
    for kind in kinds_of(playbook):
        low = None
        for step in range(_STEPS + 1):
            alert = _scored(detector, kind, step / _STEPS)
            band = band_of(playbook.bands, detector, bundle.holds, facts_of(alert))
            if band is not Band.LOG:
                low = alert.score
            elif low is not None and alert.score is not None:
                return low, alert.score
    return None


def _scored(detector: str, kind: str, score: float) -> Alert:
    subject = Subject(type="user", id="1")
    return Alert(
        id="1", detector=detector, kind=kind, subject=subject, score=score, occurred_at=_ANY_TIME
    )


def the_catch_all_is_not_in_shadow(bundle: Bundle) -> Findings:
    """Alerts of an unknown kind have a card, so the catch-all is no trial."""
    for file, playbook in bundle.playbooks.items():
        if playbook.catch_all and playbook.mode is Mode.SHADOW:
            what = "the catch-all is in shadow mode: alerts of an unknown kind would have no card"
            yield Finding(file, ("mode",), what, "write `live`")


def breakers_can_trip(bundle: Bundle) -> Findings:
    """A breaker has something automatic to stop, and a limit does not stop it before."""
    for file, playbook in bundle.playbooks.items():
        breaker = playbook.breaker
        if breaker is None:
            continue
        if not playbook.protections and not playbook.auto:
            what = "the breaker can never trip: nothing in this playbook is automatic"
            yield Finding(file, ("breaker",), what, "remove it, or add `protect` or `auto`")
        elif (limit := _limit_before(breaker, bundle.limits)) is not None:
            lasts, write = format_duration(limit.within), f"write a `floor` of {limit.most} or less"
            what = f"the rate can never trip it: limits.yaml allows {limit.most} in {lasts}"
            # A breaker may be there for what people judge or undo alone.
            judged = breaker.precision is not None or breaker.undone is not None
            yield Finding(file, ("breaker",), what, write, warning=judged)


def _limit_before(breaker: Breaker, limits: Limits | None) -> Rate | None:
    """The limit of automation that is reached before rate or subjects trip the breaker."""
    powers = (Power.DETECTOR, Power.PLAYBOOK)
    rates = [limits.rate(power) for power in powers] if limits is not None else []
    least = min(breaker.floor, breaker.subjects)
    found = (r for r in rates if r is not None and r.within >= breaker.window and r.most < least)
    return min(found, key=lambda rate: rate.most, default=None)


def breakers_have_samples(bundle: Bundle) -> Findings:
    """The precision of a breaker is that of samples of automatic decisions."""
    for file, playbook in bundle.playbooks.items():
        breaker = playbook.breaker
        if breaker is None or breaker.precision is None:
            continue
        if not playbook.auto or playbook.sample.auto == 0:
            what = "`precision` can never trip the breaker: no automatic decision is sampled"
            write = "add `auto` and `sample: {auto: 2%}`, or remove `precision`"
            yield Finding(file, ("breaker", "precision"), what, write)


def silence_ends_before_the_evidence(bundle: Bundle) -> Findings:
    """What an alert is compared with is in the ledger for as long as the silence lasts."""
    kept = bundle.retention.evidence if bundle.retention is not None else None
    for file, playbook in bundle.playbooks.items():
        silence = playbook.silence
        if silence is not None and kept is not None and silence.at_most > kept:
            lasts = format_duration(kept)
            what = f"retention.yaml keeps the evidence that `silence` compares only for {lasts}"
            yield Finding(file, ("silence", "at_most"), what, f"write `at_most: {lasts}` or less")
