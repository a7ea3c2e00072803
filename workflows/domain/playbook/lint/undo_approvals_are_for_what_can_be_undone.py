"""An approval for an undo that does not exist would promise what nobody can do."""

from workflows.domain.playbook.lint.finding import ACTIONS, Bundle, Finding, Findings


def undo_approvals_are_for_what_can_be_undone(bundle: Bundle) -> Findings:
    """Every action with `undo_approval` has an `undo`.

    An approval for an undo that does not exist would promise what nobody can do.
    """
    for name, spec in (bundle.catalog.actions if bundle.catalog else {}).items():
        if spec.undo_approval is not None and spec.undo is None:
            what = f"`{name}` can't be undone, so nobody can approve that"
            place = ("actions", name, "undo_approval")
            yield Finding(ACTIONS, place, what, "add `undo`, or remove `undo_approval`")
