"""Policy folder of a running process, reloaded when its files change."""

from datetime import datetime, tzinfo
from pathlib import Path

import structlog
from temporalio import activity

from activities.policy.loader import PolicyFolder, PolicyWatch
from activities.policy.yaml_document import PolicyFaults
from bot.errors import InputWrong, SettingWrong
from bot.http.admission import Target
from bot.http.endpoint import Keys
from bot.http.signatures import signers
from bot.settings import Settings, need, secrets_named
from workflows.domain.alerts import Alert
from workflows.domain.appeal.model import AppealRequest
from workflows.domain.policy.actions import ActionCatalog
from workflows.domain.policy.matching import facts_of, group_of
from workflows.domain.policy.packed import PackedPolicy, pack
from workflows.domain.policy.platform import LookupCatalog
from workflows.domain.policy.playbook import Playbook, Policy
from workflows.domain.policy.reports import ReportRules
from workflows.domain.policy.roles import RoleBook
from workflows.domain.policy.roster import Roster, on_at, zone_of
from workflows.domain.values import Text
from workflows.ports.appeals import AppealStart

log = structlog.get_logger()


class Policies:
    """Newest valid state of the folder. Callers keep nothing: files change while Koban runs."""

    def __init__(self, watch: PolicyWatch, common: tuple[str, ...]) -> None:
        """`common` are the secrets for detectors without a secret of their own."""
        self._watch = watch
        self._common = common
        self._keys: tuple[PolicyFolder, Keys] | None = None

    def target_of(self, alert: Alert) -> Target | None:
        """Returns policy and group for `alert`, None when no playbook matches it."""
        folder = self._watch.current()
        try:
            facts = facts_of(alert)
            playbook = folder.find(alert, facts)
        except LookupError:
            return None
        return Target(folder.policy_for(playbook.playbook), group_of(playbook, alert), facts)

    @activity.defn(name="policy_now")
    async def policy_now(self, playbook: str) -> PackedPolicy | None:
        """Returns the current policy of a playbook, None when the playbook was removed."""
        folder = self._watch.current()
        return pack(folder.policy_for(playbook)) if playbook in folder.playbooks else None

    def all(self) -> tuple[Policy, ...]:
        """Returns the current policy of every playbook."""
        folder = self._watch.current()
        return tuple(folder.policy_for(name) for name in sorted(folder.playbooks))

    def keys(self) -> Keys:
        """Returns the secrets that detectors can sign with."""
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
                # A new detector in a changed folder must not disable the others.
                log.error("detector_secret_wrong", detector=name, problem=str(wrong))
                own[name] = ()
        return Keys(signers(self._common, own), frozenset(own))

    def unsigned(self) -> list[str]:
        """Returns a sentence for each detector whose own secret is missing or wrong."""
        problems = []
        for name, detector in self._watch.current().detectors.items():
            try:
                if not secrets_named(detector.secret.env):
                    problems.append(
                        f"{detector.secret.env} is missing: the detector {name} signs so."
                    )
            except SettingWrong as wrong:
                problems.append(str(wrong))
        return problems

    async def check(self) -> str | None:
        """Returns the first mistake in the folder's newest state, None when it is in use."""
        self._watch.current()
        faults = self._watch.faults
        if not faults:
            return None
        return f"{faults[0]} ({len(faults)} in all; the last good state stays in force)."

    def catalog(self) -> ActionCatalog:
        """Returns the actions of actions.yaml."""
        return self._watch.current().catalog

    def playbook(self, name: str) -> Playbook | None:
        """Returns a playbook by its name."""
        return self._watch.current().playbooks.get(name)

    def playbooks(self) -> tuple[Playbook, ...]:
        """Returns every playbook."""
        return tuple(self._watch.current().playbooks.values())

    def appeal_start(self, id_: str, request: AppealRequest) -> AppealStart | None:
        """Returns a new appeal with its policy, None when appeals.yaml is missing."""
        folder = self._watch.current()
        if folder.appeals is None:
            return None
        titles = {name: spec.title for name, spec in folder.catalog.actions.items()}
        return AppealStart(
            id=id_,
            request=request,
            rules=folder.appeals,
            notice=folder.lookups.notice,
            titles=titles,
        )

    def look_ups(self) -> LookupCatalog:
        """Returns the contents of platform.yaml."""
        return self._watch.current().lookups

    def titles(self) -> dict[str, Text]:
        """Returns the titles of the playbooks by name."""
        return {name: book.title for name, book in self._watch.current().playbooks.items()}

    def on_shift(self, zone: tzinfo, now: datetime) -> frozenset[str] | None:
        """Returns the people on shift; None when nobody is, or when a turn names a role only."""
        roster = self._watch.current().roster
        if roster is None:
            return None
        on = on_at(roster, zone_of(roster, zone), now)
        if not all(turn.people for turn in on):
            return None
        return frozenset(person for turn in on for person in turn.people) or None

    def roster(self) -> Roster | None:
        """Returns the roster, None when roster.yaml is missing."""
        return self._watch.current().roster

    def reports(self) -> ReportRules | None:
        """Returns the report rules, None when reports.yaml is missing."""
        return self._watch.current().reports

    def image_hosts(self) -> frozenset[str]:
        """Returns the hosts that alerts' images may come from, in addition to the platform's."""
        evidence = self.look_ups().evidence
        return frozenset(evidence.hosts if evidence is not None else ())

    def roles(self) -> RoleBook:
        """Returns the holders of the roles."""
        return self._watch.current().roles


def open_policies(settings: Settings) -> Policies:
    """Opens the folder of KOBAN_POLICY. Raises `InputWrong` with every mistake in it."""
    need(settings, "policy")
    assert settings.policy is not None
    return Policies(watch_folder(settings.policy), settings.ingest.secrets)


def watch_folder(folder: Path) -> PolicyWatch:
    """Reads the folder. Raises `InputWrong` with a line for each mistake."""
    try:
        return PolicyWatch(folder)
    except PolicyFaults as wrong:
        raise InputWrong(f"The policy folder {folder} has mistakes:\n{wrong}") from wrong
