"""How the thread tells of notices to the person acted upon."""

from activities.slack.line_words import Words, by
from activities.slack.problems import problem_words
from activities.slack.reader import Reader
from workflows.domain import events as ev
from workflows.domain.view import CardView


def _sent(event: ev.NoticeSent, view: CardView, reader: Reader) -> str:
    return reader.say("line.notice_sent")


def _delayed(event: ev.NoticeDelayed, view: CardView, reader: Reader) -> str:
    return reader.say("line.notice_delayed")


def _failed(event: ev.NoticeFailed, view: CardView, reader: Reader) -> str:
    return reader.say("line.notice_failed", problem=problem_words(event.problem, reader))


WORDS: Words = {
    ev.NoticeSent: _sent,
    ev.NoticeDelayed: _delayed,
    ev.NoticeFailed: _failed,
    ev.NoticeRetried: by,
}
