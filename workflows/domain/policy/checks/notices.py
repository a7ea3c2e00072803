"""Checks of texts, appeals.yaml and notices: languages, lengths, reminders and placeholders."""

import re
from collections.abc import Iterator

from pydantic import BaseModel

from workflows.domain.people import Role, RoleBook
from workflows.domain.policy.appeals import NoticeKind
from workflows.domain.policy.checks.finding import (
    ACTIONS,
    APPEALS,
    PLATFORM,
    ROSTER,
    Bundle,
    Finding,
    Findings,
    Place,
    mixed,
    strings,
    unheld,
    unknown,
)
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.policy.playbook import Playbook
from workflows.domain.values import Text, format_duration


def appeals_are_answered_in_time(bundle: Bundle) -> Findings:
    """Reminders come after the appeal and before its answer is due, each at its own time."""
    if bundle.appeals is None:
        return
    rules = bundle.appeals
    for number, before in enumerate(rules.reminders):
        place = ("reminders", number)
        if before >= rules.answer_within:
            most = format_duration(rules.answer_within)
            what = f"the reminder {format_duration(before)} before comes before the appeal"
            yield Finding(APPEALS, place, what, f"write less than {most} (`answer_within`)")
        elif before in rules.reminders[:number]:
            what = f"the reminder {format_duration(before)} is there twice"
            yield Finding(APPEALS, place, what, "keep one of them")


FEWEST = 2


def appeals_reach_somebody_else(bundle: Bundle) -> Findings:
    """Two people at least can review, as deciders can't, and the role for late answers has some."""
    if bundle.appeals is None or bundle.roles is None:
        return
    does = "is called when an answer is late"
    yield from unheld(bundle, bundle.appeals.overdue, APPEALS, ("overdue",), does)
    if _too_few(bundle.roles, bundle.appeals.may_review):
        what = "only one person can review, and nobody reviews what they decided"
        yield Finding(APPEALS, ("reviewers",), what, "name more people in roles.yaml")


def _too_few(roles: RoleBook, allowed: frozenset[Role]) -> bool:
    """Whether fewer than `FEWEST` people have these roles; unknown for Slack groups."""
    held = [roles.holders(role) for role in sorted(allowed) if role in roles.roles]
    if not held or any(each.group is not None for each in held):
        return False
    return 0 < len({user for each in held for user in each.users}) < FEWEST


FACTS = ("subject.id", "subject.type", "case.id", "decision.id", "appeal.id", "notice")
IN_TEXTS = (*FACTS, "reason")
IN_CALLS = (*FACTS, "text.ja", "text.en")


def notices_reach_their_person(bundle: Bundle) -> Findings:
    """appeals.yaml has a call in platform.yaml, and both use known placeholders."""
    call = bundle.lookups.notice if bundle.lookups else None
    if bundle.appeals is not None:
        if bundle.lookups is not None and call is None:
            what = "there are notices, and platform.yaml does not say how to send them"
            yield Finding(APPEALS, ("notices",), what, "add `notice:` to platform.yaml")
        # The frame of a decision's notice is checked with the reasons.
        for kind in frozenset(NoticeKind) - {NoticeKind.DECISION}:
            text = bundle.appeals.notices.text(kind)
            for words in (text.ja, text.en) if text is not None else ():
                yield from unknown(APPEALS, ("notices", kind.value), words, IN_TEXTS)
    if call is not None:
        yield from _of_call(call)


def _of_call(call: NoticeCall) -> Findings:
    place: Place = ("notice", "path")
    yield from unknown(PLATFORM, place, call.path, FACTS)
    yield from mixed(PLATFORM, place, call.path)
    said = list(strings(call.json_))
    for text in said:
        yield from unknown(PLATFORM, ("notice", "json"), text, IN_CALLS)
    if not any("{text." in text for text in said):
        what = "the notice does not carry its text"
        yield Finding(PLATFORM, ("notice",), what, "put {text.ja} and {text.en} into `json`")


ABOUT = ("subject.id", "subject.type", "case.id", "decision.id")
REQUIRED = ("facts", "actions", "rule", "automation", "case.id")
"""Required placeholders of the frame (EU Digital Services Act, article 17)."""
IN_FRAME = (*ABOUT, "facts", "actions", "rule", "automation")


def notices_of_decisions_tell_everything(bundle: Bundle) -> Findings:
    """Where a reason has a notice, there is a text for it and a way to send it.

    The text has the facts, the actions, the rule, the use of automation, and the case to appeal.
    """
    frame = bundle.appeals.notices.decision if bundle.appeals else None
    place = ("notices", "decision")
    for text in (frame.ja, frame.en) if frame is not None else ():
        yield from unknown(APPEALS, place, text, IN_FRAME)
        missing = [f"{{{each}}}" for each in REQUIRED if f"{{{each}}}" not in text]
        if missing:
            what = f"the notice of a decision does not tell {', '.join(missing)}"
            yield Finding(APPEALS, place, what, "put it into both languages")
            break
    for file, playbook in bundle.playbooks.items():
        for number, reason in enumerate(playbook.reasons):
            if reason.notice is not None:
                for text in (reason.notice.ja, reason.notice.en):
                    yield from unknown(file, ("reasons", number, "notice"), text, ())
                yield from _unsendable(bundle, file, ("reasons", number))


def decisions_tell_the_person(bundle: Bundle) -> Findings:
    """Warns of playbooks and presets by which a person is sanctioned and gets no notice."""
    for file, playbook in bundle.playbooks.items():
        yield from _untold(bundle, file, playbook)
        offered = [name for name in bundle.actions if playbook.offers(name)]
        presets = [each.action for preset in playbook.presets for each in preset.actions]
        yield from _silent(bundle, file, ("no_notice",), playbook.no_notice, (*offered, *presets))
        for number, preset in enumerate(playbook.presets):
            names = tuple(each.action for each in preset.actions)
            place: Place = ("presets", number, "no_notice")
            yield from _silent(bundle, file, place, preset.no_notice, names)
        for number, reason in enumerate(playbook.reasons):
            place = ("reasons", number, "no_notice")
            yield from _silent(bundle, file, place, reason.no_notice, tuple(offered))


def _untold(bundle: Bundle, file: str, playbook: Playbook) -> Findings:
    """A playbook whose notices lack their text, their call or their rule."""
    if not bundle.whole or playbook.no_notice is not None:
        return
    because = "or `no_notice:` with the reason"
    if bundle.appeals is None or bundle.appeals.notices.decision is None:
        what = "the person gets no notice of a decision: appeals.yaml has no notice of decisions"
        write = f"add `decision:` to its `notices`, {because}"
        yield Finding(file, ("playbook",), what, write, warning=True)
    elif bundle.lookups is not None and bundle.lookups.notice is None:
        what = "the person gets no notice of a decision: platform.yaml does not say how to send it"
        yield Finding(file, ("playbook",), what, f"add `notice:` to it, {because}", warning=True)
    elif playbook.policy is None:
        what = "a notice names no rule"
        yield Finding(
            file, ("playbook",), what, f"add `policy:` with its id, {because}", warning=True
        )


def _silent(
    bundle: Bundle, file: str, place: Place, silence: Text | None, names: tuple[str, ...]
) -> Findings:
    """A `no_notice` that covers an action with `danger`."""
    specs = ((name, bundle.actions.get(name)) for name in dict.fromkeys(names))
    dangerous = [name for name, spec in specs if spec is not None and spec.danger]
    if silence is not None and dangerous:
        what = f"the person gets no notice of {', '.join(dangerous)}"
        yield Finding(file, place, what, "leave `no_notice` out where they may know", warning=True)


def _unsendable(bundle: Bundle, file: str, place: Place) -> Findings:
    call = bundle.lookups.notice if bundle.lookups else None
    if bundle.whole and (bundle.appeals is None or bundle.appeals.notices.decision is None):
        what = "there is a notice, and appeals.yaml has no text to put it into"
        yield Finding(file, place, what, "add `decision:` to its `notices`")
    elif bundle.lookups is not None and call is None:
        what = "there is a notice, and platform.yaml does not say how to send it"
        yield Finding(file, place, what, "add `notice:` to platform.yaml")
    elif call is not None and "{appeal.id}" in call.path:
        what = "a notice of a decision has no appeal to put into its path"
        yield Finding(PLATFORM, ("notice", "path"), what, "leave {appeal.id} to `json`")


# -- texts ------------------------------------------------------------------------------------

BUTTON = 75
"""Characters on a button (Slack, block kit reference: button element)."""
_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_ENGLISH = re.compile(r"[a-z]{2}")
WRITE = "write `{ja: …, en: …}`"


def titles_fit_and_speak_both_languages(bundle: Bundle) -> Findings:
    """Titles and reasons have both languages; titles fit on a button."""
    for file, place, text in _texts(bundle):
        yield from _both(file, place, text)
        if place[-1] == "title" and max(len(text.ja), len(text.en)) > BUTTON:
            what = f"the title has {max(len(text.ja), len(text.en))} characters"
            yield Finding(file, place, what, f"write at most {BUTTON}, as a button holds")


def _both(file: str, place: Place, text: Text) -> Findings:
    name = f"notice {place[-1]}" if file == APPEALS else place[-1]
    if _JAPANESE.search(text.en) or not text.en.strip():
        yield Finding(file, place, f"the {name} has no English", WRITE)
    # A name such as LINE reads the same in both languages; a word does not.
    if not text.ja.strip() or (text.ja == text.en and _ENGLISH.search(text.ja)):
        yield Finding(file, place, f"the {name} has no Japanese", WRITE)


def _texts(bundle: Bundle) -> Iterator[tuple[str, Place, Text]]:
    """All texts of these files, with file and place."""
    files = {
        ACTIONS: bundle.catalog,
        APPEALS: bundle.appeals,
        PLATFORM: bundle.lookups,
        ROSTER: bundle.roster,
        **bundle.playbooks,
    }
    return ((file, *each) for file, content in files.items() for each in _within((), content))


def _within(place: Place, content: object) -> Iterator[tuple[Place, Text]]:
    if isinstance(content, Text):
        yield place, content
    elif isinstance(content, BaseModel | dict | tuple):
        parts = enumerate(content) if isinstance(content, tuple) else dict(content).items()
        for key, part in parts:
            yield from _within((*place, key), part)
