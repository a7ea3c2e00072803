"""Rights at the moment of use: what a person or the policy lost since a press was possible."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.sandbox.app import POLICY
from deploy.sandbox.slack.model import Member
from deploy.sandbox.slack.person import Refused
from deploy.sandbox.slack.screen import visible_text
from tests.environment import Environment, koban
from tests.stories.test_a_shift import case_of, lure
from tests.stories.test_second_person import a_ban
from tests.stories.test_working_a_case import wait_in_thread


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy folder that the test may change."""
    return Path(shutil.copytree(POLICY, tmp_path / "policy"))


@pytest.fixture
async def changing(temporal: str, tmp_path: Path, policy: Path) -> AsyncIterator[Environment]:
    """A Koban with that folder, which notices a change at once instead of within a second."""
    async with koban(temporal, tmp_path, policy=policy) as env:
        yield env


def guard(policy: Path, action: str, rule: str) -> None:
    """Writes another approval rule of an action into actions.yaml."""
    file, written = policy / "actions.yaml", []
    for line in file.read_text("utf-8").splitlines():
        if written[-1:] == [f"  {action}:"]:
            written.append(f"    approval: {rule}")
        inside = next((each for each in reversed(written) if each[2:3] != " "), "")
        if inside != f"  {action}:" or not line.startswith("    approval:"):
            written.append(line)
    file.write_text("\n".join([*written, ""]), "utf-8")


TWO_LEADS = "{by: lead, quorum: 2, within: 30m, on_expiry: refuse}"


async def test_a_cover_ends_when_its_giver_loses_the_role(env: Environment) -> None:
    """Clark's approval is refused; nobody is shown or called as a cover any more."""
    sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
    tanaka = await env.person("U0TANAKA")
    _, case, _ = await a_ban(env, sato, clark)
    asked = await clark.wait_card("ts-leads", "u_123")
    await tanaka.command("/koban cover @emma.clark until 23:59", "ts-leads")
    await tanaka.until(lambda: tanaka.ephemerals("ts-leads"), what="that it is noted")
    env.sandbox.workspace.groups["S0LEAD"].users.remove("U0TANAKA")
    await clark.press(asked, "approval.approve")
    refusals = await clark.until(lambda: clark.ephemerals("ts-leads"), what="the refusal")
    assert "lead" in visible_text(refusals[-1])
    assert "approved" not in await env.kinds(case)
    assert await env.changes() == []


async def test_a_decision_needs_what_todays_policy_needs(
    changing: Environment, policy: Path
) -> None:
    """The mute acted at once when the case opened; now it waits, and the thread says why."""
    sato = await changing.person("U0SATO")
    await changing.happens(lure())
    card, case = await case_of(sato)
    guard(policy, "mute_user", TWO_LEADS)
    await sato.press(card, "case.preset.mute")
    card = await sato.wait_text(card, "承認待ち")
    await wait_in_thread(sato, card, "条件が厳しくなりました")
    kinds = await changing.kinds(case)
    assert "approval_requested" in kinds
    assert kinds.count("policy_tightened") == 1
    assert await changing.changes() == []


@pytest.mark.long
async def test_a_pending_approval_needs_a_second_lead_today(
    changing: Environment, policy: Path
) -> None:
    """One lead was enough when it was requested; the ban waits for another one."""
    sato, tanaka = await changing.person("U0SATO"), await changing.person("U0TANAKA")
    reed = await changing.person("U0REED")
    card, case, asked = await a_ban(changing, sato, tanaka)
    guard(policy, "permanent_ban", TWO_LEADS)
    await tanaka.press(asked, "approval.approve")
    await changing.wait_kind(case, "approved")
    assert await changing.changes() == []
    asked = await reed.wait_text(asked, "1/2")
    await reed.press(asked, "approval.approve")
    await sato.wait_text(card, "完了")
    assert await changing.changes() == [("POST", "users/u_123/bans")]


@pytest.mark.long
async def test_a_retry_needs_what_todays_policy_needs(changing: Environment, policy: Path) -> None:
    """The first lead's approval was for one; a retry asks again, and tries nothing before."""
    sato, tanaka = await changing.person("U0SATO"), await changing.person("U0TANAKA")
    card, case, asked = await a_ban(changing, sato, tanaka)
    changing.sandbox.market.remove("users", "u_123")
    await tanaka.press(asked, "approval.approve")
    card = await sato.wait_text(card, "実行失敗")
    guard(policy, "permanent_ban", TWO_LEADS)
    await sato.press(card, "action.retry")
    card = await sato.wait_text(card, "再試行を依頼しました")
    assert "action_retried" not in await changing.kinds(case)
    assert await changing.changes() == []


async def test_nobody_can_approve(env: Environment) -> None:
    """The only lead decides: the thread tells them at once, instead of after half an hour."""
    env.sandbox.workspace.groups["S0LEAD"].users.remove("U0REED")
    tanaka, sato = await env.person("U0TANAKA"), await env.person("U0SATO")
    card, case, _ = await a_ban(env, tanaka, sato)
    await wait_in_thread(tanaka, card, "承認できる人が足りません")
    assert "approvers_missing" in await env.kinds(case)
    assert await env.changes() == []


async def test_a_guest_in_the_leads_group_approves_nothing(env: Environment) -> None:
    """Nor somebody of another workspace; roles.yaml does not name them."""
    workspace = env.sandbox.workspace
    for member in (
        Member("U0GUEST", "guest", "Guest", "Guest", is_restricted=True),
        Member("U0OTHER", "other", "Other", "Other", team="T0OTHER"),
    ):
        workspace.people[member.id] = member
        workspace.groups["S0LEAD"].users.append(member.id)
        workspace.channels["C0LEADS"].members.add(member.id)
    sato, tanaka = await env.person("U0SATO"), await env.person("U0TANAKA")
    _, case, asked = await a_ban(env, sato, tanaka)
    for user in ("U0GUEST", "U0OTHER"):
        person = await env.person(user)
        await person.press(asked, "approval.approve")
        await person.until(lambda who=person: who.ephemerals("ts-leads"), what="the refusal")
    assert "approved" not in await env.kinds(case)
    assert await env.changes() == []


async def test_a_deactivated_giver_ends_a_cover(env: Environment) -> None:
    """The group still has them."""
    workspace = env.sandbox.workspace
    sato, clark = await env.person("U0SATO"), await env.person("U0CLARK")
    tanaka = await env.person("U0TANAKA")
    await tanaka.command("/koban cover @emma.clark until 23:59", "ts-leads")
    await tanaka.until(lambda: tanaka.ephemerals("ts-leads"), what="that it is noted")
    _, case, asked = await a_ban(env, sato, clark)
    workspace.people["U0TANAKA"] = replace(workspace.people["U0TANAKA"], deleted=True)
    await clark.press(asked, "approval.approve")
    await clark.until(lambda: clark.ephemerals("ts-leads"), what="the refusal")
    assert "approved" not in await env.kinds(case)
    assert await env.changes() == []


async def test_a_command_of_another_workspace_is_refused(env: Environment) -> None:
    """A signed command with another team gets no answer but Slack's own error."""
    workspace = env.sandbox.workspace
    workspace.people["U0OTHER"] = Member("U0OTHER", "other", "Other", "Other", team="T0OTHER")
    other = await env.person("U0OTHER")
    with pytest.raises(Refused):
        await other.command("/koban queue", "ts-live")
    assert workspace.deliveries[-1].status == 403
    assert await other.ephemerals("ts-live") == []
