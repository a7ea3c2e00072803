"""Detectors of the policy folder: secrets, mappings, SQL queries, heartbeats and feedback."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from workflows.domain.alerts import Name
from workflows.domain.people import Role
from workflows.domain.policy.platform import SecretPlace, SenderName
from workflows.domain.values import Duration, Slug, Text, Written

Expression = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
"""A CEL expression over `row` (`alert`) or `body` (`map`)."""
Column = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
Cron = Annotated[str, StringConstraints(pattern=r"^\S+( \S+){4}$", max_length=100)]
"""Five fields, in the time zone of the deployment."""


class Source(Written):
    """A database that detectors query, read only; `url` names the variable with its address."""

    url: SecretPlace


class Sources(Written):
    """The content of sources.yaml."""

    sources: Annotated[dict[Slug, Source], Field(max_length=20)]


class Expect(Written):
    """The heartbeat of a detector: silent for longer than `every`, its owner gets a message."""

    every: Duration


class Watermark(Written):
    """The progress of a query: `column` has the time of a row, complete after `lag`."""

    column: Column
    lag: Duration = Field(default="2m", validate_default=True)


class QueryLimits(Written):
    """Limits of one run: result `rows`, `seconds`, and `bytes` read where the source bills them."""

    rows: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    seconds: Annotated[int, Field(ge=1, le=3_600)] = 60
    bytes: Annotated[int, Field(ge=1)] = 10_000_000_000


_QUERY_FILE = re.compile(r"[A-Za-z0-9_-]{1,64}[.]sql")


class SqlQuery(Written):
    """A query, as a file beside the detector's or as text, and when it runs.

    `:since` and `:until` are the bounds of the watermark.
    """

    source: Slug
    query: Annotated[str, StringConstraints(min_length=1, max_length=50_000)]
    every: Duration | None = None
    cron: Cron | None = None
    watermark: Watermark
    limits: QueryLimits = QueryLimits()

    @model_validator(mode="after")
    def _has_one_rhythm(self) -> "SqlQuery":
        if (self.every is None) == (self.cron is None):
            raise ValueError("a query runs by either `every` or `cron`")
        if self.every is not None and self.every < timedelta(seconds=10):
            raise ValueError("`every` is 10s or more")
        return self

    @property
    def file(self) -> str | None:
        """The name of the query's file; None if the query is written out."""
        return self.query if _QUERY_FILE.fullmatch(self.query) else None


class SubjectMap(Written):
    """Expressions of a subject."""

    type: Expression
    id: Expression


class AlertMap(Written):
    """Expressions of an alert's fields; an optional field without a value is left out."""

    id: Expression
    kind: Expression
    subject: SubjectMap
    related: Annotated[tuple[SubjectMap, ...], Field(max_length=20)] = ()
    score: Expression | None = None
    occurred_at: Expression
    title: Expression | None = None
    text: Expression | None = None
    attributes: Annotated[dict[Name, Expression], Field(max_length=50)] = Field(
        default_factory=dict
    )

    def expressions(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """The place of each expression, and the expression."""
        for name in ("id", "kind", "score", "occurred_at", "title", "text"):
            written = getattr(self, name)
            if written is not None:
                yield (name,), written
        subjects: dict[tuple[str | int, ...], SubjectMap] = {("subject",): self.subject}
        subjects |= {("related", number): each for number, each in enumerate(self.related)}
        for place, subject in subjects.items():
            yield (*place, "type"), subject.type
            yield (*place, "id"), subject.id
        for name, written in self.attributes.items():
            yield ("attributes", name), written


RateText = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,6}/[smh]$")]
"""Alerts a second, minute or hour, as 600/m."""
_SECONDS = {"s": 1, "m": 60, "h": 3_600}


class Accepts(Written):
    """Alerts that a detector may send; what is left out is not limited.

    `subjects` are types. `rate` is for alerts that are posted.
    """

    kinds: Annotated[tuple[Name, ...], Field(min_length=1, max_length=100)] | None = None
    subjects: Annotated[tuple[Name, ...], Field(min_length=1, max_length=100)] | None = None
    rate: RateText | None = None

    @property
    def amount(self) -> tuple[int, int] | None:
        """The `rate` as a number of alerts and its seconds."""
        if self.rate is None:
            return None
        number, _, unit = self.rate.partition("/")
        return int(number), _SECONDS[unit]


class Feedback(Written):
    """Receiver of the verdicts about a detector's alerts: the variable with its address.

    `secret` signs; without one, the secret that the detector itself signs with.
    """

    url: SecretPlace
    secret: SecretPlace | None = None


class Detector(Written):
    """A detector (detectors/NAME.yaml): one that posts alerts, or a query that Koban runs.

    - `secret`: its own signing secret; without one it signs with the common secret
    - `owner`: the role that hears of its failures and silence
    - `sql` and `alert`: the query, and the alert of each row
    - `map`: the alert of each JSON body that the detector posts in a form of its own
    """

    detector: SenderName
    title: Text | None = None
    secret: SecretPlace | None = None
    owner: Role = Role.LEAD
    expect: Expect | None = None
    sql: SqlQuery | None = None
    alert: AlertMap | None = None
    map: AlertMap | None = None
    accepts: Accepts | None = None
    feedback: Feedback | None = None

    @model_validator(mode="before")
    @classmethod
    def _is_of_one_kind(cls, given: Any) -> Any:
        if isinstance(given, dict):
            if ("sql" in given) != ("alert" in given):
                raise ValueError("`sql` and `alert` go together")
            if "sql" in given and "secret" in given:
                raise ValueError("a query posts nothing, and needs no `secret`")
            if "sql" in given and "map" in given:
                raise ValueError("a query posts nothing, and has no `map`")
        return given

    @model_validator(mode="after")
    def _limits_a_query_by_its_rows(self) -> "Detector":
        if self.sql is not None and self.accepts is not None and self.accepts.rate is not None:
            raise ValueError("a query posts nothing, and has no `rate`")
        return self
