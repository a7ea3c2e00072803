"""What Koban does before anybody looks has to be harmless, and needs nobody."""

from difflib import get_close_matches

from workflows.domain.playbook.actions import ActionCatalog, ActionSpec
from workflows.domain.playbook.lint.finding import Bundle, Finding, Findings, protections


def every_protection_can_be_taken_back(bundle: Bundle) -> Findings:
    """Every protection names an action that can be undone and that nobody has to approve.

    What Koban does before anybody looks has to be harmless, and needs nobody.
    """
    if bundle.catalog is None:
        return
    for file, playbook in bundle.playbooks.items():
        for place, written in protections(playbook):
            name, spec = written.action, bundle.catalog.find(written.action)
            where = (*place, "action")
            if spec is None:
                what = f"the action `{name}` is not in actions.yaml"
                yield Finding(file, where, what, _near(name, bundle.catalog))
            elif why := _unfit(name, spec):
                yield Finding(file, where, why, "name a reversible action that needs nobody")


def _unfit(name: str, spec: ActionSpec) -> str | None:
    if spec.undo is None:
        return f"`{name}` has no `undo`, so Koban could not lift it"
    if spec.danger:
        return f"`{name}` is marked `danger`, and nobody has looked yet"
    if spec.approval is not None:
        return f"`{name}` needs a second person, and nobody has looked yet"
    return None


def _near(name: str, catalog: ActionCatalog) -> str:
    near = get_close_matches(name, catalog.actions, n=1)
    return f"write `{near[0]}`" if near else "add it to actions.yaml"
