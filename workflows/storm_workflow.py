"""The storm of one channel: one digest from the flood's first sign until every card stands.

It looks at the ledger every few seconds, draws the digest where something changed, and calls a role
once for the cases of which each would have called it.
"""

from datetime import timedelta

from temporalio import workflow

from workflows.activity_options import execute
from workflows.domain.case.snapshot import CardRef, remember
from workflows.domain.storm import CALM, Called, Mention, Picture, due_mentions
from workflows.ports.storms import StormAsk, StormStart, storm_now
from workflows.shared.slack_sync import show

_LOOK = timedelta(seconds=12)
"""Between two looks: five a minute take a tenth of Slack's updates."""


@workflow.defn
class StormWorkflow:
    """One storm. It ends with the truth: how many cases there were, and that all have cards."""

    @workflow.init
    def __init__(self, start: StormStart) -> None:
        self._start = start
        self._memory = start.memory
        self._key = start.key or workflow.info().run_id
        self._called: list[Called] = list(start.memory.called)
        self._heard = start.memory.heard

    @workflow.signal
    def called(self, call: Called) -> None:
        """A case's ladder called somebody: the digest does it for all of them."""
        name = f"{call.case}/{call.seq}"
        if name not in self._heard:
            self._heard = remember(self._heard, name)
            self._called.append(call)

    @workflow.run
    async def run(self, start: StormStart) -> None:
        """Looks, draws and calls until it is over."""
        while not await self._look():
            # Calls come by the dozen: they too wait for the next look.
            await workflow.sleep(_LOOK)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._next())

    def _next(self) -> StormStart:
        carried = {"called": tuple(self._called), "heard": self._heard}
        memory = self._memory.model_copy(update=carried)
        return self._start.model_copy(update={"key": self._key, "memory": memory})

    async def _look(self) -> bool:
        """One look; whether it was the last."""
        ask = StormAsk(channel=self._start.channel, since=self._memory.since)
        picture: Picture = await execute(storm_now, ask)
        calm = self._memory.calm + 1 if picture.waiting == 0 else 0
        over = calm >= CALM
        self._note(since=picture.since, calm=calm)
        called = tuple(self._called)
        # The last word calls everybody who is still to be called.
        mentions = due_mentions(called, {} if over else self._memory.told_at, workflow.now())
        if self._worth_telling(picture, over, mentions):
            digest = await show(self._key, picture, self._memory, over, mentions)
            self._took(picture, digest, called, mentions)
        return over and not self._called

    def _worth_telling(self, picture: Picture, over: bool, mentions: tuple[Mention, ...]) -> bool:
        """A flood that was over before anybody heard of it is none."""
        if self._memory.digest is None:
            return picture.waiting > 0 or bool(mentions)
        return over or bool(mentions) or picture != self._memory.drawn

    def _took(
        self,
        picture: Picture,
        digest: CardRef,
        called: tuple[Called, ...],
        mentions: tuple[Mention, ...],
    ) -> None:
        roles = {mention.role for mention in mentions}
        told = {each for each in called if each.role in roles}
        self._called = [each for each in self._called if each not in told]
        self._note(
            digest=digest,
            drawn=picture,
            told_at={**self._memory.told_at, **dict.fromkeys(sorted(roles), workflow.now())},
            mentions=self._memory.mentions + len(mentions),
        )

    def _note(self, **changes: object) -> None:
        self._memory = self._memory.model_copy(update=changes)
