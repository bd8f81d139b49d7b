"""Received rows as ingest reads them: one Parquet file a table, one more source of that table.

The file is written anew from the log before each ingest; the same log gives the same bytes. Only
columns that the user's own sources map are read: what is more would make other features.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.kept_outcomes import as_kept, with_taken_back
from features.received.log import EVENTS, ROW_ID, ReceivedLog, log_file
from features.tables import ARROW_TYPES, CONTACTS, TABLES, Table
from features.whole import write_table
from features.workspace import Source, Workspace

_PLACES = Decimal("0.0001")


def with_received(workspace: Workspace, *, also: Path | None = None) -> Workspace:
    """Let a workspace read all that came back or came in, as further sources.

    Parameters
    ----------
    also : as `with_taken_back` takes it.
    """
    if not log_file(workspace).is_file():
        return with_taken_back(workspace, also=also)
    with closing(ReceivedLog(workspace)) as log:
        last = log.last
        rows = {name: log.rows(name, until=last) for name in ROW_ID}
    kept = []
    if rows[CONTACTS.name]:
        kept = [_file(workspace, CONTACTS.name)]
        write_table(kept[0], as_kept([row for _, _, row in rows[CONTACTS.name]]))
    workspace = with_taken_back(workspace, also=also, received=kept, until=last if kept else 0)
    for name in EVENTS:
        if rows[name] and name in workspace.sources:
            path = _file(workspace, name)
            write_table(path, typed_rows(TABLES[name], rows[name]))
            uri = str(path.relative_to(workspace.folder))
            workspace = with_source(workspace, received_source(workspace, name, uri, last))
    return workspace


def received_source(workspace: Workspace, table: str, uri: str, last: int) -> Source:
    """Return the source that reads received rows of a table, up to one of the log."""
    mapped = workspace.sources[table]
    theirs = {name for source in mapped for name in source.columns}
    names = [n for n in TABLES[table].names if n in {*theirs, ROW_ID[table], "line_id", "known_at"}]
    return Source(
        table_name=table,
        index=len(mapped),
        uri=(uri,),
        columns={name: f'"{name}"' for name in names if name != "line_id" or "line_id" in theirs},
        received=last,
    )


def with_source(workspace: Workspace, source: Source) -> Workspace:
    """Add a source to those of its table."""
    mapped = workspace.sources.get(source.table_name, ())
    return replace(workspace, sources={**workspace.sources, source.table_name: (*mapped, source)})


def typed_rows(table: Table, rows: Sequence[tuple[int, datetime, Mapping[str, Any]]]) -> pa.Table:
    """Lay out received rows as columns of the contract; known from when they arrived."""
    columns = {}
    for column in table.columns:
        values: list[Any] = [row.get(column.name) for _, _, row in rows]
        if column.name == "known_at":
            values = [at for _, at, _ in rows]
        elif column.type == "time":
            values = [None if value is None else datetime.fromisoformat(value) for value in values]
        elif column.type == "number":
            values = [None if value is None else exact(value) for value in values]
        columns[column.name] = pa.array(values, ARROW_TYPES[column.type])
    return pa.table(columns)


def exact(number: float) -> Decimal:
    """Write a number of JSON as the accepted tables hold it: four digits behind the point."""
    return Decimal(repr(number)).quantize(_PLACES)


def _file(workspace: Workspace, table: str) -> Path:
    return log_file(workspace).with_name(f"{table}.parquet")
