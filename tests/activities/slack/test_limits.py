"""Slack's limits: every message fits, for any text."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.slack.blocks import Message
from activities.slack.cards.approval import approval_card
from activities.slack.cards.case import case_card
from activities.slack.direct_messages import direct_message
from activities.slack.thread import MAX_LINES, lines_message
from tests.activities.slack.cases import (
    BAN,
    MUTE,
    PROTECTS,
    REVIEWS,
    SATO,
    TANAKA,
    Story,
    alert,
    policy,
)
from tests.activities.slack.drawn import faults, reader, seen
from tests.selection import examples
from tests.slack_shapes.words import an_id
from workflows.domain.case import commands as cmd
from workflows.domain.case.enforcement import ActionStatus, Problem, ProblemKind
from workflows.domain.case.events import CaseClaimed, NoteAdded, Recorded
from workflows.domain.case.model import Sanction, SubjectHistory
from workflows.domain.case.view import view_of
from workflows.domain.values import Language
from workflows.ports.cases import Tell

TOKENS = [
    "<!channel>",
    "<@U1>",
    "<!here>",
    "https://ex.com/a",
    "*b*",
    "```",
    "\n> ",
    "&",
    "<",
    "𠮷",
]
WORDS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(TOKENS), max_size=20).map("".join),
    st.sampled_from(["&" * 3_000, "<" * 900, "𠮷" * 900, "a.b" * 300, "\u0301" * 900]),
)
IDS = st.text(st.characters(exclude_categories=["C"]), max_size=256).map(an_id)
MENTION = re.compile(r"<(@|!channel|!here|!everyone|#)")


def stories(words: str, subject: str) -> list[Story]:
    """The case in each of its states."""
    first = alert(
        subject={"type": "user", "id": subject},
        related=({"type": "x" * 64, "id": subject},) * 5,
        title={"ja": words, "en": words},
        evidence=({"kind": "text", "text": words},),
    )
    key = BAN.replace("u_123", subject)
    decided = cmd.Decide(
        by=SATO,
        verdict=cmd.Verdict.VIOLATION,
        actions=({"action": "permanent_ban"},),  # type: ignore[arg-type]
        policy=words[:60] or None,
        reason=f"理由 {words}",
    )
    ruled = policy(clauses=[{"id": words[:60]}] if words else [])
    asked = lambda: Story(first, ruled).then(decided, 3)  # noqa: E731
    problem = Problem(kind=ProblemKind.REFUSED, status=404)
    said = f"言葉 {words}"
    into = cmd.Merge(by=SATO, into=words or "K7AAAAAAA", subject=first.subject)
    muted = MUTE.replace("u_123", subject)
    return [
        Story(first).claimed().then(cmd.HandOver(by=SATO, to=TANAKA, note=said), 2),
        Story(first).claimed().waiting(note=said).then(cmd.AddNote(by=SATO, note=said), 3),
        Story(first).claimed().then(into, 4),
        Story(first).then(cmd.Absorb(case=words, alerts=3, by="U0SATO"), 4),
        Story(first).cleared().then(cmd.Reopen(by=TANAKA, reason=said), 9),
        asked().asked(question=said),
        asked().asked(question=said).then(cmd.AnswerApprover(by=SATO, answer=said), 9),
        asked().then(cmd.Withdraw(by=SATO), 9),
        Story(first, REVIEWS).muted().reported(muted, ActionStatus.VERIFIED).rejected(),
        Story(first, policy(dry_run=True))
        .muted()
        .reported(muted, ActionStatus.DRY_RUN, would=words),
        Story(first, PROTECTS, SubjectHistory(open_cases=(words,) * 8)).then(
            cmd.ProtectNow(rules=(0,))
        ),
        Story(first, PROTECTS, HISTORY)
        .then(cmd.ProtectNow(rules=(0,)))
        .then(decided.model_copy(update={"policy": None}), 3),
        Story(first).joined(1, title={"ja": words, "en": words}),
        asked(),
        asked().then(cmd.Reject(by=TANAKA, reason=f"却下 {words}"), 4),
        asked().approved().reported(key, ActionStatus.FAILED, 6, problem),
    ]


HISTORY = SubjectHistory(
    sanctions=tuple(Sanction(action="<!channel>*" * 9, times=n, in_force=n) for n in range(40)),
    open_cases=tuple("<!here>*b*" for _ in range(40)),
)


def messages(story: Story, language: Language, names: dict[str, str]) -> list[Message]:
    view, to = view_of(story.case), reader(language, names)
    drawn = [case_card(view, to)]
    if view.approval is not None and view.decision is not None:
        link = "https://x.example/p"
        drawn.append(approval_card(view, view.approval, view.decision, to, link))
    direct = replace(to, direct=True)
    tell = Tell(key="k", view=view, line=story.recorded[-1], card=None)
    if tell.line.event.in_thread:
        drawn.append(direct_message(tell, direct, "https://x.example/p"))
    lines = tuple(each for each in story.recorded if each.event.in_thread)
    return [*drawn, lines_message(lines, view, to)] if lines else drawn


@pytest.mark.property
@settings(deadline=None, max_examples=examples(25))
@given(WORDS, IDS, WORDS, st.sampled_from(Language))
def test_any_words_stay_within_the_limits_and_mention_nobody(
    words: str, subject: str, name: str, language: Language
) -> None:
    """Titles, evidence, ids, reasons and names are hostile, in every state."""
    names = {"U0SATO": name, "U0TANAKA": name}
    for story in stories(words, subject):
        for message in messages(story, language, names):
            assert faults(message) == []
            obeyed = message.text + json.dumps(_mrkdwn(message))
            # Who is called by the lines is one of these two, whatever anybody wrote.
            called = obeyed.replace("<@U0SATO>", "").replace("<@U0TANAKA>", "")
            assert not MENTION.search(called)


def _mrkdwn(message: Message) -> list[str]:
    """The texts that Slack interprets as mrkdwn."""
    found: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, list):
            for each in node:
                walk(each)
        elif isinstance(node, dict):
            if node.get("type") == "mrkdwn":
                found.append(node["text"])
            for each in node.values():
                walk(each)

    walk(message.blocks)
    return found


def test_a_title_with_nothing_to_see_breaks_no_card() -> None:
    """Slack refuses a card with an empty button label."""
    presets = [{"id": "mute", "title": "\u200b", "actions": ["mute_user"]}]
    drawn = case_card(view_of(Story(policy=policy(presets=presets)).case), reader())
    assert faults(drawn) == []
    assert "[–]" in seen(drawn)[-1]


def test_a_hundred_lines_fit_into_one_message() -> None:
    """The largest batch of lines fits with the longest names."""
    story = Story().claimed()
    event = CaseClaimed(at=story.case.opened_at, by="U0SATO")
    lines = tuple(Recorded(seq=2 + n, event=event) for n in range(MAX_LINES))
    drawn = lines_message(lines, view_of(story.case), reader(names={"U0SATO": "𠮷" * 100}))
    assert faults(drawn) == []
    assert drawn.metadata["event_payload"]["through"] == MAX_LINES + 1


def test_a_hundred_long_notes_fit_into_one_message() -> None:
    """The largest batch of the longest lines fits without omissions."""
    story = Story().claimed()
    event = NoteAdded(at=story.case.opened_at, by="U0SATO", note="&" * 3_000)
    lines = tuple(Recorded(seq=2 + n, event=event) for n in range(MAX_LINES))
    drawn = lines_message(lines, view_of(story.case), reader(names={"U0SATO": "&" * 100}))
    assert faults(drawn) == []
    assert sum(text.count("さんのメモ") for text in _mrkdwn(drawn)) == MAX_LINES
