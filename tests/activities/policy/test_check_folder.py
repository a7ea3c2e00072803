"""Error messages of the policy check, with line and remedy.

Each folder in testdata has one mistake, and the expected message in expected.txt.
"""

import os
import re
import shutil
from pathlib import Path

import pytest

from activities.policy.loader import check_folder, folder_warnings
from tests.activities.policy import folders

FAULTS = sorted(each.name for each in folders.TESTDATA.iterdir())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mistake_has_its_message(fault: str, tmp_path: Path) -> None:
    """The output of `koban check` equals expected.txt."""
    told = check_folder(folders.spoiled(fault, tmp_path))
    expected = (folders.TESTDATA / fault / "expected.txt").read_text(encoding="utf-8")
    assert told == expected.splitlines()


@pytest.mark.wide(20)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_mistake_has_a_file_a_line_and_one_remedy(fault: str, tmp_path: Path) -> None:
    """Every line has the form `file:line: what is wrong; what to write`."""
    told = check_folder(folders.spoiled(fault, tmp_path))
    assert told
    for line in told:
        assert re.fullmatch(r"[a-z_/.-]+:\d+: [^;]+; [^;]+", line)


def test_there_are_many_ways_to_be_wrong() -> None:
    """The test data has at least fifty mistakes."""
    assert len(FAULTS) >= 50


@pytest.mark.parametrize("folder", [folders.BASE, folders.EXAMPLE], ids=["small", "example"])
def test_a_folder_without_mistakes_says_nothing(folder: Path) -> None:
    """The small folder and the shipped example have no mistakes."""
    assert check_folder(folder) == []


def test_mistakes_in_several_files_are_listed_in_order(tmp_path: Path) -> None:
    """One run lists all mistakes by file and line."""
    folder = folders.good(tmp_path)
    folders.replace(folder, "roles.yaml", "S0SHIFT", "ts")
    folders.replace(folder, "playbooks/other.yaml", "claim: 1h", "claim: soon")
    folders.replace(folder, "playbooks/other.yaml", "ts-live", "#live")
    assert check_folder(folder) == [
        "playbooks/other.yaml:4: `channel` has no value; write one (what follows # is a comment)",
        "playbooks/other.yaml:7: 'soon' is not a duration; write 30s, 5m, 24h or 7d",
        "roles.yaml:2: `group` can't be `ts`; write the id of the Slack user group, as S0123ABCD",
    ]


def test_a_missing_folder_is_one_mistake(tmp_path: Path) -> None:
    """The message has the folder's path."""
    folder = tmp_path / "nowhere"
    assert check_folder(folder) == [f"{folder}:1: the folder is missing; name a policy folder"]


def test_a_file_above_1_mib_is_not_even_parsed(tmp_path: Path) -> None:
    """A file of exactly 1 MiB is read."""
    folder = folders.good(tmp_path)
    roles = folder / "roles.yaml"
    text = roles.read_bytes()
    roles.write_bytes(text + b"#" * (1024 * 1024 - len(text)))
    assert check_folder(folder) == []
    roles.write_bytes(roles.read_bytes() + b"#")
    assert check_folder(folder) == ["roles.yaml:1: the file is larger than 1 MiB; split it"]


@pytest.mark.long
def test_endless_nesting_is_a_mistake_and_not_a_crash(tmp_path: Path) -> None:
    """A file of nested brackets gets a normal message."""
    folder = folders.good(tmp_path)
    (folder / "roles.yaml").write_text("{" * 50_000, encoding="utf-8")
    assert check_folder(folder) == ["roles.yaml:1: the file is nested too deeply; write it flatter"]


def test_a_pasted_secret_is_not_repeated(tmp_path: Path) -> None:
    """A value in place of a variable's name may be the secret itself."""
    told = check_folder(folders.spoiled("detector_secret_as_its_variable", tmp_path))
    assert "whsec" not in "".join(told)


@pytest.mark.parametrize("file", ["limits.yaml", "playbooks/new.yaml"])
def test_a_pipe_is_named_and_not_read(tmp_path: Path, file: str) -> None:
    """Reading one would wait for ever."""
    folder = folders.good(tmp_path)
    os.mkfifo(folder / file)
    assert check_folder(folder) == [
        f"{file}:1: this is not a regular file; put a YAML file there",
    ]


@pytest.mark.parametrize("name", ["new.YAML", "new.yml", "new.json"])
def test_a_file_of_another_suffix_is_named(tmp_path: Path, name: str) -> None:
    """Only `*.yaml` is read."""
    folder = folders.good(tmp_path)
    (folder / "playbooks" / name).write_text("playbook: new\n")
    assert check_folder(folder) == [
        f"playbooks/{name}:1: the file is not read; rename it to playbooks/new.yaml",
    ]


@pytest.mark.parametrize("channel", ["監視", "ts-監視ー1", "C0123456789", "g_1"])
def test_a_channel_has_a_name_in_any_script_or_an_id(tmp_path: Path, channel: str) -> None:
    """Slack takes both."""
    folder = folders.good(tmp_path)
    folders.replace(folder, "playbooks/other.yaml", "ts-live", channel)
    assert check_folder(folder) == []


@pytest.mark.parametrize(
    "channel", ["TS-Live", "ts live", "ts.live", "ts\u200blive", "C012", "監視、"]
)
def test_a_channel_that_slack_does_not_take_is_named(tmp_path: Path, channel: str) -> None:
    """Capitals, spaces and punctuation are no part of a name."""
    folder = folders.good(tmp_path)
    folders.replace(folder, "playbooks/other.yaml", "ts-live", f"'{channel}'")
    [line] = check_folder(folder)
    assert line.startswith("playbooks/other.yaml:4: `channel` can't be ")


def test_files_of_an_editor_are_no_mistake(tmp_path: Path) -> None:
    """Hidden files, notes and schemas are left alone."""
    folder = folders.good(tmp_path)
    (folder / "schemas").mkdir()
    for name in (".limits.yaml.swp", "README.md", "schemas/limits.schema.json", ".hidden.yaml"):
        (folder / name).write_text("x")
    assert check_folder(folder) == []


def about_reports(folder: Path) -> list[str]:
    """The warnings about reports and limits; the small folder has one about notices as well."""
    return [each for each in folder_warnings(folder) if "gets no notice" not in each]


def protecting(tmp_path: Path, protect: str, escalation: str = "") -> Path:
    """A valid folder whose playbook off_platform has these protections."""
    folder = folders.good(tmp_path)
    file = folder / "playbooks" / "off_platform.yaml"
    text = file.read_text("utf-8").replace("notify: shift}", f"notify: shift{escalation}}}")
    file.write_text(f"{text}{protect}", "utf-8")
    return folder


@pytest.mark.parametrize(
    ("when", "manual", "warned"),
    [
        ('"true"', "", True),
        ("severity == 'medium'", "", True),
        ("severity == 'high'", "", False),  # a report has no score
        ('"true"', ", manual: []", False),
        ('"true"', ", manual: [people]", False),
    ],
)
def test_a_protection_that_reports_started_before_has_a_warning(
    tmp_path: Path, when: str, manual: str, warned: bool
) -> None:
    """Until the playbook says what is meant. It is no mistake."""
    line = f"protect:\n  - {{when: {when}, action: mute_user, for: 15m{manual}}}\n"
    folder = protecting(tmp_path, line)
    expected = (
        "playbooks/off_platform.yaml:21: warning: reports of people do not start `mute_user` any"
        " more; write `manual: [people]`, `manual: [people, reports]` or `manual: []`"
    )
    assert check_folder(folder) == []
    assert about_reports(folder) == ([expected] if warned else [])


def test_a_protecting_step_of_a_reported_case_has_a_warning(tmp_path: Path) -> None:
    """A report has no score, so its case is of medium severity."""
    folder = protecting(tmp_path, "", ", protect: {action: mute_user, for: 15m}")
    (warning,) = about_reports(folder)
    assert warning.startswith("playbooks/off_platform.yaml:19: warning: reports of people")


def test_a_limit_below_every_bulk_decision_has_a_warning(tmp_path: Path) -> None:
    """A bulk decision counts each of its subjects."""
    folder = protecting(tmp_path, "bulk: true\n")
    limits = "approval: {by: lead, within: 30m}\npeople:\n  decisions: {most: 5, within: 1h}\n"
    (folder / "limits.yaml").write_text(limits, "utf-8")
    assert check_folder(folder) == []
    assert about_reports(folder) == [
        "limits.yaml:3: warning: `decisions` allows no bulk decision, which counts each of its"
        " subjects; write more than 5, or remove `bulk: true` from the playbooks"
    ]


def test_an_accepted_kind_without_a_playbook_has_a_warning(tmp_path: Path) -> None:
    """The catch-all would take it, which may not be meant."""
    folder = folders.good(tmp_path)
    text = "detector: legacy\naccepts: {kinds: [off_platform, fishing]}\n"
    (folder / "detectors" / "legacy.yaml").write_text(text, "utf-8")
    assert check_folder(folder) == []
    assert about_reports(folder) == [
        "detectors/legacy.yaml:2: warning: no playbook names alerts of kind `fishing`;"
        " add the kind to a playbook's `match`"
    ]


@pytest.mark.parametrize(
    ("people", "line", "largest"),
    [
        ("undos: {most: 299, within: 1h}", 3, 1000),
        ("decisions: {most: 300, within: 1h}\n  undos: {most: 299, within: 1h}", 4, 300),
        ("decisions: {most: 300, within: 1h}\n  approvals: {most: 299, within: 1h}", 4, 300),
        ("decisions: {most: 300, within: 1h}\n  undos: {most: 300, within: 1h}", 4, None),
        ("decisions: {most: 300, within: 1h}\n  clears: {most: 9, within: 1h}", 4, None),
    ],
)
def test_a_bulk_decision_that_nobody_could_end_has_a_warning(
    tmp_path: Path, people: str, line: int, largest: int | None
) -> None:
    """Its undo and its approval count all its subjects at once."""
    folder = protecting(tmp_path, "bulk: true\n")
    limits = f"approval: {{by: lead, within: 30m}}\npeople:\n  {people}\n"
    (folder / "limits.yaml").write_text(limits, "utf-8")
    name = "approvals" if "approvals" in people else "undos"
    expected = (
        f"limits.yaml:{line}: warning: a bulk decision may have {largest} subjects, and `{name}`"
        f" allows only part; write {largest} or more, or lower `decisions`"
    )
    assert check_folder(folder) == []
    assert about_reports(folder) == ([] if largest is None else [expected])


def test_the_example_has_no_warning() -> None:
    """Nothing in it depends on what a report did."""
    assert folder_warnings(folders.EXAMPLE) == []


@pytest.mark.parametrize("folder", [folders.EXAMPLE])
def test_the_example_tells_every_person(folder: Path) -> None:
    """No playbook or preset of the shipped example has a warning."""
    assert folder_warnings(folder) == []


@pytest.mark.parametrize("judged", ["undone: 10%", "precision: 0.9"])
def test_a_breaker_for_what_people_say_is_only_warned_of(tmp_path: Path, judged: str) -> None:
    """A limit stops automation before its rate does; what people judge or undo still trips it."""
    folder = folders.spoiled("breaker_behind_a_limit", tmp_path)
    more = "auto: [{when: 'true', preset: mute}]\nsample: {auto: 2%}\n"
    file, breaker = "playbooks/off_platform.yaml", "breaker: {floor: 20}"
    folders.replace(folder, file, breaker, f"{more}breaker: {{floor: 20, {judged}}}")
    assert check_folder(folder) == []
    assert [each for each in folder_warnings(folder) if "rate" in each] == [
        f"{file}:24: warning: the rate can never trip it: limits.yaml allows 10 in 1h; "
        "write a `floor` of 10 or less"
    ]


def test_a_folder_without_notices_is_warned_of(tmp_path: Path) -> None:
    """Each playbook is named at its line: its decisions tell the person nothing."""
    folder = folders.example(tmp_path)
    (folder / "appeals.yaml").unlink()
    for file in (folder / "playbooks").iterdir():
        if file.stem not in ("other", "self_harm"):
            file.unlink()
    shutil.rmtree(folder / "detectors")
    assert folder_warnings(folder) == [
        "playbooks/other.yaml:2: warning: the person gets no notice of a decision: appeals.yaml "
        "has no notice of decisions; add `decision:` to its `notices`, or `no_notice:` with the "
        "reason",
    ]


def test_a_silent_permanent_ban_is_warned_of(tmp_path: Path) -> None:
    """The line is that of `no_notice` in the playbook, the preset and the reason."""
    folder = folders.example(tmp_path)
    because = "{ja: 捜査中, en: Under investigation}"
    ban = "en: Ban}, actions: [permanent_ban]"
    folders.replace(folder, "playbooks/phishing.yaml", ban, f"{ban}, no_notice: {because}")
    folders.replace(
        folder, "playbooks/harassment.yaml", "channel:", f"no_notice: {because}\nchannel:"
    )
    warned = "the person gets no notice of {}; leave `no_notice` out where they may know"
    assert folder_warnings(folder) == [
        "playbooks/harassment.yaml:6: warning: " + warned.format("end_stream, permanent_ban"),
        "playbooks/phishing.yaml:19: warning: " + warned.format("permanent_ban"),
    ]
    assert check_folder(folder) == []


def test_a_notice_called_none_is_a_mistake(tmp_path: Path) -> None:
    """The person would get that word; `no_notice` has the reason why there is no notice."""
    folder = folders.example(tmp_path)
    text = "    notice: {ja: 出品された商品のロゴ"
    folders.replace(folder, "playbooks/counterfeit.yaml", text, f"    notice: none\n#{text}")
    assert check_folder(folder) == [
        "playbooks/counterfeit.yaml:9: `notice` is the text for the person, not `none`; "
        "write `no_notice` with the reason for it",
    ]
