"""Storm workflow: one digest for a channel in which many cards wait, until all are posted.

It reads the ledger every few seconds, updates the digest if something changed, and mentions a role
once for all cases that would each have called it.
"""

from datetime import timedelta

from temporalio import workflow

from workflows.activity_options import execute
from workflows.domain.case.snapshot import CardRef, remember
from workflows.domain.storm import CALM, Called, Mention, Picture, due_mentions
from workflows.ports.storms import ShowStorm, StormAsk, StormPort, StormStart
from workflows.shared.slack_sync import execute_until_taken

_EVERY = timedelta(seconds=12)
"""Between two updates: five a minute take a tenth of Slack's limit for `chat.update`."""


@workflow.defn
class StormWorkflow:
    """One storm. The last digest has the number of cases, all of which have cards."""

    @workflow.init
    def __init__(self, start: StormStart) -> None:
        self._start = start.model_copy(update={"key": start.key or workflow.info().run_id})
        self._memory = start.memory

    @workflow.signal
    def called(self, call: Called) -> None:
        """A case escalated to somebody: the digest mentions them once for all cases."""
        name = f"{call.case}/{call.seq}"
        memory = self._memory
        if name not in memory.seen:
            self._note(seen=remember(memory.seen, name), called=(*memory.called, call))

    @workflow.run
    async def run(self, start: StormStart) -> None:
        """Updates the digest until the storm is over."""
        while not await self._update():
            # Calls come by the dozen: they wait for the next update as well.
            await workflow.sleep(_EVERY)
            if workflow.info().is_continue_as_new_suggested():
                carried = {"memory": self._memory}
                workflow.continue_as_new(self._start.model_copy(update=carried))

    async def _update(self) -> bool:
        """Reads the ledger and updates the digest; True if that was the last time."""
        ask = StormAsk(channel=self._start.channel, since=self._memory.since)
        picture = await execute(StormPort.storm_now, ask)
        calm = self._memory.calm + 1 if picture.waiting == 0 else 0
        over = calm >= CALM
        self._note(since=picture.since, calm=calm)
        called = self._memory.called
        # The last update mentions everybody who is still to be called.
        mentions = due_mentions(called, {} if over else self._memory.told_at, workflow.now())
        if self._is_news(picture, over, mentions):
            digest = await self._show(picture, over, mentions)
            self._shown(picture, digest, called, mentions)
        return over and not self._memory.called

    def _is_news(self, picture: Picture, over: bool, mentions: tuple[Mention, ...]) -> bool:
        """A storm that ends before its first digest needs none."""
        if self._memory.digest is None:
            return picture.waiting > 0 or bool(mentions)
        return over or bool(mentions) or picture != self._memory.drawn

    async def _show(self, picture: Picture, over: bool, mentions: tuple[Mention, ...]) -> CardRef:
        wanted = ShowStorm(
            key=self._start.key,
            picture=picture,
            digest=self._memory.digest,
            over=over,
            ended_at=workflow.now() if over else None,
            mentions=mentions,
            number=self._memory.mentions,
        )
        return await execute_until_taken(StormPort.show_storm, wanted)

    def _shown(
        self,
        picture: Picture,
        digest: CardRef,
        called: tuple[Called, ...],
        mentions: tuple[Mention, ...],
    ) -> None:
        roles = {mention.role for mention in mentions}
        mentioned = {each for each in called if each.role in roles}
        self._note(
            called=tuple(each for each in self._memory.called if each not in mentioned),
            digest=digest,
            drawn=picture,
            told_at={**self._memory.told_at, **dict.fromkeys(sorted(roles), workflow.now())},
            mentions=self._memory.mentions + len(mentions),
        )

    def _note(self, **changes: object) -> None:
        self._memory = self._memory.model_copy(update=changes)
