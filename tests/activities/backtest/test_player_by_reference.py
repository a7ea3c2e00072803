"""Player against a slow reference: the same automation for any alerts, with and without people."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from activities.backtest.assessment import Assessor, read, related_types
from activities.backtest.people import StaffedPlayer
from activities.backtest.player import OpenCase, Player
from activities.policy.loader import PolicyWatch
from bot.policies import Policies
from tests.activities.backtest.folders import LIMITS, T0, playbook, raw, written
from tests.activities.backtest.reference import Reference
from workflows.domain.alerts import Alert
from workflows.domain.case import events as ev

LADDER = [
    {"after": "2m", "unless": "claimed", "notify": "shift", "repeat": {"every": "3m", "times": 2}},
    {
        "after": "6m",
        "unless": "claimed",
        "notify": "lead",
        "severity": ["high"],
        "protect": {"action": "mute", "for": "9m"},
    },
    {
        "after": "11m",
        "unless": "decided",
        "notify": "lead",
        "repeat": {"every": "10m", "times": 3},
        "protect": {"action": "pause", "for": "15m"},
    },
]
PROTECT = [
    {"when": "alert.score >= 0.4", "action": "pause", "for": "5m"},
    {"when": "severity == 'high'", "action": "mute", "for": "10m", "manual": ["people"]},
    {"when": "alert.attributes.text.contains('x')", "action": "hide", "for": "20m"},
]
HURRIED = {"window": "10m", "floor": 3, "usual": 1, "subjects": 4}


def folder(to: Path, chance: Random) -> Path:
    """A folder by chance: three playbooks, of which one may be in shadow mode."""

    def perhaps(**more: Any) -> dict[str, Any]:
        return {name: value for name, value in more.items() if chance.random() < 0.6}

    def book(name: str, **more: Any) -> dict[str, Any]:
        rules = chance.sample(PROTECT, chance.randint(1, 3))
        steps = chance.sample(LADDER, chance.randint(0, 3))
        band = {"detector": "model", "act": "alert.score >= 0.6", "review": "alert.score >= 0.3"}
        return playbook(
            name,
            group_by=chance.choice(
                [["subject"], ["related.stream"], ["kind"], ["attributes.text"]]
            ),
            protect=rules,
            escalation=steps,
            sample={"auto": chance.choice([0.01, 0.3]), "log": chance.choice([0, 0.3])},
            **perhaps(
                bands=[band],
                auto=[{"when": "alert.score >= 0.8", "preset": chance.choice(["mute", "hide"])}],
                breaker=HURRIED,
                silence={"at_most": "1h"},
                trusted=["u_3", "s_3"],
            ),
            **more,
        )

    rates = {"detector": {"most": 3, "within": "20m"}, "playbook": {"most": 4, "within": "30m"}}
    name = {"ja": "例", "en": "Example"}
    exempt = [{"type": "user", "id": "u_2", "reason": name}]
    exempt += [{"type": "stream", "id": "s_2", "reason": name}]
    limits = {**LIMITS, **perhaps(automation=rates, exempt=exempt)}
    mode = chance.choice(["live", "shadow", "off"])
    books = [book("spam"), book("raid", mode=mode, match="alert.score >= 0.7")]
    return written(to, *books, **perhaps(limits=limits))


def alerts(chance: Random, number: int) -> Iterator[tuple[float, dict[str, Any]]]:
    """Alerts at times of their own: no two steps of cases are due together."""
    at = 0.0
    for place in range(number):
        at += chance.choice([0, 1, 20, 90, 400, 1500])
        more: dict[str, Any] = {}
        if chance.random() < 0.6:
            streams = [{"type": "stream", "id": f"s_{chance.randint(1, 4)}"}]
            streams += [{"type": "message", "id": f"m_{chance.randint(1, 4)}"}]
            more["related"] = chance.sample(streams, chance.randint(0, 2))
        if chance.random() < 0.5:
            more["attributes"] = {"text": chance.choice(["x", "y", "xy"])}
        if chance.random() < 0.5:
            more["title"] = chance.choice(["p", "q"])
        alert = raw(
            place,
            detector=chance.choice(["model", "model", "rules", "third", "people"]),
            kind=chance.choice(["spam", "spam", "spam", "odd"]),
            subject={"type": "user", "id": f"u_{chance.randint(1, 4)}"},
            score=chance.choice([0.2, 0.5, 0.65, 0.75, 0.9, 0.95]),
            **more,
        )
        yield T0.timestamp() + at + place / 4096, alert


def seen_by(events: defaultdict[str, list[ev.Event]]) -> Any:
    """Notes events of automation by case, without calls."""

    def note(case: OpenCase, happened: Iterable[ev.Event]) -> None:
        alert = json.loads(case.first)
        key = f"{alert['detector']}/{alert['id']}"
        events[key] += [each for each in happened if not isinstance(each, ev.CaseEscalated)]

    return note


def counts_of(player: Player) -> Counter[str]:
    """Counts with the names of the reference."""
    own = player.counts
    named = Counter(
        {
            "cases": own.cases,
            "logged": own.logged,
            "silenced": own.silenced,
            "unmatched": own.unmatched,
            "auto": own.auto,
            "approvals": own.approvals,
            "escalations": own.escalations,
            "trips": len(own.trips),
        }
    )
    parts = {"playbook": own.by_playbook, "action": own.actions, "withheld": own.withheld}
    for head, part in {**parts, "shadow": own.shadow}.items():
        named.update({f"{head} {name}": count for name, count in part.items()})
    return named


@pytest.mark.parametrize("people", [0, 1, 3])
@pytest.mark.parametrize("seed", range(25))
def test_the_player_does_what_the_domain_does(tmp_path: Path, seed: int, people: int) -> None:
    """Events of automation by case, and all counts, are those of the domain alone."""
    chance = Random(f"{seed}/{people}")
    place = folder(tmp_path / "policy", chance)
    watch = PolicyWatch(place)
    read_folder = watch.current()
    policies = {name: read_folder.policy_for(name) for name in read_folder.playbooks}
    assessor, events = Assessor(read_folder), defaultdict[str, list[ev.Event]](list)
    note = seen_by(events)
    player = StaffedPlayer(policies, people, 7, note) if people else Player(policies, note)
    reference = Reference(Policies(watch, ()), people, timedelta(minutes=7))
    at = T0.timestamp()
    for at, alert in alerts(chance, 150):
        label = chance.choice([True, False, None])
        known = read(json.dumps(alert))
        assert known is not None
        placed = assessor.place(known)
        assert placed is not None
        types = related_types(known) if chance.random() < 0.5 else None
        player.take(at, placed.assessed, placed.group, json.dumps(alert), label, types)
        now = T0 + timedelta(seconds=at - T0.timestamp())
        reference.take(now, Alert.model_validate(alert), label)
    player.finish(at + 3000)
    reference.finish(T0 + timedelta(seconds=at + 3000 - T0.timestamp()))
    assert {key: found for key, found in events.items() if found} == dict(reference.events)
    expected = +reference.counts
    handled = expected.pop("handled", 0)
    assert +counts_of(player) == expected
    assert +player.counts.by_severity == Counter(reference.severities.values())
    if isinstance(player, StaffedPlayer):
        assert player.staffing().handled == handled
