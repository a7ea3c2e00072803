"""Role lookup, at most 60 s before a press is decided, and the alert of the leads to a limit."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from temporalio import workflow
from temporalio.exceptions import FailureError

from workflows.activity_options import Options, execute
from workflows.domain.appeal.commands import AppealClick
from workflows.domain.case import commands as cmd
from workflows.domain.case.commands import Click, Grant
from workflows.domain.people import Actor
from workflows.domain.policy.limits import Full
from workflows.ports.cases import CasePort, LimitAlert, RolesAsk

FRESH = timedelta(seconds=60)
"""Maximum age of the roles when a press is decided."""

PEOPLE = 100
"""Number of people whose roles one workflow caches."""

_SKEW = timedelta(seconds=5)
"""The clock of the process that took the press may be ahead by this much."""

BY_APPROVERS = cmd.Approve | cmd.Reject | cmd.AskRequester
"""Commands of approvers, whose roles are never cached: some of what they approve is final."""

C = TypeVar("C", Click, AppealClick)


@dataclass(frozen=True)
class Authorized(Generic[C]):
    """A click with its person's roles as of `at`."""

    click: C
    at: datetime


class Authorizer:
    """Roles of the people who press, with a cache."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}

    def cached(self, click: C, now: datetime) -> Authorized[C] | None:
        """Returns the click with roles that came along or are cached; None if none are fresh."""
        if isinstance(click.command, BY_APPROVERS):
            return None
        grants = (click.grant, self._grants.get(click.command.by.id))
        fresh = (each for each in grants if each is not None and _is_fresh(each, now))
        grant = next(fresh, None)
        return None if grant is None else Authorized(_with_roles(click, grant), now)

    async def look_up(
        self, pressed: Authorized[C], options: Options | None = None
    ) -> Authorized[C]:
        """Returns the click with roles from Slack. Raises `FailureError`."""
        command = pressed.click.command
        wanted = RolesAsk(person=command.by.id, approves=isinstance(command, BY_APPROVERS))
        grant = await execute(CasePort.roles_of, wanted, options)
        if len(self._grants) >= PEOPLE:
            self._grants.clear()
        self._grants[command.by.id] = grant
        return replace(pressed, click=_with_roles(pressed.click, grant), at=workflow.now())


def is_current(authorized: Authorized[C], now: datetime) -> bool:
    """Whether the roles of a press that waited may still be used."""
    return now - authorized.at <= FRESH


def _is_fresh(grant: Grant, now: datetime) -> bool:
    return -_SKEW <= now - grant.as_of <= FRESH


def _with_roles(click: C, grant: Grant) -> C:
    actor = Actor(id=click.command.by.id, roles=frozenset(grant.roles))
    command = click.command.model_copy(update={"by": actor})
    return click.model_copy(update={"command": command})


async def alert_leads(limit: Full, at: datetime, case: str | None = None) -> None:
    """Alerts the leads to a reached limit; one that Slack does not take is in the log."""
    key = f"limit/{limit.power}/{limit.holder}/{at.isoformat()}"
    try:
        await execute(CasePort.alert_leads, LimitAlert(key=key, limit=limit, case=case))
    except FailureError:
        workflow.logger.warning("leads_not_alerted", extra={"power": limit.power.value})
