"""LightGBM on top of a linear margin: how trees are grown, and how many help.

Regularised for sparse logs; seeded and deterministic. Only the native `Booster` is used: its text
loads without unpickling anything.
"""

import logging
from typing import Any

import lightgbm as lgb
import numpy as np

from training.calibrate import sigmoid

#: Small trees, large leaves, strong shrinkage: what sparse purchase logs take.
PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "metric": "none",
    "num_leaves": 15,
    "min_child_samples": 80,
    "learning_rate": 0.03,
    "lambda_l2": 5.0,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "feature_fraction": 0.7,
    "boost_from_average": False,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 7,
    "num_threads": 2,
    "verbosity": -1,
}
MOST_TREES = 400
PATIENCE = 40
NEWTON_STEPS = 30

lgb.register_logger(logging.getLogger("forestay.lightgbm"))


def parameters_for(rows: int) -> dict[str, Any]:
    """Return the parameters, with smaller leaves where there are few rows."""
    leaf = int(np.clip(rows // 30, 10, PARAMETERS["min_child_samples"]))
    return PARAMETERS | {"min_child_samples": leaf}


def grow_trees(
    matrix: np.ndarray, labels: np.ndarray, margin: np.ndarray, names: tuple[str, ...], trees: int
) -> lgb.Booster:
    """Grow so many trees on top of a margin; none is allowed, and then the margin stands alone.

    Parameters
    ----------
    matrix : rows x tree columns, NaN where missing.
    labels : 0 or 1 a row.
    margin : log-odds the trees correct, a row each.
    names : of the columns, safe for LightGBM's text format.
    trees : how many.
    """
    parameters = parameters_for(len(labels))
    data = lgb.Dataset(matrix, labels, init_score=margin, feature_name=list(names))
    if trees == 0:
        return lgb.Booster(parameters, data)
    return lgb.train(parameters, data, trees)


def watch_trees(
    fit: tuple[np.ndarray, np.ndarray, np.ndarray],
    later: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> tuple[lgb.Booster, np.ndarray]:
    """Grow trees on one period and watch the loss on a later one, stopping when it rises.

    Parameters
    ----------
    fit, later : matrix, labels and linear margin of each period.

    Returns
    -------
    booster, losses : ``losses[k]`` is the later period's loss after k trees, k from 0. The loss
        forgives a shift of the base rate, for the calibrator sees to that.
    """
    matrix, labels, margin = fit
    data = lgb.Dataset(matrix, labels, init_score=margin)
    watched = data.create_valid(later[0], later[1], init_score=later[2])
    losses: list[float] = [shifted_loss(later[2], later[1])]

    def loss(raw: np.ndarray, given: lgb.Dataset) -> tuple[str, float, bool]:
        losses.append(shifted_loss(_as_margin(raw), given.get_label()))
        return "loss", losses[-1], False

    booster = lgb.train(
        parameters_for(len(labels)),
        data,
        MOST_TREES,
        valid_sets=[watched],
        feval=loss,
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
        keep_training_booster=True,  # otherwise the trees after the best one are cut off
    )
    return booster, np.array(losses)


def shifted_losses(margin: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each row's log loss after the best common shift of the margin.

    Seasons move the base rate of every candidate alike; what is compared is the order and the
    spread.
    """
    shift = 0.0
    for _ in range(NEWTON_STEPS):
        risk = sigmoid(margin + shift)
        step = (labels - risk).sum() / max((risk * (1 - risk)).sum(), 1e-9)
        shift += float(np.clip(step, -1, 1))
        if abs(step) < 1e-9:  # noqa: PLR2004 - further steps change no digit
            break
    score = margin + shift
    return np.logaddexp(0, score) - labels * score


def shifted_loss(margin: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of `shifted_losses`."""
    return float(shifted_losses(margin, labels).mean())


def _as_margin(raw: np.ndarray) -> np.ndarray:
    """Undo the sigmoid LightGBM applies before it calls a metric of ours (objective given)."""
    clipped = np.clip(raw, 1e-12, 1 - 1e-12)
    return np.log(clipped / (1 - clipped))
