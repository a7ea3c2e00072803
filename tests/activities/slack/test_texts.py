"""Text catalogs: the same keys in both languages, and no unused ones."""

import ast
import re
import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from activities.slack.cards.case_facts import STATE_COLOUR
from activities.slack.i18n import catalog as module
from activities.slack.i18n.catalog import texts
from activities.slack.thread import WORDS
from workflows.domain.case.appeal_outcome import AppealOutcome
from workflows.domain.case.approval import ApprovalState, Purpose
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import ActionStatus, ProblemKind
from workflows.domain.case.event_base import ActionEvent, Why
from workflows.domain.case.events import Event
from workflows.domain.case.model import Phase
from workflows.domain.case.refusals import Reason
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Notify, Severity, Unless
from workflows.domain.values import Language

JA, EN = texts(Language.JA), texts(Language.EN)
ROOT = Path(module.__file__).parents[3]
NOT_TOLD = {
    "auto_decided",
    "sampled",
    "bulk_progressed",
    "case_opened",
    "alert_joined",
    "case_watched",
    "case_unwatched",
    "enforcement_started",
    "evidence_revealed",
    "limit_reached",
}
_PURPOSES = [purpose.value for purpose in Purpose]
NEEDS_MORE = {
    "approval_requested": _PURPOSES,
    "approval_expired": ["escalate", *(f"refuse.{purpose}" for purpose in _PURPOSES)],
    "case_escalated": ["asked", "direct", *(unless.value for unless in Unless)],
    "case_resumed": ["changed", *(why.value for why in Why)],
    "approved": ["more"],
    "appeal_answered": [outcome.value for outcome in AppealOutcome],
}


def placeholders(form: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(form) if name}


def test_both_languages_have_the_same_keys() -> None:
    """Every text has a translation."""
    assert JA.keys == EN.keys


@pytest.mark.parametrize("key", sorted(JA.keys))
def test_both_languages_use_the_same_values(key: str) -> None:
    """A translation has the placeholders of the original."""
    ja = {name for form in JA.forms(key) for name in placeholders(form)}
    for form in EN.forms(key):
        assert placeholders(form) == ja


@pytest.mark.parametrize(
    ("prefix", "kinds"),
    [
        ("severity", Severity),
        ("verdict", Verdict),
        ("role", Role),
        ("notify", Notify),
        ("card.state", Phase),
        ("action.status", ActionStatus),
        ("problem", ProblemKind),
        ("refusal", Reason),
        ("approval.state", ApprovalState),
        ("approval.then.refuse", Purpose),
        ("approval.title", Purpose),
        ("approval.request", Purpose),
        ("approval.effect", Purpose),
        ("confirm.approve", Purpose),
    ],
)
def test_every_kind_has_its_words(prefix: str, kinds: type[StrEnum]) -> None:
    """Every enum value on a card has a label."""
    assert {f"{prefix}.{kind.value}" for kind in kinds} <= JA.keys


def test_every_event_has_its_line() -> None:
    """Only events that merely change a count have no thread line."""
    members = get_args(get_args(Event)[0])
    classes = {member.model_fields["kind"].default: member for member in members}
    kinds = classes.keys() - NOT_TOLD
    own = {event.model_fields["kind"].default for event in WORDS}
    assert own <= kinds
    for kind in kinds - own:  # the line names the action or the person, and nothing else
        filled = {"action"} if issubclass(classes[kind], ActionEvent) else {"person"}
        for form in (*JA.forms(f"line.{kind}"), *EN.forms(f"line.{kind}")):
            assert {name for _, name, _, _ in string.Formatter().parse(form) if name} == filled
    for kind in kinds:
        wanted = {f"line.{kind}.{more}" for more in NEEDS_MORE.get(kind, [])} or {f"line.{kind}"}
        assert wanted <= JA.keys


def test_every_status_has_a_label() -> None:
    """A colour always comes with a label."""
    assert {f"card.state.{where}" for where in STATE_COLOUR} <= JA.keys


def _sources() -> Iterator[ast.Module]:
    for folder in ("activities/slack", "activities/backtest", "bot"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield ast.parse(path.read_text(encoding="utf-8"))


def _pattern(node: ast.expr) -> str | None:
    """Pattern of a key: a literal, or an f-string with any text for its holes.

    A leading hole (`f"{key}.none"`) matches any key with that ending; holes alone match nothing.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            re.escape(part.value) if isinstance(part, ast.Constant) else ".*"
            for part in node.values
        )
    return None


def _strings() -> set[str]:
    found = {_pattern(node) for tree in _sources() for node in ast.walk(tree)}  # type: ignore[arg-type]
    return {each for each in found if each and r"\." in each and each != r".*\..*"}


def test_no_key_is_unused() -> None:
    """The code uses every key."""
    asked = re.compile("|".join(sorted(_strings())))
    assert [key for key in sorted(JA.keys) if asked.fullmatch(key) is None] == []


def test_no_key_is_missing() -> None:
    """The catalogs have every key that the code uses."""
    missing = []
    for tree in _sources():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            pattern = _pattern(node.args[0]) if node.args and node.func.attr == "say" else None
            if pattern and not any(re.fullmatch(pattern, key) for key in JA.keys):
                missing.append(pattern)
    assert missing == []


def test_a_count_chooses_the_plural() -> None:
    """English has two forms, Japanese one; numbers are grouped."""
    assert EN.say("card.viewers", count=1) == "1 viewer"
    assert EN.say("card.viewers", count=1240) == "1,240 viewers"
    assert JA.say("card.viewers", count=1240) == "視聴者 1,240人"


@pytest.mark.parametrize(
    ("lasts", "ja", "en"),
    [
        (timedelta(hours=24), "24時間", "24 hours"),
        (timedelta(days=7), "7日", "7 days"),
        (timedelta(minutes=90), "1時間30分", "1 hour 30 minutes"),
        (timedelta(seconds=45), "45秒", "45 seconds"),
    ],
)
def test_durations_are_exact(lasts: timedelta, ja: str, en: str) -> None:
    """36 hours are not rounded to two days."""
    assert (JA.duration(lasts), EN.duration(lasts)) == (ja, en)


def test_times_are_written_as_people_write_them() -> None:
    """Japanese relative times have no space from CLDR; dates have the language's order."""
    at, tokyo = datetime(2026, 11, 24, 3, 3, tzinfo=UTC), ZoneInfo("Asia/Tokyo")
    assert (JA.ago(timedelta(seconds=12)), EN.ago(timedelta(seconds=12))) == (
        "12秒前",
        "12 seconds ago",
    )
    assert JA.day_and_time(at, tokyo) == "11月24日 12:03"
    assert EN.day_and_time(at, tokyo) == "Nov 24 12:03"


def test_a_key_that_is_missing_is_an_error() -> None:
    """A raw key is never shown."""
    with pytest.raises(KeyError):
        JA.say("card.nothing")


def test_a_key_without_a_sentence_is_an_error(tmp_path: Path) -> None:
    """An empty text is never shown."""
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    (tmp_path / "ja.po").write_text(header + 'msgid "x.y"\nmsgstr ""\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"ja\.po: x\.y has no sentence"):
        module.load(Language.JA, tmp_path)
