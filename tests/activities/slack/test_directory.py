"""Directory: cached names, languages and roles, also during an outage."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.cache import Cache
from activities.slack.directory import Directory, HomeWorkspace, RolesUnknown
from deploy.sandbox.faults import Fault
from deploy.sandbox.slack.model import Member
from tests.activities.slack.conftest import Attempts, SlackWorld
from workflows.domain.people import Holders, Role, RoleBook
from workflows.domain.values import Language
from workflows.ports.cases import RolesAsk


class Clock:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def people(slack: SlackWorld, clock: Clock) -> Directory:
    return Directory(slack.client, lambda: RoleBook(roles=slack.roles), Language.JA, clock)


async def test_a_person_is_asked_for_once_in_ten_minutes(slack: SlackWorld) -> None:
    """One call returns name and language."""
    clock = Clock()
    asked = people(slack, clock)
    assert await asked.name("U0CLARK") == "Emma Clark"
    assert await asked.language("U0CLARK") is Language.EN
    assert await asked.language("U0SATO") is Language.JA
    assert slack.workspace.calls["users.info"] == 2
    clock.now += 601
    await asked.name("U0SATO")
    assert slack.workspace.calls["users.info"] == 3


@pytest.mark.parametrize("fault", [Fault.SLACK_429, Fault.SLACK_DOWN, Fault.SLACK_LOST_RESPONSE])
async def test_in_an_outage_cached_values_are_used(slack: SlackWorld, fault: Fault) -> None:
    """Unknown people have their id as name, and the default language."""
    clock = Clock()
    asked = people(slack, clock)
    await asked.names(["U0CLARK", "U0TANAKA", None])
    assert await asked.roles("U0TANAKA") == {Role.LEAD}
    slack.workspace.faults.set(fault, True)
    clock.now += 800
    assert await asked.names(["U0CLARK", "U0SATO"]) == {
        "U0CLARK": "Emma Clark",
        "U0SATO": "U0SATO",
    }
    assert await asked.language("U0SATO") is Language.JA
    assert await asked.roles("U0TANAKA") == {Role.LEAD}


async def test_an_old_list_of_a_group_gives_no_rights(slack: SlackWorld) -> None:
    """Group members older than 15 minutes are not used."""
    clock = Clock()
    asked = people(slack, clock)
    assert await asked.roles("U0TANAKA") == {Role.LEAD}
    slack.workspace.faults.set(Fault.SLACK_DOWN, True)
    clock.now += 901
    with pytest.raises(RolesUnknown):
        await asked.roles("U0TANAKA")


async def test_a_failed_lookup_is_retried_soon(slack: SlackWorld) -> None:
    """The retry comes after a pause for rate limits, before the cache's time is over."""
    clock = Clock()
    asked = people(slack, clock)
    slack.workspace.faults.set(Fault.SLACK_429, True)
    assert await asked.name("U0SATO") == "U0SATO"
    assert await asked.name("U0SATO") == "U0SATO"
    assert slack.workspace.calls["users.info"] == 1
    slack.workspace.faults.clear()
    clock.now += 2
    assert await asked.name("U0SATO") == "佐藤"


async def test_roles_are_groups_and_named_people_together(slack: SlackWorld) -> None:
    """A changed policy is looked up again."""
    asked = people(slack, Clock())
    assert await asked.roles("U0SUZUKI") == {Role.AUDITOR}
    assert await asked.roles("U0NOBODY") == frozenset()
    slack.roles[Role.LEAD] = Holders(group="S0LEAD", users=("U0SUZUKI",))
    assert await asked.roles("U0SUZUKI") == {Role.LEAD, Role.AUDITOR}


async def test_who_left_a_group_loses_the_role_within_a_minute(slack: SlackWorld) -> None:
    """Group members are cached for 60 seconds."""
    clock = Clock()
    asked = people(slack, clock)
    assert await asked.roles("U0TANAKA") == {Role.LEAD}
    slack.workspace.groups["S0LEAD"].users.remove("U0TANAKA")
    clock.now += 61
    assert await asked.roles("U0TANAKA") == frozenset()


async def test_without_slack_the_named_people_count(slack: SlackWorld) -> None:
    """roles.yaml is the fallback; possible group members are retried, not refused."""
    slack.workspace.faults.set(Fault.SLACK_DOWN, True)
    slack.roles[Role.SPECIALIST] = Holders(group="S0SHIFT", users=("U0SATO",))
    slack.roles[Role.LEAD] = Holders(group="S0LEAD", users=("U0TANAKA",))
    asked = people(slack, Clock())
    assert await asked.roles("U0SATO") == {Role.SPECIALIST}
    with pytest.raises(RolesUnknown):
        await asked.roles("U0CLARK")


async def test_unknown_roles_are_an_error_and_no_refusal(slack: SlackWorld) -> None:
    """Unknown roles are retried."""
    slack.workspace.faults.set(Fault.SLACK_DOWN, True)
    with pytest.raises(RolesUnknown):
        await people(slack, Clock()).roles("U0SATO")
    with pytest.raises(ApplicationError) as failed:
        await Attempts().run(slack.activities.roles_of, RolesAsk(person="U0SATO"))
    assert (failed.value.type, failed.value.non_retryable) == ("roles_unknown", False)


async def test_a_group_that_does_not_exist_takes_nobody_elses_role(slack: SlackWorld) -> None:
    """A wrong group id in roles.yaml leaves only that role empty."""
    slack.roles[Role.ADMIN] = Holders(group="S0TYPO")
    assert await people(slack, Clock()).roles("U0TANAKA") == {Role.LEAD}


async def test_the_activity_returns_the_roles(slack: SlackWorld) -> None:
    """The result has the port's format."""
    grant = await Attempts().run(slack.activities.roles_of, RolesAsk(person="U0SATO"))
    assert grant.roles == (Role.SPECIALIST,)


async def test_an_approver_is_looked_up_at_slack(slack: SlackWorld) -> None:
    """The cache is not used, so a lost role counts at once."""
    clock = Clock()
    asked = people(slack, clock)
    assert (await asked.grant("U0TANAKA")).roles == (Role.LEAD,)
    slack.workspace.groups["S0LEAD"].users.clear()
    clock.now += 3
    assert (await asked.grant("U0TANAKA")).roles == (Role.LEAD,)
    assert (await asked.grant("U0TANAKA", newest=True)).roles == ()


async def test_an_approver_without_an_answer_from_slack_is_unknown(slack: SlackWorld) -> None:
    """Approvals do not use cached roles; other clicks do."""
    clock = Clock()
    asked = people(slack, clock)
    await asked.roles("U0TANAKA")
    slack.workspace.faults.set(Fault.SLACK_DOWN, True)
    clock.now += 600
    assert (await asked.grant("U0TANAKA")).roles == (Role.LEAD,)
    with pytest.raises(RolesUnknown):
        await asked.grant("U0TANAKA", newest=True)


async def test_a_grant_makes_no_call(slack: SlackWorld) -> None:
    """It uses groups read within the last minute."""
    clock = Clock()
    asked = people(slack, clock)
    assert asked.granted("U0TANAKA") is None
    await asked.roles("U0TANAKA")
    grant = asked.granted("U0TANAKA")
    assert grant is not None
    assert grant.roles == (Role.LEAD,)
    clock.now += 61
    assert asked.granted("U0TANAKA") is None


async def test_a_slow_slack_is_not_waited_for_while_an_answer_counts(slack: SlackWorld) -> None:
    """Cached roles are used at once; unknown people wait for a few seconds."""
    clock = Clock()
    asked = people(slack, clock)
    assert await asked.roles("U0TANAKA") == {Role.LEAD}
    slack.workspace.faults.set(Fault.SLACK_HANG, True)
    clock.now += 61
    assert await asked.roles("U0TANAKA") == {Role.LEAD}
    assert asked._groups._fetching, "the fetch still waits for Slack"
    slack.workspace.faults.clear()


async def test_a_timed_out_caller_does_not_cancel_the_lookup() -> None:
    """The next caller gets its result without a second call."""
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


async def test_people_in_roles_yaml_keep_the_roles_of_their_groups(slack: SlackWorld) -> None:
    """One group is cached, the other was never read."""
    asked = people(slack, Clock())
    assert await asked.roles("U0SATO") == {Role.SPECIALIST}
    slack.roles[Role.LEAD] = Holders(group="S0NEW", users=("U0SATO",))
    slack.workspace.faults.set(Fault.SLACK_DOWN, True)
    assert await asked.roles("U0SATO") == {Role.SPECIALIST, Role.LEAD}


async def test_what_a_person_chose_goes_before_what_slack_says(slack: SlackWorld) -> None:
    """Clark uses Slack in English and chose Japanese in Koban."""
    chosen = {"U0CLARK": Language.JA}

    async def choice(person: str) -> Language | None:
        return chosen.get(person)

    asked = Directory(slack.client, lambda: RoleBook(roles=slack.roles), Language.JA, chosen=choice)
    assert await asked.language("U0CLARK") is Language.JA
    assert await asked.language("U0REED") is Language.EN
    chosen.clear()
    assert await asked.language("U0CLARK") is Language.EN


def guest(**flags: object) -> Member:
    """A member of the leads' group with the flags of its account."""
    return Member("U0GUEST", "guest", "Guest", "Guest", **flags)  # type: ignore[arg-type]


GUESTS = [
    {"is_restricted": True},
    {"is_ultra_restricted": True},
    {"is_stranger": True},
    {"is_bot": True},
    {"deleted": True},
    {"team": "T0OTHER"},
    {"team": "T0OTHER", "enterprise": "E0OTHER"},
]


def invite(slack: SlackWorld, member: Member) -> None:
    slack.workspace.people[member.id] = member
    slack.workspace.groups["S0LEAD"].users.append(member.id)


@pytest.mark.parametrize("flags", GUESTS, ids=str)
async def test_a_group_gives_guests_no_role(slack: SlackWorld, flags: dict[str, object]) -> None:
    """Nor bots, deactivated people, and those of other workspaces; they are not called either."""
    invite(slack, guest(**flags))
    asked = people(slack, Clock())
    assert await asked.roles("U0GUEST") == frozenset()
    assert await asked.members(Role.LEAD) == ("U0REED", "U0TANAKA")
    assert (await asked.grant("U0GUEST")).roles == ()
    assert (await asked.grant("U0GUEST", newest=True)).roles == ()
    known = asked.granted("U0GUEST")
    assert known is not None
    assert known.roles == ()


@pytest.mark.parametrize("flags", GUESTS, ids=str)
async def test_roles_yaml_names_a_guest(slack: SlackWorld, flags: dict[str, object]) -> None:
    """By their own id, with that role only."""
    invite(slack, guest(**flags))
    slack.roles[Role.SPECIALIST] = Holders(group="S0SHIFT", users=("U0GUEST",))
    asked = people(slack, Clock())
    assert await asked.roles("U0GUEST") == {Role.SPECIALIST}
    assert "U0GUEST" in await asked.members(Role.SPECIALIST)
    assert (await asked.grant("U0GUEST", newest=True)).roles == (Role.SPECIALIST,)


async def test_an_unknown_account_has_no_role_by_a_group(slack: SlackWorld) -> None:
    """Slack does not know the id, so nothing shows that it is one of the workspace."""
    slack.workspace.groups["S0LEAD"].users.append("U0NOBODY")
    assert await people(slack, Clock()).roles("U0NOBODY") == frozenset()


async def test_an_approver_who_became_a_guest_is_noticed_at_once(slack: SlackWorld) -> None:
    """Other presses notice it after ten minutes."""
    clock = Clock()
    asked = people(slack, clock)
    assert (await asked.grant("U0TANAKA")).roles == (Role.LEAD,)
    tanaka = slack.workspace.people["U0TANAKA"]
    slack.workspace.people["U0TANAKA"] = replace(tanaka, deleted=True)
    clock.now += 5
    assert (await asked.grant("U0TANAKA", newest=True)).roles == ()


async def test_without_slack_a_group_gives_an_unknown_account_no_role(slack: SlackWorld) -> None:
    """Its account was never read: the press waits."""
    clock = Clock()
    asked = people(slack, clock)
    await asked.roles("U0TANAKA")
    slack.workspace.faults.set(Fault.SLACK_DOWN, True)
    clock.now += 100
    with pytest.raises(RolesUnknown):
        await asked.roles("U0REED")


async def test_people_of_the_same_organization_have_roles(slack: SlackWorld) -> None:
    """Enterprise Grid: another workspace of the bot's organization."""
    asked = HomeWorkspace(team="T0KOBAN", enterprise="E0KOBAN")
    assert asked.has("T0SISTER", "E0KOBAN")
    assert not asked.has("T0SISTER", "E0OTHER")
    assert not asked.has("T0OTHER", None)
    assert asked.has("T0KOBAN", None)
