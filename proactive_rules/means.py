"""The means that customers share: places of a channel, hours of people, money, fair shares.

Each is one limit of the allocation, less what earlier decisions still hold of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from proactive_rules.expected_value import Treatment
from proactive_rules.policy.records import Fairness, Policy
from proactive_rules.situation import INSTANT, Situation

Numbers = NDArray[np.float64]
DAY = timedelta(days=1)
#: Variants of a treatment: done at once, or after a person has looked at it.
AUTOMATIC, REVIEWED = 0, 1
#: Bands of equal expected value in which contacted shares are compared.
VALUE_BANDS = 5
#: Groups with fewer customers who could be contacted are not compared: their shares say nothing.
LEAST_CUSTOMERS = 100


@dataclass(frozen=True, kw_only=True)
class Means:
    """One limit: what there is, what is held, and what a treatment takes of it.

    Attributes
    ----------
    code : the reason it gives, as in ``capacity_phone``.
    unit : contacts, hours or currency.
    takes : (2, K) what each treatment takes, automatic and reviewed.
    """

    code: str
    unit: str
    limit: float
    held: float
    takes: Numbers

    @property
    def left(self) -> float:
        """What earlier decisions leave."""
        return max(self.limit - self.held, 0.0)


def means(situation: Situation, policy: Policy, chosen: Sequence[Treatment]) -> tuple[Means, ...]:
    """Return every limit of the policy, with what is held of it."""
    reserved = situation.standing.filter(pc.equal(situation.standing["state"], "reserved"))
    found = [
        _means(
            f"capacity_{channel}",
            "contacts",
            limit=float(places),
            held=float(pc.sum(pc.equal(reserved["channel"], channel)).as_py() or 0),
            takes=[[float(one.channel == channel) for one in chosen]] * 2,
        )
        for channel, places in sorted(policy.capacity.items())
    ]
    found += [
        _means(
            f"hours_{owner}",
            "hours",
            limit=hours,
            held=_hours_held(reserved, policy, owner),
            takes=_hours_taken(policy, owner, chosen),
        )
        for owner, hours in sorted(policy.hours.items())
    ]
    if policy.budget:
        costs = [one.cost for one in chosen]
        spent = _spent(situation, policy)
        found.append(
            _means("budget", "currency", limit=policy.budget.amount, held=spent, takes=[costs] * 2)
        )
    if policy.review:
        takes = np.zeros((2, len(chosen)))
        takes[REVIEWED] = policy.review.minutes / 60
        hours = policy.review.hours_per_day
        found.append(_means("review_hours", "hours", limit=hours, held=0.0, takes=takes))
    return tuple(found)


def _means(
    code: str, unit: str, *, limit: float, held: float, takes: Numbers | Sequence[Sequence[float]]
) -> Means:
    laid_out = np.asarray(takes, dtype=np.float64).reshape(2, -1)
    return Means(code=code, unit=unit, limit=limit, held=held, takes=laid_out)


def _hours_taken(policy: Policy, owner: str, chosen: Sequence[Treatment]) -> Numbers:
    takes = np.zeros((2, len(chosen)))
    takes[:] = [one.minutes / 60 if one.action.owner == owner else 0.0 for one in chosen]
    if policy.review and policy.review.owner == owner:
        takes[REVIEWED] += policy.review.minutes / 60
    return takes


def _hours_held(reserved: pa.Table, policy: Policy, owner: str) -> float:
    """Add up the work that is decided and not yet done, of actions the policy still has."""
    minutes = {
        (a.name, channel): a.minutes[channel]
        for a in policy.actions
        if a.owner == owner
        for channel in a.channels
    }
    counts = reserved.group_by(["action", "channel"]).aggregate([([], "count_all")]).to_pylist()
    held = sum(
        minutes.get((one["action"], one["channel"]), 0.0) * one["count_all"] for one in counts
    )
    return float(held / 60)


def _spent(situation: Situation, policy: Policy) -> float:
    """Add up what the running period has cost so far; without a known cost the policy's own."""
    if policy.budget is None:
        return 0.0
    # The decision itself takes up the last day of the period.
    since = pa.scalar(situation.as_of - (policy.budget.per - DAY), INSTANT)
    rows = situation.standing.filter(pc.greater(situation.standing["at"], since))
    costs = {(a.name, channel): cost for a in policy.actions for channel, cost in a.costs.items()}
    known = pc.sum(rows["cost"]).as_py() or 0.0
    unknown = rows.filter(pc.is_null(rows["cost"])).group_by(["action", "channel"])
    return float(known) + sum(
        costs.get((one["action"], one["channel"]), 0.0) * one["count_all"]
        for one in unknown.aggregate([([], "count_all")]).to_pylist()
    )


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Whose contacted shares are compared.

    Attributes
    ----------
    names : groups that are compared, sorted.
    customer_class : (n,) group x band of expected value of each customer; the last class holds
        all who are not compared.
    region : (classes,) place in `names`; -1 where not compared.
    weight : (classes,) what one contact adds to its group's share at equal expected value.
    spread : largest allowed difference; None where nothing is compared.
    edges : where one band of expected value ends and the next begins.
    """

    names: tuple[str, ...]
    customer_class: NDArray[np.int32]
    region: NDArray[np.int32]
    weight: Numbers
    spread: float | None
    edges: Numbers

    def of(
        self,
        situation: Situation,
        fairness: Fairness | None,
        best: Numbers,
        among: NDArray[np.bool_],
    ) -> "Groups":
        """Place other customers in the same groups and bands."""
        if fairness is None or not self.names:
            return replace(self, customer_class=np.zeros(len(best), dtype=np.int32))
        place = _places(situation.texts(fairness.by), self.names, among)
        return replace(self, customer_class=_cells(place, best, self.edges, len(self.names)))


def fair_groups(
    situation: Situation, fairness: Fairness | None, best: Numbers, among: NDArray[np.bool_]
) -> Groups:
    """Lay customers out by group and by band of expected value.

    Parameters
    ----------
    best : (n,) worth of the best possible treatment; -inf where none is.
    among : customers who can be contacted; shares are of these.

    References
    ----------
    Shares are standardised directly to the bands of all groups together, so that groups of
    different worth are compared at equal worth: Rothman, Modern Epidemiology, ch. 3.
    """
    count = len(best)
    nothing = Groups(
        names=(),
        customer_class=np.zeros(count, dtype=np.int32),
        region=np.full(1, -1, dtype=np.int32),
        weight=np.zeros(1),
        spread=None,
        edges=np.zeros(0),
    )
    if fairness is None:
        return nothing
    column = situation.texts(fairness.by).combine_chunks()
    sizes = pc.value_counts(column.filter(pa.array(among))).to_pylist()
    enough = (s["values"] for s in sizes if s["counts"] >= LEAST_CUSTOMERS)
    names = tuple(sorted(name for name in enough if name is not None))
    if len(names) < 2:  # noqa: PLR2004 - one group has nothing to be compared with
        return nothing
    place = _places(column, names, among)
    edges = np.quantile(best[place >= 0], np.linspace(0, 1, VALUE_BANDS + 1)[1:-1])
    cell = _cells(place, best, edges, len(names))
    return Groups(
        names=names,
        customer_class=cell,
        region=np.append(np.repeat(np.arange(len(names)), VALUE_BANDS), -1).astype(np.int32),
        weight=np.append(_weights(cell, len(names)), 0.0),
        spread=fairness.within,
        edges=edges,
    )


def _places(
    column: pa.Array | pa.ChunkedArray, names: Sequence[str], among: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return the place of each customer's group; -1 for who is not compared."""
    group = pc.fill_null(pc.index_in(column, value_set=pa.array(names, pa.string())), -1)
    return np.where(among, group.to_numpy().astype(np.int64), -1)


def _cells(
    place: NDArray[np.int64], best: Numbers, edges: Numbers, groups: int
) -> NDArray[np.int32]:
    band = np.searchsorted(edges, best, side="right")
    outside = groups * VALUE_BANDS
    return np.where(place >= 0, place * VALUE_BANDS + band, outside).astype(np.int32)


def _weights(cell: NDArray[np.int32], groups: int) -> Numbers:
    """Return a band's share among all over the group's customers in it; bands it lacks count 0."""
    counts = np.bincount(cell, minlength=groups * VALUE_BANDS + 1)[:-1].reshape(groups, VALUE_BANDS)
    standard = counts.sum(axis=0) / counts.sum()
    present = counts > 0
    known = (standard * present).sum(axis=1, keepdims=True)
    weights = np.where(present, standard / np.maximum(counts, 1) / known, 0.0)
    return np.asarray(weights.ravel(), dtype=np.float64)
