"""Accepted data written by hand, row by row, in the layout that ingest leaves.

For tests that need versions, late rows and ties exactly where they say, without the way through
files and mappings.
"""

import pyarrow as pa
import pyarrow.parquet as pq

from features.accepted import Accepted, AcceptedFile, AcceptedTable, bucket_path, footer_hash
from features.tables import ARROW_TYPES, INSTANT, TABLES

BUCKETS = 2


def write_accepted(folder, world, *, data_until):
    """Write a world, {table: [row as dict]}, and return it as accepted data.

    A row has the contract's columns, those left out being null, and `known_at` and
    `superseded_at`. A customer's bucket is the parity of the id's last letter.
    """
    home = folder / "accepted-by-hand"
    tables = {name: _write_table(home, name, rows) for name, rows in world.items()}
    times = [row[TABLES[name].event_time] for name, rows in world.items() for row in rows]
    return Accepted(
        folder=home,
        buckets=BUCKETS,
        tables=tables,
        data_until=data_until,
        first_event_at=min(times, default=data_until),
        fingerprint="by hand",
        newest={},
    )


def _write_table(home, name, rows):
    schema = pa.schema(
        [(c.name, ARROW_TYPES[c.type]) for c in TABLES[name].columns if c.name != "known_at"]
        + [("known_at", INSTANT), ("superseded_at", INSTANT)]
    )
    files = []
    for bucket in range(BUCKETS):
        mine = [row for row in rows if ord(row["customer_id"][-1]) % BUCKETS == bucket]
        files.append(_write_bucket(bucket_path(home, name, bucket), mine, schema))
    return AcceptedTable(
        name=name,
        rows=len(rows),
        mapped=tuple(schema.names),
        extra={},
        kinds=tuple(sorted({row["kind"] for row in rows})) if name == "interactions" else (),
        fingerprint="by hand",
        files=tuple(files),
    )


def _write_bucket(path, rows, schema):
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {f.name: pa.array([row.get(f.name) for row in rows], f.type) for f in schema}
    pq.write_table(pa.table(columns, schema=schema), path, write_page_checksum=True)
    return AcceptedFile(
        name=path.name, rows=len(rows), bytes=path.stat().st_size, footer=footer_hash(path)
    )
