"""What we rely on, or work around, in MLflow."""

import os
import shutil
from pathlib import Path

import pytest

from tests.training.made_rows import CHURN, made_dataset, made_workspace
from training.experiment import train_on
from training.tracking import open_store


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a workspace with one model."""
    folder = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        train_on(made_dataset(), made_workspace(folder), CHURN)
    return folder


def test_artifact_paths_are_stored_absolute(trained: Path) -> None:
    """Which is why a moved store is set right when it is opened."""
    client = open_store(made_workspace(trained)).client
    location = client.get_experiment_by_name("shop-churn").artifact_location
    assert location == (trained / "mlruns" / "artifacts" / "shop-churn").as_uri()


def test_artifacts_lie_below_the_store_by_run_id(trained: Path) -> None:
    """`<location>/<run id>/artifacts/<path>`: how we find them without the recorded path."""
    client = open_store(made_workspace(trained)).client
    experiment = client.get_experiment_by_name("shop-churn").experiment_id
    run = client.search_runs([experiment])[0].info.run_id
    path = trained / "mlruns" / "artifacts" / "shop-churn" / run / "artifacts"
    assert (path / "risk_model" / "model.json").is_file()


def test_a_booster_is_logged_as_lightgbm_text(trained: Path) -> None:
    """No pickle, no skops: `model.lgb` is what LightGBM itself writes."""
    logged = next((trained / "mlruns").glob("artifacts/*/models/*/artifacts/model.lgb"))
    assert logged.read_text(encoding="utf-8").startswith("tree\n")


def test_setting_the_store_writes_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So we put it back: the next workspace would write into this one's store."""
    import mlflow

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    address = f"sqlite:///{tmp_path / 'x.db'}"
    mlflow.set_tracking_uri(address)
    assert os.environ["MLFLOW_TRACKING_URI"] == address
    mlflow.set_tracking_uri(None)
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_artifacts_have_no_digest(trained: Path, tmp_path: Path) -> None:
    """MLflow loads a changed model without a word; our hash is what notices."""
    import mlflow.lightgbm

    logged = next((trained / "mlruns").glob("artifacts/*/models/*/artifacts"))
    copy = tmp_path / "copy"
    shutil.copytree(logged, copy)
    text = (copy / "model.lgb").read_text(encoding="utf-8")
    (copy / "model.lgb").write_text(text.replace("[seed: 7]", "[seed: 8]"), encoding="utf-8")
    assert mlflow.lightgbm.load_model(copy.as_uri()).num_feature() > 0
