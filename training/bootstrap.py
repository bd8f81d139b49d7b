"""Bootstrap of customers: how often each was drawn, for a thousand worlds, a few at a time.

All rows of a customer are drawn together, for they are not independent. Draws depend on the
customers' hashes and a seed only, never on the order of rows: two models judged on the same rows
are judged in the same worlds, so their difference is paired.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

WORLDS = 1000
SEED = 20110310
#: Weights held in memory at once.
AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Interval:
    """A value and the middle 95% of its bootstrap."""

    value: float
    low: float
    high: float


def worlds(customers: np.ndarray, *, number: int = WORLDS) -> Iterator[np.ndarray]:
    """Yield weights, worlds x rows, in chunks that fit in memory.

    Parameters
    ----------
    customers : hash of the customer of each row.
    number : how many worlds in all.
    """
    unique, place = np.unique(customers, return_inverse=True)
    chances = np.random.default_rng(SEED)
    step = max(1, AT_ONCE // max(len(customers), 1))
    for start in range(0, number, step):
        drawn = np.empty((min(step, number - start), len(unique)))
        for world in drawn:
            picks = chances.integers(0, len(unique), len(unique))
            world[:] = np.bincount(picks, minlength=len(unique))
        yield drawn[:, place]


def interval(value: float, draws: np.ndarray) -> Interval:
    """Return the percentile interval; worlds in which the value does not exist are left out."""
    known = draws[np.isfinite(draws)]
    if len(known) == 0:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(value, float(low), float(high))


def centred_interval(value: float, draws: np.ndarray) -> Interval:
    """Return the interval moved to the value's own place, for what resampling inflates.

    The calibration error of a resample is that of the sample plus resampling noise, so its plain
    percentiles lie above the value; never below 0.
    """
    plain = interval(value, draws)
    known = draws[np.isfinite(draws)]
    shift = float(known.mean()) - value if len(known) else 0.0
    return Interval(value, max(0.0, plain.low - shift), max(value, plain.high - shift))
