"""Full-text search over cases, on both databases."""

import pytest

from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.queries import Queries
from activities.ledger.search import Search
from tests.activities.ledger.recording import following, opening
from tests.workflows.domain.builders import POLICY, SATO, T0, a_case, minutes, preset
from workflows.domain.alerts import Alert, Subject, brief
from workflows.domain.case import commands as cmd
from workflows.domain.case import events as ev
from workflows.domain.case.decision import Verdict
from workflows.domain.case.evolve import opened
from workflows.domain.case.projection import case_row
from workflows.domain.case.snapshot import ReceivedAlert
from workflows.domain.policy.playbook import Severity
from workflows.ports.cases import LedgerWrite


async def a_case_of(ledger: Ledger, case: str, minute: int, **alert: object) -> None:
    """A case opened `minute` minutes after T0 with the given alert."""
    given = {"id": case, "kind": "off_platform", "occurred_at": T0, **alert}
    subject = {"type": "user", "id": f"u_{case[-2:].lower()}"}
    made = Alert.model_validate({"subject": subject, **given})
    first = ev.CaseOpened(
        at=minutes(minute),
        case=case,
        playbook="off_platform",
        subject=made.subject,
        severity=Severity.MEDIUM,
        alert=brief(made),
    )
    write = LedgerWrite(
        case=case,
        owner_key=case,
        events=(ev.Recorded(seq=1, event=first),),
        row=case_row(opened(f"case/off_platform/{case}", POLICY, first)),
        alerts=(ReceivedAlert(alert=made, at=first.at),),
    )
    await ledger.record(write)


@pytest.fixture
def finding(database: Database) -> Search:
    """Search over an empty ledger."""
    return Search(database)


async def found(finding: Search, text: str, prefix: str | None = None, **page: int) -> list[str]:
    """The ids of the matching cases."""
    rows = await finding.cases(text, prefix, page.get("skip", 0), page.get("limit", 10))
    return [row["id"] for row in rows]


async def test_words_of_alerts_are_found(ledger: Ledger, finding: Search) -> None:
    """Evidence, attributes, title and subject match, in Japanese and in any case."""
    await a_case_of(
        ledger,
        "K00000001",
        1,
        title={"ja": "口座への誘導", "en": "Bank details"},
        evidence=[{"kind": "text", "text": "LINE ID ください"}],
        attributes={"tags": ["緊急", {"deep": "Needle"}], "viewers": 1240},
    )
    await a_case_of(ledger, "K00000002", 2, evidence=[{"kind": "text", "text": "別の話"}])
    for text in ("line id", "ください", "口座", "BANK", "緊急", "needle", "1240", "U_01"):
        assert await found(finding, text) == ["K00000001"], text
    assert await found(finding, "外部誘導") == ["K00000002", "K00000001"]


async def test_hidden_evidence_is_not_found(ledger: Ledger, finding: Search) -> None:
    """Sensitive texts and all images match nothing, also beside a text that is shown."""
    await a_case_of(
        ledger,
        "K00000001",
        1,
        evidence=[
            {"kind": "text", "text": "口座番号 7654321", "sensitive": True},
            {"kind": "text", "text": "普通の話"},
            {"kind": "image", "url": "https://img.market.example/passport.png"},
            {"kind": "image", "url": "https://img.market.example/shop.png", "sensitive": False},
        ],
    )
    assert await found(finding, "普通の話") == ["K00000001"]
    for text in ("7654321", "口座番号", "passport", "shop.png", "img.market", "true"):
        assert await found(finding, text) == [], text


async def test_names_of_fields_are_no_words(ledger: Ledger, finding: Search) -> None:
    """Field names and evidence types do not match."""
    await a_case_of(
        ledger,
        "K00000001",
        1,
        evidence=[{"kind": "text", "text": "別の話"}],
        attributes={"deep": {"down": 1}},
    )
    for text in ("evidence", "deep", "down", "text", "kind", "u5225"):
        assert await found(finding, text) == [], text


@pytest.mark.parametrize("text", ["100%", "a_b", "c\\d", "'; DROP", '"', "?", "[*]"])
async def test_pattern_characters_are_literal(ledger: Ledger, finding: Search, text: str) -> None:
    """`%` and `_` are literal characters."""
    await a_case_of(ledger, "K00000001", 1, evidence=[{"kind": "text", "text": f"x {text} y"}])
    await a_case_of(ledger, "K00000002", 2, evidence=[{"kind": "text", "text": "1000 axb c/d"}])
    assert await found(finding, text) == ["K00000001"]


async def test_what_people_wrote_is_found(ledger: Ledger, finding: Search) -> None:
    """Reasons and notes match; text that merely looks similar does not."""
    await ledger.record(opening())
    await ledger.record(
        following(
            a_case(),
            cmd.AddNote(by=SATO, note="警察へ相談済み"),
            cmd.Decide(by=SATO, verdict=Verdict.NO_VIOLATION, reason="本人の店舗でした"),
        )
    )
    for text in ("警察", "本人の店舗"):
        assert await found(finding, text) == ["K7Q2F9XM0"], text
    assert await found(finding, "U0SATO") == []


async def test_an_id_is_found_by_how_it_begins(ledger: Ledger, finding: Search) -> None:
    """The parser's id prefix matches."""
    for number in ("K7Q20000A", "K7Q20000B", "K0000000C"):
        await a_case_of(ledger, number, 1)
    assert await found(finding, "zzz", "K7Q2") == ["K7Q20000B", "K7Q20000A"]


async def test_the_newest_come_first_page_by_page(ledger: Ledger, finding: Search) -> None:
    """Pages do not overlap."""
    for number in range(5):
        await a_case_of(ledger, f"K0000000{number}", number)
    assert await found(finding, "外部", limit=2) == ["K00000004", "K00000003"]
    assert await found(finding, "外部", skip=2, limit=2) == ["K00000002", "K00000001"]
    assert await found(finding, "外部", skip=4, limit=2) == ["K00000000"]


async def test_records_of_many_subjects_at_once(ledger: Ledger, finding: Search) -> None:
    """Subjects with open cases or active sanctions are returned."""
    await ledger.record(opening())
    await ledger.record(following(a_case(), preset(SATO, "warn")))
    await a_case_of(ledger, "K00000001", 1)
    subjects = [Subject(type="user", id=id_) for id_ in ("u_123", "u_01", "u_nobody")]
    assert await finding.records(subjects) == {
        "user:u_123": (("K7Q2F9XM0",), 0),
        "user:u_01": (("K00000001",), 0),
    }


async def test_records_count_open_cases_that_name_a_subject(
    ledger: Ledger, finding: Search
) -> None:
    """Its own cases come first, each case once; a closed case does not count."""
    stream = {"type": "stream", "id": "s_9"}
    await ledger.record(opening())
    await ledger.record(following(a_case(), cmd.MarkNoViolation(by=SATO)))
    await a_case_of(ledger, "K00000001", 1, subject=stream, related=[stream])
    await a_case_of(ledger, "K00000002", 2, related=[stream, stream])
    await a_case_of(ledger, "K00000003", 3, related=[{"type": "listing", "id": "s_9"}])
    subjects = [Subject(type="stream", id=id_) for id_ in ("s_9", "s_90", "s_'\"%")]
    assert await finding.records(subjects) == {"stream:s_9": (("K00000001", "K00000002"), 0)}


async def naming(queries: Queries, type_: str, id_: str, searched: int = 100) -> list[str]:
    """The ids of the cases that name a subject as related."""
    rows = await queries.cases_naming(Subject(type=type_, id=id_), searched=searched)
    return [row["id"] for row in rows]


async def test_cases_are_found_by_the_subjects_they_name(ledger: Ledger, queries: Queries) -> None:
    """The newest first, each once; type and id belong to one subject, and its own cases not."""
    stream, message = {"type": "stream", "id": "s_9"}, {"type": "message", "id": "m_7"}
    await a_case_of(ledger, "K00000001", 1, related=[message, stream])
    await a_case_of(ledger, "K00000002", 2, related=[stream, stream])
    await a_case_of(ledger, "K00000003", 3, subject=stream, related=[stream])
    await a_case_of(ledger, "K00000004", 4, related=[{"type": "stream", "id": "s_90"}])
    await a_case_of(ledger, "K00000005", 5)
    assert await naming(queries, "stream", "s_9") == ["K00000002", "K00000001"]
    assert await naming(queries, "message", "m_7") == ["K00000001"]
    assert await naming(queries, "message", "s_9") == []
    assert await naming(queries, "stream", "s_'\"%") == []
    assert await naming(queries, "stream", "s_9", searched=1) == ["K00000002", "K00000001"], (
        "open ones stay"
    )


async def test_a_case_is_found_by_its_alert_and_by_a_slip(ledger: Ledger, queries: Queries) -> None:
    """One wrong character still matches; two do not."""
    await a_case_of(ledger, "K7Q2F9XM0", 1)
    row = await queries.case_of_alert("default", "K7Q2F9XM0")
    assert row is not None
    assert row["id"] == "K7Q2F9XM0"
    assert await queries.case_of_alert("other", "K7Q2F9XM0") is None
    assert await queries.cases_like("K7Q2F9XN0") == ["K7Q2F9XM0"]
    assert await queries.cases_like("K7Q2F8XN0") == []
