"""A role that nobody holds is an approval that nobody can give, and a call that nobody hears."""

from collections.abc import Iterator
from dataclasses import dataclass

from workflows.domain.people import Role
from workflows.domain.playbook.actions import ApprovalRule
from workflows.domain.playbook.lint.finding import (
    ACTIONS,
    LIMITS,
    ROLES,
    Bundle,
    Finding,
    Findings,
    Place,
)
from workflows.domain.playbook.roles import RoleBook

NEEDED = (Role.SPECIALIST, Role.LEAD)


def every_role_has_somebody(bundle: Bundle) -> Findings:
    """Specialist and lead are there, and every role that is asked or called is held.

    A role that nobody holds is an approval that nobody can give, and a call that nobody
    hears.
    """
    if bundle.roles is None:
        return
    write = "name a Slack `group`, or `users`"
    for role in NEEDED:
        if role not in bundle.roles.roles:
            add = f"add `{role.value}:` and {write}"
            yield Finding(ROLES, ("roles",), f"the role {role.value} is missing", add)
    for role, held in bundle.roles.roles.items():
        if held.group is None and not held.users:
            place = ("roles", role.value)
            yield Finding(ROLES, place, f"nobody holds the role {role.value}", write)
    for asked in _asked(bundle):
        yield from _can_be_given(asked, bundle.roles)
    yield from _called(bundle, bundle.roles)


@dataclass(frozen=True)
class _Asked:
    """An approval: where it is written, what its people do, and what needs them."""

    file: str
    place: Place
    rule: ApprovalRule
    does: str
    needs: str


def _asked(bundle: Bundle) -> Iterator[_Asked]:
    for name, spec in (bundle.catalog.actions if bundle.catalog else {}).items():
        place = ("actions", name)
        for key, rule, what in (
            ("approval", spec.approval, f"`{name}`"),
            ("undo_approval", spec.undo_approval, f"undoing `{name}`"),
        ):
            if rule is not None:
                yield _Asked(ACTIONS, (*place, key), rule, f"approves {what}", what)
    for file, playbook in bundle.playbooks.items():
        if playbook.act_first is not None:
            does = "reviews what was done at once"
            yield _Asked(file, ("act_first",), playbook.act_first, does, "`act_first`")
    if bundle.limits is not None:
        does = "approves what is above the limits"
        yield _Asked(LIMITS, ("approval",), bundle.limits.approval, does, "`approval`")


def _can_be_given(asked: _Asked, roles: RoleBook) -> Findings:
    rule, by = asked.rule, (*asked.place, "by")
    if rule.by not in roles.roles:
        what = f"nobody holds the role {rule.by.value} that {asked.does}"
        yield Finding(asked.file, asked.place, what, "add it to roles.yaml")
        return
    held = roles.holders(rule.by)
    if rule.by is Role.AUDITOR:
        what = "auditors read everything and change nothing"
        yield Finding(asked.file, by, what, f"write `by: {Role.LEAD.value}`")
    elif held.users and held.group is None and len(set(held.users)) < rule.quorum:
        what = f"{asked.needs} needs {rule.quorum} approvals, and roles.yaml names fewer people"
        yield Finding(asked.file, by, what, "lower `quorum`, or name more people")


def _called(bundle: Bundle, roles: RoleBook) -> Findings:
    for file, playbook in bundle.playbooks.items():
        for number, step in enumerate(playbook.escalation):
            if step.role is not None and step.role not in roles.roles:
                what = f"nobody holds the role {step.role.value} that is called"
                place = ("escalation", number, "role")
                yield Finding(file, place, what, "add it to roles.yaml")
