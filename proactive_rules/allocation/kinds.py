"""Customers who are alike: same class, same variants, same values; one variable stands for all.

Where few values are possible, thousands of customers are undecided together. Counted by kind they
are a small problem again.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from proactive_rules.allocation.problem import Problem

Places = NDArray[np.intp]
#: The golden ratio in 64 bits: multiplying by it spreads what differs over all bits.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """Some customers by kind.

    Parameters
    ----------
    people : (p,), places of the customers.
    kind : (p,), kind of each in [0, m); kinds are numbered in the order of their first customer.
    """

    people: Places
    kind: Places

    @cached_property
    def first(self) -> Places:
        """(m,), place of the customer who stands for each kind."""
        return self.people[np.unique(self.kind, return_index=True)[1]]

    @cached_property
    def size(self) -> Places:
        """(m,), customers of each kind."""
        return np.bincount(self.kind)

    @cached_property
    def sorted(self) -> Places:
        """(p,), places of the customers, kind by kind."""
        return self.people[np.argsort(self.kind, kind="stable")]


def kinds_of(problem: Problem, people: Places) -> Kinds:
    """Return some customers by kind, the kinds in the order of the customers."""
    value, variant = problem.value[people], problem.variant[people]
    group = problem.group[people]
    # Nobody looks at the variant of an option that is not allowed.
    value, variant = np.where(value > 0, value, 0.0), np.where(value > 0, variant, 0)
    mixed = group.astype(np.uint64)
    for option in range(value.shape[1]):
        mixed = (mixed ^ (mixed >> np.uint64(32)) ^ value[:, option].view(np.uint64)) * _SPREAD
        mixed = (mixed ^ variant[:, option]) * _SPREAD
    _, first, kind = np.unique(mixed, return_index=True, return_inverse=True)
    alike = (value == value[first[kind]]) & (variant == variant[first[kind]])
    if not (alike.all() and (group == group[first[kind]]).all()):
        return Kinds(people=people, kind=np.arange(len(people)))
    return Kinds(people=people, kind=np.argsort(np.argsort(first))[kind])
