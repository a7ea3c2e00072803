"""Alert by hand: what a person typed becomes an alert, handed over as a detector's is."""

import asyncio
import difflib
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from activities.errors import Unavailable
from activities.slack.escape import Safe, mrkdwn, one_line
from activities.slack.i18n.catalog import Catalog
from bot.services.cases import CaseLine
from bot.slack.commands import pages
from bot.slack.context import Listener
from bot.slack.rendering import about, case_name, safe
from bot.slack.replies import Said
from workflows.client import OutOfReach
from workflows.domain.alerts import Alert, ManualAlert, Subject, TextEvidence, attributes_of
from workflows.domain.policy.matching import kinds_by_name, kinds_of, subject_meant, subject_types
from workflows.domain.policy.playbook import Playbook
from workflows.domain.values import Value

LOOKING = 0.8
"""Seconds that the platform is given to say whether it knows a subject; a modal waits for it."""
STANDING = timedelta(seconds=60)
"""How long a card is waited for."""
_AGAIN = 0.5

_log = structlog.get_logger(__name__)


class Wrong(StrEnum):
    """Why no alert was made."""

    KIND = "kind"
    SUBJECT = "subject"
    NO_PLAYBOOK = "no_playbook"
    NOT_THERE = "not_there"


class Fault(Value):
    """What is wrong with what was written, and what may have been meant instead."""

    wrong: Wrong
    nearest: str | None = None


class Words(Value):
    """What a person wrote: `subject` as it was typed, `message` as it was read in Slack."""

    id: str
    detector: str
    by: str
    kind: str
    subject: str
    note: str = ""
    message: str = ""
    link: str | None = None
    instead: Subject | None = None


class Made(Value):
    """An alert that is about to be handed over; `unsure` where the platform could not be asked."""

    alert: Alert
    playbook: Playbook
    unsure: bool = False


class AlertForm(Listener):
    """Makes alerts out of people's words, and hands them over."""

    async def make(self, words: Words, now: datetime, patience: float = LOOKING) -> Made | Fault:
        """The alert, after the platform said that it knows the subject, or was away."""
        kind = self._kind(words.kind)
        if isinstance(kind, Fault):
            return kind
        subject = self._subject(words, kind)
        if subject is None:
            return Fault(wrong=Wrong.SUBJECT, nearest=self._form(kind))
        alert = _alert(words, kind, subject, now)
        playbook = self._services.alerts.takes(alert)
        if playbook is None:
            return Fault(wrong=Wrong.NO_PLAYBOOK)
        known = await self._known(subject, patience)
        if known is False:
            return Fault(wrong=Wrong.NOT_THERE)
        return Made(alert=alert, playbook=playbook, unsure=known is None)

    async def hand_over(self, made: Made) -> None:
        """Durable when it returns. Raises `Unavailable`."""
        await self._services.alerts.hand_over(made.alert)
        _log.info("alert_made_by_hand", detector=made.alert.detector, kind=made.alert.kind)

    async def standing(self, made: Made, within: timedelta = STANDING) -> CaseLine | None:
        """The case as soon as its card stands, or as it is after that time; None without one."""
        line = None
        try:
            async with asyncio.timeout(within.total_seconds()):
                while line is None or line.card is None:
                    line = await self.now(made) or line
                    if line is None or line.card is None:
                        await asyncio.sleep(_AGAIN)
        except TimeoutError:
            _log.info("card_does_not_stand_yet", detector=made.alert.detector)
        return line

    async def now(self, made: Made) -> CaseLine | None:
        """The case as it is now; None while the ledger has none, or is away."""
        try:
            line = await self._services.finding.of_alert(made.alert.detector, made.alert.id)
        except Unavailable:
            return None
        return line if line is None or line.card is not None else await self._with_card(line)

    async def _with_card(self, line: CaseLine) -> CaseLine:
        """The ledger learns of a new case's card only with what happens next: the case knows it."""
        try:
            memory = await self._services.cases.memory(line.workflow_id)
        except OutOfReach:
            return line
        if memory is None or memory.case is None or memory.case.id != line.id:
            return line
        return line.model_copy(update={"card": memory.card})

    def _kind(self, written: str) -> str | Fault:
        kinds = kinds_by_name(self._services.policies.playbooks())
        meant = "".join(written.split()).casefold()
        if meant in kinds:
            return kinds[meant]
        near = difflib.get_close_matches(meant, kinds, n=1, cutoff=0.5)
        return Fault(wrong=Wrong.KIND, nearest=kinds[near[0]] if near else None)

    def _subject(self, words: Words, kind: str) -> Subject | None:
        if not words.subject.strip() and words.instead is not None:
            return words.instead
        types = self._types(kind)
        policies = self._services.policies
        written = words.subject.strip()
        return subject_meant(written, types, policies.catalog(), policies.look_ups())

    def _types(self, kind: str) -> tuple[str, ...]:
        named = (each for each in self._services.policies.playbooks() if kind in kinds_of(each))
        playbook = next(named, None)
        return (
            () if playbook is None else subject_types(playbook, self._services.policies.catalog())
        )

    def _form(self, kind: str) -> str:
        """How a subject of this kind is written, as an example."""
        types = self._types(kind) or ("user",)
        return f"{types[0]}:u_123" if types[0] == "user" else f"{types[0]}:ID"

    async def _known(self, subject: Subject, patience: float) -> bool | None:
        """Whether the platform knows the subject; None where it can't be asked."""
        if subject.type not in self._services.policies.lookups():
            return True  # there is nobody to ask
        try:
            async with asyncio.timeout(patience):
                found = await self._services.platform.look_up(subject.type, subject.id)
        except (Unavailable, TimeoutError) as error:
            _log.warning("subject_not_asked_for", error=str(error))
            return None
        return found is not None


def _alert(words: Words, kind: str, subject: Subject, now: datetime) -> Alert:
    message, note = words.message.strip(), words.note.strip()
    seen = [text for text in (message, note) if text]
    # The first words are shown as evidence; a note beside a message stands on its own.
    manual = ManualAlert(by=words.by, note=note if message else "", link=words.link)
    return Alert(
        id=words.id,
        detector=words.detector,
        kind=kind,
        subject=subject,
        occurred_at=now,
        evidence=tuple(TextEvidence(text=text) for text in seen),
        attributes=attributes_of(manual),
    )


def kinds_offered(playbooks: Sequence[Playbook]) -> list[tuple[str, Playbook]]:
    """Every kind that a person can choose, once, with the first playbook that names it."""
    ordered = sorted(playbooks, key=lambda each: (each.catch_all, each.order, each.playbook))
    offered: dict[str, Playbook] = {}
    for playbook in ordered:
        for kind in kinds_of(playbook):
            offered.setdefault(kind, playbook)
    return list(offered.items())


_WRITTEN = 100


def made_page(made: Made, line: CaseLine | None, texts: Catalog, base: str | None) -> Said:
    """The case, with a link to its card where that stands already."""
    if line is None or line.card is None:
        channel = safe(made.playbook.channel, 80)
        case = line.id if line is not None else texts.say("bot.hand.no_id")
        told = texts.say("bot.hand.received", case=case, channel=channel)
    else:
        joined = line.opened_at < made.alert.occurred_at
        key = "bot.hand.joined" if joined else "bot.hand.opened"
        told = texts.say(key, case=case_name(line, base), about=about(line, texts))
    if made.unsure:
        told = f"{told}\n{texts.say('bot.hand.unsure')}"
    return pages.sentence(told)


def reported_page(line: CaseLine | None, texts: Catalog) -> Said:
    """The case id and nothing else: whoever reports need not be of the team."""
    if line is None:
        return pages.sentence(texts.say("bot.hand.reported.later"))
    return pages.sentence(texts.say("bot.hand.reported", case=line.id))


def fault_words(fault: Fault, written: str, texts: Catalog, shown: Safe = mrkdwn) -> str:
    """What is wrong with what was `written`; `shown` as it is read there."""
    written = shown(one_line(written), _WRITTEN)
    if fault.nearest is None:
        return texts.say(f"bot.hand.wrong.{fault.wrong}", written=written)
    nearest = shown(fault.nearest, _WRITTEN)
    return texts.say(f"bot.hand.wrong.{fault.wrong}.nearest", written=written, nearest=nearest)


def block_of(wrong: Wrong) -> str:
    """The field of the modal that it is about."""
    return "subject" if wrong in (Wrong.SUBJECT, Wrong.NOT_THERE) else "kind"
