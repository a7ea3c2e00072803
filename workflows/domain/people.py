"""Roles of people, and covers for their roles."""

from datetime import datetime
from enum import StrEnum

from workflows.domain.values import Value


class Role(StrEnum):
    """A role in the team; roles.yaml has its Slack group or people."""

    SPECIALIST = "specialist"
    LEAD = "lead"
    ADMIN = "admin"
    AUDITOR = "auditor"


WORKING_ROLES = frozenset({Role.SPECIALIST, Role.LEAD})
"""The roles that may claim and decide. Auditors only read."""


class Cover(Value):
    """A role that somebody has as the cover of `person`, until `until`."""

    role: Role
    person: str
    until: datetime


class Actor(Value):
    """A person with their roles at the time of their command; `covers` count for approvals only."""

    id: str
    roles: frozenset[Role] = frozenset()
    covers: tuple[Cover, ...] = ()

    def may(self, allowed: frozenset[Role]) -> bool:
        """Whether one of the person's own roles is in `allowed`."""
        return bool(self.roles & allowed)

    def may_approve(self, allowed: frozenset[Role]) -> bool:
        """Whether a role, own or (not for auditors) as a cover, is in `allowed`."""
        covered = any(cover.role in allowed for cover in self.covers)
        return self.may(allowed) or (covered and self.may(frozenset(Role) - {Role.AUDITOR}))
