"""`koban detect --pause` and `--resume`: the change of `/koban`, without its approval."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from activities.ledger.audit_log import EntryKind
from activities.ledger.cases import Ledger
from activities.ledger.database import Database
from activities.ledger.policies import PolicyHistory
from activities.ledger.schema import audit, automation
from activities.ledger.team import Automation
from activities.signatures import Signer
from bot.cli.main import main
from bot.cli.serve import open_app
from bot.policies import Policies, open_policies, watch_folder
from bot.policy_recorder import FolderRecorder
from bot.settings import load_settings
from deploy.sandbox.app import APPEALS_SECRET, INGEST_SECRET, POLICY
from deploy.sandbox.serve import serving
from deploy.sandbox.slack.app import make_app
from deploy.sandbox.slack.faults import SlackFault
from deploy.sandbox.slack.person import Person
from deploy.sandbox.slack.rates import Rates
from deploy.sandbox.slack.screen import controls
from deploy.sandbox.slack.triggers import Triggers
from deploy.sandbox.slack.workspace import ON_A_BUSY_MACHINE, Workspace
from tests.activities.ledger.recording import wanted
from tests.activities.policy.folders import replace
from tests.bot.cli.test_processes import BIN, WITHIN, running
from tests.bot.slack.conftest import shown
from tests.timeouts import LONG_TIMEOUTS
from tests.workflows.domain.builders import CLARK, REED, SATO, T0
from workflows.domain.automation import (
    EVERYTHING,
    AutomationChange,
    Scope,
    pause,
    request_resume,
)
from workflows.domain.policy.changes import PolicyRecord, RecordKind

SHILL = Scope(detector="shill_sql")
PAUSE = ("detect", "shill_sql", "--pause", "--by", "U0SATO")
RESUME = ("detect", "shill_sql", "--resume", "--by", "U0SATO")
SQL = "the SQL detector shill_sql"


@dataclass
class Machine:
    """A machine with the settings of `koban serve`, its ledger, and the workspace."""

    workspace: Workspace
    slack: str
    folder: Path
    database: Database
    capsys: pytest.CaptureFixture[str]
    people: list[Person] = field(default_factory=list)

    async def koban(self, *arguments: str) -> tuple[int, str, str]:
        """Runs a command; its exit code, stdout and stderr."""
        return await asyncio.to_thread(self._run, arguments)

    def _run(self, arguments: tuple[str, ...]) -> tuple[int, str, str]:
        self.capsys.readouterr()
        # A process logs to stderr.
        with capture_logs(), pytest.raises(SystemExit) as ended:
            main(list(arguments))
        out, err = self.capsys.readouterr()
        return int(ended.value.code or 0), out, err

    def person(self, user: str) -> Person:
        """A person in Slack."""
        self.people.append(Person(self.slack, user))
        return self.people[-1]

    async def changes(self) -> list[tuple[str, str, str | None]]:
        """Kind, person and detector of each change in the ledger."""
        columns = automation.c["kind", "actor", "detector"]
        rows = await self.database.rows(sa.select(*columns).order_by(automation.c.id))
        return [(row["kind"], row["actor"], row["detector"]) for row in rows]

    async def decide(self, *rules: Callable[..., AutomationChange]) -> None:
        """Changes that were made before, elsewhere."""
        for rule in rules:
            assert isinstance(await Automation(self.database).change(rule), AutomationChange)

    async def effects(self) -> tuple[int, int]:
        """Numbers of changes in the ledger, and of messages that were posted or changed."""
        calls = self.workspace.calls
        return len(await self.changes()), calls["chat.postMessage"] + calls["chat.update"]


@pytest.fixture
async def machine(
    migrated: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> AsyncIterator[Machine]:
    """The example policy and an empty ledger; Temporal and the platform are out of reach."""
    folder = Path(shutil.copytree(POLICY, tmp_path / "policy"))
    file = shutil.copy(migrated, tmp_path / "koban.db")
    workspace = Workspace(
        rates=Rates(enabled=False),
        ack_seconds=ON_A_BUSY_MACHINE,
        triggers=Triggers(lives=ON_A_BUSY_MACHINE),
    )
    database = Database(f"sqlite+aiosqlite:///{file}")
    async with serving(make_app(workspace)) as url:
        monkeypatch.chdir(tmp_path)
        for name, value in {
            "POLICY": str(folder),
            "INGEST__SECRET": INGEST_SECRET,
            "APPEALS__SECRET": APPEALS_SECRET,
            "LEDGER__URL": f"sqlite+aiosqlite:///{file}",
            "PLATFORM__BASE_URL": "http://127.0.0.1:1/",
            "SLACK__API_URL": f"{url}/api/",
            "SLACK__BOT_TOKEN": workspace.bot_token,
            "SLACK__SIGNING_SECRET": workspace.signing_secret,
            "TEMPORAL__ADDRESS": "127.0.0.1:1",
        }.items():
            monkeypatch.setenv(f"KOBAN_{name}", value)
        made = Machine(workspace, url, folder, database, capsys)
        yield made
        for each in made.people:
            await each.close()
    await database.aclose()


@asynccontextmanager
async def serve(machine: Machine) -> AsyncIterator[None]:
    """`koban serve` beside the commands, for Slack."""
    settings = load_settings()
    async with AsyncExitStack() as opened:
        app = await open_app(opened, settings, open_policies(settings), LONG_TIMEOUTS)
        machine.workspace.bot_url = await opened.enter_async_context(serving(app))
        yield


async def direct(person: Person, text: str) -> dict:
    """The direct message with this text."""

    async def look() -> dict | None:
        found = [each for each in await person.messages("dm") if text in shown(each)]
        return found[-1] if found else None

    return await person.until(look, what=f"a message with {text!r}")


async def test_a_pause_is_that_of_slack(machine: Machine) -> None:
    """The ledger has it; leads, channels and the named person read of it in their languages."""
    code, out, err = await machine.koban(*PAUSE)
    assert (code, err) == (0, "")
    assert out == (
        "Paused the SQL detector shill_sql until two people resume it: its query does not run, "
        "its alerts start no action by themselves.\n"
    )
    assert await machine.changes() == [("paused", "U0SATO", "shill_sql")]
    (state,) = await Automation(machine.database).active(datetime.now(UTC))
    assert (state.pause.scope, state.pause.until) == (SHILL, None)
    query = sa.select(audit.c.kind).where(audit.c.source == automation.name)
    assert [row["kind"] for row in await machine.database.rows(query)] == [EntryKind.WRITTEN]
    title = "検知器「吊り上げ（SQL）」の自動対応"
    tanaka, reed, sato = (machine.person(f"U0{name}") for name in ("TANAKA", "REED", "SATO"))
    assert shown(await direct(tanaka, title)).startswith(f"<@U0SATO>さんが{title}を停止しました。")
    said = "<@U0SATO> paused auto-actions: detector Shill bidding (SQL)."
    assert shown(await direct(reed, "paused")).startswith(said)
    assert shown(await direct(sato, title)).startswith(f"{title}を停止しました。")
    [posted] = [shown(each) for each in await tanaka.messages("ts-live")]
    assert posted.startswith(f"<@U0SATO>さんが{title}を停止しました。")


async def test_a_pause_may_have_an_end(machine: Machine) -> None:
    """A second, shorter one does not end it sooner, and says when it ends."""
    started = datetime.now(UTC)
    code, out, _ = await machine.koban(*PAUSE, "--for", "2h")
    (state,) = await Automation(machine.database).active(datetime.now(UTC))
    until = state.pause.until
    assert until is not None
    assert started + timedelta(hours=2) <= until <= datetime.now(UTC) + timedelta(hours=2)
    first = f"Paused {SQL} until {until:%Y-%m-%dT%H:%M:%SZ}: "
    assert (code, out.startswith(first)) == (0, True)
    code, out, _ = await machine.koban(*PAUSE, "--for", "30m")
    assert (code, out.startswith(first)) == (0, True)
    assert len(await machine.changes()) == 2


@pytest.mark.parametrize("typed", ["spam", "SPAM", "チャットスパム", " spam "])
async def test_a_pushed_detector_can_be_paused(machine: Machine, typed: str) -> None:
    """By its name or its title, as in Slack; the answer says that it has no query."""
    code, out, err = await machine.koban("detect", typed, "--pause", "--by", "U0CLARK")
    assert (code, err) == (0, "")
    assert out == (
        "Paused the pushed detector spam until two people resume it: its alerts still open "
        "cases, but start no action by themselves.\n"
    )
    assert await machine.changes() == [("paused", "U0CLARK", "spam")]


async def test_a_detector_without_a_file_is_known_by_its_alerts(machine: Machine) -> None:
    """Detectors that sign with the common secret need no file."""
    order = ("detect", "Live-Chat", "--pause", "--by", "U0SATO")
    assert (await machine.koban(*order))[0] == 1
    await Ledger(machine.database).open_case(wanted())
    code, out, _ = await machine.koban(*order)
    named = "the pushed detector live-chat (without a file in the policy)"
    assert (code, out.startswith(f"Paused {named} until ")) == (0, True)
    assert await machine.changes() == [("paused", "U0SATO", "live-chat")]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("shill_sql --pause", "Say who does it: --by and a Slack user id, such as --by U0ABC."),
        ("shill_sql --resume", "Say who does it: --by and a Slack user id, such as --by U0ABC."),
        ("shill_sql --pause --by sato", "sato is no Slack user id: it looks like U0ABC."),
        (
            "shill_sql --pause --by U0SATO\x1b",
            "U0SATO␛ is no Slack user id: it looks like U0ABC.",
        ),
        ("shill_sql --resume --by @sato", "@sato is no Slack user id: it looks like U0ABC."),
        ("shill_sql --by U0SATO", "--by is for a change: use it with --pause or --resume."),
        ("shill_sql --for 2h", "--for is the time of a pause: use it with --pause."),
        (
            "shill_sql --resume --by U0SATO --for 2h",
            "--for is the time of a pause: use it with --pause.",
        ),
        *(
            (f"shill_sql {two} --by U0SATO", "Use only one of --dry-run, --pause and --resume.")
            for two in ("--pause --resume", "--pause --dry-run", "--resume --dry-run")
        ),
        (
            "shill_sql --pause --by U0SATO --since 2026-01-01",
            "A run continues at its watermark: use --since with --dry-run.",
        ),
        ("shill_sql --pause --by U0SATO --for soon", "soon is no time: write 30m, 2h or 3d."),
        ("shill_sql --pause --by U0SATO --for 0h", "0h is no time: write 30m, 2h or 3d."),
        ("shill_sql --pause --by U0SATO --for -2h", "-2h is no time: write 30m, 2h or 3d."),
        (
            "shill_sql --pause --by U0SATO --for 8d",
            "A pause lasts 7 days at most: use a shorter --for.",
        ),
        (
            "shill --pause --by U0SATO",
            "shill is no detector of the policy (phishing_feed, shill_sql, spam), "
            "and has sent no alert.",
        ),
        (
            "off_platform --pause --by U0SATO",
            "off_platform is no detector of the policy (phishing_feed, shill_sql, spam), "
            "and has sent no alert.",
        ),
        *(
            (
                f"shill_sql {change} --by {person}",
                f"{person} is no specialist or lead, who alone may pause or resume {SQL}.",
            )
            for change in ("--pause", "--resume")
            for person in ("U0SUZUKI", "U0NOBODY")
        ),
        ("shill_sql --resume --by U0SATO", f"There is nothing to resume: {SQL} is not paused."),
    ],
)
async def test_what_is_refused_changes_nothing(
    machine: Machine, arguments: str, sentence: str
) -> None:
    """One sentence, exit code 1, no change in the ledger and no message."""
    assert await machine.koban("detect", *arguments.split(" ")) == (1, "", f"{sentence}\n")
    assert await machine.effects() == (0, 0)


async def test_a_pause_of_everything_is_not_the_detectors(machine: Machine) -> None:
    """It is named, and stays as it is."""
    await machine.decide(partial(pause, by=SATO, scope=EVERYTHING, lasts=None, now=T0))
    code, out, err = await machine.koban(*RESUME)
    assert (code, out) == (1, "")
    assert err == (
        f"All automation is paused, and {SQL} has no pause of its own: "
        "ask for all with /koban resume all in Slack.\n"
    )
    assert await machine.effects() == (1, 0)


async def test_a_lead_confirms_the_request_in_slack(machine: Machine) -> None:
    """By the button that the command sent; no one else can, and it is gone afterwards."""
    tanaka, reed, clark = (machine.person(f"U0{name}") for name in ("TANAKA", "REED", "CLARK"))
    await machine.koban(*PAUSE)
    code, out, err = await machine.koban(*RESUME)
    assert (code, err) == (0, "")
    assert out == (
        "Requested to resume the SQL detector shill_sql: a lead other than U0SATO confirms it "
        "in Slack within 30 minutes.\n"
    )
    assert (await machine.changes())[1:] == [("resume_asked", "U0SATO", "shill_sql")]
    asked = await direct(tanaka, "の自動対応の再開を依頼しています")
    assert [each.label for each in controls(await direct(reed, "asks to resume"))] == [
        "Approve resuming"
    ]
    sent = await direct(machine.person("U0SATO"), "の自動対応の再開を依頼しました。")
    assert controls(sent) == []
    async with serve(machine):
        await clark.command("/koban resume detector shill_sql")
        await clark.until(lambda: answered(clark, "Only a lead can approve"), what="the refusal")
        assert len(await machine.changes()) == 2
        await tanaka.press(asked, "再開を承認する")
        assert controls(await direct(tanaka, "承認し、")) == []
        await direct(reed, "<@U0TANAKA> approved; auto-actions resumed")
    assert (await machine.changes())[2:] == [("resumed", "U0TANAKA", "shill_sql")]


async def answered(person: Person, words: str) -> bool:
    """Whether the last answer to a command has these words."""
    found = await person.ephemerals("ts-live")
    return bool(found) and words in shown(found[-1])


@pytest.mark.parametrize("by", ["U0SATO", "U0CLARK", "U0TANAKA", "U0REED"])
async def test_the_command_line_approves_no_request(machine: Machine, by: str) -> None:
    """Whoever is named, a lead as well: an open request stays as it is, and nobody is bothered."""
    now = datetime.now(UTC)
    await machine.decide(
        partial(pause, by=SATO, scope=SHILL, lasts=None, now=now),
        partial(request_resume, by=CLARK, scope=SHILL, now=now),
    )
    code, out, err = await machine.koban("detect", "shill_sql", "--resume", "--by", by)
    assert (code, out) == (1, "")
    assert err == (
        f"A request to resume {SQL} is open, and nothing was changed: "
        "a lead confirms it in Slack.\n"
    )
    assert await machine.effects() == (2, 0)
    (state,) = await Automation(machine.database).active(now)
    assert state.asked_by == "U0CLARK"


async def test_two_requests_at_once_are_one(machine: Machine) -> None:
    """The rule is asked in the transaction that stores its outcome."""
    now = datetime.now(UTC)
    await machine.decide(partial(pause, by=SATO, scope=SHILL, lasts=None, now=now))
    automation_ = Automation(machine.database)
    await asyncio.gather(
        machine.koban("detect", "shill_sql", "--resume", "--by", "U0TANAKA"),
        automation_.request_resume(REED, SHILL, now),
    )
    assert [kind for kind, _, _ in await machine.changes()] == ["paused", "resume_asked"]


async def test_without_slack_the_roles_are_unknown(machine: Machine) -> None:
    """Exit code 2, and nothing is changed."""
    machine.workspace.faults.set(SlackFault.DOWN, True)
    for command in (PAUSE, RESUME):
        code, out, err = await machine.koban(*command)
        assert (code, out) == (2, "")
        assert err == (
            "Slack does not say which roles U0SATO has, so nothing was changed: try again.\n"
        )
    assert await machine.effects() == (0, 0)


async def test_a_pause_is_in_force_although_slack_takes_no_message(machine: Machine) -> None:
    """The roles of roles.yaml count without Slack; exit code 2 says who did not hear of it.

    As a process, whose log goes to stderr before the sentence.
    """
    roles = "specialist: {group: S0SHIFT}"
    replace(machine.folder, "roles.yaml", roles, "specialist: {users: [U0SATO]}")
    machine.workspace.faults.set(SlackFault.DOWN, True)
    async with asyncio.timeout(WITHIN), running(str(BIN / "koban"), *PAUSE) as process:
        out, err = await process.communicate()
    assert process.returncode == 2
    assert out.decode() == (
        "Paused the SQL detector shill_sql until two people resume it: its query does not run, "
        "its alerts start no action by themselves.\n"
    )
    *logged, sentence = err.decode().splitlines()
    assert sentence == (
        "The pause is in force, but Slack did not confirm the messages to the leads, ts-live, "
        "U0SATO: tell them yourself."
    )
    assert {json.loads(line)["level"] for line in logged} == {"warning"}
    assert await machine.changes() == [("paused", "U0SATO", "shill_sql")]


async def test_messages_that_slack_refuses_are_named(machine: Machine) -> None:
    """The others are sent."""
    refused = {"ts-live": "not_in_channel", "U0REED": "user_disabled"}
    machine.workspace.refuses = lambda method, given: (
        refused.get(str(given.get("channel"))) if method == "chat.postMessage" else None
    )
    code, _, err = await machine.koban(*PAUSE)
    assert (code, err) == (
        2,
        "The pause is in force, but Slack did not confirm the messages to U0REED, ts-live: "
        "tell them yourself.\n",
    )
    await direct(machine.person("U0TANAKA"), "を停止しました。")
    code, _, err = await machine.koban(*RESUME)
    assert (code, err) == (
        2,
        "The request is in force, but Slack did not confirm the messages to U0REED: "
        "tell them yourself.\n",
    )
    assert [kind for kind, _, _ in await machine.changes()] == ["paused", "resume_asked"]


async def test_without_the_ledger_nothing_is_paused(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 for one that does not answer, 1 for a database without a ledger; no message."""
    gone = machine.folder.parent / "gone.db"
    monkeypatch.setenv("KOBAN_LEDGER__URL", f"sqlite+aiosqlite:///{gone}")
    code, out, err = await machine.koban(*PAUSE)
    assert (code, out) == (2, "")
    assert err.startswith(f"The file of the ledger at sqlite+aiosqlite:///{gone} is missing: ")
    assert not gone.exists()
    gone.touch()
    code, out, err = await machine.koban(*PAUSE)
    assert (code, out) == (1, "")
    assert err.endswith("gone.db has no ledger: check its address.\n")
    assert await machine.effects() == (0, 0)


@pytest.mark.parametrize("name", ["SLACK__BOT_TOKEN", "PLATFORM__BASE_URL", "POLICY"])
async def test_a_missing_setting_is_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A pause takes the settings of `koban serve` for Slack's answers."""
    monkeypatch.delenv(f"KOBAN_{name}")
    code, out, err = await machine.koban(*PAUSE)
    assert (code, out) == (1, "")
    assert err.startswith(f"KOBAN_{name} is missing: set it to ")
    assert await machine.effects() == (0, 0)


async def test_roles_that_wait_for_a_second_person_do_not_count(machine: Machine) -> None:
    """Whoever can write to the folder gives themselves no role on the command line either."""

    async def announce(record: PolicyRecord) -> None:
        pass

    policies = Policies(watch_folder(machine.folder, look_seconds=0.0), ())
    history = PolicyHistory(machine.database, Signer())
    worker = FolderRecorder(policies, history, announce)
    await worker.look()
    leads = "lead: {group: S0LEAD"
    replace(machine.folder, "roles.yaml", leads, f"{leads}, users: [U0SUZUKI]")
    await worker.look()
    last = await history.last(whole=False)
    assert last is not None
    assert last.kind is RecordKind.HELD
    code, _, err = await machine.koban("detect", "shill_sql", "--pause", "--by", "U0SUZUKI")
    assert (code, err) == (
        1,
        f"U0SUZUKI is no specialist or lead, who alone may pause or resume {SQL}.\n",
    )
    assert await machine.effects() == (0, 0)
