"""Policy folder: loaded, checked, and reloaded when a file changes."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from activities.policy.messages import M, validated
from activities.policy.yaml_document import Document, Fault, PolicyFaults, read
from workflows.conditions import holds, problem
from workflows.domain.alerts import Alert
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.appeals import AppealRules
from workflows.domain.policy.checks.all import findings
from workflows.domain.policy.checks.finding import Bundle
from workflows.domain.policy.matching import find_playbook
from workflows.domain.policy.platform import Detector, LookupCatalog
from workflows.domain.policy.playbook import Limits, NoticeText, Playbook, Policy
from workflows.domain.policy.reports import ReportRules
from workflows.domain.policy.roles import RoleBook
from workflows.domain.policy.roster import Roster

IGNORED = (".yml", ".json")
"""Suffixes of probably misnamed files."""


@dataclass(frozen=True)
class PolicyFolder:
    """Valid policy folder; `version` is a hash of its contents."""

    version: str
    catalog: ActionCatalog
    roles: RoleBook
    lookups: LookupCatalog
    playbooks: dict[str, Playbook]
    detectors: dict[str, Detector] = field(default_factory=dict)
    limits: Limits | None = None
    appeals: AppealRules | None = None
    roster: Roster | None = None
    reports: ReportRules | None = None
    _policies: dict[str, Policy] = field(default_factory=dict, compare=False, repr=False)

    def policy_for(self, playbook: str) -> Policy:
        """The policy that a case of `playbook` keeps. Raises `KeyError`."""
        if playbook not in self._policies:
            self._policies[playbook] = Policy(
                version=self.version,
                playbook=self.playbooks[playbook],
                catalog=self.catalog,
                limits=self.limits,
                notice_text=self._notice_text(self.playbooks[playbook]),
            )
        return self._policies[playbook]

    def _notice_text(self, playbook: Playbook) -> NoticeText | None:
        """The call and frame of notices, where the playbook has any."""
        notices, call = self.appeals.notices if self.appeals else None, self.lookups.notice
        has_notices = any(each.notice is not None for each in playbook.reasons)
        if not has_notices or notices is None or notices.decision is None or call is None:
            return None
        return NoticeText(call=call, frame=notices.decision, automation=notices.automation)

    def find(self, alert: Alert) -> Playbook:
        """The playbook for an alert, possibly the catch-all."""
        return find_playbook(self.playbooks.values(), alert, holds)


def load_policy(folder: Path) -> PolicyFolder:
    """Reads and checks `folder`. Raises `PolicyFaults` with all mistakes."""
    return _Loader(folder).load()


def check_folder(folder: Path) -> list[str]:
    """The output of `koban check`: one line per mistake, by file and line."""
    try:
        load_policy(folder)
    except PolicyFaults as wrong:
        return [str(fault) for fault in wrong.faults]
    return []


class _Loader:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._documents: dict[str, Document] = {}

    def load(self) -> PolicyFolder:
        if not self._folder.is_dir():
            fault = Fault(str(self._folder), 1, "the folder is missing", "name a policy folder")
            raise PolicyFaults((fault,))
        parts: dict[str, Any] = {
            "catalog": self._read("actions.yaml", ActionCatalog),
            "roles": self._read("roles.yaml", RoleBook),
            "lookups": self._read("platform.yaml", LookupCatalog),
            # Optional: a small team may not want limits.
            "limits": self._read_optional("limits.yaml", Limits),
            "appeals": self._read_optional("appeals.yaml", AppealRules),
            "roster": self._read_optional("roster.yaml", Roster),
            "reports": self._read_optional("reports.yaml", ReportRules),
        }
        playbooks = self._all("playbooks", Playbook)
        detectors = self._all("detectors", Detector)
        whole = not any(document.faults for document in self._documents.values())
        files = {**parts, "playbooks": playbooks, "detectors": detectors}
        self._lint(Bundle(**files, problem=problem, whole=whole))
        self._stop_at_faults()
        return PolicyFolder(
            version=self._version(),
            playbooks={each.playbook: each for each in playbooks.values()},
            detectors={each.detector: each for each in detectors.values()},
            **parts,
        )

    def _read_optional(self, file: str, model: type[M]) -> M | None:
        return self._read(file, model) if (self._folder / file).exists() else None

    def _read(self, file: str, model: type[M]) -> M | None:
        document = self._documents[file] = read(self._folder, file)
        return validated(document, model)

    def _all(self, name: str, model: type[M]) -> dict[str, M]:
        """The valid files of a subfolder by path."""
        for path in sorted((self._folder / name).glob("*")):
            if path.suffix.lower() in IGNORED:
                document = self._documents[f"{name}/{path.name}"] = Document(f"{name}/{path.name}")
                document.fault((), "the file would not be read", "let its name end in .yaml")
        found = sorted((self._folder / name).glob("*.yaml"))
        read_ = {f"{name}/{path.name}": self._read(f"{name}/{path.name}", model) for path in found}
        return {file: made for file, made in read_.items() if made is not None}

    def _lint(self, bundle: Bundle) -> None:
        for found in findings(bundle):
            document = self._documents.setdefault(found.file, Document(found.file))
            document.fault(found.place, found.what, found.write)

    def _stop_at_faults(self) -> None:
        faults = [fault for document in self._documents.values() for fault in document.faults]
        if faults:
            raise PolicyFaults(tuple(sorted(set(faults))))

    def _version(self) -> str:
        digest = hashlib.sha256()
        for file, document in sorted(self._documents.items()):
            digest.update(f"{file} {document.digest}\n".encode())
        return digest.hexdigest()[:12]


LOOK_SECONDS = 1.0
Signature = tuple[tuple[str, int, int], ...]


class PolicyWatch:
    """Current policy folder; `faults` are the mistakes of a newer invalid state."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Reads the folder at once. Raises `PolicyFaults`."""
        self._folder = folder
        self._clock = clock
        self._signature = _signature(folder)
        self._current = load_policy(folder)
        self._looked = clock()
        self.faults: tuple[Fault, ...] = ()

    def current(self) -> PolicyFolder:
        """The newest valid folder; checks the disk at most once a second."""
        if self._clock() - self._looked >= LOOK_SECONDS:
            self._looked = self._clock()
            self._look()
        return self._current

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
    found = []
    for path in sorted(folder.rglob("*.yaml")):
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue  # deleted meanwhile: the next check sees it
        found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)
