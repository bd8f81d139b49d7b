"""What the service desk's system exports: complaints, contacts, surveys, app usage, failures."""

import numpy as np
import pyarrow as pa

from features.simulated.customers import CHANNELS, People
from features.simulated.districts import DISTRICTS, FAILURES
from features.simulated.journal import Columns, Journal
from features.simulated.weeks import instants, later

TOPICS = ("failure", "lease", "cleaning", "invoice", "noise", "appointment")
#: Share of complaints that are first taken for a mere contact.
_FILED_WRONG = 0.06
_NONE = np.datetime64("NaT", "us")


def interactions(
    people: People, journal: Journal, rng: np.random.Generator, prefix: int
) -> pa.Table:
    """Write everything one chunk's customers had to do with the company, one row each."""
    parts = [
        _cases(people, journal.of("contact"), "contact", rng),
        _cases(people, journal.of("complaint"), "complaint", rng),
        _surveys(people, journal.of("survey"), rng),
        _usage(people, journal.of("usage"), rng),
        _failures(people, journal.of("failure"), rng),
    ]
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    serial = np.char.zfill(np.arange(len(rows["who"])).astype(str), 7)
    rows["case_no"] = np.char.add(f"T{prefix:04d}-", serial)
    return _as_table(people, _corrected(rows, rng))


def _rows(people: People, kind: str, who: np.ndarray, opened: np.ndarray) -> Columns:
    """Return rows of one kind with everything else empty."""
    count = len(who)
    empty = np.full(count, np.nan)
    return {
        "who": who,
        "kind": np.full(count, kind, dtype="U9"),
        "opened": opened,
        "topic": np.full(count, "", dtype="U12"),
        "channel": np.full(count, "", dtype="U5"),
        "district": np.array(DISTRICTS)[people.district[who]],
        "recorded": opened,
        "wait_seconds": empty,
        "handle_minutes": empty,
        "score": empty,
        "tone": empty,
        "closed": np.full(count, _NONE),
    }


def _cases(people: People, seen: Columns, kind: str, rng: np.random.Generator) -> Columns:
    who, count = seen["who"], len(seen["who"])
    rows = _rows(people, kind, who, instants(seen["week"], rng))
    if not count:
        return rows
    channel = np.where(rng.random(count) < 0.7, people.channel[who], rng.integers(0, 3, count))  # noqa: PLR2004
    rows["topic"] = np.array(TOPICS)[seen["topic"]]
    rows["channel"] = np.array(CHANNELS)[channel]
    rows["wait_seconds"] = np.round(seen["wait"] * 60)
    rows["handle_minutes"] = np.round(rng.gamma(2.2, 5.0, count) * (1 + (kind == "complaint")), 1)
    rows["closed"] = later(rows["opened"], seen["hours"])
    sour = seen["mood"] + np.minimum(np.nan_to_num(seen["hours"], nan=900) / 300, 1)
    rated = (rng.random(count) < 0.35) & ~np.isnan(seen["hours"])  # noqa: PLR2004 - answers to the form
    score = np.clip(8.8 - 3.2 * sour + rng.normal(0, 1.2, count), 0, 10)
    rows["score"] = np.where(rated, np.round(score), np.nan)
    tone = 0.35 - 0.6 * seen["mood"] - 0.35 * (kind == "complaint") + rng.normal(0, 0.25, count)
    rows["tone"] = np.round(np.clip(tone, -1, 1), 2)
    return rows


def _surveys(people: People, seen: Columns, rng: np.random.Generator) -> Columns:
    rows = _rows(people, "survey", seen["who"], instants(seen["week"], rng))
    rows["channel"][:] = "email"
    if len(seen["who"]):
        rows["score"] = np.round(seen["satisfaction"] * 10)
    return rows


def _usage(people: People, seen: Columns, rng: np.random.Generator) -> Columns:
    rows = _rows(people, "usage", seen["who"], instants(seen["week"], rng))
    rows["channel"][:] = "app"
    if len(seen["who"]):
        rows["topic"] = np.array(TOPICS)[seen["topic"]]
    return rows


def _failures(people: People, seen: Columns, rng: np.random.Generator) -> Columns:
    """Write failures: a whole district is struck in the same days, and mended together."""
    rows = _rows(people, "failure", seen["who"], instants(seen["week"], rng, opens=5))
    if len(seen["who"]):
        rows["topic"] = np.array(FAILURES)[seen["kind"]]
        rows["closed"] = later(rows["opened"], np.round(seen["days"] * 24, 1))
    return rows


def _corrected(rows: Columns, rng: np.random.Generator) -> Columns:
    """File some complaints as contacts first; the correction is recorded days later."""
    filed_wrong = np.flatnonzero(
        (rows["kind"] == "complaint") & (rng.random(len(rows["who"])) < _FILED_WRONG)
    )
    right = {name: column[filed_wrong] for name, column in rows.items()}
    right["recorded"] = later(right["opened"], rng.uniform(20, 200, len(filed_wrong)))
    rows["kind"][filed_wrong] = "contact"
    return {name: np.concatenate([column, right[name]]) for name, column in rows.items()}


def _as_table(people: People, rows: Columns) -> pa.Table:
    text = {name: pa.array(rows[name], mask=rows[name] == "") for name in ("topic", "channel")}
    numbers = {
        name: pa.array(rows[name], from_pandas=True)
        for name in ("wait_seconds", "handle_minutes", "score", "tone")
    }
    times = {
        name: pa.array(rows[name], pa.timestamp("us")) for name in ("opened", "closed", "recorded")
    }
    return pa.table(
        {
            "case_no": rows["case_no"],
            "client_no": people.customer_id[rows["who"]],
            "kind": rows["kind"],
            "district": rows["district"],
            **text,
            **numbers,
            **times,
        }
    )
