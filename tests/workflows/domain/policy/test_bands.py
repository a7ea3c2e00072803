"""Bands of alerts: act, review or log, samples, modes, and records."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.domain.builders import CATALOG, an_alert
from tests.workflows.domain.policy.test_matching import alert, playbook
from workflows.conditions import holds
from workflows.domain.policy.bands import Band, BandRule, Placement, Sample, band_of, drawn
from workflows.domain.policy.matching import (
    RecordKind,
    assess,
    facts_of,
    find_playbook,
    find_shadows,
    place,
    record_of,
)
from workflows.domain.policy.playbook import Policy, Severity

BANDS = [{"detector": "shill", "act": "alert.score >= 0.98", "review": "alert.score >= 0.7"}]
PRESETS = [{"id": "mute", "title": "mute", "actions": [{"mute_user": {"for": "24h"}}]}]


def scored(score: float, detector: str = "shill", id_: str = "a1") -> Any:
    """An alert with a score."""
    return alert(id=id_, detector=detector, score=score)


@pytest.mark.parametrize(
    ("score", "band"),
    [
        (1.0, Band.ACT),
        (0.98, Band.ACT),
        (0.97, Band.REVIEW),
        (0.7, Band.REVIEW),
        (0.69, Band.LOG),
        (0.0, Band.LOG),
    ],
)
def test_the_first_band_that_holds_decides(score: float, band: Band) -> None:
    """Automation from 0.98, a card from 0.7, a record below."""
    assert place(playbook("shill", bands=BANDS), scored(score), holds) == Placement(band=band)


def test_a_detector_without_bands_acts() -> None:
    """Bands of one detector say nothing about another one."""
    book = playbook("shill", bands=BANDS)
    assert place(book, scored(0.1, detector="other"), holds).band is Band.ACT
    assert place(playbook("plain"), scored(0.1), holds).band is Band.ACT


@pytest.mark.parametrize("detector", ["people", "reports"])
def test_alerts_of_people_always_have_a_card(detector: str) -> None:
    """Neither a band nor a playbook that is off hides the report of a person."""
    bands = [{"detector": detector, "review": "false"}]
    book = playbook("shill", bands=bands, mode="off")
    assert place(book, scored(0.1, detector=detector), holds).band is Band.ACT


def test_a_condition_that_fails_is_no_band() -> None:
    """An alert without the attribute of a condition is not acted upon."""
    bands = [{"detector": "shill", "act": "alert.attributes.none > 1", "review": "true"}]
    assert place(playbook("shill", bands=bands), scored(1.0), holds).band is Band.REVIEW


def test_a_playbook_that_is_off_only_records() -> None:
    """It still takes its alerts: they do not become cases of the catch-all."""
    off = playbook("shill", match="alert.kind == 'spam'", mode="off")
    rest = playbook("other", catch_all=True)
    found = find_playbook([rest, off], scored(1.0), holds)
    assert found is off
    assert place(off, scored(1.0), holds) == Placement(band=Band.LOG)


def test_a_playbook_in_shadow_takes_no_alert() -> None:
    """It is found beside the playbook that takes the alert."""
    shadow = playbook("trial", match="true", mode="shadow", order=1)
    live = playbook("live", match="true", order=2)
    assert find_playbook([shadow, live], scored(1.0), holds) is live
    assert find_shadows([shadow, live], facts_of(scored(1.0)), holds) == (shadow,)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_higher_scores_are_never_in_a_lower_band(low: float, high: float, edge: float) -> None:
    """With thresholds on the score alone, the band only rises with it."""
    rules = [BandRule(detector="shill", act=f"alert.score >= {edge}", review="alert.score >= 0.3")]
    order = [Band.LOG, Band.REVIEW, Band.ACT]
    first, second = sorted((low, high))
    before = band_of(rules, "shill", holds, facts_of(scored(first)))
    after = band_of(rules, "shill", holds, facts_of(scored(second)))
    assert order.index(before) <= order.index(after)


# -- samples ------------------------------------------------------------------------------


def test_a_sample_has_about_its_share() -> None:
    """Of 10,000 keys, 2 % are drawn: 216, the same in every process."""
    count = sum(drawn("log", f"shill/{number}", 0.02) for number in range(10_000))
    assert count == 216


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_draws_what_a_smaller_one_draws(key: str, one: float, two: float) -> None:
    """A changed share moves no key out of a larger sample."""
    small, large = sorted((one, two))
    assert not drawn("log", key, small) or drawn("log", key, large)


def test_nothing_and_everything_are_shares() -> None:
    """0 % draws nothing, 100 % everything."""
    assert not any(drawn("auto", str(number), 0.0) for number in range(100))
    assert all(drawn("auto", str(number), 1.0) for number in range(100))


def test_a_drawn_record_is_reviewed() -> None:
    """A recorded alert in the sample becomes a card without automation."""
    book = playbook("shill", bands=BANDS, sample={"log": "100%"})
    assert place(book, scored(0.1), holds) == Placement(band=Band.REVIEW, sampled=True)
    assert place(book, scored(0.8), holds) == Placement(band=Band.REVIEW)


@pytest.mark.parametrize("written", ["101%", "-1%", "two", 1.5])
def test_a_share_is_between_nothing_and_all(written: object) -> None:
    """Other shares are mistakes."""
    with pytest.raises(ValueError, match=r"share|number|less|greater|valid"):
        Sample.model_validate({"auto": written})


# -- what Koban does by itself ------------------------------------------------------------


def automatic(**more: Any) -> Any:
    """A playbook with a protection and an automatic decision."""
    own = {
        "bands": BANDS,
        "presets": PRESETS,
        "protect": [{"action": "mute_user", "for": "15m"}],
        "auto": [{"when": "alert.score >= 0.99", "preset": "mute"}],
    }
    return playbook("shill", **{**own, **more})


@pytest.mark.parametrize(
    ("score", "protections", "auto"),
    [(0.99, (0,), 0), (0.98, (0,), None), (0.97, (), None), (0.1, (), None)],
)
def test_only_the_band_act_is_automatic(
    score: float, protections: tuple[int, ...], auto: int | None
) -> None:
    """A card of the band review has neither a protection nor a decision by Koban."""
    book = automatic()
    assessed = assess(book, scored(score), holds)
    assert assessed.protections(book, Severity.MEDIUM, holds) == protections
    assert assessed.decides(book, Severity.MEDIUM, holds) == auto


def test_koban_never_decides_about_an_alert_of_a_person() -> None:
    """Protections may start by a report if the playbook says so; decisions never."""
    book = automatic(bands=[])
    reported = assess(book, scored(1.0, detector="reports"), holds)
    assert reported.decides(book, Severity.MEDIUM, holds) is None


def test_a_record_says_what_a_shadow_would_do() -> None:
    """Band, severity, protections and decision are those of the same playbook live."""
    policy = Policy(version="v1", playbook=automatic(mode="shadow"), catalog=CATALOG)
    record = record_of(RecordKind.SHADOW, policy, scored(0.99), holds)
    assert (record.band, record.severity) == (Band.ACT, Severity.MEDIUM)
    assert (record.actions, record.preset) == (("mute_user",), "mute")
    assert (record.playbook, record.policy_version) == ("shill", "v1")


def test_a_trusted_subject_is_known_by_its_id() -> None:
    """The lists of the playbook and of trusted.yaml count together."""
    policy = Policy(
        version="v1",
        playbook=automatic(trusted=["u_official"]),
        catalog=CATALOG,
        trusted=frozenset({"u_partner"}),
    )
    about = {name: an_alert(subject=name).subject for name in ("u_official", "u_partner", "u_1")}
    trusted = [name for name, subject in about.items() if policy.trusts(subject)]
    assert trusted == ["u_official", "u_partner"]
