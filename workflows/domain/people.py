"""Who acts, and what their roles let them do."""

from datetime import datetime
from enum import StrEnum

from workflows.domain.values import Value


class Role(StrEnum):
    """A role in the team; roles.yaml says which Slack group or people hold it."""

    SPECIALIST = "specialist"
    LEAD = "lead"
    ADMIN = "admin"
    AUDITOR = "auditor"


WORKING_ROLES = frozenset({Role.SPECIALIST, Role.LEAD})
"""Who may claim and decide. Auditors read everything and change nothing."""


class Cover(Value):
    """A role that somebody holds in another `person`'s stead, until `until`."""

    role: Role
    person: str
    until: datetime


class Actor(Value):
    """A person with the roles that they held when their command was decided.

    `covers` are roles held in somebody's stead: they count for approvals and for nothing else.
    """

    id: str
    roles: frozenset[Role] = frozenset()
    covers: tuple[Cover, ...] = ()

    def may(self, allowed: frozenset[Role]) -> bool:
        """Whether one of the person's own roles is among `allowed`."""
        return bool(self.roles & allowed)

    def may_approve(self, allowed: frozenset[Role]) -> bool:
        """Whether one of the person's roles, their own or in somebody's stead, is among them.

        Who only reads stands in for nobody.
        """
        covered = any(cover.role in allowed for cover in self.covers)
        return self.may(allowed) or (covered and self.may(frozenset(Role) - {Role.AUDITOR}))
