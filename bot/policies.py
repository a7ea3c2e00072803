"""Policy folder of a running process, reloaded when its files change."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, tzinfo
from pathlib import Path

import structlog
from temporalio import activity

from activities.detectors.feedback import Receiver
from activities.ledger.database import LedgerUnavailable
from activities.policy.loader import LOOK_SECONDS, PolicyFolder, PolicyWatch
from activities.policy.yaml_document import PolicyFaults
from bot.admission import Target
from bot.errors import InputWrong, SettingWrong
from bot.sender_keys import Keys, secrets_of, signers, unsigned_by
from bot.settings import (
    Owned,
    Settings,
    address_named,
    need,
    secrets_named,
    sharing,
    value_named,
)
from workflows.conditions import holds
from workflows.domain.alerts import Alert
from workflows.domain.appeal.model import AppealRequest
from workflows.domain.automation import AutomationPause, is_concerned
from workflows.domain.feedback import FeedbackProblem, FeedbackProblemKind
from workflows.domain.people import RoleBook
from workflows.domain.policy.actions import ActionCatalog, ActionSpec
from workflows.domain.policy.bands import Band
from workflows.domain.policy.changes import Origin, changes, holds_back
from workflows.domain.policy.detectors import Detector
from workflows.domain.policy.limits import Limits
from workflows.domain.policy.matching import (
    AlertRecord,
    Facts,
    RecordKind,
    facts_of,
    group_of,
    place,
    record_of,
)
from workflows.domain.policy.platform import LookupCatalog
from workflows.domain.policy.playbook import PackedPolicy, Playbook, Policy, pack
from workflows.domain.policy.reports import ReportRules, Retention
from workflows.domain.policy.roster import Roster, on_at, zone_of
from workflows.domain.policy.strictness import Strictness, strictness_of
from workflows.domain.values import Text
from workflows.ports.appeals import AppealStart
from workflows.ports.cases import CurrentPolicy, Order

log = structlog.get_logger()


KNOWN_VERSIONS = 20
"""Versions of the folder that a process keeps, for cases that were opened with them."""


class Policies:
    """Newest valid state of the folder. Callers keep nothing: files change while Koban runs."""

    def __init__(
        self, watch: PolicyWatch, common: tuple[str, ...], appeals: tuple[str, ...] = ()
    ) -> None:
        """`common` are the secrets of detectors without one of their own.

        `appeals` are those of senders of appeals without one of their own.
        """
        self._watch = watch
        self._common = common
        self._appeals = appeals
        self._keys: tuple[PolicyFolder, Keys, Keys] | None = None
        self._known: dict[str, PolicyFolder] = {}
        self._in_force: PolicyFolder | None = None
        self._held: str | None = None
        self._compared: str | None = None
        self._at_once = True
        self._signed: Callable[[str, str], Awaitable[bool]] | None = None
        self._trusted: set[tuple[str, str]] = set()
        self._earlier: frozenset[str] = frozenset()

    def on_disk(self) -> PolicyFolder:
        """Returns the newest valid state on the disk, which may wait for a second person."""
        return self._watch.current()

    def origin(self, version: str, since: str | None) -> Origin:
        """Returns the git commit of a version on the disk, with the authors `since` a commit."""
        return self._watch.origin(version, since)

    @property
    def in_force(self) -> str | None:
        """The version in force by the ledger; None before the ledger was read."""
        return self._in_force.version if self._in_force is not None else None

    def known(self, version: str) -> PolicyFolder | None:
        """Returns a version that this process has had, or None."""
        on_disk = self._watch.current()
        return on_disk if on_disk.version == version else self._known.get(version)

    def follow(self, folder: PolicyFolder, held: str | None, at_once: bool = True) -> None:
        """Uses the version in force; cases of the `held` version do nothing by themselves.

        With `at_once` a changed folder that does not have to wait is used before its record.
        """
        if self._in_force is None:
            self._compared = self._watch.current().version
        self._in_force, self._held, self._at_once = folder, held, at_once
        self._keep(folder)

    def _now(self) -> PolicyFolder:
        """The version in force; a changed folder at once if it does not have to wait."""
        now = self._in_force
        if now is not None and not self._at_once:
            return now
        on_disk = self._watch.current()
        if now is None:
            return on_disk
        if on_disk.version != self._compared:
            self._compared = on_disk.version
            known = on_disk.version in (now.version, self._held)
            if not known and not _waits(now, on_disk):
                self._in_force = now = on_disk
        return now

    def _keep(self, folder: PolicyFolder) -> None:
        self._known[folder.version] = folder
        while len(self._known) > KNOWN_VERSIONS:
            del self._known[next(iter(self._known))]

    def target_of(self, alert: Alert) -> Target | None:
        """Returns policy and group for `alert`, None when no playbook matches it."""
        folder, facts = self._now(), facts_of(alert)
        shadows = _shadow_records(folder, alert, facts)
        try:
            playbook = folder.find(alert, facts)
        except LookupError:
            playbook = None
        if playbook is None or (playbook.catch_all and shadows):
            if not shadows:
                return None
            # An alert that only playbooks in shadow mode know is no case of the catch-all.
            first = shadows[0].model_copy(update={"beside": False})
            own = folder.playbooks[first.playbook]
            return _recorded(folder, own, alert, (first, *shadows[1:]))
        if place(playbook, alert, holds, facts).band is Band.LOG:
            policy = folder.policy_for(playbook.playbook)
            logged = record_of(RecordKind.LOGGED, policy, alert, holds, facts)
            return _recorded(folder, playbook, alert, (logged, *shadows))
        return Target(folder.policy_for(playbook.playbook), group_of(playbook, alert), facts)

    def shadow_records(self, alert: Alert) -> tuple[AlertRecord, ...]:
        """Returns what the playbooks in shadow mode would do with an alert."""
        return _shadow_records(self._now(), alert)

    @activity.defn(name="policy_now")
    async def policy_now(self, playbook: str) -> PackedPolicy | None:
        """Returns the current policy of a playbook, None when the playbook was removed."""
        return self.current_packed(playbook)

    @activity.defn(name="breaker_channels")
    async def breaker_channels(self, pause: AutomationPause) -> tuple[str, ...]:
        """Returns the channels of the playbooks that a tripped breaker concerns."""
        concerned = (each for each in self.playbooks() if is_concerned(each, pause.scope))
        return tuple(sorted({each.channel for each in concerned}))

    def current_packed(self, playbook: str) -> PackedPolicy | None:
        """Returns the current policy of a playbook, None when the playbook was removed."""
        folder = self._now()
        self._keep(folder)
        return pack(folder.policy_for(playbook)) if playbook in folder.playbooks else None

    def of_version(self, playbook: str, version: str) -> Policy | None:
        """Returns the policy of a version that this process has had, or None."""
        self.current_packed(playbook)
        folder = self._known.get(version)
        if folder is None or playbook not in folder.playbooks:
            return None
        return folder.policy_for(playbook)

    @activity.defn(name="strictness_now")
    async def strictness_now(self, wanted: CurrentPolicy) -> Strictness | None:
        """Returns the strictness of the current policy, None when its version is known.

        A case of a version that waits for a second person does nothing by itself: `koban serve`
        may have started before it could read in the ledger which version is in force. Nor does one
        of a version that was never in force, or that no worker has signed: `koban serve` can't
        verify what it reads there.
        """
        folder = self._now()
        if folder.version == wanted.known != self._held:
            return None
        acts = wanted.known != self._held and await self._trusts(wanted.playbook, wanted.known)
        playbook = folder.playbooks.get(wanted.playbook) if acts else None
        return strictness_of(folder.version, folder.catalog, folder.case_limits, playbook)

    def trust(self, signed: Callable[[str, str], Awaitable[bool]] | None) -> None:
        """Asks `signed` about versions of a playbook that this process has never used."""
        self._signed, self._trusted = signed, set()

    def remember(self, versions: frozenset[str]) -> None:
        """Knows which versions have been in force while the ledger is out of reach."""
        self._earlier = versions

    async def _trusts(self, playbook: str, version: str) -> bool:
        """Whether a version has been in force; that it is on the disk proves nothing."""
        if not version or version in (*self._known, self.in_force):
            return True
        if self._signed is None:
            return version in self._earlier or version != self.on_disk().version
        if (playbook, version) not in self._trusted:
            try:
                if not await self._signed(playbook, version):
                    log.error("case_policy_unsigned", playbook=playbook, version=version)
                    return False
            except LedgerUnavailable:
                return version in self._earlier  # work goes on without the ledger
            self._trusted.add((playbook, version))
        return True

    def all(self) -> tuple[Policy, ...]:
        """Returns the current policy of every playbook."""
        folder = self._now()
        return tuple(folder.policy_for(name) for name in sorted(folder.playbooks))

    def keys(self) -> Keys:
        """Returns the secrets that detectors can sign with."""
        return self._current_keys()[1]

    def appeal_keys(self) -> Keys:
        """Returns the secrets that appeals can be signed with; none of them is a detector's."""
        return self._current_keys()[2]

    def _current_keys(self) -> tuple[PolicyFolder, Keys, Keys]:
        folder = self._now()
        if self._keys is None or self._keys[0] is not folder:
            detectors = secrets_of(_detectors_of(folder))
            theirs = {*self._common, *(one for several in detectors.values() for one in several)}
            sources = {
                name: tuple(one for one in several if one not in theirs)
                for name, several in secrets_of(_sources_of(folder)).items()
            }
            common = (one for one in self._appeals if one not in theirs)
            self._keys = (
                folder,
                Keys(signers(self._common, detectors), frozenset(detectors)),
                Keys(signers(common, sources), frozenset(sources)),
            )
        return self._keys

    def unsigned(self) -> list[str]:
        """Returns a sentence for each sender whose secret is missing, wrong or another one's."""
        folder = self._now()
        problems = [
            *unsigned_by(_detectors_of(folder), "the detector {name} signs so."),
            *unsigned_by(_sources_of(folder), "the source {name} of appeals signs so."),
        ]
        if problems:
            return problems
        found = [*sharing(self._alerting(folder)), *sharing(self._appealing(folder))]
        return [*found, *(self._shared(folder) if folder.appeals is not None else ())]

    def _alerting(self, folder: PolicyFolder) -> list[Owned]:
        """The secrets that alerts are signed with."""
        variables = _detectors_of(folder)
        own = secrets_of(variables)
        return [
            Owned("all other detectors", "KOBAN_INGEST__SECRET", self._common),
            *(Owned(f"the detector {name}", variables[name], own[name]) for name in own),
        ]

    def _appealing(self, folder: PolicyFolder) -> list[Owned]:
        """The secrets that appeals are signed with."""
        variables = _sources_of(folder)
        own = secrets_of(variables)
        return [
            Owned("all other sources", "KOBAN_APPEALS__SECRET", self._appeals),
            *(Owned(f"the source {name}", variables[name], own[name]) for name in own),
        ]

    def _shared(self, folder: PolicyFolder) -> list[str]:
        """A sentence for each variable of appeals that has a detector's secret.

        Who reports a user could otherwise ask for the overturn in the user's name.
        """
        detectors = secrets_of(_detectors_of(folder)).values()
        theirs = {*self._common, *(one for several in detectors for one in several)}
        given = {"KOBAN_APPEALS__SECRET": self._appeals}
        given |= {v: secrets_named(v) for v in _sources_of(folder).values()}
        return [
            f"{variable} is a detector's secret too: appeals need one of their own."
            for variable, secrets in given.items()
            if theirs & set(secrets)
        ]

    def takes_appeals(self) -> bool:
        """Returns whether there is an appeals.yaml."""
        return self._now().appeals is not None

    async def check(self) -> str | None:
        """Returns the first mistake in the folder's newest state, None when it is in use."""
        self._watch.current()
        faults = self._watch.faults
        if not faults:
            return None
        return f"{faults[0]} ({len(faults)} in all; the last good state stays in force)."

    def catalog(self) -> ActionCatalog:
        """Returns the actions of actions.yaml."""
        return self._now().catalog

    def playbook(self, name: str) -> Playbook | None:
        """Returns a playbook by its name."""
        return self._now().playbooks.get(name)

    def playbooks(self) -> tuple[Playbook, ...]:
        """Returns every playbook."""
        return tuple(self._now().playbooks.values())

    def appeal_start(self, id_: str, request: AppealRequest) -> AppealStart | None:
        """Returns a new appeal with its policy, None when appeals.yaml is missing."""
        folder = self._now()
        if folder.appeals is None:
            return None
        titles = {name: spec.title for name, spec in folder.catalog.actions.items()}
        return AppealStart(
            id=id_,
            request=request,
            rules=folder.appeals.model_copy(update={"sources": {}}),
            notice=folder.lookups.notice,
            titles=titles,
            limits=folder.case_limits,
        )

    def look_ups(self) -> LookupCatalog:
        """Returns the contents of platform.yaml."""
        return self._now().lookups

    def titles(self) -> dict[str, Text]:
        """Returns the titles of the playbooks by name."""
        return {name: book.title for name, book in self._now().playbooks.items()}

    def on_shift(self, zone: tzinfo, now: datetime) -> frozenset[str] | None:
        """Returns the people on shift; None when nobody is, or when a turn names a role only."""
        roster = self._now().roster
        if roster is None:
            return None
        on = on_at(roster, zone_of(roster, zone), now)
        if not all(turn.people for turn in on):
            return None
        return frozenset(person for turn in on for person in turn.people) or None

    def limits(self) -> Limits | None:
        """Returns the limits, None when limits.yaml is missing."""
        return self._now().limits

    def roster(self) -> Roster | None:
        """Returns the roster, None when roster.yaml is missing."""
        return self._now().roster

    def reports(self) -> ReportRules | None:
        """Returns the report rules, None when reports.yaml is missing."""
        return self._now().reports

    def retention(self) -> Retention:
        """Returns the times of personal data, those of a folder without retention.yaml included."""
        return self._now().retention or Retention()

    def image_hosts(self) -> frozenset[str]:
        """Returns the hosts that alerts' images may come from, in addition to the platform's."""
        evidence = self.look_ups().evidence
        return frozenset(evidence.hosts if evidence is not None else ())

    def detectors(self) -> dict[str, Detector]:
        """Returns every detector by its name."""
        return self._now().detectors

    def query_of(self, detector: str) -> str | None:
        """Returns the SQL text of a detector; None without one."""
        return self._now().queries.get(detector)

    def source_url(self, source: str) -> str | None:
        """Returns the address of a source; None where it or its variable is missing."""
        sources = self._now().sources
        named = sources.sources.get(source) if sources is not None else None
        return None if named is None else value_named(named.url.env)

    def receiver_of(self, detector: str) -> Receiver | FeedbackProblem:
        """Returns the receiver of a detector's feedback, or why there is none."""
        found = self._now().detectors.get(detector)
        if found is None or found.feedback is None:
            return FeedbackProblem(kind=FeedbackProblemKind.NO_ADDRESS)
        try:
            url = address_named(found.feedback.url.env)
            secrets = self._feedback_secrets(found)
        except SettingWrong:
            return FeedbackProblem(kind=FeedbackProblemKind.NO_ADDRESS)
        if url is None:
            return FeedbackProblem(kind=FeedbackProblemKind.NO_ADDRESS)
        if not secrets:
            return FeedbackProblem(kind=FeedbackProblemKind.NO_SECRET)
        return Receiver(url, secrets)

    def _feedback_secrets(self, detector: Detector) -> tuple[str, ...]:
        """The secrets that sign: of the feedback, else of the detector, else the common ones."""
        assert detector.feedback is not None
        place = detector.feedback.secret or detector.secret
        return self._common if place is None else secrets_named(place.env)

    def with_feedback(self) -> frozenset[str]:
        """Returns the detectors that get feedback."""
        detectors = self._now().detectors.items()
        return frozenset(name for name, each in detectors if each.feedback is not None)

    def undelivering(self) -> list[str]:
        """Returns a sentence for each detector whose feedback lacks an address or own secret."""
        folder = self._now()
        found = sorted((n, each) for n, each in folder.detectors.items() if each.feedback)
        problems = [sentence for _, each in found for sentence in self._missing(each)]
        if problems:
            return problems
        others = [*self._alerting(folder), *self._appealing(folder)]
        signing = [
            Owned(f"the detector {name}", each.feedback.secret.env, self._feedback_secrets(each))
            for name, each in found
            if each.feedback is not None and each.feedback.secret is not None
        ]
        return [each for each in sharing([*others, *signing]) if each not in sharing(others)]

    def _missing(self, detector: Detector) -> Iterator[str]:
        assert detector.feedback is not None
        try:
            url, secrets = (
                address_named(detector.feedback.url.env),
                self._feedback_secrets(detector),
            )
        except SettingWrong as wrong:
            yield str(wrong)
            return
        name, place = detector.detector, detector.feedback.secret or detector.secret
        if url is None:
            yield f"{detector.feedback.url.env} is missing: the feedback of {name} goes there."
        if not secrets:
            variable = place.env if place is not None else "KOBAN_INGEST__SECRET"
            yield f"{variable} is missing: it signs the feedback of {name}."

    def authorless(self) -> list[str]:
        """Returns a warning if people could approve their own changes of the folder."""
        limits = self._now().limits
        if limits is None or limits.loosening is None or limits.loosening.authors:
            return []
        return [
            "warning: limits.yaml: `loosening` has no `authors`, so people can approve their own "
            "changes; name the Slack user of each git e-mail address"
        ]

    def channels(self) -> frozenset[str]:
        """Returns every channel that the folder names."""
        folder = self._now()
        names = {book.channel for book in folder.playbooks.values()}
        names |= {held.channel for held in folder.roles.roles.values() if held.channel}
        names |= {folder.appeals.channel} if folder.appeals is not None else set()
        reports = folder.reports
        named = (reports.daily, reports.handover) if reports is not None else ()
        return frozenset(names | {each.channel for each in named if each is not None})

    def roles(self) -> RoleBook:
        """Returns the holders of the roles."""
        return self._now().roles


def _waits(now: PolicyFolder, on_disk: PolicyFolder) -> bool:
    """Whether a folder waits for a second person; one that can't be compared does."""
    try:
        return holds_back(now.content, changes(now.content, on_disk.content))
    except Exception:  # a mistake in the comparison must not stop every request
        log.exception("policy_not_compared", version=on_disk.version, before=now.version)
        return True


def _recorded(
    folder: PolicyFolder, playbook: Playbook, alert: Alert, records: tuple[AlertRecord, ...]
) -> Target:
    policy = folder.policy_for(playbook.playbook)
    return Target(policy, group_of(playbook, alert), records=records)


def _shadow_records(
    folder: PolicyFolder, alert: Alert, facts: Facts | None = None
) -> tuple[AlertRecord, ...]:
    if not folder.has_shadows:
        return ()
    facts = facts or facts_of(alert)
    found = (
        record_of(RecordKind.SHADOW, folder.policy_for(each.playbook), alert, holds, facts)
        for each in folder.shadows(facts)
    )
    return tuple(each.model_copy(update={"beside": True}) for each in found)


def _detectors_of(folder: PolicyFolder) -> dict[str, str]:
    """The variable with the secret of each detector that has its own."""
    detectors = folder.detectors.items()
    return {name: each.secret.env for name, each in detectors if each.secret is not None}


def _sources_of(folder: PolicyFolder) -> dict[str, str]:
    """The variable with the secret of each source of appeals that has its own."""
    rules = folder.appeals
    return {} if rules is None else {n: each.secret.env for n, each in rules.sources.items()}


class ActionSource:
    """Actions of the policies of cases: of this process, of the ledger, else the current ones."""

    def __init__(
        self,
        policies: Policies,
        stored: Callable[[str, str], Awaitable[PackedPolicy | None]],
    ) -> None:
        """`stored` reads the ledger by playbook and version."""
        self._policies = policies
        self._stored = stored
        self._read: dict[tuple[str, str], PackedPolicy] = {}

    async def spec_of(self, order: Order) -> ActionSpec | None:
        """Returns the action of an order. Raises `LedgerUnavailable`."""
        proof, action = order.proof, order.planned.action
        policy = self._policies.of_version(proof.playbook, proof.policy)
        if policy is None:
            packed = await self._packed(proof.playbook, proof.policy)
            policy = None if packed is None else packed.policy
        if policy is not None:
            return policy.catalog.find(action)
        log.warning("policy_version_unknown", playbook=proof.playbook, version=proof.policy)
        return self._policies.catalog().find(action)

    async def _packed(self, playbook: str, version: str) -> PackedPolicy | None:
        key = (playbook, version)
        if key not in self._read:
            found = await self._stored(playbook, version)
            if found is None:
                return None
            self._read = {**dict(list(self._read.items())[-KNOWN_VERSIONS:]), key: found}
        return self._read[key]


def open_policies(settings: Settings, look_seconds: float = LOOK_SECONDS) -> Policies:
    """Opens the folder of KOBAN_POLICY. Raises `InputWrong` with every mistake in it."""
    need(settings, "policy")
    assert settings.policy is not None
    watch = watch_folder(settings.policy, look_seconds)
    return Policies(watch, settings.ingest.secrets, settings.appeals.secrets)


def watch_folder(folder: Path, look_seconds: float = LOOK_SECONDS) -> PolicyWatch:
    """Reads the folder. Raises `InputWrong` with a line for each mistake."""
    try:
        return PolicyWatch(folder, look_seconds=look_seconds)
    except PolicyFaults as wrong:
        raise InputWrong(f"The policy folder {folder} has mistakes:\n{wrong}") from wrong
