"""Lists, decisions and the auditor's pages over HTTP, and that every look is itself on record."""

import io
import json

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from features.settings import load_workspace
from serving.ledger import existing_ledger, verify
from tests.serving.service.corner_shop import corner_shop
from tests.serving.service.served import Served


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Serve the shop."""
    folder = corner_shop(tmp_path_factory, tmp_path_factory.mktemp("lookups") / "shop")
    with Served(folder) as served:
        yield served


@pytest.fixture(scope="module")
def listed(service):
    """Read the newest list from its file."""
    path = service.folder / "lists" / "latest" / "risk_list.parquet"
    return pq.read_table(path, partitioning=None)


def looks(service):
    """Return who looked, and by what, oldest first."""
    ledger = existing_ledger(load_workspace(service.folder), actor="test")
    assert not verify(ledger).faults
    return [(entry.actor, entry.body["command"]) for entry in ledger.entries("look")]


def test_pages_of_a_list_make_the_whole(service, listed):
    """Page by page in its order, as JSON; what is past the end is empty."""
    rows, offset = [], 0
    while True:
        found = service.ask("GET", f"/lists/latest?offset={offset}&limit=70", "marketing")
        page = found.json()
        assert page["total"] == listed.num_rows == int(found.headers["x-total-count"])
        if not page["rows"]:
            break
        rows += page["rows"]
        offset += len(page["rows"])
    expected = json.loads(json.dumps(listed.to_pylist(), default=lambda one: one.isoformat()))
    assert rows == expected


def test_a_list_comes_by_its_date_and_in_three_kinds(service, listed):
    """JSON, CSV and Parquet hold the same rows; the CSV is as the file's."""
    day = listed["as_of"][0].as_py()
    path = f"/lists/{day}?limit=10000"
    parquet = service.ask(
        "GET", path, "marketing", headers={"Accept": "application/vnd.apache.parquet"}
    )
    assert pq.read_table(io.BytesIO(parquet.content)).equals(listed)
    written = service.ask("GET", path, "marketing", headers={"Accept": "text/csv"})
    file = (service.folder / "lists" / "latest" / "risk_list.csv").read_bytes()
    assert written.content == file
    assert written.headers["content-type"].startswith("text/csv")
    assert pa_csv.read_csv(io.BytesIO(written.content)).num_rows == listed.num_rows


def test_a_decision_is_told_out_of_its_record_and_the_look_is_recorded(service, listed):
    """What the list says of one customer, with a reason in one sentence; by whose key."""
    row = listed.filter(pa.compute.equal(listed["decision"], "contact")).slice(0, 1).to_pylist()[0]
    before = len(looks(service))
    found = service.ask("GET", f"/decisions/{row['decision_id']}", "marketing").json()
    for name in ("customer_id", "decision", "action", "channel", "owner", "expected_value"):
        assert found[name] == row[name]
    assert found["churn_risk"] == row["churn_risk"]
    assert found["reasons"] == [row[f"reason_{n}"] for n in (1, 2, 3) if row[f"reason_{n}"]]
    assert found["why"]
    ((who, what),) = looks(service)[before:]
    assert who.startswith("test marketing (")
    assert what == "audit show"


def test_an_unknown_decision_is_404(service):
    """Ids that are none are told apart from ids of nothing."""
    nothing = "00000000-0000-0000-0000-000000000000"
    assert service.ask("GET", f"/decisions/{nothing}").status_code == 404
    assert service.ask("GET", "/decisions/12345").status_code == 422


@pytest.mark.parametrize(("language", "word"), [("en", "decision"), ("zh", "决定")])
def test_an_auditor_reads_the_page_of_a_decision(service, listed, language, word):
    """Self-contained: nothing is loaded from anywhere; the look is on record."""
    decision = listed["decision_id"][0].as_py()
    before = len(looks(service))
    found = service.ask("GET", f"/audit/decisions/{decision}?language={language}", "auditor")
    assert found.status_code == 200, found.text
    assert found.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in found.headers["content-security-policy"]
    assert word in found.text.lower()
    assert decision in found.text
    assert 'src="http' not in found.text
    assert looks(service)[before][0].startswith("test auditor (")


def test_an_auditor_reads_the_page_of_a_model(service):
    """By target and version; one that is not there is 404."""
    found = service.ask("GET", "/audit/models/churn-1", "auditor")
    assert found.status_code == 200, found.text
    assert "corner-shop-churn" in found.text
    assert service.ask("GET", "/audit/models/churn-99", "auditor").status_code == 404
    assert service.ask("GET", "/audit/models/other-1", "auditor").status_code == 404
    assert service.ask("GET", "/audit/models/churn", "auditor").status_code == 422
    assert looks(service)[-1][1] == "audit report model churn 1"
