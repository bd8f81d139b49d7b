"""Service orders as the booking system exports them: lines, refunds, late entries."""

import numpy as np
import pyarrow as pa

from features.simulated.customers import People
from features.simulated.journal import Columns
from features.simulated.life import SERVICE_RISES
from features.simulated.weeks import instants, later

SERVICES = ("cleaning", "laundry", "garden", "handyman", "repair", "moving")
_PRICE = np.array([68.0, 27.0, 74.0, 92.0, 148.0, 420.0])
_SPREAD = np.array([0.15, 0.25, 0.30, 0.40, 0.50, 0.45])
_SHARE = np.array([0.40, 0.25, 0.12, 0.13, 0.10, 0.0])
_MOVING = SERVICES.index("moving")
#: Services a customer can favour: everything but moving.
FAVOURITES = _MOVING
_SECOND_LINE = 0.15
_CHANNELS = np.array(["app", "web", "phone"])


def order_lines(people: People, orders: Columns, rng: np.random.Generator, prefix: int) -> pa.Table:
    """Write the orders of one chunk as lines; refunds follow as orders of their own."""
    if not len(orders["who"]):
        orders = {**orders, "moves": np.empty(0, bool), "poor": np.empty(0, bool)}
    ordered = instants(orders["week"], rng)
    number = _numbers("O", prefix, len(ordered))
    service = _services(people, orders, rng)
    second = np.flatnonzero(rng.random(len(ordered)) < _SECOND_LINE)
    order = np.concatenate([np.arange(len(ordered)), second])
    line = np.repeat([1, 2], [len(ordered), len(second)])
    kind = np.concatenate([service, rng.choice(len(SERVICES), len(second), p=_SHARE)])
    price = _prices(kind, orders["week"][order], rng)
    entered = _entered(ordered, rng)
    lines = {
        "order_no": number[order],
        "line_no": line,
        "who": orders["who"][order],
        "ordered": ordered[order],
        "entered": entered[order],
        "service": kind,
        "via": _CHANNELS[rng.choice(3, len(ordered), p=(0.5, 0.3, 0.2))][order],
        "pieces": 1 + rng.poisson(0.15, len(order)),
        "unit_price": price,
        "refund": np.zeros(len(order), dtype=bool),
    }
    return _as_table(people, _with_refunds(lines, orders["poor"][order], rng))


def _numbers(letter: str, prefix: int, count: int) -> np.ndarray:
    serial = np.char.zfill(np.arange(count).astype(str), 7)
    return np.char.add(f"{letter}{prefix:04d}-", serial)


def _services(people: People, orders: Columns, rng: np.random.Generator) -> np.ndarray:
    other = rng.choice(len(SERVICES), len(orders["who"]), p=_SHARE)
    usual = np.where(rng.random(len(other)) < 0.6, people.favourite[orders["who"]], other)  # noqa: PLR2004
    moving = orders["moves"] & (rng.random(len(other)) < 0.6)  # noqa: PLR2004 - some move by themselves
    return np.where(moving, _MOVING, usual)


def _prices(kind: np.ndarray, week: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    level = np.ones(len(kind))
    for since, percent in SERVICE_RISES.items():
        level *= np.where(week >= since, 1 + percent / 100, 1.0)
    drawn = _PRICE[kind] * level * np.exp(_SPREAD[kind] * rng.standard_normal(len(kind)))
    return np.round(drawn, 2)


def _entered(ordered: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Crews enter a few orders days late: the company knew of them only then."""
    late = rng.random(len(ordered)) < 0.03  # noqa: PLR2004 - share of late entries
    return later(ordered, np.where(late, rng.uniform(12, 96, len(ordered)), 0.0))


def _with_refunds(lines: Columns, poor: np.ndarray, rng: np.random.Generator) -> Columns:
    back = np.flatnonzero(rng.random(len(poor)) < np.where(poor, 0.30, 0.008))
    refunds = {name: column[back] for name, column in lines.items()}
    refunds["order_no"] = np.char.add(refunds["order_no"], "R")
    refunds["ordered"] = later(refunds["ordered"], rng.uniform(24, 20 * 24, len(back)))
    refunds["entered"] = np.maximum(refunds["entered"], refunds["ordered"])
    refunds["unit_price"] = -refunds["unit_price"]
    refunds["refund"] = np.ones(len(back), dtype=bool)
    return {name: np.concatenate([column, refunds[name]]) for name, column in lines.items()}


def _as_table(people: People, lines: Columns) -> pa.Table:
    return pa.table(
        {
            "order_no": lines["order_no"],
            "line_no": pa.array(lines["line_no"], pa.int32()),
            "client_no": people.customer_id[lines["who"]],
            "ordered": pa.array(lines["ordered"], pa.timestamp("us")),
            "entered": pa.array(lines["entered"], pa.timestamp("us")),
            "service": np.array(SERVICES)[lines["service"]],
            "via": lines["via"],
            "pieces": pa.array(lines["pieces"], pa.int32()),
            "unit_price": lines["unit_price"],
            "refund": lines["refund"],
        }
    )
