"""What the team knows of a subject: earlier actions against it, and other cases about it."""

from activities.slack.drawing import Block, context, fit
from activities.slack.escape import mrkdwn, one_line
from activities.slack.reader import Reader
from workflows.domain.known import Sanction
from workflows.domain.text import Text
from workflows.domain.view import CardView

MOST = 5
"""Cases or kinds of actions that are named; the rest is counted."""
_LIST = 600
_CASE = 20


def known(view: CardView, reader: Reader) -> list[str]:
    """`過去の措置 警告1・コメント制限1`, `対応中の別ケース 1(K7…)`: whatever there is."""
    found = view.known
    told = []
    if found.sanctions:
        words = (_sanction(each, view, reader) for each in found.sanctions[:MOST])
        told.append(reader.say("card.sanctions", list=fit(words, reader.say("words.dot"), _LIST)))
    if found.open_cases:
        ids = cases(found.open_cases, reader)
        told.append(reader.say("card.other_cases", count=len(found.open_cases), ids=ids))
    if found.closed_cases:
        told.append(reader.say("card.closed_cases", count=found.closed_cases))
    return told


def cases(ids: tuple[str, ...], reader: Reader) -> str:
    """Cases by id: the first few, and how many more there are."""
    named = reader.listed(case_id(each) for each in ids[:MOST])
    if len(ids) <= MOST:
        return named
    return reader.say("words.and_more", list=named, count=len(ids) - MOST)


def case_id(case: str) -> str:
    """The id of another case, as mrkdwn: a person may have typed it."""
    return mrkdwn(one_line(case), _CASE)


def absorbed(view: CardView, reader: Reader) -> list[Block]:
    """Which cases are worked within this one."""
    if not view.absorbed:
        return []
    return [context([reader.say("card.absorbed", ids=cases(view.absorbed, reader))])]


def _sanction(sanction: Sanction, view: CardView, reader: Reader) -> str:
    name = sanction.action
    values = {
        "action": reader.title(view.action_titles.get(name) or Text(ja=name, en=name)),
        "times": sanction.times,
    }
    if not sanction.standing:
        return reader.say("card.sanction", **values)
    return reader.say("card.sanction.standing", **values, standing=sanction.standing)
