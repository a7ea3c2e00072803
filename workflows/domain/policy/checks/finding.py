"""Input and findings of policy checks."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.appeals import AppealRules
from workflows.domain.policy.platform import Detector, LookupCatalog
from workflows.domain.policy.playbook import Limits, Playbook, Protect
from workflows.domain.policy.reports import ReportRules
from workflows.domain.policy.roles import RoleBook
from workflows.domain.policy.roster import Roster

Place = tuple[Hashable, ...]
ACTIONS, ROLES, PLATFORM, LIMITS = "actions.yaml", "roles.yaml", "platform.yaml", "limits.yaml"
APPEALS, ROSTER, REPORTS = "appeals.yaml", "roster.yaml", "reports.yaml"


@dataclass(frozen=True)
class Bundle:
    """The readable files of a policy folder; playbooks and detectors by their file.

    `problem` returns the mistake of an expression with the given variables, or None. `whole` is
    False if a file can't be read: rules about missing things then have no findings.
    """

    catalog: ActionCatalog | None
    roles: RoleBook | None
    playbooks: dict[str, Playbook]
    detectors: dict[str, Detector]
    lookups: LookupCatalog | None
    problem: Callable[[str, tuple[str, ...]], str | None]
    whole: bool
    limits: Limits | None = None
    appeals: AppealRules | None = None
    roster: Roster | None = None
    reports: ReportRules | None = None


@dataclass(frozen=True)
class Finding:
    """A mistake at a place of a file: `what` is wrong, and what to `write` instead."""

    file: str
    place: Place
    what: str
    write: str


Findings = Iterator[Finding]


def protections(playbook: Playbook) -> Iterator[tuple[Place, Protect]]:
    """The protections of a playbook with their place: by alert, or with an escalation step."""
    for number, rule in enumerate(playbook.protect):
        yield ("protect", number), rule
    for number, step in enumerate(playbook.escalation):
        if step.protect is not None:
            yield ("escalation", number, "protect"), step.protect
