"""Proposed contracts, customers, profiles and outcomes: what customers have and are."""

from datetime import UTC, date, datetime, timedelta

from features.proposal.columns import Column
from features.proposal.mapping import (
    Mapping,
    id_sql,
    is_true_sql,
    name_sql,
    number_sql,
    yes_value,
)
from features.proposal.roles import find, find_id, find_target, is_number, is_time
from features.proposal.shapes import Shape

#: A file says nothing of when its customers left: somewhere within the month after it was true.
HORIZON_DAYS, _LEFT_AFTER_DAYS = 30, 14


def map_contracts(shape: Shape) -> list[Mapping]:
    """Propose contracts; an end that is mostly empty is an actual one."""
    columns = shape.look.columns
    found = Mapping(table="contracts", look=shape.look)
    contract = find_id([c for c in columns if c is not shape.customer], "contract_id")
    if shape.customer is None:
        return []
    contract = contract or shape.customer
    found.put("contract_id", contract, id_sql)
    if contract is shape.customer:
        found.doubts["contract_id"] = "no contract number: one contract per customer is assumed"
    found.put_customer(shape.customer)
    found.put_time("starts_at", find(columns, "starts_at", is_time))
    cancelled = find(columns, "cancelled_at", is_time, taken=found.used)
    ends = find(columns, "ends_at", is_time, taken={*found.used, *_names(cancelled)})
    if cancelled is None and ends is not None and ends.nulls > ends.filled:
        found.put_time(
            "cancelled_at", ends, f"`{ends.name}` is mostly empty, so it is an actual end"
        )
    else:
        found.put_time("cancelled_at", cancelled)
        found.put_time("ends_at", ends)
    found.put("price", find(columns, "monthly_price", is_number), number_sql)
    found.put_texts("plan")
    return [found]


def _names(column: Column | None) -> set[str]:
    return {column.name} if column else set()


def map_customers(shape: Shape) -> list[Mapping]:
    """Propose what is known of customers; attributes are left to the user, having no history."""
    found = Mapping(table="customers", look=shape.look)
    if shape.customer is None:
        return []
    found.put_customer(shape.customer)
    found.put_time("joined_at", find(shape.look.columns, "joined_at", is_time))
    found.put_texts("preferred_channel", "segment", "region", "language")
    others = [name_sql(c) for c in shape.look.columns if c.name not in found.used]
    if others:
        found.remarks.append(
            "attributes have no history; add those that never change, as in"
            f" `attributes: [{others[0]}]`"
        )
    return [found]


def map_outcomes(shape: Shape) -> list[Mapping]:
    """Propose rows that say who left, and when."""
    found = Mapping(table="outcomes", look=shape.look)
    if shape.customer is None:
        return []
    found.put_customer(shape.customer)
    found.columns["outcome"] = "'churn'"
    found.put_time("occurred_at", find(shape.look.columns, "left_at", is_time))
    return [found]


def map_profiles(shape: Shape) -> list[Mapping]:
    """Propose a plain customer table as ready-made features, with its churn column as outcome."""
    columns, target = shape.look.columns, find_target(shape.look)
    profiles = Mapping(table="profiles", look=shape.look)
    _put_person(profiles, shape)
    day = _written_on(shape) - timedelta(days=HORIZON_DAYS)
    profiles.columns["observed_at"] = f"DATE '{day}'"
    profiles.doubts["observed_at"] = f"not known: {HORIZON_DAYS} days before the file was written"
    left_out = [c.name for c in columns if c is shape.customer or c is target or c.is_time]
    left_out += _unusable(profiles, left_out)
    profiles.settings = {"features": "*", "except": left_out}
    mappings = [profiles]
    yes = yes_value(target) if target else None
    if target is not None and yes is not None:
        outcomes = Mapping(table="outcomes", look=shape.look)
        _put_person(outcomes, shape)
        left = day + timedelta(days=_LEFT_AFTER_DAYS)
        outcomes.columns |= {"outcome": "'churn'", "occurred_at": f"DATE '{left}'"}
        outcomes.where.append(is_true_sql(target, yes))
        outcomes.doubts["occurred_at"] = (
            "not known: some day between observed_at and the file's own"
        )
        mappings.append(outcomes)
    return mappings


def _put_person(found: Mapping, shape: Shape) -> None:
    if shape.customer is not None:
        found.put("customer_id", shape.customer, id_sql)
    else:
        found.remarks.append("no customer id: it is made from the row's position in the file")


def _unusable(profiles: Mapping, left_out: list[str]) -> list[str]:
    """Name texts that are no feature: other ids and names, different on nearly every row."""
    return [
        column.name
        for column in profiles.look.columns
        if column.kind == "text"
        and column.name not in left_out
        and column.number_form is None
        and column.distinct > 0.5 * column.filled
        and len(column.values) == 0
    ]


def _written_on(shape: Shape) -> date:
    newest = max(file.stat().st_mtime for file in shape.look.files)
    return datetime.fromtimestamp(newest, UTC).date()
