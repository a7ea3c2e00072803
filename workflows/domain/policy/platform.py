"""Platform look-ups, related subjects, notices and detectors (platform.yaml, detectors/)."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from workflows.domain.people import Role
from workflows.domain.policy.actions import Call
from workflows.domain.values import Slug, Text, Written


class RelatedSpec(Written):
    """Subjects of `type` that are related to one of type `of`.

    `items` is an expression over the `response`: a list of ids, or of objects with an `id`. `next`
    is an expression for the path of the next page, null on the last one.
    """

    title: Text
    of: str = "user"
    type: str
    path: Annotated[
        str,
        StringConstraints(
            pattern=r"^/([^/?#{}][^?#{}]*)?\{id\}[^?#{}]*(\?[^#{}]*)?$", max_length=500
        ),
    ]
    items: str
    next: str | None = None


Related = Annotated[dict[Slug, RelatedSpec], Field(max_length=10)]
"""By name; a checkbox group takes ten (docs.slack.dev, checkbox group element)."""


class LookupField(Written):
    """A field: `name` is a dotted path in the response. Personal data is masked by default.

    With `impact: sum` it is summed over the subjects of a bulk decision.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
    title: Text
    personal: bool = False
    impact: Literal["sum"] | None = None


class LookupSpec(Written):
    """The look-up of a subject type; `{id}` is replaced. `ids` is a regular expression."""

    title: Text
    path: Annotated[
        str, StringConstraints(pattern=r"^/([^/?#][^?#]*)?\{id\}[^?#]*$", max_length=500)
    ]
    ids: Annotated[str | None, Field(max_length=200)] = None
    fields: Annotated[tuple[LookupField, ...], Field(min_length=1, max_length=30)]


class NoticeCall(Call):
    """The call that sends a notice; `subject` is the type of its addressee."""

    subject: str = "user"


HostName = Annotated[
    str,
    StringConstraints(
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$",
        max_length=253,
    ),
]


class ImageHosts(Written):
    """The hosts of alert images besides the platform."""

    hosts: Annotated[tuple[HostName, ...], Field(max_length=20)]


class LookupCatalog(Written):
    """The content of platform.yaml; roles in `reveal` may see personal data, with a reason."""

    lookups: dict[str, LookupSpec]
    related: Related = Field(default_factory=dict)
    notice: NoticeCall | None = None
    reveal: tuple[Role, ...] = (Role.SPECIALIST, Role.LEAD)
    evidence: ImageHosts | None = None

    def may_reveal(self, roles: frozenset[Role]) -> bool:
        """Whether these roles may see personal data."""
        return bool(roles & frozenset(self.reveal))


class SecretPlace(Written):
    """The environment variable with the secret; policy files have no secrets."""

    env: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")]


SenderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
"""The name of a sender of alerts or appeals."""
