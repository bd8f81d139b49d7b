"""What was seen where the model said something: per band of risk and per group of customers.

Shares of cases, of answers not seen in training, beside the mean risk that was said, with intervals
from bootstraps of customers. A band's interval says how sure one may be of its customers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.bands import BANDS, cutoffs
from training.bootstrap import Interval, interval, worlds
from training.evaluate import Predictions

#: The normal deviate of a 95% interval.
Z = 1.96
#: Groups with fewer rows say nothing.
LEAST_ROWS = 30


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Customers of one kind: how many, the mean risk they were given, and the share of cases."""

    kind: str
    name: str
    rows: int
    said: float
    seen: Interval

    @property
    def holds(self) -> bool:
        """Whether what was said lies in the interval of what was seen."""
        return self.seen.low <= self.said <= self.seen.high

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self) | {"holds": self.holds}


def observed_bands(given: Predictions, band: np.ndarray) -> tuple[Observed, ...]:
    """Return what was seen in each band, highest first; bands nobody was in are left out.

    Parameters
    ----------
    given : out-of-time predictions.
    band : the band each row was put in.
    """
    return _observed(given, "band", {name: band == name for name in BANDS})


def observed_levels(
    given: Predictions, levels_of: Mapping[str, np.ndarray], least: int = LEAST_ROWS
) -> tuple[Observed, ...]:
    """Return what was seen in each level of some columns, such as every segment and region.

    Parameters
    ----------
    given : out-of-time predictions.
    levels_of : by column the level of each row, in the same order; empty where unknown.
    least : groups with fewer rows are left out.
    """
    found: list[Observed] = []
    for column, levels in levels_of.items():
        names = [str(name) for name in np.unique(levels) if name]
        found += _observed(given, column, {name: levels == name for name in names}, least)
    return tuple(found)


def outside_their_band(found: Sequence[Observed], base_rate: float) -> tuple[str, ...]:
    """Name the bands whose share of cases surely lies outside the band's own limits."""
    cuts = cutoffs(base_rate)
    lower, upper = [*cuts.values(), 0.0], [1.0, *cuts.values()]
    limits = dict(zip(BANDS, zip(lower, upper, strict=True), strict=True))
    return tuple(
        one.name
        for one in found
        if one.seen.high < limits[one.name][0] or one.seen.low > limits[one.name][1]
    )


def _observed(
    given: Predictions, kind: str, masks: Mapping[str, np.ndarray], least: int = 1
) -> tuple[Observed, ...]:
    kept = {name: mask for name, mask in masks.items() if mask.sum() >= least}
    if not kept:
        return ()
    members = np.column_stack(list(kept.values())).astype(float)
    cases = members * given.labels[:, None]
    with np.errstate(invalid="ignore"):
        draws = [(weights @ cases) / (weights @ members) for weights in worlds(given.customers)]
    shares = np.concatenate(draws)
    return tuple(
        Observed(
            kind=kind,
            name=name,
            rows=int(mask.sum()),
            said=float(given.risk[mask].mean()),
            seen=_share(given, mask, shares[:, place]),
        )
        for place, (name, mask) in enumerate(kept.items())
    )


def _share(given: Predictions, mask: np.ndarray, draws: np.ndarray) -> Interval:
    """Return the share of cases; where none or all are, resampling sees no doubt but Wilson does.

    References
    ----------
    Wilson, Probable inference, the law of succession, and statistical inference (1927).
    """
    share = float(given.labels[mask].mean())
    if 0 < share < 1:
        return interval(share, draws)
    count = len(np.unique(given.customers[mask]))
    doubt = Z**2 / (count + Z**2)
    return Interval(share, max(0.0, share - doubt), min(1.0, share + doubt))
