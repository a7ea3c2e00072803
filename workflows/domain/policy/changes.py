"""Changes of the policy folder: their meaning, their records, and their confirmation.

A change that loosens automation waits for a second person: until then the version before it stays
in force, as a whole.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from workflows.domain.people import Actor, Role
from workflows.domain.policy.appeals import Automation, Notices
from workflows.domain.policy.bands import Mode, Sample, Trial
from workflows.domain.policy.differences import (
    ChangeKind,
    Difference,
    PolicySet,
    Versions,
    contrasted,
    differences,
    set_fields,
    written,
)
from workflows.domain.policy.limits import Loosening
from workflows.domain.policy.loosening import loosens
from workflows.domain.policy.playbook import Playbook, ReasonTemplate, Rule
from workflows.domain.policy.strictness import automatic
from workflows.domain.values import Text, Value


class Part(StrEnum):
    """The part of the folder that a change is in."""

    PLAYBOOK = "playbook"
    ACTION = "action"
    DETECTOR = "detector"
    SOURCE = "source"
    ROLE = "role"
    PLATFORM = "platform"
    LIMITS = "limits"
    APPEALS = "appeals"
    ROSTER = "roster"
    REPORTS = "reports"
    RETENTION = "retention"
    TRUSTED = "trusted"
    OTHER = "other"


class Form(StrEnum):
    """The type of a value, for its words."""

    TEXT = "text"
    DURATION = "duration"
    SWITCH = "switch"
    SHARE = "share"
    WORD = "word"


class Shown(Value):
    """A field of an added or removed entry, with its written value."""

    name: str
    text: str
    form: Form = Form.TEXT


class Change(Value):
    """One change of a policy.

    `name` is the playbook, action, detector, source or role, and `path` the field in it. `before`
    and `after` are written values of the type `form`; `fields` are those of an added or removed
    entry. `playbooks` are those concerned; none: all of them. `loosens`: automation does more, or
    needs fewer people.
    """

    kind: ChangeKind
    part: Part
    name: str = ""
    title: Text | None = None
    path: tuple[str, ...] = ()
    before: str | None = None
    after: str | None = None
    form: Form = Form.TEXT
    fields: tuple[Shown, ...] = ()
    loosens: bool = False
    playbooks: tuple[str, ...] = ()

    def concerns(self, playbook: str) -> bool:
        """Whether the change is about this playbook, or about all of them."""
        return not self.playbooks or playbook in self.playbooks

    @property
    def place(self) -> tuple[str, ...]:
        """Where it is."""
        return (self.part.value, self.name, *self.path)


def loosening_first(found: Iterable[Change]) -> tuple[Change, ...]:
    """The changes in their order, those that loosen automation first."""
    return tuple(sorted(found, key=lambda each: not each.loosens))


def changes(old: PolicySet, new: PolicySet) -> tuple[Change, ...]:
    """The changes from `old` to `new`, playbooks first; none if both mean the same."""
    both = Versions(old, new)
    found = (_change(each, both) for each in differences(both))
    return tuple(sorted(found, key=lambda each: (list(Part).index(each.part), each.name)))


# -- parts and playbooks ------------------------------------------------------------------

_PARTS: dict[str, tuple[Part, int]] = {
    "playbooks": (Part.PLAYBOOK, 1),
    "catalog": (Part.ACTION, 2),
    "detectors": (Part.DETECTOR, 1),
    "queries": (Part.DETECTOR, 1),
    "sources": (Part.SOURCE, 2),
    "roles": (Part.ROLE, 2),
    "lookups": (Part.PLATFORM, 0),
    "limits": (Part.LIMITS, 0),
    "appeals": (Part.APPEALS, 0),
    "roster": (Part.ROSTER, 0),
    "reports": (Part.REPORTS, 0),
    "retention": (Part.RETENTION, 0),
    "trusted": (Part.TRUSTED, 0),
}
"""Part of each field of `PolicySet`, and the place of its name in a path."""


def _change(found: Difference, both: Versions) -> Change:
    first = found.path[0]
    part, place = _PARTS.get(first, (Part.OTHER, 0))
    name = found.path[place] if 0 < place < len(found.path) else ""
    path = found.path if part is Part.OTHER else found.path[place + 1 :]
    if first == "queries":
        path = ("query",)
    return Change(
        kind=found.kind,
        part=part,
        name=name,
        title=_title(part, name, both),
        path=path,
        loosens=loosens(found, both),
        playbooks=_concerned(part, name, both),
        **(_values(found) if path else {}),
    )


def _values(found: Difference) -> dict[str, Any]:
    """The written values; none of a text that only moderators read."""
    if found.kind is ChangeKind.REWORDED and found.field not in _SENT:
        return {}
    there = found.before if found.after is None else found.after
    before, after = contrasted(found.before, found.after)
    fields: tuple[Shown, ...] = ()
    if isinstance(there, BaseModel) and None in (found.before, found.after):
        fields = tuple(
            Shown(name=name, text=written(value), form=_form(name, value))
            for name, value in set_fields(there)
        )
    form = _form(found.field[1], there)
    return {"before": before, "after": after, "form": form, "fields": fields}


_SHARES = frozenset({*Sample.model_fields, "precision", "undone"})


def _form(name: str, value: Any) -> Form:
    match value:
        case bool():
            return Form.SWITCH
        case timedelta():
            return Form.DURATION
        case float() if name in _SHARES:
            return Form.SHARE
        case StrEnum():
            return Form.WORD
    return Form.TEXT


_SENT = frozenset(
    {
        *((Notices, name) for name in Notices.model_fields),
        *((Automation, name) for name in Automation.model_fields),
        *((ReasonTemplate, "notice"), (Rule, "title")),
    }
)
"""Texts that are sent to people outside of the team."""


def _title(part: Part, name: str, both: Versions) -> Text | None:
    parts: dict[Part, tuple[Mapping[str, Any], ...]] = {
        Part.PLAYBOOK: (both.new.playbooks, both.old.playbooks),
        Part.ACTION: (both.new.catalog.actions, both.old.catalog.actions),
        Part.DETECTOR: (both.new.detectors, both.old.detectors),
    }
    found = next((each[name] for each in parts.get(part, ()) if name in each), None)
    return getattr(found, "title", None)


def _concerned(part: Part, name: str, both: Versions) -> tuple[str, ...]:
    if part is Part.PLAYBOOK:
        return (name,)
    if part is not Part.ACTION:
        return ()
    return tuple(sorted({each.playbook for each in both.books if _takes(each, name)}))


def _takes(playbook: Playbook, action: str) -> bool:
    chosen = {each.action for preset in playbook.presets for each in preset.actions}
    return action in chosen | automatic(playbook) or playbook.offers(action)


# -- records ------------------------------------------------------------------------------


class RecordKind(StrEnum):
    """The kind of a record: a load of the folder, or what became of it.

    `HELD` waits for a second person. It is over with `CONFIRMED`, with `WITHDRAWN` (the folder was
    restored), or with the next load.
    """

    LOADED = "policy_loaded"
    CHANGED = "policy_changed"
    HELD = "policy_held"
    CONFIRMED = "policy_confirmed"
    WITHDRAWN = "policy_withdrawn"
    ANNOUNCED = "policy_announced"


ANNOUNCED = frozenset(RecordKind) - {RecordKind.LOADED, RecordKind.ANNOUNCED}
"""Kinds that are announced in Slack."""


class Origin(Value):
    """The git commit of a folder whose files are exactly those of the commit, and its author.

    `authors` are the e-mail addresses of all commits since the version in force, empty ones for
    unknown authors; None without a repository.
    """

    commit: str | None = None
    author: str | None = None
    email: str | None = None
    authors: tuple[str, ...] | None = None


class PolicyRecord(Origin):
    """A record of the ledger; `before` and `version` are versions of the folder.

    `about` is the record that it confirms, withdraws or announces, `actor` the person who did.
    `restored`: this version has been in force before. `playbooks` are those concerned; None: all.
    """

    id: int = 0
    kind: RecordKind
    at: datetime
    before: str | None = None
    version: str
    about: int | None = None
    actor: str | None = None
    restored: bool = False
    playbooks: tuple[str, ...] | None = None
    changes: tuple[Change, ...] = ()

    @property
    def in_force(self) -> str | None:
        """The version that is in force after it."""
        return self.before if self.kind is RecordKind.HELD else self.version

    @property
    def waiting(self) -> str | None:
        """The version that waits for a second person after it."""
        return self.version if self.kind is RecordKind.HELD else None

    def concerns(self, playbook: str) -> bool:
        """Whether it is about this playbook, or about all of them."""
        return self.playbooks is None or playbook in self.playbooks


class Load(Origin):
    """A load of the folder `at` a time; `restored` as in `PolicyRecord`."""

    version: str
    at: datetime
    restored: bool = False


UNREADABLE = Change(
    kind=ChangeKind.CHANGED, part=Part.OTHER, path=("policy_versions",), loosens=True
)
"""The change from a version whose stored content was changed: nothing is known of it."""


def is_news(last: PolicyRecord | None, version: str) -> bool:
    """Whether a load of this version needs a record."""
    return last is None or version != (last.waiting or last.in_force)


def record_of(
    last: PolicyRecord | None,
    load: Load,
    old: PolicySet | None,
    new: PolicySet,
    confirmed: PolicyRecord | None = None,
) -> PolicyRecord:
    """The record of a load that is news; `old` is the version in force, None if unreadable.

    `confirmed` is the change by which a person has put that version in force, if one has.
    """
    shared = {name: getattr(load, name) for name in Load.model_fields}
    if last is None:
        return PolicyRecord(kind=RecordKind.LOADED, **shared)
    if load.version == last.in_force:
        return PolicyRecord(
            **{**shared, "restored": True},
            kind=RecordKind.WITHDRAWN,
            before=last.waiting,
            about=last.id,
            playbooks=last.playbooks,
        )
    found = (UNREADABLE,) if old is None else changes(old, new)
    holds = old is None or (holds_back(old, found) and not takes_back(load, found, confirmed))
    return PolicyRecord(
        **shared,
        kind=RecordKind.HELD if holds else RecordKind.CHANGED,
        before=last.in_force,
        playbooks=_all_concerned(found),
        changes=found,
    )


def holds_back(in_force: PolicySet, found: Iterable[Change]) -> bool:
    """Whether changes wait for a second person, by the rule of the version in force."""
    rule = in_force.limits.loosening if in_force.limits is not None else None
    return rule is not None and any(each.loosens for each in found)


def takes_back(load: Load, found: Iterable[Change], confirmed: PolicyRecord | None) -> bool:
    """Whether a load takes a confirmed change back, and loosens only what that has loosened."""
    if confirmed is None or load.version != confirmed.before:
        return False
    known = {each.place for each in confirmed.changes if each.loosens}
    return all(each.place in known for each in found if each.loosens)


def _all_concerned(found: Iterable[Change]) -> tuple[str, ...] | None:
    named = [each.playbooks for each in found]
    if not all(named):
        return None
    return tuple(sorted({name for names in named for name in names}))


class NotConfirmed(StrEnum):
    """The reason why a change was not confirmed."""

    ROLE_NEEDED = "role_needed"
    OWN_CHANGE = "own_change"
    AUTHOR_UNKNOWN = "author_unknown"
    NOT_WAITING = "not_waiting"


def confirm(
    last: PolicyRecord | None, by: Actor, record: int, rule: Loosening, at: datetime
) -> PolicyRecord | NotConfirmed:
    """Confirms the waiting change, by the rule of the version in force."""
    if not by.may(frozenset({rule.approval})):
        return NotConfirmed.ROLE_NEEDED
    if last is None or last.kind is not RecordKind.HELD or last.id != record:
        return NotConfirmed.NOT_WAITING
    users = {rule.user_of(each) for each in _authors(last)} if rule.authors else set()
    if by.id in users:
        return NotConfirmed.OWN_CHANGE
    if None in users:
        return NotConfirmed.AUTHOR_UNKNOWN
    return PolicyRecord(
        kind=RecordKind.CONFIRMED,
        at=at,
        before=last.before,
        version=last.version,
        about=last.id,
        actor=by.id,
        playbooks=last.playbooks,
    )


def _authors(held: PolicyRecord) -> tuple[str, ...]:
    if held.authors is not None:
        return held.authors
    return (held.email,) if held.email is not None else ()


# -- messages -----------------------------------------------------------------------------

MOST_LINES = 8
"""Changes in one message, of which those that loosen automation are first."""
MOST_ASKED = 30
"""Changes in one message that asks for a confirmation; further ones that loosen have their own."""


class PolicyNotice(Value):
    """The message about a record in a `channel`, or to a `role`. `key` makes it idempotent.

    `more` changes are not shown. With `asks` it has a button, or is one of several `parts` of which
    the last has it; `part` counts from 0. `trials` are those of playbooks that would leave shadow
    mode. With `outcome` the message about `record` was posted: it is updated with what became of
    the change.
    """

    key: str
    record: PolicyRecord
    channel: str | None = None
    role: Role = Role.LEAD
    playbooks: tuple[str, ...] = ()
    titles: tuple[Text, ...] = ()
    more: int = 0
    asks: bool = False
    part: int = 0
    parts: int = 1
    trials: tuple[Trial, ...] = ()
    outcome: PolicyRecord | None = None


def leaving_shadow(record: PolicyRecord) -> tuple[str, ...]:
    """The playbooks that a change takes out of shadow mode to act."""
    live, path = (Mode.SHADOW.value, Mode.LIVE.value), ("mode",)
    found = (each for each in record.changes if (each.part, each.path) == (Part.PLAYBOOK, path))
    return tuple(each.name for each in found if (each.before, each.after) == live)


def notices_of(
    record: PolicyRecord, versions: Iterable[PolicySet], role: Role
) -> tuple[PolicyNotice, ...]:
    """The messages about a record with the changes that it is about.

    One goes to each channel of the playbooks concerned, in either version. Changes that concern
    all playbooks, and those that wait, go to `role`.
    """
    if record.kind is RecordKind.CHANGED and not record.changes:
        return ()
    books = [book for each in versions for book in each.playbooks.values()]
    channels = sorted({book.channel for book in books})
    found = (notice for each in channels for notice in _in_channel(each, books, record))
    if record.kind is RecordKind.HELD:
        return (*_asking(record, role), *found)
    everywhere = tuple(each for each in record.changes if not each.playbooks)
    return (*([_notice(record, everywhere, role=role)] if everywhere else []), *found)


def _asking(record: PolicyRecord, role: Role) -> Iterator[PolicyNotice]:
    """The messages that ask, with everything that loosens; the last one has the button."""
    ordered = loosening_first(record.changes)
    least = max(sum(each.loosens for each in ordered), min(len(ordered), MOST_LINES))
    starts = range(0, least, MOST_ASKED)
    for part, start in enumerate(starts):
        own = ordered[start : min(start + MOST_ASKED, least)]
        yield PolicyNotice(
            key=f"policy/{record.id}/role/{role}" + (f"/{part + 1}" if part else ""),
            record=record.model_copy(update={"changes": own}),
            role=role,
            more=len(ordered) - least if part == len(starts) - 1 else 0,
            asks=True,
            part=part,
            parts=len(starts),
        )


def _in_channel(
    channel: str, books: Iterable[Playbook], record: PolicyRecord
) -> Iterator[PolicyNotice]:
    here = {book.playbook: book.title for book in books if book.channel == channel}
    own = tuple(each for each in record.changes if here.keys() & set(each.playbooks))
    if own:
        named = [name for name in here if any(name in each.playbooks for each in own)]
        titles = tuple(here[name] for name in named)
        yield _notice(record, own, channel=channel, playbooks=tuple(named), titles=titles)


def _notice(record: PolicyRecord, own: tuple[Change, ...], **more: Any) -> PolicyNotice:
    shown = record.model_copy(update={"changes": loosening_first(own)[:MOST_LINES]})
    where = more.get("channel") or f"role/{more['role']}"
    return PolicyNotice(
        key=f"policy/{record.id}/{where}", record=shown, more=len(own) - len(shown.changes), **more
    )
