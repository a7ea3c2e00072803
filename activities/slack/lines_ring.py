"""How the thread tells of rings: their progress only stands on the card."""

from activities.slack.line_words import Words, by
from workflows.domain import events as ev

WORDS: Words = {ev.RingStopped: by}
