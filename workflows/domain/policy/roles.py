"""Role holders and approval channels (roles.yaml)."""

from typing import Annotated

from pydantic import Field, StringConstraints

from workflows.domain.people import Role
from workflows.domain.values import Written

GroupId = Annotated[str, StringConstraints(pattern=r"^S[A-Z0-9]{2,20}$")]
UserId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,20}$")]
ChannelName = Annotated[
    str,
    StringConstraints(
        pattern=r"^([^\sA-Z\x00-\x2c./:-@\[-\^`\{-\x7f\u2000-\u206f\u3000-\u303f]{1,80}|[CG][A-Z0-9]{8,20})$"
    ),
]
"""The name of a channel without #, in any script that Slack takes, or its id."""


class Holders(Written):
    """A role's Slack user group and people; approvals go to `channel`, else the case's channel."""

    group: GroupId | None = None
    users: Annotated[tuple[UserId, ...], Field(max_length=500)] = ()
    channel: ChannelName | None = None


class RoleBook(Written):
    """The content of roles.yaml."""

    roles: dict[Role, Holders]

    def holders(self, role: Role) -> Holders:
        """The holders of `role`; empty if roles.yaml does not have it."""
        return self.roles.get(role, Holders())

    def configured(self, person: str) -> frozenset[Role]:
        """The roles of a person by `users`, without groups."""
        return frozenset(role for role, held in self.roles.items() if person in held.users)
