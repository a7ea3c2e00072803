"""Settings: errors name the setting, never print secrets, and all are documented."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.errors import SettingWrong
from bot.settings import Temporal, described, load_settings, need, secrets_named
from tests.bot.http.fakes import COMMON, NEXT
from workflows.domain.values import Language

KEY, OTHER = (base64.b64encode(letter * 32).decode() for letter in (b"k", b"o"))
SHORT = base64.b64encode(b"s" * 16).decode()
DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def clean(tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """An empty environment, and a folder without `.env`."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("KOBAN_")]:
            environment.delenv(name)
        environment.chdir(tmp_path)
        yield environment


def refusal(environment: pytest.MonkeyPatch, name: str, value: str) -> str:
    """The error when `name` is `value`."""
    environment.setenv(name, value)
    with pytest.raises(SettingWrong) as stopped:
        load_settings()
    return str(stopped.value)


def test_everything_has_the_default_of_the_contract() -> None:
    """An empty environment gives the documented defaults."""
    settings = load_settings()
    assert settings.temporal.address == "127.0.0.1:7233"
    assert settings.temporal.namespace == "default"
    assert settings.temporal.task_queue == "koban"
    assert settings.slack.api_url == "https://slack.com/api/"
    assert settings.ledger.url.get_secret_value() == "sqlite+aiosqlite:///koban.db"
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8400)
    assert (settings.locale, settings.timezone) == (Language.JA, "Asia/Tokyo")
    assert settings.ingest.secrets == ()


def test_settings_come_from_a_file_and_the_environment_wins(
    clean: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`.env` is read, variables override it, and other names in it are ignored."""
    (tmp_path / ".env").write_text("KOBAN_LOCALE=en\nKOBAN_HTTP__PORT=9000\nOTHER=1\n")
    clean.setenv("KOBAN_HTTP__PORT", "9001")
    settings = load_settings()
    assert (settings.locale, settings.http.port) == (Language.EN, 9001)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "KOBAN_HTTP__PORT",
            "99999",
            "KOBAN_HTTP__PORT is wrong: expected a port from 0 (any free one) to 65535.",
        ),
        ("KOBAN_LOCALE", "fr", "KOBAN_LOCALE is wrong: expected ja or en."),
        (
            "KOBAN_TIMEZONE",
            "Tokio",
            "KOBAN_TIMEZONE is wrong: expected a time zone's name such as Asia/Tokyo.",
        ),
        (
            "KOBAN_TEMPORAL__ADDRESS",
            "http://temporal",
            "KOBAN_TEMPORAL__ADDRESS is wrong: expected Temporal's host:port.",
        ),
        (
            "KOBAN_PLATFORM__BASE_URL",
            "market",
            "KOBAN_PLATFORM__BASE_URL is wrong: "
            "expected the https address of the platform's API (http only on this machine).",
        ),
        (
            "KOBAN_PLATFORM__BASE_URL",
            "http://market.example/api",
            "KOBAN_PLATFORM__BASE_URL is wrong: "
            "expected the https address of the platform's API (http only on this machine).",
        ),
        (
            "KOBAN_SLACK__API_URL",
            "http://slack.example/api/",
            "KOBAN_SLACK__API_URL is wrong: expected the https address of Slack's Web API "
            "(http only on this machine, for a stand-in).",
        ),
        (
            "KOBAN_TEMPORAL__ENCRYPTION",
            "abc",
            "KOBAN_TEMPORAL__ENCRYPTION is not a setting of Koban: "
            "see docs/settings.md for those that are.",
        ),
        (
            "KOBAN_SLACK_BOT_TOKEN",
            "xoxb-1",
            "KOBAN_SLACK_BOT_TOKEN is not a setting of Koban: write KOBAN_SLACK__BOT_TOKEN.",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_expected(
    clean: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    """The sentence has the setting's name, also for unknown settings."""
    assert refusal(clean, name, value) == sentence


@pytest.mark.parametrize(
    "name",
    [
        "KOBAN_SLACK__BOT_TOKEN",
        "KOBAN_SLACK__APP_TOKEN",
        "KOBAN_INGEST__SECRET",
        "KOBAN_APPEALS__SECRET",
        "KOBAN_LEDGER__URL",
        "KOBAN_PLATFORM__BASE_URL",
        "KOBAN_TEMPORAL__ENCRYPTION_KEYS",
        "KOBAN_SLACK",
    ],
)
def test_a_wrong_value_is_never_repeated(clean: pytest.MonkeyPatch, name: str) -> None:
    """A value in the wrong variable may be a secret."""
    sentence = refusal(clean, name, "hunter2")
    assert name.split("__")[0].lower().removeprefix("koban_") in sentence.lower()
    assert "hunter2" not in sentence


def test_secrets_do_not_show_when_settings_are_printed(clean: pytest.MonkeyPatch) -> None:
    """Neither repr nor str nor a dump contains a secret."""
    for name in ("KOBAN_PLATFORM__TOKEN", "KOBAN_SLACK__SIGNING_SECRET", "KOBAN_TEMPORAL__API_KEY"):
        clean.setenv(name, "hunter2")
    clean.setenv("KOBAN_LEDGER__URL", "postgresql+asyncpg://koban:hunter2@db/koban")
    clean.setenv("KOBAN_INGEST__SECRET", COMMON)
    settings = load_settings()
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert "hunter2" not in shown
    assert COMMON not in shown


@pytest.mark.parametrize("end", ["\n", "\r\n", " ", "\t"])
def test_white_space_around_a_secret_is_no_part_of_it(clean: pytest.MonkeyPatch, end: str) -> None:
    """A secret from a file ends with a line break; every press would be refused."""
    clean.setenv("KOBAN_SLACK__SIGNING_SECRET", f"8f742231b10e{end}")
    clean.setenv("KOBAN_PLATFORM__TOKEN", f" t0ken{end}")
    settings = load_settings()
    assert settings.slack.signing_secret is not None
    assert settings.slack.signing_secret.get_secret_value() == "8f742231b10e"
    assert settings.platform.token is not None
    assert settings.platform.token.get_secret_value() == "t0ken"


@pytest.mark.parametrize(
    "written",
    ["", "k1", f"k1:{SHORT}", f":{KEY}", f"k1:{KEY},", f"k1:{KEY},k1:{KEY}", f"k 1:{KEY}", "k1:ü"],
)
def test_an_encryption_key_that_would_not_protect_is_refused(written: str) -> None:
    """A missing id, a short key, a repeated id: the error has the name and not the value."""
    with pytest.raises(ValueError) as refused:
        Temporal(encryption_keys=SecretStr(written))
    assert SHORT not in str(refused.value)
    assert KEY not in str(refused.value)


def test_encryption_keys_keep_their_order_and_do_not_show(clean: pytest.MonkeyPatch) -> None:
    """The first one encrypts; none is printed."""
    clean.setenv("KOBAN_TEMPORAL__ENCRYPTION_KEYS", f"k2:{OTHER}, k1:{KEY}")
    settings = load_settings()
    assert [key.id for key in settings.temporal.keys] == ["k2", "k1"]
    assert [key.secret for key in settings.temporal.keys] == [b"o" * 32, b"k" * 32]
    shown = f"{settings!r} {settings.model_dump()} {settings.temporal.keys!r}"
    assert KEY not in shown
    assert "kkkk" not in shown


@pytest.mark.parametrize("written", [f"{COMMON},{NEXT}", f" {COMMON} , {NEXT} ", None])
def test_two_secrets_hold_while_rotating(clean: pytest.MonkeyPatch, written: str | None) -> None:
    """Separated by commas or as a JSON list."""
    clean.setenv("KOBAN_INGEST__SECRET", written or f'["{COMMON}", "{NEXT}"]')
    assert load_settings().ingest.secrets == (COMMON, NEXT)


@pytest.mark.parametrize(
    "written", ["whsec_", "whsec_c2hvcnQ=", "c" * 44, "whsec_é", "[", "[1]", "[]", f"{COMMON},"]
)
def test_a_secret_that_would_not_protect_is_refused(
    clean: pytest.MonkeyPatch, written: str
) -> None:
    """Too short, without its prefix, not base64: a sentence for each."""
    assert refusal(clean, "KOBAN_INGEST__SECRET", written) == (
        "KOBAN_INGEST__SECRET is wrong: expected whsec_ and base64 of 24 to 64 bytes; "
        "two with a comma while rotating."
    )


def test_a_detectors_own_secret_is_read_by_its_name(
    clean: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From the environment or `.env`; errors name the variable."""
    (tmp_path / ".env").write_text(f"CHAT_SECRET={NEXT}\n")
    clean.setenv("IMAGE_SECRET", "hunter2")
    assert secrets_named("CHAT_SECRET") == (NEXT,)
    assert secrets_named("NOT_SET") == ()
    with pytest.raises(SettingWrong) as stopped:
        secrets_named("IMAGE_SECRET")
    assert str(stopped.value).startswith("IMAGE_SECRET is wrong: expected whsec_")


def test_a_command_names_the_setting_that_it_lacks() -> None:
    """A setting can be optional for one command and needed by another."""
    settings = load_settings()
    with pytest.raises(SettingWrong) as stopped:
        need(settings, "slack.bot_token")
    assert str(stopped.value) == (
        "KOBAN_SLACK__BOT_TOKEN is missing: set it to a bot token, which begins with xoxb-."
    )


def test_every_setting_is_documented_with_its_default() -> None:
    """docs/settings.md has a row for each setting."""
    rows = [line for line in DOCS.read_text("utf-8").splitlines() if line.startswith("| `KOBAN_")]
    documented = {row.split("`")[1] for row in rows}
    assert documented == {name for name, _ in described()}


def test_every_setting_says_what_is_expected() -> None:
    """Errors use the description."""
    assert [name for name, field in described() if not field.description] == []
