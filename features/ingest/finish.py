"""Accepted rows of one table as they are stored, as one statement over staged rows and fates.

Known time, the end of a version, aliases, made order ids, local days, extra columns, own features
and the hashes of a row come together here; nothing is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from features.fingerprint import CONTENT_HASH, LATE_HASH, hash_of, row_hashes, text_of
from features.ingest.aliases import merged_rows, replaced_rows
from features.ingest.extras import ExtraColumn
from features.ingest.fates import StagedTable
from features.ingest.local_time import local_day
from features.ingest.own import late_columns, own_columns
from features.ingest.staged_rows import FAULTS, POSITION
from features.sql_words import quoted
from features.tables import ARROW_TYPES, INSTANT, NUMBER
from features.workspace import Workspace

#: Column that holds a row's hash over all it stores; only summed, never written.
ROW_HASH = "forestay row hash"
#: Tables whose key holds the customer: merging two ids can bring two rows of one key together.
_KEYED_BY_CUSTOMER = ("customers", "profiles", "outcomes", "consents")


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A view of accepted rows: the stored columns in order, with their Arrow types."""

    name: str
    view: str
    schema: pa.Schema


def finish(
    connection: duckdb.DuckDBPyConnection,
    staged: StagedTable,
    workspace: Workspace,
    extras: Sequence[ExtraColumn],
    *,
    has_aliases: bool,
) -> Finished:
    """Define the accepted rows of a table.

    Raises
    ------
    BadInput : an own feature's expression does not fit the accepted columns.
    """
    name = staged.table.name
    rows = _accepted(staged, extras)
    if has_aliases and name != "aliases":
        rows = replaced_rows(rows)
        if name in _KEYED_BY_CUSTOMER:
            rows = merged_rows(rows, ", ".join(staged.table.key), "*")
    contract = quoted(f"contract {name}")
    connection.execute(f"CREATE VIEW {contract} AS {_contract(staged, extras, rows)}")
    features = tuple(f for f in workspace.features if f.table == name)
    shape = quoted(f"own shape {name}")
    columns = ", ".join(quoted(n) for n in (*staged.table.names, *(e.name for e in extras)))
    connection.execute(f"CREATE VIEW {shape} AS SELECT {columns} FROM {contract}")
    own = own_columns(connection, features, shape)
    schema = _schema(staged, extras, own)
    return _define(connection, staged, workspace, (contract, schema, own, late_columns(features)))


def _accepted(staged: StagedTable, extras: Sequence[ExtraColumn]) -> str:
    """Select the accepted rows under the names they are stored with."""
    names = [n for n in staged.table.names if n != "known_at"]
    columns = [POSITION, *(quoted(n) for n in names)]
    columns += [f"{e.sql} AS {quoted(e.name)}" for e in extras]
    # An alias may be known since always; customers have no history.
    known = "known_at" if staged.table.name == "aliases" else staged.known
    return (
        f"SELECT {', '.join(columns)}, {known} AS known_at, superseded_at"
        f" FROM {staged.rows} LEFT JOIN {staged.fates} USING ({POSITION})"
        f" WHERE {FAULTS} IS NULL AND fate IS NULL"
    )


def _contract(staged: StagedTable, extras: Sequence[ExtraColumn], rows: str) -> str:
    names = [n for n in staged.table.names if n != "known_at"]
    columns = [quoted(n) for n in (*names, *(e.name for e in extras))]
    if staged.table.name == "orders":
        made = "coalesce(order_id, customer_id || '@' || CAST(ordered_at AS VARCHAR)) AS order_id"
        columns[names.index("order_id")] = made
    return f"SELECT {POSITION}, {', '.join(columns)}, known_at, superseded_at FROM ({rows})"


def _schema(staged: StagedTable, extras: Sequence[ExtraColumn], own: dict[str, str]) -> pa.Schema:
    fields = [(c.name, ARROW_TYPES[c.type]) for c in staged.table.columns if c.name != "known_at"]
    if staged.table.name == "orders":
        fields.append(("ordered_on", pa.date32()))
    fields += [(e.name, e.type) for e in extras]
    fields += [(name, NUMBER) for name in own]
    fields += [("known_at", INSTANT), ("superseded_at", INSTANT)]
    return pa.schema([pa.field(*field) for field in fields])


def _define(
    connection: duckdb.DuckDBPyConnection,
    staged: StagedTable,
    workspace: Workspace,
    made: tuple[str, pa.Schema, dict[str, str], tuple[str, ...]],
) -> Finished:
    contract, schema, own, late = made
    name = staged.table.name
    more = [f"{sql} AS {quoted(column)}" for column, sql in own.items()]
    if name == "orders":
        more.append(f"{local_day('ordered_at', workspace.time_zone)} AS ordered_on")
    rows = f"SELECT {', '.join(['*', *more])} FROM {contract}"
    # Columns nobody maps are null in every row and say nothing: leaving them out saves time.
    types = {field.name: field.type for field in schema if field.name in _filled(staged, schema)}
    content, late_hash = row_hashes(staged.table, types, late)
    hashed = f"SELECT *, {content} AS {CONTENT_HASH}, {late_hash} AS {LATE_HASH} FROM ({rows})"
    view = quoted(f"finished {name}")
    columns = ", ".join(quoted(column) for column in schema.names)
    connection.execute(
        f"CREATE VIEW {view} AS SELECT {columns}, {CONTENT_HASH}, {LATE_HASH},"
        f" {hash_of(_stored_text(name, types))} AS {quoted(ROW_HASH)}, {POSITION} FROM ({hashed})"
    )
    hashes = [pa.field(CONTENT_HASH, pa.uint64()), pa.field(LATE_HASH, pa.uint64())]
    return Finished(name=name, view=view, schema=pa.schema([*schema, *hashes]))


def _filled(staged: StagedTable, schema: pa.Schema) -> frozenset[str]:
    """Name the columns that may hold anything: mapped, made by ingest, or extra."""
    mapped = {name for source in staged.sources for name in source.mapping.expressions}
    made = {source.mapping.makes_id for source in staged.sources} | {"order_id"}
    unmapped = set(staged.table.names) - mapped - made - {"known_at"}
    return frozenset(schema.names) - unmapped


def _stored_text(name: str, types: dict[str, pa.DataType]) -> str:
    """Return SQL for a text of all that is stored of a row: its hashes, and what they leave out."""
    hashes = {CONTENT_HASH: pa.uint64(), LATE_HASH: pa.uint64()}
    times = {"known_at": INSTANT, "superseded_at": INSTANT}
    return text_of(hashes | times | (types if name == "customers" else {}))
