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
from tests.chaos.detector import Detector
from tests.chaos.evidence import Evidence, Violation, gather
from tests.chaos.invariants import histories_can_be_played_again as histories
from tests.chaos.invariants import ledger_is_what_histories_say as projection
from tests.chaos.invariants.all import violations
from tests.chaos.invariants.cards_are_true import NUMBER as CARDS
from tests.chaos.invariants.ledger_is_temporal import NUMBER as LEDGER
from tests.chaos.invariants.timers_are_kept import lateness
from tests.chaos.metronome import ROUTE
from tests.chaos.people import Crowd
from tests.chaos.places import POLICY, STARTING, Places, places
from tests.chaos.plan import Life, Plan, Shake
from tests.chaos.questions import ask
from tests.chaos.upsets import UPSETS
from workflows.domain.case.enforcement import STANDING
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

    def __init__(self, plan: Plan, there: Places, database: Database) -> None:
        """`database` reads the ledger from outside."""
        self._plan = plan
        self._there = there
        self._database = database
        self._policy = load_policy(POLICY)
        self._detector = Detector(there)
        workspace = there.stage.workspace
        self._crowd = Crowd(workspace, AppClient(workspace))
        self._counts: Counter[str] = Counter()
        self._diary: list[tuple[float, str]] = []
        self._deaf: list[tuple[float, float]] = []
        self._began = time.monotonic()

    async def play(self) -> Outcome:
        """Plays, heals, settles, and judges."""
        self._began = time.monotonic()
        lives = [self._live(life) for life in self._plan.lives]
        await asyncio.gather(*lives, *(self._shake(shake) for shake in self._plan.shakes))
        played = time.monotonic()
        await self._heal()
        healed = time.monotonic()
        seen, found = await self._settle()
        seen.unplayable, seen.recorded = await histories.examined(await self._there.client())
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

    async def _live(self, life: Life) -> None:
        await self._until(life.begins)
        self._detector.know(life)
        await asyncio.gather(
            *(self._arrive(life, number) for number in range(len(life.arrivals))),
            *(self._ask(life, number) for number in range(len(life.questions))),
            self._crowd.play(life),
        )

    async def _ask(self, life: Life, number: int) -> None:
        await asyncio.sleep(life.questions[number])
        try:
            client = await self._there.client()
        except RuntimeError:
            self._counts["queries: no answer"] += 1  # Temporal is down
            return
        await ask(client, life, number, self._counts)

    async def _arrive(self, life: Life, number: int) -> None:
        arrival = life.arrivals[number]
        await asyncio.sleep(arrival.after)
        await self._detector.send(life, number, arrival)

    # -- what goes wrong ------------------------------------------------------------------

    async def _shake(self, shake: Shake) -> None:
        await self._until(shake.at)
        upset = UPSETS[shake.upset]
        self._counts[shake.upset] += 1
        self._note(shake.upset)
        if upset.fault is not None:
            await self._switch(upset.fault, shake.lasts)
        elif upset.kills is not None:
            outage = await self._there.kill(upset.kills)
            await asyncio.sleep(shake.lasts)
            await self._there.revive(upset.kills, outage)
        self._note(f"{shake.upset} is over")

    async def _switch(self, fault: Fault, lasts: float) -> None:
        since = time.time()
        self._there.stage.faults.set(fault, True)
        await asyncio.sleep(lasts)
        self._there.stage.faults.set(fault, False)
        if fault is Fault.SLACK_LOST_RESPONSE:
            self._deaf.append((since, time.time()))

    async def _heal(self) -> None:
        """Starts processes that are down; every fault has ended by itself by now."""
        self._there.stage.faults.clear()
        await wait_until(self._there.healthy, STARTING, what="everything after it was healed")
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
        seen = await gather(self._there, self._database, self._policy)
        seen.clicks, seen.held = self._crowd.clicks, self._detector.held
        seen.deaf, seen.at = self._deaf, began
        return seen

    async def _busy(self) -> list[str]:
        """Work in progress: workflow tasks, activities, and actions to be lifted."""
        client, found = await self._there.client(), list[str]()
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
                if each["until"] and each["status"] in STANDING and each["decision_id"] not in held
            ]
            found += [f"the lift of {a['action']} in {story.row['id']}" for a in lifts]
        return found

    def _all_counts(self) -> Counter[str]:
        counts = Counter(self._counts)
        counts.update({f"alerts {name}": n for name, n in self._detector.answers.items()})
        counts.update({f"people: {name}": n for name, n in self._crowd.counts.items()})
        counts.update({f"started again: {name}": n for name, n in self._there.restarts.items()})
        return counts


async def run(plan: Plan, postgres: bool = True, folder: Path | None = None) -> Outcome:
    """Plays `plan` with its own processes; `folder` has logs and databases."""
    async with AsyncExitStack() as opened:
        made = folder or Path(
            opened.enter_context(tempfile.TemporaryDirectory(prefix="koban-chaos-"))
        )
        there = await opened.enter_async_context(places(made, postgres))
        database = Database(there.ledger)
        opened.push_async_callback(database.aclose)
        return await Run(plan, there, database).play()
