"""A term that no alert has would put every alert into a case of its own."""

from workflows.domain.playbook.lint.finding import Bundle, Finding, Findings


def alerts_are_grouped_by_what_they_have(bundle: Bundle) -> Findings:
    """`group_by` names something that an alert has.

    A term that no alert has would put every alert into a case of its own.
    """
    for file, playbook in bundle.playbooks.items():
        for number, term in enumerate(playbook.group_by):
            if term in ("subject", "detector", "kind"):
                continue
            if not term.startswith(("related.", "attributes.")):
                write = "write subject, detector, kind, related.TYPE or attributes.NAME"
                what = f"alerts can't be grouped by `{term}`"
                yield Finding(file, ("group_by", number), what, write)
