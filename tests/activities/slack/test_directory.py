"""Names, languages and roles are asked for seldom, and an outage is not the team's problem."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.cache import Cache
from activities.slack.directory import Directory, RolesUnknown
from deploy.sandbox.faults import Fault
from tests.activities.slack.conftest import Desk, Tries
from workflows.domain.people import Role
from workflows.domain.policy.roles import Holders, RoleBook
from workflows.domain.values import Language
from workflows.ports.cases import RolesAsk


class Clock:
    """A clock that the test sets forward."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def people(desk: Desk, clock: Clock) -> Directory:
    return Directory(desk.client, lambda: RoleBook(roles=desk.roles), Language.JA, clock)


async def test_a_person_is_asked_for_once_an_hour(desk: Desk) -> None:
    """Name and language come in one call."""
    clock = Clock()
    asked = people(desk, clock)
    assert await asked.name("U0CLARK") == "Emma Clark"
    assert await asked.language("U0CLARK") is Language.EN
    assert await asked.language("U0SATO") is Language.JA
    assert desk.workspace.calls["users.info"] == 2
    clock.now += 3_601
    await asked.name("U0SATO")
    assert desk.workspace.calls["users.info"] == 3


@pytest.mark.parametrize("fault", [Fault.SLACK_429, Fault.SLACK_DOWN, Fault.SLACK_LOST_RESPONSE])
async def test_in_an_outage_what_was_known_still_holds(desk: Desk, fault: Fault) -> None:
    """Stale names, languages and roles; an id and the default where nothing is known."""
    clock = Clock()
    asked = people(desk, clock)
    await asked.names(["U0CLARK", "U0TANAKA", None])
    assert await asked.roles("U0TANAKA") == {Role.LEAD}
    desk.workspace.faults.set(fault, True)
    clock.now += 800
    assert await asked.names(["U0CLARK", "U0SATO"]) == {
        "U0CLARK": "Emma Clark",
        "U0SATO": "U0SATO",
    }
    assert await asked.language("U0SATO") is Language.JA
    assert await asked.roles("U0TANAKA") == {Role.LEAD}


async def test_an_old_list_of_a_group_gives_no_rights(desk: Desk) -> None:
    """After a quarter of an hour without an answer nobody can tell who still is a lead."""
    clock = Clock()
    asked = people(desk, clock)
    assert await asked.roles("U0TANAKA") == {Role.LEAD}
    desk.workspace.faults.set(Fault.SLACK_DOWN, True)
    clock.now += 901
    with pytest.raises(RolesUnknown):
        await asked.roles("U0TANAKA")


async def test_a_failed_question_is_asked_again_soon(desk: Desk) -> None:
    """Not at once, so that a rate limit can recover, and not after an hour."""
    clock = Clock()
    asked = people(desk, clock)
    desk.workspace.faults.set(Fault.SLACK_429, True)
    assert await asked.name("U0SATO") == "U0SATO"
    assert await asked.name("U0SATO") == "U0SATO"
    assert desk.workspace.calls["users.info"] == 1
    desk.workspace.faults.clear()
    clock.now += 2
    assert await asked.name("U0SATO") == "佐藤"


async def test_roles_are_groups_and_named_people_together(desk: Desk) -> None:
    """A policy that changed is asked anew."""
    asked = people(desk, Clock())
    assert await asked.roles("U0SUZUKI") == {Role.AUDITOR}
    assert await asked.roles("U0NOBODY") == frozenset()
    desk.roles[Role.LEAD] = Holders(group="S0LEAD", users=("U0SUZUKI",))
    assert await asked.roles("U0SUZUKI") == {Role.LEAD, Role.AUDITOR}


async def test_who_left_a_group_loses_the_role_within_a_minute(desk: Desk) -> None:
    """Membership is kept for sixty seconds."""
    clock = Clock()
    asked = people(desk, clock)
    assert await asked.roles("U0TANAKA") == {Role.LEAD}
    desk.workspace.groups["S0LEAD"].users.remove("U0TANAKA")
    clock.now += 61
    assert await asked.roles("U0TANAKA") == frozenset()


async def test_without_slack_the_named_people_count(desk: Desk) -> None:
    """roles.yaml is the fallback; who may be in a group is not refused, but asked for again."""
    desk.workspace.faults.set(Fault.SLACK_DOWN, True)
    desk.roles[Role.SPECIALIST] = Holders(group="S0SHIFT", users=("U0SATO",))
    desk.roles[Role.LEAD] = Holders(group="S0LEAD", users=("U0TANAKA",))
    asked = people(desk, Clock())
    assert await asked.roles("U0SATO") == {Role.SPECIALIST}
    with pytest.raises(RolesUnknown):
        await asked.roles("U0CLARK")


async def test_where_nobody_can_tell_nobody_is_refused(desk: Desk) -> None:
    """An unknown role is an error that is tried again, not a missing role."""
    desk.workspace.faults.set(Fault.SLACK_DOWN, True)
    with pytest.raises(RolesUnknown):
        await people(desk, Clock()).roles("U0SATO")
    with pytest.raises(ApplicationError) as failed:
        await Tries().run(desk.activities.roles_of, RolesAsk(person="U0SATO"))
    assert (failed.value.type, failed.value.non_retryable) == ("roles_unknown", False)


async def test_a_group_that_does_not_exist_takes_nobody_elses_role(desk: Desk) -> None:
    """A mistyped id in roles.yaml leaves one role empty, and the others as they are."""
    desk.roles[Role.ADMIN] = Holders(group="S0TYPO")
    assert await people(desk, Clock()).roles("U0TANAKA") == {Role.LEAD}


async def test_the_activity_tells_the_roles(desk: Desk) -> None:
    """As the workflows ask for them."""
    grant = await Tries().run(desk.activities.roles_of, RolesAsk(person="U0SATO"))
    assert grant.roles == (Role.SPECIALIST,)


async def test_an_approver_is_looked_up_at_slack(desk: Desk) -> None:
    """A lead who lost the role a moment ago no longer has it, whatever was read before."""
    clock = Clock()
    asked = people(desk, clock)
    assert (await asked.grant("U0TANAKA")).roles == (Role.LEAD,)
    desk.workspace.groups["S0LEAD"].users.clear()
    clock.now += 3
    assert (await asked.grant("U0TANAKA")).roles == (Role.LEAD,)
    assert (await asked.grant("U0TANAKA", newest=True)).roles == ()


async def test_an_approver_whom_slack_does_not_tell_is_not_known(desk: Desk) -> None:
    """What was read minutes ago is no ground to approve; other presses may still count on it."""
    clock = Clock()
    asked = people(desk, clock)
    await asked.roles("U0TANAKA")
    desk.workspace.faults.set(Fault.SLACK_DOWN, True)
    clock.now += 600
    assert (await asked.grant("U0TANAKA")).roles == (Role.LEAD,)
    with pytest.raises(RolesUnknown):
        await asked.grant("U0TANAKA", newest=True)


async def test_a_grant_asks_nobody(desk: Desk) -> None:
    """It is there once the groups were read, and for a minute."""
    clock = Clock()
    asked = people(desk, clock)
    assert asked.granted("U0TANAKA") is None
    await asked.roles("U0TANAKA")
    grant = asked.granted("U0TANAKA")
    assert grant is not None
    assert grant.roles == (Role.LEAD,)
    clock.now += 61
    assert asked.granted("U0TANAKA") is None


async def test_a_slow_slack_is_not_waited_for_while_an_answer_counts(desk: Desk) -> None:
    """The press is judged by the last known roles; who is unknown waits for a few seconds."""
    clock = Clock()
    asked = people(desk, clock)
    assert await asked.roles("U0TANAKA") == {Role.LEAD}
    desk.workspace.faults.set(Fault.SLACK_HANG, True)
    clock.now += 61
    assert await asked.roles("U0TANAKA") == {Role.LEAD}
    assert asked._groups._asking, "the question still waits for Slack"
    desk.workspace.faults.clear()


async def test_whoever_stops_waiting_leaves_the_question_to_the_next() -> None:
    """A worker asks for a second; the answer that comes after that is asked for once."""
    gate, asked = asyncio.Event(), []

    async def ask(key: str) -> str:
        asked.append(key)
        await gate.wait()
        return "answer"

    kept = Cache("test", ask, timedelta(seconds=60), ())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await kept.get("a")
    gate.set()
    assert (await kept.get("a"), asked) == ("answer", ["a"])


async def test_whom_roles_yaml_names_keeps_what_a_group_says(desk: Desk) -> None:
    """One group is known from before, the other one was never asked."""
    asked = people(desk, Clock())
    assert await asked.roles("U0SATO") == {Role.SPECIALIST}
    desk.roles[Role.LEAD] = Holders(group="S0NEW", users=("U0SATO",))
    desk.workspace.faults.set(Fault.SLACK_DOWN, True)
    assert await asked.roles("U0SATO") == {Role.SPECIALIST, Role.LEAD}


async def test_what_a_person_chose_goes_before_what_slack_says(desk: Desk) -> None:
    """Clark reads Slack in English, and Koban in Japanese."""
    chosen = {"U0CLARK": Language.JA}

    async def choice(person: str) -> Language | None:
        return chosen.get(person)

    asked = Directory(desk.client, lambda: RoleBook(roles=desk.roles), Language.JA, chosen=choice)
    assert await asked.language("U0CLARK") is Language.JA
    assert await asked.language("U0REED") is Language.EN
    chosen.clear()
    assert await asked.language("U0CLARK") is Language.EN
