"""`models:` of a forestay.yaml: what the user says of training."""

from pathlib import Path

import pytest

from features.errors import Faults, ForestayError
from features.settings import load_workspace
from features.workspace import ModelSettings, Workspace

SHOP = """\
name: shop
sources:
  orders:
    uri: orders.csv
    columns: {customer_id: c, ordered_at: t, amount: a}
targets:
  churn: {horizon_days: 90}
"""


def _loaded(folder: Path, models: str) -> Workspace:
    (folder / "forestay.yaml").write_text(SHOP + models, encoding="utf-8")
    return load_workspace(folder)


def test_parameters_exclusions_and_trust_are_read(tmp_path):
    """By LightGBM's names, whole numbers staying whole."""
    params = "params: {num_leaves: 7, learning_rate: 0.05}"
    said = f"models: {{churn: {{{params}, except: [gap_mean_days], trust: [score]}}}}"
    assert _loaded(tmp_path, said).model("churn") == ModelSettings(
        params={"num_leaves": 7, "learning_rate": 0.05},
        exclude=("gap_mean_days",),
        trust=("score",),
    )


def test_without_models_nothing_is_said(tmp_path):
    """Every target has the defaults."""
    assert _loaded(tmp_path, "").model("churn") == ModelSettings()


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ("models: {churn: {params: {num_leafs: 7}}}", "did you mean `num_leaves`"),
        ("models: {churn: {params: {num_leaves: 1}}}", "a whole number from 2 to 1024"),
        ("models: {churn: {params: {learning_rate: fast}}}", "a number from 0.001 to 1"),
        ("models: {churn: {exclude: [x]}}", "unknown key `exclude`"),
        ("models: {complaint: {except: [x]}}", "there is no target `complaint`"),
        ("models: {sales: {}}", "unknown key `sales`"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path, models, words):
    """What was wrong, on which line, and what may stand there."""
    with pytest.raises(ForestayError) as told:
        _loaded(tmp_path, models)
    assert "line 8" in str(told.value)
    assert words in str(told.value)


def test_all_faults_come_at_once(tmp_path):
    """Three parameters wrong, three messages."""
    with pytest.raises(Faults) as told:
        _loaded(tmp_path, "models: {churn: {params: {a: 1, max_bin: 0, seed: -1}}}")
    assert str(told.value).count("line 8") == 3
