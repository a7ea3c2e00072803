"""Chaos plans: derived from the seed only, and complete."""

from pathlib import Path
from typing import get_args

from tests.chaos.commands import CAST, COMMANDS, ELSEWHERE, STORIES, pressed
from tests.chaos.faults import FAULTS
from tests.chaos.plan import KINDS, ClickPattern, SendPattern, make_plan
from workflows.domain.case import commands as cmd

ROOT = Path(__file__).parents[2]


def test_a_seed_always_gives_the_same_plan() -> None:
    """A run can be repeated by its seed."""
    assert make_plan(7, 60) == make_plan(7, 60)
    assert make_plan(7, 60) != make_plan(8, 60)


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    """A case depends on the seed and its number only."""
    assert make_plan(7, 60).case_plans[:20] == make_plan(7, 20).case_plans


def test_two_hundred_cases_cover_everything() -> None:
    """Every command, every pattern of clicks and requests, and every fault occur."""
    plan = make_plan(1, 200)
    steps = [step for case_plan in plan.case_plans for step in case_plan.steps]
    sendings = {arrival.sending for case_plan in plan.case_plans for arrival in case_plan.arrivals}
    assert {step.command for step in steps} == set(COMMANDS)
    assert {step.pattern for step in steps} == set(ClickPattern)
    assert sendings == set(SendPattern)
    assert {planned.fault for planned in plan.faults} == set(FAULTS)


def test_forty_cases_cover_every_fault() -> None:
    """The short run of CI leaves nothing out."""
    assert {planned.fault for planned in make_plan(1, 40).faults} == set(FAULTS)


def test_without_postgres_it_is_not_killed() -> None:
    """A ledger in a SQLite file has no server."""
    faults = {planned.fault for planned in make_plan(1, 200, postgres=False).faults}
    assert faults == set(FAULTS) - {"kill_postgres"}


def test_a_fault_ends_before_it_starts_again() -> None:
    """The end of the first one would also end the second one."""
    ends: dict[str, float] = {}
    for planned in make_plan(3, 300).faults:
        assert planned.at >= ends.get(planned.fault, 0.0)
        ends[planned.fault] = planned.at + planned.lasts


def test_every_command_of_a_person_is_pressed() -> None:
    """A new command has a row, or a story elsewhere that is named here."""
    members = set(get_args(get_args(cmd.PersonCommand)[0]))
    rows = {pressed(command) for command in COMMANDS.values()}
    assert rows | ELSEWHERE.keys() == members
    assert rows & ELSEWHERE.keys() == set()
    assert [story for story in ELSEWHERE.values() if not (ROOT / story).exists()] == []


def test_stories_use_existing_commands_and_people() -> None:
    """A misspelt word is detected before a run."""
    assert STORIES.keys() == KINDS.keys()
    for stories in STORIES.values():
        for word in " ".join(story for _, story in stories).split():
            who, _, command = word.partition(":")
            assert who.lower() in CAST
            assert command in COMMANDS
