"""Snapshots against the floor: CPU of computing features as a ratio to scanning the same columns.

Run ``python benchmarks/snapshots.py [--orders 1000000]``. A synthetic log (heavy-tailed customers,
24 months) is written as accepted data; then, each in a process of its own, the same columns are
scanned and decoded by DuckDB, six dates are computed at once, and one new night. CPU seconds of
all threads count: the machine may be shared. Goals stand beside the figures.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from features.accepted import Accepted, AcceptedFile, AcceptedTable, footer_hash
from features.catalogue import Catalogue, catalogue_for
from features.compute import needed_columns
from features.feature_rows import feature_rows
from features.ingest.write import bucket_count
from features.settings import prepare_process
from features.snapshots import write_bucket
from features.tables import TABLES
from features.workspace import Workspace

DATES = tuple(date(2026, 1 + k, 1) for k in range(6))
NIGHT = (date(2026, 6, 2),)
GOALS = {"six dates at once": 20.0, "one new night": 9.0}
#: Orders per customer, interactions and contacts per order, as in the published figures.
ORDERS_EACH, INTERACTIONS_SHARE, CONTACTS_SHARE = 50, 0.6, 0.2
_MAPPED = {
    "orders": ("customer_id", "ordered_at", "amount", "order_id", "quantity", "is_return"),
    "interactions": ("customer_id", "occurred_at", "kind", "interaction_id", "channel",
                     "resolved_at", "satisfaction"),
    "contacts": ("customer_id", "sent_at", "action", "channel", "contact_id", "outcome",
                 "outcome_at"),
    "customers": ("customer_id", "joined_at"),
}  # fmt: skip


def _log(orders: int) -> dict[str, str]:
    """Write SQL of the synthetic tables; a customer's activity is heavy-tailed."""
    customers = orders // ORDERS_EACH
    who = f"'c' || lpad((floor({customers} * pow(random(), 2.5))::BIGINT)::VARCHAR, 10, '0')"
    when = "TIMESTAMP '2024-06-01' + to_seconds((random() * 730 * 86400)::BIGINT)"
    base = f"SELECT i, {who} AS customer_id, {when} AS happened, random() AS a, random() AS b"
    dealings, contacts = int(orders * INTERACTIONS_SHARE), int(orders * CONTACTS_SHARE)
    return {
        "orders": f"""SELECT customer_id, happened AS ordered_at,
            (a * 100)::DECIMAL(18,4) AS amount,
            'o' || i AS order_id, (1 + floor(b * 5))::DECIMAL(18,4) AS quantity,
            b < 0.05 AS is_return, happened::DATE AS ordered_on
            FROM ({base} FROM range({orders}) t(i))""",
        "interactions": f"""SELECT customer_id, happened AS occurred_at,
            CASE WHEN a < 0.1 THEN 'complaint' WHEN a < 0.2 THEN 'failure' ELSE 'contact' END
                AS kind,
            'i' || i AS interaction_id, CASE WHEN b < 0.5 THEN 'phone' ELSE 'web' END AS channel,
            happened + to_seconds((b * 500000)::BIGINT) AS resolved_at,
            CASE WHEN a < 0.3 THEN b::DECIMAL(18,4) END AS satisfaction
            FROM ({base} FROM range({dealings}) t(i))""",
        "contacts": f"""SELECT customer_id, happened AS sent_at, 'offer' AS action,
            'email' AS channel,
            'k' || i AS contact_id, CASE WHEN a < 0.2 THEN 'yes' END AS outcome,
            happened + INTERVAL 1 DAY AS outcome_at FROM ({base} FROM range({contacts}) t(i))""",
        "customers": f"""SELECT 'c' || lpad(i::VARCHAR, 10, '0') AS customer_id,
            TIMESTAMP '2024-01-01' AS joined_at FROM range({customers}) t(i)""",
    }


def write_log(folder: Path, orders: int) -> None:
    """Write the synthetic log as accepted data, in buckets by customer."""
    buckets = bucket_count(orders)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SELECT setseed(0.5)")
    for name, sql in _log(orders).items():
        time_column = TABLES[name].event_time
        there = connection.execute(f"CREATE TABLE {name} AS {sql}; DESCRIBE {name}").fetchall()
        missing = [
            f"NULL::{_SQL_TYPES[column.type]} AS {column.name}"
            for column in TABLES[name].columns
            if column.name not in {row[0] for row in there} | {"known_at"}
        ]
        extra = [f"{time_column} AS known_at", "NULL::TIMESTAMP AS superseded_at", *missing]
        times = [row[0] for row in there if row[1] == "TIMESTAMP"]
        zoned = ", ".join(f"{column}::TIMESTAMPTZ AS {column}" for column in times)
        everything = f"SELECT *, {', '.join(extra)} FROM {name}"
        for bucket in range(buckets):
            path = folder / name / f"bucket={bucket:03d}.parquet"
            path.parent.mkdir(exist_ok=True)
            connection.execute(
                f"COPY (SELECT * REPLACE ({zoned}, known_at::TIMESTAMPTZ AS known_at,"
                f" superseded_at::TIMESTAMPTZ AS superseded_at) FROM ({everything})"
                f" WHERE md5_number_lower(customer_id) % {buckets} = {bucket}"
                f" ORDER BY customer_id, {time_column})"
                f" TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
            )


_SQL_TYPES = {
    "id": "VARCHAR",
    "text": "VARCHAR",
    "time": "TIMESTAMPTZ",
    "number": "DECIMAL(18,4)",
    "flag": "BOOLEAN",
}


def open_log(folder: Path) -> Accepted:
    """Describe the written log as accepted data."""
    files = {name: _files(folder / name) for name in _MAPPED}
    kinds = ("complaint", "contact", "failure")
    tables = {
        name: AcceptedTable(
            name=name, rows=0, mapped=mapped, extra={}, fingerprint="",
            kinds=kinds if name == "interactions" else (), files=files[name],
        )
        for name, mapped in _MAPPED.items()
    }  # fmt: skip
    start, end = datetime(2024, 6, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    return Accepted(
        folder=folder, buckets=len(files["orders"]), tables=tables, data_until=end,
        first_event_at=start,
        fingerprint="", newest={},
    )  # fmt: skip


def _files(folder: Path) -> tuple[AcceptedFile, ...]:
    return tuple(
        AcceptedFile(
            name=path.name,
            rows=pq.read_metadata(path).num_rows,
            bytes=path.stat().st_size,
            footer=footer_hash(path),
        )
        for path in sorted(folder.glob("bucket=*.parquet"))
    )


def scan(folder: Path) -> None:
    """Decode every value of the columns that features need; statistics cannot answer it."""
    accepted = open_log(folder)
    connection = duckdb.connect(config={"threads": "2"})
    for name, columns in needed_columns(accepted, _catalogue(accepted)).items():
        touched = ", ".join(f"bit_xor(hash({column}))" for column in columns)
        connection.execute(f"SELECT {touched} FROM '{folder}/{name}/*.parquet'").fetchall()


def compute(folder: Path, days: tuple[date, ...]) -> None:
    """Compute snapshots of some dates and write them, as `build_snapshots` does."""
    accepted = open_log(folder)
    instants = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]
    for bucket, tables in feature_rows(accepted, _catalogue(accepted), instants):
        for instant, table in zip(instants, tables, strict=True):
            write_bucket(table, folder / f"{instant:%Y%m%d}-{bucket}.parquet")


def _catalogue(accepted: Accepted) -> Catalogue:
    return catalogue_for(accepted, Workspace(folder=Path(), name="x", sources={}, targets={}))


PARTS: dict[str, Callable[[Path], None]] = {
    "scan": scan,
    "nothing (imports and compiling)": lambda folder: compute(folder, ()),
    "six dates at once": lambda folder: compute(folder, DATES),
    "one new night": lambda folder: compute(folder, NIGHT),
}


def measure(part: str, folder: Path) -> dict[str, float]:
    """Run one part in a process of its own."""
    command = [sys.executable, __file__, "--part", part, "--folder", str(folder)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)  # noqa: S603 - this very file


def _run_part(part: str, folder: Path) -> None:
    started, cpu = time.perf_counter(), time.process_time()
    PARTS[part](folder)
    used = {
        "wall": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(used))


def main() -> None:
    """Write the log, measure every part a few times in turn, print the best of each."""
    prepare_process()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--part")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.part:
        _run_part(given.part, given.folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_log(folder, given.orders)
        rounds = [{part: measure(part, folder) for part in PARTS} for _ in range(given.rounds)]
    best = {
        part: min((one[part] for one in rounds), key=lambda used: used["cpu"]) for part in PARTS
    }
    for part, used in best.items():
        ratio = used["cpu"] / best["scan"]["cpu"]
        goal = f", goal <= {GOALS[part]:.0f} x" if part in GOALS else ""
        print(
            f"{part}: {used['cpu']:.2f} CPU s, {used['wall']:.2f} s, {used['mib']:.0f} MiB,"
            f" {ratio:.1f} x scan{goal}"
        )


if __name__ == "__main__":
    main()
