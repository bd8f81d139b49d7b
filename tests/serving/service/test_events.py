"""Rows that come in over HTTP: kept, looked at, decided upon; once, however often they come."""

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from features.accepted import open_accepted
from features.catalogue import catalogue_for
from features.feature_store import OnlineFeatures
from features.settings import load_workspace
from serving.audit.reading import Records
from serving.audit.replay import replay_decisions
from serving.ledger import verify
from serving.online.standing import open_standing
from tests.serving.service.corner_shop import NEW_CUSTOMER, corner_shop, forestay
from tests.serving.service.served import Served, until


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Copy the shop with one night."""
    return corner_shop(tmp_path_factory, tmp_path_factory.mktemp("events") / "shop")


@pytest.fixture(scope="module")
def service(folder):
    """Serve it."""
    with Served(folder) as served:
        yield served


@pytest.fixture(scope="module")
def customers(folder):
    """Name customers of the list, each for one test, with a churn risk."""
    rows = pq.read_table(folder / "lists" / "latest" / "risk_list.parquet", partitioning=None)
    return iter([r["customer_id"] for r in rows.to_pylist() if r["churn_risk"] is not None])


def ago(**span):
    """Write an instant of the past."""
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def complaint(customer, name, **more):
    """Write a complaint."""
    row = {"customer_id": customer, "interaction_id": name, "occurred_at": ago(minutes=5),
           "kind": "complaint", **more}  # fmt: skip
    return {"table": "interactions", "rows": [row]}


def order(customer, name, **more):
    """Write an order."""
    row = {"customer_id": customer, "order_id": name, "ordered_at": ago(minutes=5),
           "amount": 20.5, **more}  # fmt: skip
    return {"table": "orders", "rows": [row]}


def send(service, message, key, path="/events", role="crm"):
    """Send a message once."""
    return service.ask("POST", path, role, json=message, headers={"Idempotency-Key": key})


def test_an_event_changes_the_score_at_once(service, customers):
    """The answer has the new risks, as of one microsecond after it came; so has every later one."""
    customer = next(customers)
    (before,) = service.score(customer)["results"]
    began = time.monotonic()
    found = send(service, complaint(customer, "at-once"), "at-once-1")
    assert time.monotonic() - began < 5
    assert found.status_code == 200, found.text
    answer = found.json()
    assert (answer["new"], answer["duplicate"]) == (1, 0)
    (after,) = answer["results"]
    received = datetime.fromisoformat(answer["received_at"])
    assert datetime.fromisoformat(after["as_of"]) == received + timedelta(microseconds=1)
    assert after["events_since_list"] == 1
    assert after["degraded"] == []
    assert after["complaint"]["risk"] != before["complaint"]["risk"]
    assert after["feature_age_seconds"]["interactions"] < 10
    (later,) = service.score(customer)["results"]
    for name in ("as_of", "churn", "complaint", "status"):
        assert later[name] == after[name]


def test_the_online_store_has_what_came_in(service, customers, folder):
    """Feast's store holds the features of that instant; of whom nothing came in, the night's."""
    customer, other = next(customers), next(customers)
    answer = send(service, order(customer, "stored"), "stored-01").json()
    workspace = load_workspace(folder)
    catalogue = catalogue_for(open_accepted(workspace), workspace)
    rows = OnlineFeatures(workspace, catalogue).read([customer, other]).to_pylist()
    as_of = datetime.fromisoformat(answer["results"][0]["as_of"])
    assert rows[0]["event_timestamp"] == as_of.replace(microsecond=0)
    assert rows[0]["recency_days"] < 1
    assert rows[0]["amount_last"] == 20.5
    assert rows[1]["event_timestamp"] == open_standing(workspace).instant


def test_the_packed_copy_equals_the_online_store(folder, service, customers):
    """Every feature of customers who did not move: the same bits in both."""
    workspace = load_workspace(folder)
    catalogue = catalogue_for(open_accepted(workspace), workspace)
    standing, ids = open_standing(workspace), [next(customers) for _ in range(20)]
    copied = standing.rows([standing.find(one) for one in ids]).to_pylist()
    for mine, stored in zip(copied, OnlineFeatures(workspace, catalogue).read(ids).to_pylist(),
                            strict=True):  # fmt: skip
        for name in catalogue.names:
            assert mine[f"feature:{name}"] == stored[name]


def test_the_same_key_gets_the_same_answer(service, customers):
    """Repeated: the stored answer, and nothing twice; with another body: 409."""
    customer = next(customers)
    message = complaint(customer, "repeated")
    first = send(service, message, "repeated-1")
    again = send(service, message, "repeated-1")
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    other = send(service, complaint(customer, "another"), "repeated-1")
    assert other.status_code == 409
    assert "Idempotency-Key" in other.json()["error"]["where"]
    doubled = send(service, message, "repeated-2").json()
    assert (doubled["new"], doubled["duplicate"]) == (0, 1)
    assert doubled["results"][0]["events_since_list"] == 1


def test_eight_at_once_with_one_key_are_one(service, customers):
    """One is kept; all hear the same."""
    message = complaint(next(customers), "crowd")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: send(service, message, "crowd-0001"), range(8)))
    assert {one.status_code for one in found} == {200}
    assert len({one.content for one in found}) == 1


def test_a_late_event_does_not_undo_a_newer_one(service, customers):
    """First the order of today, then one of a month ago: the last order is today's."""
    customer = next(customers)
    send(service, order(customer, "newer"), "newer-001")
    late = order(customer, "late", ordered_at=ago(days=30))
    (found,) = send(service, late, "late-0001").json()["results"]
    assert found["events_since_list"] == 2
    texts = [one["text"] for one in found["churn"]["reasons"]]
    assert not any("30 days" in text and "ago" in text for text in texts)


def test_who_was_not_known_is_known_by_an_order(service):
    """A first order of somebody new: scored; of one without history: no longer a cold start."""
    for number, customer in enumerate(["first-timer", NEW_CUSTOMER]):
        (found,) = send(service, order(customer, f"first-{number}"), f"first-{number:03}").json()[
            "results"
        ]
        assert found["status"] == "ok"
        assert 0 < found["churn"]["risk"] < 1


@pytest.mark.parametrize(
    ("message", "where"),
    [
        (order("c", "f", ordered_at="2099-01-01T00:00:00Z"), "rows.0.ordered_at"),
        (order("c", "f", ordered_at="2026-01-01T00:00:00"), "ordered_at"),
        (order("c", "f", amount="12"), "amount"),
        (order("c", "f", amount=True), "amount"),
        (order("c", "f", amount=1e300), "amount"),
        (order("c", "f", known_at=ago(days=1)), "known_at"),
        (order("c", "f", surprise=1), "surprise"),
        (complaint("c", "f", satisfaction=1.5), "satisfaction"),
        (complaint("c", ""), "interaction_id"),
        ({"table": "contacts", "rows": []}, "the body"),
        ({"table": "orders", "rows": []}, "rows"),
        ({"rows": []}, "the body"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_row_that_ingest_would_refuse_is_refused(service, message, where):
    """422 names the field; nothing is kept."""
    found = send(service, message, "refused-1")
    assert found.status_code == 422, found.text
    assert where in found.json()["error"]["where"]


def test_without_a_key_nothing_is_done(service, customers):
    """What is to be done once needs an idempotency key."""
    message = complaint(next(customers), "keyless")
    found = service.ask("POST", "/events", json=message)
    assert found.status_code == 422
    assert found.json()["error"]["where"] == "Idempotency-Key"


def test_what_customers_said_is_in_no_log_no_metric_and_no_error(service):
    """Canaries in every text of a row: kept, and told to nobody who did not ask about them."""
    canary = "canary-5c1d"
    message = complaint(f"{canary}-id", f"{canary}-case", topic=canary, region=canary)
    assert send(service, message, "canary-01").status_code == 200
    refused = send(service, complaint(canary, canary, satisfaction=7, topic=canary), "canary-02")
    assert refused.status_code == 422
    assert canary not in refused.text
    send(service, {"customer_id": f"{canary}-id"}, "canary-03", "/decide")
    assert canary not in service.ask("GET", "/metrics", "auditor").text
    time.sleep(0.2)
    assert canary not in service.log.read_text()


def test_a_decision_stands_until_something_comes_in(service, customers, folder):
    """First the list's own; after a complaint a new one, on record, made again to the last bit."""
    customer = next(customers)
    rows = pq.read_table(folder / "lists" / "latest" / "risk_list.parquet", partitioning=None)
    (listed,) = [r for r in rows.to_pylist() if r["customer_id"] == customer]
    ask = {"customer_id": customer}
    first = send(service, ask, "decide-001", "/decide").json()
    assert first["standing"] is True
    assert first["decision"]["decision_id"] == listed["decision_id"]
    assert first["decision"]["decision"] == listed["decision"]
    send(service, order(customer, "bought"), "bought-01")
    second = send(service, ask, "decide-002", "/decide").json()["decision"]
    assert second["decision_id"] != listed["decision_id"]
    assert datetime.fromisoformat(second["as_of"]) > datetime.fromisoformat(
        first["decision"]["as_of"]
    )
    third = send(service, ask, "decide-003", "/decide").json()
    assert third["standing"] is True
    assert third["decision"]["decision_id"] == second["decision_id"]
    assert (
        service.ask("GET", f"/decisions/{second['decision_id']}").json()["decision"]
        == second["decision"]
    )
    page = service.ask("GET", f"/audit/decisions/{second['decision_id']}", "auditor")
    assert page.status_code == 200, page.text
    workspace = load_workspace(folder)
    records = Records(workspace)
    replayed = replay_decisions(records, workspace, [second["decision_id"]])
    assert replayed.is_same, replayed
    assert not verify(records.ledger).faults


def test_nobody_is_decided_about_who_is_not_known(service):
    """404, not a decision made of nothing."""
    found = send(service, {"customer_id": "nobody at all"}, "nobody-01", "/decide")
    assert found.status_code == 404


def test_what_was_done_counts_for_the_next_decision(service, folder, customers):
    """A contact that the CRM reports is a contact: the same offer does not follow it."""
    decided = None
    while decided is None or decided["decision"] != "contact":
        customer = next(customers)
        ask = {"customer_id": customer}
        decided = send(service, ask, f"ask-{customer}", "/decide").json()["decision"]
    row = {"customer_id": customer, "sent_at": ago(minutes=1), "action": decided["action"],
           "channel": decided["channel"], "decision_id": decided["decision_id"],
           "arm": "treated"}  # fmt: skip
    done = send(service, {"rows": [row]}, "outcome-01", "/outcomes", "marketing")
    assert done.status_code == 200, done.text
    assert done.json()["new"] == 1
    send(service, order(customer, "after-contact"), "after-001")
    after = send(service, ask, f"ask-again-{customer}", "/decide").json()["decision"]
    assert (after["decision"], after["action"]) != ("contact", decided["action"])


def test_an_event_may_fire_a_rule_at_once(service, customers):
    """Of some customers who complain, somebody is to be contacted: recorded and returned."""
    fired = []
    for _ in range(25):
        customer = next(customers)
        send(service, order(customer, f"o-{customer}"), f"o-{customer}")
        answer = send(service, complaint(customer, f"f-{customer}"), f"f-{customer}").json()
        fired += answer["decisions"]
        if fired:
            break
    assert fired
    assert fired[0]["decision"] in ("contact", "human_review")
    found = service.ask("GET", f"/decisions/{fired[0]['decision_id']}").json()
    assert found["recorded_at"] == fired[0]["recorded_at"]


def test_the_next_night_takes_in_what_came_and_the_service_the_night(service, folder, customers):
    """After ingest and a night nothing is left over: its scores are those of the list again."""
    customer = next(customers)
    send(service, order(customer, "for-the-night"), "night-001")
    forestay(folder, "ingest")
    made = forestay(folder, "nightly", "--allow-small")
    until(lambda: service.client.get("/readyz").json()["as_of"] == made["as_of"])
    rows = pq.read_table(folder / "lists" / "latest" / "risk_list.parquet", partitioning=None)
    risks = {r["customer_id"]: r["churn_risk"] for r in rows.to_pylist()}
    (found,) = service.score(customer)["results"]
    assert found["events_since_list"] == 0
    assert found["churn"]["risk"] == risks[customer]
    assert found["as_of"].startswith(made["as_of"])


def test_a_kill_between_keeping_and_looking_loses_nothing(folder, service, customers):
    """Rows that nobody looked at yet are looked at by whoever comes next."""
    customer = next(customers)
    service.process.send_signal(signal.SIGKILL)
    service.process.wait()
    from features.received.log import ReceivedLog

    row = {"customer_id": customer, "order_id": "left-behind", "amount": 3.0,
           "ordered_at": datetime.now(UTC) - timedelta(minutes=1)}  # fmt: skip
    ReceivedLog(load_workspace(folder)).append("orders", [(customer, row)], datetime.now(UTC))
    service.start()
    (found,) = service.score(customer)["results"]
    assert found["events_since_list"] == 1
    assert found["churn"]["risk"] > 0
    assert json.loads(json.dumps(found))["status"] == "ok"
