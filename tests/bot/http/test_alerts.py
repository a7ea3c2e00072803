"""`POST /v1/alerts` with valid alerts."""

import asyncio
from collections.abc import Callable
from typing import Any

from bot.admission import MAX_BACKLOG
from deploy.sandbox.slack.person import wait_until
from tests.bot.http.conftest import AlertServer
from tests.bot.http.fakes import APPEALS, COMMON, LIVE_CHAT, NEXT, WEB_SHOP, alert


async def test_one_alert_is_accepted_and_handed_over_with_its_group(server: AlertServer) -> None:
    """A signed alert is stored once, with its playbook's group."""
    answer = await server.post(alert("a1"))
    assert answer.status_code == 202
    assert answer.json() == {"results": [{"id": "a1", "result": "accepted"}]}
    [(taken, group)] = server.cases.taken
    assert (taken.key, group) == ("default/a1", ("user:u_123",))


async def test_everything_an_alert_may_carry_arrives(server: AlertServer) -> None:
    """All fields of the contract are stored unchanged."""
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
    answer = await server.post(full, secret=LIVE_CHAT)
    assert answer.status_code == 202
    [(taken, _)] = server.cases.taken
    assert taken.model_dump(mode="json") == full


async def test_results_come_in_the_order_of_the_request(server: AlertServer) -> None:
    """A batch mixes accepted, invalid and duplicate alerts, each at its own place."""
    server.known.keys.add(("default", "old"))
    answer = await server.post(
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
    assert server.cases.ids == ["new"]


async def test_a_thousand_alerts_fit_in_one_request(server: AlertServer) -> None:
    """The largest batch is accepted as a whole."""
    answer = await server.post({"alerts": [alert(f"a{number}") for number in range(1000)]})
    assert answer.status_code == 202
    assert sorted(server.cases.ids) == sorted(f"a{number}" for number in range(1000))


async def test_both_secrets_hold_during_rotation(server: AlertServer) -> None:
    """The old and the new common secret are valid at the same time."""
    assert (await server.post(alert("a1"), secret=COMMON)).status_code == 202
    assert (await server.post(alert("a2"), secret=NEXT)).status_code == 202


async def test_a_secret_of_appeals_sends_no_alert(server: AlertServer) -> None:
    """The status is 401, and no case gets the alert."""
    assert (await server.post(alert("a1"), secret=APPEALS)).status_code == 401
    assert (await server.post(alert("a1"), secret=WEB_SHOP)).status_code == 401
    assert server.cases.taken == []


async def test_a_signature_among_others_is_found(server: AlertServer) -> None:
    """A sender in rotation signs twice in one header, in any order and with other versions."""
    good = await _signature(server, alert("a1"))
    answer = await server.post(alert("a1"), webhook_signature=f"v1a,xyz v1,AAAA {good}")
    assert answer.status_code == 202


async def _signature(server: AlertServer, value: object) -> str:
    from tests.bot.http.fakes import as_json, signed

    return signed(as_json(value))["webhook-signature"]


async def test_a_detector_with_its_own_secret_need_not_name_itself(server: AlertServer) -> None:
    """The secret identifies the detector."""
    assert (await server.post(alert("a1"), secret=LIVE_CHAT)).status_code == 202
    [(taken, _)] = server.cases.taken
    assert taken.detector == "live-chat"


async def test_a_replayed_request_makes_no_second_alert(server: AlertServer) -> None:
    """The same webhook id and body get an answer, and nothing is stored twice."""
    first = await server.post(alert("a1"))
    again = await server.post(alert("a1"))
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == {"results": [{"id": "a1", "result": "duplicate"}]}
    assert server.cases.ids == ["a1"]


async def test_an_alert_known_to_the_ledger_is_a_duplicate_for_good(server: AlertServer) -> None:
    """Alerts in the ledger, also of closed cases, are not sent again."""
    server.known.keys.add(("default", "a1"))
    answer = await server.post(alert("a1"))
    assert answer.status_code == 202
    assert answer.json() == {"results": [{"id": "a1", "result": "duplicate"}]}
    assert server.cases.taken == []


async def test_the_same_id_of_another_detector_is_another_alert(server: AlertServer) -> None:
    """(detector, id) identifies an alert."""
    await server.post(alert("a1", detector="images"))
    answer = await server.post(alert("a1", detector="words"))
    assert answer.json() == {"results": [{"id": "a1", "result": "accepted"}]}


async def test_without_the_ledger_alerts_go_on_to_their_case(server: AlertServer) -> None:
    """The case repeats the duplicate check."""
    server.known.away = True
    assert (await server.post(alert("a1"))).status_code == 202
    assert server.cases.ids == ["a1"]


async def test_fifty_thousand_characters_of_evidence_are_taken(server: AlertServer) -> None:
    """Long evidence is stored completely."""
    answer = await server.post(alert(evidence=[{"kind": "text", "text": "あ" * 50_000}]))
    assert answer.status_code == 202
    [(taken, _)] = server.cases.taken
    [text] = taken.evidence
    assert text.kind == "text"
    assert text.text == "あ" * 50_000


async def test_control_characters_in_words_become_visible(server: AlertServer) -> None:
    """Hostile text is kept, with visible replacements."""
    answer = await server.post(
        alert(evidence=[{"kind": "text", "text": "a\u0000b\u001b[2J <!channel> \u202e"}])
    )
    assert answer.status_code == 202
    [(taken, _)] = server.cases.taken
    [text] = taken.evidence
    assert text.kind == "text"
    assert text.text == "a\u2400b\u241b[2J <!channel> \ufffd"


async def test_odd_subject_ids_are_taken_as_they_are(server: AlertServer) -> None:
    """Slashes and percent signs have no meaning in an id."""
    odd = "../../v1/users/x?y=%00 z"
    await server.post(alert(subject={"type": "user", "id": odd}))
    [(taken, _)] = server.cases.taken
    assert taken.subject.id == odd


async def test_the_alerts_of_one_case_travel_together(server: AlertServer) -> None:
    """A thousand alerts about three people are three calls to Temporal, each in order."""
    people = [{"type": "user", "id": f"u_{number % 3}"} for number in range(1000)]
    alerts = [alert(f"a{number}", subject=person) for number, person in enumerate(people)]
    answer = await server.post({"alerts": alerts})
    assert answer.status_code == 202
    assert server.cases.tried == 3
    first = [one.id for one, group in server.cases.taken if group == ("user:u_0",)]
    assert first == [f"a{number}" for number in range(0, 1000, 3)]


async def test_waiting_alerts_of_one_case_are_sent_together(
    server: AlertServer,
) -> None:
    """This includes several requests; each is answered once its alerts are stored."""
    release, others = await crowded(server)
    mine = [asyncio.create_task(server.post(about(f"a{number}", "mine"))) for number in range(5)]
    await wait_until(lambda: server.submitter.waiting == 5, what="five waiting alerts")
    assert ([task.done() for task in mine], server.cases.tried) == ([False] * 5, MAX_BACKLOG)
    release()
    answers = await asyncio.gather(*others, *mine)
    assert {answer.status_code for answer in answers} == {202}
    assert server.cases.tried == MAX_BACKLOG + 1
    assert sorted(server.cases.ids[-5:]) == ["a0", "a1", "a2", "a3", "a4"]


async def test_what_is_sent_again_while_it_waits_is_stored_once(server: AlertServer) -> None:
    """A repeated request does not make the queue longer."""
    release, others = await crowded(server)
    mine = [asyncio.create_task(server.post(about("a0", "mine"))) for _ in range(5)]
    await wait_until(lambda: server.known.asked == MAX_BACKLOG + 5, what="five waiting alerts")
    await asyncio.sleep(0)
    release()
    answers = await asyncio.gather(*others, *mine)
    assert {answer.status_code for answer in answers} == {202}
    assert server.cases.ids.count("a0") == 1


async def crowded(server: AlertServer) -> tuple[Callable[[], None], list[asyncio.Task[Any]]]:
    """Fills the backlog with blocked calls; returns the function that releases them."""
    release = server.cases.hold()
    posts = (server.post(about(f"b{number}", f"other_{number}")) for number in range(MAX_BACKLOG))
    others = [asyncio.create_task(post) for post in posts]
    await wait_until(lambda: server.cases.tried == MAX_BACKLOG, what="as many calls as may be")
    return release, others


def about(id_: str, subject: str) -> dict[str, Any]:
    """An alert about `subject`."""
    return alert(id_, subject={"type": "user", "id": subject})
