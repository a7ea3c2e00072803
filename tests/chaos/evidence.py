"""Observable state at rest: ledger, Slack, marketplace and Temporal."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.ledger import schema
from activities.ledger.database import Database
from activities.ledger.verification import Audit, Verifier
from activities.policy.loader import PolicyFolder
from deploy.sandbox.slack.model import Message
from tests.chaos import baseline_timer
from tests.chaos.baseline_timer import baseline
from tests.chaos.commands import CASE
from tests.chaos.people import CHANNELS, Click
from tests.chaos.processes import Cluster, Outage
from workflows.domain.case.events import CaseOpened, Event
from workflows.domain.case.evolve import apply, opened
from workflows.domain.case.model import Case
from workflows.domain.case.snapshot import CaseSnapshot
from workflows.domain.policy.playbook import PackedPolicy

Row = dict[str, Any]
_EVENT: TypeAdapter[Any] = TypeAdapter(Event)

ANSWERING = timedelta(seconds=20)
"""Seconds after which a case without an answer counts as stuck."""


def clock(at: float) -> str:
    """Time since the start of the run, as violations show it."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.%f")[:-3]


@dataclass(frozen=True)
class Violation:
    """A violated invariant: its number, and a sentence with ids."""

    invariant: int
    sentence: str


@dataclass(frozen=True)
class Story:
    """One case from the ledger; `states[i]` is the case after `events[i]`."""

    row: Row
    events: tuple[Any, ...]
    states: tuple[Case, ...]
    actions: tuple[Row, ...]
    snapshot: CaseSnapshot | None = None

    @property
    def case(self) -> Case:
        """The case after all its events."""
        return self.states[-1]


@dataclass
class Evidence:
    """Input of the invariants."""

    stories: dict[str, Story]
    alerts: Sequence[Row]
    memories: dict[str, CaseSnapshot]
    running: dict[str, str]
    stuck: dict[str, str]
    ended_badly: Sequence[str]
    audit: Audit
    baseline: Sequence[tuple[float, float]]
    messages: Sequence[Message]
    executions: dict[str, int]
    calls: Sequence[Row]
    sanctions: set[tuple[str, str, str, str]]
    clicks: Sequence[Click] = ()
    held: dict[str, str] = field(default_factory=dict)
    outages: Sequence[Outage] = ()
    deaf: Sequence[tuple[float, float]] = ()
    at: float = 0.0
    unplayable: Sequence[str] = ()
    recorded: dict[str, dict[int, Any]] | None = None

    def cards(self, kind: str = CASE) -> dict[str, list[Message]]:
        """The messages of a kind, by case."""
        found: dict[str, list[Message]] = {}
        for message in self.messages:
            if message.metadata and message.metadata["event_type"] == kind:
                found.setdefault(message.metadata["event_payload"]["case"], []).append(message)
        return found


async def gather(cluster: Cluster, database: Database, policy: PolicyFolder) -> Evidence:
    """Reads all sources once."""
    client, market = await cluster.client(), cluster.sandbox.market
    rows = {name: await _rows(database, table) for name, table in _TABLES.items()}
    stories = _stories(rows, policy)
    running = {w.id: w.workflow_type async for w in client.list_workflows(_RUNNING)}
    running.pop(baseline_timer.ROUTE, None)
    memories, stuck = await _memories(client, stories, running)
    return Evidence(
        stories=stories,
        alerts=rows["alerts"],
        memories=memories,
        running=running,
        stuck=stuck,
        ended_badly=[f"{w.id} ({w.status})" async for w in client.list_workflows(_BAD)],
        audit=await Verifier(database).run(),
        baseline=await baseline(client.get_workflow_handle(baseline_timer.ROUTE)),
        messages=[m for c in CHANNELS for m in cluster.sandbox.workspace.messages.all(c)],
        executions=market.executions(),
        calls=list(reversed(market.calls(10_000_000))),
        sanctions=market.sanctions(),
        outages=tuple(cluster.outages),
    )


_RUNNING = "ExecutionStatus = 'Running'"
_BAD = "ExecutionStatus IN ('Failed', 'TimedOut', 'Terminated', 'Canceled')"
_TABLES = {
    "cases": schema.cases,
    "events": schema.events,
    "actions": schema.actions,
    "alerts": schema.alerts,
    "policies": schema.policies,
}


async def _rows(database: Database, table: sa.Table) -> list[Row]:
    keys = list(table.primary_key)
    async with database.reading() as connection:
        found = await connection.execute(sa.select(table).order_by(*keys))
        return [dict(row) for row in found.mappings()]


def _stories(rows: dict[str, list[Row]], policy: PolicyFolder) -> dict[str, Story]:
    events: dict[str, list[Any]] = {}
    for row in rows["events"]:
        said = {**row["data"], "kind": row["kind"], "at": row["at"], "by": row["actor"]}
        events.setdefault(row["case_id"], []).append(_EVENT.validate_python(said))
    policies = {(row["version"], row["playbook"]): row for row in rows["policies"]}
    stories = {}
    for row in rows["cases"]:
        mine = tuple(a for a in rows["actions"] if a["case_id"] == row["id"])
        recorded = events.get(row["id"], [])
        states = tuple(_folded(row, recorded, policy)) if recorded else ()
        stories[row["id"]] = Story(row, tuple(recorded), states, mine, _snapshot(row, policies))
    return stories


def _snapshot(row: Row, policies: dict[tuple[str, str], Row]) -> CaseSnapshot | None:
    """Snapshot of a closed case, with its policy."""
    packed = policies.get((row["policy_version"], row["playbook"]))
    if row["snapshot"] is None or packed is None:
        return None
    return CaseSnapshot.model_validate(row["snapshot"]).with_policy(PackedPolicy(**packed))


def _folded(row: Row, recorded: list[Any], policy: PolicyFolder) -> list[Case]:
    first, *rest = recorded
    assert isinstance(first, CaseOpened), row["id"]
    states = [opened(row["workflow_id"], policy.policy_for(row["playbook"]), first)]
    for event in rest:
        states.append(apply(states[-1], event))
    return states


async def _memories(
    client: Client, stories: dict[str, Story], running: dict[str, str]
) -> tuple[dict[str, CaseSnapshot], dict[str, str]]:
    """States of the running case workflows by id, and the errors of the others."""
    workflow_ids = {story.row["workflow_id"] for story in stories.values()}
    workflow_ids |= {each for each, kind in running.items() if kind == "CaseWorkflow"}
    found, stuck = dict[str, CaseSnapshot](), dict[str, str]()
    for workflow_id in sorted(workflow_ids):
        try:
            handle = client.get_workflow_handle(workflow_id)
            described = await handle.describe()
            if described.close_time is None:
                asked = handle.query("memory", result_type=CaseSnapshot, rpc_timeout=ANSWERING)
                found[workflow_id] = (await asked).with_policy()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                stuck[workflow_id] = str(error)
    return found, stuck
