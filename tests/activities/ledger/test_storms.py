"""Storm state of a channel, on both databases."""

from datetime import timedelta

from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.queries import Queries
from activities.ledger.storms import Storms
from tests.activities.ledger.recording import following, opening
from tests.workflows.domain.builders import SATO, a_case, a_policy, minutes
from workflows.domain.case import commands as cmd
from workflows.domain.case.model import Case
from workflows.domain.case.snapshot import CardRef
from workflows.domain.policy.playbook import Severity
from workflows.domain.storm import Group, Picture
from workflows.domain.values import Text
from workflows.ports.storms import StormAsk

CARD = CardRef(channel="C0LIVE", ts="1.0")
ASK = StormAsk(channel="ts-live", since=None)


async def case(ledger: Ledger, number: int, severity: Severity, **changes: object) -> Case:
    """Case `K0000000n`, opened n minutes after the first, without a card."""
    made = a_case(severity).model_copy(
        update={"id": f"K0000000{number}", "opened_at": minutes(number), **changes}
    )
    await ledger.record(opening(made, key=f"run-{number}", number=number))
    return made


async def carded(ledger: Ledger, made: Case, *commands: cmd.Command) -> None:
    """Records the posted card of a case after `commands`."""
    number = int(made.id[-1])
    write = following(made, *commands, key=f"run-{number}")
    await ledger.record(write.model_copy(update={"card": CARD}))


async def test_a_quiet_channel_has_no_waiting_cases(ledger: Ledger, database: Database) -> None:
    """Cases with cards, closed cases and other channels' cases do not count."""
    await carded(ledger, await case(ledger, 1, Severity.HIGH), cmd.Claim(by=SATO))
    other = a_policy(channel="ts-market")
    await case(ledger, 2, Severity.HIGH, policy=other)
    closed = await case(ledger, 3, Severity.HIGH)
    await ledger.record(following(closed, cmd.MarkNoViolation(by=SATO), key="run-3"))
    storms = Storms(database)
    assert await storms.waiting("ts-live") == 0
    assert await storms.waiting("ts-market") == 1


async def test_a_card_is_recorded_without_an_event(ledger: Ledger, database: Database) -> None:
    """A newer card reference is not overwritten."""
    storms, made = Storms(database), await case(ledger, 1, Severity.HIGH)
    await storms.posted(made.id, CARD)
    assert await storms.waiting("ts-live") == 0
    await storms.posted(made.id, CardRef(channel="C0LIVE", ts="0.5"))
    row = await Queries(database).case(made.id)
    assert row is not None
    assert row["card_ts"] == "1.0"


async def test_the_picture_begins_with_the_oldest_that_waits(
    ledger: Ledger, database: Database
) -> None:
    """Earlier cases do not count; later ones count with and without a card."""
    await carded(ledger, await case(ledger, 1, Severity.CRITICAL), cmd.Claim(by=SATO))
    await case(ledger, 2, Severity.HIGH)
    await case(ledger, 3, Severity.CRITICAL)
    await carded(ledger, await case(ledger, 4, Severity.HIGH), cmd.Claim(by=SATO))
    picture = await Storms(database).storm_now(ASK)
    assert (picture.since, picture.cases, picture.open, picture.waiting) == (minutes(2), 3, 3, 2)
    assert picture.groups == (
        Group(
            playbook="off_platform",
            title=Text(ja="外部誘導", en="Off-platform inducement"),
            counts={Severity.CRITICAL: 1, Severity.HIGH: 2},
        ),
    )


async def test_the_worst_cases_come_first_then_those_with_the_most_alerts(
    ledger: Ledger, database: Database
) -> None:
    """Eight open cases are listed."""
    for number in range(1, 9):
        await case(ledger, number, Severity.HIGH, alerts=number)
    await case(ledger, 9, Severity.CRITICAL)
    picture = await Storms(database).storm_now(ASK)
    assert [each.case[-1] for each in picture.top] == list("98765432")
    assert [each.carded for each in picture.top] == [False] * 8
    assert picture.top[1].alerts == 8


async def test_a_storm_keeps_its_beginning(ledger: Ledger, database: Database) -> None:
    """Cases still count after their cards are posted."""
    first = await case(ledger, 1, Severity.HIGH)
    ask = StormAsk(channel="ts-live", since=(await Storms(database).storm_now(ASK)).since)
    await carded(ledger, first, cmd.Claim(by=SATO))
    await case(ledger, 2, Severity.HIGH)
    picture = await Storms(database).storm_now(ask)
    assert (picture.cases, picture.waiting, picture.since) == (2, 1, minutes(1))
    assert picture.top[0].owner == "U0SATO"


async def test_an_empty_channel_has_a_picture_too(database: Database) -> None:
    """A channel without waiting cases has zero counts."""
    picture = await Storms(database).storm_now(ASK)
    assert picture == Picture(channel="ts-live", since=picture.since)
    assert picture.since > minutes(0) - timedelta(days=1)
