"""The core: some customers who may still change while all others stay, solved by HiGHS.

A variable counts the customers of one kind who take one option. Which customers make a core is
decided in `undecided`.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array, hstack, vstack

from proactive_rules.allocation.kinds import Kinds, Places
from proactive_rules.allocation.problem import TOLERANCE, Choice, Flags, Numbers, Problem

#: Value of a core as HiGHS sees it: its absolute gap of 1e-6 is then no gap at all.
WORTH = 1e4
_INFEASIBLE = 2
_HUSH = threading.Lock()
#: What HiGHS may pass a limit by, in parts of the largest coefficient.
_FEASIBILITY = 2e-6


class Relaxed(NamedTuple):
    """Prices of the limits and of the pairs of fairness groups, and who is entirely decided."""

    limit: Numbers
    pair: Numbers
    choice: Choice


@dataclass(frozen=True, kw_only=True)
class Core:
    """Customers who may still change, each to some options or none; the others stay.

    Parameters
    ----------
    problem : the whole.
    kept : (n,), choice of the others; -1 for the customers of the core.
    kinds : the customers of the core, in m kinds.
    open : (m, K), options each may have.
    may_stay : (m,), true where none is open as well.
    worth : about what the customers of the core get at most, above zero; sets the scale.
    """

    problem: Problem
    kept: Choice
    kinds: Kinds
    open: Flags
    may_stay: Flags
    worth: float

    @cached_property
    def places(self) -> tuple[Places, Places]:
        """Kind and option of each variable."""
        kind, option = np.nonzero(self.open)
        return kind, option

    @cached_property
    def classes(self) -> NDArray[np.int32]:
        """Class of the customer of each variable."""
        return self.problem.group[self.kinds.first[self.places[0]]]

    @cached_property
    def values(self) -> Numbers:
        """Value of each variable, in currency."""
        return self.problem.value[self.kinds.first[self.places[0]], self.places[1]]

    @cached_property
    def unit(self) -> float:
        """Return what one of currency is to HiGHS."""
        return WORTH / self.worth

    @cached_property
    def rows(self) -> tuple[csr_array, Numbers, Numbers]:
        """Coefficients, upper sides and scales of the rows: customers, limits, ahead, behind.

        Each row is scaled so that its largest coefficient is 1: HiGHS' tolerances are absolute.
        The last column is the level of the shares.
        """
        kind, option = self.places
        count, counted = len(kind), self.problem.count(self.kept)
        variant = self.problem.variant[self.kinds.first[kind], option]
        limits = self.problem.finite
        taken = self.problem.use[self.classes, variant, option][:, limits].T
        one = csr_array((np.ones(count), (kind, np.arange(count))), (len(self.open), count))
        groups = self.problem.compared
        within = self.problem.region[self.classes] == groups[:, None]
        share = within * self.problem.weight[self.classes]
        left = np.maximum(self.problem.limit - self.problem.used(counted), 0)[limits]
        ahead = self.problem.shares(counted)[groups]
        parts = [one, csr_array(taken), csr_array(share), csr_array(-share)]
        level = np.repeat([0.0, -1.0, 1.0], [one.shape[0] + len(limits), len(groups), len(groups)])
        sides = np.concatenate([
            self.kinds.size, left + TOLERANCE * self.problem.limit[limits],
            (self.problem.spread or 0.0) + TOLERANCE - ahead, ahead,
        ])  # fmt: skip
        matrix = vstack(parts)
        scale = abs(matrix).max(axis=1).toarray().ravel()
        scale = np.where(scale > 0, scale, 1.0)
        scaled = hstack([matrix, csr_array(level[:, None])]).multiply(1 / scale[:, None])
        return csr_array(scaled), sides / scale, scale

    def relaxed(self) -> Relaxed | None:
        """Return the linear relaxation; None where HiGHS finds none."""
        matrix, sides, scale = self.rows
        ends = [(0.0, None)] * len(self.values) + [(None, None)]
        found = linprog(-np.append(self.values * self.unit, 0.0), matrix, sides, bounds=ends)
        if found.status:
            return None
        charged = np.maximum(-found.ineqlin.marginals, 0) / scale / self.unit
        limit, groups = np.zeros(len(self.problem.limit)), len(self.problem.compared)
        first = len(self.open) + len(self.problem.finite)
        limit[self.problem.finite] = charged[len(self.open) : first]
        ahead, behind = charged[first : first + groups], charged[first + groups :]
        pair = ahead[:, None] * behind / (behind.sum() or 1.0)
        entire = np.floor(found.x[: len(self.values)] + _FEASIBILITY).astype(np.intp)
        return Relaxed(limit, pair[~np.eye(groups, dtype=np.bool_)], self._chosen(entire))

    def solved(self, nodes: int) -> tuple[Choice, float]:
        """Return the best choice found and a bound on all choices of the core.

        HiGHS may pass a limit by its tolerance; then it is asked again for a little less.
        """
        choice, bound = self._asked(nodes, 0.0)
        if not self.problem.fits(self.problem.count(choice)):
            choice, _ = self._asked(nodes, _FEASIBILITY)
        return choice, bound

    def _asked(self, nodes: int, inset: float) -> tuple[Choice, float]:
        matrix, sides, _ = self.rows
        kinds, variables, size = len(self.open), len(self.values), self.kinds.size
        low = np.full(len(sides), -np.inf)
        low[:kinds] = np.where(self.may_stay, 0, size)
        high = sides - np.where(np.arange(len(sides)) < kinds, 0.0, inset)
        with _silence():
            found = milp(
                -np.append(self.values * self.unit, 0.0),
                integrality=np.append(np.ones(variables), 0),
                bounds=Bounds(
                    np.append(np.zeros(variables), -np.inf), np.append(size[self.places[0]], np.inf)
                ),
                constraints=LinearConstraint(matrix, low, high),
                options={"mip_rel_gap": 0, "node_limit": nodes},
            )
        if found.x is None:
            return self.kept, -np.inf if found.status == _INFEASIBLE else np.inf
        bound = found.fun if found.mip_dual_bound is None else found.mip_dual_bound
        choice = self._chosen(np.rint(found.x[:variables]).astype(np.intp))
        return choice, self.problem.worth(self.kept) - bound / self.unit

    def _chosen(self, counts: Places) -> Choice:
        """Give as many of each kind each option, first come first served."""
        table = np.zeros(self.open.shape, np.intp)
        table[self.places] = counts
        table = np.column_stack([table, self.kinds.size - table.sum(axis=1)])
        if (table < 0).any():  # HiGHS has been seen to return what does not fit (scipy #24141)
            return self.kept
        options = np.append(np.arange(self.open.shape[1]), -1)
        choice = self.kept.copy()
        choice[self.kinds.sorted] = np.repeat(np.tile(options, len(table)), table.ravel())
        return choice


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the standard output free of a line HiGHS prints whatever it is told.

    HiGHS 1.12 prints "transformNewIntegerFeasibleSolution tmpSolver.run();", past `sys.stdout`.
    """
    with _HUSH:
        kept, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nothing, 1)
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            os.close(nothing)
