"""The three loops over all customers, compiled; nothing else here and nothing compiled elsewhere.

They let go of the interpreter's lock, so threads share the work. Numba's own parallel loops would
rest on OpenMP, which kills a process forked after their first use.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from proactive_rules.allocation.problem import Choice, Counts, Flags, Numbers

#: From, to, and the whole parts that make one unit of value.
Span = tuple[int, int, float]
Function = TypeVar("Function", bound=Callable)


class People(NamedTuple):
    """What is asked for: (n, K), (n, K) and (n,), as in `Problem`."""

    value: Numbers
    variant: NDArray[np.uint8]
    group: NDArray[np.int32]


class Room(NamedTuple):
    """What one choice takes, (C, V, K, R), and what is left of each limit."""

    use: Numbers
    left: Numbers


class Balance(NamedTuple):
    """Fairness groups: as in `Problem`, with the shares so far and how far they may be apart."""

    region: NDArray[np.int32]
    weight: Numbers
    share: Numbers
    compared: Flags
    apart: float


def compiled(function: Function) -> Function:
    """Compile at the first call; keep the result beside the source where that can be written."""
    try:
        return cast("Function", njit(cache=True, nogil=True)(function))
    except RuntimeError:  # a read-only installation has no place for it
        return cast("Function", njit(nogil=True)(function))


@compiled
def tally(
    people: People, surcharge: Numbers, span: tuple[int, int, float], counts: Counts
) -> np.int64:
    """Count what customers of a span take at given prices; return the sum of its values.

    Values add up in whole parts: those make the same sum in any order, so neither the number of
    threads nor the order of the customers changes anything.
    """
    start, stop, unit = span
    worth = np.int64(0)
    for i in range(start, stop):
        c = people.group[i]
        best, chosen = 0.0, -1
        for k in range(people.value.shape[1]):
            value = people.value[i, k]
            reduced = value - surcharge[c, people.variant[i, k], k]
            if reduced > best and value > 0:
                best, chosen = reduced, k
        if chosen >= 0:
            worth += np.int64(np.rint(people.value[i, chosen] * unit))
            counts[c, people.variant[i, chosen], chosen] += 1
    return worth


@compiled
def wish(
    people: People, surcharge: Numbers, option: Choice, reduced: Numbers, margin: Numbers
) -> None:
    """Fill in the best option of each customer, its reduced value, and what the next loses."""
    for i in range(people.value.shape[0]):
        best, second, chosen = -np.inf, -np.inf, -1
        for k in range(people.value.shape[1]):
            if people.value[i, k] > 0:
                r = people.value[i, k] - surcharge[people.group[i], people.variant[i, k], k]
                if r > best:
                    best, second, chosen = r, best, k
                elif r > second:
                    second = r
        reduced[i] = best
        option[i] = chosen if best > 0 else -1
        margin[i] = best - max(second, 0.0) if best > 0 else -best


@compiled
def _fits(use: Numbers, left: Numbers) -> bool:
    for r in range(len(left)):  # noqa: SIM110 - numba compiles the loop, not all()
        if use[r] > left[r]:
            return False
    return True


@compiled
def _keeps_balance(balance: Balance, c: int) -> bool:
    g = balance.region[c]
    if g < 0 or not balance.compared[g]:
        return True
    then = balance.share[g] + balance.weight[c] - balance.apart
    for h in range(len(balance.share)):
        if balance.compared[h] and h != g and balance.share[h] < then:
            return False
    return True


@compiled
def give(
    people: People,
    surcharge: Numbers,
    order: NDArray[np.int64],
    limits: tuple[Room, Balance],
    choice: Choice,
) -> int:
    """Give customers without an option the best that still fits, in order; return how many."""
    room, balance = limits
    given = 0
    for i in order:
        c = people.group[i]
        if choice[i] >= 0 or not _keeps_balance(balance, c):
            continue
        best, chosen = -np.inf, -1
        for k in range(people.value.shape[1]):
            v = people.variant[i, k]
            r = people.value[i, k] - surcharge[c, v, k]
            if r > best and people.value[i, k] > 0 and _fits(room.use[c, v, k], room.left):
                best, chosen = r, k
        if chosen >= 0:
            given += 1
            choice[i] = chosen
            for r in range(len(room.left)):
                room.left[r] -= room.use[c, people.variant[i, chosen], chosen, r]
            if balance.region[c] >= 0:
                balance.share[balance.region[c]] += balance.weight[c]
    return given
