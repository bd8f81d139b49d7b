"""How sure one may be of a customer's risk: what was seen among those of the same band.

The model's test showed, per band, the share of cases with its interval where a mean risk had been
said. A risk of that band is moved on the log-odds by as much as the ends of that interval lie from
what was said. It speaks of customers like this one, as a calibrated probability does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Numbers = NDArray[np.float64]
#: Shares of 0 and 1 have no log-odds; beyond these nobody could tell.
_LEAST, _MOST = 1e-4, 1 - 1e-4


def risk_interval(
    risk: Numbers, band: Sequence[str | None], judged: Mapping[str, Any]
) -> tuple[Numbers, Numbers]:
    """Return the lower and the upper end of each risk, 95%; NaN where the test showed nothing.

    Parameters
    ----------
    risk : calibrated risks.
    band : the band of each.
    judged : what the model's test showed; its `bands` are read.

    Examples
    --------
    >>> seen = {"low": 0.1, "value": 0.2, "high": 0.3}
    >>> judged = {"bands": [{"name": "low", "said": 0.2, "seen": seen}]}
    >>> low, high = risk_interval(np.array([0.2]), ["low"], judged)
    >>> round(float(low[0]), 3), round(float(high[0]), 3)
    (0.1, 0.3)
    """
    names = np.asarray(band, dtype=object)
    low, high = (np.full(len(risk), np.nan) for _ in range(2))
    inner = np.clip(risk, _LEAST, _MOST)
    for one in judged.get("bands", ()):
        mine = names == one["name"]
        said, seen = np.clip(one["said"], _LEAST, _MOST), one["seen"]
        for ends, end in ((low, "low"), (high, "high")):
            moved = logit(np.clip(seen[end], _LEAST, _MOST)) - logit(said)
            ends[mine] = expit(logit(inner[mine]) + moved)
    return np.minimum(low, risk), np.maximum(high, risk)
