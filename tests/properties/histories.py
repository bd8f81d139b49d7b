# ruff: noqa: D103 - the words that tests are said in
"""Random histories of a few customers around a cutoff, and their features by the fast path."""

import tempfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from features.catalogue import catalogue_for
from features.feature_rows import feature_rows
from features.workspace import Workspace
from tests.oracles.accepted_data import write_accepted

ZONES = ("UTC", "Europe/London", "America/St_Johns", "Asia/Shanghai")
#: A leap day, a spring and an autumn change of clocks, and a plain day.
DAYS = (date(2024, 2, 29), date(2024, 3, 31), date(2024, 10, 27), date(2025, 3, 1))
CUSTOMERS = ("a", "b", "c", "d")
WINDOW_EDGES = (0, 7, 30, 60, 90, 180, 360, 365, 730)
TINY = timedelta(microseconds=1)

PROFILE_COLUMNS = {"age": "number", "city": "text"}


def numbers(lowest, highest):
    return st.integers(lowest * 100, highest * 100).map(lambda cents: Decimal(cents) / 100)


def maybe(values):
    return st.none() | values


def times_around(as_of):
    """Draw times at the cutoff, at edges of windows, a microsecond beside them, or anywhere."""
    edge = st.builds(
        lambda days, nudge: as_of - timedelta(days=days) + nudge * TINY,
        st.sampled_from(WINDOW_EDGES),
        st.sampled_from((-1, 0, 1)),
    )
    any_time = st.integers(-40 * 86_400, 800 * 86_400).map(lambda s: as_of - timedelta(seconds=s))
    return edge | any_time


@st.composite
def worlds(draw):
    """Draw a small history around a cutoff: ties at it and at window edges, corrections, blanks."""
    zone = draw(st.sampled_from(ZONES))
    as_of = datetime.combine(draw(st.sampled_from(DAYS)), datetime.min.time(), ZoneInfo(zone))
    as_of = as_of.astimezone(UTC)
    times = times_around(as_of)
    world = {
        "orders": draw(st.lists(order_lines(times), max_size=12)),
        "interactions": draw(st.lists(dealings(times), max_size=8)),
        "contracts": draw(st.lists(contracts(times), max_size=6)),
        "contacts": draw(st.lists(contacts(times), max_size=6)),
        "profiles": draw(st.lists(profiles(times), max_size=4, unique_by=_profile_key)),
        "customers": draw(st.lists(people(times), max_size=4, unique_by=_person)),
    }
    for table, column in (("interactions", "interaction_id"), ("contracts", "contract_id")):
        for number, row in enumerate(world[table]):
            row[column] = f"id{number * 7 % 10}-{number}"
    for number, row in enumerate(world["contacts"]):
        row["contact_id"] = f"k{number}"
    kept = draw(st.sets(st.sampled_from(tuple(world)), min_size=1))
    chosen = {name: versions(draw, world[name], times) for name in world if name in kept}
    if set(chosen) <= {"profiles", "customers", "contacts"}:
        chosen["orders"] = []
    return chosen, as_of, zone


def _profile_key(row):
    return row["customer_id"], row["observed_at"]


def _person(row):
    return row["customer_id"]


def versions(draw, rows, times):
    """Give some rows a later known time, or a later version that supersedes them."""
    event = {"ordered_at", "occurred_at", "starts_at", "sent_at", "observed_at", "joined_at"}
    made = []
    for row in rows:
        happened = next(row[name] for name in event if name in row)
        delay = draw(st.sampled_from((0, 0, 1, 40))) * timedelta(days=1)
        known = None if happened is None else happened + delay
        superseded = draw(maybe(times)) if known is not None else None
        if superseded is not None and superseded > known:
            correction = row | {"known_at": superseded, "superseded_at": None}
            if "amount" in row:
                correction["amount"] = row["amount"] + 1
            if "plan" in row:
                correction["plan"] = draw(maybe(st.sampled_from("AB")))
            made.append(correction)
        else:
            superseded = None
        made.append(row | {"known_at": known, "superseded_at": superseded})
    return made


def order_lines(times):
    return st.fixed_dictionaries({
        "customer_id": st.sampled_from(CUSTOMERS),
        "ordered_at": times,
        "amount": numbers(-20, 100),
        "order_id": st.sampled_from(("o1", "o2", "o3", "o4", "o5")),
        "quantity": maybe(numbers(0, 9)),
        "category": maybe(st.sampled_from("xyz")),
        "channel": maybe(st.sampled_from(("web", "store"))),
        "is_return": st.sampled_from((None, False, False, True)),
    })  # fmt: skip


def dealings(times):
    return st.fixed_dictionaries({
        "customer_id": st.sampled_from(CUSTOMERS),
        "occurred_at": times,
        "kind": st.sampled_from(("complaint", "contact", "survey", "usage", "failure", "visit")),
        "topic": maybe(st.sampled_from("pq")),
        "channel": maybe(st.sampled_from(("Phone", "phone", "web", "fax"))),
        "wait_minutes": maybe(numbers(0, 50)),
        "handle_minutes": maybe(numbers(0, 50)),
        "resolved_at": maybe(times),
        "satisfaction": maybe(numbers(0, 1)),
        "sentiment": maybe(numbers(-1, 1)),
    })  # fmt: skip


def contracts(times):
    return st.fixed_dictionaries({
        "customer_id": st.sampled_from(CUSTOMERS),
        "starts_at": times,
        "ends_at": maybe(times | times.map(lambda time: time + timedelta(days=400))),
        "cancelled_at": maybe(times),
        "price": maybe(numbers(0, 50)),
        "plan": maybe(st.sampled_from("AB")),
    })  # fmt: skip


def contacts(times):
    return st.fixed_dictionaries({
        "customer_id": st.sampled_from(CUSTOMERS),
        "sent_at": times,
        "action": st.just("offer"),
        "channel": st.just("email"),
        "arm": st.sampled_from((None, "treated", "held_out")),
        "outcome": maybe(st.just("yes")),
        "outcome_at": maybe(times),
    })  # fmt: skip


def profiles(times):
    return st.fixed_dictionaries({
        "customer_id": st.sampled_from(CUSTOMERS),
        "observed_at": times,
        "age": maybe(st.integers(18, 90).map(float)),
        "city": maybe(st.sampled_from(("Rome", "上海"))),
    })  # fmt: skip


def people(times):
    return st.fixed_dictionaries({
        "customer_id": st.sampled_from(CUSTOMERS),
        "joined_at": maybe(times),
        "segment": maybe(st.sampled_from("st")),
        "region": maybe(st.sampled_from("nw")),
    })  # fmt: skip


def computed(world, as_of, zone):
    """Every feature by the fast path: {customer_id: {feature: value}}."""
    with tempfile.TemporaryDirectory() as folder:
        accepted = write_accepted(
            Path(folder), world, time_zone=zone, extra={"profiles": PROFILE_COLUMNS}
        )
        workspace = Workspace(folder=Path(folder), name="x", sources={}, targets={})
        catalogue = catalogue_for(accepted, workspace)
        found = {}
        for _, (table,) in feature_rows(accepted, catalogue, [as_of]):
            for row in table.to_pylist():
                found[row["customer_id"]] = {name: row[name] for name in catalogue.names}
    return found


ROWS = {
    "orders": order_lines,
    "interactions": dealings,
    "contracts": contracts,
    "contacts": contacts,
    "profiles": profiles,
    "customers": people,
}
