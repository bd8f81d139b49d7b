"""Rows as a cutoff sees them, one function per source: what features aggregate.

Only here are accepted rows filtered, joined to orders, or marked (running, sent, the gap to the
purchase day before). No function knows a feature.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from features.catalogue.contracts import PRICE_CHANGE_DAYS
from features.catalogue.feature import Source
from features.catalogue.moment import Moment
from features.point_in_time import instant, is_visible, visible, was_known
from features.tables import CONTACTS, CONTRACTS, CUSTOMERS, INTERACTIONS, ORDERS, PROFILES

if TYPE_CHECKING:
    import ibis

_NO = False
Late = Mapping[str, tuple[str, ...]]
Grain = Callable[["ibis.Table", datetime, Late], Moment]


def order_lines(orders: "ibis.Table", as_of: datetime, late: Late) -> Moment:
    """Lines of orders; where returns are not mapped none is a return."""
    import ibis

    lines = visible(orders, ORDERS, as_of, late)
    returned = lines.is_return.fill_null(_NO) if "is_return" in lines.columns else None
    rows = lines.mutate(is_return=ibis.literal(_NO) if returned is None else returned)
    return _moment(rows, as_of, "ordered_at", ("ordered_at", "order_id"))


def orders_with_gaps(orders: "ibis.Table", as_of: datetime, late: Late) -> Moment:
    """Orders: lines that share an id added up, at the earliest time, in order.

    `gap_days` counts days since the day of the order before: 0 on the same day, null for the
    first. An order with return lines only has no `placed_at`, only `returned_at`.
    """
    import ibis

    lines = order_lines(orders, as_of, late).rows
    bought = ~lines.is_return if "is_return" in orders.columns else None
    columns = {
        "placed_at": lines.ordered_at.min(where=bought),
        "placed_on": lines.ordered_on.min(where=bought),
    }
    for name in ("amount", "quantity"):
        if name in lines.columns:
            columns[name] = lines[name].sum(where=bought)
    if bought is not None:
        columns["returned_at"] = lines.ordered_at.min(where=lines.is_return)
        if "amount" in lines.columns:
            columns["returned_amount"] = lines.amount.sum(where=lines.is_return)
    placed = lines.group_by("customer_id", "order_id").aggregate(**columns)
    # Orders of one instant share their day: it does not matter which of them opens it.
    before = ibis.window(group_by="customer_id", order_by="placed_at")
    gap = placed.placed_on.delta(placed.placed_on.lag(1).over(before), unit="day")
    rows = placed.mutate(gap_days=gap.cast("int64"))
    return _moment(rows, as_of, "placed_at", ("placed_at", "order_id"))


def dealings(interactions: "ibis.Table", as_of: datetime, late: Late) -> Moment:
    """Interactions; what their closing makes known reads null until then."""
    rows = visible(interactions, INTERACTIONS, as_of, late)
    return _moment(rows, as_of, "occurred_at", ("occurred_at", "interaction_id"))


def contract_versions(contracts: "ibis.Table", as_of: datetime, late: Late) -> Moment:
    """All versions of contracts known so far, marked with what they were, and when."""
    import ibis

    at, before = instant(as_of), as_of - timedelta(days=PRICE_CHANGE_DAYS)
    known = contracts.filter(was_known(contracts, CONTRACTS, as_of))
    current = is_visible(known, CONTRACTS, as_of)
    cancelled = (known.cancelled_at < at).ifelse(known.cancelled_at, None)
    expired = (known.ends_at < at).ifelse(known.ends_at, None)
    marked = known.mutate(
        current=current,
        ended_at=cancelled.coalesce(expired),
        running=current & _runs(known, as_of),
        running_before=is_visible(known, CONTRACTS, before) & _runs(known, before),
        **_masked(known, late, as_of),
    )
    if "plan" in marked.columns:
        sequence = ibis.window(
            group_by="customer_id", order_by=["starts_at", "known_at", "contract_id"]
        )
        marked = marked.mutate(
            plan_changed=marked.plan != marked.plan.lag(1).over(sequence),
            changed_at=(marked.known_at > marked.starts_at).ifelse(
                marked.known_at, marked.starts_at
            ),
        )
    return _moment(marked, as_of, "starts_at", ("starts_at", "contract_id"))


def _masked(contracts: "ibis.Table", late: Late, as_of: datetime) -> dict[str, "ibis.Value"]:
    """Hide own columns of the user whose time had not come."""
    masked = {}
    for name, times in late.items():
        hidden = contracts[times[0]] >= instant(as_of)
        masked[name] = hidden.fill_null(_NO).ifelse(None, contracts[name])
    return masked


def _runs(contracts: "ibis.Table", as_of: datetime) -> "ibis.Value":
    """Claim that a contract had begun before the instant and not ended before it."""
    at = instant(as_of)
    return (contracts.ends_at.isnull() | (contracts.ends_at >= at)) & (
        contracts.cancelled_at.isnull() | (contracts.cancelled_at >= at)
    )


def outreach(contacts: "ibis.Table", as_of: datetime, late: Late) -> Moment:
    """Contacts, of which those held out were never sent."""
    rows = visible(contacts, CONTACTS, as_of, late)
    rows = rows.mutate(sent=rows.arm.fill_null("treated") != "held_out")
    return _moment(rows, as_of, "sent_at", ("sent_at", "contact_id"))


def newest_profile(profiles: "ibis.Table", as_of: datetime, late: Late) -> Moment:
    """Keep the newest profile of each customer."""
    rows = visible(profiles, PROFILES, as_of, late)
    newest = [rows.observed_at.desc(), rows.known_at.desc()]
    return _moment(_first(rows, newest), as_of, "observed_at", ())


def people(customers: "ibis.Table", as_of: datetime, late: Late) -> Moment:
    """One row per customer; of rows joined by an alias the customer's own counts."""
    rows = visible(customers, CUSTOMERS, as_of, late)
    own_first = [rows.known_at.notnull(), rows.known_at, rows.joined_at]
    return _moment(_first(rows, own_first), as_of, "joined_at", ())


def _first(rows: "ibis.Table", order: "list[ibis.Value]") -> "ibis.Table":
    import ibis

    place = ibis.row_number().over(ibis.window(group_by="customer_id", order_by=order))
    return rows.mutate(place=place).filter(ibis._.place == 0).drop("place")


def _moment(rows: "ibis.Table", as_of: datetime, time: str, order: tuple[str, ...]) -> Moment:
    return Moment(rows=rows, as_of=as_of, time=time, order=order, names=frozenset(rows.columns))


GRAINS: dict[Source, Grain] = {
    "orders": orders_with_gaps,
    "lines": order_lines,
    "interactions": dealings,
    "contracts": contract_versions,
    "contacts": outreach,
    "profiles": newest_profile,
    "customers": people,
}
#: Sources that have one row per customer already: nothing is left to aggregate.
SINGLE_SOURCES: tuple[Source, ...] = ("profiles", "customers")
#: Columns a grain reads whatever the features are (`is_return` where mapped).
GRAIN_COLUMNS: dict[str, tuple[str, ...]] = {
    "orders": ("ordered_at", "ordered_on", "order_id"),
    "interactions": ("occurred_at", "interaction_id"),
    "contracts": ("starts_at", "ends_at", "cancelled_at", "contract_id"),
    "contacts": ("sent_at", "contact_id", "arm"),
    "profiles": ("observed_at",),
    "customers": ("joined_at",),
}
