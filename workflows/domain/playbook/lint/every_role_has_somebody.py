"""A role that nobody holds is an approval that nobody can give."""

from workflows.domain.people import Role
from workflows.domain.playbook.actions import ApprovalRule
from workflows.domain.playbook.lint.finding import ACTIONS, ROLES, Bundle, Finding, Findings
from workflows.domain.playbook.roles import Holders

NEEDED = (Role.SPECIALIST, Role.LEAD)


def check(bundle: Bundle) -> Findings:
    """Specialist and lead are there, and every role that is asked for approvals is held."""
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
    for name, spec in (bundle.catalog.actions if bundle.catalog else {}).items():
        if spec.approval and spec.approval.by not in bundle.roles.roles:
            what = f"nobody holds the role {spec.approval.by.value} that approves `{name}`"
            yield Finding(ACTIONS, ("actions", name, "approval"), what, "add it to roles.yaml")
        elif spec.approval:
            yield from _enough(name, spec.approval, bundle.roles.holders(spec.approval.by))


def _enough(name: str, rule: ApprovalRule, held: Holders) -> Findings:
    place = ("actions", name, "approval", "by")
    if rule.by is Role.AUDITOR:
        what = "auditors read everything and change nothing"
        yield Finding(ACTIONS, place, what, f"write `by: {Role.LEAD.value}`")
    elif held.users and held.group is None and len(set(held.users)) < rule.quorum:
        what = f"`{name}` needs {rule.quorum} approvals, and roles.yaml names fewer people"
        yield Finding(ACTIONS, place, what, "lower `quorum`, or name more people")
