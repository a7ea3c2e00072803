"""What is masked for one person must not be told of a crowd either."""

from workflows.domain.playbook.lint.finding import PLATFORM, Bundle, Finding, Findings


def personal_data_is_never_summed(bundle: Bundle) -> Findings:
    """No field is both `personal` and `blast`.

    What is masked for one person must not be told of a crowd either.
    """
    for kind, spec in (bundle.lookups.lookups if bundle.lookups else {}).items():
        for number, field in enumerate(spec.fields):
            if field.personal and field.blast:
                place = ("lookups", kind, "fields", number, "blast")
                what = f"`{field.name}` is personal data and would be summed"
                yield Finding(PLATFORM, place, what, "leave `blast` out")
