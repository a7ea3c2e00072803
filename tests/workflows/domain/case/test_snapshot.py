"""Snapshot of a case: the seen keys, and the packed policy."""

from tests.workflows.domain.builders import POLICY, WATCHFUL, a_case
from workflows.domain.case.snapshot import SEEN, CaseSnapshot, SeenKeys
from workflows.domain.policy.playbook import pack


class TestSeenKeys:
    def test_a_key_is_new_once(self) -> None:
        """Asking does not add it."""
        seen = SeenKeys()
        assert [seen.is_new("a"), seen.is_new("a")] == [True, True]
        assert [seen.add("a"), seen.add("a"), seen.is_new("a"), seen.is_new("b")] == [
            True,
            False,
            False,
            True,
        ]

    def test_a_key_of_any_length_is_kept_as_sixteen_characters(self) -> None:
        """Long keys from outside differ in their last character, and odd ones are no error."""
        seen = SeenKeys()
        keys = ["", "x" * 10_000 + "1", "x" * 10_000 + "2", "\ud800", "検知/1"]
        assert [seen.add(key) for key in keys] == [True] * 5
        assert [len(each) for each in seen.kept] == [16] * 5
        assert len(set(seen.kept)) == 5

    def test_keys_are_carried_over(self) -> None:
        """The next run knows them all, oldest first."""
        seen = SeenKeys()
        for key in "abc":
            seen.add(key)
        after = SeenKeys(seen.kept)
        assert after.kept == seen.kept
        assert [after.add(key) for key in "abcd"] == [False, False, False, True]
        assert after.kept[:3] == seen.kept

    def test_the_oldest_is_forgotten_first(self) -> None:
        """Of 2,001 keys the newest 2,000 stay."""
        seen = SeenKeys()
        for number in range(SEEN + 1):
            seen.add(str(number))
        assert SEEN == 2_000
        assert len(seen.kept) == 2_000
        assert [seen.is_new("0"), seen.is_new("1"), seen.is_new("2000")] == [True, False, False]


class TestPolicy:
    def test_it_is_no_part_of_what_a_case_is_written_as(self) -> None:
        """It travels once, packed, beside the case."""
        memory = CaseSnapshot(case=a_case(), policy=pack(POLICY))
        written = memory.model_dump(mode="json")
        assert "policy" not in written["case"]
        assert set(written["policy"]) == {"version", "playbook", "data"}

    def test_it_is_attached_again(self) -> None:
        """The case is then what it was."""
        memory = CaseSnapshot(case=a_case(), policy=pack(POLICY))
        read = CaseSnapshot.model_validate_json(memory.model_dump_json())
        assert read.with_policy() == memory

    def test_that_of_the_memory_comes_before_that_of_the_start(self) -> None:
        """A reopened case keeps its own, and one that runs on has that of its start."""
        bare = CaseSnapshot(case=a_case()).model_dump_json()
        read = CaseSnapshot.model_validate_json(bare)
        started = read.with_policy(pack(WATCHFUL))
        assert started.case is not None
        assert started.case.policy == WATCHFUL
        own = read.model_copy(update={"policy": pack(POLICY)}).with_policy(pack(WATCHFUL))
        assert own.case is not None
        assert own.case.policy == POLICY

    def test_a_memory_without_a_case_stays_as_it_is(self) -> None:
        """There is nothing to attach it to."""
        memory = CaseSnapshot(key="run-1")
        assert memory.with_policy(pack(POLICY)) == memory
