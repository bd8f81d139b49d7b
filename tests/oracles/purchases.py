# ruff: noqa: D103 - the words that tests are said in
"""Features of purchases the slow and obvious way: orders added up from lines, one by one."""

import math
from itertools import pairwise
from zoneinfo import ZoneInfo

from tests.oracles.history import (
    days_between,
    filled,
    in_window,
    in_window_before,
    mean,
    ratio,
    suffix,
    trend,
)


def purchases(lines, time_zone):
    """Orders of one customer, oldest first: lines that are no returns, added up."""
    orders = {}
    for line in lines:
        if not line.get("is_return"):
            orders.setdefault(line["order_id"], []).append(line)
    added = [
        {
            "id": order_id,
            "at": min(line["ordered_at"] for line in its),
            "amount": sum(line["amount"] for line in its),
            "quantity": sum(quantities) if (quantities := filled(its, "quantity")) else None,
        }
        for order_id, its in orders.items()
    ]
    for order in added:
        order["on"] = order["at"].astimezone(ZoneInfo(time_zone)).date()
    return sorted(added, key=lambda order: (order["at"], order["id"]))


def returned(lines):
    returns = {}
    for line in lines:
        if line.get("is_return"):
            returns.setdefault(line["order_id"], []).append(line)
    return [
        {
            "at": min(line["ordered_at"] for line in its),
            "amount": sum(line["amount"] for line in its),
        }
        for its in returns.values()
    ]


def order_features(lines, as_of, time_zone):
    orders, returns = purchases(lines, time_zone), returned(lines)
    row = rhythm(orders, as_of)
    for days in (7, 30, 90, 180, 365, None):
        inside = [order for order in orders if in_window(order["at"], as_of, days)]
        row[f"orders_count{suffix(days)}"] = len(inside)
        row[f"amount_total{suffix(days)}"] = sum(order["amount"] for order in inside)
    year = [order for order in orders if in_window(order["at"], as_of, 365)]
    row["amount_mean_365d"] = mean([order["amount"] for order in year])
    row["amount_max_365d"] = max((order["amount"] for order in year), default=None)
    row["amount_last"] = orders[-1]["amount"] if orders else None
    row["quantity_mean_365d"] = mean([order["quantity"] for order in year])
    for days in (30, 90):
        now = [order for order in orders if in_window(order["at"], as_of, days)]
        before = [order for order in orders if in_window_before(order["at"], as_of, days)]
        row[f"orders_trend_{days}d"] = trend(len(now), len(before))
        if days == 90:
            row["amount_trend_90d"] = trend(
                sum(order["amount"] for order in now), sum(order["amount"] for order in before)
            )
    bought = [
        line
        for line in lines
        if not line.get("is_return") and in_window(line["ordered_at"], as_of, 365)
    ]
    row["categories_count_365d"] = len(set(filled(bought, "category")))
    row["order_channels_count_365d"] = len(set(filled(bought, "channel")))
    for days in (90, 365):
        back = [one for one in returns if in_window(one["at"], as_of, days)]
        row[f"returns_count_{days}d"] = len(back)
    row["returns_rate_365d"] = ratio(len(back), len(year))
    row["returns_total_365d"] = abs(sum(one["amount"] for one in back))
    return row


def rhythm(orders, as_of):
    days = sorted({order["on"] for order in orders})
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    opened = {day: min(order["at"] for order in orders if order["on"] == day) for day in days}
    year = [
        gap for gap, day in zip(gaps, days[1:], strict=False) if in_window(opened[day], as_of, 365)
    ]
    last = orders[-1]["at"] if orders else None
    usual = mean(gaps)
    recency = days_between(last, as_of)
    spread = None
    if len(gaps) > 1:
        exact = len(gaps) * sum(gap * gap for gap in gaps) - sum(gaps) ** 2
        spread = math.sqrt(exact / (len(gaps) * (len(gaps) - 1)))
    return {
        "recency_days": recency,
        "first_order_days": days_between(orders[0]["at"], as_of) if orders else None,
        "purchase_days_count": len(days),
        "gap_mean_days": usual,
        "gap_mean_days_365d": mean(year),
        "gap_deviation_days": spread,
        "gap_last_days": gaps[-1] if gaps else None,
        "gap_last_ratio": ratio(gaps[-1] if gaps else None, usual),
        "recency_gap_ratio": ratio(recency, usual),
    }
