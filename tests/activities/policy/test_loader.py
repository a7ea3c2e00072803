"""Policy loader: a valid folder and its playbooks."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.policy.loader import load_policy
from activities.policy.yaml_document import Fault, PolicyFaults
from tests.activities.policy import folders
from workflows.conditions import holds
from workflows.domain.alerts import Alert, Subject
from workflows.domain.people import Role
from workflows.domain.policy.limits import Velocity
from workflows.domain.policy.matching import severity_of
from workflows.domain.policy.playbook import Policy, Severity


def alert(kind: str, **given: object) -> Alert:
    """An alert about a user."""
    at = datetime(2026, 11, 23, 3, 4, 5, tzinfo=UTC)
    subject = Subject(type="user", id="u_1")
    return Alert.model_validate(
        {"id": "a-1", "kind": kind, "subject": subject, "occurred_at": at, **given}
    )


def test_every_part_of_the_folder_is_read() -> None:
    """Actions, roles, look-ups, playbooks and detectors have their names."""
    folder = load_policy(folders.BASE)
    assert sorted(folder.catalog.actions) == ["mute_user", "permanent_ban"]
    assert folder.roles.holders(Role.LEAD).channel == "ts-leads"
    assert [field.personal for field in folder.lookups.lookups["user"].fields] == [False, True]
    assert sorted(folder.playbooks) == ["off_platform", "other"]
    assert folder.detectors["live-chat"].secret.env == "KOBAN_DETECTOR_LIVE_CHAT"


def test_an_alert_finds_its_playbook() -> None:
    """The kind decides; unmatched alerts get the catch-all playbook."""
    folder = load_policy(folders.EXAMPLE)
    kinds = [
        *("off_platform", "phishing", "counterfeit", "shill_bidding", "harassment"),
        "self_harm",
    ]
    assert [folder.find(alert(kind)).playbook for kind in kinds] == kinds
    assert folder.find(alert("never_heard_of")).playbook == "other"


@pytest.mark.parametrize(
    ("given", "severity"),
    [
        ({"score": 0.97, "attributes": {"viewers": 1000}}, "critical"),
        ({"score": 0.97, "attributes": {"viewers": 999}}, "high"),
        ({"score": 0.97}, "high"),
        ({"score": 1}, "high"),
        ({"score": 0.89, "attributes": {"viewers": 5000}}, "medium"),
        ({}, "medium"),
        ({"score": 0.99, "attributes": {"viewers": "many"}}, "high"),
    ],
)
def test_the_example_weighs_off_platform_alerts(given: dict[str, object], severity: str) -> None:
    """Score and viewers set the severity; a missing attribute has no effect."""
    seen = alert("off_platform", **given)
    playbook = load_policy(folders.EXAMPLE).find(seen)
    assert severity_of(playbook, seen, holds) is Severity(severity)


def test_a_case_keeps_its_policy_over_the_wire() -> None:
    """A serialized policy is read back unchanged, durations included."""
    policy = load_policy(folders.EXAMPLE).policy_for("off_platform")
    assert Policy.model_validate_json(policy.model_dump_json(by_alias=True)) == policy
    assert policy.playbook.clocks[Severity.CRITICAL].decide == timedelta(minutes=10)


def test_the_policy_of_a_playbook_is_made_once() -> None:
    """A burst of alerts shares one object; an unknown name is a `KeyError`."""
    folder = load_policy(folders.BASE)
    assert folder.policy_for("other") is folder.policy_for("other")
    with pytest.raises(KeyError):
        folder.policy_for("nothing")


def test_the_version_names_the_contents(tmp_path: Path) -> None:
    """A copy has the same version; any changed or renamed file gives another."""
    folder = folders.good(tmp_path)
    before = load_policy(folder).version
    assert before == load_policy(folders.BASE).version
    assert len(before) == 32  # a confirmation is about it: nobody finds two folders with the same
    folders.replace(folder, "roles.yaml", "roles:", "# a word\nroles:")
    commented = load_policy(folder).version
    (folder / "detectors" / "live-chat.yaml").unlink()
    assert len({before, commented, load_policy(folder).version}) == 3


def test_a_folder_without_detectors_is_fine(tmp_path: Path) -> None:
    """The detectors' file is only needed for secrets of their own."""
    folder = folders.good(tmp_path)
    (folder / "detectors" / "live-chat.yaml").unlink()
    (folder / "detectors").rmdir()
    assert load_policy(folder).detectors == {}


def test_the_example_protects_before_anybody_looks() -> None:
    """A critical message is hidden for 15 minutes; imminent harm is enforced before review."""
    folder = load_policy(folders.EXAMPLE)
    (hides,) = folder.playbooks["off_platform"].protect
    quarter = timedelta(minutes=15)
    assert (hides.action, hides.for_, hides.when) == (
        "hide_message",
        quarter,
        "severity == 'critical'",
    )
    pauses = [step.protect for step in folder.playbooks["off_platform"].escalation if step.protect]
    assert [(each.action, each.for_) for each in pauses] == [("pause_stream", quarter)]
    review = folder.playbooks["self_harm"].act_first
    assert review is not None
    assert (review.by, review.within) == (Role.LEAD, quarter)
    assert folder.limits is not None


@pytest.mark.parametrize("severity", [Severity.HIGH, Severity.MEDIUM])
def test_the_example_calls_nobody_earlier_than_its_clocks(severity: Severity) -> None:
    """Only critical cases have their own escalation steps; others are escalated at deadlines."""
    playbook = load_policy(folders.EXAMPLE).playbooks["off_platform"]
    steps = [step.after for step in playbook.ladder(severity) if step.concerns(severity)]
    clocks = playbook.clocks[severity]
    assert steps == [clocks.claim, clocks.decide]


def test_limits_hold_for_every_playbook(tmp_path: Path) -> None:
    """Each policy has them; a changed file changes the version, and no file means no limits."""
    folder = folders.good(tmp_path)
    before = load_policy(folder)
    assert before.policy_for("other").limits is None
    written = "velocity: {actions: 20, within: 10m}\napproval: {by: lead, within: 30m}\n"
    (folder / "limits.yaml").write_text(written, encoding="utf-8")
    after = load_policy(folder)
    for name in ("off_platform", "other"):
        limits = after.policy_for(name).limits
        assert limits is not None
        assert limits.velocity == Velocity(actions=20, within=timedelta(minutes=10))
        assert (limits.bulk, limits.approval.by) == (5, Role.LEAD)
    assert after.version != before.version


def test_a_case_has_no_git_authors(tmp_path: Path) -> None:
    """The rule about changes of the folder is nothing of a case; its history has no addresses."""
    folder = folders.good(tmp_path)
    (folder / "limits.yaml").write_text(
        "approval: {by: lead, within: 30m}\nbulk: 7\n"
        "loosening: {approval: lead, authors: {maya@market.example: U0MORI}}\n",
        encoding="utf-8",
    )
    read = load_policy(folder)
    policy = read.policy_for("other")
    assert policy.limits is not None
    assert policy.limits.bulk == 7
    assert "maya@market.example" not in policy.model_dump_json()
    assert read.limits is not None
    assert read.limits.loosening is not None


def test_a_protection_may_outlast_what_has_no_end(tmp_path: Path) -> None:
    """Koban lifts an action that the platform does not end."""
    folder = folders.good(tmp_path)
    actions = (folder / "actions.yaml").read_text(encoding="utf-8")
    hide = (
        "  hide_message:\n    title: {ja: 非表示, en: Hide}\n    subject: message\n"
        '    request: {path: "/v1/hide"}\n    undo: {path: "/v1/show"}\n'
    )
    (folder / "actions.yaml").write_text(actions + hide, encoding="utf-8")
    rule = "protect:\n  - {when: severity == 'high', action: hide_message, for: 40d}\n"
    playbook = folder / "playbooks" / "off_platform.yaml"
    playbook.write_text(playbook.read_text(encoding="utf-8") + rule, encoding="utf-8")
    (read,) = load_policy(folder).playbooks["off_platform"].protect
    assert (read.action, read.for_) == ("hide_message", timedelta(days=40))


def test_a_fault_reads_as_one_line() -> None:
    """The format is `file:line: what; write`; the exception has one fault a line."""
    fault = Fault("roles.yaml", 3, "nobody holds the role lead", "name a group")
    assert str(fault) == "roles.yaml:3: nobody holds the role lead; name a group"
    assert str(PolicyFaults((fault, fault))) == f"{fault}\n{fault}"


def test_every_preset_of_the_example_can_be_pressed() -> None:
    """Every playbook has at least two presets: a reversible one, and usually a ban."""
    folder = load_policy(folders.EXAMPLE)
    for playbook in folder.playbooks.values():
        assert len(playbook.presets) >= 2
        actions = [[folder.catalog.actions[a.action] for a in p.actions] for p in playbook.presets]
        assert any(all(a.undo and not a.timed and not a.danger for a in each) for each in actions)
    banning = {
        name
        for name, playbook in folder.playbooks.items()
        if any(a.action == "permanent_ban" for p in playbook.presets for a in p.actions)
    }
    assert banning == {"counterfeit", "harassment", "off_platform", "phishing", "shill_bidding"}
