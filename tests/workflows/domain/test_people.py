"""Role holders of roles.yaml."""

import pytest
from pydantic import ValidationError

from workflows.domain.people import Role, RoleBook

BOOK = RoleBook.model_validate(
    {
        "roles": {
            "specialist": {"group": "S0SHIFT", "users": ["U0SATO"]},
            "lead": {"users": ["U0SATO", "W0REED"], "channel": "ts-leads"},
        }
    }
)


def test_a_role_is_held_by_a_group_or_by_people() -> None:
    """Both are allowed together."""
    assert BOOK.holders(Role.SPECIALIST).group == "S0SHIFT"
    assert BOOK.holders(Role.LEAD).users == ("U0SATO", "W0REED")


def test_a_role_that_is_not_named_is_held_by_nobody() -> None:
    """Asking is no error."""
    assert BOOK.holders(Role.AUDITOR).group is None
    assert BOOK.holders(Role.AUDITOR).users == ()


def test_a_person_has_every_role_that_names_them() -> None:
    """What Slack's groups add is not known here."""
    assert BOOK.configured("U0SATO") == {Role.SPECIALIST, Role.LEAD}
    assert BOOK.configured("U0NOBODY") == frozenset()


@pytest.mark.parametrize("user", ["sato", "<@U1>", "U0SATO\n", "S0SHIFT", ""])
def test_a_person_is_named_by_id_only(user: str) -> None:
    """A display name can be taken by anyone."""
    with pytest.raises(ValidationError):
        RoleBook.model_validate({"roles": {"lead": {"users": [user]}}})
