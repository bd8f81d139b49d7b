"""Tenure and life-cycle stage: made from the features before them, one row per customer.

Every stage is one claim over the finished row; the first that holds, in the order of `STAGES`,
names the stage. What is not mapped (orders, contracts, interactions) simply gives no sign.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from features.catalogue.feature import Feature
from features.catalogue.moment import Moment, text_of

if TYPE_CHECKING:
    import ibis

#: Days a customer must be quiet, or young, to be in a stage.
NEW_DAYS = 90
LOYAL_CONTRACT_DAYS = 730
LOYAL_ORDERS = 4
LAPSING_DAYS = 180
LAPSING_GAPS = 3.0
LAPSING_LEAST_DAYS = 60
ENDING_DAYS = 60
LOST_DAYS = 365
#: Who only ever had contracts is gone sooner after the last one ended.
LOST_CONTRACT_DAYS = 90
#: Stands for "never" in comparisons; far beyond any customer's life.
_NEVER = 1e9

#: Days since the first and the last sign of life, by source.
_FIRST_SIGNS = ("first_order_days", "first_contract_days")
_LAST_SIGNS = ("recency_days", "contract_ended_days")
#: In a service desk, dealings are all there is.
_DESK_SIGNS = (("first_interaction_days",), ("interaction_recency_days",))


def _signs(row: Moment) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if row.has("first_order_days") or row.has("first_contract_days"):
        return _FIRST_SIGNS, _LAST_SIGNS
    return _DESK_SIGNS


def _since_first(row: Moment) -> "ibis.Value":
    """Days since the first sign of life; -1 where there is none."""
    import ibis

    return ibis.greatest(*(row.filled(name, -1.0) for name in _signs(row)[0]), ibis.literal(-1.0))


def _quiet(row: Moment) -> "ibis.Value":
    """Days without any sign; 0 while a contract runs."""
    import ibis

    last = (row.filled(name, _NEVER) for name in _signs(row)[1])
    quiet = ibis.least(*last, ibis.literal(_NEVER))
    return (row.filled("contracts_running_count", 0.0) > 0).ifelse(0.0, quiet)


def _only_contracts(row: Moment) -> bool:
    return row.has("contracts_running_count") and not row.has("recency_days")


def is_potential(row: Moment) -> "ibis.Value":
    """Claim that the customer never bought."""
    return _since_first(row) < 0


def is_lost(row: Moment) -> "ibis.Value":
    """Claim that the customer has been quiet for longer than comes back."""
    return _quiet(row) >= (LOST_CONTRACT_DAYS if _only_contracts(row) else LOST_DAYS)


def is_lapsing(row: Moment) -> "ibis.Value":
    """Claim that the customer is late against the own rhythm, or about to run out."""
    quiet = _quiet(row)
    late = quiet >= LAPSING_DAYS
    if _only_contracts(row):
        late = quiet > 0
    usual = row.filled("gap_mean_days", _NEVER)
    late |= (quiet >= LAPSING_LEAST_DAYS) & (quiet > usual * LAPSING_GAPS)
    running_out = row.filled("contract_end_days", _NEVER) < ENDING_DAYS
    return late | running_out


def is_new(row: Moment) -> "ibis.Value":
    """Claim that the first sign of life is recent."""
    return _since_first(row) < NEW_DAYS


def is_loyal(row: Moment) -> "ibis.Value":
    """Claim that the customer buys often, or has stayed long."""
    desk = _signs(row) == _DESK_SIGNS
    often = row.filled("interactions_count_365d" if desk else "orders_count_365d", 0.0)
    running = row.filled("contracts_running_count", 0.0) > 0
    long = running & (row.filled("first_contract_days", 0.0) >= LOYAL_CONTRACT_DAYS)
    return (often >= LOYAL_ORDERS) | long


#: Read from the top; who fits none is active.
STAGES: dict[str, Callable[[Moment], "ibis.Value"]] = {
    "potential": is_potential,
    "lost": is_lost,
    "lapsing": is_lapsing,
    "new": is_new,
    "loyal": is_loyal,
}
REMAINING_STAGE = "active"


def _stage(row: Moment) -> "ibis.Value":
    import ibis

    return ibis.cases(
        *((claim(row), stage) for stage, claim in STAGES.items()), else_=REMAINING_STAGE
    )


_TENURE_SIGNS = ("joined_days", "first_order_days", "first_contract_days", "first_interaction_days")


def _tenure(row: Moment) -> "ibis.Value":
    import ibis

    known = (row.filled(name, -1.0) for name in _TENURE_SIGNS)
    longest = ibis.greatest(*known, ibis.literal(-1.0))
    return longest.nullif(-1.0)


JOINED = Feature(
    what="joined", unit="days", view="profile", source="customers", needs=("joined_at",),
    expression=lambda customers: customers.days_since(customers.rows.joined_at),
    says=text_of(("Days since the customer joined", "注册天数")),
    lowest=0.0, reason="TENURE", listed=False,
)  # fmt: skip
TENURE = Feature(
    what="tenure", unit="days", view="profile", source="row",
    expression=_tenure, lowest=0.0, reason="TENURE",
    says=text_of(("Days since the customer was first known", "成为客户的天数")),
)  # fmt: skip
STAGE = Feature(
    what="lifecycle", statistic="stage", unit="text", view="profile", source="row",
    expression=_stage, dtype="text", model=False, reason="TENURE",
    says=text_of(("Stage of the customer's life", "客户生命周期阶段")),
)  # fmt: skip


def features_for(signs: frozenset[str]) -> tuple[Feature, ...]:
    """Declare tenure and stage where any sign of life is among the features so far."""
    staged = (*_FIRST_SIGNS, *_DESK_SIGNS[0])
    tenure = (TENURE,) if signs & set(_TENURE_SIGNS) else ()
    return (*tenure, STAGE) if signs & set(staged) else tenure
