# ruff: noqa: D103 - the words that tests are said in
"""What could be seen at a date, and the words of features: windows, means, ratios."""

import math
from datetime import timedelta

EVENT_TIME = {
    "orders": "ordered_at",
    "interactions": "occurred_at",
    "contracts": "starts_at",
    "contacts": "sent_at",
    "profiles": "observed_at",
    "customers": "joined_at",
}
LATE = {
    "interactions": dict.fromkeys(
        ("handle_minutes", "resolved_at", "satisfaction", "sentiment"), "resolved_at"
    ),
    "contracts": {"cancelled_at": "cancelled_at"},
    "contacts": {"outcome": "outcome_at", "outcome_at": "outcome_at"},
}


def was_known(table, row, as_of):
    event, known = row[EVENT_TIME[table]], row["known_at"]
    if table == "customers":
        return (event is None or event < as_of) and (known is None or known < as_of)
    return event < as_of and known < as_of


def visible(table, rows, as_of):
    """Rows one could have read just before `as_of`, with late columns still blank."""
    seen = []
    for row in rows:
        current = row.get("superseded_at") is None or row["superseded_at"] >= as_of
        if was_known(table, row, as_of) and current:
            hidden = {
                name
                for name, time in LATE.get(table, {}).items()
                if row.get(time) is not None and row[time] >= as_of
            }
            seen.append({name: None if name in hidden else value for name, value in row.items()})
    return seen


def days_between(start, end):
    if start is None or end is None:
        return None
    return (math.floor(end.timestamp()) - math.floor(start.timestamp())) / 86_400.0


def in_window(time, as_of, days):
    return time is not None and (days is None or time >= as_of - timedelta(days=days))


def in_window_before(time, as_of, days):
    start, end = as_of - timedelta(days=2 * days), as_of - timedelta(days=days)
    return time is not None and start <= time < end


def mean(values):
    values = [value for value in values if value is not None]
    return float(sum(values)) / len(values) if values else None


def ratio(part, whole):
    return (
        None if part is None or whole is None or float(whole) == 0 else float(part) / float(whole)
    )


def trend(now, before):
    now, before = float(now), float(before)
    return ratio(now - before, abs(now) + abs(before))


def suffix(days):
    return f"_{days}d" if days else ""


def filled(rows, name):
    return [row[name] for row in rows if row.get(name) is not None]
