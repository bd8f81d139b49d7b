"""The served model: one sum, and files that are verified before they are read."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import BrokenRecord, NotReady
from tests.training.made_rows import DAYS, NAMES, WINDOWS, made_rows
from training.fit import grow_trees
from training.linear import LinearChoice, fit_linear
from training.model import RiskModel, load_model
from training.procedure import fit_model
from training.terms import Terms

ROWS = made_rows()
MODEL, RECIPE = fit_model(ROWS, DAYS[-3:], WINDOWS)
NUMBER = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))


def _with_trees(trees: int) -> RiskModel:
    terms = Terms.learn(ROWS, None)
    matrix, tree_matrix = terms.matrices(ROWS.table)
    line = fit_linear(matrix, ROWS.labels, LinearChoice(name="", shrinkage=0.01), terms.owners)
    booster = grow_trees(tree_matrix, ROWS.labels, terms.encoding.tree_names, trees, {})
    return RiskModel.of_parts(terms, line, booster, 0.7, ROWS)


FORTY = _with_trees(40)


@settings(max_examples=50, deadline=None)
@given(st.lists(NUMBER, min_size=5, max_size=5), st.sampled_from(["basic", "gold", "new", None]))
def test_for_any_row_contributions_add_up_to_the_margin(numbers: list, plan: str | None) -> None:
    """Base + sum == margin within 1e-9, whatever is missing, wild or unseen."""
    row = dict(zip(NAMES, [*([number] for number in numbers), [plan]], strict=True))
    schema = pa.schema([(n, pa.string() if n == "plan" else pa.float64()) for n in NAMES])
    table = pa.table(row, schema=schema)
    contributions, base = FORTY.contributions(table)
    assert base + contributions.sum() == pytest.approx(FORTY.margin(table)[0], abs=1e-9)


def test_the_base_is_the_mean_margin_of_the_training_rows() -> None:
    """For the linear part exactly; trees weigh their leaves by training rows."""
    line = _with_trees(0)
    assert line.base == pytest.approx(line.linear.margin(np.zeros((1, 8)))[0])
    assert pytest.approx(FORTY.margin(ROWS.table).mean(), abs=0.02) == FORTY.base


def test_risk_is_the_calibrated_margin() -> None:
    """Risk = sigmoid(a x margin + b), in the order of the margin."""
    a, b = MODEL.calibrator.a, MODEL.calibrator.b
    expected = 1 / (1 + np.exp(-(a * MODEL.margin(ROWS.table) + b)))
    np.testing.assert_allclose(MODEL.risk(ROWS.table), expected)


@pytest.mark.parametrize("trees", [0, 40])
def test_files_round_trip_to_the_bit(trees: int, tmp_path: Path) -> None:
    """A loaded model gives the very margins, with trees and without."""
    model = _with_trees(trees)
    loaded = load_model(tmp_path, model.save(tmp_path))
    assert loaded.margin(ROWS.table).tobytes() == model.margin(ROWS.table).tobytes()
    assert loaded.calibrator == model.calibrator
    assert loaded.reference == model.reference


def test_files_are_text_without_pickles(tmp_path: Path) -> None:
    """One is LightGBM's own text, the other canonical JSON."""
    MODEL.save(tmp_path)
    data = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert text == (tmp_path / "model.json").read_text(encoding="utf-8")
    assert (tmp_path / "trees.txt").read_text(encoding="utf-8").startswith("tree\n")


@pytest.mark.parametrize("name", ["trees.txt", "model.json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "gone", "more"])
def test_a_damaged_file_is_refused_before_it_is_parsed(
    name: str, damage: str, tmp_path: Path
) -> None:
    """LightGBM would kill the process or score wrongly in silence."""
    sha256 = MODEL.save(tmp_path)
    path = tmp_path / name
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "more":
        (tmp_path / "new.txt").write_text("x", encoding="utf-8")
    else:
        place = len(content) // 2
        flipped = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        path.write_bytes(content[:place] if damage == "cut" else flipped)
    with pytest.raises(BrokenRecord):
        load_model(tmp_path, sha256)


def test_a_model_of_format_1_goes_on_serving(tmp_path: Path) -> None:
    """It knew no rhythm, no groups and no weight of its trees: they were 1."""
    from training.model import hash_of

    model = replace(FORTY, trees_weight=1.0)
    model.save(tmp_path)
    path = tmp_path / "model.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    old = {name: data[name] for name in data if name not in ("rhythm", "groups", "trees_weight")}
    path.write_text(json.dumps(old | {"format": 1}), encoding="utf-8")
    loaded = load_model(tmp_path, hash_of(tmp_path))
    assert loaded.margin(ROWS.table).tobytes() == model.margin(ROWS.table).tobytes()
    assert loaded.risk(ROWS.table).tobytes() == model.risk(ROWS.table).tobytes()


def test_a_newer_format_is_refused_by_name(tmp_path: Path) -> None:
    """A file of a later version is not read by guess."""
    from training.model import hash_of

    MODEL.save(tmp_path)
    path = tmp_path / "model.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"format":2', '"format":3'), "utf-8")
    with pytest.raises(BrokenRecord, match="format is 3"):
        load_model(tmp_path, hash_of(tmp_path))


def test_a_row_never_depends_on_its_company() -> None:
    """A customer alone has the very bits of the nightly list."""
    together = FORTY.margin(ROWS.table)
    alone = [FORTY.margin(ROWS.table.slice(place, 1))[0] for place in range(30)]
    assert together[:30].tolist() == alone


def test_columns_are_read_by_name() -> None:
    """Reordered columns give the same margins; a missing one is an error that names it."""
    moved = ROWS.table.select(list(reversed(NAMES)))
    assert FORTY.margin(moved).tobytes() == FORTY.margin(ROWS.table).tobytes()
    with pytest.raises(NotReady, match="tenure_days"):
        FORTY.margin(ROWS.table.drop_columns(["tenure_days"]))


def test_no_rows_give_no_scores() -> None:
    """An empty bucket is scored to nothing."""
    empty = ROWS.table.slice(0, 0)
    assert len(FORTY.risk(empty)) == 0
    assert FORTY.contributions(empty)[0].shape == (0, len(NAMES))


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # the package's own colours
@pytest.mark.filterwarnings("ignore:LightGBM binary classifier:UserWarning")
def test_contributions_agree_with_the_shap_package() -> None:
    """What trees add is what `shap.TreeExplainer` says, weighted and summed by raw feature."""
    import shap

    values = FORTY.encoding.read(ROWS.table)
    matrix = FORTY.encoding.tree_matrix(values)
    theirs = np.asarray(shap.TreeExplainer(FORTY.trees).shap_values(matrix))
    expected = np.zeros((ROWS.table.num_rows, len(NAMES)))
    for place, owner in enumerate(FORTY.encoding.tree_owner):
        expected[:, owner] += FORTY.trees_weight * theirs[:, place]
    terms = FORTY.encoding.linear_matrix(values) * FORTY.linear.weights
    for place, owner in enumerate(FORTY.encoding.term_owner):
        expected[:, owner] += terms[:, place]
    np.testing.assert_allclose(FORTY.contributions(ROWS.table)[0], expected, atol=1e-9)
