"""Reader of a message: language, zone, names, and the phrases that all surfaces share."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from math import floor

from activities.slack.escape import Safe, mrkdwn, one_line
from activities.slack.i18n.catalog import Catalog
from workflows.domain.alerts import Subject
from workflows.domain.automation import AutomationPause
from workflows.domain.brakes import BrakeCause, DetectorSnooze, Trip, lower_bound
from workflows.domain.case.automation_events import DetectorSnoozed, SnoozeEnded
from workflows.domain.case.decision import KOBAN
from workflows.domain.case.enforcement import Problem, ProblemKind
from workflows.domain.people import Role
from workflows.domain.policy.limits import Full
from workflows.domain.values import Text

NAME = 40
SUBJECT = 120
TITLE = 60
_REASON = 300
_SAME_DAY = timedelta(hours=12)
_USER = re.compile(r"[UW][A-Z0-9]{2,20}")


@dataclass(frozen=True)
class Reader:
    """`names` by user id; `mentions`: mrkdwn that notifies the members of a role.

    `direct`: a direct message, which mentions nobody. `missing_names`: some ids stand in for names
    that Slack did not return.
    """

    texts: Catalog
    zone: tzinfo
    names: Mapping[str, str] = field(default_factory=dict)
    mentions: Mapping[Role, str] = field(default_factory=dict)
    direct: bool = False
    missing_names: bool = False

    def say(self, key: str, **values: object) -> str:
        """The text of `key` with its values."""
        return self.texts.say(key, **values)

    def person(self, person: str | None, safe: Safe = mrkdwn) -> str:
        """`佐藤さん`; Koban itself where `person` is None. Never a mention."""
        if person is None or person == KOBAN:
            return self.say("person.koban")
        name = safe(one_line(self.names.get(person, person)), NAME)
        return self.say("person.named", name=name)

    def people(self, people: tuple[str, ...], safe: Safe = mrkdwn) -> str:
        """Several people."""
        return self.listed(self.person(each, safe) for each in people)

    def noted(self, what: str, note: str) -> str:
        """`コメント制限(ユーザー u_123)`."""
        return self.say("words.with_note", what=what, note=note)

    def listed(self, words: Iterable[str]) -> str:
        """`A、B`, `A, B`."""
        return self.say("words.comma").join(words)

    def title(self, title: Text, safe: Safe = mrkdwn, limit: int = TITLE) -> str:
        """A title in the reader's language."""
        return safe(one_line(title.in_(self.texts.language)), limit)

    def action(self, name: str, titles: Mapping[str, Text], safe: Safe = mrkdwn) -> str:
        """The title of an action; its name where the catalog does not have it any more."""
        return self.title(titles.get(name) or Text(ja=name, en=name), safe)

    def subject(self, subject: Subject, safe: Safe = mrkdwn) -> str:
        """`ユーザー u_123`; a type without a text is shown as it is."""
        key = f"subject.{subject.type}"
        word = self.say(key) if key in self.texts.keys else safe(subject.type, NAME)
        return self.say("subject.named", type=word, id=safe(one_line(subject.id), SUBJECT))

    def score(self, score: float) -> str:
        """The detector's score."""
        return self.say("card.score", score=self.texts.number(score, "0.00"))

    def time(self, at: datetime, near: datetime) -> str:
        """A date token, which Slack shows in each reader's zone; without the date around `near`.

        https://docs.slack.dev/messaging/formatting-message-text#date-formatting
        """
        token, shown = self._token(at, near)
        return f"<!date^{int(at.timestamp())}^{token}|{shown}>"

    def countdown(self, at: datetime, near: datetime) -> str:
        """A date token with the distance from now, which Slack keeps current."""
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
        """Mentions a role; its name where roles.yaml has no members."""
        if self.direct:
            return ""
        return self.mentions.get(role) or self.say(f"role.{role.value}")

    def call(self, person: str) -> str:
        """Mentions a person; their name where they are no Slack user."""
        if self.direct:
            return ""
        return f"<@{person}>" if is_user(person) else self.person(person)

    def owner(self, person: str | None) -> str:
        """`担当は佐藤さん`, or that there is no assignee."""
        key = "card.owner" if person is not None else "card.owner.nobody"
        return self.say(key, person=self.person(person))

    def link(self, url: str | None, key: str) -> list[str]:
        """A link with the label `key`; empty without a URL."""
        return [f"<{url}|{self.say(key)}>"] if url else []

    def with_reason(self, line: str, reason: str) -> str:
        """The line with a person's reason, if there is one."""
        shown = mrkdwn(one_line(reason), _REASON)
        return self.say("line.with_reason", line=line, reason=shown) if shown else line

    def released(self, by: str | None, owner: str | None) -> str:
        """The thread line for a released case or appeal."""
        key = "line.case_released" if by == owner else "line.case_released.other"
        return self.say(key, person=self.person(by), owner=self.person(owner))

    def timed(self, at: datetime, line: str) -> str:
        """A thread line with its time."""
        return self.say("line.at_time", time=self.time(at, at), text=line)


def is_user(person: str) -> bool:
    """True for the id of a Slack user."""
    return _USER.fullmatch(person) is not None


def limit_values(limit: Full, reader: Reader) -> dict[str, str]:
    """The values of texts about a reached limit: power, number, time and holder."""
    return {
        "power": reader.say(f"power.{limit.power}"),
        "most": reader.texts.number(limit.most),
        "lasts": reader.texts.duration(limit.within),
        "name": mrkdwn(one_line(limit.holder), NAME),
    }


def trip_words(trip: Trip, reader: Reader) -> str:
    """The cause of a breaker's trip, with its numbers: `5分間に20件、この時間帯の通常は3件`."""
    tally, number = trip.tally, reader.texts.number
    new = trip.cause is BrakeCause.RATE and tally.usual is None
    counted = tally.subjects if trip.cause is BrakeCause.SUBJECTS else tally.actions
    return reader.say(
        f"breaker.cause.{trip.cause}{'.new' if new else ''}",
        lasts=reader.texts.duration(trip.window),
        count=number(counted),
        usual=number(tally.usual or 0, "#,##0.#"),
        judged=number(tally.judged),
        right=number(tally.right),
        # Rounded down: it must not look as if it reached the limit.
        bound=number(floor(lower_bound(tally.right, tally.judged) * 1000) / 1000, "#,##0.#%"),
        acted=number(tally.acted),
        undone=number(tally.undone),
        limit=number(trip.limit, "#,##0.#%"),
    )


def detector_of(about: AutomationPause | DetectorSnooze | DetectorSnoozed | SnoozeEnded) -> str:
    """The name of the detector that a pause or a snooze is about."""
    return mrkdwn(one_line(about.detector or ""), NAME)


def pause_values(
    pause: AutomationPause, titles: Mapping[str, Text], reader: Reader
) -> dict[str, str]:
    """What a pause of one action of one detector is about, and why a breaker made it."""
    cause = {} if pause.trip is None else {"cause": trip_words(pause.trip, reader)}
    action = reader.action(pause.action or "", titles)
    return {"detector": detector_of(pause), "action": action, **cause}


def problem_words(problem: Problem, reader: Reader) -> str:
    """The problem of a platform call, with its HTTP status if there is one."""
    words = reader.say(f"problem.{problem.kind}")
    if problem.status is None:
        return words
    key = "answered" if problem.kind is ProblemKind.UNREACHABLE else "status"
    return reader.say(f"problem.{key}", problem=words, status=str(problem.status))
