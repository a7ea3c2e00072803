"""An alert of an unknown kind must never fall between the playbooks."""

from workflows.domain.playbook.lint.finding import Bundle, Finding, Findings


def there_is_exactly_one_catch_all(bundle: Bundle) -> Findings:
    """One playbook, and only one, has `catch_all: true`.

    An alert of an unknown kind must never fall between the playbooks.
    """
    takers = sorted(file for file, book in bundle.playbooks.items() if book.catch_all)
    if not takers and bundle.whole:
        what = "no playbook takes alerts of an unknown kind"
        yield Finding("playbooks/other.yaml", (), what, "add a playbook with `catch_all: true`")
    for file in takers[1:]:
        what = f"`catch_all` stands in {takers[0]} already"
        yield Finding(file, ("catch_all",), what, "remove one of the two")
