"""Command parser: `find`, `open`, `pause` and similar forms."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.commands.automation import (
    PAUSE_FORM,
    RESUME_FORM,
    ChoosePause,
    PauseAutomation,
    ResumeAutomation,
)
from bot.slack.commands.cases import ShowCase
from bot.slack.commands.detectors import RunDetector, ShowDetectors
from bot.slack.commands.dispatch import FORMS, read
from bot.slack.commands.find import FORM as FIND_FORM
from bot.slack.commands.find import Find
from bot.slack.commands.open import FORM as OPEN_FORM
from bot.slack.commands.open import OpenCase
from bot.slack.commands.parser import Incomplete, Unknown, case_begun
from bot.slack.commands.playbook import ShowPlaybook
from bot.slack.commands.subject import FORM as RELATED_FORM
from bot.slack.commands.subject import ShowRelated
from workflows.domain.alerts import Subject
from workflows.domain.automation import Scope

KINDS = ("user", "listing")
TWO_HOURS = timedelta(hours=2)


def paused(typed: str, playbook: str | None, lasts: timedelta) -> PauseAutomation:
    """A pause with an end."""
    return PauseAutomation(scope=Scope(playbook=playbook), lasts=lasts, typed=typed)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("find LINE ID", Find(text="LINE ID")),
        ("検索　ラインの交換", Find(text="ラインの交換")),
        ("find a &amp; b", Find(text="a & b")),
        ("playbook", ShowPlaybook()),
        ("Playbook OFF_PLATFORM", ShowPlaybook(name="off_platform")),
        ("手順書 外部誘導", ShowPlaybook(name="外部誘導")),
        ("open off_platform user:u_1", OpenCase(kind="off_platform", subject="user:u_1")),
        (
            "作成　外部誘導　u_1　別アカウント も確認",
            OpenCase(kind="外部誘導", subject="u_1", note="別アカウント も確認"),
        ),
        ("pause", ChoosePause()),
        ("pause for 2h", ChoosePause(lasts="for 2h")),
        ("停止 30分", ChoosePause(lasts="30分")),
        ("pause all", PauseAutomation()),
        ("停止 すべて", PauseAutomation()),
        ("停止　全部", PauseAutomation()),
        ("pause Off_Platform", PauseAutomation(scope=Scope(playbook="off_platform"))),
        ("pause off_platform for 2h", paused("for 2h", "off_platform", TWO_HOURS)),
        ("pause all 2h", paused("2h", None, TWO_HOURS)),
        ("停止　off_platform　２時間", paused("2時間", "off_platform", TWO_HOURS)),
        ("停止 全部 30分", paused("30分", None, timedelta(minutes=30))),
        ("pause all for 3 days", paused("for 3 days", None, timedelta(days=3))),
        ("pause detector Shill", PauseAutomation(scope=Scope(detector="shill"))),
        ("停止 検知器 shill", PauseAutomation(scope=Scope(detector="shill"))),
        ("pause action mute_user", PauseAutomation(scope=Scope(action="mute_user"))),
        ("pause detector", PauseAutomation(scope=Scope(detector=""))),
        ("再開 措置 mute_user", ResumeAutomation(scope=Scope(action="mute_user"))),
        ("detector", ShowDetectors()),
        ("検知器 Shill", ShowDetectors(name="shill")),
        ("detector shill run", RunDetector(name="shill")),
        ("検知器 shill 実行", RunDetector(name="shill")),
        ("resume", ResumeAutomation()),
        ("再開 すべて", ResumeAutomation()),
        ("再開 off_platform", ResumeAutomation(scope=Scope(playbook="off_platform"))),
        ("related user u_1", ShowRelated(subject=Subject(type="user", id="u_1"))),
        ("case k7q2-f9xmo", ShowCase(case="K7Q2F9XM0")),
        ("case `Klq2f9xm0`", ShowCase(case="K1Q2F9XM0")),
    ],
)
def test_a_line_is_read_as_it_is_meant(typed, meant):
    """Both languages and any keyboard work."""
    assert read(typed, KINDS) == meant


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        ("find", FIND_FORM),
        ("find x", FIND_FORM),
        ("open", OPEN_FORM),
        ("open off_platform", OPEN_FORM),
        ("pause off_platform for two hours", PAUSE_FORM),
        ("pause off_platform for 0h", PAUSE_FORM),
        ("resume now please", RESUME_FORM),
    ],
)
def test_half_a_line_is_answered_with_its_form(typed, form):
    """Nothing is guessed: a pause needs a complete line."""
    assert read(typed, KINDS) == Incomplete(form=form, wants_words=True)


def test_half_a_related_is_answered_with_its_form():
    """A type and an id are required."""
    assert read("related user", KINDS) == Incomplete(form=RELATED_FORM)


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("fnd LINE", "find LINE"),
        ("playbok off_platform", "playbook off_platform"),
        ("opne off_platform u_1", "open off_platform u_1"),
        ("puase", "pause"),
        ("rsume off_platform", "resume off_platform"),
        ("related usr u_1", "related user u_1"),
        ("relatd user u_1", "related user u_1"),
        ("case 7q2f9xmo", "case K7Q2F9XM0"),
        ("opne", "open"),
        ("puase all for 2h", "pause all for 2h"),
        ("queue overdu", "queue overdue"),
        ("queue of_my_team", None),
        ("stats 6h", None),
    ],
)
def test_a_typo_gets_the_nearest_form(typed, nearest):
    """The form is suggested, and not executed."""
    assert read(typed, KINDS) == Unknown(typed=typed, nearest=nearest)


@pytest.mark.parametrize(
    ("typed", "prefix"),
    [("k7q2", "K7Q2"), ("kOlI", "K011"), ("K7", None), ("line", None), ("K7Q2F9XM0A", None)],
)
def test_the_beginning_of_an_id_is_recognised(typed, prefix):
    """Three characters are enough, and similar characters are corrected."""
    assert case_begun(typed) == prefix


@pytest.mark.parametrize("form", [form for form, _ in FORMS])
def test_every_form_of_the_help_is_valid(form):
    """Each can be typed unchanged; only `cover` needs a mention."""
    line = read(form.replace("@name", "<@U0SATO>"), KINDS)
    assert not isinstance(line, Unknown | Incomplete)


@given(st.text(max_size=200))
def test_any_line_is_parsed(text):
    """Any input gives a form, and every suggestion is valid."""
    line = read(text, KINDS)
    if isinstance(line, Unknown) and line.nearest is not None:
        assert not isinstance(read(line.nearest, KINDS), Unknown)


@given(st.sampled_from(["pause", "resume", "open", "find", "related"]), st.text(max_size=60))
def test_any_arguments_are_parsed(verb, rest):
    """The same holds for the arguments of a known verb."""
    assert read(f"{verb} {rest}", KINDS) is not None
