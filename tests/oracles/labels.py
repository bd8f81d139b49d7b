"""Labels and populations the slow and obvious way: plain Python over rows, one customer at a time.

Written from the words of the design, not from the fast path. A row is a dict with the contract's
columns, `known_at` and `superseded_at`; times are aware datetimes.
"""

from datetime import timedelta

LATE = {"contracts": ("cancelled_at",)}
EVENT_TIME = {
    "orders": "ordered_at",
    "interactions": "occurred_at",
    "contracts": "starts_at",
    "profiles": "observed_at",
    "outcomes": "occurred_at",
}


def seen(world, table, as_of):
    """Rows one could have read just before `as_of`, with late columns still blank."""
    rows = []
    for row in world.get(table, []):
        current = row["superseded_at"] is None or row["superseded_at"] >= as_of
        if row[EVENT_TIME[table]] < as_of and row["known_at"] < as_of and current:
            late = {name: None for name in LATE.get(table, ()) if row[name] and row[name] >= as_of}
            rows.append(row | late)
    return rows


def known(world, table, data_until):
    """Rows that are the newest version known at `data_until`."""
    return [
        row
        for row in world.get(table, [])
        if row["known_at"] <= data_until
        and (row["superseded_at"] is None or row["superseded_at"] > data_until)
    ]


def order_times(lines):
    """When each order of each customer was placed: {(customer, order): earliest line}."""
    placed = {}
    for line in lines:
        if line["is_return"]:
            continue
        key = line["customer_id"], line["order_id"]
        placed[key] = min(placed.get(key, line["ordered_at"]), line["ordered_at"])
    return placed


def buyers(world, target, as_of):
    """Find customers whose last order is not older than the active days."""
    since = as_of - timedelta(days=target.active_within_days)
    return {
        customer
        for (customer, _), at in order_times(seen(world, "orders", as_of)).items()
        if at >= since
    }


def comers(world, target, as_of):
    """Find customers whose last order or interaction is not older than the active days."""
    since = as_of - timedelta(days=target.active_within_days)
    found = buyers(world, target, as_of)
    for row in seen(world, "interactions", as_of):
        if row["occurred_at"] >= since:
            found.add(row["customer_id"])
    return found


def spell(row):
    """Return the time a contract ran: (start, end or None); None for one that never ran."""
    end = row["cancelled_at"] if row["cancelled_at"] is not None else row["ends_at"]
    if end is not None and end <= row["starts_at"]:
        return None
    return row["starts_at"], end


def bound(world, as_of):
    """Find customers under a contract at `as_of`, by what one could have read then."""
    found = set()
    for row in seen(world, "contracts", as_of):
        ran = spell(row)
        if ran and (ran[1] is None or ran[1] > as_of):
            found.add(row["customer_id"])
    return found


def population(world, target, as_of):
    """Whom the target is asked of."""
    if target.kind == "lapse":
        return buyers(world, target, as_of)
    if target.kind == "complaint":
        return comers(world, target, as_of)
    if target.kind == "contract":
        return bound(world, as_of)
    everyone = {row["customer_id"] for row in seen(world, "profiles", as_of)}
    owners = [buyers(world, target, as_of)] if "orders" in world else []
    owners += [bound(world, as_of)] if "contracts" in world else []
    came = [comers(world, target, as_of)] if "orders" in world or "interactions" in world else []
    if target.name == "complaint":
        owners = came or owners
    everyone = everyone.union(*(owners or came))
    had = {
        row["customer_id"]
        for row in seen(world, "outcomes", as_of)
        if row["outcome"] == target.name
    }
    return everyone - had


def label(world, target, customer, as_of, data_until):
    """Answer for one customer."""
    start = as_of + timedelta(days=target.lead_days)
    end = start + timedelta(days=target.horizon_days)
    if target.kind == "lapse":
        times = order_times(known(world, "orders", data_until))
        mine = [at for (who, _), at in times.items() if who == customer]
        return int(not any(start <= at < end for at in mine))
    if target.kind == "contract":
        return int(
            left(known(world, "contracts", data_until), target, customer, data_until, (start, end))
        )
    if target.kind == "complaint":
        return int(
            any(
                row["customer_id"] == customer
                and row["kind"] in target.kinds
                and start <= row["occurred_at"] < end
                for row in known(world, "interactions", data_until)
            )
        )
    return int(
        any(
            row["customer_id"] == customer
            and row["outcome"] == target.name
            and start <= row["occurred_at"] < end
            for row in known(world, "outcomes", data_until)
        )
    )


def left(contracts, target, customer, data_until, window):
    """Whether the customer's cover breaks off in the window: walk along it, spell by spell.

    Unlike the fast path, which looks for an end nobody carries on, this merges the spells into
    stretches of cover, gaps of at most the days of grace included, and looks at their ends.
    """
    spells = []
    for row in contracts:
        if row["customer_id"] != customer:
            continue
        cancelled = row["cancelled_at"]
        past = cancelled if cancelled is not None and cancelled <= data_until else None
        ran = spell(row | {"cancelled_at": past})
        if ran:
            spells.append(ran)
    stretches = []
    for starts, ends in sorted(spells, key=lambda ran: ran[0]):
        grace = timedelta(days=target.grace_days)
        if stretches and (stretches[-1] is None or starts <= stretches[-1] + grace):
            if stretches[-1] is not None:
                stretches[-1] = None if ends is None else max(stretches[-1], ends)
        else:
            stretches.append(ends)
    return any(ends is not None and window[0] <= ends < window[1] for ends in stretches)


def labels(world, target, as_ofs, data_until):
    """Every (customer, as_of, label), as the fast path returns them."""
    return sorted(
        (as_of, customer, label(world, target, customer, as_of, data_until))
        for as_of in as_ofs
        for customer in population(world, target, as_of)
    )
