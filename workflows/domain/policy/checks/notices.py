"""Checks of appeals.yaml and the notices: reminders, reviewers, placeholders and calls."""

import re
from collections.abc import Iterator

from pydantic import JsonValue

from workflows.domain.people import Role
from workflows.domain.policy.appeals import AppealRules, NoticeKind
from workflows.domain.policy.checks.finding import (
    APPEALS,
    PLATFORM,
    Bundle,
    Finding,
    Findings,
    Place,
)
from workflows.domain.policy.platform import NoticeCall
from workflows.domain.policy.roles import RoleBook
from workflows.domain.values import format_duration


def appeals_are_answered_in_time(bundle: Bundle) -> Findings:
    """Reminders come after the appeal and before its answer is due, each at its own time."""
    if bundle.appeals is None:
        return
    rules, seen = bundle.appeals, set()
    for number, before in enumerate(rules.reminders):
        place = ("reminders", number)
        if before >= rules.answer_within:
            most = format_duration(rules.answer_within)
            what = f"the reminder {format_duration(before)} before comes before the appeal"
            yield Finding(APPEALS, place, what, f"write less than {most} (`answer_within`)")
        elif before in seen:
            what = f"the reminder {format_duration(before)} stands twice"
            yield Finding(APPEALS, place, what, "keep one of them")
        seen.add(before)


FEWEST = 2


def appeals_reach_somebody_else(bundle: Bundle) -> Findings:
    """At least two people can review, and the role for late answers has holders.

    Deciders can't review their own decisions, so one reviewer is not enough.
    """
    if bundle.appeals is None or bundle.roles is None:
        return
    rules, roles = bundle.appeals, bundle.roles
    if rules.overdue not in roles.roles:
        what = f"nobody holds the role {rules.overdue.value} that is called when an answer is late"
        yield Finding(APPEALS, ("overdue",), what, "add it to roles.yaml")
    if _too_few(roles, rules.may_review):
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
_WRITTEN = re.compile(r"\{([^{}]*)\}")


def notices_reach_their_person(bundle: Bundle) -> Findings:
    """appeals.yaml has a call in platform.yaml, and both use known placeholders."""
    call = bundle.lookups.notice if bundle.lookups else None
    if bundle.appeals is not None:
        if bundle.lookups is not None and call is None:
            what = "there are notices, and platform.yaml does not say how to send them"
            yield Finding(APPEALS, ("notices",), what, "add `notice:` to platform.yaml")
        for kind, text in _texts(bundle.appeals):
            yield from unknown(APPEALS, ("notices", kind), text, IN_TEXTS)
    if call is not None:
        yield from _of_call(call)


def _of_call(call: NoticeCall) -> Findings:
    place: Place = ("notice", "path")
    yield from unknown(PLATFORM, place, call.path, FACTS)
    for segment in call.path.split("/"):
        if _WRITTEN.search(segment) and not _WRITTEN.fullmatch(segment):
            what = f"`{segment}` mixes a placeholder with text"
            yield Finding(PLATFORM, place, what, "give the placeholder a segment of its own")
    said = list(_strings(call.json_))
    for text in said:
        yield from unknown(PLATFORM, ("notice", "json"), text, IN_CALLS)
    if not any("{text." in text for text in said):
        what = "the notice does not carry its text"
        yield Finding(PLATFORM, ("notice",), what, "put {text.ja} and {text.en} into `json`")


def unknown(file: str, place: Place, text: str, known: tuple[str, ...]) -> Findings:
    """Finds placeholders of a text that are not `known`."""
    for found in _WRITTEN.findall(text):
        if found not in known:
            write = "write one of " + ", ".join(f"{{{each}}}" for each in known)
            write = write if known else "write it out"
            yield Finding(file, place, f"`{{{found}}}` is not a placeholder", write)


def _texts(rules: AppealRules) -> Iterator[tuple[str, str]]:
    for kind in NoticeKind:
        if kind is NoticeKind.DECISION:
            continue  # checked with the reasons
        text = rules.notices.text(kind)
        if text is not None:
            # A mistake in both languages is reported once.
            yield kind.value, text.ja
            if set(_WRITTEN.findall(text.en)) - set(_WRITTEN.findall(text.ja)):
                yield kind.value, text.en


def _strings(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


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
    for file, number in _with_notices(bundle):
        yield from _facts(bundle, file, number)
        if bundle.whole and frame is None:
            what = "there is a notice, and appeals.yaml has no text to put it into"
            yield Finding(file, ("reasons", number), what, "add `decision:` to its `notices`")
        elif bundle.lookups is not None and bundle.lookups.notice is None:
            what = "there is a notice, and platform.yaml does not say how to send it"
            yield Finding(file, ("reasons", number), what, "add `notice:` to platform.yaml")
        elif _path_needs_an_appeal(bundle):
            what = "a notice of a decision has no appeal to put into its path"
            yield Finding(PLATFORM, ("notice", "path"), what, "leave {appeal.id} to `json`")
            return


def _facts(bundle: Bundle, file: str, number: int) -> Findings:
    notice = bundle.playbooks[file].reasons[number].notice
    assert notice is not None
    for text in dict.fromkeys((notice.ja, notice.en)):
        yield from unknown(file, ("reasons", number, "notice"), text, ())


def _with_notices(bundle: Bundle) -> Iterator[tuple[str, int]]:
    for file, playbook in bundle.playbooks.items():
        for number, reason in enumerate(playbook.reasons):
            if reason.notice is not None:
                yield file, number


def _path_needs_an_appeal(bundle: Bundle) -> bool:
    call = bundle.lookups.notice if bundle.lookups else None
    return call is not None and "{appeal.id}" in call.path


RULES = (
    appeals_are_answered_in_time,
    appeals_reach_somebody_else,
    notices_reach_their_person,
    notices_of_decisions_tell_everything,
)
