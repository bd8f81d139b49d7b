"""The data scientist's week: a worse model refused, a better one promoted, watched, rolled back."""

import json
import shutil
import sqlite3
import subprocess
from datetime import date

import pyarrow.parquet as pq
import pytest

from features.settings import load_workspace
from serving.earlier_lists import open_list
from tests.serving.service.corner_shop import FORESTAY, corner_shop, forestay
from training.promotion.history import history_file
from training.registry import load_champion
from training.tracking import open_existing

DOING = ("contact", "human_review")
WORSE, OTHER = "2", "3"


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    """Live it once: the folder, and what each command said."""
    folder = corner_shop(tmp_path_factory, tmp_path_factory.mktemp("life") / "shop")
    told = {}
    settings = folder / "forestay.yaml"
    first = settings.read_text()
    names = load_champion(load_workspace(folder), "churn").feature_names
    kept = "first_order_days"
    assert kept in names
    left_out = ", ".join(name for name in names if name != kept)
    settings.write_text(f"{first}models:\n  churn: {{except: [{left_out}]}}\n")
    told["worse"] = forestay(folder, "retrain", "--target", "churn")["churn"]
    told["shadow"] = forestay(folder, "models", "shadow", "churn", WORSE, "--nights", "2")
    told["early"] = forestay(folder, "nightly", "--as-of", "2026-03-01")
    # the list of March is history by now: the newest night is made with it in mind
    forestay(folder, "nightly", "--supersede")
    told["shadowed"] = forestay(folder, "models", "shadow", "churn")
    settings.write_text(f"{first}models:\n  churn: {{params: {{num_leaves: 4}}}}\n")
    told["other"] = forestay(folder, "retrain", "--target", "churn")["churn"]
    told["night"] = forestay(folder, "nightly", "--supersede")
    told["rollback"] = forestay(folder, "models", "rollback", "churn")
    told["history"] = forestay(folder, "models", "history", "churn")["promotions"]
    return folder, told


def refused(folder, *words):
    """Run a command that fails, and return its message."""
    done = subprocess.run(
        [FORESTAY, *words, "--workspace", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout
    return done.stderr


def contacted(list_):
    """Name for whom something is done on a list."""
    rows = pq.read_table(list_ / "risk_list.parquet", partitioning=None).to_pylist()
    return {row["customer_id"] for row in rows if row["decision"] in DOING}


def test_a_worse_model_is_refused_with_reasons(life):
    """By the gate, in the report, on the page, and by hand as well."""
    folder, told = life
    report = told["worse"]["report"]
    assert not report["promoted"]
    failed = {one["name"] for one in report["gate"] if not one["passed"]}
    assert "not_worse_than_champion" in failed
    page = (folder / "reports" / f"retrain-churn-{WORSE}.html").read_text()
    assert "does not serve: the gate failed; 1 serves on" in page
    assert "not_worse_than_champion" in refused(folder, "models", "promote", "churn", WORSE)
    assert {one["version"] for one in told["history"]} == {"1", OTHER}


def test_the_decision_difference_is_the_real_difference_of_the_nights(life):
    """Found out before the promotion; then the night is made with either model."""
    folder, told = life
    found = told["other"]["difference"]["decisions"]
    assert told["other"]["report"]["promoted"]
    newest = told["night"]["as_of"]
    assert found["as_of"] == newest
    lists = folder / "lists"
    before, after = contacted(lists / told["night"]["supersedes"]), contacted(lists / newest)
    assert after != before
    entered = {row["customer_id"] for row in found["entered"]["rows"]}
    left = {row["customer_id"] for row in found["left"]["rows"]}
    assert (entered, left) == (after - before, before - after)
    assert found["entered"]["count"] == len(entered)


def test_going_back_is_one_more_line_of_the_history(life):
    """Who, when, on what evidence; the champion is the first again."""
    _, told = life
    kinds = [(one["kind"], one["version"]) for one in told["history"]]
    assert kinds == [("promote", "1"), ("promote", OTHER), ("rollback", "1")]
    assert told["rollback"]["champion"]
    evidence = told["history"][1]["evidence"]
    assert evidence["instead_of"] == "1"
    assert evidence["common_rows"] > 100
    assert {one["name"] for one in evidence["checks"]} >= {"golden_rows_equal", "is_fair"}


def test_a_challenger_in_the_shadow_is_judged_by_what_came_true(life):
    """It scored the night of March beside the champion; by June the answers are known."""
    _, told = life
    assert told["shadow"]["nights"] == []
    night = told["shadowed"]["nights"][0]
    assert (night["as_of"], night["champion"]) == ("2026-03-01", "1")
    assert night["rank_correlation"] < 0.9
    auc = told["shadowed"]["mature"]["differences"]["roc_auc"]
    assert auc["high"] < 0


def test_the_shadow_changes_nothing_of_the_list(life):
    """Nobody acts on it: no column, no file, no decision of the list knows of it."""
    folder, _ = life
    summary = json.loads((folder / "lists" / "2026-03-01" / "summary.json").read_text())
    assert summary["models"]["churn"]["version"] == "1"
    assert list((folder / "lists").rglob("*shadow*")) == []


def test_each_night_tells_how_earlier_lists_did(life):
    """Of the model that serves again, the list of March has its answers by the newest night."""
    folder, _ = life
    made = forestay(folder, "nightly", "--supersede")
    watched = open_list(folder / "lists", date.fromisoformat(made["as_of"]))
    found = watched.summary["watch"]["performance"]["churn"]
    assert found["lists"] == ["2026-03-01"]
    assert found["roc_auc"]["low"] > 0.5
    stability = watched.summary["watch"]["stability"]["churn"]
    assert stability["same_model"]
    assert 0 < stability["top_decile_kept"] <= 1


def test_history_is_replayed_without_looking_ahead(life):
    """Every cell lies on or after its model's date; age by age it is compared with a fresh one."""
    folder, _ = life
    found = forestay(folder, "backtest", "--target", "churn")["churn"]
    assert all(one["trained_as_of"] <= one["as_of"] for one in found["cells"])
    fresh = {one["as_of"] for one in found["cells"] if one["age_days"] == 0}
    assert fresh == {one["as_of"] for one in found["cells"]}
    ages = [one["age_days"] for one in found["ages"]]
    assert ages == sorted(ages)
    assert found["rhythm_days"] > 0
    assert (folder / "reports" / "backtest-churn.html").is_file()
    assert "nothing is due" in forestay(folder, "retrain", "--if-due")["churn"]["why"]


def test_what_a_night_watched_stands_in_mlflow(life):
    """One run a night, with drift of every feature, in an experiment of its own."""
    folder, _ = life
    client = open_existing(load_workspace(folder)).client
    experiment = client.get_experiment_by_name("corner-shop-watch").experiment_id
    runs = {run.info.run_name: run for run in client.search_runs([experiment])}
    assert "2026-03-01" in runs
    metrics = runs["2026-03-01"].data.metrics
    assert {"alarms", "churn_psi_score", "churn_psi_recency_days"} <= set(metrics)


def test_a_challenger_that_is_lost_keeps_no_list_back(life):
    """Its files are gone: the night warns of it, and the list is there."""
    folder, told = life
    forestay(folder, "models", "shadow", "churn", WORSE, "--nights", "9")
    run = told["worse"]["report"]["run_id"]
    (model,) = folder.glob(f"mlruns/artifacts/*/{run}/artifacts/risk_model")
    shutil.rmtree(model)
    made = forestay(folder, "nightly", "--as-of", "2026-03-10")
    assert made["counts"]["listed"] > 0
    assert "shadow_failed" in {one["code"] for one in made["warnings"]}


def test_a_history_that_was_cut_short_is_seen(life):
    """The nights name the promotions they rest on, so the auditor finds the gap."""
    folder, _ = life
    forestay(folder, "audit", "verify")
    with sqlite3.connect(history_file(load_workspace(folder))) as connection:
        connection.execute("DROP TRIGGER promotions_are_kept")
        connection.execute("DELETE FROM promotions WHERE target = 'churn' AND place > 1")
    assert "history of promotions, churn" in refused(folder, "audit", "verify")
