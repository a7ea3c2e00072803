"""Ledger and Temporal agree on every case, and no workflow runs without a reason."""

from collections.abc import Iterator

from activities.ledger.rows import case_values
from tests.chaos.evidence import Evidence, Row, Story, Violation
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import Case, Phase
from workflows.domain.case.projection import case_row
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.ids import closed_workflow_id, enforcement_workflow_id

NUMBER = 7
_WAITING = frozenset({ActionStatus.FAILED, ActionStatus.RETRYING, ActionStatus.UNDOING})


def check(seen: Evidence) -> Iterator[Violation]:
    """Compares each case's row, its workflow or snapshot, and all running workflows."""
    workflow_ids = set[str]()
    for case, story in seen.stories.items():
        if not story.states:
            yield Violation(NUMBER, f"case {case} has a row and no events")
            continue
        yield from _row(case, story)
        memory, routes_ = _memory(story, seen)
        workflow_ids |= routes_
        yield from _same(case, story, memory)
        workflow_ids |= {
            enforcement_workflow_id(case, action["decision_id"])
            for action in story.actions
            if action["until"] or ActionStatus(action["status"]) in _WAITING
        }
    for workflow_id in sorted(seen.running.keys() - workflow_ids):
        yield Violation(NUMBER, f"{workflow_id} still runs, and nothing is left for it to do")
    for workflow_id, why in sorted(seen.stuck.items()):
        yield Violation(NUMBER, f"{workflow_id} can't be asked: {why}")
    for ended in seen.ended_badly:
        yield Violation(NUMBER, f"{ended} did not end well")


def _row(case: str, story: Story) -> Iterator[Violation]:
    """The row in `cases` equals the projection of the events."""
    expected = case_values(case_row(story.case))
    for name in expected:
        if story.row[name] != expected[name]:
            yield Violation(
                NUMBER,
                f"case {case}: its row has {name} {story.row[name]!r}, not {expected[name]!r}",
            )
    for action in story.actions:
        yield from _action(case, story.case, action)


def _action(case: str, state: Case, row: Row) -> Iterator[Violation]:
    key = f"{row['action']}/{row['subject_type']}:{row['subject_id']}"
    mine = [a for a in state.actions_of(row["decision_id"]) if a.planned.key == key]
    if [each.status.value for each in mine] != [row["status"]]:
        yield Violation(NUMBER, f"case {case}: action {key} is {row['status']}, not {mine}")


def _memory(story: Story, seen: Evidence) -> tuple[CaseSnapshot | None, set[str]]:
    """The case's current state, and the workflows that may run for it."""
    case, workflow_id, woken = (
        story.case,
        story.row["workflow_id"],
        closed_workflow_id(story.case.id),
    )
    if case.phase is not Phase.CLOSED:
        # A reopened case runs under its own id, because its group may have another case.
        workflow_ids = {workflow_id, woken} & {
            r for r, m in seen.memories.items() if _knows(m, case.id)
        }
        place = min(workflow_ids, default=workflow_id)
        return seen.memories.get(place), {place}
    awake = {woken} if case.undoing or case.deadline is not None else set()
    return story.snapshot, awake


def _knows(memory: CaseSnapshot, case: str) -> bool:
    return memory.case is not None and memory.case.id == case


def _same(case: str, story: Story, memory: CaseSnapshot | None) -> Iterator[Violation]:
    where = "its snapshot" if story.case.phase is Phase.CLOSED else "its workflow"
    if memory is None or memory.case is None:
        yield Violation(NUMBER, f"case {case} is {story.case.phase} and {where} is missing")
    elif memory.case != story.case:
        mine, theirs = story.case.model_dump(), memory.case.model_dump()
        differ = [name for name in mine if mine[name] != theirs[name]]
        words = (
            f"case {case} at version {story.case.version}: ledger and {where} differ in {differ}"
        )
        yield Violation(NUMBER, words)
    elif memory.unposted:
        yield Violation(NUMBER, f"case {case}: its thread lacks {len(memory.unposted)} events")
