"""From prices to a choice that respects every limit: who is surest of an option comes first.

Prices leave the customers at the margin undecided, and a few too many may want the same place. So
customers are walked in the order of what they would lose, each takes the best option that still
fits, and what is left over goes to whoever can still use it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proactive_rules.allocation.kernels import Balance, People, Room, give, wish
from proactive_rules.allocation.problem import TOLERANCE, Choice, Flags, Numbers, Problem

#: Times what is left over is given out: each time the groups behind let those ahead move on.
ROUNDS = 20


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What each customer wants at given prices.

    Parameters
    ----------
    option : (n,), of the largest reduced value above zero, or -1.
    reduced : (n,), the largest reduced value of any option; -inf where there is none.
    margin : (n,), what the next best (an option, or none) loses; inf where there is none.
    """

    option: Choice
    reduced: Numbers
    margin: Numbers


def wishes(problem: Problem, surcharge: Numbers) -> Wishes:
    """Return what each customer wants, and how badly."""
    people = People(problem.value, problem.variant, problem.group)
    count = len(problem.group)
    wished = Wishes(
        option=np.empty(count, np.int16), reduced=np.empty(count), margin=np.empty(count)
    )
    wish(people, surcharge, wished.option, wished.reduced, wished.margin)
    return wished


def repair(
    problem: Problem, surcharge: Numbers, wished: Wishes, decided: Choice | None = None
) -> Choice:
    """Return a choice that respects every limit, as near to the wishes as the order allows.

    Where the relaxation has decided nearly everybody, wishes matter only for the others.
    """
    if decided is not None and problem.within_limits(problem.count(decided)):
        choice = decided.copy()
    else:
        choice = np.full(len(problem.group), -1, np.int16)
        _give(problem, surcharge, _order(wished.margin, wished.option >= 0), choice, np.inf)
    even_out(problem, surcharge, choice)
    rest = _order(wished.reduced, (choice < 0) & np.isfinite(wished.reduced))
    apart = np.inf if problem.spread is None else problem.spread
    for _ in range(ROUNDS):
        if not _give(problem, surcharge, rest, choice, apart):
            break
    return choice


def _order(key: Numbers, which: Flags) -> NDArray[np.intp]:
    """Return the places of some, largest first."""
    places = np.flatnonzero(which)
    return places[np.argsort(-key[places], kind="stable")]


def _give(
    problem: Problem, surcharge: Numbers, order: NDArray[np.intp], choice: Choice, apart: float
) -> int:
    counts = problem.count(choice)
    compared = np.zeros(problem.regions, np.bool_)
    compared[problem.compared] = np.isfinite(apart)
    room = Room(problem.use, problem.limit * (1 + TOLERANCE) - problem.used(counts))
    balance = Balance(
        problem.region, problem.weight, problem.shares(counts), compared, apart + TOLERANCE
    )
    people = People(problem.value, problem.variant, problem.group)
    return give(people, surcharge, order, (room, balance), choice)


def even_out(problem: Problem, surcharge: Numbers, choice: Choice) -> None:
    """Drop the contacts of least reduced value of groups ahead, until none is too far ahead."""
    counts = problem.count(choice)
    if problem.fits(counts):
        return
    groups, share = problem.compared.tolist(), problem.shares(counts).tolist()
    people = np.flatnonzero(choice >= 0)
    option, classes = choice[people], problem.group[people]
    reduced = problem.value[people, option]
    reduced -= surcharge[classes, problem.variant[people, option], option]
    people = people[np.argsort(-reduced, kind="stable")]
    region, weight = problem.region[problem.group], problem.weight[problem.group]
    queues = {g: people[region[people] == g].tolist() for g in groups}
    while groups:
        ahead, behind = max(groups, key=share.__getitem__), min(share[g] for g in groups)
        if share[ahead] <= behind + (problem.spread or 0.0) + TOLERANCE:
            return
        last = queues[ahead].pop()
        choice[last] = -1
        share[ahead] = share[ahead] - weight[last] if queues[ahead] else 0.0
