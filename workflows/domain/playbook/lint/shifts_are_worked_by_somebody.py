"""A shift of a role that nobody holds is a shift without anybody."""

from workflows.domain.playbook.lint.finding import ROSTER, Bundle, Finding, Findings


def shifts_are_worked_by_somebody(bundle: Bundle) -> Findings:
    """The role of every shift is in roles.yaml.

    A shift of a role that nobody holds is a shift without anybody.
    """
    if bundle.roster is None or bundle.roles is None:
        return
    for name, shift in bundle.roster.shifts.items():
        if shift.role is not None and shift.role not in bundle.roles.roles:
            what = f"nobody holds the role {shift.role.value} that works this shift"
            yield Finding(ROSTER, ("shifts", name, "role"), what, "add it to roles.yaml")
