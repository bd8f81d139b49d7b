"""LightGBM beside the lines: how trees are grown, and how many help.

Regularised for sparse logs; seeded and deterministic. Only the native `Booster` is used: its text
loads without unpickling anything.
"""

import logging
from collections.abc import Mapping
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
    "max_bin": 63,
    "boost_from_average": False,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 7,
    "verbosity": -1,
}
#: Says how many trees instead of letting earlier origins say it; LightGBM's own name for it.
TREE_COUNT = "n_estimators"
#: From so many rows on two threads are faster than one; bits are the same (`deterministic`).
ROWS_FOR_TWO_THREADS = 100_000
MOST_TREES = 400
PATIENCE = 40
NEWTON_STEPS = 30

lgb.register_logger(logging.getLogger("forestay.lightgbm"))


def parameters_for(rows: int, own: Mapping[str, float]) -> dict[str, Any]:
    """Return the parameters, with smaller leaves where there are few rows, and the user's own."""
    leaf = int(np.clip(rows // 30, 10, PARAMETERS["min_child_samples"]))
    chosen = {name: value for name, value in own.items() if name != TREE_COUNT}
    threads = 1 + (rows >= ROWS_FOR_TWO_THREADS)
    return PARAMETERS | {"num_threads": threads, "min_child_samples": leaf} | chosen


def grow_trees(
    matrix: np.ndarray,
    labels: np.ndarray,
    names: tuple[str, ...],
    trees: int,
    own: Mapping[str, float],
) -> lgb.Booster:
    """Grow so many trees on top of the base log-odds; none is allowed.

    Parameters
    ----------
    matrix : rows x tree columns, NaN where missing.
    labels : 0 or 1 a row; both occur.
    names : of the columns, safe for LightGBM's text format.
    trees : how many.
    own : parameters that differ from ours.
    """
    parameters = parameters_for(len(labels), own)
    start = np.full(len(labels), base_log_odds(labels))
    data = lgb.Dataset(matrix, labels, init_score=start, feature_name=list(names))
    if trees == 0:
        return lgb.Booster(parameters, data)
    return lgb.train(parameters, data, trees)


def watch_trees(
    fit: tuple[np.ndarray, np.ndarray],
    later: tuple[np.ndarray, np.ndarray],
    own: Mapping[str, float],
) -> tuple[lgb.Booster, np.ndarray]:
    """Grow trees on one period and watch the loss on a later one, stopping when it rises.

    Parameters
    ----------
    fit, later : matrix and labels of each period.
    own : parameters that differ from ours; with `n_estimators` no other count is tried.

    Returns
    -------
    booster, losses : log loss on the later rows with 0, 1, 2, .. trees. It forgives a shift of the
        base rate, for the calibrator sees to that.
    """
    (matrix, labels), (unseen, answers) = fit, later
    start = base_log_odds(labels)
    data = lgb.Dataset(matrix, labels, init_score=np.full(len(labels), start))
    watched = data.create_valid(unseen, answers, init_score=np.full(len(answers), start))
    losses: list[float] = [shifted_loss(np.full(len(answers), start), answers)]

    def loss(raw: np.ndarray, given: lgb.Dataset) -> tuple[str, float, bool]:
        losses.append(shifted_loss(_as_margin(raw), given.get_label()))
        return "loss", losses[-1], False

    stop = [] if TREE_COUNT in own else [lgb.early_stopping(PATIENCE, verbose=False)]
    booster = lgb.train(
        parameters_for(len(labels), own),
        data,
        int(own.get(TREE_COUNT, MOST_TREES)),
        valid_sets=[watched],
        feval=loss,
        callbacks=stop,
        keep_training_booster=True,  # otherwise the trees after the best one are cut off
    )
    return booster, np.array(losses)


def base_log_odds(labels: np.ndarray) -> float:
    """Return the log-odds of the mean label, where trees start from; both labels occur."""
    rate = float(labels.mean())
    return float(np.log(rate / (1 - rate)))


def shifted_losses(margin: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each row's log loss after the best common shift of the margin.

    Seasons move the base rate of every candidate alike; what is compared is the order and the
    spread.
    """
    score = margin + best_shift(margin, labels)
    return np.logaddexp(0, score) - labels * score


def best_shift(margin: np.ndarray, labels: np.ndarray) -> float:
    """Return the common shift of the log-odds under which the labels are likeliest."""
    shift = 0.0
    for _ in range(NEWTON_STEPS):
        risk = sigmoid(margin + shift)
        step = (labels - risk).sum() / max((risk * (1 - risk)).sum(), 1e-9)
        shift += float(np.clip(step, -1, 1))
        if abs(step) < 1e-9:  # noqa: PLR2004 - further steps change no digit
            break
    return shift


def shifted_loss(margin: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of `shifted_losses`."""
    return float(shifted_losses(margin, labels).mean())


def _as_margin(raw: np.ndarray) -> np.ndarray:
    """Undo the sigmoid LightGBM applies before it calls a metric of ours (objective given)."""
    clipped = np.clip(raw, 1e-12, 1 - 1e-12)
    return np.log(clipped / (1 - clipped))
