"""Input and findings of policy checks, and the parts of several checks."""

import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field

from pydantic import JsonValue

from workflows.domain.people import Role, RoleBook
from workflows.domain.policy.actions import ActionCatalog, ActionSpec
from workflows.domain.policy.appeals import AppealRules
from workflows.domain.policy.bands import Trusted
from workflows.domain.policy.detectors import Detector, Sources
from workflows.domain.policy.limits import Limits
from workflows.domain.policy.matching import Holds
from workflows.domain.policy.platform import LookupCatalog, LookupSpec, RelatedSpec
from workflows.domain.policy.playbook import Playbook, PresetAction, Protect
from workflows.domain.policy.reports import ReportRules, Retention
from workflows.domain.policy.roster import Roster, Shift

Place = tuple[Hashable, ...]
ACTIONS, ROLES, PLATFORM, LIMITS = "actions.yaml", "roles.yaml", "platform.yaml", "limits.yaml"
APPEALS, ROSTER, REPORTS = "appeals.yaml", "roster.yaml", "reports.yaml"
RETENTION, SOURCES = "retention.yaml", "sources.yaml"


@dataclass(frozen=True)
class Bundle:
    """The readable files of a policy folder; playbooks and detectors by their file.

    `problem` returns the mistake of an expression with the given variables, or None; `holds`
    evaluates one. `queries` are the SQL texts by the file of their detector, and `query_problem`
    returns the mistake of one for a backend. `whole` is False if a file can't be read: rules about
    missing things then have no findings.
    """

    catalog: ActionCatalog | None
    roles: RoleBook | None
    playbooks: dict[str, Playbook]
    detectors: dict[str, Detector]
    lookups: LookupCatalog | None
    problem: Callable[[str, tuple[str, ...]], str | None]
    whole: bool
    holds: Holds
    limits: Limits | None = None
    appeals: AppealRules | None = None
    roster: Roster | None = None
    reports: ReportRules | None = None
    retention: Retention | None = None
    sources: Sources | None = None
    trusted: Trusted | None = None
    queries: dict[str, str] = field(default_factory=dict)
    query_problem: Callable[[str, str | None], str | None] = lambda _sql, _backend: None

    @property
    def actions(self) -> dict[str, ActionSpec]:
        """The actions by name; none if actions.yaml can't be read."""
        return self.catalog.actions if self.catalog else {}

    @property
    def subjects(self) -> dict[str, LookupSpec]:
        """The look-ups by subject type; none if platform.yaml can't be read."""
        return self.lookups.lookups if self.lookups else {}

    @property
    def related(self) -> dict[str, RelatedSpec]:
        """The look-ups of related subjects; none if platform.yaml can't be read."""
        return self.lookups.related if self.lookups else {}

    @property
    def shifts(self) -> dict[str, Shift]:
        """The shifts by name; none without a readable roster.yaml."""
        return self.roster.shifts if self.roster else {}


@dataclass(frozen=True)
class Finding:
    """A mistake at a place of a file: `what` is wrong, and what to `write` instead.

    A `warning` is valid, and may not be what was meant.
    """

    file: str
    place: Place
    what: str
    write: str
    warning: bool = False


Findings = Iterator[Finding]
PlacedAction = tuple[str, Place, PresetAction | Protect]
"""A named action with its file and place."""


def chosen_actions(bundle: Bundle) -> Iterator[PlacedAction]:
    """The actions of all presets, with their file and place."""
    for file, playbook in bundle.playbooks.items():
        for preset_number, preset in enumerate(playbook.presets):
            for number, each in enumerate(preset.actions):
                yield file, ("presets", preset_number, "actions", number), each


def protections(bundle: Bundle) -> Iterator[PlacedAction]:
    """The protections with their file and place: by alert, or with an escalation step."""
    for file, playbook in bundle.playbooks.items():
        for number, rule in enumerate(playbook.protect):
            yield file, ("protect", number), rule
        for number, step in enumerate(playbook.escalation):
            if step.protect is not None:
                yield file, ("escalation", number, "protect"), step.protect


def unheld(bundle: Bundle, role: Role | None, file: str, place: Place, does: str) -> Findings:
    """Finds a role that nobody holds; `does` is the task of the role there."""
    if role is not None and bundle.roles is not None and role not in bundle.roles.roles:
        what = f"nobody holds the role {role.value} that {does}"
        yield Finding(file, place, what, "add it to roles.yaml")


_WRITTEN = re.compile(r"\{([^{}]*)\}")


def unknown(file: str, place: Place, text: str, known: tuple[str, ...]) -> Findings:
    """Finds placeholders of a text that are not `known`."""
    for found in _WRITTEN.findall(text):
        if found not in known:
            write = "write one of " + ", ".join(f"{{{each}}}" for each in known)
            write = write if known else "write it out"
            yield Finding(file, place, f"`{{{found}}}` is not a placeholder", write)


def mixed(file: str, place: Place, path: str) -> Findings:
    """Finds segments of a path that are partly a placeholder."""
    for segment in path.split("/"):
        if _WRITTEN.search(segment) and not _WRITTEN.fullmatch(segment):
            what = f"`{segment}` mixes a placeholder with text"
            yield Finding(file, place, what, "give the placeholder a segment of its own")


def strings(value: JsonValue) -> Iterator[str]:
    """All texts within a JSON value, without keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from strings(inner)
