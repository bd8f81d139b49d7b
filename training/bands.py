"""Bands of risk in words, cut where the odds are 4, 2 and 1 times the usual odds.

Odds, not probabilities: twice a base rate of 60% would be more than certain.
"""

import numpy as np
import pyarrow as pa

#: Times the base odds from which a band begins, highest first; below all of them is `low`.
TIMES_BASE_ODDS = {"very_high": 4.0, "high": 2.0, "medium": 1.0}
LOWEST_BAND = "low"
BANDS = (*TIMES_BASE_ODDS, LOWEST_BAND)


def cutoffs(base_rate: float) -> dict[str, float]:
    """Return the risk from which each band begins, for lists and their readers.

    Parameters
    ----------
    base_rate : share of positives among those the model was trained on, between 0 and 1.

    Raises
    ------
    ValueError : the base rate is 0 or 1, so that there are no odds.

    Examples
    --------
    >>> {band: round(cut, 3) for band, cut in cutoffs(0.2).items()}
    {'very_high': 0.5, 'high': 0.333, 'medium': 0.2}
    """
    if not 0 < base_rate < 1:
        raise ValueError("a base rate lies between 0 and 1, both excluded")
    odds = base_rate / (1 - base_rate)
    return {band: times * odds / (1 + times * odds) for band, times in TIMES_BASE_ODDS.items()}


def bands(risk: np.ndarray, base_rate: float) -> pa.Array:
    """Name the band of each calibrated risk, so that people can read a list; NaN gives null.

    Examples
    --------
    >>> bands(np.array([0.6, 0.4, 0.25, 0.1, np.nan]), 0.2).to_pylist()
    ['very_high', 'high', 'medium', 'low', None]
    """
    risk = np.asarray(risk, dtype=float)
    cuts = cutoffs(base_rate)
    steps = np.array(list(cuts.values()))
    names = pa.array(BANDS)
    below = (risk[:, None] < steps).sum(axis=1)
    return names.take(pa.array(below, mask=np.isnan(risk)))
