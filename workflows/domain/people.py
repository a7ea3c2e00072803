"""Roles of people, their holders (roles.yaml), and covers for their roles."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from workflows.domain.values import Value, Written


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


GroupId = Annotated[str, StringConstraints(pattern=r"^S[A-Z0-9]{2,20}$")]
_USER_ID = r"^[UW][A-Z0-9]{2,20}$"
UserId = Annotated[str, StringConstraints(pattern=_USER_ID)]
ChannelName = Annotated[
    str,
    StringConstraints(
        pattern=r"^([^\sA-Z\x00-\x2c./:-@\[-\^`\{-\x7f\u2000-\u206f\u3000-\u303f]{1,80}|[CG][A-Z0-9]{8,20})$"
    ),
]
"""The name of a channel without #, in any script that Slack takes, or its id."""


def is_user_id(written: str) -> bool:
    """Whether a text has the form of a Slack user id."""
    return re.fullmatch(_USER_ID, written) is not None


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
