# ruff: noqa: D103 - the words that tests are said in
"""Features the slow and obvious way: plain Python over rows, one customer and date at a time.

Written from the words of the catalogue, not from its expressions. A row is a dict with the
contract's columns, `known_at` and `superseded_at`; times are aware datetimes, numbers Decimals.
What a customer has no rows for is 0 where it counts and None where it measures.
"""

import math
from datetime import timedelta
from itertools import pairwise

from tests.oracles.history import (
    EVENT_TIME,
    days_between,
    filled,
    in_window,
    in_window_before,
    mean,
    ratio,
    suffix,
    trend,
    visible,
    was_known,
)
from tests.oracles.purchases import order_features

KINDS = {
    "complaint": ("complaints", (7, 30, 90, 180, 365, None)),
    "contact": ("contacts", (7, 30, 90, 365)),
    "failure": ("failures", (7, 30, 90, 365)),
    "survey": ("surveys", (365,)),
    "usage": ("usage", (7, 30, 90)),
}


def all_features(world, as_of, time_zone="UTC"):
    """Return {customer_id: {feature: value}} for everyone with anything visible at `as_of`."""
    seen = {table: visible(table, rows, as_of) for table, rows in world.items()}
    people = {row["customer_id"] for rows in seen.values() for row in rows}
    found = {}
    for person in people:
        own = {
            table: [row for row in rows if row["customer_id"] == person]
            for table, rows in seen.items()
        }
        row = {}
        if "orders" in own:
            row |= order_features(own["orders"], as_of, time_zone)
        if "interactions" in own:
            kinds = {one["kind"] for one in world["interactions"]}
            channels = {(one.get("channel") or "").lower() for one in world["interactions"]}
            row |= interaction_features(own["interactions"], as_of, kinds, channels)
        if "contracts" in own:
            versions = [one for one in world["contracts"] if one["customer_id"] == person]
            row |= contract_features(own["contracts"], versions, as_of)
        if "contacts" in own:
            row |= outreach_features(own["contacts"], as_of)
        if "customers" in own:
            row |= descriptors(own["customers"])
        if "profiles" in own:
            row |= newest_profile(own["profiles"])
        row["tenure_days"] = tenure(own, as_of)
        row["lifecycle_stage"] = stage(row, own, as_of)
        found[person] = row
    return found


def interaction_features(rows, as_of, kinds, channels):
    rows = sorted(rows, key=lambda row: (row["occurred_at"], row["interaction_id"]))

    def within(days):
        return [row for row in rows if in_window(row["occurred_at"], as_of, days)]

    def since_last(some):
        return days_between(max((one["occurred_at"] for one in some), default=None), as_of)

    found = {"interaction_recency_days": since_last(rows)}
    for days in (30, 90, 365):
        found[f"interactions_count_{days}d"] = len(within(days))
    for kind in kinds:
        what, windows = KINDS.get(kind, (kind, (30, 90, 365)))
        for days in windows:
            count = sum(row["kind"] == kind for row in within(days))
            found[f"{what}_count{suffix(days)}"] = count
        found[f"{what}_recency_days"] = since_last([row for row in rows if row["kind"] == kind])
    if "usage" in kinds:
        used = [row["occurred_at"] for row in rows if row["kind"] == "usage"]
        found["usage_trend_30d"] = trend(
            sum(in_window(at, as_of, 30) for at in used),
            sum(in_window_before(at, as_of, 30) for at in used),
        )
    return found | cases(rows, as_of, within) | mood(rows, as_of, within) | shares(within, channels)


def is_case(row):
    return row["kind"] not in ("survey", "usage")


def cases(rows, as_of, within):
    still_open = [row for row in rows if is_case(row) and row.get("resolved_at") is None]
    taken = [
        max(0, math.floor(r["resolved_at"].timestamp()) - math.floor(r["occurred_at"].timestamp()))
        for r in within(180)
        if r.get("resolved_at") is not None
    ]
    hours = mean(taken)
    topics = [row["topic"] for row in within(90) if is_case(row) and row.get("topic") is not None]
    oldest = min((row["occurred_at"] for row in still_open), default=None)
    return {
        "open_cases_count": len(still_open),
        "open_case_age_max_days": days_between(oldest, as_of),
        "resolution_mean_hours_180d": None if hours is None else hours / 3_600.0,
        "wait_mean_minutes_180d": mean(filled(within(180), "wait_minutes")),
        "wait_max_minutes_90d": max(filled(within(90), "wait_minutes"), default=None),
        "handle_mean_minutes_180d": mean(filled(within(180), "handle_minutes")),
        "topic_repeats_count_90d": len(topics) - len(set(topics)),
    }


def mood(rows, as_of, within):
    now = mean(filled(within(180), "satisfaction"))
    earlier = [row for row in rows if in_window_before(row["occurred_at"], as_of, 180)]
    before = mean(filled(earlier, "satisfaction"))
    return {
        "satisfaction_mean_180d": now,
        "satisfaction_last": (filled(rows, "satisfaction") or [None])[-1],
        "satisfaction_change_180d": None if now is None or before is None else now - before,
        "sentiment_mean_90d": mean(filled(within(90), "sentiment")),
        "sentiment_last": (filled(rows, "sentiment") or [None])[-1],
    }


def shares(within, channels):
    came = [name.lower() for name in filled(within(365), "channel")]
    return {
        f"{channel}_channel_share_365d": ratio(came.count(channel), len(came))
        for channel in ("phone", "email", "chat", "app", "web", "store")
        if channel in channels
    }


def ended_at(contract, as_of):
    if contract.get("cancelled_at") is not None:
        return contract["cancelled_at"]
    end = contract.get("ends_at")
    return end if end is not None and end < as_of else None


def runs(contract, as_of):
    return contract.get("cancelled_at") is None and (
        contract.get("ends_at") is None or contract["ends_at"] >= as_of
    )


def contract_features(current, versions, as_of):
    running = [one for one in current if runs(one, as_of)]
    before = as_of - timedelta(days=365)
    running_then = [one for one in visible("contracts", versions, before) if runs(one, before)]
    ended = [end for one in current if (end := ended_at(one, as_of)) is not None]
    now, then = filled(running, "price"), filled(running_then, "price")
    change = ratio(float(sum(now)) - float(sum(then)), sum(then)) if now and then else None
    ends = filled(running, "ends_at")
    return {
        "contracts_running_count": len(running),
        "contracts_ended_count": len(ended),
        "contracts_ended_count_365d": sum(in_window(end, as_of, 365) for end in ended),
        "contracts_started_count_365d": sum(
            in_window(one["starts_at"], as_of, 365) for one in current
        ),
        "first_contract_days": days_between(
            min((one["starts_at"] for one in current), default=None), as_of
        ),
        "contract_age_days": days_between(
            max((one["starts_at"] for one in running), default=None), as_of
        ),
        "contract_end_days": days_between(as_of, min(ends, default=None)),
        "contract_ended_days": days_between(max(ended, default=None), as_of),
        "price_total": sum(now),
        "price_change_rate_365d": change,
        "plan_changes_count_365d": plan_changes(current, versions, as_of),
    }


def plan_changes(current, versions, as_of):
    if not current:
        return 0
    known = [one for one in versions if was_known("contracts", one, as_of)]
    known.sort(key=lambda one: (one["starts_at"], one["known_at"], one["contract_id"]))
    changes = 0
    for earlier, later in pairwise(known):
        plans = earlier.get("plan"), later.get("plan")
        if None not in plans and plans[0] != plans[1]:
            changes += in_window(max(later["known_at"], later["starts_at"]), as_of, 365)
    return changes


def outreach_features(rows, as_of):
    sent = [row for row in rows if row.get("arm") != "held_out"]

    def within(days):
        return [row for row in sent if in_window(row["sent_at"], as_of, days)]

    answered = filled(within(365), "outcome")
    return {
        "outreach_recency_days": days_between(
            max((row["sent_at"] for row in sent), default=None), as_of
        ),
        **{f"outreach_count_{days}d": len(within(days)) for days in (30, 90, 365)},
        "outreach_answered_count_365d": len(answered),
        "outreach_answered_rate_365d": ratio(len(answered), len(within(365))),
    }


def descriptors(rows):
    names = ("segment", "region", "language", "preferred_channel", "local_time_zone")
    return {name: rows[0].get(name) if rows else None for name in names}


def newest_profile(rows):
    newest = max(rows, key=lambda row: (row["observed_at"], row["known_at"]), default={})
    return {"age": newest.get("age"), "city": newest.get("city")}


def first_and_last(own, *tables):
    times = [row[EVENT_TIME[table]] for table in tables for row in own.get(table, [])]
    times = [time for time in times if time is not None]
    return (min(times), max(times)) if times else (None, None)


def tenure(own, as_of):
    bought = [line for line in own.get("orders", []) if not line.get("is_return")]
    first, _ = first_and_last(
        own | {"orders": bought}, "orders", "interactions", "contracts", "customers"
    )
    return days_between(first, as_of)


def stage(row, own, as_of):
    """Name the first stage whose sentence is true: potential, lost, lapsing, new, loyal, active."""
    desk = "orders" not in own and "contracts" not in own
    if desk:
        first = [tenure({"interactions": own["interactions"]}, as_of)]
        quiet, often = row["interaction_recency_days"], row["interactions_count_365d"]
    else:
        first = [row.get("first_order_days"), row.get("first_contract_days")]
        signs = [row.get("recency_days"), row.get("contract_ended_days")]
        quiet = min((sign for sign in signs if sign is not None), default=None)
        often = row.get("orders_count_365d", 0)
    known_for = max((days for days in first if days is not None), default=None)
    if known_for is None:
        return "potential"
    running = row.get("contracts_running_count", 0) > 0
    quiet = 0 if running else math.inf if quiet is None else quiet
    only_contracts = "contracts" in own and "orders" not in own
    if quiet >= (90 if only_contracts else 365):
        return "lost"
    gap, end = row.get("gap_mean_days"), row.get("contract_end_days")
    out_of_rhythm = quiet >= 60 and gap is not None and quiet > gap * 3.0
    late = quiet > 0 if only_contracts else quiet >= 180
    if late or out_of_rhythm or (end is not None and end < 60):
        return "lapsing"
    if known_for < 90:
        return "new"
    long = running and (row.get("first_contract_days") or 0) >= 730
    return "loyal" if often >= 4 or long else "active"
