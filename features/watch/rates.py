"""Customers who do more or less of something than they used to, while the rows do arrive.

Fewer orders, more cancellations or complaints: what a competitor, a price or a season does. A rate
has moved when the newest weeks lie beyond what such weeks vary by anyway, and the year before does
not show the same.
"""

from dataclasses import dataclass

import numpy as np

from features.watch.windows import WEEK, YEAR, spread

#: Widths tried, in days; the shortest that is sure is told.
WIDTHS = (7, 14, 28)
#: Weeks before the window that say what is usual, and the fewest.
USUAL_WEEKS, FEWEST_WEEKS = 26, 12
#: Standard deviations beyond which a window is no chance.
SURE = 5.0
#: Smaller changes are no alarm, however sure.
FEWER, MORE = 0.80, 1.35
#: So many rows are usual in a window at least.
ENOUGH = 50


@dataclass(frozen=True, kw_only=True)
class Shift:
    """A rate that moved: rows in the newest days, and what would be usual."""

    days: int
    rows: int
    usual: float

    @property
    def ratio(self) -> float:
        """What there is over what is usual."""
        return self.rows / self.usual


def shifted(series: np.ndarray, *, down: bool) -> Shift | None:
    """Return how a rate moved in the direction that matters; None where it surely did not.

    Parameters
    ----------
    series : rows by day, the newest first.
    down : whether fewer rows matter, else more.
    """
    for days in WIDTHS:
        found = _window(series, days)
        if found is None or found[1] < ENOUGH:
            continue
        rows, usual, deviation = found
        far = (rows - usual) / deviation
        moves = (
            far <= -SURE and rows <= FEWER * usual
            if down
            else (far >= SURE and rows >= MORE * usual)
        )
        if moves and not _each_year(series, days, rows / usual, down=down):
            return Shift(days=days, rows=int(rows), usual=usual)
    return None


def _window(series: np.ndarray, days: int) -> tuple[float, float, float] | None:
    """Return rows of the newest days, what is usual, and how far chance strays from it."""
    weeks = min((len(series) - days) // WEEK, USUAL_WEEKS)
    if weeks < FEWEST_WEEKS:
        return None
    past = series[days : days + WEEK * weeks].reshape(weeks, WEEK).sum(axis=1).astype(float)
    usual = float(np.median(past)) * days / WEEK
    # Weeks stray more than single rows by chance do, for storms and holidays strike many at once.
    weekly = spread(past)
    together = np.sqrt(days / WEEK)
    # and the usual is itself known from so many weeks only
    deviation = weekly * together * float(np.sqrt(1 + days / WEEK / weeks))
    return float(series[:days].sum()), usual, deviation


def _each_year(series: np.ndarray, days: int, ratio: float, *, down: bool) -> bool:
    """Claim that the same weeks moved half as far a year ago: a season."""
    found = _window(series[YEAR:], days)
    if found is None or not found[1]:
        return False
    before = found[0] / found[1]
    return before - 1 < (ratio - 1) / 2 if down else before - 1 > (ratio - 1) / 2
