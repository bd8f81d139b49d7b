"""What an action through a channel is worth for a customer, and from which risk on it pays.

expected value = risk x value at stake x declared effect - cost, in the currency of the workspace;
an action that lowers no risk adds its effect as a chance. Until effects are learnt the basis is
`assumed`. The worth that decides also knows how well the channel and the hour fit the customer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from proactive_rules.conditions import amounts, column
from proactive_rules.policy.records import Action, Policy

Numbers = NDArray[np.float64]
MONTHS = 12


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """An action through one channel."""

    action: Action
    channel: str

    @property
    def cost(self) -> float:
        """Currency one contact costs."""
        return self.action.costs[self.channel]

    @property
    def minutes(self) -> float:
        """Minutes of the owner's work one contact takes."""
        return self.action.minutes[self.channel]

    @property
    def name(self) -> str:
        """Name for columns and messages, as in ``service_recovery by phone``."""
        return f"{self.action.name} by {self.channel}"


def treatments(policy: Policy) -> tuple[Treatment, ...]:
    """Return every action through each of its channels, in an order that the file cannot change."""
    return tuple(
        Treatment(action=action, channel=channel)
        for action in sorted(policy.actions, key=lambda action: action.name)
        for channel in sorted(action.channels)
    )


@dataclass(frozen=True, kw_only=True)
class Stakes:
    """Per customer and action: risk, value at stake, and the cut-off from which acting pays.

    Attributes
    ----------
    risk : the risk the action lowers, NaN where unknown; 1 where it lowers none.
    value : currency at stake, NaN where unknown.
    typical_value : median of what is known, NaN where nothing is of anybody.
    """

    actions: tuple[Action, ...]
    risk: Mapping[str, Numbers]
    value: Mapping[str, Numbers]
    typical_value: float

    def gain(self, action: Action) -> Numbers:
        """Currency the action is expected to save or bring, before its cost."""
        return self.risk[action.name] * self.value[action.name] * abs(action.effect)

    def expected_value(self, treatment: Treatment) -> Numbers:
        """Currency, NaN without risk or value."""
        return self.gain(treatment.action) - treatment.cost

    def computed_cutoff(self, action: Action, cost: float | None = None) -> Numbers:
        """Return the risk at which the action's cheapest channel breaks even, or one of `cost`.

        Above 1 it never pays; 0 where nothing is known of the value: then capacity decides.

        References
        ----------
        The threshold of a two-way decision is cost over benefit: Pauker & Kassirer, The threshold
        approach to clinical decision making (1980).
        """
        least = min(action.costs.values()) if cost is None else cost
        benefit = self.value[action.name] * abs(action.effect)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = least / benefit
        return np.where(np.isnan(benefit) | (least == 0), 0.0, np.where(benefit > 0, found, np.inf))

    def cutoff(self, action: Action) -> Numbers:
        """Return the typed cut-off where there is one, else the computed one."""
        computed = self.computed_cutoff(action)
        return computed if action.cutoff is None else np.full(len(computed), action.cutoff)

    def worth(self, treatment: Treatment, fit: Numbers) -> Numbers:
        """Return what decides: expected value with the response that channel and hour promise.

        Where a customer's value is unknown the typical one stands in; where nobody's is known the
        scale is risk averted, and costs, which are in another unit, only count in the budget.
        """
        action = treatment.action
        value = self.value[action.name]
        effect = self.risk[action.name] * abs(action.effect) * fit
        if np.isnan(self.typical_value):
            return effect
        return effect * np.where(np.isnan(value), self.typical_value, value) - treatment.cost


def stakes(customers: pa.Table, policy: Policy, typical_value: float | None = None) -> Stakes:
    """Read off risk and value for every action.

    Parameters
    ----------
    typical_value : that of all, where these are only some of them.
    """
    own = amounts(customers, {a.name: a.value for a in policy.actions if a.value})
    year = value_at_stake(customers)
    ones = np.ones(customers.num_rows)
    value = {a.name: own.get(a.name, year) for a in policy.actions}
    return Stakes(
        actions=policy.actions,
        risk={
            a.name: column(customers, f"{a.lowers}_risk") if a.lowers else ones
            for a in policy.actions
        },
        value=value,
        typical_value=_median(value.values()) if typical_value is None else typical_value,
    )


def _median(values: Iterable[Numbers]) -> float:
    known = np.concatenate([np.empty(0), *(one[~np.isnan(one)] for one in values)])
    return float(np.median(known)) if known.size else float("nan")


def value_at_stake(customers: pa.Table) -> Numbers:
    """Return what a year of the customer is worth: spend or contracts, whichever is larger.

    Spend is `amount_total_365d`; contracts are 12 x `price_total`, the monthly price of what runs.
    NaN where the workspace knows neither. A tenant with a lease who also bought a screw must not
    be worth one screw, hence the larger of the two.

    Examples
    --------
    >>> tiny = pa.table({"amount_total_365d": [90.0, None, None], "price_total": [10.0, 5.0, None]})
    >>> value_at_stake(tiny)
    array([120.,  60.,  nan])
    """
    return np.fmax(
        column(customers, "amount_total_365d"), MONTHS * column(customers, "price_total")
    )
