"""Samples for blocks.validate, and Slack's answers to them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from activities.policy.loader import load_policy
from activities.slack.client import slack_client
from activities.slack.i18n.catalog import texts
from bot.slack.modals.forms import FORMS
from bot.slack.samples import NotAsked, Sample, fault_of, samples
from deploy.sandbox.faults import Fault
from deploy.sandbox.serve import serving
from deploy.sandbox.slack.app import make_app
from deploy.sandbox.slack.methods.table import METHODS
from deploy.sandbox.slack.rates import Rates
from deploy.sandbox.slack.workspace import Workspace
from tests.slack_shapes.checks import faults_of
from tests.slack_shapes.sent import Kind, Sent, view
from workflows.domain.values import Language

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 23, 3, 10, tzinfo=UTC)
GOOD = Sample("good", "message", {"blocks": [{"type": "divider"}]})
BAD = Sample("bad", "view", {"type": "home", "blocks": [{"type": "sectoin"}, {"type": "header"}]})


def made(language: Language) -> list[Sample]:
    folder = load_policy(ROOT / "deploy/policy")
    policies = [folder.policy_for(name) for name in sorted(folder.playbooks)]
    lookups = tuple(folder.lookups.lookups)
    return list(samples(policies, lookups, texts(language), ZoneInfo("Asia/Tokyo"), NOW))


@pytest.mark.parametrize("language", Language)
def test_every_sample_is_valid(language: Language) -> None:
    """The usual checks pass with the example policy."""
    for sample in made(language):
        if sample.kind == "view":
            sent = view(sample.payload)
        else:
            sent = Sent(Kind.MESSAGE, "text", tuple(sample.payload["blocks"]))
        assert faults_of(sent) == [], sample.name


def test_there_is_one_of_everything() -> None:
    """Each playbook has a card and a decision; every modal and other surface has a sample."""
    names = [sample.name for sample in made(Language.JA)]
    folder = load_policy(ROOT / "deploy/policy")
    wanted = [
        *(f"{name}: card" for name in folder.playbooks),
        *(f"{name}: modal decide" for name in folder.playbooks),
        *(f"modal {name}" for name in FORMS if name != "decide"),
        "off_platform: approval, ban",
        "off_platform: thread, ban",
        "storm",
        "storm: calls",
        "evidence",
        "evidence: hidden words",
        "home",
        "answer queue",
        "answer help",
    ]
    assert [name for name in wanted if name not in names] == []
    assert len(set(names)) == len(names)


@pytest.fixture
async def workspace() -> Workspace:
    return Workspace(rates=Rates(enabled=False))


@pytest.fixture
async def web(workspace: Workspace) -> AsyncIterator[AsyncWebClient]:
    async with (
        serving(make_app(workspace)) as url,
        slack_client("xoxb-nobody", f"{url}/api/") as client,
    ):
        yield client


async def test_slack_takes_every_sample(web: AsyncWebClient) -> None:
    """The sandbox validates them with its own check."""
    assert {s.name: await fault_of(web, s) for s in made(Language.EN)} == {
        s.name: None for s in made(Language.EN)
    }


async def test_faults_are_reported_with_their_place(web: AsyncWebClient) -> None:
    """All faults are in one line."""
    assert await fault_of(web, GOOD) is None
    assert await fault_of(web, BAD) == (
        "/blocks/0/type: unsupported type: sectoin; /blocks/1: missing required field: text"
    )


async def test_slacks_rates_are_kept(web: AsyncWebClient, workspace: Workspace) -> None:
    """The call is repeated after Retry-After."""
    # A bucket of one that fills in a second.
    workspace.rates = Rates(burst_share=1 / 50)
    assert [await fault_of(web, GOOD) for _ in range(2)] == [None, None]
    assert workspace.refused["blocks.validate"] >= 1


async def test_a_slack_without_the_method_gets_a_sentence(
    web: AsyncWebClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older servers and other stand-ins lack the method."""
    monkeypatch.delitem(METHODS, "blocks.validate")
    with pytest.raises(NotAsked, match=r"does not know blocks\.validate: nothing was looked at\."):
        await fault_of(web, GOOD)


async def test_an_unreachable_slack_gets_a_sentence(
    web: AsyncWebClient, workspace: Workspace
) -> None:
    """The message has the address."""
    workspace.faults.set(Fault.SLACK_LOST_RESPONSE, True)
    with pytest.raises(NotAsked, match=r"Slack at http://.* does not answer: look at the network"):
        await fault_of(web, GOOD)
