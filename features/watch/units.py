"""A column whose unit changed, or that ran empty: the values themselves, not how many there are.

Another unit multiplies every value by one factor, so all quantiles of the logarithm move alike; a
change of what is bought or asked moves some more than others.
"""

from dataclasses import dataclass

import numpy as np

from features.watch.daily import BIN, MISSING
from features.watch.windows import LATELY

#: Widths tried, in days, and the weeks before that say what is usual.
WIDTHS = (1, 2, 3, 4, 5, 7, 14, 28)
WEEKS = 8
#: Values needed in the window.
ENOUGH = 30
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
#: Smaller factors are prices and moods.
FACTOR = 4.0
#: Quantiles may differ so much in how far they move: of the move, and on the log scale.
ALIKE, ALIKE_LEAST = 0.2, 0.35
#: Filled in less than this part of what is usual, a column is empty.
EMPTY = 0.3
#: Factors with a name.
KNOWN = {60: "minutes and seconds", 100: "cents", 1000: "thousands", 24: "hours and days"}


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What became of a column's values in the newest days.

    Attributes
    ----------
    factor : new values over the usual; None where the column ran empty.
    filled, usually_filled : share of rows with a value.
    """

    days: int
    factor: float | None
    filled: float
    usually_filled: float

    @property
    def likely(self) -> str:
        """Name what such a factor often is; empty where it is none of the known."""
        if self.factor is None:
            return ""
        size = max(self.factor, 1 / self.factor)
        return next((said for known, said in KNOWN.items() if 0.8 < size / known < 1.25), "")  # noqa: PLR2004 - as near as medians of a day come


def moved(rows: np.ndarray, back: int = 0) -> Moved | None:
    """Return how a column's values moved; None where they did not, or too few say so.

    Parameters
    ----------
    rows : day back, known day, bin, rows; as `Daily.values` holds them.
    back : so many days before the night.
    """
    seen = rows[(rows[:, 1] >= back) & (rows[:, 0] >= back)]
    day, bins, counts = seen[:, 0] - back, seen[:, 2], seen[:, 3]
    for days in WIDTHS:
        recent = day < days
        if counts[recent].sum() < ENOUGH:
            continue
        # a change of the last weeks is not yet usual, so that it is told for as long
        usual = (day >= LATELY) & (day < LATELY + 7 * WEEKS)
        if counts[usual].sum() < 2 * ENOUGH:
            return None
        found = _compared(days, (bins, counts), recent, usual, day)
        if found is not None:
            return found
    return None


def _compared(
    days: int,
    given: tuple[np.ndarray, np.ndarray],
    recent: np.ndarray,
    usual: np.ndarray,
    day: np.ndarray,
) -> Moved | None:
    bins, counts = given
    filled, usually = (_filled(bins[part], counts[part]) for part in (recent, usual))
    if usually >= EMPTY and filled < EMPTY * usually:
        return Moved(days=days, factor=None, filled=filled, usually_filled=usually)
    now, before = (_quantiles(bins[part], counts[part]) for part in (recent, usual))
    if now is None or before is None:
        return None
    steps = now - before
    step = float(np.median(steps))
    alike = np.abs(steps - step).max() <= max(ALIKE_LEAST, ALIKE * abs(step))
    if abs(step) < np.log(FACTOR) or not alike or _restless(given, usual, day, step):
        return None
    return Moved(days=days, factor=float(np.exp(step)), filled=filled, usually_filled=usually)


def _restless(
    given: tuple[np.ndarray, np.ndarray], usual: np.ndarray, day: np.ndarray, step: float
) -> bool:
    """Claim that the medians of most weeks lie half as far apart anyway."""
    bins, counts = given
    medians = []
    for week in np.unique(day[usual] // 7):
        part = usual & (day // 7 == week)
        found = _quantiles(bins[part], counts[part])
        if found is not None and counts[part].sum() >= ENOUGH:
            medians.append(found[len(QUANTILES) // 2])
    if len(medians) < 2:  # noqa: PLR2004 - one week has no other to differ from
        return False
    low, high = np.quantile(medians, [0.25, 0.75])
    return float(high - low) > abs(step) / 2


def _filled(bins: np.ndarray, counts: np.ndarray) -> float:
    total = counts.sum()
    return float(counts[bins != MISSING].sum() / total) if total else 0.0


def _quantiles(bins: np.ndarray, counts: np.ndarray) -> np.ndarray | None:
    """Return quantiles of the logarithm, from counted bins."""
    known = bins != MISSING
    if not counts[known].sum():
        return None
    order = np.argsort(bins[known], kind="stable")
    reached = np.cumsum(counts[known][order]) / counts[known].sum()
    places = np.searchsorted(reached, QUANTILES)
    return (bins[known][order][places] + 0.5) * BIN
