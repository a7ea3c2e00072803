"""Pure functions of the Slack bot: click ids, parser, metadata, masks, manifest, texts."""

import asyncio
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.web.async_client import AsyncWebClient

from activities.slack.handles import Handle
from activities.slack.i18n.catalog import texts
from bot.services.cases import Which
from bot.slack.app import make_bolt_app
from bot.slack.commands.cases import ShowCase, ShowQueue
from bot.slack.commands.dispatch import read
from bot.slack.commands.parser import Help, Incomplete, Unknown
from bot.slack.commands.subject import ShowSubject
from bot.slack.http import slack_routes
from bot.slack.interactions import Unreadable, press_id, read_press, submission_id
from bot.slack.manifest import SCOPES_OF, manifest
from bot.slack.modals.metadata import Metadata, decode, encode, metadata_for
from bot.slack.rendering import masked, sections
from bot.tasks import Background
from deploy.sandbox.slack.workspace import Workspace
from tests.bot.slack.conftest import SlackEnvironment
from tests.bot.slack.fakes import CASE, ROUTE
from tests.selection import examples
from workflows.domain.alerts import Subject
from workflows.domain.case.commands import Place
from workflows.domain.case.decision import Verdict
from workflows.domain.case.enforcement import ActionStatus
from workflows.domain.case.events import Event
from workflows.domain.case.model import Phase
from workflows.domain.people import Role
from workflows.domain.policy.playbook import Severity
from workflows.domain.values import Language

KINDS = ("user", "listing")
ROOT = Path(__file__).parents[3]


def payload(trigger: str | None = "1.2.a", ts: str = "10.1") -> dict:
    return {
        "user": {"id": "U0SATO"},
        "trigger_id": trigger,
        "actions": [
            {
                "action_id": "case.claim",
                "block_id": ROUTE,
                "value": f"{CASE}:3",
                "action_ts": ts,
            }
        ],
    }


def submitted(view: str, reason: str) -> dict:
    values = {"reason": {"reason": {"type": "plain_text_input", "value": reason}}}
    return {"id": view, "state": {"values": values}}


def test_a_redelivered_press_keeps_its_id():
    """The id comes from the trigger, else from person, time and case."""
    assert press_id(read_press(payload())) == press_id(read_press(payload())) == "press/1.2.a"
    assert press_id(read_press(payload(None))) == f"press/U0SATO/10.1/{CASE}:3"


def test_another_press_has_another_id():
    """No two clicks share an id."""
    assert press_id(read_press(payload("1.2.b"))) == "press/1.2.b"
    assert press_id(read_press(payload(None, "10.2"))) == f"press/U0SATO/10.2/{CASE}:3"


def test_a_submission_has_the_id_of_what_it_says():
    """The same content of the same modal has the same id; any difference gives another."""
    assert submission_id(submitted("V1", "a")) == submission_id(submitted("V1", "a"))
    views = (submitted("V1", "a"), submitted("V2", "a"), submitted("V1", "b"))
    assert len({submission_id(view) for view in views}) == 3


def test_a_payload_without_an_action_is_unreadable():
    """Slack never sends it; the parser does not crash."""
    with pytest.raises(Unreadable):
        read_press({"user": {"id": "U0SATO"}, "actions": []})


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", Help()),
        ("HELP", Help()),
        ("case k7q2f9xmo", ShowCase(case="K7Q2F9XM0")),
        ("user  u 1 ", ShowSubject(subject=Subject(type="user", id="u 1"))),
        ("queue", ShowQueue(which=Which.ALL)),
        ("queue Mine", ShowQueue(which=Which.MINE)),
        ("listing", Incomplete(form="listing ID")),
        ("stream s_1", Unknown(typed="stream s_1", nearest=None)),
        ("user \x00", Incomplete(form="user u_123")),
    ],
)
def test_a_line_is_read_as_it_is_meant(typed, meant):
    """Case, width and spaces do not matter; a type outside the policy is unknown."""
    assert read(typed, KINDS) == meant


@pytest.mark.property
@settings(max_examples=examples(60), deadline=None)
@given(st.text(max_size=200))
def test_any_input_is_parsed(typed):
    """No input raises, and every suggestion is valid."""
    meant = read(typed, KINDS)
    if isinstance(meant, Unknown) and meant.nearest is not None:
        assert not isinstance(read(meant.nearest, KINDS), Unknown)


def test_metadata_comes_back_as_it_was_written():
    """A modal's metadata survives the round trip."""
    aim = Handle(case=CASE, version=3, workflow_id=ROUTE)
    wrote = metadata_for(aim, Place(channel="C0LIVE", thread="1.2"), Language.EN, {"mute": 60})
    assert decode(encode(wrote), Metadata) == wrote


def test_paragraphs_hold_whole_lines_within_slacks_limit():
    """Non-BMP characters count twice; a line that does not fit is left out, never cut."""
    line = "𠮷" * 700
    blocks = sections([line, line, line, "&amp;" * 700, "end"])
    assert [block["text"]["text"] for block in blocks] == [f"{line}\n{line}", f"{line}\nend"]


def test_metadata_never_exceeds_slacks_limit():
    """The case checks the limits of actions that do not fit."""
    aim = Handle(case=CASE, version=3, workflow_id=ROUTE)
    limits = {f"a_rather_long_action_name_{number}": 86400 for number in range(100)}
    written = encode(metadata_for(aim, Place(channel="C0LIVE"), Language.JA, limits))
    assert len(written) <= 3000
    assert decode(written, Metadata).limits == {}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("aiko@example.com", "a***@…"),
        ("+81-90-1234-5678", "+***"),
        ("山田愛子", "山***"),
        ("x", "***"),
        ("", ""),
        ("@x", "@***"),
    ],
)
def test_personal_data_is_masked(value, shown):
    """Only the first character is left."""
    assert masked(value) == shown


def test_the_manifest_names_every_method_that_is_called():
    """A method without its scope would fail in a real workspace."""
    called = set()
    for folder in ("activities", "bot"):
        for path in (ROOT / folder).rglob("*.py"):
            called |= _calls(path.read_text(encoding="utf-8"))
    assert called <= SCOPES_OF.keys()


def _calls(source: str) -> set[str]:
    families = "auth|chat|conversations|files|reactions|usergroups|users|views"
    found = re.findall(rf"\.((?:{families})_[a-zA-Z_]+)\(", source)
    return {name.replace("_", ".") for name in found}


def test_the_manifest_over_http_names_the_address():
    """Commands, buttons and events have one address."""
    made = manifest("https://koban.example/", socket_mode=False)
    url = "https://koban.example/slack/events"
    assert made["features"]["slash_commands"][0]["url"] == url
    assert made["settings"]["interactivity"] == {"is_enabled": True, "request_url": url}
    assert made["settings"]["event_subscriptions"] == {
        "bot_events": ["app_home_opened"],
        "request_url": url,
    }
    assert made["oauth_config"]["scopes"]["bot"] == [
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:write",
        "usergroups:read",
        "users:read",
    ]


def test_the_manifest_for_socket_mode_needs_no_address():
    """Socket Mode has no inbound address."""
    made = manifest(None, socket_mode=True)
    assert made["settings"]["socket_mode_enabled"] is True
    assert "url" not in made["features"]["slash_commands"][0]
    with pytest.raises(ValueError, match="Socket Mode"):
        manifest(None, socket_mode=False)


def test_both_languages_say_the_same_things():
    """Both catalogs have every key of the bot with the same placeholders."""
    ja, en = texts(Language.JA), texts(Language.EN)
    mine = {key for key in ja.keys | en.keys if key.startswith("bot.")}
    for key in mine:
        names = [
            {name for form in catalog.forms(key) for name in re.findall(r"{(\w+)}", form)}
            for catalog in (ja, en)
        ]
        assert names[0] == names[1], key


def test_every_value_has_a_word():
    """Severities, phases, statuses, verdicts, roles and events have labels."""
    keys = texts(Language.JA).keys
    kinds = [member.model_fields["kind"].default for member in Event.__origin__.__args__]
    wanted = [
        *(f"severity.{each}" for each in Severity),
        *(f"card.state.{each}" for each in Phase),
        *(f"action.status.{each}" for each in ActionStatus),
        *(f"verdict.{each}" for each in Verdict),
        *(f"role.{each}" for each in Role),
        *(f"bot.queue.{each}" for each in Which),
        *(f"bot.queue.{each}.none" for each in Which),
        *(f"bot.event.{kind}" for kind in kinds),
    ]
    assert [key for key in wanted if key not in keys] == []


async def test_work_after_the_ack_is_finished_before_the_end():
    """Draining waits for running tasks, and cancels endless ones."""
    background, done = Background(), []

    async def short() -> None:
        done.append("short")

    background.start(short())
    endless = background.start(asyncio.Event().wait())
    await background.drain(0.05)
    assert (done, endless.cancelled()) == (["short"], True)


def test_an_empty_secret_serves_socket_mode_but_never_http():
    """Without a secret requests can't be verified."""
    client = AsyncWebClient(token="xoxb-1")
    app = make_bolt_app(SlackEnvironment(Workspace(), "").services(), client, "", Background())
    with pytest.raises(ValueError, match="must not be empty"):
        slack_routes(app, "")
