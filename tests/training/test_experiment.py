"""A training run: its report, what it leaves in MLflow, and who may serve."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.errors import BadInput
from features.workspace import Workspace
from tests.training.made_rows import CHURN, NAMES, TESTS, made_dataset, made_table
from training.experiment import TrainReport, train, train_on
from training.registry import list_models, load_champion
from training.splits.evaluation_plan import Problem
from training.tracking import open_store

METRICS = ("roc_auc", "pr_auc", "log_loss", "brier", "ece", "top_decile_lift")


def test_the_report_has_the_shape_programs_rely_on(report: TrainReport) -> None:
    """Keys, types and metric names as the design fixes them; it is JSON without NaN."""
    data = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    fixed = {
        "run_id", "model_version", "promoted", "no_skill", "warnings", "n_train", "n_test",
        "base_rate", "metrics", "baseline", "per_test_as_of",
    }  # fmt: skip
    assert fixed <= set(data)
    wanted = {f"test_{name}{end}" for name in METRICS for end in ("", "_low", "_high")}
    assert set(data["metrics"]) == set(data["baseline"]) == wanted
    assert [period["as_of"] for period in data["per_test_as_of"]] == [f"{day}" for day in TESTS]


def test_a_model_with_skill_is_promoted_and_serves(report: TrainReport, market: Workspace) -> None:
    """It beats chance on its test dates, and loads by its hash, in a moved workspace too."""
    champion = load_champion(market, "churn")
    assert report.promoted
    assert champion is not None
    assert champion.version == report.model_version
    assert champion.score(made_table()).risk.shape == (made_table().num_rows,)


def test_a_model_without_skill_never_serves(market: Workspace) -> None:
    """It is registered, says so, and the champion goes on."""
    chance = train_on(made_dataset(made_table(skill=0.0)), market, CHURN)
    assert (chance.no_skill, chance.promoted) == (True, False)
    assert "no_skill" in {warning["code"] for warning in chance.warnings}
    champion = load_champion(market, "churn")
    assert champion is not None
    assert champion.version == "1"


def test_a_clearly_worse_model_is_not_promoted(market: Workspace) -> None:
    """A model that lost its best feature is compared on the same customers and dates."""
    table = made_table()
    chances = np.random.default_rng(0).permutation(table.num_rows)
    blurred = table.set_column(3, "recency_days", table["recency_days"].take(pa.array(chances)))
    worse = train_on(made_dataset(blurred), market, CHURN)
    assert not worse.promoted
    assert [c["name"] for c in worse.gate if not c["passed"]][-1] == "not_worse_than_champion"


def test_training_again_gives_the_same_model(
    two: Workspace, report: TrainReport, again: TrainReport
) -> None:
    """Same rows, same metrics, same files; the registry counts a second version."""
    assert again.metrics == report.metrics
    assert again.model_version == "2"
    first, second = list_models(two, "churn")
    assert first.sha256 == second.sha256


def test_second_person_keeps_the_old_champion(market: Workspace) -> None:
    """The new version waits for another approver, and the report says so."""
    waiting = train_on(made_dataset(), replace(market, promotion="second_person"), CHURN)
    assert not waiting.promoted
    assert "awaits_approval" in {warning["code"] for warning in waiting.warnings}
    champion = load_champion(market, "churn")
    assert champion is not None
    assert champion.version == "1"


def test_looks_at_test_dates_are_counted(two: Workspace, again: TrainReport) -> None:
    """A second run on the same dates is logged as the second look."""
    metrics = open_store(two).client.get_run(again.run_id).data.metrics
    assert [metrics[f"test_evaluations_{day}"] for day in TESTS] == [2.0, 2.0]


def test_mlflow_holds_what_the_design_names(market: Workspace, report: TrainReport) -> None:
    """Metrics of ours and the baseline, parameters, fingerprints, pictures, card, signature."""
    store = open_store(market)
    run = store.client.get_run(report.run_id)
    for name in METRICS:
        assert {f"test_{name}_low", f"baseline_test_{name}_high"} <= set(run.data.metrics)
    assert run.data.params["dataset_fingerprint"] == "f" * 64
    assert {"num_leaves", "learning_rate", "n_estimators", "seed"} <= set(run.data.params)
    assert len(run.data.tags["forestay.code"]) == 64
    curve = store.client.get_metric_history(report.run_id, "later_log_loss")
    assert [point.step for point in curve] == list(range(len(curve)))
    assert len(curve) > 10
    assert run.inputs.dataset_inputs[0].dataset.digest == "f" * 32
    assert store.artifacts_of(report.run_id, "plots/shap_summary.png").stat().st_size > 10_000
    assert store.artifacts_of(report.run_id, "card/model_card.html").exists()
    logged = next(store.folder.glob("artifacts/shop-churn/models/*/artifacts/MLmodel"))
    assert "signature:" in logged.read_text(encoding="utf-8")


def test_nothing_kept_names_a_customer_or_pickles(market: Workspace) -> None:
    """Predictions are kept by hash, models as text."""
    files = [path for path in (market.folder / "mlruns" / "artifacts").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {
        ".txt", ".json", ".html", ".png", ".parquet", ".lgb", ".yaml", "",
    }  # fmt: skip
    assert not [path for path in files if b"customer_id" in path.read_bytes()]


def test_one_date_is_cross_validated_and_listed_out_of_fold(tmp_path: Path, monkeypatch) -> None:
    """The champion holds the fold models that made its test metrics."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    from tests.training.made_rows import made_workspace

    market = made_workspace(tmp_path)
    report = train_on(made_dataset(made_table(600), cross_validated=True), market, CHURN)
    champion = load_champion(market, "churn")
    assert report.promoted
    assert champion is not None
    assert champion.folds is not None
    assert len(champion.folds.models) == 5


def test_an_unknown_target_is_named(market: Workspace) -> None:
    """The message lists the targets there are."""
    with pytest.raises(BadInput, match=r"no target 'complaint'(.|\n)*churn"):
        train(market, "complaint")


def test_data_that_make_no_model_give_a_report_that_says_why(
    market: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No run, no model, no traceback: the words and numbers of the plan."""
    problem = Problem(code="no_mature_date", message="12 days of 30", blocking=True)
    blocked = replace(made_dataset().plan, problems=(problem,))
    monkeypatch.setattr("training.experiment.open_accepted", lambda _: None)
    monkeypatch.setattr("training.experiment.plan", lambda *_: blocked)
    found = train(market, "churn")
    assert (found.run_id, found.promoted, found.no_skill) == (None, False, True)
    assert found.warnings == ({"code": "no_mature_date", "message": "12 days of 30"},)


def test_features_read_are_those_of_the_dataset(market: Workspace) -> None:
    """In its order, by name."""
    champion = load_champion(market, "churn")
    assert champion is not None
    assert champion.feature_names == NAMES
