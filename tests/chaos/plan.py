"""Plan of a run, derived from its seed only."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from tests.chaos.commands import CAST, COMMANDS, STORIES
from tests.chaos.faults import FAULTS, FaultKind, faults_for

PACE = 1.0
"""Seconds between the starts of two cases, for a machine with two processors."""

SETTLING = 8.0
"""Seconds after the last start in which faults still occur."""

QUERIES = 4
"""Queries of running cases for each case."""

KINDS = {"lure": 6, "other": 3, "ghost": 1}
SCORES = (0.5, 0.92, 0.98)


class ClickPattern(StrEnum):
    """The pattern of a person's clicks."""

    PLAIN = "plain"
    TWICE = "twice"
    RACE = "race"
    OLD = "old"


class SendPattern(StrEnum):
    """The pattern of a detector's requests for one alert."""

    ONCE = "once"
    SAME_REQUEST = "same_request"
    NEW_REQUEST = "new_request"


@dataclass(frozen=True)
class Arrival:
    """One alert, `after` seconds into the case; a repetition comes `again` seconds later."""

    after: float
    score: float
    sending: SendPattern
    again: float


@dataclass(frozen=True)
class Step:
    """One click, `wait` seconds after the previous one; a `rival` clicks at the same time."""

    person: str
    command: str
    wait: float
    pattern: ClickPattern
    again: float
    rival: str


@dataclass(frozen=True)
class CasePlan:
    """One subject: its alerts, and the clicks of people.

    At each of `queries`, in seconds from the start, a running case is queried.
    """

    number: int
    kind: str
    begins: float
    arrivals: tuple[Arrival, ...]
    steps: tuple[Step, ...]
    queries: tuple[float, ...] = ()

    @property
    def subject(self) -> str:
        """The user's id."""
        return f"u_{self.number:04}x"


@dataclass(frozen=True)
class PlannedFault:
    """One fault from `at` on, for `lasts` seconds."""

    at: float
    fault: str
    lasts: float


@dataclass(frozen=True)
class Plan:
    """Events of a run, in seconds from its start."""

    seed: int
    case_plans: tuple[CasePlan, ...]
    faults: tuple[PlannedFault, ...]


def make_plan(seed: int, cases: int, postgres: bool = True) -> Plan:
    """Returns the plan of `seed`, the same on every machine."""
    case_plans = tuple(_case_plan(Random(f"koban/{seed}/life/{n}"), n) for n in range(cases))
    until = cases * PACE + SETTLING
    faults = tuple(_faults(Random(f"koban/{seed}/shakes"), until, faults_for(postgres)))
    return Plan(seed, case_plans, faults)


def _case_plan(random: Random, number: int) -> CasePlan:
    kind = random.choices(list(KINDS), list(KINDS.values()))[0]
    return CasePlan(
        number=number,
        kind=kind,
        begins=number * PACE + random.uniform(0, PACE),
        arrivals=tuple(_arrivals(random)),
        steps=tuple(_steps(random, kind)),
        # Drawn last: a seed keeps the alerts and presses that it always had.
        queries=tuple(random.uniform(0, SETTLING) for _ in range(QUERIES)),
    )


def _arrivals(random: Random) -> Iterator[Arrival]:
    after = 0.0
    for _ in range(random.choice((1, 1, 2, 3, 5))):
        sending = random.choices(list(SendPattern), (6, 2, 2))[0]
        yield Arrival(after, random.choice(SCORES), sending, random.uniform(0, 6))
        after += random.choice((0.0, random.uniform(0, 2), random.uniform(2, 9)))


def _steps(random: Random, kind: str) -> Iterator[Step]:
    weights = [weight for weight, _ in STORIES[kind]]
    words = random.choices(STORIES[kind], weights)[0][1].split()
    if random.random() < 0.4:
        words.insert(random.randint(0, len(words)), _noise(random))
    turned = random.random() < 0.5
    for word in words:
        letter, _, command = word.partition(":")
        yield Step(
            person=_who(letter, turned),
            command=command,
            wait=random.choice((0.0, random.uniform(0, 1), random.uniform(0, 3))),
            pattern=random.choices(list(ClickPattern), (11, 4, 3, 2))[0],
            again=random.choice((0.0, random.uniform(0, 4))),
            rival=random.choice([p for people in CAST.values() for p in people]),
        )


def _noise(random: Random) -> str:
    return f"{random.choice('sSlLa')}:{random.choice(list(COMMANDS))}"


def _who(letter: str, turned: bool) -> str:
    people = CAST[letter.lower()]
    return people[(letter.isupper() + turned) % len(people)]


def _faults(random: Random, until: float, table: dict[str, FaultKind]) -> Iterator[PlannedFault]:
    at, bag, last = random.uniform(1.0, 2.0), list[str](), ""
    while at < until:
        if not bag:
            bag = random.sample(list(table), len(table))
        fault = bag.pop(0 if bag[0] != last else -1)
        lasts = random.uniform(FAULTS[fault].least, FAULTS[fault].most)
        yield PlannedFault(at, fault, lasts)
        at, last = at + random.uniform(0.9, 3.2), fault
