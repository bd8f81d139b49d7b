"""Leases as versions: signed, repriced each July, given notice; one contract a year of term."""

import numpy as np
import pyarrow as pa

from features.simulated.customers import People
from features.simulated.journal import Columns
from features.simulated.leaving import CAUSES
from features.simulated.life import NEVER, RENT_RISES
from features.simulated.weeks import WEEKS, days_at, later

_TERM = 52.0
_TERMS = 5
_PLANS = np.array(["home", "home plus"])


def leases(
    people: People, left_week: np.ndarray, cause: np.ndarray, rng: np.random.Generator
) -> pa.Table:
    """Write every version of every lease that began before the end of the simulation."""
    who = np.flatnonzero(people.main & people.leasing & ~people.potential)
    start = np.floor(people.joined[who] * 7) / 7
    ends, notice = _endings(start, left_week[who] + _stays(people, cause)[who], cause[who], rng)
    plan = rng.integers(0, 2, len(who))
    terms = [_term(people, who, plan, start, ends, notice, k) for k in range(_TERMS)]
    rows = {name: np.concatenate([term[name] for term in terms]) for name in terms[0]}
    return _as_table(people, rows)


def _stays(people: People, cause: np.ndarray) -> np.ndarray:
    return np.where(cause == CAUSES.index("moving"), 0.0, people.notice_weeks)


def _endings(
    start: np.ndarray, left: np.ndarray, cause: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the week each lease ends, and that of the notice (NEVER: it just expires)."""
    count = len(start)
    moved = cause == CAUSES.index("moving")
    gave_notice = moved | (rng.random(count) < 0.5)  # noqa: PLR2004 - the others let it expire
    # expiry at the end of the term that was running
    expiry = start + _TERM * np.ceil(np.maximum((left - start) / _TERM, 1e-9))
    expiry = np.where(np.isinf(left), NEVER, expiry)
    ends = np.where(gave_notice, np.minimum(left, expiry), expiry)
    notice = np.where(gave_notice & (ends < expiry), ends - rng.integers(3, 6, count), NEVER)
    return ends, np.maximum(notice, start)


def _term(  # noqa: PLR0913, PLR0917 - one year of every lease
    people: People,
    who: np.ndarray,
    plan: np.ndarray,
    start: np.ndarray,
    ends: np.ndarray,
    notice: np.ndarray,
    number: int,
) -> Columns:
    begins = start + _TERM * number
    keep = (begins < np.minimum(ends, WEEKS - 1)) & (begins + _TERM > 0)
    who, plan, begins, ends, notice = (a[keep] for a in (who, plan, begins, ends, notice))
    agreed = begins + _TERM
    versions = [_version(who, plan, begins, agreed, np.full(len(who), NEVER), begins - 1.5)]
    for week in RENT_RISES:
        runs = (begins < week) & (week < np.minimum(agreed, ends))
        known = np.full(len(who), float(week))
        versions.append(
            _keep(_version(who, plan, begins, agreed, np.full(len(who), NEVER), known), runs)
        )
    told = (notice < WEEKS) & (ends <= agreed) & (notice < ends)
    known = np.maximum(notice, begins)
    versions.append(_keep(_version(who, plan, begins, ends, ends, known), told))
    rows = {name: np.concatenate([version[name] for version in versions]) for name in versions[0]}
    rows["price"] = _price(people.rent[rows["who"]], np.maximum(rows["known"], rows["begins"]))
    rows["number"] = np.full(len(rows["who"]), number)
    return rows


def _version(
    who: np.ndarray,
    plan: np.ndarray,
    begins: np.ndarray,
    ends: np.ndarray,
    cancelled: np.ndarray,
    known: np.ndarray,
) -> Columns:
    return {
        "who": who,
        "plan": plan,
        "begins": begins,
        "ends": ends,
        "cancelled": cancelled,
        "known": known,
    }


def _keep(rows: Columns, mask: np.ndarray) -> Columns:
    return {name: column[mask] for name, column in rows.items()}


def _price(rent: np.ndarray, week: np.ndarray) -> np.ndarray:
    level = np.ones(len(rent))
    for since, percent in RENT_RISES.items():
        level *= np.where(week >= since, 1 + percent / 100, 1.0)
    return np.round(rent * level, 2)


def _as_table(people: People, rows: Columns) -> pa.Table:
    names = np.char.add(np.char.add("L", people.customer_id[rows["who"]]), "-")
    known = later(days_at(rows["known"]), np.full(len(names), 9.0))
    return pa.table(
        {
            "lease_no": np.char.add(names, rows["number"].astype(str)),
            "client_no": people.customer_id[rows["who"]],
            "starts": pa.array(days_at(rows["begins"]), pa.timestamp("us")),
            "ends": pa.array(days_at(rows["ends"]), pa.timestamp("us")),
            "cancelled": _instants_or_null(rows["cancelled"]),
            "rent": rows["price"],
            "plan": _PLANS[rows["plan"]],
            "signed": pa.array(known, pa.timestamp("us")),
        }
    )


def _instants_or_null(weeks: np.ndarray) -> pa.Array:
    never = np.isinf(weeks)
    return pa.array(days_at(np.where(never, 0, weeks)), pa.timestamp("us"), mask=never)
