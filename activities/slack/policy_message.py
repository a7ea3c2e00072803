"""Messages about changes of the policy folder: their lines, and what became of them."""

from collections.abc import Iterator, Sequence

from activities.slack.actions import POLICY_CONFIRM, element
from activities.slack.blocks import Message, actions, metadata, sections
from activities.slack.direct_messages import NOTICE_TYPE
from activities.slack.escape import code, mrkdwn, one_line
from activities.slack.i18n.catalog import Catalog
from activities.slack.reader import Reader
from activities.slack.report_message import trial_counts
from workflows.domain.policy.changes import (
    UNREADABLE,
    Change,
    Form,
    Part,
    PolicyNotice,
    PolicyRecord,
    RecordKind,
)
from workflows.domain.policy.differences import LONGEST_VALUE, ChangeKind
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import parse_duration

_NAME, _PERSON = 60, 60
_VALUE = 2 * LONGEST_VALUE
"""UTF-16 units: a value is cut already, where it differs."""
_COMMIT, _VERSION = 10, 12
_NAMED = 3
"""Playbooks of which a message names the history."""
_SEVERITIES = frozenset(each.value for each in Severity)


def policy_message(notice: PolicyNotice, reader: Reader) -> Message:
    """Draws the message about a change, for a channel or the holders of a role."""
    record, texts = notice.record, reader.texts
    title, is_last = _title(notice, reader), notice.part == notice.parts - 1
    lines = [
        f"*{title}*",
        record_facts(record, texts),
        *(f"• {change_line(each, texts)}" for each in record.changes),
        *([reader.say("words.more", count=notice.more)] if notice.more else []),
        *_pointers(notice, reader),
        *(_trials(notice, texts) if is_last else ()),
    ]
    if notice.outcome is not None:
        lines.append(f"*{_outcome(notice.outcome, record, reader)}*")
    elif notice.asks and is_last:
        lines.append(reader.say("policy.ask"))
    asks = notice.asks and is_last and notice.outcome is None
    agree = [element(POLICY_CONFIRM, reader, str(record.id), "primary")] if asks else []
    blocks = [*sections(lines), *actions(POLICY_CONFIRM, agree)]
    return Message(title, blocks, metadata(NOTICE_TYPE, key=notice.key))


def _trials(notice: PolicyNotice, texts: Catalog) -> Iterator[str]:
    """What the playbooks that would leave shadow mode did on trial."""
    for each in notice.trials:
        name = mrkdwn(each.playbook, _NAME)
        yield texts.say("policy.trial", name=name, counts=trial_counts(each, texts))


def _title(notice: PolicyNotice, reader: Reader) -> str:
    titles = reader.listed(reader.title(each) for each in notice.titles[:_NAMED])
    more = len(notice.titles) - _NAMED
    if more > 0:
        titles = f"{titles} {reader.say('words.more', count=more)}"
    end = "" if notice.titles else ".all"
    person = reader.person(notice.record.actor)
    state = _state(notice.record) if notice.outcome is None else "asked"
    title = reader.say(f"policy.title.{state}{end}", titles=titles, person=person)
    return title if notice.parts == 1 else reader.noted(title, f"{notice.part + 1}/{notice.parts}")


def _state(record: PolicyRecord) -> str:
    """`changed`, `held`, `confirmed`, `withdrawn`, or `restored`."""
    restored = record.restored and record.kind is RecordKind.CHANGED
    return "restored" if restored else record.kind.value.removeprefix("policy_")


def _outcome(outcome: PolicyRecord, record: PolicyRecord, reader: Reader) -> str:
    state = _state(outcome)
    known = state if state in ("confirmed", "withdrawn") else "replaced"
    at = reader.time(outcome.at, record.at)
    return reader.say(f"policy.outcome.{known}", person=reader.person(outcome.actor), at=at)


def _pointers(notice: PolicyNotice, reader: Reader) -> Iterator[str]:
    named = [f"`/koban playbook {each} history`" for each in notice.playbooks[:_NAMED]]
    if named:
        yield reader.say("policy.history", forms=reader.listed(named))


def record_facts(record: PolicyRecord, texts: Catalog) -> str:
    """The versions before and after, with the commit and its author where they are known."""
    parts = [f"`{mrkdwn(record.version[:_VERSION], 20)}`"]
    if record.before is not None:
        before = f"`{mrkdwn(record.before[:_VERSION], 20)}`"
        parts = [texts.say("policy.versions", before=before, after=parts[0])]
    if record.commit is not None:
        commit = f"`{mrkdwn(record.commit[:_COMMIT], 20)}`"
        parts.append(texts.say("policy.commit", commit=commit))
    if record.author is not None:
        parts.append(mrkdwn(one_line(record.author), _PERSON))
    return " · ".join(parts)


def change_line(change: Change, texts: Catalog) -> str:
    """What changed, in words; conditions and names as they are written."""
    if change == UNREADABLE:
        return texts.say("policy.line.unreadable")
    line = _line(change, texts)
    return texts.say("policy.line.loosens", line=line) if change.loosens else line


def _line(change: Change, texts: Catalog) -> str:
    what = " › ".join([*_head(change, texts), *_fields(change.path, texts)])
    before, after = (_shown(each, change.form, texts) for each in (change.before, change.after))
    kind = change.kind
    if kind is ChangeKind.REWORDED and after:
        kind = ChangeKind.CHANGED
    key = f"policy.line.{kind.value}"
    value = {ChangeKind.ADDED: after, ChangeKind.REMOVED: before}.get(kind)
    if value:
        return texts.say(f"{key}.value", what=what, value=_of_fields(change, texts) or value)
    return texts.say(key, what=what, before=before, after=after)


def _of_fields(change: Change, texts: Catalog) -> str:
    """The fields of an added or removed entry."""
    named = (
        f"{_field(each.name, texts)} {_shown(each.text, each.form, texts)}"
        for each in change.fields
    )
    return texts.say("words.comma").join(named)


def _head(change: Change, texts: Catalog) -> Sequence[str]:
    """The playbook, or the part of the folder and the name in it."""
    name = code(change.name, _NAME) if change.name else ""
    if change.title is not None:
        name = mrkdwn(one_line(change.title.in_(texts.language)), _NAME)
    if change.part is Part.ROLE and f"role.{change.name}" in texts.keys:
        name = texts.say(f"role.{change.name}")
    head = (
        [] if change.part is Part.PLAYBOOK and name else [texts.say(f"policy.part.{change.part}")]
    )
    return [*head, *([name] if name else [])]


def _fields(path: Sequence[str], texts: Catalog) -> Iterator[str]:
    return (_field(name, texts) for name in path)


def _field(name: str, texts: Catalog) -> str:
    if name in _SEVERITIES:
        return texts.say(f"severity.{name}")
    key = f"policy.field.{name}"
    return texts.say(key) if key in texts.keys else code(name, _NAME)


def _shown(value: str | None, form: Form, texts: Catalog) -> str:
    """The value in words, by its type."""
    if value is None:
        return ""
    match form:
        case Form.DURATION:
            return texts.duration(parse_duration(value))
        case Form.SHARE:
            return texts.number(float(value), "#,##0.##%")
        case Form.SWITCH:
            return texts.say(f"policy.value.{value}")
        case Form.WORD:
            keys = (f"policy.word.{value}", f"role.{value}", f"severity.{value}")
            known = next((key for key in keys if key in texts.keys), None)
            return texts.say(known) if known is not None else code(value, _VALUE)
    return code(value, _VALUE)
