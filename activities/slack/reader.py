"""Reader: the language, zone, names and mentions that something is drawn with."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from activities.slack.escape import Safe, mrkdwn, one_line
from activities.slack.i18n.catalog import Catalog
from workflows.domain.alerts import Subject
from workflows.domain.case.enforcement import Problem, ProblemKind
from workflows.domain.people import Role
from workflows.domain.values import Text

NAME = 40
SUBJECT = 120
TITLE = 60
_SAME_DAY = timedelta(hours=12)
_USER = re.compile(r"[UW][A-Z0-9]{2,20}")


@dataclass(frozen=True)
class Reader:
    """`names`: by user id. `mentions`: mrkdwn that calls the people of a role.

    `direct`: one person reads it in a message of their own, where nobody has to be called.
    `missing_names`: ids are in place of names that Slack could not be asked for.
    """

    texts: Catalog
    zone: tzinfo
    names: Mapping[str, str] = field(default_factory=dict)
    mentions: Mapping[Role, str] = field(default_factory=dict)
    direct: bool = False
    missing_names: bool = False

    def say(self, key: str, **values: object) -> str:
        """The sentence called `key`, filled in."""
        return self.texts.say(key, **values)

    def person(self, person: str | None, safe: Safe = mrkdwn) -> str:
        """`佐藤さん`; Koban itself where `person` is None. Never a mention."""
        if person is None:
            return self.say("person.koban")
        name = safe(one_line(self.names.get(person, person)), NAME)
        return self.say("person.named", name=name)

    def people(self, people: tuple[str, ...], safe: Safe = mrkdwn) -> str:
        """Several people."""
        return self.listed(self.person(each, safe) for each in people)

    def listed(self, words: Iterable[str]) -> str:
        """`A、B`, `A, B`."""
        return self.say("words.comma").join(words)

    def title(self, title: Text, safe: Safe = mrkdwn, limit: int = TITLE) -> str:
        """A title in the reader's language."""
        return safe(one_line(title.in_(self.texts.language)), limit)

    def subject(self, subject: Subject, safe: Safe = mrkdwn) -> str:
        """`ユーザー u_123`; a type that Koban has no word for stands as it is."""
        key = f"subject.{subject.type}"
        word = self.say(key) if key in self.texts.keys else safe(subject.type, NAME)
        return self.say("subject.named", type=word, id=safe(one_line(subject.id), SUBJECT))

    def time(self, at: datetime, near: datetime) -> str:
        """A date token, which Slack shows in each reader's own zone.

        The time alone where it is near enough to `near` to be clear, else with its date.
        https://docs.slack.dev/messaging/formatting-message-text#date-formatting
        """
        token, shown = self._token(at, near)
        return f"<!date^{int(at.timestamp())}^{token}|{shown}>"

    def countdown(self, at: datetime, near: datetime) -> str:
        """A time with how far away it is, which Slack counts down (and up, once it has passed)."""
        token, shown = self._token(at, near)
        counted = self.say("words.countdown", time=token, left="{ago}")
        return f"<!date^{int(at.timestamp())}^{counted}|{shown}>"

    def _token(self, at: datetime, near: datetime) -> tuple[str, str]:
        if abs(at - near) < _SAME_DAY:
            return "{time}", self.texts.moment(at, self.zone)
        return "{date_short_pretty} {time}", self.texts.day_and_time(at, self.zone)

    def clock(self, at: datetime) -> str:
        """A date token with seconds."""
        shown = self.texts.moment(at, self.zone, "HH:mm:ss")
        return f"<!date^{int(at.timestamp())}^{{time_secs}}|{shown}>"

    def mention(self, role: Role) -> str:
        """Calls the people of `role`; its name where nobody is known to hold it."""
        if self.direct:
            return ""
        return self.mentions.get(role) or self.say(f"role.{role.value}")

    def call(self, person: str) -> str:
        """Calls one person; by name where that is no user of Slack's."""
        if self.direct:
            return ""
        return f"<@{person}>" if _USER.fullmatch(person) else self.person(person)


def problem_words(problem: Problem, reader: Reader) -> str:
    """Why the platform did not do it; with its status, where it answered."""
    if problem.status is None:
        return reader.say(f"problem.{problem.kind.value}")
    status = str(problem.status)
    if problem.kind is ProblemKind.UNREACHABLE:
        return reader.say("problem.answered", status=status)
    words = reader.say(f"problem.{problem.kind.value}")
    return reader.say("problem.status", problem=words, status=status)
