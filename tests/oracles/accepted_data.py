"""Accepted data written by hand, so that tests of what reads them need no ingest.

Rows are plain dictionaries; what is left out is null. `known_at` is the event time where a row
does not give it, as after an ingest.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.accepted import Accepted, AcceptedFile, AcceptedTable, footer_hash
from features.fingerprint import CONTENT_HASH, LATE_HASH, row_hashes
from features.tables import ARROW_TYPES, INSTANT, NUMBER, TABLES

Row = dict[str, Any]
_EXTRA_TYPES = {"number": pa.float64(), "text": pa.string()}


def bucket_of(customer_id: str, buckets: int) -> int:
    """Return the bucket of a customer, as DuckDB's `md5_number_lower` gives it."""
    digest = hashlib.md5(customer_id.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "little") % buckets


def write_accepted(
    folder: Path,
    tables: Mapping[str, Sequence[Row]],
    *,
    mapped: Mapping[str, Sequence[str]] | None = None,
    extra: Mapping[str, Mapping[str, str]] | None = None,
    time_zone: str = "UTC",
    buckets: int = 2,
) -> Accepted:
    """Write rows as ingest would; columns count as mapped unless `mapped` says which are."""
    made = {}
    for name, rows in tables.items():
        extras = dict((extra or {}).get(name, {}))
        files = _write_table(
            folder, name, [dict(row) for row in rows], extras, (time_zone, buckets)
        )
        made[name] = AcceptedTable(
            name=name,
            rows=len(rows),
            mapped=tuple((mapped or {}).get(name, TABLES[name].names)),
            extra=extras,
            kinds=tuple(sorted({row["kind"] for row in rows if row.get("kind")})),
            fingerprint=hashlib.sha256(repr(rows).encode()).hexdigest(),
            files=files,
        )
    return Accepted(
        folder=folder,
        buckets=buckets,
        tables=made,
        data_until=datetime(2030, 1, 1, tzinfo=UTC),
        first_event_at=datetime(2000, 1, 1, tzinfo=UTC),
        fingerprint=hashlib.sha256(repr(tables).encode()).hexdigest(),
        newest={},
    )


def _schema(name: str, extras: Mapping[str, str]) -> pa.Schema:
    contract = TABLES[name]
    fields = {column.name: ARROW_TYPES[column.type] for column in contract.columns}
    fields |= {"known_at": INSTANT, "superseded_at": INSTANT}
    if name == "orders":
        fields["ordered_on"] = pa.date32()
    fields |= {
        column: NUMBER if column.startswith("own_") else _EXTRA_TYPES[kind]
        for column, kind in extras.items()
    }
    return pa.schema(fields)


def _write_table(
    home: Path, name: str, rows: list[Row], extras: Mapping[str, str], where: tuple[str, int]
) -> tuple[AcceptedFile, ...]:
    time_zone, buckets = where
    event_time = TABLES[name].event_time
    for row in rows:
        row.setdefault("known_at", row.get(event_time))
        if name == "orders":
            row["ordered_on"] = row["ordered_at"].astimezone(ZoneInfo(time_zone)).date()
    schema = _schema(name, extras)
    files = []
    for bucket in range(buckets):
        there = [row for row in rows if bucket_of(row["customer_id"], buckets) == bucket]
        path = home / name / f"bucket={bucket:03d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = {field.name: [row.get(field.name) for row in there] for field in schema}
        table = _hashed(name, pa.table(columns, schema=schema))
        pq.write_table(table, path, write_page_checksum=True)
        size, footer = path.stat().st_size, footer_hash(path)
        file = AcceptedFile(name=path.name, rows=len(there), bytes=size, footer=footer)
        files.append(file)
    return tuple(files)


def _hashed(name: str, table: pa.Table) -> pa.Table:
    """Add the two hashes of every row that tell which snapshots are stale."""
    types = {field.name: field.type for field in table.schema}
    content, late = row_hashes(TABLES[name], types)
    with duckdb.connect(config={"threads": "1"}) as connection:
        connection.register("rows", table)
        found = connection.execute(f"SELECT {content}, {late} FROM rows").to_arrow_table()
    for hash_name, column in zip((CONTENT_HASH, LATE_HASH), found.columns, strict=True):
        table = table.append_column(hash_name, column)
    return table
