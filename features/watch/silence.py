"""A feed that fell silent: far fewer rows than on any such day of the weeks before.

The shortest window is told in which enough rows are usual to be sure, so that a busy feed is
missed after a day and a quiet one after as many days as it takes.
"""

import numpy as np

from features.watch.windows import Window, window

#: Widths tried, in days.
WIDTHS = (1, 2, 3, 4, 5, 7, 14, 28)
#: So many rows are usual at least: of 30, fewer than 5 come by chance once in ten million times.
ENOUGH = 30
#: Less than this part of what is usual, and of the least there ever was, is silence. Rows that come
#: in bursts are often few, so the least says nothing of them, and they stray far.
PART, OF_LEAST, SURE = 0.15, 0.35, 4.0


def silent(series: np.ndarray) -> Window | None:
    """Return the window in which a feed is silent; None where it is not, or cannot be told."""
    for days in WIDTHS:
        found = window(series, days)
        if found is None:
            return None
        if found.usual >= ENOUGH and _is_quiet(found) and not _each_year(found):
            return found
    return None


def _is_quiet(found: Window) -> bool:
    if found.least is None:
        return False
    by_chance = found.usual - SURE * found.spread
    return found.rows < min(PART * found.usual, OF_LEAST * found.least, by_chance)


def _each_year(found: Window) -> bool:
    """Claim that the same days were as quiet a year ago: a holiday."""
    return found.last_year is not None and found.ratio > OF_LEAST * found.last_year
