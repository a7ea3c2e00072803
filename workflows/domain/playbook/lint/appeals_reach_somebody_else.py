"""Whoever decided can't review: with one reviewer, their own decisions would have none."""

from workflows.domain.people import Role
from workflows.domain.playbook.lint.finding import APPEALS, Bundle, Finding, Findings
from workflows.domain.playbook.roles import RoleBook

FEWEST = 2


def appeals_reach_somebody_else(bundle: Bundle) -> Findings:
    """Two people at least can review, and somebody is called when an answer is late.

    Whoever decided can't review: with one reviewer, their own decisions would have none.
    """
    if bundle.appeals is None or bundle.roles is None:
        return
    rules, roles = bundle.appeals, bundle.roles
    if rules.overdue not in roles.roles:
        what = f"nobody holds the role {rules.overdue.value} that is called when an answer is late"
        yield Finding(APPEALS, ("overdue",), what, "add it to roles.yaml")
    if _too_few(roles, rules.may_review):
        what = "only one person can review, and nobody reviews what they decided"
        yield Finding(APPEALS, ("reviewers",), what, "name more people in roles.yaml")


def _too_few(roles: RoleBook, allowed: frozenset[Role]) -> bool:
    """Only where roles.yaml names people itself: what a group holds is Slack's to know."""
    held = [roles.holders(role) for role in sorted(allowed) if role in roles.roles]
    if not held or any(each.group is not None for each in held):
        return False
    return 0 < len({user for each in held for user in each.users}) < FEWEST
