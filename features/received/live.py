"""Accepted rows of a few customers with what came in since, as accepted data of their own.

Whatever reads accepted data reads these, so the one declaration of features, the populations and
everything a decision is made from give the same at this instant as a whole ingest would.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.accepted import (
    Accepted,
    AcceptedFile,
    AcceptedTable,
    bucket_of,
    bucket_path,
    footer_hash,
    open_accepted,
    read_customers,
)
from features.ingest.finish import finish
from features.received.log import ROW_ID, ReceivedLog
from features.received.staged import staged
from features.sql_words import quoted
from features.tables import CONTACTS, TABLES
from features.workspace import Workspace


@contextmanager
def live_accepted(
    workspace: Workspace,
    accepted: Accepted,
    log: ReceivedLog,
    customers: Sequence[str],
    until: int,
) -> Iterator[Accepted]:
    """Lay out the rows of some customers as accepted data with one bucket.

    Parameters
    ----------
    until : newest row of the log that counts.
    """
    if not accepted.folder.is_dir():  # an ingest has put newer data in their place
        accepted = open_accepted(workspace)
    with tempfile.TemporaryDirectory(prefix="forestay-live-") as making:
        folder = Path(making)
        ids = pa.array(sorted(set(customers)), pa.string())
        tables = {}
        for name, table in accepted.tables.items():
            rows = _accepted_rows(accepted, name, ids)
            came_in = _received_rows(workspace, log, (name, ids.to_pylist(), until), folder)
            if came_in is not None:
                rows = _together(workspace, name, rows, came_in)
            tables[name] = _written(folder, table, rows)
        yield replace(accepted, folder=folder, buckets=1, tables=tables)


def _accepted_rows(accepted: Accepted, name: str, ids: pa.Array) -> pa.Table:
    """Read the customers' rows out of the buckets they are in."""
    buckets = sorted({bucket_of(one, accepted.buckets) for one in ids.to_pylist()})
    parts = [read_customers(accepted, name, bucket, ids) for bucket in buckets]
    return pa.concat_tables(parts).combine_chunks()


def _received_rows(
    workspace: Workspace, log: ReceivedLog, wanted: tuple[str, list[str], int], folder: Path
) -> pa.Table | None:
    """Take received rows of a table through ingest's own steps; None where there are none."""
    name, ids, until = wanted
    rows = log.rows(name, ids, until=until) if name in ROW_ID else []
    if not rows:
        return None
    with staged(workspace, name, rows, folder) as (connection, table):
        finished = finish(connection, table, workspace, (), has_aliases=False)
        columns = ", ".join(quoted(one) for one in finished.schema.names)
        found = connection.execute(f"SELECT {columns} FROM {finished.view}").to_arrow_table()
    return found.cast(finished.schema)


def _together(workspace: Workspace, name: str, rows: pa.Table, came_in: pa.Table) -> pa.Table:
    """Lay received rows beside those of the sources, but for what stands among these (`fates`)."""
    came_in = came_in.cast(pa.schema([_naive(field) for field in came_in.schema]))
    named = ROW_ID[name]
    # Received rows that were ingested before come again, with the ends of their versions.
    rows = rows.filter(pc.invert(_among(rows, came_in, (named, "known_at"))))
    if name == CONTACTS.name:  # what came in about a contact has the last word
        rows = rows.filter(pc.invert(_among(rows, came_in, (named,))))
    else:
        known = _among(came_in, rows, (named,))
        if not all(named in source.columns for source in workspace.sources[name]):
            kind = () if name == "orders" else ("kind",)
            alike = ("customer_id", TABLES[name].event_time, *kind)
            known = pc.or_(known, _among(came_in, rows, alike))
        came_in = came_in.filter(pc.invert(known))
    columns = [
        came_in[field.name].cast(field.type)
        if field.name in came_in.column_names
        else pa.nulls(came_in.num_rows, field.type)
        for field in rows.schema
    ]
    return pa.concat_tables([rows, pa.table(columns, schema=rows.schema)]).combine_chunks()


def _naive(field: pa.Field) -> pa.Field:
    """Return a field as engines read it: instants without their zone."""
    return pa.field(field.name, pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field


def _among(rows: pa.Table, others: pa.Table, names: Sequence[str]) -> pa.Array:
    """Tell which rows have the same values in some columns as any other row."""

    def key(table: pa.Table) -> pa.ChunkedArray:
        return pc.binary_join_element_wise(*(table[one].cast(pa.string()) for one in names), "\x1f")

    return pc.is_in(key(rows), value_set=key(others).combine_chunks())


def _written(folder: Path, table: AcceptedTable, rows: pa.Table) -> AcceptedTable:
    """Write one table as ingest would: sorted, in instants of UTC."""
    schema = pa.schema(
        [
            pa.field(f.name, pa.timestamp("us", tz="UTC")) if pa.types.is_timestamp(f.type) else f
            for f in rows.schema
        ]
    )
    order = [
        (one, "ascending")
        for one in ("customer_id", TABLES[table.name].event_time, "known_at")
        if one in rows.column_names
    ]
    rows = rows.cast(schema).sort_by(order)
    path = bucket_path(folder, table.name, 0)
    path.parent.mkdir()
    pq.write_table(rows, path, write_page_checksum=True)
    file = AcceptedFile(
        name=f"{table.name}/{path.name}",
        rows=rows.num_rows,
        bytes=path.stat().st_size,
        footer=footer_hash(path),
    )
    return replace(table, rows=rows.num_rows, files=(file,))
