"""Chaos run: plays the plan, heals everything and checks the invariants."""

import asyncio
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.service import RPCError

from activities.ledger.database import Database
from activities.policy.loader import load_policy
from deploy.sandbox.faults import Fault
from deploy.sandbox.slack.app_client import AppClient
from deploy.sandbox.slack.person import wait_until
from tests.chaos.alert_sender import AlertSender
from tests.chaos.baseline_timer import ROUTE
from tests.chaos.evidence import Evidence, Violation, gather
from tests.chaos.faults import FAULTS
from tests.chaos.invariants import histories_can_be_played_again as histories
from tests.chaos.invariants import ledger_is_what_histories_say as projection
from tests.chaos.invariants.all import violations
from tests.chaos.invariants.cards_are_true import NUMBER as CARDS
from tests.chaos.invariants.ledger_is_temporal import NUMBER as LEDGER
from tests.chaos.invariants.timers_are_kept import lateness
from tests.chaos.people import Crowd
from tests.chaos.plan import CasePlan, Plan, PlannedFault
from tests.chaos.processes import POLICY, STARTING, Cluster, run_cluster
from tests.chaos.queries import query
from workflows.domain.case.enforcement import IN_FORCE
from workflows.domain.case.model import Intent

LOOK = 0.3
FLUX = 2.0
"""Seconds that a card may be behind, or the ledger and a workflow be read at two moments:
approvals are asked for again and again, also at the end."""

STABLE = 12.0
"""Seconds after which violations at rest count as permanent."""

WAIT_SECONDS = 120.0
"""Seconds for everything to become quiet after the faults."""


@dataclass
class Outcome:
    """Result of a run."""

    plan: Plan
    seen: Evidence
    violations: list[Violation]
    counts: Counter[str]
    diary: list[tuple[float, str]]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def worst(self) -> tuple[float, str]:
        """The latest timer."""
        return max(lateness(self.seen), default=(0.0, "no timer was due"))


class Flux:
    """Distinguishes stale state from updates in progress."""

    def __init__(self) -> None:
        self._first: dict[str, float] = {}
        self._watched: set[str] | None = None

    def judged(self, found: list[Violation], now: float, quiet: bool) -> list[Violation]:
        """Violations; a difference counts after it has lasted longer than `FLUX`."""
        cards = {each.sentence for each in found if each.invariant in (CARDS, LEDGER)}
        self._first = {said: self._first.get(said, now) for said in cards}
        fresh = {said for said in cards if now - self._first[said] <= FLUX}
        if self._watched is not None:
            self._watched &= fresh
        elif quiet:
            self._watched = set(fresh)
        return [each for each in found if each.sentence not in fresh]

    def passed(self) -> bool:
        """True if every difference of the first quiet check is settled."""
        return self._watched is not None and not self._watched


class Run:
    """Parts of a run over running processes."""

    def __init__(self, plan: Plan, cluster: Cluster, database: Database) -> None:
        """`database` reads the ledger from outside."""
        self._plan = plan
        self._cluster = cluster
        self._database = database
        self._policy = load_policy(POLICY)
        self._sender = AlertSender(cluster)
        workspace = cluster.sandbox.workspace
        self._crowd = Crowd(workspace, AppClient(workspace))
        self._counts: Counter[str] = Counter()
        self._diary: list[tuple[float, str]] = []
        self._deaf: list[tuple[float, float]] = []
        self._began = time.monotonic()

    async def play(self) -> Outcome:
        """Plays, heals, settles, and judges."""
        self._began = time.monotonic()
        case_plans = [self._run_case(case_plan) for case_plan in self._plan.case_plans]
        await asyncio.gather(*case_plans, *(self._inject(planned) for planned in self._plan.faults))
        played = time.monotonic()
        await self._heal()
        healed = time.monotonic()
        seen, found = await self._settle()
        seen.unplayable, seen.recorded = await histories.examined(await self._cluster.client())
        found += [*histories.check(seen), *projection.check(seen)]
        seconds = {
            "playing": played - self._began,
            "healing": healed - played,
            "settling": time.monotonic() - healed,
        }
        return Outcome(self._plan, seen, found, self._all_counts(), self._diary, seconds)

    def _note(self, what: str) -> None:
        self._diary.append((time.time(), what))

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, self._began + at - time.monotonic()))

    async def _run_case(self, case_plan: CasePlan) -> None:
        await self._until(case_plan.begins)
        self._sender.know(case_plan)
        await asyncio.gather(
            *(self._arrive(case_plan, number) for number in range(len(case_plan.arrivals))),
            *(self._query(case_plan, number) for number in range(len(case_plan.queries))),
            self._crowd.play(case_plan),
        )

    async def _query(self, case_plan: CasePlan, number: int) -> None:
        await asyncio.sleep(case_plan.queries[number])
        try:
            client = await self._cluster.client()
        except RuntimeError:
            self._counts["queries: no answer"] += 1  # Temporal is down
            return
        await query(client, case_plan, number, self._counts)

    async def _arrive(self, case_plan: CasePlan, number: int) -> None:
        arrival = case_plan.arrivals[number]
        await asyncio.sleep(arrival.after)
        await self._sender.send(case_plan, number, arrival)

    # -- what goes wrong ------------------------------------------------------------------

    async def _inject(self, planned: PlannedFault) -> None:
        await self._until(planned.at)
        fault = FAULTS[planned.fault]
        self._counts[planned.fault] += 1
        self._note(planned.fault)
        if fault.fault is not None:
            await self._switch(fault.fault, planned.lasts)
        elif fault.kills is not None:
            outage = await self._cluster.kill(fault.kills)
            await asyncio.sleep(planned.lasts)
            await self._cluster.revive(fault.kills, outage)
        self._note(f"{planned.fault} is over")

    async def _switch(self, fault: Fault, lasts: float) -> None:
        since = time.time()
        self._cluster.sandbox.faults.set(fault, True)
        await asyncio.sleep(lasts)
        self._cluster.sandbox.faults.set(fault, False)
        if fault is Fault.SLACK_LOST_RESPONSE:
            self._deaf.append((since, time.time()))

    async def _heal(self) -> None:
        """Starts processes that are down; every fault has ended by itself by now."""
        self._cluster.sandbox.faults.clear()
        await wait_until(self._cluster.healthy, STARTING, what="everything after it was healed")
        self._note("healed")

    # -- what is left ---------------------------------------------------------------------

    async def _settle(self) -> tuple[Evidence, list[Violation]]:
        """Checks until nothing is violated, or the same violations persist at rest."""
        end = time.monotonic() + WAIT_SECONDS
        before, since = Counter[int](), time.monotonic()
        flux = Flux()
        while True:
            busy = await self._busy()
            seen = await self._gather()
            found = flux.judged(violations(seen), time.monotonic(), not busy)
            kinds = Counter(each.invariant for each in found)
            if kinds != before:
                before, since = kinds, time.monotonic()
            calm = not busy and flux.passed()
            if calm and (not found or time.monotonic() - since > STABLE):
                return seen, found
            if time.monotonic() > end:
                unquiet = [Violation(0, f"not quiet after {WAIT_SECONDS:.0f} s: {w}") for w in busy]
                return seen, [*unquiet, *found]
            await asyncio.sleep(LOOK)

    async def _gather(self) -> Evidence:
        began = time.time()  # a look takes seconds, and the ledger is read first
        seen = await gather(self._cluster, self._database, self._policy)
        seen.clicks, seen.held = self._crowd.clicks, self._sender.held
        seen.deaf, seen.at = self._deaf, began
        return seen

    async def _busy(self) -> list[str]:
        """Work in progress: workflow tasks, activities, and actions to be lifted."""
        client, found = await self._cluster.client(), list[str]()
        async for each in client.list_workflows("ExecutionStatus = 'Running'"):
            if each.id == ROUTE:
                continue
            try:
                description = (await client.get_workflow_handle(each.id).describe()).raw_description
            except RPCError:
                continue  # it ended in between
            if description.HasField("pending_workflow_task"):
                found.append(f"a workflow task of {each.id}")
            found += [
                f"{a.activity_type.name} of {each.id}" for a in description.pending_activities
            ]
        seen = await self._gather()
        for story in seen.stories.values():
            held = [p.id for p in story.case.protections if p.intent is Intent.HOLD]
            lifts = [
                each
                for each in story.actions
                if each["until"] and each["status"] in IN_FORCE and each["decision_id"] not in held
            ]
            found += [f"the lift of {a['action']} in {story.row['id']}" for a in lifts]
        return found

    def _all_counts(self) -> Counter[str]:
        counts = Counter(self._counts)
        counts.update({f"alerts {name}": n for name, n in self._sender.answers.items()})
        counts.update({f"people: {name}": n for name, n in self._crowd.counts.items()})
        counts.update({f"started again: {name}": n for name, n in self._cluster.restarts.items()})
        return counts


async def run(plan: Plan, postgres: bool = True, folder: Path | None = None) -> Outcome:
    """Plays `plan` with its own processes; `folder` has logs and databases."""
    async with AsyncExitStack() as opened:
        made = folder or Path(
            opened.enter_context(tempfile.TemporaryDirectory(prefix="koban-chaos-"))
        )
        cluster = await opened.enter_async_context(run_cluster(made, postgres))
        database = Database(cluster.ledger)
        opened.push_async_callback(database.aclose)
        return await Run(plan, cluster, database).play()
