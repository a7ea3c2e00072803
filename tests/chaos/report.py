"""Report of a run, as a table and sentences."""

from collections.abc import Iterator

from tests.chaos.evidence import clock
from tests.chaos.invariants.all import INVARIANTS
from tests.chaos.invariants.timers_are_kept import machine_lateness
from tests.chaos.run import Outcome


def report(outcome: Outcome) -> str:
    """Returns the report."""
    width = max(len(name) for name, _ in _rows(outcome))
    lines = [f"{name:<{width}}  {value}" for name, value in _rows(outcome)]
    return "\n".join([*lines, *_sentences(outcome)])


def presses(outcome: Outcome) -> str:
    """All clicks and ephemeral messages by time, to find a lost one."""
    seen = outcome.seen
    lines = [
        (click.at, f"{click.person} {click.command} {click.case} v{click.version}: {click.acked}")
        for click in seen.clicks
    ]
    lines += [
        (float(m.ts), f"{m.ephemeral_to} reads in {m.channel}: {m.text}")
        for m in seen.messages
        if m.ephemeral_to
    ]
    return "\n".join(f"{clock(at)} {words}" for at, words in sorted(lines)) + "\n"


def _rows(outcome: Outcome) -> Iterator[tuple[str, str]]:
    seen, late = outcome.seen, outcome.worst
    acked = sum(click.acked for click in seen.clicks)
    yield "seed", str(outcome.plan.seed)
    yield "subjects", str(len(outcome.plan.case_plans))
    yield "cases", str(len(seen.stories))
    yield "events", str(sum(len(story.events) for story in seen.stories.values()))
    yield "alerts answered for", str(len(seen.held))
    yield "clicks", f"{len(seen.clicks)}, {acked} acked"
    yield "refusals sent", str(sum(bool(m.ephemeral_to) for m in seen.messages))
    yield "changes at the platform", str(len(seen.executions))
    for name, count in sorted(outcome.counts.items()):
        yield name, str(count)
    for number, (name, _) in INVARIANTS.items():
        count = sum(found.invariant == number for found in outcome.violations)
        yield f"{number} {name}", f"{count} violations" if count else "holds"
    bare = max((late for _, late in seen.baseline), default=0.0)
    yield "worst bare timer", f"{bare:.2f} s late"
    yield "outside outages", f"{machine_lateness(seen):.2f} s late"
    yield "worst timer", f"{late[0]:.2f} s late: {late[1]}"
    for name, seconds in outcome.seconds.items():
        yield f"seconds of {name}", f"{seconds:.1f}"


def _sentences(outcome: Outcome) -> Iterator[str]:
    for found in outcome.violations:
        yield f"violation of {found.invariant}: {found.sentence}"
    for at, what in outcome.diary if outcome.violations else ():
        yield f"{clock(at)}  {what}"
