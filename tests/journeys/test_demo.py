"""The demo: a simulated company, the whole way, and what somebody finds at its end."""

import json
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from serving.cli.group import forestay


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> tuple[Path, dict]:
    """Run the demo on a small company once."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    done = CliRunner().invoke(
        forestay, ["demo", "--workspace", str(folder), "--customers", "1500", "--json"]
    )
    assert done.exit_code == 0, done.output
    return folder, json.loads(done.stdout)


def test_demo_has_skill_that_looks_like_life(demo):
    """Churn can be told, not too well; complaints better than by recency and money."""
    trained = demo[1]["train"]
    assert 0.72 <= trained["churn"]["metrics"]["test_roc_auc"] <= 0.88
    complaint = trained["complaint"]
    assert complaint["metrics"]["test_roc_auc"] > complaint["baseline"]["test_roc_auc"]


def test_demo_sets_aside_the_dirty_rows_it_was_given(demo):
    """Quarantine is seen, and stays far below what would stop the ingest."""
    sources = demo[1]["ingest"]["sources"]
    assert sum(source["quarantined"] for source in sources) > 0
    assert all(source["quarantined"] < 0.05 * source["read"] for source in sources)


def test_demo_contacts_nobody_who_refused(demo):
    """Consents are mapped, so whoever denied the channel last is left alone."""
    folder, _ = demo
    denied = duckdb.sql(f"""
        WITH newest AS (
            SELECT client_no, arg_max(granted, changed) AS granted, channel
            FROM '{folder}/consents.csv' GROUP BY client_no, channel
        )
        SELECT count(*) FROM '{folder}/lists/latest/risk_list.parquet' AS list
        JOIN newest ON newest.client_no = list.customer_id AND newest.channel = list.channel
        WHERE list.decision = 'contact' AND NOT newest.granted
    """).fetchone()
    assert denied == (0,)


def test_demo_never_reads_the_truth(demo):
    """What only the simulation knows is mapped nowhere, and no feature is called like it."""
    folder, _ = demo
    assert "truth" not in "".join(
        line
        for line in (folder / "forestay.yaml").read_text().splitlines()
        if not line.startswith("#")
    )
    snapshot = next((folder / ".forestay" / "snapshots").glob("as_of=*/bucket=000.parquet"))
    known = set(pq.read_schema(snapshot).names)
    for file in (folder / "truth").glob("*.parquet"):
        assert not (set(pq.read_schema(file).names) - {"customer_id", "as_of"}) & known
