"""A file of outcomes to the form in which it is kept: every column as text, every row in its place.

What a cell means is settled here, once for each file: an instant is written in UTC, a number
digit by digit. So later files, whose clocks or dates may be written otherwise, cannot change it. A
cell that means nothing is kept as it was given; ingest finds its fault, every time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import BadInput, ForestayError, raise_faults
from features.ingest.conversions import Conversion, as_text, convert, wrong_type
from features.ingest.stream import SourceStream
from features.ingest.text_types import FoundType, find_types
from features.settings.fields import nearest
from features.sources import Part
from features.sql_words import BROKEN, ROW, quoted
from features.tables import CONTACTS, Column

_RAW = quoted("outcomes as given")
_BATCH_ROWS = 65_536
_UTC = "strftime(timezone('UTC', {}), '%Y-%m-%d %H:%M:%S.%f+00:00')"


@dataclass(frozen=True, kw_only=True)
class GivenColumns:
    """Columns of a file by the contract's names, and those that nobody reads."""

    names: Mapping[str, str]
    ignored: tuple[str, ...]


def given_columns(part: Part) -> GivenColumns:
    """Find the contract's columns in a file, capitals apart.

    Raises
    ------
    BadInput : a needed column is missing.
    """
    here = {name.strip().lower(): name for name in part.schema.names}
    names = {name: here[name] for name in CONTACTS.names if name in here}
    ignored = tuple(name for name in part.schema.names if name not in names.values())
    missing = [name for name in CONTACTS.needed if name not in names]
    raise_faults(_missing(part, name, ignored) for name in missing)
    return GivenColumns(names=names, ignored=ignored)


def write_copy(
    connection: duckdb.DuckDBPyConnection, part: Part, given: GivenColumns, zone: str, path: Path
) -> None:
    """Write a file's rows as they are kept, in their order and number.

    Parameters
    ----------
    zone : of clock times that say none.

    Raises
    ------
    BadInput : there is no row, or a column's type can never be what the contract asks.
    """
    texts = _read(connection, part, given)
    kinds = dict(
        connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE {_RAW})").fetchall()
    )
    faults: list[ForestayError] = []
    steps: dict[str, str] = {}
    cells: dict[str, str] = {}
    for name, file_name in given.names.items():
        column, raw = CONTACTS.column(name), quoted("raw " + name)
        value, kind = _typed(raw, kinds["raw " + name], texts.get("raw " + name))
        conversion = convert(column, kind, value, zone)
        if conversion is None:
            faults.append(wrong_type(column, kind, f"{part.name}, column `{file_name}`"))
            continue
        steps |= conversion.steps
        cells[name] = f"coalesce({_cell(column, conversion)}, {as_text(raw, kinds['raw ' + name])})"
    raise_faults(faults)
    _write(connection, steps, cells, path)
    connection.execute(f"DROP TABLE {_RAW}")


def _read(
    connection: duckdb.DuckDBPyConnection, part: Part, given: GivenColumns
) -> dict[str, FoundType]:
    """Read all rows; return the types of the times that came as bare text."""
    fields = [part.schema.field(name) for name in given.names.values()]
    stream = SourceStream([part], pa.schema(fields))
    columns = [f"{quoted(file)} AS {quoted('raw ' + name)}" for name, file in given.names.items()]
    select = f"SELECT {', '.join([*columns, quoted(ROW), quoted(BROKEN)])} FROM chunk"
    connection.register("chunk", stream.schema.empty_table())
    connection.execute(f"CREATE TABLE {_RAW} AS {select}")
    for chunk in stream.chunks():
        connection.register("chunk", chunk)
        connection.execute(f"INSERT INTO {_RAW} {select}")
    connection.unregister("chunk")
    if not stream.rows:
        raise BadInput(part.name, "the file has no rows", "a row a contact", "write it again")
    times = [name for name in given.names if CONTACTS.column(name).type == "time"]
    bare = [f"raw {name}" for name in times if given.names[name] in part.texts]
    return find_types(connection, _RAW, bare)


def _typed(raw: str, kind: str, found: FoundType | None) -> tuple[str, str]:
    """Read days written day or month first as what they are; all else as it came."""
    if found is not None and found.formats:
        return found.cast(raw), "TIMESTAMP"
    return raw, kind


def _cell(column: Column, conversion: Conversion) -> str:
    if column.type == "time":
        return _UTC.format(conversion.value)
    return f"CAST({conversion.value} AS VARCHAR)"


def _write(
    connection: duckdb.DuckDBPyConnection,
    steps: Mapping[str, str],
    cells: Mapping[str, str],
    path: Path,
) -> None:
    named = [f"{sql} AS {quoted(name)}" for name, sql in steps.items()]
    columns = [f"{cells.get(name, 'NULL')} AS {quoted(name)}" for name in CONTACTS.names]
    rows = connection.execute(
        f"SELECT {', '.join([*columns, quoted(BROKEN)])}"
        f" FROM (SELECT {', '.join(['*', *named])} FROM {_RAW}) ORDER BY {quoted(ROW)}"
    )
    text = {name: pa.string() if name in cells else pa.null() for name in CONTACTS.names}
    schema = pa.schema({**text, BROKEN: pa.string()})
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        for batch in rows.to_arrow_reader(_BATCH_ROWS):
            writer.write_batch(_as(batch, schema))


def _as(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        pa.nulls(batch.num_rows) if pa.types.is_null(field.type) else column.cast(field.type)
        for field, column in zip(schema, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _missing(part: Part, name: str, others: tuple[str, ...]) -> BadInput:
    return BadInput(
        part.name,
        f"there is no column `{name}` ({CONTACTS.column(name).meaning}){nearest(name, others)}",
        f"the columns {', '.join(CONTACTS.needed)}; if known also"
        f" {', '.join(n for n in CONTACTS.names if n not in CONTACTS.needed)}",
        f"name the column `{name}` in the file's header, and give the file again",
    )
