"""The truth: what would have happened with and without each action. The product never reads it.

It judges policies and explanations in tests and benchmarks. Chances take the hidden state at the
start of the week that holds the date, and assume that nothing new strikes.
"""

from datetime import date

import numpy as np
import pyarrow as pa

from features.simulated.customers import household_names
from features.simulated.leaving import ACTIONS, CAUSES, chances
from features.simulated.life import Life
from features.simulated.weeks import days_at, month_starts

FIRST_TRUTH = date(2025, 1, 1)
CHURN_DAYS, COMPLAINT_DAYS = 90, 30
_LEAVE_WEEKS = 13


def truth_dates() -> list[date]:
    """Return the dates for which the truth is written: the first of each month."""
    return month_starts(FIRST_TRUTH)


def truth_at(life: Life, as_of: date) -> pa.Table:
    """Write what the coming 90 (complaint: 30) days hold for whoever has joined by `as_of`."""
    people, joined = life.people, life.people.joined <= life.week
    state = (
        life.dissatisfaction,
        life.price_shock,
        life.week - life.last_order,
        life.open_case.astype(float),
        life.moving_at - life.week,
        life.paused_until - life.week,
    )
    gone = ~np.isinf(life.left_week)
    columns: dict[str, np.ndarray] = {}
    for action in ACTIONS:
        found = chances(
            people,
            state,
            action,
            leave_weeks=_LEAVE_WEEKS,
            complain_weeks=COMPLAINT_DAYS / 7,
            known=life.outreach.effect(life.week),
        )
        columns[f"leave_{action}"] = np.where(gone, 1.0, found["leave"])
        columns[f"no_order_{action}"] = np.where(gone | people.potential, 1.0, found["no_order"])
        columns[f"complaint_{action}"] = np.where(life.resident, found["complaint"], 0.0)
    harm = (
        np.maximum(columns["leave_service_recovery"], columns["leave_retention_offer"])
        - columns["leave_none"]
    )
    table = pa.table(
        {
            "customer_id": people.customer_id,
            "as_of": pa.array([as_of] * len(people), pa.date32()),
            "here": ~gone,
            "dissatisfaction": life.dissatisfaction.astype(np.float32),
            "moves_within_90d": life.moving_at - life.week < _LEAVE_WEEKS,
            **{name: column.astype(np.float32) for name, column in columns.items()},
            "leaves_because_contacted": harm > 0.02,  # noqa: PLR2004 - more than a rounding
        }
    )
    return table.filter(pa.array(joined))


def hidden_traits(life: Life) -> pa.Table:
    """Write what nobody sees of the customers, and when and why those who left did so."""
    people, stays = life.people, np.isinf(life.left_week)
    left = days_at(np.where(stays, 0, life.left_week)).astype("datetime64[D]")
    cause = np.array(CAUSES)[np.maximum(life.cause, 0)]
    hidden = (
        "order_rate",
        "engagement",
        "price_sensitivity",
        "temper",
        "restlessness",
        "sleeping",
        "persuadable",
        "moving_rate",
    )
    return pa.table(
        {
            "customer_id": people.customer_id,
            "household": household_names(people),
            **{name: getattr(people, name) for name in hidden},
            "left_on": pa.array(left, pa.date32(), mask=stays),
            "cause": pa.array(cause, mask=stays),
        }
    )
