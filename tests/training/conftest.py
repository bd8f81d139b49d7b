"""One MLflow store and one trained workspace, made once a session and copied for each test."""

import os
import shutil
from pathlib import Path

import pytest

from features.workspace import Workspace
from tests.training.made_rows import CHURN, made_dataset, made_workspace
from training.experiment import TrainReport, train_on


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainReport]:
    """Folder of a workspace with one promoted model, and the report of its training."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return folder, train_on(made_dataset(), made_workspace(folder), CHURN)


@pytest.fixture(scope="session")
def trained_twice(
    trained_once: tuple[Path, TrainReport], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, TrainReport]:
    """Folder of a moved copy trained again on the same rows, and the report of that."""
    folder = tmp_path_factory.mktemp("twice")
    shutil.copytree(trained_once[0], folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        report = train_on(made_dataset(), made_workspace(folder), CHURN)
        if "MLFLOW_TRACKING_URI" in os.environ:
            pytest.fail("training left MLflow's address behind: the next workspace would use it")
        return folder, report


@pytest.fixture
def two(
    trained_twice: tuple[Path, TrainReport], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """Return a workspace of the test's own with two versions; the second is champion."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copytree(trained_twice[0], tmp_path / "two")
    return made_workspace(tmp_path / "two")


@pytest.fixture
def again(trained_twice: tuple[Path, TrainReport]) -> TrainReport:
    """Return the report of the second training."""
    return trained_twice[1]


@pytest.fixture
def market(
    trained_once: tuple[Path, TrainReport], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """Return a workspace of the test's own with the model trained once: moved, in fact."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copytree(trained_once[0], tmp_path / "market")
    return made_workspace(tmp_path / "market")


@pytest.fixture
def report(trained_once: tuple[Path, TrainReport]) -> TrainReport:
    """Return the report of the one training."""
    return trained_once[1]
