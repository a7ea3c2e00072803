"""Typed words: kinds of alerts, and subjects."""

import pytest

from tests.workflows.domain.builders import CATALOG, PLAYBOOK
from workflows.domain.policy.matching import (
    kinds_by_name,
    kinds_of,
    subject_meant,
    subject_types,
    subjects_in,
    type_by_form,
)
from workflows.domain.policy.platform import LookupCatalog
from workflows.domain.policy.playbook import Playbook

_FIELDS = [{"name": "status", "title": "status"}]
LOOKUPS = LookupCatalog.model_validate(
    {
        "lookups": {
            "user": {"title": "u", "path": "/u/{id}", "ids": "u_[a-z0-9]+", "fields": _FIELDS},
            "stream": {"title": "s", "path": "/s/{id}", "ids": "[us]_[0-9]+", "fields": _FIELDS},
            "order": {"title": "o", "path": "/o/{id}", "fields": _FIELDS},
        }
    }
)


def playbook(**changes: object) -> Playbook:
    """The playbook of off-platform deals, changed."""
    return PLAYBOOK.model_copy(update=changes)


@pytest.mark.parametrize(
    ("match", "kinds"),
    [
        ("alert.kind == 'off_platform'", ("off_platform",)),
        ("'spam' == alert.kind && alert.score > 0.5", ("spam",)),
        ('alert.kind in ["spam", "flood"] || alert.kind == "raid"', ("raid", "spam", "flood")),
        ("alert.detector == 'chat'", ()),
        ("alert.kind.startsWith('x')", ()),
    ],
)
def test_kinds_are_read_off_the_match(match: str, kinds: tuple[str, ...]) -> None:
    """As far as it names any."""
    assert kinds_of(playbook(match=match)) == kinds


def test_the_catch_all_is_named_by_itself() -> None:
    """No alert has that kind unless somebody opens a case by it."""
    assert kinds_of(playbook(playbook="other", catch_all=True, match="false")) == ("other",)


def test_a_kind_is_meant_by_several_words() -> None:
    """Its own, and the playbook's name and titles, whatever the spaces; kinds come first."""
    other = playbook(playbook="spam", match="alert.kind == 'off_platform_deal'")
    kinds = kinds_by_name([playbook(), other])
    assert kinds["off_platform"] == "off_platform"
    assert kinds["off-platforminducement"] == "off_platform_deal"
    assert kinds["spam"] == "off_platform_deal"


def test_presets_say_what_a_playbook_acts_on() -> None:
    """In their order, each type once."""
    assert subject_types(PLAYBOOK, CATALOG) == ("user",)


@pytest.mark.parametrize(
    ("written", "types", "key"),
    [
        ("user:u_1", (), "user:u_1"),
        ("User:x:y", (), "user:x:y"),
        ("u_abc", ("stream",), "user:u_abc"),
        ("u_1", (), None),  # a user or a stream
        ("u_1", ("user",), "user:u_1"),
        ("77", ("order",), "order:77"),
        ("77", ("order", "user"), None),
        ("77", (), None),
        ("https://x", ("user",), "user:https://x"),
        ("user:", ("user",), None),
        ("a\x00b", ("user",), None),
    ],
)
def test_a_subject_is_read_as_it_is_meant(
    written: str, types: tuple[str, ...], key: str | None
) -> None:
    """By its type, by the form of its id, or because there is only one possibility."""
    subject = subject_meant(written, types, CATALOG, LOOKUPS)
    assert (None if subject is None else subject.key) == key


def test_subjects_are_found_in_a_text() -> None:
    """As they come, each once; words of no form are words."""
    text = "u_aiko(u_aiko)と order:9、s_12 と u_7。hello user_name https://u_x.example"
    keys = [each.key for each in subjects_in(text, LOOKUPS)]
    assert keys == ["user:u_aiko", "order:9", "stream:s_12"]


def test_hostile_text_takes_linear_time() -> None:
    """Each of these takes minutes or more with a backtracking engine."""
    spec = LOOKUPS.lookups["user"].model_copy(update={"ids": "u_([A-Za-z0-9]+-?)+"})
    lookups = LookupCatalog(lookups={"user": spec})
    assert type_by_form("u_" + "a" * 100_000 + "_", lookups) is None
    assert type_by_form("u_" + "a" * 100_000, lookups) == "user"
    assert subjects_in("-" * 500_000, lookups) == ()
