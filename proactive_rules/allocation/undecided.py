"""Who is still undecided: the customers that are worth a closer look, and what comes of it.

A choice that would lose more than is left between bound and value cannot be part of a better
solution. Whoever has only one choice left is settled; the others are a core, and the optimum of
the core is the optimum of the whole.

References
----------
Balas & Zemel, An algorithm for large zero-one knapsack problems (1980): the core.
"""

from dataclasses import dataclass

import numpy as np

from proactive_rules.allocation.core import Core, Relaxed
from proactive_rules.allocation.kinds import Kinds, Places, kinds_of
from proactive_rules.allocation.problem import Choice, Numbers, Problem
from proactive_rules.allocation.repair import Wishes

#: Options of the largest core that is solved to the end; nodes of its search tree, and nodes times
#: options, so that the largest cores take no longer: a limit of time would not repeat itself.
CORE_OPTIONS, CORE_NODES, CORE_EFFORT = 3_000, 1_000, 1_000_000
#: The same where little is to be gained, and kinds of customers in a core that only improves.
FEW_OPTIONS, FEW_NODES, NEAREST = 1_000, 200, 300
#: Options of the largest problem whose linear relaxation is solved as a whole.
RELAXED_OPTIONS = 20_000
#: Relative gap that needs no improvement; relative gap that is none.
SMALL, NONE = 1e-5, 1e-9


def whole(problem: Problem) -> Core:
    """Return the problem itself as a core: nobody is settled."""
    largest = problem.value.max(axis=1, initial=0.0)
    people = np.flatnonzero(largest > 0)
    # In this order, HiGHS sees the same problem however the rows were given.
    kinds = kinds_of(problem, people[np.argsort(-largest[people], kind="stable")])
    places = problem.group[kinds.first][:, None], problem.variant[kinds.first]
    blocked = problem.blocked[*places, np.arange(problem.value.shape[1])]
    return Core(
        problem=problem,
        kept=np.full(len(problem.group), -1, np.int16),
        kinds=kinds,
        open=(problem.value[kinds.first] > 0) & ~blocked,
        may_stay=np.ones(len(kinds.first), np.bool_),
        worth=float(largest.sum()) or 1.0,
    )


def relaxed(problem: Problem) -> Relaxed | None:
    """Return the linear relaxation of a problem that is small, or of few kinds of customers."""
    options = np.count_nonzero(problem.value > 0)
    if options > RELAXED_OPTIONS:
        largest = problem.value.max(axis=1)
        if len(np.unique(largest[largest > 0])) > RELAXED_OPTIONS:
            return None
    core = whole(problem)
    return core.relaxed() if 0 < len(core.values) <= RELAXED_OPTIONS else None


@dataclass(frozen=True, kw_only=True)
class Undecided:
    """The customers in the order of their margin, least first, at the prices that made a bound."""

    problem: Problem
    surcharge: Numbers
    wished: Wishes
    bound: float

    def improve(self, choice: Choice) -> tuple[Choice, float]:
        """Return the best choice that a core holds, and the bound that it proves.

        Where all choices that could be better are few, they are all looked at. Where they are
        many, the customers nearest to another choice are, and that may leave few.
        """
        is_near = False
        while (gap := self.bound - self.problem.worth(choice)) > NONE * self.bound:
            is_small = gap <= SMALL * self.bound
            options = FEW_OPTIONS if is_small else CORE_OPTIONS
            loss = gap + NONE * self.bound
            people = np.flatnonzero(self.wished.margin <= loss)
            people = people[np.argsort(self.wished.margin[people], kind="stable")]
            if not len(people):
                return choice, self.problem.worth(choice)
            core = self._core(choice, self._kinds(people, options), loss)
            if len(core.kinds.people) == len(people) and len(core.values) <= options:
                nodes = min(CORE_NODES, CORE_EFFORT // max(len(core.values), 1))
                choice, limit = _better(core, choice, FEW_NODES if is_small else nodes)
                return choice, min(self.bound, max(limit, self.problem.worth(choice)))
            if is_near or is_small:
                break
            is_near = True
            kinds = self._kinds(people, NEAREST)
            loss = float(self.wished.margin[kinds.people[-1]])
            choice, _ = _better(self._core(choice, kinds, loss), choice, FEW_NODES)
        return choice, self.bound

    def _kinds(self, people: Places, most: int) -> Kinds:
        """Return the kinds of the first of some customers: those alike have the same margin."""
        margin = self.wished.margin[people]
        rank = np.append(0, np.cumsum(np.diff(margin) > 0))[: len(people)]
        kinds = kinds_of(self.problem, people[rank < most])
        return kinds if len(kinds.first) <= most else kinds_of(self.problem, people[:most])

    def _core(self, choice: Choice, kinds: Kinds, loss: float) -> Core:
        """Open to each of some customers what loses at most so much, and what he has."""
        problem, first = self.problem, kinds.first
        value = problem.value[first]
        places = problem.group[first][:, None], problem.variant[first], np.arange(value.shape[1])
        best = np.maximum(self.wished.reduced[first], 0.0)
        is_open = (value > 0) & (best[:, None] - (value - self.surcharge[places]) <= loss)
        may_stay = best <= loss
        has = choice[kinds.people]
        is_open[kinds.kind[has >= 0], has[has >= 0]] = True
        may_stay[kinds.kind[has < 0]] = True
        kept = choice.copy()
        kept[kinds.people] = -1
        return Core(
            problem=problem,
            kept=kept,
            kinds=kinds,
            open=is_open,
            may_stay=may_stay,
            worth=self.bound - problem.worth(kept),
        )


def _better(core: Core, choice: Choice, nodes: int) -> tuple[Choice, float]:
    problem = core.problem
    found, bound = core.solved(nodes)
    is_better = problem.worth(found) > problem.worth(choice)
    return (found if is_better and problem.fits(problem.count(found)) else choice), bound
