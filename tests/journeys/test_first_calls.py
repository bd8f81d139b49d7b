"""The CRM's first hour with the service, and the auditor's with what it left behind."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from serving.client import Client, ServiceError
from tests.serving.service.corner_shop import corner_shop, forestay
from tests.serving.service.served import Served


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Serve the shop."""
    folder = corner_shop(tmp_path_factory, tmp_path_factory.mktemp("calls") / "shop")
    with Served(folder) as served:
        yield served


def key_of(folder, role):
    """Make a key as whoever runs the service does."""
    return forestay(folder, "keys", "create", "--role", role, "--name", f"my {role}")["key"]


def ago(minutes):
    """Return an instant of the past."""
    return datetime.now(UTC) - timedelta(minutes=minutes)


@pytest.fixture(scope="module")
def chosen(service):
    """Take a customer with a churn risk from the list, as marketing reads it."""
    with Client(service.url, key_of(service.folder, "marketing")) as marketing:
        page = marketing.list(limit=50)
    assert page.total > 50
    return next(row for row in page.rows if row["churn_risk"] is not None)


@pytest.fixture(scope="module")
def first_hour(service, chosen):
    """Let a CRM make its first calls: score, event, decide, outcome."""
    customer = chosen["customer_id"]
    with Client(service.url, key_of(service.folder, "crm")) as crm:
        (score,) = crm.score([customer], "en").results
        row = {"customer_id": customer, "interaction_id": "hour-1", "kind": "complaint",
               "occurred_at": ago(2)}  # fmt: skip
        told = crm.events("interactions", [row], once="first-hour-event")
        decided = crm.decide(customer, once="first-hour-decide")
        contact = {"customer_id": customer, "sent_at": ago(1), "action": "call_back",
                   "channel": "phone", "decision_id": decided.decision.decision_id}  # fmt: skip
        done = crm.outcomes([contact], once="first-hour-outcome")
        with pytest.raises(ServiceError) as refused:
            crm.list()
    assert refused.value.status == 403
    assert refused.value.problem.remedy
    return score, told, decided.decision, done


def test_a_crm_makes_its_first_calls(first_hour, chosen):
    """The risk is the list's; an event counts at once; a decision has its reason."""
    score, told, decision, done = first_hour
    assert score.churn.risk == chosen["churn_risk"]
    assert (told.new, told.results[0].events_since_list) == (1, 1)
    assert decision.why
    assert done.new == 1


def test_an_auditor_follows_them(service, first_hour):
    """Find, read, verify, and make again; by page, over HTTP and on the command line."""
    score, _, decision, _ = first_hour
    folder = service.folder
    with Client(service.url, key_of(folder, "auditor")) as auditor:
        again = auditor.decision(decision.decision_id)
        assert again == decision
        assert decision.customer_id in auditor.decision_page(decision.decision_id)
        assert "churn" in auditor.model_page("churn", "1")
    assert forestay(folder, "audit", "verify")["faults"] == []
    assert forestay(folder, "audit", "replay", decision.decision_id)["same"] == 1
    shown = forestay(folder, "audit", "show", score.record_id)
    assert shown["answer"]["churn"]["risk"] == score.churn.risk
    assert shown["caller"].startswith("my crm (")


def test_the_next_ingest_takes_everything_in(service, first_hour):
    """What the CRM told is in the accepted data, counted by source."""
    report = forestay(service.folder, "ingest")
    counts = {source["label"]: source["accepted"] for source in report["sources"]}
    assert counts[".forestay/received, interactions"] == 1
    assert counts[".forestay/outcomes"] == 1


def test_a_service_that_is_not_there_is_told_as_what_it_is():
    """No key, no address: the transport's own error, not one of ours."""
    with (
        Client("http://127.0.0.1:9", "key", seconds=1) as nobody,
        pytest.raises(httpx.TransportError),
    ):
        nobody.ready()
