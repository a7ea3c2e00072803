"""How to look a subject up at the platform, and which of its fields to show (platform.yaml)."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from workflows.domain.people import Role
from workflows.domain.policy.actions import Call
from workflows.domain.values import Text, Written

RelatedName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class RelatedSpec(Written):
    """Subjects of `type` that share something with one of type `of`.

    `items` is an expression over the `response`: a list of ids, or of things with an `id`. `next`
    is one too: the path of the next page, null on the last one.
    """

    title: Text
    of: str = "user"
    type: str
    path: Annotated[
        str, StringConstraints(pattern=r"^/[^?#{}]*\{id\}[^?#{}]*(\?[^#{}]*)?$", max_length=500)
    ]
    items: str
    next: str | None = None


Related = Annotated[dict[RelatedName, RelatedSpec], Field(max_length=10)]
"""By their names; a modal holds ten (docs.slack.dev, checkbox group)."""


class LookupField(Written):
    """One field: `name` is a dotted path into the answer. Personal data is masked by default.

    With `blast: sum` it is added up over everybody whom a decision is about.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
    title: Text
    personal: bool = False
    impact: Literal["sum"] | None = None


class LookupSpec(Written):
    """Where one type of subject is read; `{id}` is filled in. `ids` is the form of its ids."""

    title: Text
    path: Annotated[str, StringConstraints(pattern=r"^/[^?#]*\{id\}[^?#]*$", max_length=500)]
    ids: Annotated[str | None, Field(max_length=200)] = None
    fields: Annotated[tuple[LookupField, ...], Field(min_length=1, max_length=30)]


class NoticeCall(Call):
    """How somebody is told something; `subject` is the type of who can be told."""

    subject: str = "user"


HostName = Annotated[
    str,
    StringConstraints(
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$",
        max_length=253,
    ),
]


class ImageHosts(Written):
    """From where images of alerts are fetched, beside the platform itself."""

    hosts: Annotated[tuple[HostName, ...], Field(max_length=20)]


class LookupCatalog(Written):
    """The whole of platform.yaml: by type of subject, who belongs together, how people are told.

    Who holds one of the roles `reveal` may see personal data, with a reason that is kept.
    `evidence` says which hosts an image may come from.
    """

    lookups: dict[str, LookupSpec]
    related: Related = Field(default_factory=dict)
    notice: NoticeCall | None = None
    reveal: tuple[Role, ...] = (Role.SPECIALIST, Role.LEAD)

    def may_reveal(self, roles: frozenset[Role]) -> bool:
        """Whether somebody with these roles may see personal data."""
        return bool(roles & frozenset(self.reveal))

    evidence: ImageHosts | None = None


class Detector(Written):
    """A detector with a secret of its own (detectors/NAME.yaml)."""

    detector: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    title: Text | None = None
    secret: "SecretPlace"


class SecretPlace(Written):
    """The environment variable that holds the secret: policy files hold none themselves."""

    env: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")]


Detector.model_rebuild()
