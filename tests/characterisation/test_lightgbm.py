"""What we rely on, or work around, in LightGBM."""

import lightgbm as lgb
import numpy as np
import pytest

CHANCES = np.random.default_rng(0)
MATRIX = CHANCES.normal(size=(2000, 4))
LABELS = (MATRIX[:, 0] + CHANCES.normal(size=2000) > 0).astype(float)
PARAMETERS = {
    "objective": "binary", "verbosity": -1, "num_leaves": 7, "seed": 1, "deterministic": True,
    "force_row_wise": True, "boost_from_average": False, "num_threads": 2,
}  # fmt: skip


def _booster(margin: np.ndarray, trees: int = 20, **more) -> lgb.Booster:
    data = lgb.Dataset(MATRIX, LABELS, init_score=margin)
    return lgb.train(PARAMETERS | more, data, trees)


def test_the_initial_margin_is_not_part_of_the_model() -> None:
    """`init_score` is not stored: we add the linear part ourselves."""
    shifted = _booster(np.full(2000, 5.0), trees=1, learning_rate=1e-9)
    assert abs(shifted.predict(MATRIX, raw_score=True)).max() < 1e-6


def test_contributions_sum_to_the_raw_score() -> None:
    """Within 1e-12, missing values included; the last column is the expected value."""
    holes = MATRIX.copy()
    holes[::3, 1] = np.nan
    booster = _booster(np.zeros(2000))
    total = booster.predict(holes, pred_contrib=True).sum(axis=1)
    np.testing.assert_allclose(total, booster.predict(holes, raw_score=True), atol=1e-12)


def test_a_booster_without_trees_is_a_model() -> None:
    """It survives its own text and adds 0."""
    empty = lgb.Booster(PARAMETERS, lgb.Dataset(MATRIX, LABELS))
    again = lgb.Booster(model_str=empty.model_to_string())
    assert again.num_trees() == 0
    assert not again.predict(MATRIX, raw_score=True).any()


def test_text_keeps_every_bit() -> None:
    """A model read back predicts the very same numbers."""
    booster = _booster(np.zeros(2000))
    again = lgb.Booster(model_str=booster.model_to_string())
    left, right = (model.predict(MATRIX, raw_score=True) for model in (booster, again))
    assert left.tobytes() == right.tobytes()


def test_a_row_alone_has_the_bits_it_has_in_company() -> None:
    """One customer is scored as in the nightly list."""
    booster = _booster(np.zeros(2000))
    alone = [booster.predict(MATRIX[place : place + 1], raw_score=True)[0] for place in range(50)]
    assert alone == booster.predict(MATRIX, raw_score=True)[:50].tolist()


def test_reordered_columns_are_accepted_in_silence() -> None:
    """So we read columns by name before LightGBM sees them."""
    booster = _booster(np.zeros(2000))
    moved = booster.predict(MATRIX[:, ::-1], raw_score=True)
    assert abs(moved - booster.predict(MATRIX, raw_score=True)).max() > 0.1


def test_early_stopping_cuts_the_trees_after_the_best_unless_told_otherwise() -> None:
    """`train` drops them through the text; `keep_training_booster` keeps them."""
    train, valid = slice(0, 1000), slice(1000, 2000)
    grown = {}
    for keep in (False, True):
        data = lgb.Dataset(MATRIX[train], CHANCES.permutation(LABELS[train]))
        watched = data.create_valid(MATRIX[valid], LABELS[valid])
        booster = lgb.train(
            PARAMETERS, data, 200, valid_sets=[watched], keep_training_booster=keep,
            callbacks=[lgb.early_stopping(5, verbose=False)],
        )  # fmt: skip
        grown[keep] = booster.num_trees() - booster.best_iteration
    assert grown == {False: 0, True: 5}


def test_a_metric_of_ours_sees_probabilities_with_the_initial_margin() -> None:
    """With a built-in objective the sigmoid is applied before; we undo it."""
    seen: list[np.ndarray] = []

    def look(raw, _data):
        seen.append(raw)
        return "look", 0.0, False

    data = lgb.Dataset(MATRIX, LABELS, init_score=np.full(2000, 1.0))
    valid = data.create_valid(MATRIX, LABELS, init_score=np.full(2000, 1.0))
    quiet = PARAMETERS | {"metric": "none"}
    booster = lgb.train(quiet, data, 1, valid_sets=[valid], feval=look)
    margin = 1.0 + booster.predict(MATRIX, raw_score=True)
    np.testing.assert_allclose(seen[0], 1 / (1 + np.exp(-margin)), rtol=1e-9)


def test_another_number_of_columns_is_an_error_not_a_crash() -> None:
    """It raises, and the process goes on."""
    with pytest.raises(lgb.basic.LightGBMError, match="number of features"):
        _booster(np.zeros(2000)).predict(MATRIX[:, :2])
