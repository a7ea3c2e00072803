"""An action that ends has to be lifted, and lifting is its undo."""

from workflows.domain.playbook.lint.finding import ACTIONS, Bundle, Finding, Findings


def timed_actions_can_be_undone(bundle: Bundle) -> Findings:
    """Every action with `timed` has an `undo`.

    An action that ends has to be lifted, and lifting is its undo.
    """
    if bundle.catalog is None:
        return
    for name, spec in bundle.catalog.actions.items():
        if spec.timed is not None and spec.undo is None:
            what = f"`{name}` ends by itself but has no `undo` to end it with"
            yield Finding(ACTIONS, ("actions", name), what, "add `undo`, or remove `timed`")
