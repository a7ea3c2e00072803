"""What a rule looks at, and what it finds."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

from workflows.domain.playbook.actions import ActionCatalog
from workflows.domain.playbook.appeals import AppealRules
from workflows.domain.playbook.lookups import Detector, LookupCatalog
from workflows.domain.playbook.model import Playbook
from workflows.domain.playbook.roles import RoleBook

Place = tuple[Hashable, ...]
ACTIONS, ROLES, PLATFORM = "actions.yaml", "roles.yaml", "platform.yaml"
APPEALS = "appeals.yaml"


@dataclass(frozen=True)
class Bundle:
    """A policy folder as far as it could be read; playbooks and detectors by their file.

    `problem` says what is wrong with an expression that may speak of some names, or None.
    `whole` is False while a file can't be read: rules about what is missing then keep quiet.
    """

    catalog: ActionCatalog | None
    roles: RoleBook | None
    playbooks: dict[str, Playbook]
    detectors: dict[str, Detector]
    lookups: LookupCatalog | None
    problem: Callable[[str, tuple[str, ...]], str | None]
    whole: bool
    appeals: AppealRules | None = None


@dataclass(frozen=True)
class Finding:
    """A mistake at a place of a file: what is wrong, and what to write instead."""

    file: str
    place: Place
    what: str
    write: str


Findings = Iterator[Finding]
