"""Alerts that people make, on the way that detectors' alerts take."""

from bot.cli.policies import Policies
from bot.ingest.handover import Handover, TemporalAway
from bot.slack.doors import Unavailable
from workflows.domain.alert import Alert
from workflows.domain.playbook.model import Playbook


class HandDesk:
    """`AlertDoor`."""

    def __init__(self, handover: Handover, policies: Policies) -> None:
        self._handover = handover
        self._policies = policies

    def takes(self, alert: Alert) -> Playbook | None:
        """The playbook that takes an alert."""
        placed = self._policies.place(alert)
        return None if placed is None else placed[0].playbook

    async def hand_over(self, alert: Alert) -> None:
        """Stores it for good; a second time changes nothing."""
        try:
            await self._handover.hand_over([alert])
        except TemporalAway as away:
            raise Unavailable("Temporal does not answer.") from away
