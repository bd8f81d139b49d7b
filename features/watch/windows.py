"""The newest days of a series beside the same weekdays of the weeks before, and a year before."""

from dataclasses import dataclass

import numpy as np

WEEK, YEAR = 7, 364
#: Earlier windows looked at, half a year of weeks at most, and the fewest that say what is usual.
BEFORE, FEWEST = 26, 4
#: What lasts longer than these days has become usual.
LATELY = 28


@dataclass(frozen=True, kw_only=True)
class Window:
    """What the newest days hold, and what such days usually hold.

    Attributes
    ----------
    days : how many.
    usual : median of the windows before.
    least : the least but one of those more than four weeks ago; None where there are too few. One
        holiday, or one silence that was mended, does not count.
    spread : standard deviation of the windows before, by chance at least.
    last_year : what the same days held a year ago, over what was usual then; None where unknown.
    """

    days: int
    rows: int
    usual: float
    least: float | None
    spread: float
    last_year: float | None

    @property
    def ratio(self) -> float:
        """What there is over what is usual."""
        return self.rows / self.usual if self.usual else 1.0


def window(series: np.ndarray, days: int) -> Window | None:
    """Look at the newest days of a series; None where too little came before to compare with.

    Parameters
    ----------
    series : rows by day, the newest first.
    days : width of the window; those it is compared with begin on the same weekday.

    Examples
    --------
    >>> found = window(np.array([2] + [10] * 60), 1)
    >>> found.rows, found.usual, found.ratio
    (2, 10.0, 0.2)
    """
    before = _before(series, days)
    if len(before) < FEWEST:
        return None
    return Window(
        days=days,
        rows=int(series[:days].sum()),
        usual=float(np.median(before)),
        least=_least(series, days),
        spread=spread(before),
        last_year=_last_year(series, days),
    )


def spread(counts: np.ndarray) -> float:
    """Return how far counts stray from their median: by their own, or by chance (Poisson)."""
    middle = float(np.median(counts))
    own = 1.4826 * float(np.median(np.abs(counts - middle)))
    return max(own, float(np.sqrt(max(middle, 1.0))))


def _before(series: np.ndarray, days: int) -> np.ndarray:
    """Return the sums of earlier windows that begin on the same weekday and do not overlap."""
    step = -(-days // WEEK) * WEEK
    starts = [step * place for place in range(1, BEFORE + 1)]
    return np.array([series[s : s + days].sum() for s in starts if s + days <= len(series)])


def _least(series: np.ndarray, days: int) -> float | None:
    older = series[LATELY:]
    starts = range((-LATELY) % WEEK, len(older) - days + 1, WEEK)
    sums = sorted(older[start : start + days].sum() for start in starts)
    return float(sums[1]) if len(sums) >= FEWEST else None


def _last_year(series: np.ndarray, days: int) -> float | None:
    earlier = series[YEAR:]
    before = _before(earlier, days)
    if len(before) < FEWEST or not np.median(before):
        return None
    return float(earlier[:days].sum() / np.median(before))
