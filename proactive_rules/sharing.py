"""Means shared out: who gets which treatment, what one more unit would be worth, and who is short.

Lays the screened treatments out as the allocation's problem and reads its answer back as reasons.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proactive_rules.allocation import Allocation, Problem, allocate
from proactive_rules.means import Groups, Means
from proactive_rules.screening import Screening

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]
#: Prices below this, in currency, are rounding.
_NOTHING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What the allocation gave.

    Attributes
    ----------
    choice : (n,) place of the treatment; -1 where nothing is done.
    at_margin : (n,) whether not the prices alone decided, but what was left of the limits.
    planned : (n,) of customers held out, what they would have been given; -1 elsewhere.
    surcharge : (n, K) currency that the common limits charge for each treatment.
    """

    allocation: Allocation
    means: tuple[Means, ...]
    groups: Groups
    choice: NDArray[np.intp]
    at_margin: Flags
    planned: NDArray[np.intp]
    surcharge: Numbers


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What an earlier sharing-out among all customers decided for some of them.

    Attributes
    ----------
    at_margin : (n,) whether what was left decided, not the prices alone.
    given : (n,) of those, the place of what they were given; -1 for nothing.
    """

    allocation: Allocation
    at_margin: Flags
    given: NDArray[np.intp]

    def choice(self, wished: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return what each has: the wish, except at the margin."""
        return np.where(self.at_margin, self.given, wished)


def share_out(
    screening: Screening,
    variant: NDArray[np.uint8],
    shared_by_all: tuple[Sequence[Means], Groups],
    out: Flags,
    settled: Settled | None = None,
) -> Shared:
    """Give every customer at most one treatment, the best for all under all limits at once.

    Parameters
    ----------
    variant : (n, K) whether a person must look at it first.
    shared_by_all : the limits, and whose contacted shares are compared.
    out : (n,) customers who are held out.
    settled : what was shared out among all, where these customers are only some of them.
    """
    # Compilers take a second to load, and few commands need them.
    from proactive_rules.allocation.repair import wishes

    limits, groups = shared_by_all
    problem = Problem(
        value=np.where(out[:, None], -np.inf, screening.worth),
        variant=variant,
        group=groups.customer_class,
        use=_use(limits, len(groups.region), screening.worth.shape[1]),
        limit=np.array([one.left for one in limits], dtype=np.float64),
        region=groups.region,
        weight=groups.weight,
        spread=groups.spread,
    )
    found = settled.allocation if settled else allocate(problem)
    places = np.arange(screening.worth.shape[1])
    surcharge = found.surcharge[groups.customer_class[:, None], variant, places]
    wished = wishes(problem, found.surcharge).option.astype(np.intp)
    choice = settled.choice(wished) if settled else found.choice.astype(np.intp)
    reduced = np.where(out[:, None], screening.worth - surcharge, -np.inf)
    reached = (reduced > 0).any(axis=1)
    planned = np.where(reached, reduced.argmax(axis=1), -1) if places.size else choice
    shared = Shared(
        allocation=found,
        means=tuple(limits),
        groups=groups,
        choice=choice,
        at_margin=choice != wished,
        planned=planned,
        surcharge=surcharge,
    )
    _say_why_not(screening, variant, problem, shared)
    return shared


def _use(limits: Sequence[Means], classes: int, treatments: int) -> Numbers:
    takes = np.empty((2, treatments, len(limits)))
    for place, one in enumerate(limits):
        takes[:, :, place] = one.takes
    return np.broadcast_to(takes, (classes, *takes.shape))


def _say_why_not(
    screening: Screening, variant: NDArray[np.uint8], problem: Problem, shared: Shared
) -> None:
    """Write down for every treatment not taken what stood in its way."""
    codes = _binding(screening.codes, problem, shared)
    outvalued = screening.codes.index("outvalued")
    chosen = np.where(shared.choice >= 0, shared.choice, shared.planned)
    for place in range(screening.worth.shape[1]):
        open_still = screening.possible[:, place] & (chosen != place)
        binding = codes[shared.groups.customer_class, variant[:, place], place]
        screening.reason[:, place] = np.where(
            open_still, np.where(chosen >= 0, outvalued, binding), screening.reason[:, place]
        )


def _binding(codes: Sequence[str], problem: Problem, shared: Shared) -> NDArray[np.int16]:
    """Return by class, variant and treatment the limit that stands in the way most.

    That is the one that charges most; where none charges, or where one choice alone would take more
    than there is (an infinite surcharge), the first in which no place is left.
    """
    found = shared.allocation
    charges = problem.use * found.price
    # What is charged beyond the limits is for fair shares.
    fairness = np.where(np.isfinite(found.surcharge), found.surcharge - charges.sum(axis=-1), 0.0)
    charges = np.concatenate([charges, fairness[..., None]], axis=-1)
    names = [codes.index(one.code) for one in shared.means] + [codes.index("fairness")]
    full = problem.use > problem.limit - found.used
    # The last column stands for fairness: all there is left to say where every limit has room.
    full = np.append(full, np.ones((*full.shape[:-1], 1), dtype=bool), axis=-1)
    priced = np.isfinite(found.surcharge) & (charges.max(axis=-1) > _NOTHING)
    most = np.where(priced, charges.argmax(axis=-1), full.argmax(axis=-1))
    return np.array(names, dtype=np.int16)[most]
