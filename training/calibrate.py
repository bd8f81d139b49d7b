"""Turn a margin into a probability: two plain numbers, learnt from out-of-time predictions.

`risk = sigmoid(a * margin + b)` with a > 0 keeps the order; what groups show beyond it stands in
`segments`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Weight of the belief that the margin is calibrated already, in rows: few rows move it little.
BELIEF_ROWS = 50.0
#: Fewer labels of either kind than this say nothing about the slope.
FEW = 25


def sigmoid(margin: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-margin)), without overflow."""
    small = np.exp(-np.abs(margin))
    return np.where(margin >= 0, 1 / (1 + small), small / (1 + small))


@dataclass(frozen=True)
class Calibrator:
    """Slope and shift on the log-odds margin."""

    a: float = 1.0
    b: float = 0.0

    def score(self, margin: np.ndarray) -> np.ndarray:
        """Return the calibrated log-odds of each margin."""
        return self.a * margin + self.b


@dataclass(frozen=True, kw_only=True)
class Periods:
    """One slope, and how far each period's log-odds lay above what the margin said."""

    slope: float
    shifts: tuple[float, ...]

    def scores(self, margins: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the log-odds of each period's rows as its own labels have them on the whole."""
        pairs = zip(margins, self.shifts, strict=True)
        return [self.slope * margin + shift for margin, shift in pairs]

    def calibrator(self, belief: float = 1.0) -> Calibrator:
        """Carry the slope on, and a part of the mean shift.

        A period's shift is a season as often as a trend, so only a part of it is believed.
        """
        return Calibrator(self.slope, belief * float(np.mean(self.shifts or (0.0,))))


def fit_periods(margins: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> Periods:
    """Fit one slope and a shift a period by maximum likelihood.

    Few rows hardly move either: both are drawn towards 1 and 0.

    Parameters
    ----------
    margins : log-odds of rows the models behind them had not seen, an array a period.
    labels : 0 or 1 each.
    """
    from scipy.optimize import minimize

    pairs = [pair for pair in zip(margins, labels, strict=True) if len(pair[1])]
    if not pairs:
        return Periods(slope=1.0, shifts=())
    few = any(min(y.sum(), len(y) - y.sum()) < FEW for _, y in pairs)

    def loss(given: np.ndarray) -> tuple[float, np.ndarray]:
        a = 1.0 if few else float(np.exp(given[0]))
        total, slope = BELIEF_ROWS * given[0] ** 2, 2 * BELIEF_ROWS * given[0]
        gradient = np.zeros_like(given)
        for place, (margin, y) in enumerate(pairs, start=1):
            score = a * margin + given[place]
            wrong = sigmoid(score) - y
            total += (np.logaddexp(0, score) - y * score).sum() + BELIEF_ROWS / 10 * given[
                place
            ] ** 2
            slope += 0.0 if few else a * (wrong * margin).sum()
            gradient[place] = wrong.sum() + BELIEF_ROWS / 5 * given[place]
        gradient[0] = slope
        return float(total), gradient

    found = minimize(loss, np.zeros(len(pairs) + 1), jac=True, method="BFGS").x
    slope = 1.0 if few else float(np.exp(found[0]))
    return Periods(slope=slope, shifts=tuple(float(shift) for shift in found[1:]))
