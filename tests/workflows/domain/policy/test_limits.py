"""Limits of powers: windows, resets, and the stricter of two policies."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows.domain.builders import T0
from workflows.domain.alerts import Subject
from workflows.domain.policy.limits import (
    Exempt,
    Full,
    Limits,
    PeopleLimits,
    Power,
    Rate,
    Spent,
    Use,
    full,
    stricter,
    use_of,
)

HOUR = timedelta(hours=1)
APPROVAL = {"by": "lead", "within": "30m"}


def limits(**more: object) -> Limits:
    return Limits.model_validate({"approval": APPROVAL, **more})


def use(amount: int = 1, most: int | None = 3, within: timedelta = HOUR) -> Use:
    return Use(key="k", power=Power.UNDOS, holder="U0SATO", amount=amount, within=within, most=most)


def spent(minute: float, amount: int = 1) -> Spent:
    return Spent(at=T0 + timedelta(minutes=minute), amount=amount)


def test_what_fits_has_no_limit() -> None:
    """Two of three are used, and one is left."""
    assert full(use(), [spent(0), spent(1)], T0 + timedelta(minutes=2)) is None


def test_the_refusal_says_when_the_oldest_use_leaves_the_window() -> None:
    """One use needs one place: that of the first."""
    found = full(use(), [spent(2), spent(0), spent(1)], T0 + timedelta(minutes=3))
    assert found == Full(
        power=Power.UNDOS, holder="U0SATO", most=3, within=HOUR, used=3, resets_at=T0 + HOUR
    )


def test_a_large_use_waits_until_enough_has_left() -> None:
    """Two places are free only after the second use."""
    found = full(use(2), [spent(0), spent(20), spent(40)], T0 + timedelta(minutes=50))
    assert found is not None
    assert found.resets_at == T0 + timedelta(minutes=80)


def test_more_than_the_limit_never_fits() -> None:
    """There is no time to name."""
    found = full(use(4), [], T0)
    assert found is not None
    assert (found.used, found.resets_at) == (0, None)


def test_without_most_a_use_is_only_counted() -> None:
    """As a person's budget, above which an approval is needed."""
    assert full(use(50, most=None), [spent(0, 100)], T0) is None


STEPS = st.lists(st.tuples(st.integers(0, 90), st.integers(1, 4)), max_size=40)


@given(STEPS, st.integers(1, 6), st.integers(1, 60))
def test_no_window_has_more_than_the_limit(
    steps: list[tuple[int, int]], most: int, minutes: int
) -> None:
    """Whatever the order of amounts and pauses; what was refused does not count."""
    now, within, booked = T0, timedelta(minutes=minutes), list[Spent]()
    for pause, amount in steps:
        now += timedelta(minutes=pause)
        if full(use(amount, most, within), booked, now) is None:
            booked.append(Spent(at=now, amount=amount))
        for end in (each.at for each in booked):
            window = [e.amount for e in booked if end - within < e.at <= end]
            assert sum(window) <= most


@given(STEPS, st.integers(1, 6), st.integers(1, 4))
def test_a_use_fits_at_the_reset_and_not_before(
    steps: list[tuple[int, int]], most: int, amount: int
) -> None:
    """The time in the refusal is the first one at which the same press passes."""
    earlier = [spent(minute, each) for minute, each in steps]
    now = T0 + timedelta(minutes=90)
    wanted = use(amount, most)
    found = full(wanted, earlier, now)
    if found is None or found.resets_at is None:
        assert found is None or amount > most
        return
    assert full(wanted, earlier, found.resets_at) is None
    before = found.resets_at - timedelta(microseconds=1)
    assert before < now or full(wanted, earlier, before) is not None


@given(STEPS, st.integers(1, 6))
def test_the_order_of_the_ledgers_rows_does_not_matter(
    steps: list[tuple[int, int]], most: int
) -> None:
    """The ledger returns them in any order."""
    earlier = [spent(minute, each) for minute, each in steps]
    now = T0 + timedelta(minutes=90)
    assert full(use(1, most), earlier, now) == full(use(1, most), earlier[::-1], now)


def test_a_power_without_a_rate_is_not_counted() -> None:
    """Nor is one without limits.yaml, or with nothing to count."""
    some = limits(people={"undos": {"most": 2, "within": "1h"}})
    assert use_of(some, Power.UNDOS, "k", "U0SATO", 2) == use(2, 2)
    assert use_of(some, Power.UNDOS, "k", "U0SATO", 0) is None
    assert use_of(some, Power.CLEARS, "k", "U0SATO") is None
    assert use_of(None, Power.UNDOS, "k", "U0SATO") is None


@pytest.mark.parametrize(
    "power", [each for each in Power if each.value in PeopleLimits.model_fields]
)
def test_every_power_of_a_person_has_its_rate(power: Power) -> None:
    """The name in limits.yaml is that of the power."""
    some = limits(people={power.value: {"most": 7, "within": "2h"}})
    assert some.rate(power) == Rate(most=7, within=timedelta(hours=2))


# -- the stricter of two ------------------------------------------------------------------


def test_the_stricter_rate_is_the_smaller_number_over_the_longer_time() -> None:
    """And a rate that only one policy has counts."""
    own = limits(
        people={"undos": {"most": 10, "within": "1h"}, "clears": {"most": 5, "within": "1h"}},
        automation={"detector": {"most": 9, "within": "2h"}},
    )
    today = limits(
        people={"undos": {"most": 20, "within": "1d"}, "lifts": {"most": 3, "within": "1h"}},
        automation={"detector": {"most": 4, "within": "1h"}},
    )
    assert stricter(own, today) == limits(
        people={
            "undos": {"most": 10, "within": "1d"},
            "clears": {"most": 5, "within": "1h"},
            "lifts": {"most": 3, "within": "1h"},
        },
        automation={"detector": {"most": 4, "within": "2h"}},
    )


RATES = st.none() | st.builds(
    Rate, most=st.integers(1, 9), within=st.integers(1, 90).map(lambda n: timedelta(minutes=n))
)


@given(RATES, RATES, STEPS)
def test_what_either_policy_refuses_the_stricter_one_refuses(
    own: Rate | None, today: Rate | None, steps: list[tuple[int, int]]
) -> None:
    """For any earlier uses."""
    both = stricter(
        limits().model_copy(update={"people": PeopleLimits(undos=own)}),
        limits().model_copy(update={"people": PeopleLimits(undos=today)}),
    )
    assert both is not None
    earlier, now = [spent(minute, each) for minute, each in steps], T0 + timedelta(minutes=90)
    rates = [each for each in (own, today) if each is not None]
    refused = [_refuses(each, earlier, now) for each in rates]
    combined = both.people.undos
    if any(refused):
        assert combined is not None
        assert _refuses(combined, earlier, now)


def _refuses(rate: Rate, earlier: list[Spent], now: datetime) -> bool:
    return full(use(1, rate.most, rate.within), earlier, now) is not None


def test_a_subject_stays_exempt_in_older_cases() -> None:
    """The list of a case gets new entries, and keeps those that were taken off."""
    old = {"type": "user", "id": "u_1", "reason": "公式"}
    new = {"type": "user", "id": "u_2", "reason": "規制当局"}
    both = stricter(limits(exempt=[old]), limits(exempt=[new]))
    assert both is not None
    assert both.exempt == (Exempt.model_validate(old), Exempt.model_validate(new))
    assert both.exempts([Subject(type="user", id="u_3"), Subject(type="user", id="u_2")]) == (
        Exempt.model_validate(new)
    )
    assert both.exempts([Subject(type="listing", id="u_2")]) is None
