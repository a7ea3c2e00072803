"""`make bench`: prints a table and writes bench.json; `--quick` opens fewer cases."""

import asyncio
import json
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from deploy.sandbox.app import INGEST_SECRET, Sandbox, run_sandbox
from deploy.sandbox.processes import Process
from deploy.sandbox.slack.person import Person, wait_until
from deploy.sandbox.slack.rates import Rates
from deploy.sandbox.slack.workspace import Workspace
from deploy.sandbox.temporal import temporal_server
from deploy.sandbox.traffic.sender import Sender
from tests.bench import excess, ingest, long_life, memory, shift, storm, throughput
from tests.bench.storm_plan import Plan
from tests.conftest import free_port

CLICKS_PER_S = 20
OUT = Path("bench.json")


async def connected(address: str) -> Client:
    """A client, once the server answers."""

    async def look() -> Client | None:
        try:
            return await Client.connect(address, data_converter=pydantic_data_converter)
        except RuntimeError:
            return None

    return await wait_until(look, 30, what=address)


async def answers(url: str) -> None:
    """Waits for an HTTP server."""

    async def look() -> bool:
        async with httpx.AsyncClient() as http:
            try:
                await http.get(url)
            except httpx.TransportError:
                return False
        return True

    await wait_until(look, 30, what=url)


async def clicks(sandbox: Sandbox, sender: Sender, folder: Path, seconds: int) -> dict:
    """Compares Koban with a Bolt app that only acks: the same clicks on the same cards in turn."""
    port = free_port()
    acks = [sys.executable, "-m", "tests.bench.only_acks", str(port)]
    baseline = Process("acks", [*acks, sandbox.workspace.signing_secret], folder / "acks.log")
    await baseline.start()
    await answers(f"http://127.0.0.1:{port}/")
    koban, mine, bare = sandbox.workspace.bot_url, {}, {}
    async with Person(sandbox.url, "U0SATO") as sato:
        cards = [
            (await shift.new_card(sandbox, sender, sato, f"u_click{n}", "off_platform"))[0]
            for n in range(10)
        ]

        async def press(number: int) -> None:
            await sato.press(cards[number % len(cards)], "case.claim")

        for url, into in ((f"http://127.0.0.1:{port}", bare), (koban, mine)):
            sandbox.workspace.bot_url = url
            await shift.click_to_ack(sandbox.workspace, press, CLICKS_PER_S, CLICKS_PER_S)
            count = CLICKS_PER_S * seconds
            into.update(await shift.click_to_ack(sandbox.workspace, press, CLICKS_PER_S, count))
    await baseline.stop()
    return {
        "koban": mine,
        "only_acks": bare,
        "ratio_p50": round(mine["p50_ms"] / bare["p50_ms"], 2),
        "ratio_p99": round(mine["p99_ms"] / bare["p99_ms"], 2),
    }


async def bench(quick: bool) -> dict:
    """Runs everything on one server."""
    async with AsyncExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="koban-bench-")))
        workspace = Workspace(rates=Rates(enabled=False))
        sandbox = await opened.enter_async_context(run_sandbox(folder, 0, workspace))
        temporal, bot = free_port(), free_port()
        server = temporal_server(folder, temporal)
        await server.start()
        opened.push_async_callback(server.kill)
        client = await connected(f"127.0.0.1:{temporal}")
        ledger = f"sqlite+aiosqlite:///{folder / 'koban.db'}"
        env = sandbox.environment(f"127.0.0.1:{temporal}", ledger, bot)
        url = f"http://127.0.0.1:{bot}"
        result = {"alerts": await only_ingest(client, folder, env, url)}
        koban = str(Path(sys.executable).with_name("koban"))
        serve = Process("serve", [koban, "serve"], folder / "serve.log", env)
        work = Process("work", [koban, "work"], folder / "work.log", env)
        for process in (serve, work):
            await process.start()
            opened.push_async_callback(process.stop)
        await answers(f"{url}/healthz")
        workspace.bot_url = url
        http = await opened.enter_async_context(httpx.AsyncClient(timeout=30))
        sender = Sender(url, INGEST_SECRET, http)
        result["alert_to_card"] = await shift.alert_to_card(sandbox, sender, 40)
        result["click_to_ack"] = await clicks(sandbox, sender, folder, 10)
        result["excess"] = await excess.measure(
            sandbox, sender, url, INGEST_SECRET, 10 if quick else 30
        )
        one = shift.standard_case
        result["case_untimed"] = await one(sandbox, sender, client, "brand_new", "warn", "u_a")
        result["case_timed"] = await one(sandbox, sender, client, "off_platform", "mute", "u_b")
        result["case_approved"] = await one(sandbox, sender, client, "off_platform", "ban", "u_c")
        result["whole_cases"] = await throughput.measure(client, sandbox, 150)
        counts = [200, 1000] if quick else [1000, 5000]
        assert work.pid is not None
        result["memory"] = await memory.measure(sandbox, client, "koban", work.pid, counts)
        (folder / "long").mkdir()
        await work.stop()
        result["long_life"] = await long_life.measure(
            f"127.0.0.1:{temporal}", folder / "long", 2_000 if quick else 10_000
        )
    # By itself: it keeps to Slack's rates, and takes a minute or six.
    plan, rates = (Plan(**storm.SMALL), Rates(speed=3)) if quick else (Plan(), Rates())
    result["storm"] = await storm.measure(plan, rates)
    return result


async def only_ingest(client: Client, folder: Path, env: dict[str, str], url: str) -> dict:
    """Measures ingest on a queue without workers."""
    koban = str(Path(sys.executable).with_name("koban"))
    idle = {**env, "KOBAN_TEMPORAL__TASK_QUEUE": "bench-idle"}
    serve = Process("serve", [koban, "serve"], folder / "idle.log", idle)
    await serve.start()
    await answers(f"{url}/healthz")
    measured = await ingest.measure(client, "bench-idle", url, 5, 600)
    await serve.stop()
    return measured


def usual_write(case: dict) -> int:
    """The largest write of a case except the closing one, which has the snapshot."""
    return sorted(case["write_bytes"])[-2]


def missing(excess_: dict) -> int:
    """Accepted alerts of the other detector without a card; all of them where none was accepted."""
    return excess_["quiet_accepted"] - excess_["quiet_carded"] if excess_["quiet_accepted"] else 1


def targets(result: dict) -> list[tuple[str, str, str]]:
    """Rows of (name, measured, target), with a remark for each missed target."""
    rows = [
        ("accepted alerts ÷ bare loop", result["alerts"]["ratio"], ">=", 0.9),
        ("whole cases ÷ no logic", result["whole_cases"]["ratio_baseline"], ">=", 0.6),
        ("click → ack p99, ms", result["click_to_ack"]["koban"]["p99_ms"], "<=", 150),
        ("one floods: ack p99, ms", result["excess"]["flooded"]["p99_ms"], "<=", 300),
        ("one floods: not acked", result["excess"]["presses_not_acked"], "<=", 0),
        ("one floods: others not carded", missing(result["excess"]), "<=", 0),
        ("Temporal actions, standard case", result["case_untimed"]["temporal_actions"], "<=", 20),
        ("ledger write of one step, bytes", usual_write(result["case_untimed"]), "<=", 2_048),
        ("worker memory, KiB a case", list(result["memory"].values())[-1], "<=", 150),
        ("longest history, events", result["long_life"]["longest_events"], "<=", 8_192),
        ("largest history, bytes", result["long_life"]["largest_bytes"], "<=", 5_000_000),
        ("Slack calls, standard case", result["case_untimed"]["slack_calls"], "<=", 6),
        ("storm: lost and twice", storm.faults(result["storm"]), "<=", 0),
        ("storm: critical card p95, s", result["storm"]["critical"]["p95_s"], "<=", 5),
        ("storm: press to change p95, s", result["storm"]["press_to_visible"]["p95_s"], "<=", 1),
        ("storm: time ÷ what rates force", result["storm"]["ratio"], "<=", 1.1),
    ]
    judged = []
    for what, value, sign, bound in rows:
        met = value >= bound if sign == ">=" else value <= bound
        judged.append((what, f"{value}", f"{sign} {bound} {'met' if met else 'MISSED'}"))
    return judged


def main() -> None:
    """Measures, prints and writes the results."""
    result = asyncio.run(bench("--quick" in sys.argv))
    for name, figures in result.items():
        print(f"{name:16} {json.dumps(figures)}")
    print()
    for what, value, verdict in targets(result):
        print(f"{what:34} {value:>8}   {verdict}")
    OUT.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
