"""One decision per customer, with its reason: the seam that a full decision engine takes over.

In: a plain table with risks, values and consents. Out: the same customers in the order of the
list, with what to do and why not. The order of the rows given changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from proactive_rules.expected_value import column, expected_value
from proactive_rules.holdout import assign_holdout
from proactive_rules.policy import Action, BuiltInPolicy, no_consent

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]
CONTACT, HELD_OUT, LEAVE_ALONE = "contact", "held_out", "leave_alone"
DECISIONS = (CONTACT, "human_review", HELD_OUT, LEAVE_ALONE)
INSTANT = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, kw_only=True)
class _Best:
    """The best action of each customer: its place in the policy, worth, and what stands in it."""

    action: NDArray[np.intp]
    value: Numbers
    has_risk: Flags
    allowed: Flags

    @property
    def is_worth_it(self) -> Flags:
        """True where the value is above zero, or unknown: then the risk alone decides."""
        return np.isnan(self.value) | (self.value > 0)

    @property
    def qualifies(self) -> Flags:
        return self.has_risk & self.allowed & self.is_worth_it


def decide(customers: pa.Table, policy: BuiltInPolicy, as_of: datetime) -> pa.Table:
    """Decide for every customer at once, so that a common capacity can be shared out.

    Parameters
    ----------
    customers : one row a customer, in any order: `customer_id`, `churn_risk`, `complaint_risk`
        (null where there is no model or the customer is not at that risk); where known
        `amount_total_365d`, `price_total` (currency) and `consent_<channel>` (false: denied; null:
        never asked, which denies marketing and allows service; no such column: not checked).
    policy : what may be done.
    as_of : the instant decided for; deadlines count from it.

    Returns
    -------
    The given columns in the order of `rank`, with `rank` 1..n (expected value, null last, then
    churn risk, then complaint risk, then id), `expected_value`, `value_basis`, `decision`,
    `action`, `channel`, `owner`, `due_by`, `held_out`, `assignment_probability` and `why_not`
    (a code of `BuiltInPolicy.sentences`; null only for those who are contacted).

    References
    ----------
    The control group is drawn among those who would be contacted, so that both groups are alike:
    Gerber & Green, Field Experiments (2012), ch. 2.
    """
    best = _best_actions(customers, policy)
    customers = customers.append_column("expected_value", _nullable(best.value))
    order = _order(customers)
    customers, best = customers.take(order), _taken(best, order.to_numpy())
    control = assign_holdout(
        customers["customer_id"], key=policy.holdout_key, share=policy.holdout_share
    )
    seats = capacity(policy, customers.num_rows)
    chosen, held = _fill(best.qualifies, control, seats)
    columns = {
        "rank": pa.array(np.arange(1, customers.num_rows + 1), pa.int64()),
        "value_basis": _where(~np.isnan(best.value), "assumed"),
        "decision": _decisions(chosen, held),
        **_what_to_do(policy, best, chosen, held, as_of),
        "held_out": pa.array(held),
        "assignment_probability": pa.array(
            np.full(customers.num_rows, policy.holdout_share), mask=~(chosen | held)
        ),
        "why_not": _why_not(policy, best, chosen, held),
    }
    for name, values in columns.items():
        customers = customers.append_column(name, values)
    return customers


def capacity(policy: BuiltInPolicy, customers: int) -> int:
    """How many of a list may be contacted; whole customers, never above the share.

    Examples
    --------
    >>> [capacity(BuiltInPolicy(), customers) for customers in (19, 20, 140)]
    [0, 1, 7]
    """
    # Decimal: 0.05 * 140 is 7.000000000000001 in binary, and 0.29 * 100 is below 29.
    return int(Decimal(str(policy.capacity_share)) * customers)


def _best_actions(customers: pa.Table, policy: BuiltInPolicy) -> _Best:
    """Choose per customer the allowed action of the highest value, else the best of the denied."""
    risks = np.column_stack([column(customers, f"{a.lowers}_risk") for a in policy.actions])
    values = np.column_stack([expected_value(customers, a) for a in policy.actions])
    allowed = np.column_stack([~_denies(customers, a) for a in policy.actions])
    effects = np.array([abs(a.effect) for a in policy.actions])
    # Without a value, the larger relief counts; both scales are never mixed within one customer.
    worth = np.where(np.isnan(values), risks * effects, values)
    score = np.where(np.isnan(risks), -np.inf, worth)
    allowed_score = np.where(allowed, score, -np.inf)
    may: Flags = np.asarray(np.isfinite(allowed_score).any(axis=1))
    action = np.where(may, allowed_score.argmax(axis=1), score.argmax(axis=1))
    rows = np.arange(customers.num_rows)
    has_risk: Flags = np.asarray(~np.isnan(risks).all(axis=1))
    return _Best(
        action=action,
        value=np.where(has_risk, values[rows, action], np.nan),
        has_risk=has_risk,
        allowed=may,
    )


def _denies(customers: pa.Table, action: Action) -> Flags:
    name = f"consent_{action.channel}"
    if name not in customers.column_names:
        return np.zeros(customers.num_rows, dtype=bool)
    silence = action.purpose == "marketing"
    denied = pc.fill_null(pc.invert(customers[name]), fill_value=silence)
    return np.asarray(denied.to_numpy(), dtype=bool)


def _taken(best: _Best, order: NDArray[np.int64]) -> _Best:
    return _Best(
        action=best.action[order],
        value=best.value[order],
        has_risk=best.has_risk[order],
        allowed=best.allowed[order],
    )


def _order(customers: pa.Table) -> pa.Array:
    keys = [
        (name, "descending")
        for name in ("expected_value", "churn_risk", "complaint_risk")
        if name in customers.column_names
    ]
    # Arrow places nulls last in both directions.
    return pc.sort_indices(customers, sort_keys=[*keys, ("customer_id", "ascending")])


def _fill(qualifies: Flags, control: Flags, seats: int) -> tuple[Flags, Flags]:
    """Give the seats to the first who qualify; the control group met on the way is held out.

    Those of the control group behind the last seat would not have been contacted anyway, so they
    say nothing about the effect and are not counted as held out.
    """
    candidates = qualifies & ~control
    chosen = candidates & (np.cumsum(candidates) <= seats)
    reached = np.flatnonzero(chosen)
    last = reached[-1] if reached.size else -1
    if reached.size < seats:
        last = len(qualifies)
    return chosen, qualifies & control & (np.arange(len(qualifies)) <= last)


def _decisions(chosen: Flags, held: Flags) -> pa.Array:
    return pa.array(np.select([chosen, held], [CONTACT, HELD_OUT], LEAVE_ALONE), pa.string())


def _what_to_do(
    policy: BuiltInPolicy, best: _Best, chosen: Flags, held: Flags, as_of: datetime
) -> dict[str, pa.Array]:
    """Return action and channel of those chosen or held out; owner and deadline of the chosen."""
    planned = pa.array(best.action, mask=~(chosen | held))
    done = pa.array(best.action, mask=~chosen)
    actions = policy.actions
    due = [as_of + timedelta(hours=action.due_in_hours) for action in actions]
    return {
        "action": pa.array([a.name for a in actions], pa.string()).take(planned),
        "channel": pa.array([a.channel for a in actions], pa.string()).take(planned),
        "owner": pa.array([a.owner for a in actions], pa.string()).take(done),
        "due_by": pa.array(due, INSTANT).take(done),
    }


def _why_not(policy: BuiltInPolicy, best: _Best, chosen: Flags, held: Flags) -> pa.Array:
    denied = np.array([no_consent(a.channel) for a in policy.actions])[best.action]
    conditions = [held, ~best.has_risk, ~best.allowed, ~best.is_worth_it]
    codes = np.select(
        conditions, ["held_out", "no_model", denied, "not_worth_it"], default="capacity"
    )
    return pa.array(codes, pa.string(), mask=chosen)


def _nullable(numbers: Numbers) -> pa.Array:
    return pa.array(numbers, pa.float64(), from_pandas=True)


def _where(flags: Flags, word: str) -> pa.Array:
    return pa.array(np.where(flags, word, ""), pa.string(), mask=~flags)
