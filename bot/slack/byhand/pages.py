"""What a person reads of an alert that they made, or that could not be made."""

from activities.slack.escape import Safe, mrkdwn, one_line
from activities.slack.text.texts import Catalog
from bot.services.cases import CaseLine
from bot.slack.byhand.making import Fault, Made, Wrong
from bot.slack.drawing import about, case_name, safe
from bot.slack.replies import Said
from bot.slack.slash import pages

_WRITTEN = 100


def made_page(made: Made, line: CaseLine | None, texts: Catalog, base: str | None) -> Said:
    """The case, with a link to its card where that stands already."""
    if line is None or line.card is None:
        channel = safe(made.playbook.channel, 80)
        case = line.id if line is not None else texts.say("bot.hand.no_id")
        told = texts.say("bot.hand.received", case=case, channel=channel)
    else:
        joined = line.opened_at < made.alert.occurred_at
        key = "bot.hand.joined" if joined else "bot.hand.opened"
        told = texts.say(key, case=case_name(line, base), about=about(line, texts))
    if made.unsure:
        told = f"{told}\n{texts.say('bot.hand.unsure')}"
    return pages.sentence(told)


def reported_page(line: CaseLine | None, texts: Catalog) -> Said:
    """The case id and nothing else: whoever reports need not be of the team."""
    if line is None:
        return pages.sentence(texts.say("bot.hand.reported.later"))
    return pages.sentence(texts.say("bot.hand.reported", case=line.id))


def fault_words(fault: Fault, written: str, texts: Catalog, shown: Safe = mrkdwn) -> str:
    """What is wrong with what was `written`; `shown` as it is read there."""
    written = shown(one_line(written), _WRITTEN)
    if fault.nearest is None:
        return texts.say(f"bot.hand.wrong.{fault.wrong}", written=written)
    nearest = shown(fault.nearest, _WRITTEN)
    return texts.say(f"bot.hand.wrong.{fault.wrong}.nearest", written=written, nearest=nearest)


def block_of(wrong: Wrong) -> str:
    """The field of the modal that it is about."""
    return "subject" if wrong in (Wrong.SUBJECT, Wrong.NOT_THERE) else "kind"
