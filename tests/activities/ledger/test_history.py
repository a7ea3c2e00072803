"""Subject history, on both databases."""

from activities.ledger import cases
from activities.ledger.activities import LedgerActivities
from activities.ledger.cases import Ledger
from tests.activities.ledger.recording import after, following, opening
from tests.workflows.domain.builders import (
    PLAYBOOK,
    POLICY,
    SATO,
    TANAKA,
    a_case,
    minutes,
    news,
    preset,
)
from workflows.domain.alerts import Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case.commands import Command
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.model import Case, Sanction, SubjectHistory
from workflows.domain.policy.playbook import Policy

USER = Subject(type="user", id="u_123")
NEW = "K00000000"


def case(number: int, policy: Policy = POLICY) -> Case:
    """Case `K0000000n` on u_123, opened n minutes after the first."""
    return a_case().model_copy(
        update={"id": f"K0000000{number}", "opened_at": minutes(number), "policy": policy}
    )


async def worked(ledger: Ledger, number: int, *commands: Command, policy: Policy = POLICY) -> Case:
    """Records a case and all events of `commands`."""
    opened = case(number, policy)
    key = f"run-{number}"
    await ledger.record(opening(opened, key=key, number=number))
    if commands:
        await ledger.record(following(opened, *commands, key=key))
    return after(opened, *commands)[0]


async def history_of(ledger: Ledger, subject: Subject, case: str) -> SubjectHistory:
    """What a case would know of a subject."""
    async with ledger.database.reading() as connection:
        return await connection.run_sync(cases.history_of, subject, case)


async def muted(ledger: Ledger, number: int, *statuses: ActionStatus) -> None:
    """A case with a mute on u_123 and the platform's later report."""
    opened = await worked(ledger, number, preset(SATO, "mute"))
    for status in statuses:
        await ledger.record(following(opened, news(opened, status), key=f"run-{number}"))
        opened, _ = after(opened, news(opened, status))


async def test_nothing_is_known_of_a_stranger(ledger: Ledger) -> None:
    """The case itself is not a prior case."""
    await worked(ledger, 1)
    assert await history_of(ledger, USER, "K00000001") == SubjectHistory()


async def test_sanctions_are_counted_by_their_action(ledger: Ledger) -> None:
    """An expired sanction counts, but is not in force."""
    await muted(ledger, 1, ActionStatus.VERIFIED, ActionStatus.LIFTED)
    await muted(ledger, 2, ActionStatus.DONE)
    await muted(ledger, 3, ActionStatus.VERIFIED)
    opened = await worked(ledger, 4, preset(SATO, "warn"))
    await ledger.record(following(opened, news(opened, ActionStatus.VERIFIED), key="run-4"))
    history = await history_of(ledger, USER, NEW)
    assert history.sanctions == (
        Sanction(action="mute_user", times=3, in_force=2),
        Sanction(action="warn", times=1, in_force=1),
    )


async def test_what_did_not_take_effect_is_no_sanction(ledger: Ledger) -> None:
    """Failed, undone and pending actions do not count."""
    await muted(ledger, 1, ActionStatus.FAILED)
    await muted(ledger, 2, ActionStatus.VERIFIED)
    undone = await worked(ledger, 3, preset(SATO, "mute"))
    for command in (
        news(undone, ActionStatus.VERIFIED),
        cmd.Undo(by=SATO),
        news(undone, ActionStatus.UNDONE),
    ):
        await ledger.record(following(undone, command, key="run-3"))
        undone, _ = after(undone, command)
    await muted(ledger, 4)
    history = await history_of(ledger, USER, NEW)
    assert history.sanctions == (Sanction(action="mute_user", times=1, in_force=1),)


async def test_what_nobody_approved_is_no_sanction(ledger: Ledger) -> None:
    """Pending and rejected bans do not count."""
    await worked(ledger, 1, preset(SATO, "ban"))
    await worked(ledger, 2, preset(SATO, "ban"), cmd.Reject(by=TANAKA, reason="no"))
    assert (await history_of(ledger, USER, NEW)).sanctions == ()


async def test_what_koban_protected_by_itself_is_no_sanction(ledger: Ledger) -> None:
    """A lifted automatic protection does not count."""
    rules = PLAYBOOK.model_validate(
        {
            **PLAYBOOK.model_dump(by_alias=True),
            "protect": [{"action": "mute_user", "for": "15m"}],
        }
    )
    policy = POLICY.model_copy(update={"playbook": rules})
    opened = await worked(ledger, 1, cmd.ProtectNow(rules=(0,)), policy=policy)
    done = news(opened, ActionStatus.DONE, "P1")
    await ledger.record(following(opened, done, key="run-1"))
    assert after(opened, done)[0].protecting != ()
    assert (await history_of(ledger, USER, NEW)).sanctions == ()


async def test_other_cases_are_named_while_they_are_open(ledger: Ledger) -> None:
    """The newest five open cases are named; closed ones are counted."""
    for number in range(1, 8):
        await worked(ledger, number)
    await worked(ledger, 8, cmd.MarkNoViolation(by=SATO))
    await worked(ledger, 9, cmd.Merge(by=SATO, into="K00000001", subject=USER))
    history = await history_of(ledger, USER, "K00000006")
    assert history.open_cases == ("K00000007", "K00000005", "K00000004", "K00000003", "K00000002")
    assert history.closed_cases == 1


async def test_others_are_not_mixed_in(ledger: Ledger) -> None:
    """A listing can have the same id as a user."""
    await muted(ledger, 1, ActionStatus.VERIFIED)
    listing = Subject(type="listing", id="u_123")
    assert await history_of(ledger, listing, NEW) == SubjectHistory()


async def test_a_case_tells_whom_it_is_about_and_whether_it_is_open(ledger: Ledger) -> None:
    """An unknown one does not."""
    activities = LedgerActivities(ledger.database)
    await worked(ledger, 1)
    await worked(ledger, 2, cmd.MarkNoViolation(by=SATO))
    place = await activities.place_of("K00000001")
    assert place is not None
    assert place.subject == USER
    assert place.workflow_id.startswith("case/")
    assert (place.playbook, place.open) == ("off_platform", True)
    assert await activities.place_of("K00000002") == place.model_copy(update={"open": False})
    assert await activities.place_of(NEW) is None
