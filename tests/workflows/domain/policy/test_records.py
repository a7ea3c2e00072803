"""Records of policy changes: in force at once, or held back until a second person confirms."""

from typing import Any

from tests.workflows.domain.builders import REED, SATO, T0, TANAKA, minutes
from tests.workflows.domain.policy.folders import (
    FIRST,
    LOOSE,
    RICH,
    TIGHTER,
    book,
    limits,
    loaded,
    record,
    written,
    written_severity,
)
from workflows.domain.policy.changes import (
    UNREADABLE,
    NotConfirmed,
    PolicyRecord,
    RecordKind,
    changes,
    confirm,
    holds_back,
    is_news,
    notices_of,
    record_of,
)
from workflows.domain.policy.differences import PolicySet
from workflows.domain.policy.limits import Loosening
from workflows.domain.policy.playbook import Playbook

RULE = Loosening(authors={"Maya@Market.example": "U0TANAKA"})


def test_the_first_load_is_accepted() -> None:
    """Whatever it has: there is nothing to compare with."""
    made = record(None, "v1", LOOSE)
    assert (made.kind, made.in_force, made.waiting) == (RecordKind.LOADED, "v1", None)


def test_a_tighter_folder_is_in_force_at_once() -> None:
    """It is announced in the role's place, because it concerns all playbooks."""
    made = record(FIRST, "v2", TIGHTER)
    assert (made.kind, made.before, made.in_force, made.waiting) == (
        RecordKind.CHANGED,
        "v1",
        "v2",
        None,
    )
    (notice,) = notices_of(made, [RICH, TIGHTER], RULE.approval)
    assert (notice.channel, notice.asks, notice.key) == (None, False, "policy/2/role/lead")


def test_a_looser_folder_waits_as_a_whole() -> None:
    """A tighter change in the same load waits as well."""
    both = limits(bulk=9, exempt=[*exempt(), {"type": "user", "id": "u_1", "reason": "x"}])
    made = record(FIRST, "v2", both)
    assert (made.kind, made.in_force, made.waiting) == (RecordKind.HELD, "v1", "v2")
    assert [each.loosens for each in made.changes] == [True, False]
    assert not is_news(made, "v2")
    assert is_news(made, "v1")


def exempt() -> list[dict[str, Any]]:
    """The exempt subjects as written."""
    assert RICH.limits is not None
    return [each.model_dump(mode="json") for each in RICH.limits.exempt]


def test_the_rule_of_the_version_in_force_counts() -> None:
    """A folder can't take the rule away with the change that it is about."""
    without = limits(loosening=None)
    assert holds_back(RICH, changes(RICH, without))
    assert not holds_back(without, changes(without, LOOSE))


def test_a_restored_folder_takes_the_change_back() -> None:
    """It names the change that does not wait any more."""
    held = record(FIRST, "v2", LOOSE)
    made = record(held, "v1", RICH)
    assert (made.kind, made.before, made.in_force, made.about) == (
        RecordKind.WITHDRAWN,
        "v2",
        "v1",
        held.id,
    )


def test_a_later_folder_replaces_one_that_waits() -> None:
    """It is compared with the version in force."""
    held = record(FIRST, "v2", LOOSE)
    made = record(held, "v3", TIGHTER)
    assert (made.kind, made.before, made.in_force, made.waiting) == (
        RecordKind.CHANGED,
        "v1",
        "v3",
        None,
    )


def test_a_version_after_an_unreadable_one_waits() -> None:
    """Nothing is known of what it changes."""
    made = record_of(FIRST, loaded("v2"), None, TIGHTER)
    assert (made.kind, made.changes) == (RecordKind.HELD, (UNREADABLE,))


def test_a_lead_confirms_once() -> None:
    """Then nothing waits any more."""
    held = record(FIRST, "v2", LOOSE)
    made = confirm(held, TANAKA, held.id, RULE, minutes(2))
    assert isinstance(made, PolicyRecord)
    assert (made.kind, made.in_force, made.waiting, made.actor) == (
        RecordKind.CONFIRMED,
        "v2",
        None,
        "U0TANAKA",
    )
    again = made.model_copy(update={"id": 3})
    assert confirm(again, REED, held.id, RULE, minutes(2)) is NotConfirmed.NOT_WAITING


def test_who_does_not_confirm() -> None:
    """Somebody without the role, the author, and anybody with an old button."""
    held = record(FIRST, "v2", LOOSE, email="maya@market.example")
    assert confirm(held, SATO, held.id, RULE, T0) is NotConfirmed.ROLE_NEEDED
    assert confirm(held, TANAKA, held.id, RULE, T0) is NotConfirmed.OWN_CHANGE
    assert confirm(held, REED, held.id - 1, RULE, T0) is NotConfirmed.NOT_WAITING
    assert isinstance(confirm(held, REED, held.id, RULE, T0), PolicyRecord)


def test_the_authors_of_all_commits_count() -> None:
    """Neither hides behind a colleague's commit; with `authors`, an unknown one is none of them."""
    reed = "reed@market.example"
    rule = Loosening(authors={**RULE.authors, reed: REED.id})
    both = record(FIRST, "v2", LOOSE, email=reed, authors=(reed, "maya@market.example"))
    assert confirm(both, TANAKA, both.id, rule, T0) is NotConfirmed.OWN_CHANGE
    assert confirm(both, REED, both.id, rule, T0) is NotConfirmed.OWN_CHANGE
    for unknown in ("somebody@else.example", ""):
        held = record(FIRST, "v2", LOOSE, authors=("maya@market.example", unknown))
        assert confirm(held, REED, held.id, rule, T0) is NotConfirmed.AUTHOR_UNKNOWN
        assert confirm(held, TANAKA, held.id, rule, T0) is NotConfirmed.OWN_CHANGE
        assert isinstance(confirm(held, REED, held.id, Loosening(), T0), PolicyRecord)
    outside = record(FIRST, "v2", LOOSE)
    assert isinstance(confirm(outside, REED, outside.id, rule, T0), PolicyRecord)


def test_a_confirmed_change_is_taken_back_at_once() -> None:
    """Although the condition before it can't be compared either."""
    other = book(match="alert.kind == 'another'")
    held = record(FIRST, "v2", other)
    made = confirm(held, REED, held.id, RULE, minutes(2))
    assert isinstance(made, PolicyRecord)
    confirmed = made.model_copy(update={"id": 3})
    whole = confirmed.model_copy(update={"changes": held.changes})
    back = record_of(confirmed, loaded("v1"), other, RICH, whole)
    assert (back.kind, back.in_force) == (RecordKind.CHANGED, "v1")
    for version, content, known in (
        ("v3", RICH, whole),  # not the version before it
        ("v1", limits(bulk=9), whole),  # loosens more than the change has loosened
        ("v1", RICH, None),
    ):
        again = record_of(confirmed, loaded(version), other, content, known)
        assert again.kind is RecordKind.HELD


def test_what_loosens_is_the_first_and_whole_in_a_message_that_asks() -> None:
    """The approver reads all of it, in several messages if need be; the last has the button."""
    stricter = {**written_severity(), "high": "alert.score >= 0.95"}
    new = book(severity=stricter, **{f: written(f)[::-1] for f in ("presets", "escalation")})
    new = new.model_copy(update={"limits": limits(bulk=900, people={}).limits})
    made = record(FIRST, "v2", new)
    (asking, *_) = notices_of(made, [RICH, new], RULE.approval)
    assert asking.asks
    shown = [each.loosens for each in asking.record.changes]
    assert shown == sorted(shown, reverse=True)
    assert sum(shown) == sum(each.loosens for each in made.changes)
    (change,) = (each for each in made.changes if each.path == ("bulk",))
    many = made.model_copy(update={"changes": (*made.changes, *[change] * 70)})
    parts = [each for each in notices_of(many, [RICH, new], RULE.approval) if each.asks]
    assert [(each.part, each.parts, len(each.record.changes) <= 30) for each in parts] == [
        (number, len(parts), True) for number in range(len(parts))
    ]
    found = sum(each.loosens for notice in parts for each in notice.record.changes)
    assert found == sum(each.loosens for each in many.changes) > 70
    assert len({each.key for each in parts}) == len(parts)


def test_a_channel_reads_first_what_loosens() -> None:
    """The cut leaves out other lines."""
    new = book(presets=[], reasons=[], clauses=[], clocks={"low": {"claim": "1m", "decide": "9m"}})
    new = new.model_copy(update={"playbooks": {**new.playbooks, **bulky(new)}})
    made = record(FIRST, "v2", new)
    notices = notices_of(made, [RICH, new], RULE.approval)
    (here,) = (each for each in notices if each.channel == "ts-live")
    assert here.record.changes[0].loosens
    assert here.more > 0


def bulky(content: PolicySet) -> dict[str, Playbook]:
    """The playbook with bulk decisions."""
    changed = content.playbooks["off_platform"].model_copy(update={"bulk": True})
    return {"off_platform": changed}


def test_a_change_is_announced_in_the_channel_before_and_after() -> None:
    """A playbook that moves is announced in both; other channels hear nothing."""
    moved = book(channel="ts-other", bulk=False)
    made = record(FIRST, "v2", moved)
    found = notices_of(made, [RICH, moved], RULE.approval)
    assert [each.channel for each in found] == ["ts-live", "ts-other"]
    assert {each.playbooks for each in found} == {("off_platform",)}


def test_comments_are_recorded_and_not_announced() -> None:
    """The version is another one, and means the same."""
    made = record(FIRST, "v2", RICH)
    assert (made.kind, made.changes) == (RecordKind.CHANGED, ())
    assert notices_of(made, [RICH, RICH], RULE.approval) == ()
