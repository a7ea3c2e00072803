"""Packed policies: equal after unpacking, small, and one object per process."""

from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.policy.loader import load_policy
from tests.workflows.domain.builders import ACT_FIRST, POLICY, WATCHFUL
from workflows.domain.policy.playbook import REMEMBERED, PackedPolicy, Policy, pack

EXAMPLE = load_policy(Path(__file__).parents[4] / "deploy" / "policy")


async def there_and_back(packed: PackedPolicy) -> PackedPolicy:
    """What another worker reads."""
    payloads = await pydantic_data_converter.encode([packed])
    (back,) = await pydantic_data_converter.decode(payloads, [PackedPolicy])
    assert isinstance(back, PackedPolicy)
    return back


@pytest.mark.parametrize("playbook", sorted(EXAMPLE.playbooks))
async def test_every_playbook_is_the_same_on_the_other_side(playbook: str) -> None:
    """Nothing of a policy gets lost, and its name can be read without unpacking it."""
    policy = EXAMPLE.policy_for(playbook)
    back = await there_and_back(pack(policy))
    assert (back.version, back.playbook) == (EXAMPLE.version, playbook)
    assert back.policy == policy


@pytest.mark.parametrize("playbook", sorted(EXAMPLE.playbooks))
def test_a_packed_policy_is_small(playbook: str) -> None:
    """It takes less than half of its JSON."""
    policy = EXAMPLE.policy_for(playbook)
    assert len(pack(policy).model_dump_json()) < len(policy.model_dump_json(by_alias=True)) / 2


@pytest.mark.parametrize("policy", [POLICY, WATCHFUL, ACT_FIRST])
def test_a_policy_of_the_tests_is_no_exception(policy: Policy) -> None:
    """Ladders, limits and reviews are part of it."""
    assert PackedPolicy.model_validate_json(pack(policy).model_dump_json()).policy == policy


async def test_the_cases_of_a_process_share_one_policy() -> None:
    """A thousand of them hold one object, and one string."""
    packed = pack(POLICY)
    first, second = await there_and_back(packed), await there_and_back(packed)
    assert first is not second
    assert first.data is second.data
    assert first.policy is second.policy is packed.policy


def test_a_policy_is_packed_once() -> None:
    """The same object gives the same answer, and an equal one the same content."""
    assert pack(POLICY) is pack(POLICY)
    equal = Policy.model_validate(POLICY.model_dump(by_alias=True))
    assert equal is not POLICY
    assert pack(equal) == pack(POLICY)


def test_another_policy_is_never_taken_for_one_before() -> None:
    """Memory is used again by the next object, and each is packed as what it is."""
    for number in range(REMEMBERED * 2):
        version = f"v{number}"
        packed = pack(POLICY.model_copy(update={"version": version}))
        assert (packed.version, packed.policy.version) == (version, version)
    assert pack(POLICY).policy == POLICY
