"""What is to be shared out, and what came of it: two records and the sums both sides agree on.

No search is here: only checks, and how a choice or a price adds up.
"""

from dataclasses import dataclass
from functools import cached_property
from math import fsum

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]
Choice = NDArray[np.int16]
#: Rounding forgiven when a limit is checked, in parts of the limit: ten cents ten times fit a euro.
TOLERANCE = 1e-10


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """At most one option for each of n customers, under limits that all of them share.

    Parameters
    ----------
    value : (n, K), what option k is worth for customer i, in currency; chosen only above zero,
        so -inf where it is not allowed.
    variant : (n, K), which of the V variants of the option applies, such as 1 where a person must
        review it first.
    group : (n,), class of the customer in [0, C).
    use : (C, V, K, R), what one customer of a class takes of each limit: a place, a cost, hours.
    limit : (R,), what may be taken together; inf never binds.
    region : (C,), fairness group of each class in [0, G), or -1 where it is not compared.
    weight : (C,), what one contact adds to the contacted share of the fairness group.
    spread : largest difference allowed between the shares of any two fairness groups that have a
        customer; None where they are not compared.

    Raises
    ------
    ValueError : shapes that do not fit, a place out of range, a use or limit below zero.
    """

    value: Numbers
    variant: NDArray[np.uint8]
    group: NDArray[np.int32]
    use: Numbers
    limit: Numbers
    region: NDArray[np.int32]
    weight: Numbers
    spread: float | None = None

    def __post_init__(self) -> None:
        """Take the arrays as the kernels read them, and refuse what would read past their ends."""
        kinds = {
            "value": np.float64, "variant": np.uint8, "group": np.int32, "use": np.float64,
            "limit": np.float64, "region": np.int32, "weight": np.float64,
        }  # fmt: skip
        for name, kind in kinds.items():
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), kind))
        faults = [words for words, right in _claims(self) if not right]
        if faults:
            raise ValueError(f"no such allocation: {'; '.join(faults)}")

    @cached_property
    def blocked(self) -> Flags:
        """(C, V, K), true where a single choice already passes a limit."""
        return np.asarray((self.use > self.limit * (1 + TOLERANCE)).any(axis=3))

    @cached_property
    def finite(self) -> NDArray[np.intp]:
        """Return the places of the limits that can bind."""
        return np.flatnonzero(np.isfinite(self.limit))

    @cached_property
    def regions(self) -> int:
        """Return G, the number of fairness groups."""
        return int(self.region.max(initial=-1)) + 1

    @cached_property
    def compared(self) -> NDArray[np.intp]:
        """Return the fairness groups that are held together: those with a customer."""
        if self.spread is None:
            return np.zeros(0, np.intp)
        peopled = self.region[np.bincount(self.group, minlength=len(self.region)) > 0]
        return np.unique(peopled[peopled >= 0]).astype(np.intp)

    @cached_property
    def pairs(self) -> NDArray[np.intp]:
        """Return the ordered pairs of compared groups, (P, 2)."""
        others = ~np.eye(len(self.compared), dtype=np.bool_)
        return np.asarray(self.compared[np.argwhere(others)], np.intp)

    def used(self, counts: Numbers | Counts) -> Numbers:
        """Return what so many choices (C, V, K) take of each limit."""
        return np.asarray((counts[..., None] * self.use).sum(axis=(0, 1, 2)))

    def contacts(self, counts: Numbers | Counts) -> Numbers:
        """Return the contacts of each fairness group."""
        return self._by_region(counts.sum(axis=(1, 2)))

    def shares(self, counts: Numbers | Counts) -> Numbers:
        """Return the contacted share of each fairness group."""
        return self._by_region(counts.sum(axis=(1, 2)) * self.weight)

    def slack(self, counts: Numbers | Counts) -> Numbers:
        """Return how much further apart the groups of each pair may be."""
        share = self.shares(counts)[self.pairs]
        return (self.spread or 0.0) - (share[:, 0] - share[:, 1])

    def share_price(self, pair: Numbers) -> Numbers:
        """Return what the multipliers of the pairs charge for one unit of share of a group."""
        ahead, behind = (
            np.bincount(self.pairs[:, side], pair, minlength=self.regions) for side in (0, 1)
        )
        return np.asarray(ahead - behind, np.float64)

    def surcharge(self, price: Numbers, pair: Numbers) -> Numbers:
        """Return all prices of one choice together, (C, V, K); inf where it can never fit."""
        return np.where(self.blocked, np.inf, self.charged(price, pair))

    def charged(self, price: Numbers, pair: Numbers) -> Numbers:
        """Return all prices of one choice together, (C, V, K), whether it fits or not."""
        charged = (self.use * price).sum(axis=3)
        within = self.region >= 0
        fair = self.share_price(pair)[self.region[within]] * self.weight[within]
        charged[within] += fair[:, None, None]
        return np.asarray(charged)

    def _by_region(self, classes: Numbers) -> Numbers:
        within = self.region >= 0
        sums = np.bincount(self.region[within], classes[within], minlength=self.regions)
        return np.asarray(sums, np.float64)

    def count(self, choice: Choice) -> Counts:
        """Return how many choices there are of each class, variant and option."""
        people = np.flatnonzero(choice >= 0)
        option = choice[people]
        counts = np.zeros(self.use.shape[:3], np.int64)
        np.add.at(counts, (self.group[people], self.variant[people, option], option), 1)
        return counts

    def worth(self, choice: Choice) -> float:
        """Return the sum of the values chosen, the same in any order."""
        people = np.flatnonzero(choice >= 0)
        return fsum(self.value[people, choice[people]])

    def within_limits(self, counts: Counts) -> bool:
        """Say whether so many choices respect every limit."""
        return bool((self.used(counts) <= self.limit * (1 + 2 * TOLERANCE)).all())

    def fits(self, counts: Counts) -> bool:
        """Say whether so many choices respect every limit, and the fairness groups each other."""
        slack = self.slack(counts).min(initial=np.inf)
        return self.within_limits(counts) and bool(slack >= -2 * TOLERANCE)


@dataclass(frozen=True, kw_only=True, eq=False)
class Allocation:
    """Who gets which option, how good that is at most, and what decided it.

    Parameters
    ----------
    choice : (n,), option or -1.
    value : sum of the values chosen.
    bound : no choice that respects the limits is worth more.
    gap : (bound - value) / bound; 0 where the bound is 0.
    used : (R,), what the choice takes of each limit.
    price : (R,), what one more unit of each limit is worth.
    share : (G,), contacted share of each fairness group.
    share_price : (G,), what fairness charges for one unit of share of the group; below zero where
        it grants.
    surcharge : (C, V, K), all prices of one choice together; inf where one choice alone passes a
        limit. `value[i, k] - surcharge[group[i], variant[i, k], k]` is the reduced value: whoever
        has one above zero gets the option of the largest, except at the margin, where what is
        left decides.
    """

    choice: Choice
    value: float
    bound: float
    gap: float
    used: Numbers
    price: Numbers
    share: Numbers
    share_price: Numbers
    surcharge: Numbers


def _claims(problem: Problem) -> list[tuple[str, bool]]:
    shape, sizes = problem.value.shape, problem.use.shape
    if len(shape) != 2 or len(sizes) != 4:  # noqa: PLR2004 - dimensions
        return [("value must be (n, K), and use (C, V, K, R)", False)]
    classes, variants, options, limits = sizes
    return [
        ("value and variant differ in shape", problem.variant.shape == shape),
        ("group must be (n,)", problem.group.shape == shape[:1]),
        ("value and use differ in options", shape[1] == options),
        ("limit must be (R,)", problem.limit.shape == (limits,)),
        ("region must be (C,)", problem.region.shape == (classes,)),
        ("weight must be (C,)", problem.weight.shape == (classes,)),
        ("a group is out of range", _within(problem.group, 0, classes)),
        ("a variant is out of range", _within(problem.variant, 0, variants)),
        ("a region is below -1", _within(problem.region, -1, np.inf)),
        ("a value is inf or NaN", _within(problem.value, -np.inf, np.inf)),
        ("a use is below zero or not finite", _within(problem.use, 0, np.inf)),
        ("a limit is below zero", bool((problem.limit >= 0).all())),
        ("a weight is below zero or not finite", _within(problem.weight, 0, np.inf)),
        ("spread is below zero", problem.spread is None or problem.spread >= 0),
    ]


def _within(numbers: np.ndarray, low: float, below: float) -> bool:
    return not numbers.size or bool(numbers.min() >= low and numbers.max() < below)
