"""Strictness: the differences in which a later policy is stricter, and their effect on a case's."""

from datetime import timedelta
from typing import Any

import pytest

from tests.workflows.domain.builders import CATALOG, PLAYBOOK, POLICY, WATCHFUL, a_policy
from workflows.domain.people import Role
from workflows.domain.policy.actions import ActionCatalog, ApprovalRule
from workflows.domain.policy.limits import Limits
from workflows.domain.policy.playbook import Policy
from workflows.domain.policy.strictness import (
    REMOVED,
    Strictness,
    Tightening,
    differences,
    strictness_of,
    tighten,
)

LEAD = ApprovalRule(by=Role.LEAD, within=timedelta(minutes=30))


def today(policy: Policy = POLICY, **actions: dict[str, Any] | None) -> Strictness:
    """The strictness of a policy with changed `actions` (None: removed)."""
    written = CATALOG.model_dump(mode="json", by_alias=True, exclude_none=True)["actions"]
    for name, changes in actions.items():
        written[name] = {**written[name], **(changes or {})}
        if changes is None:
            del written[name]
    catalog = ActionCatalog.model_validate({"actions": written})
    return strictness_of("v2", catalog, policy.limits, policy.playbook)


def test_the_same_policy_has_no_differences() -> None:
    """A change of titles or requests is none."""
    assert differences(POLICY, today()) is None
    assert differences(POLICY, today(warn={"title": "a warning"})) is None
    assert differences(WATCHFUL, today(WATCHFUL)) is None


def test_a_new_approval_is_needed_besides() -> None:
    """The case's own action has it, the others stay as they are."""
    change = differences(POLICY, today(warn={"approval": {"by": "lead", "within": "30m"}}))
    assert change is not None
    after = tighten(POLICY, change)
    assert after.approvals("warn") == (LEAD,)
    assert after.approvals("mute_user") == ()
    assert differences(after, today(warn={"approval": {"by": "lead", "within": "30m"}})) is None


def test_a_milder_approval_changes_nothing() -> None:
    """The case keeps its own."""
    milder = {"by": "lead", "within": "2h", "on_expiry": "escalate", "valid": "7d"}
    assert differences(POLICY, today(permanent_ban={"approval": milder})) is None
    removed = today()
    guards = {**removed.actions, "permanent_ban": removed.actions["warn"]}
    assert differences(POLICY, removed.model_copy(update={"actions": guards})) is None


@pytest.mark.parametrize(
    "rule",
    [
        {"by": "lead", "quorum": 2, "within": "30m"},
        {"by": "lead", "within": "10m"},
        {"by": "lead", "within": "30m", "valid": "1h"},
        {"by": "admin", "within": "30m"},
    ],
)
def test_each_part_of_an_approval_counts(rule: dict[str, Any]) -> None:
    """Both rules apply: a larger quorum, a shorter time, and another role."""
    change = differences(POLICY, today(permanent_ban={"approval": rule}))
    assert change is not None
    own = POLICY.approvals("permanent_ban")
    both = (*own, ApprovalRule.model_validate(rule))
    assert tighten(POLICY, change).approvals("permanent_ban") == both


def test_an_undo_has_rules_of_its_own() -> None:
    """They are compared apart from the approval of the action."""
    change = differences(POLICY, today(warn={"undo_approval": {"by": "lead", "within": "30m"}}))
    assert change is not None
    after = tighten(POLICY, change)
    assert (after.undo_approvals("warn"), after.approvals("warn")) == ((LEAD,), ())


def test_danger_stays_and_is_added() -> None:
    """Danger in either policy is danger."""
    change = differences(POLICY, today(warn={"danger": True}, permanent_ban={"danger": False}))
    assert change is not None
    actions = tighten(POLICY, change).catalog.actions
    assert (actions["warn"].danger, actions["permanent_ban"].danger) == (True, True)


def test_a_removed_action_needs_a_lead() -> None:
    """Today's policy no longer has it, so it is dangerous."""
    change = differences(POLICY, today(warn=None))
    assert change is not None
    after = tighten(POLICY, change)
    assert after.approvals("warn") == (REMOVED.approval,)
    assert after.catalog.actions["warn"].danger


def test_a_new_action_changes_no_case() -> None:
    """The case can't take it."""
    added = today()
    guards = {**added.actions, "new": added.actions["permanent_ban"]}
    assert differences(POLICY, added.model_copy(update={"actions": guards})) is None


def limits(**more: Any) -> Limits:
    """Limits with the approval of a lead."""
    return Limits.model_validate({"approval": {"by": "lead", "within": "30m"}, **more})


def test_the_smaller_numbers_count_over_the_longer_time() -> None:
    """So they are at least as strict as both."""
    own = POLICY.model_copy(
        update={
            "limits": limits(
                velocity={"actions": 20, "within": "10m"},
                exposure={"reveals": 60, "within": "8h"},
                bulk=5,
            )
        }
    )
    now = limits(
        velocity={"actions": 30, "within": "1h"},
        exposure={"reveals": 10, "within": "1h"},
        bulk=2,
    )
    change = differences(own, today().model_copy(update={"limits": now}))
    assert change is not None
    assert tighten(own, change).limits == limits(
        velocity={"actions": 20, "within": "1h"},
        exposure={"reveals": 10, "within": "8h"},
        bulk=2,
    )


def test_a_case_without_limits_takes_todays() -> None:
    """With their approval; and a case keeps its own if today's policy has none."""
    now = limits(bulk=2)
    change = differences(POLICY, today().model_copy(update={"limits": now}))
    assert change is not None
    after = tighten(POLICY, change)
    assert (after.limits, after.limit_approvals) == (now, (LEAD,))
    assert differences(WATCHFUL, today(WATCHFUL).model_copy(update={"limits": None})) is None


def test_the_approval_of_the_limits_counts_too() -> None:
    """Two leads instead of one."""
    now = Limits.model_validate({"approval": {"by": "lead", "quorum": 2, "within": "30m"}})
    own = POLICY.model_copy(update={"limits": limits()})
    change = differences(own, today().model_copy(update={"limits": now}))
    assert change is not None
    assert [rule.quorum for rule in tighten(own, change).limit_approvals] == [1, 2]


def test_automation_that_is_off_today_is_off() -> None:
    """By line of `protect` or step: the action counts, not its condition."""
    now = today(WATCHFUL).model_copy(update={"automatic": frozenset({"mute_user"})})
    change = differences(WATCHFUL, now)
    assert change == Tightening(version="v2", unprotected=("pause_stream",))
    after = tighten(WATCHFUL, change)
    assert after.unprotected == frozenset({"pause_stream"})
    assert differences(after, now) is None


def test_what_reports_do_not_start_today_they_start_in_no_case() -> None:
    """Detectors start it as before."""
    named = [{"action": "mute_user", "for": "15m", "manual": ["people"]}]
    own = a_policy(protect=named, escalation=[])
    (written,) = own.playbook.protect
    assert own.starters(written, ["people"]) == ("people",)
    now = strictness_of("v2", CATALOG, own.limits, own.playbook)
    now = now.model_copy(update={"reported": frozenset()})
    change = differences(own, now)
    assert change == Tightening(version="v2", unreported=("mute_user",))
    after = tighten(own, change)
    assert after.starters(written, ["people", "reports"]) == ()
    assert after.starters(written, ["people", "live-chat"]) == ("live-chat",)
    assert differences(after, now) is None


def test_todays_limits_and_exempt_subjects_count_in_older_cases() -> None:
    """A case keeps what was taken off the list."""
    exempt = [{"type": "user", "id": f"u_{n}", "reason": "公式"} for n in (1, 2)]
    own = POLICY.model_copy(update={"limits": limits(exempt=exempt[:1])})
    rate = {"undos": {"most": 5, "within": "1h"}}
    now = limits(exempt=exempt[1:], people=rate)
    change = differences(own, today().model_copy(update={"limits": now}))
    assert change is not None
    assert tighten(own, change).limits == limits(exempt=exempt, people=rate)


def test_nothing_is_automatic_without_the_playbook() -> None:
    """Removed playbooks start nothing; their people decide as before."""
    now = strictness_of("v2", CATALOG, WATCHFUL.limits, None)
    change = differences(WATCHFUL, now)
    assert change == Tightening(version="v2", unprotected=("mute_user", "pause_stream"))


def test_a_dry_run_stays_and_bulk_decisions_end() -> None:
    """A dry run of either policy is one; bulk decisions need both."""
    own = POLICY.model_copy(update={"playbook": PLAYBOOK.model_copy(update={"bulk": True})})
    now = today().model_copy(update={"bulk": False, "dry_run": True})
    change = differences(own, now)
    assert change == Tightening(version="v2", no_bulk=True, dry_run=True)
    playbook = tighten(own, change).playbook
    assert (playbook.bulk, playbook.dry_run) == (False, True)


def test_a_review_of_today_is_added() -> None:
    """A decision that needs no approval is reviewed from now on."""
    change = differences(POLICY, today().model_copy(update={"act_first": LEAD}))
    assert change is not None
    assert tighten(POLICY, change).reviews == (LEAD,)
