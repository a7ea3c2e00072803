"""What a detector gets for alerts that can be used."""

import asyncio
from collections.abc import Callable
from typing import Any

from bot.http.admission import AHEAD
from deploy.sandbox.slack.person import wait_until
from tests.bot.http.conftest import Desk
from tests.bot.http.detector import COMMON, LIVE_CHAT, NEXT, alert


async def test_one_alert_is_accepted_and_handed_over_with_its_group(desk: Desk) -> None:
    """A signed alert reaches the cases once, with the group that its playbook says."""
    answer = await desk.post(alert("a1"))
    assert answer.status_code == 202
    assert answer.json() == {"results": [{"id": "a1", "result": "accepted"}]}
    [(taken, group)] = desk.cases.taken
    assert (taken.key, group) == ("default/a1", ("user:u_123",))


async def test_everything_an_alert_may_carry_arrives(desk: Desk) -> None:
    """All the fields of the contract come through unchanged."""
    full = alert(
        "chat-000123",
        detector="live-chat",
        related=[{"type": "stream", "id": "s_9"}, {"type": "listing", "id": "m_77"}],
        score=0.93,
        title={"ja": "LINEへの誘導", "en": "Moved the buyer to LINE"},
        evidence=[
            {"kind": "text", "text": "LINE ID ください", "sensitive": False},
            {"kind": "image", "url": "https://img.example/1.png", "sensitive": True},
        ],
        attributes={"viewers": 1240, "tags": ["a", {"b": None}]},
    )
    answer = await desk.post(full, secret=LIVE_CHAT)
    assert answer.status_code == 202
    [(taken, _)] = desk.cases.taken
    assert taken.model_dump(mode="json") == full


async def test_results_come_in_the_order_of_the_request(desk: Desk) -> None:
    """A batch mixes accepted, invalid and duplicate alerts, each at its own place."""
    desk.known.keys.add(("default", "old"))
    answer = await desk.post(
        {"alerts": [alert("new"), alert("bad", score=2), alert("old"), alert("new")]}
    )
    assert answer.status_code == 202
    assert answer.json() == {
        "results": [
            {"id": "new", "result": "accepted"},
            {
                "id": "bad",
                "result": "invalid",
                "pointer": "/score",
                "error": "This should be less than or equal to 1.",
            },
            {"id": "old", "result": "duplicate"},
            {"id": "new", "result": "duplicate"},
        ]
    }
    assert desk.cases.ids == ["new"]


async def test_a_thousand_alerts_fit_in_one_request(desk: Desk) -> None:
    """The largest batch is taken whole."""
    answer = await desk.post({"alerts": [alert(f"a{number}") for number in range(1000)]})
    assert answer.status_code == 202
    assert sorted(desk.cases.ids) == sorted(f"a{number}" for number in range(1000))


async def test_both_secrets_hold_during_rotation(desk: Desk) -> None:
    """The old and the new common secret are good at the same time."""
    assert (await desk.post(alert("a1"), secret=COMMON)).status_code == 202
    assert (await desk.post(alert("a2"), secret=NEXT)).status_code == 202


async def test_a_signature_among_others_is_found(desk: Desk) -> None:
    """A sender in rotation signs twice in one header, in any order and with other versions."""
    good = await _signature(desk, alert("a1"))
    answer = await desk.post(alert("a1"), webhook_signature=f"v1a,xyz v1,AAAA {good}")
    assert answer.status_code == 202


async def _signature(desk: Desk, value: object) -> str:
    from tests.bot.http.detector import as_json, signed

    return signed(as_json(value))["webhook-signature"]


async def test_a_detector_with_its_own_secret_need_not_name_itself(desk: Desk) -> None:
    """The secret says who speaks."""
    assert (await desk.post(alert("a1"), secret=LIVE_CHAT)).status_code == 202
    [(taken, _)] = desk.cases.taken
    assert taken.detector == "live-chat"


async def test_a_replayed_request_makes_no_second_alert(desk: Desk) -> None:
    """The same webhook id with the same body is answered, and nothing is stored twice."""
    first = await desk.post(alert("a1"))
    again = await desk.post(alert("a1"))
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == {"results": [{"id": "a1", "result": "duplicate"}]}
    assert desk.cases.ids == ["a1"]


async def test_an_alert_known_to_the_ledger_is_a_duplicate_for_good(desk: Desk) -> None:
    """What the ledger has, also from a case that closed, is not handed over again."""
    desk.known.keys.add(("default", "a1"))
    answer = await desk.post(alert("a1"))
    assert answer.status_code == 202
    assert answer.json() == {"results": [{"id": "a1", "result": "duplicate"}]}
    assert desk.cases.taken == []


async def test_the_same_id_of_another_detector_is_another_alert(desk: Desk) -> None:
    """(detector, id) names an alert, not the id alone."""
    await desk.post(alert("a1", detector="images"))
    answer = await desk.post(alert("a1", detector="words"))
    assert answer.json() == {"results": [{"id": "a1", "result": "accepted"}]}


async def test_without_the_ledger_alerts_go_on_to_their_case(desk: Desk) -> None:
    """A ledger out of reach costs no alert: the case asks it again."""
    desk.known.away = True
    assert (await desk.post(alert("a1"))).status_code == 202
    assert desk.cases.ids == ["a1"]


async def test_fifty_thousand_characters_of_evidence_are_taken(desk: Desk) -> None:
    """Long evidence arrives whole."""
    answer = await desk.post(alert(evidence=[{"kind": "text", "text": "あ" * 50_000}]))
    assert answer.status_code == 202
    [(taken, _)] = desk.cases.taken
    [text] = taken.evidence
    assert text.kind == "text"
    assert text.text == "あ" * 50_000


async def test_control_characters_in_words_become_visible(desk: Desk) -> None:
    """Hostile words are kept, as signs that can be seen."""
    answer = await desk.post(
        alert(evidence=[{"kind": "text", "text": "a\u0000b\u001b[2J <!channel> \u202e"}])
    )
    assert answer.status_code == 202
    [(taken, _)] = desk.cases.taken
    [text] = taken.evidence
    assert text.kind == "text"
    assert text.text == "a\u2400b\u241b[2J <!channel> \ufffd"


async def test_odd_subject_ids_are_taken_as_they_are(desk: Desk) -> None:
    """An id is a name: slashes and percent signs in it mean nothing here."""
    odd = "../../v1/users/x?y=%00 z"
    await desk.post(alert(subject={"type": "user", "id": odd}))
    [(taken, _)] = desk.cases.taken
    assert taken.subject.id == odd


async def test_the_alerts_of_one_case_travel_together(desk: Desk) -> None:
    """A thousand alerts about three people are three calls to Temporal, each in its order."""
    people = [{"type": "user", "id": f"u_{number % 3}"} for number in range(1000)]
    alerts = [alert(f"a{number}", subject=person) for number, person in enumerate(people)]
    answer = await desk.post({"alerts": alerts})
    assert answer.status_code == 202
    assert desk.cases.tried == 3
    first = [one.id for one, group in desk.cases.taken if group == ("user:u_0",)]
    assert first == [f"a{number}" for number in range(0, 1000, 3)]


async def test_alerts_of_one_case_that_wait_for_their_turn_travel_together(desk: Desk) -> None:
    """Whatever requests they came with; each is answered once its alerts are stored."""
    release, others = await crowded(desk)
    mine = [asyncio.create_task(desk.post(about(f"a{number}", "mine"))) for number in range(5)]
    await wait_until(lambda: desk.known.asked == AHEAD + 5, what="five that wait for their turn")
    await asyncio.sleep(0)
    assert ([task.done() for task in mine], desk.cases.tried) == ([False] * 5, AHEAD)
    release()
    answers = await asyncio.gather(*others, *mine)
    assert {answer.status_code for answer in answers} == {202}
    assert desk.cases.tried == AHEAD + 1
    assert sorted(desk.cases.ids[-5:]) == ["a0", "a1", "a2", "a3", "a4"]


async def test_what_is_sent_again_while_it_waits_is_stored_once(desk: Desk) -> None:
    """A detector that gave up waiting for its answer has not made the line longer."""
    release, others = await crowded(desk)
    mine = [asyncio.create_task(desk.post(about("a0", "mine"))) for _ in range(5)]
    await wait_until(lambda: desk.known.asked == AHEAD + 5, what="five that wait for their turn")
    await asyncio.sleep(0)
    release()
    answers = await asyncio.gather(*others, *mine)
    assert {answer.status_code for answer in answers} == {202}
    assert desk.cases.ids.count("a0") == 1


async def crowded(desk: Desk) -> tuple[Callable[[], None], list[asyncio.Task[Any]]]:
    """As many calls are under way as may be, until what this returns first is called."""
    release = desk.cases.hold()
    posts = (desk.post(about(f"b{number}", f"other_{number}")) for number in range(AHEAD))
    others = [asyncio.create_task(post) for post in posts]
    await wait_until(lambda: desk.cases.tried == AHEAD, what="as many calls as may be")
    return release, others


def about(id_: str, subject: str) -> dict[str, Any]:
    """An alert about somebody."""
    return alert(id_, subject={"type": "user", "id": subject})
