"""Whether risks mean the same for every group: observed over predicted, with its interval.

Risks that are too low for one region and too high for another send help to the wrong doors. A level
that is off for everyone alike is a question of calibration, not of fairness.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

from training.bootstrap import Interval
from training.observed import Observed, Z

#: A ratio of observed to predicted within these is as good as one.
LOWEST, HIGHEST = 0.95, 1.05
_SURE = 0.95


@dataclass(frozen=True, kw_only=True)
class GroupRatio:
    """Observed over predicted cases of one group.

    Attributes
    ----------
    ratio : with an interval that holds for all groups together, 95 times of 100.
    to_all : the same over the ratio of all customers: what is left when the common level is right.
    """

    kind: str
    name: str
    rows: int
    observed: float
    predicted: float
    ratio: Interval
    to_all: Interval

    @property
    def holds(self) -> bool:
        """Whether observed and predicted agree, within 5% or as far as one can know."""
        return _is_one(self.ratio)

    @property
    def fair(self) -> bool:
        """Whether the group is treated as all are."""
        return self.holds or _is_one(self.to_all)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self) | {"holds": self.holds, "fair": self.fair}


def group_ratios(groups: Sequence[Observed]) -> tuple[GroupRatio, ...]:
    """Set observed over predicted for each group, at once for all of them.

    Parameters
    ----------
    groups : as `observed_levels` gives them, each level of each column once.

    Notes
    -----
    Of many groups some would stray by chance. The intervals are widened for their number
    (Bonferroni; Dunn, Multiple comparisons among means, 1961).
    """
    wider = NormalDist().inv_cdf(1 - (1 - _SURE) / 2 / max(len(groups), 1)) / Z
    whole = _whole(groups)
    return tuple(_ratio(one, wider, whole.get(one.kind, 1.0)) for one in groups)


def _whole(groups: Sequence[Observed]) -> Mapping[str, float]:
    """Return observed over predicted of all groups of a kind together."""
    found = {}
    for kind in {one.kind for one in groups}:
        mine = [one for one in groups if one.kind == kind]
        said = sum(one.rows * one.said for one in mine)
        seen = sum(one.rows * one.seen.value for one in mine)
        found[kind] = seen / said if said and seen else 1.0
    return found


def _ratio(one: Observed, wider: float, whole: float) -> GroupRatio:
    said = max(one.said, 1e-12)
    middle = one.seen.value / said
    low = middle - wider * (one.seen.value - one.seen.low) / said
    high = middle + wider * (one.seen.high - one.seen.value) / said
    ratio = Interval(middle, max(0.0, low), high)
    return GroupRatio(
        kind=one.kind, name=one.name, rows=one.rows, observed=one.seen.value, predicted=one.said,
        ratio=ratio, to_all=Interval(ratio.value / whole, ratio.low / whole, ratio.high / whole),
    )  # fmt: skip


def _is_one(ratio: Interval) -> bool:
    return LOWEST <= ratio.value <= HIGHEST or ratio.low <= 1 <= ratio.high
