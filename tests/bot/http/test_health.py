"""Health, readiness, metrics and API documentation."""

from tests.bot.http.conftest import AlertServer
from tests.bot.http.fakes import alert


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
