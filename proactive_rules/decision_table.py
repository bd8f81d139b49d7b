"""The rows of a night's decisions, and beside each the trace of how it came about."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from proactive_rules.expected_value import Stakes
from proactive_rules.holdout import Control
from proactive_rules.means import REVIEWED
from proactive_rules.policy.records import Policy
from proactive_rules.screening import Screening
from proactive_rules.sharing import Shared
from proactive_rules.situation import INSTANT, Situation
from proactive_rules.timing.contact_plan import ContactPlan

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]
Places = NDArray[np.intp]
CONTACT, HUMAN_REVIEW, HELD_OUT, LEAVE_ALONE = "contact", "human_review", "held_out", "leave_alone"
DECISIONS = (CONTACT, HUMAN_REVIEW, HELD_OUT, LEAVE_ALONE)
#: Names that a decision adds to a customer's row, or that a condition may read beside it.
DECIDED_COLUMNS = frozenset(
    {
        "rank", "expected_value", "value_basis", "decision", "action", "channel", "owner", "due_by",
        "contact_at", "held_out", "assignment_probability", "why_not", "at_margin", "worth",
        "surcharge", "cutoff", "on_list_since", "do_not_contact", "quiet_days", "leading_target",
    }
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Everything that deciding found, for customers in the order of their ids.

    Attributes
    ----------
    variant : (n, K) 1 where a person looks first.
    value : (n, K) expected value of each treatment, NaN where unknown.
    """

    situation: Situation
    policy: Policy
    at_stake: Stakes
    plan: ContactPlan
    screening: Screening
    control: Control
    shared: Shared
    variant: NDArray[np.uint8]
    value: Numbers

    @cached_property
    def rows(self) -> Places:
        """Places of the customers."""
        return np.arange(len(self.situation))

    @property
    def done(self) -> Flags:
        """Customers for whom something is done."""
        return self.shared.choice >= 0

    @property
    def held(self) -> Flags:
        """Customers held out of what would have been done."""
        return self.shared.planned >= 0

    @cached_property
    def reviewed(self) -> Flags:
        """Customers whose treatment a person looks at first."""
        return self.done & (self.variant[self.rows, self.told] == REVIEWED)

    @cached_property
    def told(self) -> Places:
        """Treatment that is told of: what is or would be done, else what came nearest."""
        planned = np.maximum(self.shared.choice, self.shared.planned)
        reason = self.screening.reason
        if not reason.shape[1]:
            return planned
        nearest = reason == reason.max(axis=1, keepdims=True)
        value = np.where(np.isnan(self.value), -np.inf, self.value)
        # Of equals the first; those of -inf are still before those that did not come as far.
        score = np.where(nearest, np.maximum(value, -np.finfo(float).max), -np.inf)
        return np.where(planned >= 0, planned, score.argmax(axis=1))


def decision_table(found: Outcome) -> pa.Table:
    """Lay the decisions out in the order of `rank`; the columns are told in `decide.decide`."""
    columns = {**_values(found), **_decision(found), **_trace(found)}
    table = found.situation.customers
    for name, values in columns.items():
        table = table.append_column(name, values)
    keys = [
        (name, "descending")
        for name in ("expected_value", "churn_risk", "complaint_risk")
        if name in table.column_names
    ]
    # Arrow places nulls last in both directions.
    order = pc.sort_indices(table, sort_keys=[*keys, ("customer_id", "ascending")])
    rank = pa.array(np.arange(1, len(found.situation) + 1), pa.int64())
    return table.take(order).append_column("rank", rank)


def _values(found: Outcome) -> dict[str, pa.Array]:
    value = found.value[found.rows, found.told] if found.value.shape[1] else found.rows * np.nan
    known = ~np.isnan(value)
    return {
        "expected_value": pa.array(value, pa.float64(), from_pandas=True),
        "value_basis": pa.array(np.where(known, "assumed", ""), pa.string(), mask=~known),
    }


def _decision(found: Outcome) -> dict[str, pa.Array]:
    screening, told = found.screening, found.told
    actions = [one.action for one in screening.treatments]
    planned = pa.array(told, mask=~(found.done | found.held))
    done = pa.array(told, mask=~found.done)
    review = found.policy.review
    owner = pa.array([action.owner for action in actions], pa.string()).take(done)
    if review:
        owner = pc.if_else(pa.array(found.reviewed), review.owner, owner)
    due = [found.situation.as_of + action.due_in for action in actions]
    decision = np.select(
        [found.reviewed, found.done, found.held],
        [HUMAN_REVIEW, CONTACT, HELD_OUT],
        LEAVE_ALONE,
    )
    return {
        "decision": pa.array(decision, pa.string()),
        "action": pa.array([action.name for action in actions], pa.string()).take(planned),
        "channel": pa.array([one.channel for one in screening.treatments], pa.string()).take(
            planned
        ),
        "owner": owner,
        "due_by": pa.array(due, INSTANT).take(done),
        "contact_at": _contact_at(found),
        "held_out": pa.array(found.held),
        "assignment_probability": pa.array(
            found.control.probability(screening, told), mask=~(found.done | found.held)
        ),
        "why_not": _why_not(found),
    }


def _contact_at(found: Outcome) -> pa.Array:
    at = np.full(len(found.situation), -1, dtype=np.int64)
    for place, treatment in enumerate(found.screening.treatments):
        mine = found.done & (found.told == place)
        at[mine] = found.plan.at(treatment)[mine]
    return pa.array(at, pa.int64(), mask=at < 0).cast(INSTANT)


def _why_not(found: Outcome) -> pa.Array:
    codes = pa.array(found.screening.codes, pa.string())
    if not found.screening.treatments:
        return pa.array(["not_applicable"] * len(found.situation), pa.string())
    reason = found.screening.reason[found.rows, found.told].astype(np.int64)
    reason[found.held] = found.screening.codes.index("held_out")
    return codes.take(pa.array(reason, mask=found.done))


def _trace(found: Outcome) -> dict[str, pa.Array]:
    """Lay down every rule and limit with its result."""
    screening, shared = found.screening, found.shared
    codes = pa.array(screening.codes, pa.string())
    columns: dict[str, pa.Array] = {"at_margin": pa.array(shared.at_margin)}
    if screening.treatments:
        columns["worth"] = pa.array(_worth(found), pa.float64(), from_pandas=True)
        columns["surcharge"] = pa.array(shared.surcharge[found.rows, found.told])
    for place, one in enumerate(screening.treatments):
        reason = screening.reason[:, place].astype(np.int64)
        name = f"why_not:{one.action.name}:{one.channel}"
        columns[name] = codes.take(pa.array(reason, mask=reason == 0)).dictionary_encode()
    for name, held in screening.suppressed.items():
        columns[f"rule:{name}"] = pa.array(held)
    for name, count in screening.contacts.items():
        columns[f"contacts:{name}"] = pa.array(count, pa.int64())
    for name, cutoff in screening.cutoffs.items():
        columns[f"cutoff:{name}"] = pa.array(cutoff, pa.float64())
    return columns


def _worth(found: Outcome) -> Numbers:
    """Return the worth of what is told of, also where it is not possible."""
    worth = np.full(len(found.situation), np.nan)
    for place, treatment in enumerate(found.screening.treatments):
        mine = found.told == place
        worth[mine] = found.at_stake.worth(treatment, found.plan.fit(treatment))[mine]
    return worth
