"""The OpenAPI document: complete, and what the service does is what it says, thousands of times."""

import json
import time
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from serving.service.openapi import openapi
from serving.service.routes import ROUTES, STATUS_WORDS
from tests.serving.service.corner_shop import corner_shop
from tests.serving.service.served import Served

#: Requests for each of the doors, sound ones and others.
EACH = 240
#: Doors whose answer takes a while get a quarter of them.
SLOW = ("audit_model", "decide", "events", "outcomes")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Serve the shop."""
    folder = corner_shop(tmp_path_factory, tmp_path_factory.mktemp("openapi") / "shop")
    with Served(folder) as served:
        yield served


@pytest.fixture(scope="module")
def api_schema(service):
    """Read the document as any client would."""
    document = service.ask("GET", "/openapi.json").json()
    return schemathesis.openapi.from_dict(document)


@pytest.mark.parametrize(
    ("route", "mode"),
    # Nothing can be wrong about a question without any part.
    [(r, m) for r in ROUTES for m in GenerationMode if not r.is_public or m.is_positive],
    ids=lambda one: getattr(one, "name", str(one)),
)
def test_for_any_request_the_answer_is_as_documented(api_schema, service, route, mode):
    """No 5xx, no undocumented status, media type, header or field; nothing invalid is accepted."""
    operation = api_schema[route.path][route.method]
    headers = {}
    if not route.is_public:
        headers["Authorization"] = f"Bearer {service.keys[route.roles[0]]}"

    @settings(
        max_examples=EACH // 4 if route.name in SLOW else EACH,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
        database=None,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case):
        found = case.call(base_url=service.url, headers=headers)
        while found.status_code == 429:
            time.sleep(0.5)
            found = case.call(base_url=service.url, headers=headers)
        assert found.status_code < 500, found.text
        # Instants that lie ahead are refused, which a schema cannot say.
        case.validate_response(found, excluded_checks=[positive_data_acceptance])

    ask()


def test_the_log_of_all_that_has_no_fault(service, api_schema):
    """Whatever was asked, nothing went wrong inside, and no customer is in the log."""
    time.sleep(0.3)
    text = service.log.read_text()
    assert "Traceback" not in text
    assert '"fault"' not in text


def test_every_field_is_described():
    """With words; numbers with their range; every error of every door."""
    document = openapi()
    for name, model in document["components"]["schemas"].items():
        for field, told in model.get("properties", {}).items():
            inner = [told, *told.get("anyOf", [])]
            is_known = any("description" in one or "$ref" in one or "const" in one for one in inner)
            assert is_known or field in SPEAKS_FOR_ITSELF, f"{name}.{field}"
    for route in ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        assert operation["summary"]
        assert {int(status) for status in operation["responses"]} == {200, *route.statuses}
        assert all(STATUS_WORDS[status] for status in route.statuses)


#: Fields whose name says it all.
SPEAKS_FOR_ITSELF = {
    "action", "as_of", "channel", "churn_risk", "complaint_risk", "customer_id", "decision",
    "decision_id", "error", "expected", "live", "models", "owner", "policy_version", "problem",
    "ready", "recorded_at", "remedy", "request_id", "results", "risk", "rows", "table", "where",
    "language",
}  # fmt: skip


def test_the_document_lies_in_the_docs_as_well():
    """For whoever reads before running; made anew with the line in `docs/service/README.md`."""
    kept = Path(__file__).parents[3] / "docs" / "service" / "openapi.json"
    assert json.loads(kept.read_text()) == openapi()
