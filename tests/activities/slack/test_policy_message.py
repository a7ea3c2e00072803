"""Messages about changes of the policy: each posted once, and updated with the outcome."""

from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from deploy.sandbox.faults import Fault
from tests.activities.slack.conftest import Attempts, SlackWorld
from tests.activities.slack.test_direct_messages import read_by
from tests.workflows.domain.builders import T0, minutes
from workflows.domain.people import Holders, Role
from workflows.domain.policy.changes import (
    Change,
    Form,
    Part,
    PolicyNotice,
    PolicyRecord,
    RecordKind,
    Shown,
)
from workflows.domain.policy.differences import ChangeKind
from workflows.domain.values import Text

CHANGE = Change(
    kind=ChangeKind.CHANGED,
    part=Part.PLAYBOOK,
    name="off_platform",
    title="外部誘導",
    path=("severity", "high"),
    before="alert.score >= 0.9",
    after="alert.score >= 0.95",
    playbooks=("off_platform",),
)


def record(kind: RecordKind = RecordKind.CHANGED, **more: Any) -> PolicyRecord:
    """A record with one change."""
    given = {"id": 7, "kind": kind, "at": T0, "before": "aaaa", "version": "bbbb"}
    return PolicyRecord.model_validate({**given, "changes": (CHANGE,), **more})


def in_channel(**more: Any) -> PolicyNotice:
    """The message in the playbook's channel."""
    given: dict[str, Any] = {
        "key": "policy/7/ts-live",
        "record": record(),
        "channel": "ts-live",
        "playbooks": ("off_platform",),
        "titles": (Text(ja="外部誘導", en="Off-platform inducement"),),
    }
    return PolicyNotice(**{**given, **more})


def asking(**more: Any) -> PolicyNotice:
    """The message to the leads, with the button."""
    given = {"key": "policy/7/role/lead", "record": record(RecordKind.HELD), "asks": True}
    return PolicyNotice.model_validate({**given, **more})


def buttons(message: Any) -> list[str]:
    """The action ids of a message."""
    rows = (block["elements"] for block in message.blocks if block["type"] == "actions")
    return [element["action_id"] for row in rows for element in row]


async def show(slack: SlackWorld, notice: PolicyNotice, attempts: Attempts | None = None) -> None:
    """One attempt of the activity."""
    await (attempts or Attempts()).run(slack.activities.show_policy_notice, notice)


async def test_a_lost_answer_posts_nothing_twice(slack: SlackWorld) -> None:
    """The next attempt finds the message by its key."""
    attempts = Attempts()
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, True)
    with pytest.raises(ApplicationError):
        await show(slack, in_channel(), attempts)
    slack.workspace.faults.set(Fault.SLACK_LOST_RESPONSE, False)
    await show(slack, in_channel(), attempts)
    (posted,) = slack.on("C0LIVE")
    assert posted.text == "手順書が変更されました: 外部誘導"


async def test_foreign_words_neither_mention_nor_format(slack: SlackWorld) -> None:
    """Titles, conditions and authors of commits come from outside."""
    hostile = "<!channel> *x* <https://evil.example|y> \u202ex"
    change = CHANGE.model_copy(update={"title": Text(ja=hostile, en=hostile), "after": hostile})
    made = record(changes=(change,), commit="1e82edd9d8", author=hostile)
    title = Text(ja=hostile, en=hostile)
    await show(slack, in_channel(record=made, titles=(title,)))
    (posted,) = slack.on("C0LIVE")
    assert slack.workspace.notifications == []
    shown = f"{posted.text} {posted.blocks}"
    whole = "`&lt;!channel&gt; *x* &lt;hxxps://evil.example|y&gt; \ufffdx`"
    assert whole in shown  # code is neither formatted nor linked
    for harmful in ("<!channel>", "<https", "https:", "*x*", "evil.example", "\u202e"):
        assert harmful not in shown.replace(whole, "")


async def test_values_are_in_words(slack: SlackWorld) -> None:
    """By their type: an id may read like a time."""
    given = {
        ("mode",): ("live", "shadow", Form.WORD, "稼働モード: 稼働中 → 試行中"),
        ("sample", "auto"): ("0.02", "0.015", Form.SHARE, "抜き取り › 自動の判断: 2% → 1.5%"),
        ("protect", "for"): ("15m", "1h", Form.DURATION, "自動対応 › 時間: 15分 → 1時間"),
        ("bulk",): ("false", "true", Form.SWITCH, "一括判断: オフ → オン"),
        ("approval", "on_expiry"): ("refuse", "escalate", Form.WORD, "却下 → エスカレーション"),
        ("approval", "by"): ("lead", "somebody", Form.WORD, "承認者: リード → `somebody`"),
        ("trusted",): ("0s", "12d", Form.TEXT, "信頼する対象: `0s` → `12d`"),
    }
    changes = tuple(
        CHANGE.model_copy(update={"path": path, "before": was, "after": now, "form": form})
        for path, (was, now, form, _) in given.items()
    )
    await show(slack, in_channel(record=record(changes=changes)))
    (posted,) = slack.on("C0LIVE")
    for *_, line in given.values():
        assert line in str(posted.blocks)


async def test_an_added_entry_is_in_words(slack: SlackWorld) -> None:
    """Each field by its name; a notice's new words are shown."""
    fields = (Shown(name="when", text="alert.score >= 0.9"), Shown(name="preset", text="mute"))
    added = CHANGE.model_copy(
        update={
            "kind": ChangeKind.ADDED,
            "path": ("auto", "mute"),
            "before": None,
            "fields": fields,
        }
    )
    words = {"kind": ChangeKind.REWORDED, "path": ("notices", "upheld"), "after": "維持"}
    reworded = CHANGE.model_copy(update=words)
    await show(slack, in_channel(record=record(changes=(added, reworded))))
    (posted,) = slack.on("C0LIVE")
    shown = str(posted.blocks)
    assert (
        "自動の判断 › `mute` を追加: 条件 `alert.score &gt;= 0.9`、ワンタップの判断 `mute`" in shown
    )
    assert "対象者への通知 › 維持時: `alert.score &gt;= 0.9` → `維持`" in shown


async def test_only_the_last_of_several_messages_has_the_button(slack: SlackWorld) -> None:
    """The approver reads all of them."""
    for part in (0, 1):
        await show(slack, asking(key=f"policy/7/role/lead/{part}", part=part, parts=2))
    first, last = slack.on("C0LEADS")
    assert (buttons(first), buttons(last)) == ([], ["policy.confirm"])
    assert "（1/2）" in first.text


async def test_a_version_is_shown_short(slack: SlackWorld) -> None:
    """As git shows its commits."""
    await show(slack, in_channel(record=record(before="a" * 32, version="b" * 32)))
    (posted,) = slack.on("C0LIVE")
    assert f"`{'a' * 12}` → `{'b' * 12}`" in str(posted.blocks)


@pytest.mark.parametrize("method", ["conversations.history", "chat.update"])
async def test_a_message_that_can_not_be_replaced_is_left(slack: SlackWorld, method: str) -> None:
    """Koban was removed from the channel: no retry for a day."""
    held = record(RecordKind.HELD)
    await show(slack, in_channel(record=held))
    slack.workspace.refuses = lambda called, arguments: (
        "not_in_channel" if called == method else None
    )
    ended = record(RecordKind.WITHDRAWN, id=8, at=minutes(3))
    await show(slack, in_channel(record=held, outcome=ended))
    (posted,) = slack.on("C0LIVE")
    assert "待っています" in posted.text


async def test_a_replaced_message_is_looked_for_where_it_was_posted(slack: SlackWorld) -> None:
    """A busy channel has thousands of messages since then."""
    held = record(RecordKind.HELD, at=datetime.now(UTC))
    await show(slack, in_channel(record=held))
    asked: list[dict[str, str]] = []

    def noted(called: str, arguments: dict[str, str]) -> None:
        if called == "conversations.history":
            asked.append(arguments)

    slack.workspace.refuses = noted
    ended = record(RecordKind.WITHDRAWN, id=8, at=held.at)
    await show(slack, in_channel(record=held, outcome=ended))
    (once,) = asked
    assert float(once["latest"]) - float(once["oldest"]) == 3600


async def test_a_role_without_a_channel_is_asked_directly(slack: SlackWorld) -> None:
    """Every lead has the button; the outcome replaces it everywhere."""
    slack.roles[Role.LEAD] = Holders(users=("U0TANAKA", "U0CLARK"))
    await show(slack, asking())
    for lead in ("U0TANAKA", "U0CLARK"):
        (asked,) = read_by(slack, lead)
        assert buttons(asked) == ["policy.confirm"]
    ended = record(RecordKind.CONFIRMED, id=8, at=minutes(3), actor="U0TANAKA")
    await show(slack, asking(outcome=ended))
    for lead in ("U0TANAKA", "U0CLARK"):
        (settled,) = read_by(slack, lead)
        assert buttons(settled) == []
        assert "に承認し、変更が有効になりました。" in str(settled.blocks)


async def test_messages_in_channels_are_updated_with_the_outcome(slack: SlackWorld) -> None:
    """The leads' channel, and the playbook's, whose message has no button."""
    held = record(RecordKind.HELD)
    await show(slack, asking())
    await show(slack, in_channel(record=held))
    assert "待っています" in slack.on("C0LIVE")[0].text
    ended = record(RecordKind.WITHDRAWN, id=8, at=minutes(3))
    await show(slack, asking(outcome=ended))
    await show(slack, in_channel(record=held, outcome=ended))
    for channel in ("C0LEADS", "C0LIVE"):
        (settled,) = slack.on(channel)
        assert buttons(settled) == []
        assert "待っています" not in settled.text
        assert "取り下げられました" in str(settled.blocks)


async def test_an_archived_channel_is_left_out(slack: SlackWorld) -> None:
    """No retry for a day: the history has the change."""
    slack.workspace.refuses = lambda method, arguments: (
        "is_archived" if method == "chat.postMessage" else None
    )
    await show(slack, in_channel())
    assert slack.on("C0LIVE") == []
