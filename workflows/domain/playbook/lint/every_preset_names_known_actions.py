"""A preset that names an action which the platform does not have could never be carried out."""

from difflib import get_close_matches

from workflows.domain.playbook.lint.finding import Bundle, Finding, Findings


def every_preset_names_known_actions(bundle: Bundle) -> Findings:
    """Every action of every preset stands in actions.yaml.

    A preset that names an action which the platform does not have could never be carried out.
    """
    if bundle.catalog is None:
        return
    known = bundle.catalog.actions
    for file, playbook in bundle.playbooks.items():
        for place, preset in enumerate(playbook.presets):
            for number, each in enumerate(preset.actions):
                if each.action not in known:
                    near = get_close_matches(each.action, known, n=1)
                    write = f"write `{near[0]}`" if near else "add it to actions.yaml"
                    what = f"the action `{each.action}` is not in actions.yaml"
                    yield Finding(file, ("presets", place, "actions", number), what, write)
