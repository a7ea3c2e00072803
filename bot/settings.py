"""Settings from environment variables or `.env`; no other module reads the environment."""

import base64
import binascii
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from bot.encryption import Key, encryption_keys, refused_keys
from bot.errors import SettingWrong
from workflows.domain.values import Duration, Language

PREFIX = "KOBAN_"
DOTENV = ".env"

SECRET_BYTES = range(24, 65)
"""Bytes of a symmetric secret (Standard Webhooks specification)."""


def _web_address(value: str) -> str:
    """An address that gets a token: https, or http to this machine."""
    url = TypeAdapter(HttpUrl).validate_python(value)
    if url.scheme != "https" and not is_loopback(url.host or ""):
        raise ValueError("a token would be sent without encryption")
    return value


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name or address."""
    name = host.strip("[]").rstrip(".").lower()
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as unknown:
        raise ValueError("unknown time zone") from unknown
    return name


def _ledger_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("sqlite+aiosqlite://", "postgresql+asyncpg://")):
        raise ValueError("unknown kind of database")
    return url


def _one_secret(value: str) -> str:
    try:
        key = base64.b64decode(value.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as broken:
        raise ValueError("not base64") from broken
    if not value.startswith("whsec_") or len(key) not in SECRET_BYTES:
        raise ValueError("not a webhook secret")
    return value


def webhook_secrets(value: SecretStr) -> tuple[str, ...]:
    """Parses `whsec_` and base64 of 24 to 64 bytes, with commas or as JSON. Raises `ValueError`."""
    text = value.get_secret_value().strip()
    several = json.loads(text) if text.startswith("[") else text.split(",")
    if not all(isinstance(one, str) for one in several):
        raise ValueError("not a list of strings")
    secrets = tuple(_one_secret(one.strip()) for one in several)
    if not secrets:
        raise ValueError("an empty list")
    return secrets


def _readable_by(parse: Callable[[SecretStr], object]) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        parse(value)
        return value

    return AfterValidator(check)


def _begins(*prefixes: str) -> AfterValidator:
    def check(token: SecretStr) -> SecretStr:
        if not token.get_secret_value().startswith(prefixes):
            raise ValueError("another kind of token")
        return token

    return AfterValidator(check)


Address = Annotated[
    str, StringConstraints(pattern=r"^[^\s:/]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$")
]
Web = Annotated[str, AfterValidator(_web_address)]
Named = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,200}$")]
EncryptionKeys = Annotated[SecretStr, _readable_by(encryption_keys)]


class _Group(BaseModel):
    # A misspelt setting must not be ignored.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _stripped(cls, given: Any) -> Any:
        """Without white space at the ends: a secret from a file ends with a line break."""
        if not isinstance(given, dict):
            return given
        return {key: each.strip() if isinstance(each, str) else each for key, each in given.items()}


class Temporal(_Group):
    """Temporal server, namespace, task queue and worker version."""

    address: Address = Field("127.0.0.1:7233", description="Temporal's host:port")
    namespace: Named = Field("default", description="a namespace that exists there")
    task_queue: Named = Field(
        "koban", description="a name; the other queues get `-slack`, `-platform` and the like added"
    )
    tls_cert: Path | None = Field(None, description="the path of a client certificate (PEM)")
    tls_key: Path | None = Field(None, description="the path of the certificate's key (PEM)")
    tls_ca: Path | None = Field(
        None, description="the path of the certificate that signed the server's (PEM)"
    )
    api_key: SecretStr | None = Field(None, description="an API key of Temporal Cloud")
    encryption_keys: EncryptionKeys | None = Field(
        None,
        description="ID:KEY with base64 of 32 bytes as the key; "
        "several with commas while rotating, the one that encrypts first",
    )
    unsealed_until: AwareDatetime | None = Field(
        None,
        description="the time until which payloads from before the encryption keys are read, "
        "such as 2026-12-01T12:00:00Z",
    )
    signing_keys: EncryptionKeys | None = Field(
        None,
        description="ID:KEY with base64 of 32 bytes, for `koban work` only; the first signs "
        "decisions and snapshots, and all verify",
    )
    deployment: Named | None = Field(
        None, description="the name of a worker deployment; it belongs with a build id"
    )
    build_id: Named | None = Field(
        None, description="the version of this worker within its deployment"
    )

    @property
    def keys(self) -> tuple[Key, ...]:
        """The encryption keys, the encrypting one first; empty without encryption."""
        return () if self.encryption_keys is None else encryption_keys(self.encryption_keys)

    @property
    def refused_keys(self) -> frozenset[str]:
        """The ids that no key has: payloads that name them are refused."""
        return frozenset() if self.encryption_keys is None else refused_keys(self.encryption_keys)

    @property
    def signers(self) -> tuple[Key, ...]:
        """The signing keys, the first one signs; empty without signatures."""
        return () if self.signing_keys is None else encryption_keys(self.signing_keys)


class Slack(_Group):
    """Slack workspace and tokens."""

    bot_token: Annotated[SecretStr, _begins("xoxb-", "xoxe.xoxb-")] | None = Field(
        None, description="a bot token, which begins with xoxb-"
    )
    signing_secret: Annotated[SecretStr, Field(min_length=1)] | None = Field(
        None, description="the signing secret from the Slack app's basic information"
    )
    app_token: Annotated[SecretStr, _begins("xapp-")] | None = Field(
        None, description="an app-level token, which begins with xapp-; it turns Socket Mode on"
    )
    api_url: Web = Field(
        "https://slack.com/api/",
        description="the https address of Slack's Web API (http only on this machine, for a "
        "stand-in)",
    )
    pace: float = Field(
        1.0,
        ge=0,
        le=100,
        description="the part of Slack's rates that this worker may use: 1 where it is alone, "
        "0.5 where there are two; 0 for a stand-in without rates",
    )


class Platform(_Group):
    """API of the marketplace."""

    base_url: Web | None = Field(
        None, description="the https address of the platform's API (http only on this machine)"
    )
    token: SecretStr | None = Field(None, description="the bearer token for the platform's API")


class Ingest(_Group):
    """Common secrets of detectors."""

    secret: Annotated[SecretStr, _readable_by(webhook_secrets)] | None = Field(
        None,
        description="whsec_ and base64 of 24 to 64 bytes; two with a comma while rotating",
    )
    oldest: Duration = Field(timedelta(days=365), description="alerts older than this are refused")
    newest: Duration = Field(
        timedelta(minutes=5), description="alerts this far in the future are still accepted"
    )

    requests: int = Field(30_000, ge=1, description="requests of one detector a minute")
    alerts: int = Field(60_000, ge=1, description="alerts of one detector a minute")
    megabytes: int = Field(256, ge=1, description="MiB of one detector's requests a minute")
    cpu: Duration = Field(
        timedelta(seconds=20), description="processor time for one detector a minute, as 20s"
    )
    under_way: int = Field(
        200, ge=1, description="requests of one detector that are worked on at a time"
    )

    @property
    def secrets(self) -> tuple[str, ...]:
        """The common secrets; empty without a setting."""
        return () if self.secret is None else webhook_secrets(self.secret)


class Appeals(_Group):
    """Common secrets of senders of appeals; none of them is a detector's."""

    secret: Annotated[SecretStr, _readable_by(webhook_secrets)] | None = Field(
        None,
        description="whsec_ and base64 of 24 to 64 bytes, and not a detector's secret; "
        "two with a comma while rotating",
    )

    @property
    def secrets(self) -> tuple[str, ...]:
        """The common secrets; empty without a setting."""
        return () if self.secret is None else webhook_secrets(self.secret)


class Ledger(_Group):
    """Database of the ledger."""

    url: Annotated[SecretStr, AfterValidator(_ledger_url)] = Field(
        SecretStr("sqlite+aiosqlite:///koban.db"),
        description="sqlite+aiosqlite:///FILE or postgresql+asyncpg://USER:PASSWORD@HOST/NAME",
    )


class Http(_Group):
    """Listening addresses: of `koban serve`, and for operators of `serve` and `work`."""

    host: str = Field("127.0.0.1", min_length=1, description="a host name or an IP address")
    port: int = Field(8400, ge=0, le=65535, description="a port from 0 (any free one) to 65535")
    metrics_host: str = Field(
        "127.0.0.1", min_length=1, description="a host name or an IP address inside your network"
    )
    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="a port from 0 (any free one) to 65535"
    )
    connections: int = Field(
        400, ge=1, description="open connections of one peer; a proxy is one peer"
    )


class Settings(BaseSettings):
    """All settings of a deployment. Secrets are printed as `**********`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=DOTENV,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    temporal: Temporal = Field(default_factory=Temporal)
    slack: Slack = Field(default_factory=Slack)
    platform: Platform = Field(default_factory=Platform)
    ingest: Ingest = Field(default_factory=Ingest)
    appeals: Appeals = Field(default_factory=Appeals)
    ledger: Ledger = Field(default_factory=Ledger)
    policy: Path | None = Field(None, description="the path of a policy folder")
    http: Http = Field(default_factory=Http)
    locale: Language = Field(Language.JA, description="ja or en")
    timezone: Annotated[str, AfterValidator(_timezone)] = Field(
        "Asia/Tokyo", description="a time zone's name such as Asia/Tokyo"
    )

    @property
    def zone(self) -> ZoneInfo:
        """The team's time zone."""
        return ZoneInfo(self.timezone)


Needed = Literal[
    "slack.bot_token",
    "slack.signing_secret",
    "platform.base_url",
    "ingest.secret",
    "appeals.secret",
    "policy",
    "temporal.signing_keys",
]


def described() -> Iterator[tuple[str, FieldInfo]]:
    """Yields each setting's environment variable and field."""
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, _Group):
            for inner, inner_field in group.model_fields.items():
                yield f"{PREFIX}{name}__{inner}".upper(), inner_field
        else:
            yield f"{PREFIX}{name}".upper(), field


def load_settings() -> Settings:
    """Reads the settings. Raises `SettingWrong` with the first wrong one and what is expected."""
    _refuse_single_underscores()
    try:
        return Settings()
    except ValidationError as wrong:
        raise SettingWrong(_sentence(wrong.errors(include_input=False)[0]["loc"])) from None
    except SettingsError as error:
        raise SettingWrong(f"The settings can't be read: {error}.") from None


def need(settings: Settings, *wanted: Needed) -> None:
    """Checks that optional settings are set. Raises `SettingWrong` with the first missing one."""
    for dotted in wanted:
        value: Any = settings
        for part in dotted.split("."):
            value = getattr(value, part)
        if value is None:
            name = PREFIX + dotted.replace(".", "__").upper()
            raise SettingWrong(
                f"{name} is missing: set it to {dict(described())[name].description}."
            )


def value_named(name: str) -> str | None:
    """Returns the value of the variable `name`, None when unset or empty."""
    return os.environ.get(name) or dotenv_values(DOTENV).get(name) or None


def secrets_named(name: str) -> tuple[str, ...]:
    """Returns the secrets in the variable `name`; () when unset. Raises `SettingWrong`."""
    value = value_named(name)
    if value is None:
        return ()
    try:
        return webhook_secrets(SecretStr(value))
    except ValueError:
        raise SettingWrong(
            f"{name} is wrong: expected {Ingest.model_fields['secret'].description}."
        ) from None


@dataclass(frozen=True)
class Owned:
    """Secrets of one owner, in a variable."""

    owner: str
    variable: str
    secrets: tuple[str, ...]


def sharing(owned: Iterable[Owned]) -> list[str]:
    """A sentence for each variable with a secret of another owner, who could sign in its name."""
    first: dict[str, Owned] = {}
    found = dict[str, None]()
    for each in owned:
        for secret in each.secrets:
            other = first.setdefault(secret, each)
            if other.owner != each.owner:
                words = f"{each.variable} of {each.owner} has a secret of {other.owner}"
                found[f"{words} ({other.variable}): each needs one of its own."] = None
    return list(found)


def address_named(name: str) -> str | None:
    """Returns the address in the variable `name`; None when unset. Raises `SettingWrong`."""
    value = value_named(name)
    try:
        return None if value is None else _web_address(value.strip())
    except ValueError:
        expected = "an https address (http only on this machine)"
        raise SettingWrong(f"{name} is wrong: expected {expected}.") from None


def _sentence(loc: tuple[int | str, ...]) -> str:
    name = PREFIX + "__".join(str(part) for part in loc[:2]).upper()
    field = dict(described()).get(name)
    if field is None:
        return f"{name} is not a setting of Koban: see docs/settings.md for those that are."
    return f"{name} is wrong: expected {field.description}."


def _refuse_single_underscores() -> None:
    """Refuses names such as `KOBAN_SLACK_BOT_TOKEN`, which pydantic would ignore."""
    meant = {name.replace("__", "_"): name for name, _ in described()}
    for given in (*os.environ, *dotenv_values(DOTENV)):
        right = meant.get(given, given)
        if right != given:
            raise SettingWrong(f"{given} is not a setting of Koban: write {right}.")
