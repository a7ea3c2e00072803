"""Who acts, and what their roles let them do."""

from enum import StrEnum

from workflows.domain.model import Value


class Role(StrEnum):
    """A role in the team; roles.yaml says which Slack group or people hold it."""

    SPECIALIST = "specialist"
    LEAD = "lead"
    ADMIN = "admin"
    AUDITOR = "auditor"


WORKING_ROLES = frozenset({Role.SPECIALIST, Role.LEAD})
"""Who may claim and decide. Auditors read everything and change nothing."""


class Actor(Value):
    """A person with the roles that they held when their command was decided."""

    id: str
    roles: frozenset[Role] = frozenset()

    def may(self, allowed: frozenset[Role]) -> bool:
        """Whether one of the person's roles is among `allowed`."""
        return bool(self.roles & allowed)
