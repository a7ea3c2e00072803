"""Storm digest: its content, its single message, and the mentions in its thread."""

import inspect
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from temporalio.exceptions import ApplicationError

from activities.slack.activities import SlackActivities
from activities.slack.i18n.catalog import texts
from activities.slack.reader import Reader
from activities.slack.storm_digest import calls, digest
from deploy.sandbox.faults import Fault
from deploy.sandbox.slack.blockkit.blocks import Surface, check_blocks
from deploy.sandbox.slack.screen import visible_text
from tests.activities.slack.cases import Story
from tests.activities.slack.conftest import Attempts, SlackWorld, wanted
from workflows.domain.alerts import Subject
from workflows.domain.case import commands as cmd
from workflows.domain.case.snapshot import CardRef
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Severity
from workflows.domain.storm import MOST_TOP, Called, Group, Mention, Picture, Top
from workflows.domain.values import Language, Text
from workflows.ports import storms as ports
from workflows.ports.storms import ShowStorm

AT = datetime(2026, 11, 24, 3, 3, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")
LURE = Text(ja="外部誘導", en="Off-platform inducement")
CALLS = (Mention(role=Role.SPECIALIST, counts={Severity.CRITICAL: 3, Severity.HIGH: 9}),)


def top(number: int = 1, **changes: object) -> Top:
    given = {
        "case": f"K0000000{number}",
        "title": LURE,
        "subject": Subject(type="user", id=f"u_{number}"),
        "severity": Severity.CRITICAL,
        "alerts": 33,
        **changes,
    }
    return Top.model_validate(given)


def storm(**changes: object) -> ShowStorm:
    """Three hundred cases, 143 of them without a card."""
    picture = {
        "channel": "ts-live",
        "since": AT,
        "cases": 300,
        "open": 290,
        "waiting": 143,
        "groups": (
            Group(
                playbook="off_platform",
                title=LURE,
                counts={Severity.CRITICAL: 12, Severity.MEDIUM: 288},
            ),
        ),
        "top": (top(1), top(2, owner="U0SATO", carded=True)),
        **{key: value for key, value in changes.items() if key in Picture.model_fields},
    }
    rest = {key: value for key, value in changes.items() if key not in Picture.model_fields}
    given = {"key": "S1", "picture": picture, "digest": None, **rest}
    return ShowStorm.model_validate(given)


def reader(language: Language = Language.JA) -> Reader:
    return Reader(
        texts(language), TOKYO, {"U0SATO": "佐藤"}, {Role.SPECIALIST: "<!subteam^S0SHIFT>"}
    )


def test_the_digest_says_how_many_and_what_is_to_come() -> None:
    """It has the start, counts by playbook and severity, and the top cases."""
    message = digest(storm(), reader())
    shown = visible_text({"blocks": message.blocks})
    assert "検知が集中しています · ケース 300件" in shown
    assert "うち143件のカードは、重大度の高い順にこれから投稿します。" in shown
    assert "*外部誘導* 300件: 🟥 重大 12 · 🟨 中 288" in shown
    assert "🟥 重大 · 外部誘導 · ユーザー u_1" in shown
    assert "検知 33件 · 担当 *未定* · カードはこれから" in shown
    assert "検知 33件 · 担当 *佐藤さん*" in shown
    assert message.text.startswith("検知が集中しています · ケース 300件\n")
    assert message.metadata == {"event_type": "koban_storm", "event_payload": {"storm": "S1"}}


def test_each_subject_has_a_button_that_opens_its_case() -> None:
    """The button has only the case id, without a version."""
    blocks = digest(storm(), reader()).blocks
    pressed = [block["accessory"] for block in blocks if "accessory" in block]
    assert [(each["action_id"], each["value"], each["text"]["text"]) for each in pressed] == [
        ("storm.open", "K00000001", "開く"),
        ("storm.open", "K00000002", "開く"),
    ]


def test_the_final_digest_has_totals_and_no_buttons() -> None:
    """Its text stays valid, because the cards show the owners."""
    message = digest(storm(waiting=0, over=True), reader())
    shown = visible_text({"blocks": message.blocks})
    assert "検知の集中は収まりました · ケース 300件" in shown
    assert "カードはすべて投稿済みです。収まった時点の未完了は290件でした。" in shown
    assert not any("accessory" in block or block["type"] == "actions" for block in message.blocks)


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("over", [False, True])
def test_it_keeps_within_slacks_limits(language: Language, over: bool) -> None:
    """Titles and ids are long and hostile."""
    evil = Text(ja="*<!channel>*" * 20, en="<!here> https://evil.example " * 9)
    tops = tuple(
        top(n, title=evil, subject=Subject(type="user", id="<!channel>" * 25))
        for n in range(1, MOST_TOP + 1)
    )
    groups = tuple(
        Group(playbook=f"p{n}", title=evil, counts=dict.fromkeys(Severity, 99_999))
        for n in range(30)
    )
    shown = storm(top=tops, groups=groups, over=over, mentions=CALLS)
    for message in (digest(shown, reader(language)), calls(shown, reader(language))):
        assert check_blocks(message.blocks, Surface.MESSAGE) == []
        assert "<!channel>" not in str(message.blocks) + message.text
        assert "<!here>" not in str(message.blocks) + message.text
        assert "https://evil" not in str(message.blocks) + message.text


def test_a_flood_that_just_passed_is_drawn_too() -> None:
    """A mention was requested, but no waiting case is left."""
    message = digest(storm(cases=0, open=0, waiting=0, groups=(), top=()), reader())
    assert check_blocks(message.blocks, Surface.MESSAGE) == []


def test_a_role_is_called_once_with_how_many() -> None:
    """The digest's thread has one mention with a count."""
    message = calls(storm(mentions=CALLS), reader())
    assert message.text == (
        "<!subteam^S0SHIFT> 対応待ちのケースが12件あります（🟥 重大 3 · 🟧 高 9）。"
        "上のお知らせから対応をお願いします。"
    )


def test_english_reads_the_same() -> None:
    """The singular is used for one case."""
    shown = visible_text({"blocks": digest(storm(cases=1, waiting=1), reader(Language.EN)).blocks})
    assert "Alert storm · 1 case\n" in shown + "\n"
    assert "Cards still to post, most severe first: 1." in shown


async def test_the_digest_is_posted_once_and_then_updated(slack: SlackWorld) -> None:
    """The thread has the mentions, the digest has none."""
    ref = await Attempts().run(slack.activities.show_storm, storm(mentions=CALLS))
    again = storm(digest=ref, waiting=0)
    assert await Attempts().run(slack.activities.show_storm, again) == ref
    assert len(slack.on("C0LIVE")) == 1
    (called,) = slack.workspace.notifications
    assert (called.target, called.ts) == ("<!subteam^S0SHIFT>", slack.thread(ref)[0].ts)


async def test_a_lost_answer_makes_no_second_digest_and_no_second_call(slack: SlackWorld) -> None:
    """The retry finds the digest and the mention."""
    attempts, shown = Attempts(), storm(mentions=CALLS)
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, True)
    for _ in range(2):
        with pytest.raises(ApplicationError):
            await attempts.run(slack.activities.show_storm, shown)
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, False)
    ref = await attempts.run(slack.activities.show_storm, shown)
    assert (len(slack.on("C0LIVE")), len(slack.thread(ref))) == (1, 1)


async def test_a_deleted_digest_is_posted_again(slack: SlackWorld) -> None:
    """The storm is still active."""
    ref = await Attempts().run(slack.activities.show_storm, storm())
    slack.workspace.delete(slack.on("C0LIVE")[0])
    again = await Attempts().run(slack.activities.show_storm, storm(digest=ref))
    assert again != ref
    assert len(slack.on("C0LIVE")) == 1


def test_the_port_has_the_same_signature() -> None:
    """The activity matches its port."""
    mine = inspect.signature(SlackActivities.show_storm)
    port = inspect.signature(ports.StormPort.show_storm)
    assert list(mine.parameters.values()) == list(port.parameters.values())
    assert mine.return_annotation == port.return_annotation


class Storms:
    """Storm state: either one that takes over every mention, or none."""

    def __init__(self, going: bool) -> None:
        self.going = going
        self.calls: list[tuple[str, Called]] = []
        self.looks: list[str] = []
        self.cards: list[tuple[str, CardRef]] = []

    async def look(self, channel: str) -> None:
        self.looks.append(channel)

    async def posted(self, case: str, card: CardRef) -> None:
        self.cards.append((case, card))

    async def called(self, channel: str, call: Called) -> bool:
        self.calls.append((channel, call))
        return self.going


@pytest.mark.parametrize("going", [False, True])
async def test_a_storm_takes_the_calls_of_threads_over(slack: SlackWorld, going: bool) -> None:
    """The case's thread has the line without a mention."""
    storms = Storms(going)
    slack.configure(storms=storms)
    story = Story().then(cmd.Tick(), 2)
    card = CardRef(channel="C0LIVE", ts="1.0")
    shown = await slack.show(wanted(story, card, after=1))
    (line,) = slack.thread(shown.card)
    assert "担当者がまだいません" in line.text
    assert ("検知の集中のお知らせでまとめて通知しました" in line.text) is going
    assert len(slack.workspace.notifications) == (0 if going else 1)
    called = Called(case="K7Q2F9XM0", seq=2, role=Role.SPECIALIST, severity=Severity.CRITICAL)
    assert storms.calls == [("ts-live", called)]


async def test_what_a_person_asks_for_is_called_in_the_thread(slack: SlackWorld) -> None:
    """A manual call for a lead mentions the lead even during a storm."""
    storms = Storms(going=True)
    slack.configure(storms=storms)
    story = Story().then(cmd.Escalate(by=cmd.Actor(id="U0SATO", roles={Role.SPECIALIST})), 1)
    shown = await slack.show(wanted(story, CardRef(channel="C0LIVE", ts="1.0"), after=1))
    assert "まとめて" not in slack.thread(shown.card)[0].text
    assert [each.target for each in slack.workspace.notifications] == ["<!subteam^S0LEAD>"]
    assert storms.calls == []


async def test_new_cards_in_the_background_notice_a_storm(slack: SlackWorld) -> None:
    """Only background posts of new cards start the storm check."""
    storms = Storms(going=False)
    slack.configure(storms=storms)
    await slack.show(wanted(Story()))
    assert storms.looks == []
    await slack.show(wanted(Story()).model_copy(update={"background": True}))
    assert storms.looks == ["ts-live"]


async def test_a_new_card_is_recorded_once(slack: SlackWorld) -> None:
    """Without a record a case without further events would count as waiting."""
    storms = Storms(going=False)
    slack.configure(storms=storms)
    shown = await slack.show(wanted(Story()))
    await slack.show(wanted(Story().joined(5), shown.card))
    assert storms.cards == [("K7Q2F9XM0", shown.card)]


async def test_a_delayed_write_shows_the_current_state(slack: SlackWorld) -> None:
    """It queries the case at its turn, and returns the shown version."""
    story = Story()
    asked_for = wanted(story).model_copy(update={"background": True})
    newest = wanted(story.joined(5).claimed(), after=1)

    async def tell(workflow: str, run: str) -> ports.ShowStorm | None:
        return newest  # type: ignore[return-value]

    slack.configure(latest=tell)
    late = Attempts(since=datetime.now(UTC) - timedelta(seconds=30))
    shown = await slack.show(asked_for, late)
    assert (shown.version, shown.through) == (3, 3)
    assert "佐藤" in str(slack.on("C0LIVE")[0].blocks)
    assert len(slack.thread(shown.card)) == 1


async def test_a_write_in_time_makes_no_query(slack: SlackWorld) -> None:
    """A query is billed like an action."""

    async def never(workflow: str, run: str) -> None:
        raise AssertionError("nobody had to be asked")

    slack.configure(latest=never)
    shown = await slack.show(wanted(Story()).model_copy(update={"background": True}))
    assert (shown.version, shown.through) == (1, None)


async def test_after_a_cancelled_write_the_next_one_searches_first(slack: SlackWorld) -> None:
    """The cancelled write may have posted."""
    began = datetime.now(UTC)
    first = await slack.show(wanted(Story()))
    unsure = wanted(Story()).model_copy(update={"unsure_since": began})
    assert (await slack.show(unsure)).card == first.card
    assert len(slack.on("C0LIVE")) == 1
