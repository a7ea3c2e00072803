"""No irreversible act without a second person."""

from workflows.domain.playbook.lint.finding import ACTIONS, Bundle, Finding, Findings


def every_dangerous_action_needs_an_approval(bundle: Bundle) -> Findings:
    """What is marked `danger`, or can't be undone, has an `approval`.

    No irreversible act without a second person.
    """
    if bundle.catalog is None:
        return
    for name, spec in bundle.catalog.actions.items():
        if spec.approval is not None:
            continue
        write = "add `approval: {by: lead, within: 30m}`"
        if spec.danger:
            what = f"`{name}` is marked `danger` but needs no second person"
            yield Finding(ACTIONS, ("actions", name), what, write)
        elif spec.undo is None and spec.timed is None:
            what = f"`{name}` can't be undone and needs no second person"
            yield Finding(ACTIONS, ("actions", name), what, f"{write}, or an `undo`")
