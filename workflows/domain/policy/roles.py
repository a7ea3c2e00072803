"""Who holds which role (roles.yaml)."""

from typing import Annotated

from pydantic import Field, StringConstraints

from workflows.domain.people import Role
from workflows.domain.values import Written

GroupId = Annotated[str, StringConstraints(pattern=r"^S[A-Z0-9]{2,20}$")]
UserId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,20}$")]
ChannelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,80}$")]


class Holders(Written):
    """A role's Slack user group, and people beside it or where groups are not available.

    `channel` is where this role is asked for approvals; else the case's own channel.
    """

    group: GroupId | None = None
    users: Annotated[tuple[UserId, ...], Field(max_length=500)] = ()
    channel: ChannelName | None = None


class RoleBook(Written):
    """The whole of roles.yaml."""

    roles: dict[Role, Holders]

    def holders(self, role: Role) -> Holders:
        """Who holds `role`; nobody where roles.yaml does not name it."""
        return self.roles.get(role, Holders())

    def configured(self, person: str) -> frozenset[Role]:
        """The roles that roles.yaml itself gives to a person."""
        return frozenset(role for role, held in self.roles.items() if person in held.users)
