"""Enforcement: the platform's changes equal the decisions, each once and with its approval."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from tests.chaos.evidence import Evidence, Row, Story, Violation
from workflows.domain.case.enforcement import IN_FORCE, ActionStatus
from workflows.domain.case.events import Approved, Decided, ProtectionStarted
from workflows.domain.policy.actions import ActionSpec

NUMBER = 3
_PATH = re.compile(r"/v1/(\w+)/\{subject\.id\}/([\w-]+)")
_LIFE = re.compile(r"/\d+(?=/undo$|$)")
"""Pattern of repeated actions, whose key has a number at its end; subjects end in x."""
_TAKEN_BACK = frozenset({ActionStatus.UNDONE, ActionStatus.LIFTED})


def check(seen: Evidence) -> Iterator[Violation]:
    """Compares calls, changes and active actions with the ledger's actions."""
    yield from _once(seen)
    wanted, perhaps, in_force = set[str](), set[str](), set[tuple[str, str, str, str]]()
    made = {_LIFE.sub("", key) for key in seen.executions}
    for story in seen.stories.values():
        for action in story.actions:
            key, spec = _key(action), _spec(story, action)
            status = ActionStatus(action["status"])
            done = status in IN_FORCE | _TAKEN_BACK | {ActionStatus.KEPT}
            named = ({key} if done else set()) | (
                {f"{key}/undo"} if status in _TAKEN_BACK else set()
            )
            # A protection with an unknown result was undone without having been in effect.
            (perhaps if _protects(action) and status in _TAKEN_BACK else wanted).update(named)
            in_force |= {_sanction(action, spec)} if status in IN_FORCE else set()
            if done:
                yield from _approved(story, action, spec, seen)
    for key in sorted(wanted - made):
        yield Violation(NUMBER, f"{key} stands in the ledger and was never made at the platform")
    for key in sorted(made - wanted - perhaps):
        yield Violation(NUMBER, f"{key} was made at the platform; the ledger does not say so")
    for sanction in sorted(in_force ^ seen.sanctions):
        where = "the ledger" if sanction in in_force else "the platform"
        yield Violation(NUMBER, f"sanction {sanction} is in {where} only")


def _once(seen: Evidence) -> Iterator[Violation]:
    made = Counter(
        call["idempotency_key"]
        for call in seen.calls
        if call["idempotency_key"] and call["status"] < 300 and not call["replayed"]
    )
    for key in sorted(made.keys() | seen.executions.keys()):
        times = (made[key], seen.executions.get(key, 0))
        if times != (1, 1):
            yield Violation(NUMBER, f"{key} succeeded {times[0]} times, was made {times[1]} times")


def _approved(story: Story, action: Row, spec: ActionSpec, seen: Evidence) -> Iterator[Violation]:
    decision, case = action["decision_id"], story.row["id"]
    if _protects(action):
        if not any(
            isinstance(e, ProtectionStarted) and e.protection == decision for e in story.events
        ):
            yield Violation(NUMBER, f"{_key(action)}: case {case} never protected that")
        return
    decided = [e for e in story.events if isinstance(e, Decided) and e.decision.id == decision]
    if len(decided) != 1 or not any(
        p.action == action["action"] for p in decided[0].decision.actions
    ):
        yield Violation(NUMBER, f"{_key(action)}: case {case} never decided that")
        return
    if spec.approval is None and spec.undo is not None:
        return
    consents = [e for e in story.events if isinstance(e, Approved) and e.decision == decision]
    others = {event.by for event in consents} - {decided[0].by}
    quorum = spec.approval.quorum if spec.approval else 1
    if len(others) < quorum:
        yield Violation(NUMBER, f"{_key(action)}: {len(others)} of {quorum} others had approved")
        return
    first = min(_at(c["at"]) for c in seen.calls if c["idempotency_key"] == _key(action))
    if first < max(event.at for event in consents).replace(microsecond=0):
        yield Violation(NUMBER, f"{_key(action)}: the platform was called before the approval")


def _protects(action: Row) -> bool:
    return str(action["decision_id"]).startswith("P")


def _spec(story: Story, action: Row) -> ActionSpec:
    return story.case.policy.catalog.actions[action["action"]]


def _key(action: Row) -> str:
    names = ("case_id", "decision_id", "action", "subject_id")
    return "/".join(action[name] for name in names)


def _sanction(action: Row, spec: ActionSpec) -> tuple[str, str, str, str]:
    path = _PATH.fullmatch(spec.request.path)
    assert path is not None, spec.request.path
    return (path[1], action["subject_id"], path[2], action["case_id"])


def _at(written: str) -> datetime:
    return datetime.fromisoformat(written)
