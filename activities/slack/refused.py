"""A refusal as its person reads it: of which case, why, and what they had typed."""

from activities.slack.drawing import MOST_SECTION, Block, context, section
from activities.slack.escape import mrkdwn, one_line, shorten
from activities.slack.text.texts import Catalog
from workflows.domain.refusal import Reason
from workflows.domain.text import visible
from workflows.ports import Answer

_TITLE = 60
_MOST_TYPED = 3_000
"""As much as a case keeps of a person's words."""


def of_case(said: str, wanted: Answer, link: str | None, catalog: Catalog) -> str:
    """`ケース K7Q2F9XM0(外部誘導): 佐藤さんが12秒前に完了しました。`, the id a link to its card."""
    if wanted.refusal.reason is Reason.UNKNOWN_CASE:
        return said  # it names the case that is not there
    case = f"<{link}|{wanted.case}>" if link else mrkdwn(wanted.case, _TITLE)
    if wanted.title is None:
        return catalog.say("refusal.of_case", case=case, refusal=said)
    title = mrkdwn(one_line(wanted.title.in_(catalog.language)), _TITLE)
    return catalog.say("refusal.of_titled_case", case=case, title=title, refusal=said)


def with_typed(said: str, typed: str, catalog: Catalog) -> list[Block]:
    """The refusal, and below it what its person wrote, to be copied; none where they wrote nothing.

    Preformatted text is obeyed nowhere, and stays as it was typed.
    """
    kept = shorten(visible(typed).strip(), _MOST_TYPED)
    if not kept:
        return []
    words = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": kept}]}
    return [
        section([shorten(said, MOST_SECTION)]),
        context([catalog.say("refusal.typed")]),
        {"type": "rich_text", "elements": [words]},
    ]
