"""Policy folder: loaded, checked, and reloaded when a file changes."""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from activities.detectors.statements import problem as query_problem
from activities.policy.git import UNKNOWN, origin_of
from activities.policy.messages import M, validated
from activities.policy.yaml_document import Document, Fault, PolicyFaults, read, text_of
from workflows.conditions import holds, problem
from workflows.domain.alerts import Alert
from workflows.domain.people import RoleBook
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.appeals import AppealRules, NoticeText
from workflows.domain.policy.bands import Mode, Trusted
from workflows.domain.policy.changes import Origin
from workflows.domain.policy.checks.all import findings
from workflows.domain.policy.checks.finding import Bundle
from workflows.domain.policy.detectors import Detector, Sources
from workflows.domain.policy.differences import PolicySet
from workflows.domain.policy.limits import FolderLimits, Limits
from workflows.domain.policy.matching import Facts, find_playbook, find_shadows
from workflows.domain.policy.platform import LookupCatalog
from workflows.domain.policy.playbook import Playbook, Policy
from workflows.domain.policy.reports import ReportRules, Retention
from workflows.domain.policy.roster import Roster

FILES = (
    *("actions.yaml", "roles.yaml", "platform.yaml"),
    *("limits.yaml", "appeals.yaml", "roster.yaml", "reports.yaml", "retention.yaml"),
    *("sources.yaml", "trusted.yaml"),
)
FOLDERS = ("playbooks", "detectors")
"""Folders whose `*.yaml` are read."""
VERSION_LENGTH = 32
"""Hex digits: a confirmation is about a version, so nobody may find two folders with the same."""
SCHEMAS = "schemas"
"""The folder of JSON Schemas for editors, which is not read."""


@dataclass(frozen=True)
class PolicyFolder:
    """Valid policy folder; `version` is a hash of its contents.

    `queries` are the SQL texts by detector; `warnings` are about what is valid and may not be
    meant.
    """

    version: str
    catalog: ActionCatalog
    roles: RoleBook
    lookups: LookupCatalog
    playbooks: dict[str, Playbook]
    detectors: dict[str, Detector] = field(default_factory=dict)
    limits: FolderLimits | None = None
    appeals: AppealRules | None = None
    roster: Roster | None = None
    reports: ReportRules | None = None
    retention: Retention | None = None
    sources: Sources | None = None
    trusted: Trusted | None = None
    queries: dict[str, str] = field(default_factory=dict)
    warnings: tuple[Fault, ...] = ()
    _policies: dict[str, Policy] = field(default_factory=dict, compare=False, repr=False)

    def policy_for(self, playbook: str) -> Policy:
        """The policy that a case of `playbook` keeps. Raises `KeyError`."""
        if playbook not in self._policies:
            self._policies[playbook] = Policy(
                version=self.version,
                playbook=self.playbooks[playbook],
                catalog=self.catalog,
                limits=self.case_limits,
                notice_text=self._notice_text,
                trusted=frozenset(self.trusted.trusted if self.trusted else ()),
            )
        return self._policies[playbook]

    @property
    def case_limits(self) -> Limits | None:
        """The limits that a case or appeal keeps."""
        return self.limits.of_cases if self.limits is not None else None

    @property
    def _notice_text(self) -> NoticeText | None:
        """The call and frame of notices; None if the folder lacks one of them."""
        notices, call = self.appeals.notices if self.appeals else None, self.lookups.notice
        if notices is None or notices.decision is None or call is None:
            return None
        return NoticeText(call=call, frame=notices.decision, automation=notices.automation)

    @property
    def content(self) -> PolicySet:
        """What the files say, without their version."""
        return PolicySet(**{name: getattr(self, name) for name in PolicySet.model_fields})

    @classmethod
    def of(cls, version: str, content: PolicySet) -> "PolicyFolder":
        """The folder of a stored version."""
        return cls(version, **{name: getattr(content, name) for name in PolicySet.model_fields})

    def find(self, alert: Alert, facts: Facts | None = None) -> Playbook:
        """The playbook for an alert with these `facts`, possibly the catch-all."""
        return find_playbook(self.playbooks.values(), alert, holds, facts)

    def shadows(self, facts: Facts) -> tuple[Playbook, ...]:
        """The playbooks in shadow mode that match an alert with these `facts`."""
        return find_shadows(self.playbooks.values(), facts, holds)

    @cached_property
    def has_shadows(self) -> bool:
        """Whether a playbook is in shadow mode."""
        return any(each.mode is Mode.SHADOW for each in self.playbooks.values())


def load_policy(folder: Path) -> PolicyFolder:
    """Reads and checks `folder`. Raises `PolicyFaults` with all mistakes."""
    return _Loader(folder).load()


def check_folder(folder: Path) -> list[str]:
    """The mistakes that `koban check` prints: one line each, by file and line."""
    try:
        load_policy(folder)
    except PolicyFaults as wrong:
        return [str(fault) for fault in wrong.faults]
    return []


def folder_warnings(folder: Path) -> list[str]:
    """The warnings of `koban check` about a valid folder, by file and line; none otherwise."""
    try:
        found = load_policy(folder).warnings
    except PolicyFaults:
        return []
    return [str(replace(each, what=f"warning: {each.what}")) for each in found]


class _Loader:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._documents: dict[str, Document] = {}
        self._warnings: list[Fault] = []

    def load(self) -> PolicyFolder:
        if not self._folder.is_dir():
            fault = Fault(str(self._folder), 1, "the folder is missing", "name a policy folder")
            raise PolicyFaults((fault,))
        parts: dict[str, Any] = {
            "catalog": self._read("actions.yaml", ActionCatalog),
            "roles": self._read("roles.yaml", RoleBook),
            "lookups": self._read("platform.yaml", LookupCatalog),
            # Optional: a small team may not want limits.
            "limits": self._read_optional("limits.yaml", FolderLimits),
            "appeals": self._read_optional("appeals.yaml", AppealRules),
            "roster": self._read_optional("roster.yaml", Roster),
            "reports": self._read_optional("reports.yaml", ReportRules),
            "retention": self._read_optional("retention.yaml", Retention),
            "sources": self._read_optional("sources.yaml", Sources),
            "trusted": self._read_optional("trusted.yaml", Trusted),
        }
        self._name_unread()
        playbooks = self._all("playbooks", Playbook)
        detectors = self._all("detectors", Detector)
        queries = {file: self._query(file, each) for file, each in detectors.items() if each.sql}
        whole = not any(document.faults for document in self._documents.values())
        files = {**parts, "playbooks": playbooks, "detectors": detectors}
        self._lint(
            Bundle(
                **files,
                queries=queries,
                problem=problem,
                query_problem=query_problem,
                whole=whole,
                holds=holds,
            )
        )
        self._stop_at_faults()
        return PolicyFolder(
            version=self._version(),
            playbooks={each.playbook: each for each in playbooks.values()},
            detectors={each.detector: each for each in detectors.values()},
            queries={detectors[file].detector: sql for file, sql in queries.items()},
            warnings=tuple(sorted(set(self._warnings))),
            **parts,
        )

    def _read_optional(self, file: str, model: type[M]) -> M | None:
        return self._read(file, model) if (self._folder / file).exists() else None

    def _read(self, file: str, model: type[M]) -> M | None:
        document = self._documents[file] = read(self._folder, file)
        return validated(document, model)

    def _all(self, name: str, model: type[M]) -> dict[str, M]:
        """The valid files of a subfolder by path."""
        found = [file for file in _files(self._folder) if _is_in(file, name)]
        read_ = {file: self._read(file, model) for file in found}
        return {file: made for file, made in read_.items() if made is not None}

    def _query(self, file: str, detector: Detector) -> str:
        """The SQL text of a detector; a missing file is a fault."""
        assert detector.sql is not None
        name = detector.sql.file
        if name is None:
            return detector.sql.query
        path = str(Path(file).parent / name)
        document = self._documents[path] = Document(path)
        return text_of(self._folder / path, document) or ""

    def _name_unread(self) -> None:
        """Adds a fault for each file that looks like policy and is not read."""
        for file in _files(self._folder):
            if file in FILES or any(_is_in(file, name) for name in FOLDERS):
                continue
            if Path(file).suffix.lower() in (".yaml", ".yml", ".json"):
                document = self._documents[file] = Document(file)
                document.fault((), "the file is not read", _meant(file))

    def _lint(self, bundle: Bundle) -> None:
        for found in findings(bundle):
            document = self._documents.setdefault(found.file, Document(found.file))
            if found.warning:
                line = document.line(found.place)
                self._warnings.append(Fault(found.file, line, found.what, found.write))
            else:
                document.fault(found.place, found.what, found.write)

    def _stop_at_faults(self) -> None:
        faults = [fault for document in self._documents.values() for fault in document.faults]
        if faults:
            raise PolicyFaults(tuple(sorted(set(faults))))

    def _version(self) -> str:
        digest = hashlib.sha256()
        for file, document in sorted(self._documents.items()):
            digest.update(f"{file} {document.digest}\n".encode())
        return digest.hexdigest()[:VERSION_LENGTH]


def _files(folder: Path) -> list[str]:
    """Everything in the folder and in the folders that it links to, by path; no hidden files."""
    found: list[str] = []
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        inner = Path(place).relative_to(folder)
        real = os.path.realpath(place)
        # A link that leads back up would be followed without end.
        again, seen = real in seen, seen | {real}
        hidden = inner == Path(SCHEMAS)
        folders[:] = [] if again or hidden else [n for n in folders if not n.startswith(".")]
        if not again and not hidden:
            found += [str(inner / name) for name in files if not name.startswith(".")]
    return sorted(found)


def _is_in(file: str, folder: str) -> bool:
    path = Path(file)
    return path.parent == Path(folder) and path.suffix == ".yaml"


def _meant(file: str) -> str:
    """What to do about a file that is not read."""
    path = Path(file)
    if path.parent == Path():
        near = get_close_matches(path.stem, [Path(each).stem for each in FILES], n=1, cutoff=0.75)
        return f"rename it to {near[0]}.yaml, or remove it" if near else "remove it"
    near = get_close_matches(path.parts[0], FOLDERS, n=1)
    return f"rename it to {near[0]}/{path.stem}.yaml" if near else "remove it"


LOOK_SECONDS = 1.0
"""Seconds between two looks at the disk."""
Signature = tuple[tuple[str, str], ...]


class PolicyWatch:
    """Current policy folder; `faults` are the mistakes of a newer invalid state."""

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        """Reads the folder at once. Raises `PolicyFaults`."""
        self._folder = folder
        self._look_seconds = look_seconds
        self._clock = clock
        self._signature = _signature(folder)
        self._current = load_policy(folder)
        self._looked = clock()
        self.faults: tuple[Fault, ...] = ()

    def current(self) -> PolicyFolder:
        """The newest valid folder; checks the disk at most once in `look_seconds`."""
        if self._clock() - self._looked >= self._look_seconds:
            self._looked = self._clock()
            self._look()
        return self._current

    def origin(self, version: str, since: str | None = None) -> Origin:
        """The git commit of a version, with the authors `since` a commit.

        Without a commit the author is unknown, and also if the disk has moved on.
        """
        signature, current = self._signature, self._current
        found = origin_of(self._folder, (file for file, _ in signature), since)
        same = current.version == version and not self.faults
        return found if same and _signature(self._folder) == signature else UNKNOWN

    def _look(self) -> None:
        signature = _signature(self._folder)
        if signature == self._signature:
            return
        self._signature = signature
        try:
            self._current, self.faults = load_policy(self._folder), ()
        except PolicyFaults as wrong:
            self.faults = wrong.faults


def _signature(folder: Path) -> Signature:
    """Files and digests: a link can be turned to a file of the same size and time."""
    return tuple((file, _digest(folder / file)) for file in _files(folder))


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    except OSError:
        return ""  # deleted meanwhile, or unreadable: the load names it
