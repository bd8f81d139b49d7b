"""What depends on all customers of a night at once: with it, a decision needs its own row only.

Medians, answering rates, fair groups, limits and their prices are made from everybody. Kept with
the run's record, they let one customer's decision be made again without the others.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from proactive_rules.allocation import Allocation
from proactive_rules.means import Groups, Means
from proactive_rules.timing.answering import Answering, answering_from_data

#: Arrays of an allocation that do not grow with the customers.
_SHARED = ("used", "price", "share", "share_price", "surcharge")
_SUMS = ("value", "bound", "gap")


@dataclass(frozen=True, kw_only=True)
class Collective:
    """The part of a night's decisions that no customer's row holds.

    Attributes
    ----------
    typical_value : median value at stake; NaN where it is known of nobody.
    known_risks : columns of risks that are known of somebody.
    answering : what all past sends together say.
    groups : fair groups; without any customers.
    means : the limits, with what earlier decisions held of each.
    allocation : prices and what was used; without any choices.
    """

    typical_value: float
    known_risks: frozenset[str]
    answering: Answering
    groups: Groups
    means: tuple[Means, ...]
    allocation: Allocation

    def as_data(self) -> dict[str, Any]:
        """Return plain data; numbers without a value (no median, no room at all) are None."""
        groups, found = self.groups, self.allocation
        return {
            "typical_value": _plain(self.typical_value),
            "known_risks": sorted(self.known_risks),
            "answering": self.answering.as_data(),
            "groups": {
                "names": list(groups.names),
                "region": groups.region.tolist(),
                "weight": groups.weight.tolist(),
                "spread": groups.spread,
                "edges": _plain(groups.edges),
            },
            "means": [asdict(one) | {"takes": one.takes.tolist()} for one in self.means],
            "allocation": {name: _plain(getattr(found, name)) for name in (*_SHARED, *_SUMS)},
        }


def collective_from_data(data: Mapping[str, Any]) -> Collective:
    """Rebuild from plain data, as `as_data` gave it."""
    groups, found = data["groups"], data["allocation"]
    nobody = np.zeros(0, dtype=np.int32)
    return Collective(
        typical_value=float(_array(data["typical_value"], np.nan)),
        known_risks=frozenset(data["known_risks"]),
        answering=answering_from_data(data["answering"]),
        groups=Groups(
            names=tuple(groups["names"]),
            customer_class=nobody,
            region=np.array(groups["region"], dtype=np.int32),
            weight=_array(groups["weight"], np.nan),
            spread=groups["spread"],
            edges=_array(groups["edges"], -np.inf),
        ),
        means=tuple(
            Means(**{**one, "takes": np.array(one["takes"]).reshape(2, -1)})
            for one in data["means"]
        ),
        allocation=Allocation(
            choice=nobody.astype(np.int16),
            **{name: _array(found[name], np.inf) for name in (*_SHARED, *_SUMS)},
        ),
    )


def _plain(numbers: Any) -> Any:  # noqa: ANN401 - a number or nested lists of them
    """Write down numbers; None for what JSON cannot hold, of which a field has one kind only."""
    if np.ndim(numbers):
        return [_plain(one) for one in numbers]
    return float(numbers) if np.isfinite(numbers) else None


def _array(numbers: Any, absent: float) -> Any:  # noqa: ANN401 - see `_plain`
    read = np.array(numbers, dtype=np.float64)
    return np.where(np.isnan(read), absent, read)
