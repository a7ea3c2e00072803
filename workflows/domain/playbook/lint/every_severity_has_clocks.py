"""A case without a clock would wait for ever."""

from workflows.domain.playbook.lint.finding import Bundle, Finding, Findings


def every_severity_has_clocks(bundle: Bundle) -> Findings:
    """Every severity of a playbook has its clocks.

    A case without a clock would wait for ever.
    """
    for file, playbook in bundle.playbooks.items():
        for severity in playbook.severity:
            if severity not in playbook.clocks:
                write = f"add `{severity.value}: {{claim: 10m, decide: 30m}}`"
                what = f"{severity.value} has no clocks"
                yield Finding(file, ("clocks",), what, write)
