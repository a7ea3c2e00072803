"""Cards: each equals its case as Koban would draw it now; each case has one card."""

from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from activities.slack.cards.case import case_card
from activities.slack.i18n.catalog import texts
from activities.slack.reader import Reader
from deploy.sandbox.slack import seed
from deploy.sandbox.slack.model import Message
from tests.chaos.commands import APPROVAL
from tests.chaos.evidence import Evidence, Story, Violation
from workflows.domain.case.view import view_of
from workflows.domain.values import Language

NUMBER = 4
_NAMES = {member.id: member.display_name for member in seed.people()}


def check(seen: Evidence) -> Iterator[Violation]:
    """Compares each case with the messages in the sandbox."""
    reader = Reader(texts(Language.JA), ZoneInfo("Asia/Tokyo"), names=_NAMES)
    cards, asked = seen.cards(), seen.cards(APPROVAL)
    for case, story in seen.stories.items():
        if not story.states:
            continue
        mine = cards.get(case, [])
        if len(mine) != 1:
            yield Violation(NUMBER, f"case {case} has {len(mine)} cards: {[m.ts for m in mine]}")
        for message in mine[:1]:
            yield from _drawn(case, story, message, reader)
        yield from _asked(case, story, asked.get(case, []))
    for case in sorted(cards.keys() - seen.stories.keys()):
        yield Violation(NUMBER, f"there is a card of {case}, a case that the ledger lacks")


def _drawn(case: str, story: Story, message: Message, reader: Reader) -> Iterator[Violation]:
    wanted = case_card(view_of(story.case), reader)
    if (story.row["card_channel"], story.row["card_ts"]) != (message.channel, message.ts):
        place = (story.row["card_channel"], story.row["card_ts"])
        yield Violation(NUMBER, f"case {case}: its row looks for the card at {place}")
    blocks = [_like(*pair) for pair in zip(message.blocks, wanted.blocks, strict=False)]
    if message.text != wanted.text or blocks != wanted.blocks:
        yield Violation(
            NUMBER,
            f"case {case} at version {story.case.version}: the card {message.ts} says "
            f"{message.text!r} instead of {wanted.text!r}",
        )


def _like(stored: Mapping, wanted: Mapping) -> dict:
    """The stored block without the id that Slack generated."""
    return {k: v for k, v in stored.items() if k != "block_id" or "block_id" in wanted}


def _asked(case: str, story: Story, messages: list[Message]) -> Iterator[Violation]:
    """One request with buttons while an approval is pending, and none otherwise."""
    approval = story.case.approval
    pending = approval is not None and approval.pending
    open_ = [m for m in messages if any(b["type"] == "actions" for b in m.blocks)]
    if len(open_) != int(pending):
        word = "pending" if pending else "over"
        yield Violation(
            NUMBER, f"case {case}: {len(open_)} requests with buttons, its approval is {word}"
        )
