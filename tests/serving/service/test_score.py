"""`POST /score` of a running service: what a customer's answer says, and that it is on record."""

import json
import time
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from features.errors import NotReady
from features.settings import load_workspace
from serving.audit.expiring import expire
from serving.audit.reading import Records
from serving.ledger import verify
from serving.online.score_records import read_score
from tests.serving.service.corner_shop import NEW_CUSTOMER, corner_shop
from tests.serving.service.served import Served, ServedBento, built_bento, make_keys


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Copy the shop with one night."""
    return corner_shop(tmp_path_factory, tmp_path_factory.mktemp("score") / "shop")


@pytest.fixture(scope="module", params=["forestay serve", "bentoml serve"])
def service(request, folder, tmp_path_factory):
    """Serve it: by our own command, and as BentoML builds and runs it."""
    if request.param == "forestay serve":
        with Served(folder) as served:
            yield served
        return
    home = built_bento(tmp_path_factory.mktemp("bento") / "home")
    with ServedBento(folder, home, keys=make_keys(folder, "bento")) as served:
        yield served


@pytest.fixture(scope="module")
def listed(folder):
    """Rows of the newest list."""
    path = folder / "lists" / "latest" / "risk_list.parquet"
    return pq.read_table(path, partitioning=None).to_pylist()


def test_a_score_equals_the_list_to_the_last_bit(service, listed):
    """All customers of the list in one question: same risks, bands and reasons, in that order."""
    answer = service.score(*(row["customer_id"] for row in listed))
    for row, found in zip(listed, answer["results"], strict=True):
        assert found["customer_id"] == row["customer_id"]
        new = row["customer_id"] == NEW_CUSTOMER
        assert found["status"] == ("cold_start" if new else "ok")
        for target in ("churn", "complaint"):
            risk = found[target] and found[target]["risk"]
            assert risk == row[f"{target}_risk"]
            assert (found[target] and found[target]["band"]) == row[f"{target}_band"]
        told = found.get(row["reason_target"]) or {"reasons": []}
        assert [one["code"] for one in told["reasons"]] == (row["reason_codes"] or [])
    assert {row["churn_model"] for row in listed} == {answer["models"]["churn"]["version"]}


def test_one_answer_is_complete(service, listed):
    """Every field of the contract stands in it, with what it must hold."""
    answer = service.score(listed[0]["customer_id"])
    (found,) = answer["results"]
    assert set(found) == {
        "customer_id", "status", "as_of", "events_since_list", "churn", "complaint",
        "feature_age_seconds", "degraded", "record_id",
    }  # fmt: skip
    assert found["as_of"].startswith(str(listed[0]["as_of"]))
    assert found["events_since_list"] == 0
    assert set(found["feature_age_seconds"]) == {"rfm", "interactions", "profile"}
    assert min(found["feature_age_seconds"].values()) > 0
    assert found["degraded"] == []
    contributions = [one["contribution"] for one in found["churn"]["reasons"]]
    assert contributions == sorted(contributions, reverse=True)


def test_reasons_come_in_the_customers_language_unless_asked_otherwise(service, listed):
    """One in five speaks Chinese."""
    chinese = next(r["customer_id"] for r in listed if r["language"] == "zh" and r["reason_1"])

    def words(**more):
        (found,) = service.score(chinese, **more)["results"]
        reasons = (found["churn"] or {"reasons": []})["reasons"]
        reasons += (found["complaint"] or {"reasons": []})["reasons"]
        return "".join(one["text"] for one in reasons)

    assert not words().isascii()
    assert words(language="en").isascii()


def test_who_is_not_known_gets_an_answer_not_a_score(service, listed):
    """An unknown id, and a customer without history: results, never errors, nothing made up."""
    known = listed[0]["customer_id"]
    unknown, new, fine = service.score("nobody", NEW_CUSTOMER, known)["results"]
    assert unknown["status"] == "unknown_customer"
    assert unknown["as_of"] is unknown["record_id"] is None
    assert new["status"] == "cold_start"
    assert fine["status"] == "ok"
    for one in (unknown, new):
        assert one["churn"] is one["complaint"] is None


def test_each_answer_is_on_record_before_it_is_told(service, listed, folder):
    """Its record names caller, request and models, and holds what was told; the ledger verifies."""
    answer = service.score(listed[1]["customer_id"], "nobody")
    records = Records(load_workspace(folder))
    _, kept = read_score(records, answer["results"][0]["record_id"])
    assert kept["request_id"] == answer["request_id"]
    assert " crm (" in kept["caller"]
    assert kept["answer"] == answer["results"][0]
    assert kept["models"] == answer["models"]
    assert not verify(records.ledger).faults


def test_an_answer_is_sealed_for_its_customer(service, listed, folder):
    """Neither the id nor the risk can be read in the ledger's file."""
    customer = listed[2]["customer_id"]
    service.score(customer)
    for path in (folder / ".forestay" / "ledger").iterdir():
        assert customer.encode() not in path.read_bytes()


def test_request_ids_are_the_callers_own_where_they_are_ids(service):
    """A safe one comes back, another is replaced."""
    good = service.ask("POST", "/score", json={"customer_ids": ["x"]},
                       headers={"X-Request-Id": "crm-2026-0001"})  # fmt: skip
    assert good.headers["x-request-id"] == good.json()["request_id"] == "crm-2026-0001"
    bad = service.ask("POST", "/score", json={"customer_ids": ["x"]},
                      headers={"X-Request-Id": "a b;c"})  # fmt: skip
    assert bad.headers["x-request-id"] != "a b;c"


def test_the_log_has_one_line_a_request_and_no_customer(service, listed):
    """Fields that are allowed; neither ids nor keys nor risks."""
    customer = listed[3]["customer_id"]
    answer = service.score(customer)
    time.sleep(0.2)
    lines = service.log.read_text().splitlines()
    mine = [json.loads(line) for line in lines if answer["request_id"] in line]
    assert len(mine) == 1
    assert mine[0]["route"] == "/score"
    assert mine[0]["customers"] == 1
    assert len(mine[0]["subjects"][0]) == 32
    text = service.log.read_text()
    assert all(f'"{customer}"' not in line for line in lines if line.startswith("{"))
    assert service.keys["crm"] not in text


def test_metrics_count_by_route_and_never_by_customer(service, listed):
    """Figures for Prometheus, for those who may look."""
    service.score(listed[0]["customer_id"])
    text = service.ask("GET", "/metrics", "scientist").text
    assert 'forestay_requests_total{route="score",status="200"}' in text
    assert 'forestay_risk_count{target="churn"}' in text
    assert 'forestay_results_total{status="ok"}' in text
    assert listed[0]["customer_id"] not in text


def test_records_of_answers_are_deleted_when_their_time_is_over(service, listed, folder):
    """As those of decisions: the ledger says so, and still verifies."""
    (found,) = service.score(listed[0]["customer_id"])["results"]
    workspace = load_workspace(folder)
    assert expire(workspace, datetime.now(UTC) + timedelta(days=9999)) > 0
    records = Records(workspace)
    with pytest.raises(NotReady, match="time of its record is over"):
        read_score(records, found["record_id"])
    assert not verify(records.ledger).faults
