"""Page of a backtest: its sections and numbers, both languages, hostile texts, accessibility."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.backtest.html import page
from tests.activities.backtest.document import Node, main_of, parse
from tests.activities.backtest.samples import SHOWN, TITLES, comparison, empty, full, labels, trips
from workflows.domain.backtest.report import Change, ChangeKind, Comparison, TripRecord
from workflows.domain.values import Language, Text

SECTIONS = [
    "figures",
    "comparison",
    "hours",
    "playbooks",
    "severities",
    "automation",
    "trips",
    "labels",
    "staffing",
    "left-out",
    "limits",
]


def sections(main: Node) -> list[str]:
    """The names of the sections, without the language."""
    return [
        (node.attributes["aria-labelledby"] or "").rpartition("-")[0]
        for node in main.all("section")
    ]


def whole(**changes: Any) -> Node:
    """The document of a full report."""
    return parse(page(full(**changes), TITLES, SHOWN))


# -- the document ---------------------------------------------------------------------------


def test_the_page_loads_and_runs_nothing() -> None:
    """The policy forbids it, and there is no script, link, image, frame or address."""
    html = page(full(), TITLES, SHOWN)
    document = parse(html)
    policy = next(n for n in document.all("meta") if "http-equiv" in n.attributes)
    assert policy.attributes == {
        "http-equiv": "Content-Security-Policy",
        "content": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
        "form-action 'none'",
    }
    assert document.all("script", "link", "img", "image", "iframe", "object", "a", "use") == []
    names = {name for node in document.all() for name in node.attributes}
    assert [name for name in names if name.startswith("on") or name in ("href", "src")] == []
    assert re.findall(r"(?i)https?:|url\(|@import|//", html) == []
    assert html.startswith('<!doctype html>\n<html lang="ja"><head><meta charset="utf-8">')


def test_the_title_is_in_both_languages() -> None:
    """It names the folder."""
    document = whole()
    assert document.all("title")[0].text == (
        "バックテスト: policy-2026-12 · Backtest: policy-2026-12"
    )


def test_japanese_is_chosen_first() -> None:
    """The switch has a choice for each language, each with its label."""
    document = whole()
    choices = [
        (node.attributes["id"], node.attributes.get("checked")) for node in document.all("input")
    ]
    assert choices == [("show-ja", "checked"), ("show-en", None)]
    named = {node.attributes["for"]: node.text for node in document.all("label")}
    assert named == {"show-ja": "日本語", "show-en": "English"}
    assert document.all("legend")[0].text == "表示言語 / Language"
    assert [node.attributes["lang"] for node in document.all("main")] == ["ja", "en"]


@pytest.mark.parametrize("report", [full(), empty()], ids=["full", "empty"])
def test_both_languages_have_the_same_sections_and_numbers(report: Any) -> None:
    """A language leaves nothing out."""
    ja, en = (main_of(report, language) for language in Language)
    assert sections(ja) == sections(en)
    assert [node.tag for node in ja.all()] == [node.tag for node in en.all()]
    assert numbers(ja) == numbers(en)


def numbers(main: Node) -> list[str]:
    """The numbers of the tables and tiles."""
    cells = [node for node in main.all("td") if node.attributes.get("class") == "n"]
    tiles = [value for node in main.all("dl")[1:] for value in node.all("dd")]
    return [re.findall(r"[−+]?\d[\d,.]*\b%?|—", node.text)[0] for node in (*cells, *tiles)]


# -- sections -------------------------------------------------------------------------------


def test_a_full_report_has_every_section() -> None:
    """In this order."""
    assert sections(main_of(full())) == SECTIONS


def test_an_empty_report_has_its_figures_and_the_limits() -> None:
    """The ratio of nothing is a dash."""
    main = main_of(empty())
    assert sections(main) == ["figures", "limits"]
    assert main.section("figures-en").pairs() == {
        "Alerts": "0",
        "Cases": "0",
        "Alerts per case": "—",
        "Only recorded": "0",
        "Auto-actions": "0",
        "Approvals": "0",
        "Escalations": "0",
        "Automatic stops": "0",
    }
    assert [node.text for node in main.section("limits-en").all("li")] == [
        "Nobody undoes an action or judges a sample.",
        "After an automatic stop, an action stays off until the end.",
        "Without simulated people, only decisions by Koban close a case.",
    ]


@pytest.mark.parametrize(
    ("changes", "section"),
    [
        ({"against": None}, "comparison"),
        ({"per_hour": ()}, "hours"),
        ({"by_playbook": {}}, "playbooks"),
        ({"by_severity": {}}, "severities"),
        ({"actions": {}, "withheld": {}, "shadow": {}}, "automation"),
        ({"trips": ()}, "trips"),
        ({"labels": None}, "labels"),
        ({"staffing": None}, "staffing"),
        ({"unmatched": 0, "invalid": 0, "duplicates": 0}, "left-out"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_section_without_content_is_left_out(changes: dict[str, Any], section: str) -> None:
    """The others stay."""
    assert sections(main_of(full(**changes))) == [each for each in SECTIONS if each != section]


def test_the_origin_is_at_the_top() -> None:
    """Folder, input, period and times in the reader's zone."""
    assert main_of(full()).all("header")[0].pairs() == {
        "Policy folder": "policy-2026-12",
        "Compared with": "policy",
        "Input": "alerts-2026-11-24.jsonl alerts-2026-11-25.jsonl alerts-2026-11-26.jsonl",
        "Period": "2026-11-24 00:00 – 2026-11-27 00:00",
        "Time zone": "Asia/Tokyo",
        "Made": "2026-11-27 10:30",
        "Run time": "41.3 seconds",
    }


def test_an_open_period_has_an_ellipsis() -> None:
    """Only its known end is a time."""
    assert main_of(full(until=None)).all("header")[0].pairs()["Period"] == "2026-11-24 00:00 – …"


def test_an_unfinished_run_has_a_banner() -> None:
    """A finished one has none."""
    told = [node.text for node in main_of(full()).all("p") if node.attributes["class"] == "banner"]
    assert told == [
        "This run did not finish: it has not read all alerts. Run it again for complete figures."
    ]
    finished = main_of(full(unfinished=False)).all("p")
    assert [node for node in finished if node.attributes["class"] == "banner"] == []


def test_the_key_figures() -> None:
    """Numbers have the separators of the language."""
    assert main_of(full(), Language.JA).section("figures-ja").pairs() == {
        "検知": "39,312",
        "ケース": "4,591",
        "ケースあたりの検知": "8.6",
        "記録のみ": "14,203",
        "違反なしと同じ内容": "611",
        "自動判断": "734",
        "自動対応": "2,344",
        "承認の依頼": "96",
        "エスカレーション": "148",
        "自動停止": "4",
    }


def test_the_comparison_has_cases_counts_and_examples() -> None:
    """Each kind with differences has a count and at most ten examples."""
    section = main_of(full()).section("comparison-en")
    rows = section.rows()
    assert rows[:7] == [
        ["", "Before", "After", "Difference"],
        ["Cases", "5,002", "4,591", "−411"],
        ["Alerts with another outcome", "Number"],
        ["Playbook", "3"],
        ["Handling", "1,204"],
        ["Severity", "318"],
        ["Actions", "4"],
    ]
    assert [node.text for node in section.all("h3")] == [
        "Examples: Playbook",
        "Examples: Handling",
        "Examples: Severity",
        "Examples: Actions",
    ]
    assert ["comment_model/a0000", "Spam", "Phishing"] in rows
    assert ["comment_model/a0001", "No playbook", "Card"] in rows
    assert ["comment_model/a0002", "Medium", "Critical"] in rows
    assert ["comment_model/a0003", "None", "Hide message, Mute"] in rows
    assert [node.text for node in section.all("p")] == [
        "Before: policy. After: policy-2026-12.",
        "and 1,194 more",
        "and 308 more",
    ]


def test_more_examples_than_ten_are_counted() -> None:
    """The table has the first ten."""
    changed = tuple(
        Change(kind=ChangeKind.SEVERITY, alert=f"d/{n}", before="low", after="high")
        for n in range(12)
    )
    against = Comparison(cases=0, counts={"severity": 12}, changed=changed)
    section = main_of(full(against=against)).section("comparison-en")
    assert [row[0] for row in section.rows()[-10:]] == [f"d/{n}" for n in range(10)]
    assert section.all("p")[-1].text == "and 2 more"


def test_equal_results_are_said_to_be_equal() -> None:
    """There is no table of kinds."""
    against = comparison().model_copy(update={"counts": {"actions": 0}, "changed": ()})
    section = main_of(full(against=against)).section("comparison-en")
    assert len(section.all("table")) == 1
    assert section.all("p")[-1].text == "No alert has another outcome."


def test_playbooks_and_severities_have_their_shares() -> None:
    """The busiest playbook and the most urgent severity are first."""
    main = main_of(full(), Language.JA)
    assert main.section("playbooks-ja").rows()[:3] == [
        ["手順書", "ケース", "割合"],
        ["スパム", "1,430", "31.1%"],
        ["外部誘導", "922", "20.1%"],
    ]
    assert main.section("severities-ja").rows() == [
        ["重大度", "ケース", "割合"],
        ["重大", "311", "6.8%"],
        ["高", "856", "18.6%"],
        ["中", "1,614", "35.2%"],
        ["低", "1,810", "39.4%"],
    ]


def test_automatic_actions_with_the_reasons_of_those_not_taken() -> None:
    """A reason or a name without a text is shown as it is."""
    report = full(withheld={"breaker": 406, "exempt": 12, "new_reason": 1}, shadow={"gone": 2})
    assert main_of(report).section("automation-en").rows() == [
        ["Action", "Number"],
        ["Hide message", "1,904"],
        ["Mute", "322"],
        ["Pause listing", "118"],
        ["Reason", "Number"],
        ["Stopped automatically", "406"],
        ["Subject is exempt", "12"],
        ["new_reason", "1"],
        ["Name", "Number"],
        ["gone", "2"],
    ]


def test_automatic_stops_have_time_detector_action_and_cause() -> None:
    """Times are those of the zone."""
    rows = main_of(full()).section("trips-en").rows()
    assert rows[:3] == [
        ["Time", "Playbook", "Detector", "Action", "Cause"],
        ["2026-11-24 20:00", "Spam", "comment_model", "Hide message", "More actions than usual"],
        ["2026-11-25 05:07", "Phishing", "link_feed", "Mute", "Too many subjects"],
    ]


def test_a_hundred_automatic_stops_are_listed() -> None:
    """The others are counted."""
    section = main_of(full(trips=trips() * 30, breaker_trips=120)).section("trips-en")
    assert len(section.rows()) == 101
    assert section.all("p")[0].text == "and 20 more"


def test_labels_have_their_counts_and_meaning() -> None:
    """Precision and recall are explained in words."""
    section = main_of(full()).section("labels-en")
    assert section.pairs() == {"Precision": "90.3%", "Recall": "92.5%"}
    assert [node.text for node in section.all("p")][:2] == [
        "Precision is the share of the alerts with a card that are labelled as violations: "
        "TP ÷ (TP + FP).",
        "Recall is the share of the alerts labelled as violations that had a card: TP ÷ (TP + FN).",
    ]
    assert section.rows()[:3] == [
        ["Label", "Card", "Only recorded"],
        ["Violation", "1,184 true positives, TP", "96 false negatives, FN"],
        ["No violation", "127 false positives, FP", "2,803 true negatives, TN"],
    ]


def test_the_curve_has_a_row_for_each_threshold() -> None:
    """A share of nothing is a dash."""
    rows = main_of(full()).section("labels-en").rows()[3:]
    assert len(rows) == 22
    assert rows[0] == ["Threshold", "Precision", "Recall", "Alerts"]
    assert rows[1] == ["0.00", "31.0%", "100.0%", "4,210"]
    assert rows[-1] == ["1.00", "—", "0.0%", "10"]


def test_labels_without_scores_have_no_curve() -> None:
    """Undefined shares are dashes."""
    only = labels().model_copy(update={"curve": (), "precision": None, "recall": None})
    section = main_of(full(labels=only)).section("labels-en")
    assert section.all("svg") == []
    assert section.pairs() == {"Precision": "—", "Recall": "—"}


def test_simulated_people() -> None:
    """Minutes have one decimal."""
    assert main_of(full()).section("staffing-en").pairs() == {
        "People": "12",
        "Minutes per case": "4.5",
        "Decided cases": "4,550",
        "Undecided cases at the end": "41",
        "Cases claimed late": "212",
        "Cases decided late": "67",
        "Time spent working": "87.4%",
        "Minutes until the claim, median": "6.2",
        "Minutes until the claim, 90th percentile": "38.0",
    }


def test_what_is_left_out() -> None:
    """Only what there is."""
    assert main_of(full(invalid=0)).section("left-out-en").pairs() == {
        "Alerts without a playbook": "23",
        "Repeated alerts": "142",
    }


# -- hostile texts --------------------------------------------------------------------------

ATTACK = "</style><script>alert(1)</script>\"'&<img src=x onerror=alert(2)>\x1b[31m\u202e\x00\u200b"
SEEN = "</style><script>alert(1)</script>\"'&<img src=x onerror=alert(2)>␛[31m\ufffd␀"


def attacked(text: str) -> Node:
    """The document of a report with this text in place of every name."""
    change = Change(kind=ChangeKind.PLAYBOOK, alert=text, before=text, after=text)
    others = [change.model_copy(update={"kind": kind}) for kind in ChangeKind]
    trip = TripRecord(at=SHOWN.made, playbook=text, detector=text, action=text, cause=text)
    names = ("by_playbook", "by_severity", "actions", "withheld", "shadow")
    report = full(
        **{name: {text: 1} for name in names},
        trips=(trip,),
        breaker_trips=1,
        against=Comparison(cases=1, counts=comparison().counts, changed=tuple(others)),
    )
    shown = replace(
        SHOWN, folder=text, against=text, inputs=(text,), zone=timezone(timedelta(0), text)
    )
    return parse(page(report, {text: Text(ja=text, en=text)}, shown))


def test_hostile_names_are_text() -> None:
    """They make no element and no attribute, and stay readable."""
    document, usual = attacked(ATTACK), whole()
    assert {node.tag for node in document.all()} == {node.tag for node in usual.all()}
    assert {a for n in document.all() for a in n.attributes} == {
        a for n in usual.all() for a in n.attributes
    }
    main = document.all("main")[1]
    assert main.section("trips-en").rows()[1] == ["2026-11-27 01:30", SEEN, SEEN, SEEN, SEEN]
    assert main.section("playbooks-en").rows()[1] == [SEEN, "1", "100.0%"]
    assert main.all("header")[0].pairs()["Policy folder"] == SEEN


CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f]")


@given(st.text(max_size=40) | st.text(alphabet="<>&\"'/=`!-[]\x00\x1b\u202e\u0085", max_size=12))
def test_any_name_is_text(name: str) -> None:
    """No name changes the page's elements, and no control character reaches it."""
    document = attacked(name)
    assert CONTROLS.search(document.text) is None
    tags = [node.tag for node in document.all("main")[0].all()]
    assert tags == [node.tag for node in attacked("x").all("main")[0].all()]


def test_long_names_are_cut() -> None:
    """A page stays a page."""
    section = attacked("a" * 5_000).all("main")[1].section("playbooks-en")
    assert section.rows()[1][0] == "a" * 119 + "…"


def test_a_blank_title_gives_the_name() -> None:
    """A row is never without a heading."""
    document = parse(page(full(by_playbook={"spam": 1}), {"spam": Text(ja="\u200b", en="")}, SHOWN))
    for main, language in zip(document.all("main"), Language, strict=True):
        assert main.section(f"playbooks-{language}").rows()[1][0] == "spam"


# -- accessibility --------------------------------------------------------------------------


def test_every_reference_has_its_element() -> None:
    """An id is unique, and what names a section, table or chart exists."""
    document = whole()
    ids = [node.attributes["id"] for node in document.all() if "id" in node.attributes]
    assert sorted(ids, key=str) == sorted(set(ids), key=str)
    named = [
        each
        for node in document.all()
        for each in (node.attributes.get("aria-labelledby") or "").split()
    ]
    assert set(named) <= set(ids)
    assert len(named) > 40


def test_headings_have_no_gap() -> None:
    """One h1, then sections, then their parts."""
    levels = [int(node.tag[1]) for node in main_of(full()).all("h1", "h2", "h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_table_heading_has_its_scope() -> None:
    """A column's is in the head, a row's is its first cell."""
    document = whole()
    for table in document.all("table"):
        head, body = table.all("thead")[0], table.all("tbody")[0]
        assert {node.attributes["scope"] for node in head.all("th")} == {"col"}
        assert {node.attributes["scope"] for node in body.all("th")} == {"row"}
        assert len(body.all("th")) == len(body.all("tr"))


def test_every_chart_is_described() -> None:
    """It is an image with a title and a description."""
    charts = whole().all("svg")
    assert len(charts) == 4
    for chart in charts:
        title, desc = chart.content[:2]
        assert isinstance(title, Node)
        assert isinstance(desc, Node)
        assert (title.tag, desc.tag, chart.attributes["role"]) == ("title", "desc", "img")
        named = f"{title.attributes['id']} {desc.attributes['id']}"
        assert chart.attributes["aria-labelledby"] == named
        assert title.text
        assert desc.text


def test_times_of_a_ledger_range_are_in_the_zone() -> None:
    """UTC is named as such."""
    shown = replace(SHOWN, zone=UTC, made=datetime(2026, 11, 27, 1, 30, tzinfo=UTC))
    facts = parse(page(full(), TITLES, shown)).all("main")[1].all("header")[0].pairs()
    assert (facts["Time zone"], facts["Made"]) == ("UTC", "2026-11-27 01:30")
