"""Who may see personal data has to be somebody, or nobody could answer a question of the police."""

from workflows.domain.playbook.lint.every_role_has_somebody import NEEDED
from workflows.domain.playbook.lint.finding import PLATFORM, Bundle, Finding, Findings


def personal_data_is_revealed_to_somebody(bundle: Bundle) -> Findings:
    """`reveal` names roles that roles.yaml has; at least one where there is personal data.

    Who may see personal data has to be somebody, or nobody could answer a question of the
    police.
    """
    if bundle.lookups is None or bundle.roles is None:
        return
    for number, role in enumerate(bundle.lookups.reveal):
        # Of the roles that every team needs another rule tells already.
        if role not in bundle.roles.roles and role not in NEEDED:
            what = f"nobody holds the role {role.value} that may see personal data"
            yield Finding(PLATFORM, ("reveal", number), what, "add it to roles.yaml")
    if not bundle.lookups.reveal:
        what = "nobody may see personal data"
        yield Finding(PLATFORM, ("reveal",), what, "write for example `reveal: [lead]`")
