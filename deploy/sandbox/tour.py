"""Tour: main states of a case, reached by scripted people for the screenshots."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from deploy.sandbox.demo import Demo
from deploy.sandbox.faults import Fault
from deploy.sandbox.slack.person import Person, Seen
from deploy.sandbox.slack.screen import controls
from deploy.sandbox.traffic.alerts import Scene, alert, user
from deploy.sandbox.traffic.demo import Traffic, opening
from workflows.domain.case.rules.assignment import SETTLES

WAIT_SECONDS = 60.0
"""Seconds before a missing card or modal fails the tour."""


@dataclass(frozen=True)
class Cast:
    """People of one language and their texts."""

    specialist: str
    lead: str
    action: str
    reason: str
    waiting: str


CASTS = {
    "ja": Cast(
        "U0SATO",
        "U0TANAKA",
        "強制退会",
        "配信とプロフィールで計3回、LINE IDを示して直接取引に誘導",
        "本人確認書類の再提出を依頼しました",
    ),
    "en": Cast(
        "U0CLARK",
        "U0REED",
        "Permanent ban",
        "Showed a LINE ID three times, in the stream and in the profile",
        "Asked for the identity documents again",
    ),
}


def troubles() -> Scene:
    """Adds a listing that is missing at the marketplace, and a second lure."""
    made = Scene(things=[user("u_640", 9, strikes=2)])
    made.alerts += [
        alert(
            "logo-000404",
            "counterfeit",
            ("listing", "l_404"),
            ("偽ブランド品の疑い", "Suspected counterfeit"),
            score=0.92,
            text="縫い目とロゴが正規品と一致しません。",
        ),
        alert(
            "chat-000640",
            "off_platform",
            ("user", "u_640"),
            ("LINEへの誘導", "Moved the buyer to LINE"),
            score=0.91,
            text="続きはLINEで",
            viewers=80,
        ),
    ]
    return made


def more_of_them() -> Scene:
    """Another alert of a different kind on the same user."""
    abuse = alert(
        "chat-000641",
        "harassment",
        ("user", "u_640"),
        ("配信者への誹謗中傷", "Abuse of the streamer"),
        score=0.9,
        text="二度と配信するな",
        viewers=80,
    )
    return Scene(alerts=[abuse])


_SCORES = (0.8, 0.92, 0.7, 0.9, 0.98)
"""Scores of the flood: medium, high and critical."""


def flood() -> Scene:
    """Forty alerts of one kind on forty users."""
    people = [f"u_8{number:02}" for number in range(40)]
    made = Scene(things=[user(person, number) for number, person in enumerate(people)])
    made.alerts += [
        alert(
            f"wave-{number:02}",
            "off_platform",
            ("user", person),
            ("LINEへの誘導", "Moved the buyer to LINE"),
            score=_SCORES[number % len(_SCORES)],
            text="お得なお取り置きはLINEで",
            viewers=1_200,
        )
        for number, person in enumerate(people)
    ]
    return made


AFTER_CLAIM = {"case.claim": SETTLES.total_seconds() + 0.1}
"""Pause after a claim; Koban refuses a decision that follows sooner."""


class Tour:
    """Script of one language. Each step returns the card in its new state."""

    def __init__(self, played: Demo, traffic: Traffic, cast: Cast) -> None:
        self.cast = cast
        self.specialist = Person(played.sandbox.url, cast.specialist, AFTER_CLAIM)
        self.lead = Person(played.sandbox.url, cast.lead, AFTER_CLAIM)
        self._sandbox = played.sandbox
        self._traffic = traffic

    async def close(self) -> None:
        """Closes the clients of both people."""
        await asyncio.gather(self.specialist.close(), self.lead.close())

    async def begins(self) -> Seen:
        """Alerts arrive; the critical case gets its automatic protection."""
        await self._traffic.play(opening(f"{self._sandbox.url}/market"))
        card = await self.specialist.wait_card("ts-live", "u_123", timeout=WAIT_SECONDS)

        def hidden() -> bool:
            return bool((self._sandbox.market.get("messages", "m_77") or {}).get("hidden"))

        await self.specialist.until(hidden, WAIT_SECONDS, "the protection")
        return await self._quiet(card)

    async def evidence(self) -> None:
        """Opens the evidence modal, with sensitive parts hidden."""
        await self._choose(await self.specialist.wait_card("ts-live", "u_501"), "evidence")

        async def listed() -> bool:
            names = {each.action_id for each in controls(await self.specialist.modal())}
            return any(name.startswith("evidence.reveal") for name in names)

        await self.specialist.until(listed, WAIT_SECONDS, "the evidence")

    async def flooded(self) -> Seen:
        """Digest message of a channel with more waiting cards than Slack accepts."""
        await self._traffic.play(flood())

        async def look() -> Seen | None:
            said = await self.specialist.messages("ts-live")
            return next((m for m in said if _is_storm_digest(m)), None)

        return await self.specialist.until(look, WAIT_SECONDS, "the storm's digest")

    async def claimed(self, card: Seen) -> Seen:
        """The specialist claims the case."""
        await self.specialist.press(card, "case.claim")
        return await self._until(card, lambda names: "case.claim" not in names)

    async def deciding(self, card: Seen) -> Seen:
        """Opens the decision modal and waits for its fields."""
        await self.specialist.press(card, "case.decide")

        async def filled() -> Seen | None:
            modal = await self.specialist.modal()
            return modal if "reason" in {each.block_id for each in controls(modal)} else None

        return await self.specialist.until(filled, WAIT_SECONDS, "the fields of the modal")

    async def asked(self) -> Seen:
        """Submits the decision; returns the lead's approval card."""
        said = {"verdict": "violation", "actions": ["permanent_ban"], "reason": self.cast.reason}
        answer = await self.specialist.fill_and_submit(said)
        assert answer == {"ok": True}, answer
        return await self.lead.wait_card("ts-leads", "u_123", timeout=WAIT_SECONDS)

    async def approved(self, card: Seen, asked: Seen) -> Seen:
        """The lead approves, the marketplace is changed, the case is closed."""
        await self.lead.press(asked, "approval.approve")
        return await self._until(card, lambda names: "action.undo" in names)

    async def goes_on(self) -> None:
        """Sends more alerts."""
        await self._traffic.play(troubles())
        await self.specialist.wait_card("ts-market", "l_404", timeout=WAIT_SECONDS)

    async def held(self) -> Seen:
        """A claimed case on hold."""
        card = await self.claimed(await self.specialist.wait_card("ts-live", "u_501"))
        await self._choose(card, "wait")
        await self.specialist.fill_and_submit({"note": self.cast.waiting})
        return await self._until(card, lambda names: "case.resume" in names)

    async def merged(self) -> tuple[Seen, Seen]:
        """Merges two cases on one person: (remaining case, merged case)."""
        first = await self.specialist.wait_card("ts-live", "u_640")
        await self._traffic.play(more_of_them())

        def another(card: Seen) -> bool:
            return "u_640" in str(card["blocks"]) and card["ts"] != first["ts"]

        second = await self.specialist.wait_card("ts-live", another, timeout=WAIT_SECONDS)
        await self._choose(second, "merge")
        into = first["metadata"]["event_payload"]["case"]
        answer = await self.specialist.fill_and_submit({"into": into})
        assert answer == {"ok": True}, answer
        second = await self._until(second, lambda names: not names)
        return await self._quiet(first), second

    async def failed(self) -> Seen:
        """The marketplace does not have the listing: the card offers Retry and Give up."""
        card = await self.specialist.wait_card("ts-market", "l_404")
        await self.specialist.press(card, "case.preset.pause")
        return await self._until(card, lambda names: "action.retry" in names)

    async def enforcing(self) -> Seen:
        """The marketplace returns errors; the card shows the retries."""
        self._sandbox.faults.set(Fault.PLATFORM_500, True)
        card = await self.specialist.wait_card("ts-market", "l_31")
        await self.specialist.press(card, "case.preset.pause")
        await self._until(card, lambda names: not any("preset" in name for name in names))
        tried = len(self._sandbox.market.calls())
        await self.specialist.until(
            lambda: len(self._sandbox.market.calls()) > tried + 1, WAIT_SECONDS, "further tries"
        )
        return await self._quiet(card)

    def healed(self) -> None:
        """Clears the faults."""
        self._sandbox.faults.clear()

    async def looked_up(self) -> Seen:
        """Ephemeral answer of `/koban user`."""
        await self.specialist.command("/koban user u_123")
        answers = await self.specialist.until(
            lambda: self.specialist.ephemerals("ts-live"), WAIT_SECONDS, "the look-up"
        )
        return answers[-1]

    async def home(self) -> None:
        """App Home of the specialist."""
        await self.specialist.until(self.specialist.home, WAIT_SECONDS, "the home")

    async def _choose(self, card: Seen, name: str) -> None:
        card = await self.specialist.latest(card)
        options = [o for c in controls(card) for o in c.element.get("options", ())]
        named = [o["value"] for o in options if o["value"].startswith(f"{name}:")]
        assert named, f"the menu has no {name}"
        await self.specialist.choose_overflow(card, named[0])
        await self.specialist.modal()

    async def _until(self, card: Seen, holds: Callable[[set[str]], bool]) -> Seen:
        async def look() -> Seen | None:
            now = await self.specialist.latest(card)
            return now if holds({each.action_id for each in controls(now)}) else None

        return await self.specialist.until(look, WAIT_SECONDS, f"the next state of {card['text']}")

    async def _quiet(self, card: Seen) -> Seen:
        """The card after a second without changes: counts and protections follow late."""
        now = await self.specialist.latest(card)
        while True:
            await asyncio.sleep(1)
            before, now = now, await self.specialist.latest(card)
            if before["blocks"] == now["blocks"]:
                return now


def _is_storm_digest(message: Seen) -> bool:
    return (message.get("metadata") or {}).get("event_type") == "koban_storm"
