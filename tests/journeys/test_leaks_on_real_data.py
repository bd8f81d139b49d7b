"""Leaks as they happen: on real data, through the command line, found, named, and stopped."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from serving.cli.group import forestay

WORKSPACES = Path(__file__).parents[1] / "workspaces"
LEAKS = {"implausible_power", "known_after_event", "near_copies"}


def _called(folder: Path, data: Path, *command: str) -> dict:
    done = CliRunner(env={"FORESTAY_DATA": str(data)}).invoke(
        forestay, [*command, "--json", "--workspace", str(folder)]
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def _suspects(report: dict) -> set[str]:
    return {said["message"].split()[0] for said in report["warnings"] if said["code"] in LEAKS}


@pytest.fixture
def telco(data_dir, tmp_path):
    """Write a customer table of the test's own making, with its labels left in `Churn`."""

    def write(columns: str, models: str = "", *, rows: str = "table") -> Path:
        folder = tmp_path / "telco"
        folder.mkdir(exist_ok=True)
        table = f"'{data_dir}/telco_ibm/telco.parquet'"
        rows = rows.replace("table", table)
        duckdb.sql("SELECT setseed(0.5)")
        duckdb.sql(f"COPY (SELECT *{columns} FROM {rows}) TO '{folder}/telco.parquet'")
        text = (WORKSPACES / "telco_ibm" / "forestay.yaml").read_text()
        text = text.replace("${FORESTAY_DATA}/telco_ibm/telco.parquet", "telco.parquet")
        (folder / "forestay.yaml").write_text(f"{text}\n{models}\n")
        _called(folder, data_dir, "ingest")
        return folder

    return write


@pytest.mark.parametrize(
    ("column", "name", "code"),
    [
        ("Churn AS left_us", "left_us", "implausible_power"),
        ("CASE WHEN random() < .15 THEN Churn <> 'Yes' ELSE Churn = 'Yes' END::INT AS flag",
         "flag", "implausible_power"),
        ("CASE WHEN Churn = 'Yes' AND random() < .9 THEN 'price' END AS reason",
         "reason", "known_after_event"),
    ],
)  # fmt: skip
def test_a_leak_in_a_customer_table_stops_the_run(telco, data_dir, column, name, code):
    """The label, the label with noise, what is filled in after the event: one suspect, no model."""
    report = _called(telco(f", {column}"), data_dir, "train")["churn"]
    assert _suspects(report) == {name}
    assert code in {said["code"] for said in report["warnings"]}
    assert (report["run_id"], report["promoted"]) == (None, False)


@pytest.mark.slow
def test_the_user_says_whether_a_run_with_a_suspect_goes_on(telco, data_dir):
    """Trusted, the model is made and the warning stays; left out, nothing is left to warn of."""
    column = ", Churn AS left_us"
    without = telco(column, "models: {churn: {except: [left_us]}}")
    report = _called(without, data_dir, "train")["churn"]
    assert report["promoted"]
    assert report["metrics"]["test_roc_auc"] < 0.87
    assert not _suspects(report)
    trusted = telco(column, "models: {churn: {trust: [left_us]}}")
    report = _called(trusted, data_dir, "train")["churn"]
    assert report["run_id"]
    assert report["metrics"]["test_roc_auc"] > 0.99
    assert _suspects(report) == {"left_us"}


def test_customers_under_two_ids_stop_a_run_of_folds(telco, data_dir):
    """A third of the customers a second time, their charges hardly changed."""
    again = """(SELECT * FROM table UNION ALL
        SELECT * REPLACE ('again-' || customerID AS customerID,
            MonthlyCharges + 0.01 * random() AS MonthlyCharges)
        FROM table WHERE hash(customerID) % 3 = 0)"""
    report = _called(telco("", rows=again), data_dir, "train")["churn"]
    assert "near_copies" in {said["code"] for said in report["warnings"]}
    assert report["run_id"] is None


@pytest.mark.slow
def test_an_attribute_computed_over_the_whole_log_stops_the_run(data_dir, tmp_path):
    """How often a customer bought, counted to the end of the data, knows what comes."""
    folder = tmp_path / "shop"
    folder.mkdir()
    shutil.copy(WORKSPACES / "online_retail_2" / "forestay.yaml", folder)
    duckdb.sql(f"""COPY (
        SELECT "Customer ID"::BIGINT::VARCHAR AS id, count(DISTINCT Invoice) AS invoices_ever,
            max(InvoiceDate)::DATE AS last_bought
        FROM '{data_dir}/online_retail_2/*.parquet' WHERE "Customer ID" IS NOT NULL GROUP BY 1
    ) TO '{folder}/customers.parquet'""")
    text = (folder / "forestay.yaml").read_text()
    attributes = "invoices_ever: invoices_ever, last_bought: CAST(last_bought AS VARCHAR)"
    text = text.replace(
        "sources:\n",
        "sources:\n  customers:\n    uri: customers.parquet\n"
        f"    columns: {{customer_id: id, {attributes}}}\n"
        "    attributes: [invoices_ever, last_bought]\n",
        1,
    )
    (folder / "forestay.yaml").write_text(text)
    _called(folder, data_dir, "ingest")
    report = _called(folder, data_dir, "train", "--target", "churn")["churn"]
    assert _suspects(report) == {"invoices_ever", "last_bought"}
    assert report["run_id"] is None
