"""Plan of a run, derived from its seed only."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from tests.chaos.commands import CAST, COMMANDS, STORIES
from tests.chaos.upsets import UPSETS, Upset, upsets_for

PACE = 1.0
"""Seconds between the starts of two lives, for a machine with two processors."""

SETTLING = 8.0
"""Seconds after the last start in which faults still occur."""

QUESTIONS = 4
"""Queries of running cases for each life."""

KINDS = {"lure": 6, "other": 3, "ghost": 1}
SCORES = (0.5, 0.92, 0.98)


class Manner(StrEnum):
    """A person's manner of clicking."""

    PLAIN = "plain"
    TWICE = "twice"
    RACE = "race"
    OLD = "old"


class Sending(StrEnum):
    """A detector's manner of sending an alert."""

    ONCE = "once"
    SAME_REQUEST = "same_request"
    NEW_REQUEST = "new_request"


@dataclass(frozen=True)
class Arrival:
    """One alert, `after` seconds into the life; a repetition comes `again` seconds later."""

    after: float
    score: float
    sending: Sending
    again: float


@dataclass(frozen=True)
class Step:
    """One click, `wait` seconds after the previous one; a `rival` clicks at the same time."""

    person: str
    command: str
    wait: float
    manner: Manner
    again: float
    rival: str


@dataclass(frozen=True)
class Life:
    """One subject: its alerts, and the clicks of people.

    At each of `questions`, in seconds from the start, a running case is queried.
    """

    number: int
    kind: str
    begins: float
    arrivals: tuple[Arrival, ...]
    steps: tuple[Step, ...]
    questions: tuple[float, ...] = ()

    @property
    def subject(self) -> str:
        """The user's id."""
        return f"u_{self.number:04}x"


@dataclass(frozen=True)
class Shake:
    """One fault from `at` on, for `lasts` seconds."""

    at: float
    upset: str
    lasts: float


@dataclass(frozen=True)
class Plan:
    """Events of a run, in seconds from its start."""

    seed: int
    lives: tuple[Life, ...]
    shakes: tuple[Shake, ...]


def make_plan(seed: int, cases: int, postgres: bool = True) -> Plan:
    """Returns the plan of `seed`, the same on every machine."""
    lives = tuple(_life(Random(f"koban/{seed}/life/{n}"), n) for n in range(cases))
    until = cases * PACE + SETTLING
    shakes = tuple(_shakes(Random(f"koban/{seed}/shakes"), until, upsets_for(postgres)))
    return Plan(seed, lives, shakes)


def _life(random: Random, number: int) -> Life:
    kind = random.choices(list(KINDS), list(KINDS.values()))[0]
    return Life(
        number=number,
        kind=kind,
        begins=number * PACE + random.uniform(0, PACE),
        arrivals=tuple(_arrivals(random)),
        steps=tuple(_steps(random, kind)),
        # Drawn last: a seed keeps the alerts and presses that it always had.
        questions=tuple(random.uniform(0, SETTLING) for _ in range(QUESTIONS)),
    )


def _arrivals(random: Random) -> Iterator[Arrival]:
    after = 0.0
    for _ in range(random.choice((1, 1, 2, 3, 5))):
        sending = random.choices(list(Sending), (6, 2, 2))[0]
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
            manner=random.choices(list(Manner), (11, 4, 3, 2))[0],
            again=random.choice((0.0, random.uniform(0, 4))),
            rival=random.choice([p for people in CAST.values() for p in people]),
        )


def _noise(random: Random) -> str:
    return f"{random.choice('sSlLa')}:{random.choice(list(COMMANDS))}"


def _who(letter: str, turned: bool) -> str:
    people = CAST[letter.lower()]
    return people[(letter.isupper() + turned) % len(people)]


def _shakes(random: Random, until: float, table: dict[str, Upset]) -> Iterator[Shake]:
    at, bag, last = random.uniform(1.0, 2.0), list[str](), ""
    while at < until:
        if not bag:
            bag = random.sample(list(table), len(table))
        upset = bag.pop(0 if bag[0] != last else -1)
        lasts = random.uniform(UPSETS[upset].least, UPSETS[upset].most)
        yield Shake(at, upset, lasts)
        at, last = at + random.uniform(0.9, 3.2), upset
