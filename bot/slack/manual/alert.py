"""Manual alert: built from a person's input, and submitted like a detector's."""

import asyncio
import difflib
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import structlog

from activities.errors import Unavailable
from activities.slack.escape import Safe, mrkdwn, one_line
from activities.slack.i18n.catalog import Catalog
from bot.services.cases import CaseLine
from bot.slack.commands import pages
from bot.slack.listener import Listener
from bot.slack.rendering import about, case_name, safe
from bot.slack.replies import Said
from workflows.client import OutOfReach
from workflows.domain.alerts import Alert, ManualAlert, Subject, TextEvidence, attributes_of
from workflows.domain.policy.matching import kinds_by_name, kinds_of, subject_meant, subject_types
from workflows.domain.policy.playbook import Playbook
from workflows.domain.values import Value

CARDED = 60.0
"""Seconds to wait for a card."""
_AGAIN = 0.5

_log = structlog.get_logger(__name__)


class Wrong(StrEnum):
    """Reason why no alert was built."""

    KIND = "kind"
    SUBJECT = "subject"
    NO_PLAYBOOK = "no_playbook"
    NOT_THERE = "not_there"


class AlertFault(Value):
    """An error in the input; `nearest` is what may have been meant."""

    wrong: Wrong
    nearest: str | None = None


class AlertInput(Value):
    """A person's input: `subject` as typed, else `instead`; `message` as read from Slack."""

    id: str
    detector: str
    by: str
    kind: str
    subject: str
    note: str = ""
    message: str = ""
    link: str | None = None
    instead: Subject | None = None


class NewAlert(Value):
    """An alert with its playbook; `unsure` if the platform did not answer."""

    alert: Alert
    playbook: Playbook
    unsure: bool = False


class AlertBuilder(Listener):
    """Builds alerts from people's input, and submits them."""

    async def build(
        self, given: AlertInput, now: datetime, patience: float | None = None
    ) -> NewAlert | AlertFault:
        """The alert of a subject that the platform has, or could not be asked for in time.

        `patience` in seconds is for the platform; None for the time before an acknowledgement.
        """
        kind = self._kind(given.kind)
        if isinstance(kind, AlertFault):
            return kind
        subject = self._subject(given, kind)
        if subject is None:
            return AlertFault(wrong=Wrong.SUBJECT, nearest=self._form(kind))
        alert = _alert(given, kind, subject, now)
        playbook = self._services.alerts.playbook_of(alert)
        if playbook is None:
            return AlertFault(wrong=Wrong.NO_PLAYBOOK)
        if patience is None:
            patience = self._services.timeouts.look_up
        known = await self._known(subject, patience)
        if known is False:
            return AlertFault(wrong=Wrong.NOT_THERE)
        return NewAlert(alert=alert, playbook=playbook, unsure=known is None)

    async def submit(self, new: NewAlert) -> None:
        """Submits the alert, which is durable on return. Raises `Unavailable`."""
        await self._services.alerts.submit([new.alert])
        _log.info("alert_made_by_hand", detector=new.alert.detector, kind=new.alert.kind)

    async def carded(self, new: NewAlert) -> CaseLine | None:
        """The case once its card is posted, or as it is after `CARDED`; None without a case."""
        line = None
        try:
            async with asyncio.timeout(CARDED):
                while line is None or line.card is None:
                    line = await self.now(new) or line
                    if line is None or line.card is None:
                        await asyncio.sleep(_AGAIN)
        except TimeoutError:
            _log.info("card_not_posted_yet", detector=new.alert.detector)
        return line

    async def now(self, new: NewAlert) -> CaseLine | None:
        """The current case; None if the ledger has none or does not answer."""
        try:
            line = await self._services.finding.of_alert(new.alert.detector, new.alert.id)
        except Unavailable:
            return None
        return line if line is None or line.card is not None else await self._with_card(line)

    async def _with_card(self, line: CaseLine) -> CaseLine:
        """The line with its card, from the case: the ledger gets a new card with the next event."""
        try:
            memory = await self._services.cases.memory(line.workflow_id)
        except OutOfReach:
            return line
        if memory is None or memory.case is None or memory.case.id != line.id:
            return line
        return line.model_copy(update={"card": memory.card})

    def _kind(self, written: str) -> str | AlertFault:
        kinds = kinds_by_name(self._services.policies.playbooks())
        meant = "".join(written.split()).casefold()
        if meant in kinds:
            return kinds[meant]
        near = difflib.get_close_matches(meant, kinds, n=1, cutoff=0.5)
        return AlertFault(wrong=Wrong.KIND, nearest=kinds[near[0]] if near else None)

    def _subject(self, given: AlertInput, kind: str) -> Subject | None:
        if not given.subject.strip() and given.instead is not None:
            return given.instead
        types = self._types(kind)
        policies = self._services.policies
        written = given.subject.strip()
        return subject_meant(written, types, policies.catalog(), policies.look_ups())

    def _types(self, kind: str) -> tuple[str, ...]:
        named = (each for each in self._services.policies.playbooks() if kind in kinds_of(each))
        playbook = next(named, None)
        catalog = self._services.policies.catalog()
        return () if playbook is None else subject_types(playbook, catalog)

    def _form(self, kind: str) -> str:
        """An example of a subject of this kind."""
        types = self._types(kind) or ("user",)
        return f"{types[0]}:u_123" if types[0] == "user" else f"{types[0]}:ID"

    async def _known(self, subject: Subject, patience: float) -> bool | None:
        """Whether the platform has the subject; None without an answer."""
        if subject.type not in self._services.policies.look_ups().lookups:
            return True  # the platform has no look-up for it
        try:
            async with asyncio.timeout(patience):
                found = await self._services.platform.look_up(subject.type, subject.id)
        except (Unavailable, TimeoutError) as error:
            _log.warning("subject_not_looked_up", error=str(error))
            return None
        return found is not None


def _alert(given: AlertInput, kind: str, subject: Subject, now: datetime) -> Alert:
    message, note = given.message.strip(), given.note.strip()
    texts = [text for text in (message, note) if text]
    # Evidence shows the message, or else the note; a note beside a message is an attribute.
    manual = ManualAlert(by=given.by, note=note if message else "", link=given.link)
    return Alert(
        id=given.id,
        detector=given.detector,
        kind=kind,
        subject=subject,
        occurred_at=now,
        evidence=tuple(TextEvidence(text=text) for text in texts),
        attributes=attributes_of(manual),
    )


def kinds_offered(playbooks: Sequence[Playbook]) -> list[tuple[str, Playbook]]:
    """Every kind once, with the first playbook that has it."""
    ordered = sorted(playbooks, key=lambda each: (each.catch_all, each.order, each.playbook))
    offered: dict[str, Playbook] = {}
    for playbook in ordered:
        for kind in kinds_of(playbook):
            offered.setdefault(kind, playbook)
    return list(offered.items())


_WRITTEN = 100


def opened_page(new: NewAlert, line: CaseLine | None, texts: Catalog, base: str | None) -> Said:
    """The case, with a link to its card if that is posted."""
    if line is None or line.card is None:
        channel = safe(new.playbook.channel, 80)
        case = line.id if line is not None else texts.say("bot.manual.no_id")
        text = texts.say("bot.manual.received", case=case, channel=channel)
    else:
        joined = line.opened_at < new.alert.occurred_at
        key = "bot.manual.joined" if joined else "bot.manual.opened"
        text = texts.say(key, case=case_name(line, base), about=about(line, texts))
    if new.unsure:
        text = f"{text}\n{texts.say('bot.manual.unchecked')}"
    return pages.sentence(text)


def reported_page(line: CaseLine | None, texts: Catalog) -> Said:
    """The case id only: reporters may not be on the team."""
    if line is None:
        return pages.sentence(texts.say("bot.manual.reported.later"))
    return pages.sentence(texts.say("bot.manual.reported", case=line.id))


def fault_words(fault: AlertFault, written: str, texts: Catalog, shown: Safe = mrkdwn) -> str:
    """The sentence for an error; `shown` escapes for mrkdwn or plain text."""
    written = shown(one_line(written), _WRITTEN)
    if fault.nearest is None:
        return texts.say(f"bot.manual.wrong.{fault.wrong}", written=written)
    nearest = shown(fault.nearest, _WRITTEN)
    return texts.say(f"bot.manual.wrong.{fault.wrong}.nearest", written=written, nearest=nearest)


def block_of(wrong: Wrong) -> str:
    """The block of the modal with the error."""
    return "subject" if wrong in (Wrong.SUBJECT, Wrong.NOT_THERE) else "kind"
