"""Lines of a backtest for the terminal: literal texts, alignment, hostile names."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.backtest.summary import harmless, lines
from tests.activities.backtest.samples import TITLES, comparison, empty, full
from workflows.domain.values import Language


def test_the_lines_of_a_full_report() -> None:
    """Labels on the left, numbers on the right."""
    assert lines(full(), TITLES, Language.EN) == [
        "Backtest",
        "This run did not finish: it has not read all alerts. Run it again for complete figures.",
        "Alerts                                    39,312",
        "Cases                                      4,591",
        "Alerts per case                              8.6",
        "Only recorded                             14,203",
        "Already cleared                              611",
        "Automatic decisions                          734",
        "Auto-actions                               2,344",
        "Approvals                                     96",
        "Escalations                                  148",
        "Automatic stops                                4",
        "Alerts without a playbook                     23",
        "Lines that break the alert format              7",
        "Repeated alerts                              142",
        "Cases by playbook",
        "  Spam                                     1,430",
        "  Off-platform inducement                    922",
        "  Counterfeit                                871",
        "  5 more playbooks                         1,368",
        "Shadow mode: alerts that match",
        "  Resale ring                                 57",
        "  Shill bidding                               19",
        "Before and after",
        "  Cases                            5,002 → 4,591",
        "Alerts with another outcome",
        "  Playbook                                     3",
        "  Handling                                 1,204",
        "  Severity                                   318",
        "  Actions                                      4",
        "Labelled alerts                            4,210",
        "Precision                                  90.3%",
        "Recall                                     92.5%",
        "People                                        12",
        "Decided cases                              4,550",
        "Undecided cases at the end                    41",
        "Cases claimed late                           212",
        "Cases decided late                            67",
        "Run time                            41.3 seconds",
    ]


def test_japanese_letters_take_two_columns() -> None:
    """The numbers end in the same column."""
    assert lines(empty(seconds=0.04), TITLES, Language.JA) == [
        "バックテスト",
        "検知                    0",
        "ケース                  0",
        "ケースあたりの検知      —",
        "記録のみ                0",
        "自動対応                0",
        "承認の依頼              0",
        "エスカレーション        0",
        "自動停止                0",
        "実行時間            0.0秒",
    ]


def test_equal_results_are_one_line() -> None:
    """There are no kinds."""
    against = comparison().model_copy(update={"counts": {}, "changed": ()})
    report = empty(cases=5_002, against=against)
    assert lines(report, TITLES, Language.EN)[-4:-1] == [
        "Before and after",
        "  Cases          5,002 → 5,002",
        "No alert has another outcome.",
    ]


@pytest.mark.parametrize("language", Language)
def test_every_number_ends_in_the_same_column(language: Language) -> None:
    """Terminals draw wide letters over two columns."""
    numbered = [line for line in lines(full(), TITLES, language)[2:] if re.search(r"  \S+$", line)]
    ends = {sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in line) for line in numbered}
    assert len(numbered) > 20
    assert len(ends) == 1


CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2060-\u2069\u200b\u200e\u200f\ufeff]")


@given(st.text() | st.text(alphabet="\x1b\x9b\n\r\u2028\u202e\u0085\u200b\ud800a", max_size=9))
def test_no_control_character_reaches_the_terminal(name: str) -> None:
    """A name is one line, and at most 120 long."""
    assert CONTROLS.search(harmless(name)) is None
    assert len(harmless(name)) <= 120
    for line in lines(full(by_playbook={name: 1}), TITLES, Language.EN):
        assert CONTROLS.search(line) is None
        line.encode("utf-8")
