"""The model that serves, with fold models or without."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.errors import BrokenRecord
from features.progress import SILENT
from tests.training.made_rows import DAYS, NAMES, WINDOWS, made_dataset
from training.champion import Champion, load_folder, save_champion
from training.judgement import judge
from training.procedure import Wishes, fit_model
from training.rows import Rows, customer_keys

DATASET = made_dataset(cross_validated=True)
ROWS = Rows.of(DATASET.table, NAMES)
with SILENT.step("", total=5) as STEP:
    JUDGEMENT = judge(ROWS, DATASET, WINDOWS, Wishes(), STEP)
MODEL, _ = fit_model(ROWS, DAYS[-1:], WINDOWS)
TABLE = DATASET.on(DAYS[-1:])


def _champion(folder: Path) -> Champion:
    sha256 = save_champion(folder, MODEL, JUDGEMENT.folds, {})
    model, folds = load_folder(folder, sha256)
    return Champion(
        target="churn", version="1", sha256=sha256, run_id="r", model=model, folds=folds
    )


def test_customers_of_the_training_are_scored_out_of_fold(tmp_path: Path) -> None:
    """Their listed risks are the test predictions: no model saw the label of its customer."""
    listed = dict(zip(JUDGEMENT.predictions.customers, JUDGEMENT.predictions.risk, strict=True))
    risk = _champion(tmp_path).score(TABLE).risk
    expected = [listed[key] for key in customer_keys(TABLE["customer_id"])]
    assert risk.tolist() == expected


def test_new_customers_are_scored_by_the_served_model(tmp_path: Path) -> None:
    """Who was in no fold gets the model fitted on all."""
    ids = pa.array([f"new {number}" for number in range(TABLE.num_rows)])
    strangers = TABLE.set_column(0, "customer_id", ids)
    scores = _champion(tmp_path).score(strangers)
    assert scores.risk.tolist() == MODEL.risk(strangers).tolist()


def test_contributions_add_up_for_every_fold(tmp_path: Path) -> None:
    """Each row has the base of the model that scored it."""
    scores = _champion(tmp_path).score(TABLE)
    total = scores.base + scores.contributions.sum(axis=1)
    np.testing.assert_allclose(total, scores.margin, atol=1e-9)
    assert len(np.unique(scores.base)) == 5


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    """Reversed rows give reversed scores."""
    champion = _champion(tmp_path)
    backwards = TABLE.take(pa.array(np.arange(TABLE.num_rows)[::-1]))
    assert champion.score(backwards).risk[::-1].tolist() == champion.score(TABLE).risk.tolist()


def test_a_damaged_fold_is_refused(tmp_path: Path) -> None:
    """The hash covers fold models and the assignment too."""
    sha256 = save_champion(tmp_path, MODEL, JUDGEMENT.folds, {})
    (tmp_path / "folds" / "3" / "trees.txt").write_text("tree\n", encoding="utf-8")
    with pytest.raises(BrokenRecord):
        load_folder(tmp_path, sha256)


def test_no_file_names_a_customer(tmp_path: Path) -> None:
    """Customers of the folds are kept as hashes."""
    save_champion(tmp_path, MODEL, JUDGEMENT.folds, {})
    ids = {value.encode() for value in TABLE["customer_id"].to_pylist() if len(value) > 3}
    content = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert not [value for value in ids if b'"' + value + b'"' in content]
