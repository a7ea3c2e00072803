"""Typed text of commands."""

from typing import get_args

import pytest

from workflows.domain.appeal.commands import Overturn, Uphold
from workflows.domain.case import commands as cmd
from workflows.domain.case.commands import typed_in
from workflows.domain.people import Actor

SATO = Actor(id="U0SATO")


@pytest.mark.parametrize(
    "command",
    [
        cmd.Decide(by=SATO, verdict=cmd.Verdict.VIOLATION, reason="3回目"),
        cmd.DecideBulk(by=SATO, reason="3回目"),
        cmd.Reject(by=SATO, reason="3回目"),
        cmd.Reopen(by=SATO, reason="3回目"),
        cmd.HandOver(by=SATO, to=SATO, note="3回目"),
        cmd.Wait(by=SATO, note="3回目"),
        cmd.AddNote(by=SATO, note="3回目"),
        cmd.AskRequester(by=SATO, question="3回目"),
        cmd.AnswerApprover(by=SATO, answer="3回目"),
        Uphold(by=SATO, reason="3回目"),
        Overturn(by=SATO, reason="3回目"),
    ],
)
def test_words_are_given_back_whatever_they_are_called(command: cmd.PersonCommandBase) -> None:
    """Reason, note, question or answer."""
    assert typed_in(command) == "3回目"


def test_a_tap_has_no_words() -> None:
    """Nor has space."""
    assert typed_in(cmd.Claim(by=SATO)) == ""
    assert typed_in(cmd.ChoosePreset(by=SATO, preset="mute")) == ""
    assert typed_in(cmd.AddNote(by=SATO, note=" \n")) == ""


def test_no_command_has_two_kinds_of_words() -> None:
    """The first found would hide the other."""
    for command in get_args(get_args(cmd.PersonCommand)[0]):
        words = {"reason", "note", "question", "answer"} & set(command.model_fields)
        assert len(words) <= 1, command
