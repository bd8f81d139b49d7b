"""Weigh the members of a model against each other: one sum on the margin, learnt on later rows.

Averaging log-odds keeps the one sum; averaging probabilities would break it. Weights are never
negative, and drawn to an even split between the lines together and the trees: two views of the
same rows that err differently are better averaged than chosen between.

References
----------
Breiman, Stacked regressions (1996): why weights are kept from being negative.
"""

from collections.abc import Sequence

import numpy as np

from training.calibrate import sigmoid

#: Weight of the even split, in rows: few rows hardly move it.
BELIEF_ROWS = 100.0


def even(lines: int) -> np.ndarray:
    """Return the weights believed before any row is seen: half the lines, half the trees."""
    return np.append(np.full(lines, 0.5 / lines), 0.5)


def fit_weights(
    members: Sequence[np.ndarray], labels: Sequence[np.ndarray], believed: np.ndarray
) -> np.ndarray:
    """Fit the weights of the members by penalised likelihood, each period with a shift of its own.

    Parameters
    ----------
    members : for each period the margins of later rows, rows x members.
    labels : 0 or 1 a row, for each period.
    believed : weights the fit is drawn to.
    """
    from scipy.optimize import minimize

    count = len(believed)

    def loss(given: np.ndarray) -> tuple[float, np.ndarray]:
        off = given[:count] - believed
        total = BELIEF_ROWS * float((off * off).sum())
        gradient = np.concatenate([2 * BELIEF_ROWS * off, np.zeros(len(labels))])
        for place, (margins, y) in enumerate(zip(members, labels, strict=True), start=count):
            score = combine(margins, given[:count]) + given[place]
            wrong = sigmoid(score) - y
            total += float((np.logaddexp(0, score) - y * score).sum())
            gradient[:count] += [float((column * wrong).sum()) for column in margins.T]
            gradient[place] = wrong.sum()
        return total, gradient

    start = np.concatenate([believed, np.zeros(len(labels))])
    bounds = [(0.0, None)] * count + [(None, None)] * len(labels)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x[:count]
    return np.where(found < 1e-6, 0.0, found)  # noqa: PLR2004 - a bound, up to rounding


def combine(margins: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Add the members up, one after the other, so that a row never depends on its company."""
    total = np.zeros(len(margins))
    for place in np.flatnonzero(weights):
        total += margins[:, place] * weights[place]
    return total
