"""Who is acted upon is told the facts, the action, the rule, about automation, and what to appeal
against.
"""

from collections.abc import Iterator

from workflows.domain.playbook.lint.finding import APPEALS, PLATFORM, Bundle, Finding, Findings
from workflows.domain.playbook.lint.notices_reach_their_person import unknown

ABOUT = ("subject.id", "subject.type", "case.id", "decision.id")
TOLD = ("facts", "actions", "rule", "automation", "case.id")
"""What the text around the facts has to say: domain knowledge, and article 17 of the EU's DSA."""
IN_FRAME = (*ABOUT, "facts", "actions", "rule", "automation")


def notices_of_decisions_tell_everything(bundle: Bundle) -> Findings:
    """Where a reason has a notice, there is a text for it and a way to send it.

    Who is acted upon is told the facts, the action, the rule, about automation, and what to
    appeal against.
    """
    frame = bundle.appeals.notices.decision if bundle.appeals else None
    place = ("notices", "decision")
    for text in (frame.ja, frame.en) if frame is not None else ():
        yield from unknown(APPEALS, place, text, IN_FRAME)
        missing = [f"{{{each}}}" for each in TOLD if f"{{{each}}}" not in text]
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
