"""What is chosen by its id has one id: rules, reasons, and the reason that a preset names."""

from collections.abc import Iterable

from workflows.domain.playbook.lint.finding import Bundle, Finding, Findings
from workflows.domain.playbook.model import Playbook, Preset


def reasons_and_rules_are_known(bundle: Bundle) -> Findings:
    """Ids stand once, presets name reasons that there are, and the usual rule comes first.

    What is chosen by its id has one id: rules, reasons, and the reason that a preset names.
    """
    for file, playbook in bundle.playbooks.items():
        yield from _twice(file, "reasons", [each.id for each in playbook.reasons])
        yield from _clauses(file, playbook)
        for number, preset in enumerate(playbook.presets):
            yield from _because(file, number, preset, playbook)


def _clauses(file: str, playbook: Playbook) -> Findings:
    if playbook.clauses and playbook.policy is None:
        what = "there are `clauses` and no usual rule"
        yield Finding(file, ("clauses",), what, "write the usual one as `policy`")
    yield from _twice(file, "clauses", [each.id for each in playbook.clauses])
    for number, clause in enumerate(playbook.clauses):
        if playbook.policy is not None and clause.id == playbook.policy.id:
            what = f"the rule `{clause.id}` is `policy` already"
            yield Finding(file, ("clauses", number, "id"), what, "remove it here")


def _because(file: str, number: int, preset: Preset, playbook: Playbook) -> Findings:
    place = ("presets", number, "because")
    if preset.because is None:
        return
    if playbook.template(preset.because) is None:
        what = f"there is no reason `{preset.because}`"
        known = ", ".join(each.id for each in playbook.reasons)
        write = f"write one of {known}" if known else "add it to `reasons`"
        yield Finding(file, place, what, write)
    if preset.reason is not None:
        yield Finding(file, place, "the preset has a `reason` of its own", "keep one of them")


def _twice(file: str, key: str, ids: Iterable[str]) -> Findings:
    seen: set[str] = set()
    for number, each in enumerate(ids):
        if each in seen:
            yield Finding(file, (key, number, "id"), f"`{each}` stands twice", "keep one of them")
        seen.add(each)
