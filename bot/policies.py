"""The policy folder of a running process, as its other rooms ask for it."""

from datetime import datetime, tzinfo
from pathlib import Path

import structlog
from temporalio import activity

from activities.policy.loader import PolicyFolder, PolicyWatch
from activities.policy.yaml_document import PolicyFaults
from bot.errors import InputWrong, SettingWrong
from bot.http.admission import Placed
from bot.http.alerts import Keys
from bot.http.appeals import AppealTerms
from bot.http.signatures import signers
from bot.settings import Settings, need, secrets_named
from workflows.domain.alerts import Alert
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.matching import group_of
from workflows.domain.policy.packed import PackedPolicy, pack
from workflows.domain.policy.platform import LookupCatalog, LookupSpec
from workflows.domain.policy.playbook import Playbook, Policy
from workflows.domain.policy.reports import ReportRules
from workflows.domain.policy.roles import RoleBook
from workflows.domain.policy.roster import Roster, on_at, zone_of
from workflows.domain.values import Text

log = structlog.get_logger()


class Policies:
    """The newest folder without mistakes, asked anew each time: it may change while Koban runs."""

    def __init__(self, watch: PolicyWatch, common: tuple[str, ...]) -> None:
        """`common` are the secrets of detectors without one of their own."""
        self._watch = watch
        self._common = common
        self._keys: tuple[PolicyFolder, Keys] | None = None

    def place(self, alert: Alert) -> Placed | None:
        """The policy that takes `alert` and the group it joins; None where no playbook does."""
        folder = self._watch.current()
        try:
            playbook = folder.find(alert)
        except LookupError:
            return None
        return folder.policy_for(playbook.playbook), group_of(playbook, alert)

    @activity.defn(name="policy_now")
    async def policy_now(self, playbook: str) -> PackedPolicy | None:
        """A playbook with the actions as they are now, or None where it is gone."""
        folder = self._watch.current()
        return pack(folder.policy_for(playbook)) if playbook in folder.playbooks else None

    def all(self) -> tuple[Policy, ...]:
        """Every playbook with the actions, as they are now."""
        folder = self._watch.current()
        return tuple(folder.policy_for(name) for name in sorted(folder.playbooks))

    def keys(self) -> Keys:
        """What detectors may sign with."""
        folder = self._watch.current()
        if self._keys is None or self._keys[0] is not folder:
            self._keys = (folder, self._read_keys(folder))
        return self._keys[1]

    def _read_keys(self, folder: PolicyFolder) -> Keys:
        own: dict[str, tuple[str, ...]] = {}
        for name, detector in folder.detectors.items():
            try:
                own[name] = secrets_named(detector.secret.env)
            except SettingWrong as wrong:
                # A detector that is new in a changed folder must not stop the others.
                log.error("detector_secret_wrong", detector=name, problem=str(wrong))
                own[name] = ()
        return Keys(signers(self._common, own), frozenset(own))

    def unsigned(self) -> list[str]:
        """A sentence for each detector whose own secret is not set or wrong."""
        told = []
        for name, detector in self._watch.current().detectors.items():
            try:
                if not secrets_named(detector.secret.env):
                    told.append(f"{detector.secret.env} is missing: the detector {name} signs so.")
            except SettingWrong as wrong:
                told.append(str(wrong))
        return told

    def problem(self) -> str | None:
        """What keeps the newest state of the folder from being used."""
        self._watch.current()
        faults = self._watch.faults
        if not faults:
            return None
        return f"{faults[0]} ({len(faults)} in all; the last good state stays in force)."

    def catalog(self) -> ActionCatalog:
        """What the platform can do."""
        return self._watch.current().catalog

    def playbook(self, name: str) -> Playbook | None:
        """A playbook by its name."""
        return self._watch.current().playbooks.get(name)

    def playbooks(self) -> tuple[Playbook, ...]:
        """Every playbook, by its name."""
        return tuple(self._watch.current().playbooks.values())

    def lookups(self) -> tuple[str, ...]:
        """The types of subject that can be looked up."""
        return tuple(self._watch.current().lookups.lookups)

    def lookup(self, kind: str) -> LookupSpec | None:
        """How subjects of one type are looked up."""
        return self._watch.current().lookups.lookups.get(kind)

    def appeal_terms(self) -> AppealTerms | None:
        """What a new appeal keeps; None where appeals.yaml is missing."""
        folder = self._watch.current()
        if folder.appeals is None:
            return None
        titles = {name: spec.title for name, spec in folder.catalog.actions.items()}
        return AppealTerms(folder.appeals, folder.lookups.notice, titles)

    def look_ups(self) -> LookupCatalog:
        """The whole of platform.yaml."""
        return self._watch.current().lookups

    def titles(self) -> dict[str, Text]:
        """The titles of the playbooks, by their names."""
        return {name: book.title for name, book in self._watch.current().playbooks.items()}

    def on_shift(self, zone: tzinfo, now: datetime) -> frozenset[str] | None:
        """Who is on shift now, by name; None where only a whole role is known to be, or nobody."""
        roster = self._watch.current().roster
        if roster is None:
            return None
        on = on_at(roster, zone_of(roster, zone), now)
        if not all(turn.people for turn in on):
            return None
        return frozenset(person for turn in on for person in turn.people) or None

    def roster(self) -> Roster | None:
        """Who works when; None where roster.yaml is missing."""
        return self._watch.current().roster

    def reports(self) -> ReportRules | None:
        """When and where reports are posted; None where reports.yaml is missing."""
        return self._watch.current().reports

    def image_hosts(self) -> frozenset[str]:
        """The hosts that images of alerts may come from, beside the platform's own."""
        evidence = self.look_ups().evidence
        return frozenset(evidence.hosts if evidence is not None else ())

    def roles(self) -> RoleBook:
        """Who holds which role."""
        return self._watch.current().roles


def open_policies(settings: Settings) -> Policies:
    """The folder of KOBAN_POLICY.

    Raises:
        InputWrong: where it is not set or has mistakes, which are all named.
    """
    need(settings, "policy")
    assert settings.policy is not None
    return Policies(watch_folder(settings.policy), settings.ingest.secrets)


def watch_folder(folder: Path) -> PolicyWatch:
    """The folder, read. Raises `InputWrong` with a line for each mistake."""
    try:
        return PolicyWatch(folder)
    except PolicyFaults as wrong:
        raise InputWrong(f"The policy folder {folder} has mistakes:\n{wrong}") from wrong
