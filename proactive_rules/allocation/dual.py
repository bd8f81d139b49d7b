"""Prices of the limits: the multipliers of the least upper bound, by L-BFGS-B.

At given prices every customer simply takes the option of the largest reduced value, so one pass
over the customers is an evaluation; what they take together, less the limits, is the gradient.
Fairness enters as one multiplier for each ordered pair of groups, share g - share h <= spread:
that is the same as a free level with an upper and a lower multiplier each, whose sums must be
equal, but leaves bounds only. Every set of prices >= 0 proves a bound.

References
----------
Geoffrion, Lagrangean relaxation for integer programming (1974).
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from proactive_rules.allocation.kernels import People, tally
from proactive_rules.allocation.problem import TOLERANCE, Counts, Numbers, Problem

#: Customers one thread counts at a time; their values add up in whole parts below 2**62.
BLOCK = 1 << 15
_PART_BITS = 62 - 15
#: At a kink the curvature learnt so far misleads, so the search starts again where it ended.
ROUNDS = 5
#: Relative gain below which a round is not worth another.
GAIN = 1e-9


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Multipliers >= 0 of the limits (R,) and of the pairs of fairness groups, and their bound."""

    limit: Numbers
    pair: Numbers
    bound: float


class Demand:
    """What all customers take at given prices, counted in blocks by threads."""

    def __init__(self, problem: Problem, pool: ThreadPoolExecutor) -> None:
        """Keep the customers, and the unit in which their values are added."""
        self._people = People(problem.value, problem.variant, problem.group)
        self._starts = range(0, len(problem.group), BLOCK)
        self._map = pool.map if len(self._starts) > 1 else map
        _, exponent = np.frexp(max(problem.value.max(initial=0.0), 2.0**-900))
        self._unit = 2.0 ** (_PART_BITS - int(exponent))

    def at(self, surcharge: Numbers) -> tuple[Counts, float]:
        """Return the choices counted as (C, V, K), and the sum of their values."""

        def count(start: int) -> tuple[Counts, int]:
            counts = np.zeros(surcharge.shape, np.int64)
            span = (start, min(start + BLOCK, len(self._people.group)), self._unit)
            return counts, int(tally(self._people, surcharge, span, counts))

        parts = list(self._map(count, self._starts))
        counts = sum((part[0] for part in parts), np.zeros(surcharge.shape, np.int64))
        return counts, sum(part[1] for part in parts) / self._unit


class Dual:
    """The bound as a function of scaled prices, and the best prices seen."""

    def __init__(self, problem: Problem, demand: Demand) -> None:
        """Scale so that the bound without prices is 1 and every curvature is near 1."""
        self._problem, self._demand = problem, demand
        limit, pair = np.zeros(len(problem.limit)), np.zeros(len(problem.pairs))
        counts, self._worth = demand.at(problem.surcharge(limit, pair))
        self.best = Prices(limit=limit, pair=pair, bound=self._worth)
        wanted = np.maximum(problem.limit, problem.used(counts))[problem.finite]
        contacts = problem.contacts(counts)
        wide = problem.shares(counts) ** 2 * contacts.sum() / np.maximum(contacts, 1)
        scale = np.concatenate([wanted, np.sqrt(wide[problem.pairs].sum(axis=1))])
        self._scale = np.where(scale > 0, scale, 1.0)

    def bound_at(self, limit: Numbers, pair: Numbers) -> tuple[float, Numbers]:
        """Return the bound that prices prove, and its gradient; remember the best."""
        problem = self._problem
        counts, value = self._demand.at(problem.surcharge(limit, pair))
        left = (problem.limit - problem.used(counts))[problem.finite]
        slack = np.concatenate([left, problem.slack(counts)])
        given = np.concatenate([limit[problem.finite], pair])
        bound = value + float((given * slack).sum())
        if bound < self.best.bound:
            self.best = Prices(limit=limit, pair=pair, bound=bound)
        return bound, slack

    def search(self) -> Prices:
        """Return the best prices found from no prices on."""
        from scipy.optimize import minimize

        def scaled(point: Numbers) -> tuple[float, Numbers]:
            given = point * self._worth / self._scale
            limit = np.zeros(len(self._problem.limit))
            limit[self._problem.finite], pair = np.split(given, [len(self._problem.finite)])
            bound, slack = self.bound_at(limit, pair)
            return bound / self._worth, slack / self._scale

        point = np.zeros(len(self._scale))
        for _ in range(ROUNDS if len(point) and self._worth else 0):
            before = self.best.bound
            point = minimize(
                scaled, point, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(point),
                options={"maxiter": 200, "maxcor": 20, "maxls": 30, "ftol": 1e-11, "gtol": 1e-10},
            ).x  # fmt: skip
            if before - self.best.bound <= GAIN * before:
                break
        return self.best


def first_unit_prices(
    problem: Problem, price: Numbers, charged: Numbers, spare: Numbers
) -> Numbers:
    """Return the prices, where there is nothing of a limit that of its first unit.

    The options that need it are no part of the dual, so it has no price there; it is worth what
    the best of them gains on what the customer would have instead, `spare` (n,).
    """
    passed = problem.use > problem.limit * (1 + TOLERANCE)
    lone = passed & (passed.sum(axis=3) == 1)[..., None] & (problem.limit == 0)
    for option in np.flatnonzero(lone.any(axis=(0, 1, 3))):
        kind = problem.group, problem.variant[:, option]
        gain = np.zeros(problem.use.shape[:2])
        np.maximum.at(gain, kind, problem.value[:, option] - charged[*kind, option] - spare)
        each = np.divide(
            gain[..., None], problem.use[:, :, option], where=lone[:, :, option],
            out=np.zeros_like(problem.use[:, :, option]),
        )  # fmt: skip
        price = np.maximum(price, each.max(axis=(0, 1)))
    return price
