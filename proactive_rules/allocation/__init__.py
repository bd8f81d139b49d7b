"""The best choice of at most one option a customer, under limits that all customers share.

Pure: no clock, no disk, no chance. Prices of the limits make an upper bound (`dual`), customers
take what fits at those prices (`repair`), and an exact solver looks at who is still `undecided`.
The bound certifies how far the choice can be from the best one. Read `problem` first.

References
----------
Martello & Toth, Knapsack Problems (1990), ch. 6: the multiple-choice knapsack.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from proactive_rules.allocation.problem import Allocation, Problem

__all__ = ["Allocation", "Problem", "allocate"]


def allocate(problem: Problem) -> Allocation:
    """Choose at most one option a customer, so that the values add up to the most.

    Parameters
    ----------
    problem : what may be chosen, what it is worth, and the limits.

    Returns
    -------
    A choice that respects every limit and never takes an option of no value, with the bound that
    tells how far from the best it can be, and the prices that decided. It is the best one where
    few customers are undecided (up to some 300 always, several thousand mostly); beyond, the gap
    shrinks as their number grows.

    Examples
    --------
    Two places; the customer worth 9 is left out because the option is worth more to others.

    >>> one = Problem(
    ...     value=[[10.0], [12.0], [9.0]], variant=[[0], [0], [0]], group=[0, 0, 0],
    ...     use=[[[[1.0]]]], limit=[2.0], region=[-1], weight=[0.0],
    ... )
    >>> best = allocate(one)
    >>> best.choice.tolist(), best.value, best.gap
    ([0, 0, -1], 22.0, 0.0)
    """
    # Compilers and solvers take a second to load, and few commands need them.
    from proactive_rules.allocation.dual import Demand, Dual, first_unit_prices
    from proactive_rules.allocation.repair import repair, wishes
    from proactive_rules.allocation.undecided import Undecided, relaxed

    with ThreadPoolExecutor() as pool:
        dual = Dual(problem, Demand(problem, pool))
        if exact := relaxed(problem):
            dual.bound_at(exact.limit, exact.pair)
        else:
            dual.search()
    prices = dual.best
    surcharge = problem.surcharge(prices.limit, prices.pair)
    wished = wishes(problem, surcharge)
    undecided = Undecided(problem=problem, surcharge=surcharge, wished=wished, bound=prices.bound)
    decided = exact.choice if exact else None
    choice, bound = undecided.improve(repair(problem, surcharge, wished, decided))
    value, counts = problem.worth(choice), problem.count(choice)
    bound = max(bound, value)
    charged, spare = problem.charged(prices.limit, prices.pair), np.maximum(wished.reduced, 0.0)
    return Allocation(
        choice=choice,
        value=value,
        bound=bound,
        gap=(bound - value) / bound if bound else 0.0,
        used=problem.used(counts),
        price=first_unit_prices(problem, prices.limit, charged, spare),
        share=problem.shares(counts),
        share_price=problem.share_price(prices.pair),
        surcharge=surcharge,
    )
