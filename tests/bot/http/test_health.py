"""Health, readiness, metrics and API documentation."""

import httpx

from bot.http.app import make_internal_app
from bot.http.metrics import Metrics
from tests.bot.http.conftest import AlertServer
from tests.bot.http.fakes import APPEALS, alert


async def test_the_process_is_healthy_whatever_it_depends_on(server: AlertServer) -> None:
    """`/healthz` covers the process only."""
    server.checks["temporal"] = "start it"
    answer = await server.http.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_the_public_port_describes_nothing(server: AlertServer) -> None:
    """Metrics, the API's description and the addresses of dependencies are for operators only."""
    for path in ("/metrics", "/docs", "/openapi.json", "/redoc"):
        assert (await server.http.get(path)).status_code == 404
    answer = await server.http.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    server.checks["temporal"] = "Temporal at 10.0.0.7:7233 does not answer."
    answer = await server.http.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})


async def test_readiness_names_what_is_missing(server: AlertServer) -> None:
    """The `/readyz` of operators is 503 with a sentence for each that does not answer."""
    assert (await server.operator.get("/readyz")).json() == {"temporal": "ok", "ledger": "ok"}
    server.checks["temporal"] = "Temporal does not answer."
    answer = await server.operator.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"temporal": "Temporal does not answer.", "ledger": "ok"}


async def test_problems_are_a_metric() -> None:
    """An operator's alert sees what keeps `/readyz` at 200, without a sentence in a label."""
    found: dict[str, str | None] = {}

    async def temporal() -> str | None:
        return found.get("temporal")

    async def slack() -> str | None:
        return found.get("slack")

    app = make_internal_app({"temporal": temporal}, Metrics(), {"slack": slack})
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://inside"
    ) as http:

        async def problems() -> list[str]:
            page = (await http.get("/metrics")).text
            assert "ts-live" not in page
            return [line for line in page.splitlines() if line.startswith("koban_problems{")]

        clear = ['koban_problems{what="temporal"} 0.0', 'koban_problems{what="slack"} 0.0']
        assert await problems() == clear
        found["slack"] = "The channel ts-live is archived: restore it."
        assert (await http.get("/readyz")).status_code == 200
        assert await problems() == [clear[0], 'koban_problems{what="slack"} 1.0']
        found.clear()
        assert await problems() == clear


async def test_a_forged_request_is_counted(server: AlertServer) -> None:
    """By reason; all reasons are there from the start, so that an alert sees the first one."""
    page = (await server.operator.get("/metrics")).text
    before = {
        each: refusals(page, each)
        for each in (
            *("unsealed", "webhook_signature", "slack_signature"),
            *("slack_workspace", "slack_user"),
        )
    }
    assert (await server.http.post("/v1/alerts", content=b"{}")).status_code == 401
    assert (await server.post(alert("a1"), secret=APPEALS)).status_code == 401
    page = (await server.operator.get("/metrics")).text
    before["webhook_signature"] += 2
    assert {each: refusals(page, each) for each in before} == before


def refusals(page: str, reason: str) -> float:
    """The value of `koban_refused_total`."""
    (found,) = (
        line for line in page.splitlines() if f'koban_refused_total{{reason="{reason}"}}' in line
    )
    return float(found.rpartition(" ")[2])


async def test_alerts_are_counted_by_what_became_of_them(server: AlertServer) -> None:
    """Labels are results and playbooks, never request data."""
    await server.post({"alerts": [alert("a1"), alert("a1"), alert("secret-id", score=7)]})
    page = (await server.operator.get("/metrics")).text
    assert 'koban_alerts_total{playbook="off_platform",result="accepted"} 1.0' in page
    assert 'koban_alerts_total{playbook="",result="duplicate"} 1.0' in page
    assert 'koban_alerts_total{playbook="",result="invalid"} 1.0' in page
    assert 'koban_http_request_seconds_count{path="/v1/alerts",status="202"} 1.0' in page
    assert "secret-id" not in page


async def test_unknown_paths_share_one_label(server: AlertServer) -> None:
    """A scanner can't create labels."""
    assert (await server.http.get("/wp-admin.php")).status_code == 404
    page = (await server.operator.get("/metrics")).text
    assert 'path="other",status="404"' in page
    assert "wp-admin" not in page


async def test_the_page_for_engineers_describes_alerts_with_an_example(server: AlertServer) -> None:
    """All references of the OpenAPI document resolve."""
    assert (await server.operator.get("/docs")).status_code == 200
    document = (await server.operator.get("/openapi.json")).json()
    post = document["paths"]["/v1/alerts"]["post"]
    content = post["requestBody"]["content"]["application/json"]
    assert content["examples"]["one"]["value"]["id"] == "chat-000123"
    assert sorted(post["responses"]) == ["202", "401", "408", "413", "415", "422", "429", "503"]
    schemas = document["components"]["schemas"]
    assert _references(document) <= {f"#/components/schemas/{name}" for name in schemas}


def _references(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(_references(inner) for inner in node.values()))
    if isinstance(node, list):
        return set().union(*(_references(inner) for inner in node))
    return set()
