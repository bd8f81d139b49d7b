"""Tables of DuckDB files and PostgreSQL servers as parts, streamed in the order they are stored.

A database row has no place of its own, so its number is the order in which it came. Passwords are
never shown: messages are written here, not taken from the driver.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from features.errors import BadInput, ForestayError, Unavailable
from features.sources.part import BATCH_ROWS, Part, as_plain, check_names, plain_schema, with_rows
from features.sql_words import quoted


def duckdb_part(path: Path, table: str, label: str) -> Part:
    """Open a table of a DuckDB file, without writing to it."""
    name = f"{path.name}, table {table}"
    select = f"FROM {_path(table, label)}"
    try:
        with duckdb.connect(path, read_only=True) as connection:
            reader = connection.execute(f"SELECT * {select} LIMIT 0").to_arrow_reader(1)
            schema = plain_schema(reader.schema)
    except duckdb.Error as error:
        raise _duckdb_fault(error, name) from error
    check_names(schema.names, name)

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        wanted = pa.schema([schema.field(column) for column in columns])
        listed = ", ".join(quoted(column) for column in columns) or "TRUE"
        try:
            with duckdb.connect(path, read_only=True) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                rows = connection.execute(f"SELECT {listed} {select}").to_arrow_reader(BATCH_ROWS)
                yield from _numbered(rows, wanted)
        except duckdb.Error as error:
            raise _duckdb_fault(error, name) from error

    return Part(name=name, schema=schema, texts=frozenset(), read=read)


def _duckdb_fault(error: duckdb.Error, name: str) -> ForestayError:
    if isinstance(error, duckdb.CatalogException | duckdb.BinderException):
        return _no_table(name)
    if isinstance(error, duckdb.IOException) and "lock" in str(error).lower():
        return Unavailable(
            name,
            "another program is writing to the database",
            "a database nobody writes to",
            "close the other program and try again",
        )
    return BadInput(
        name, "not a DuckDB file, or damaged", "a DuckDB database", "write or copy the file again"
    )


def postgresql_part(uri: str, table: str, label: str) -> Part:
    """Open a table of a PostgreSQL server."""
    address = urlsplit(uri)
    name = f"{address.hostname or 'localhost'}{address.path}, table {table}"
    select = f"FROM {_path(table, label)}"
    with _session(uri, name) as cursor:
        cursor.execute(f"SELECT * {select} LIMIT 0")
        raw = cursor.fetch_record_batch().schema
    texts = [f.with_type(pa.string()) if _casts(f) else f for f in raw]
    schema = plain_schema(pa.schema(texts))
    check_names(schema.names, name)
    numbers = frozenset(f.name for f in raw if _is_numeric(f.type) or _is(f, "money"))

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        wanted = pa.schema([schema.field(column) for column in columns])
        listed = ", ".join(_selected(raw.field(column)) for column in columns) or "TRUE"
        with _session(uri, name) as cursor:
            # Else a large table is read from where another session happens to be.
            cursor.execute("SET synchronize_seqscans = off")
            cursor.execute(f"SELECT {listed} {select}")
            yield from _numbered(cursor.fetch_record_batch(), wanted)

    return Part(name=name, schema=schema, texts=numbers, read=read)


def _is(field: pa.Field, name: str) -> bool:
    return (field.metadata or {}).get(b"POSTGRESQL:type") == name.encode()


def _casts(field: pa.Field) -> str:
    """Say how PostgreSQL itself turns into text what the driver hands on as something else.

    `money` would come as its hundredths, `char(n)` with blanks that do not count, and kinds the
    driver does not know as bytes.
    """
    if _is(field, "money"):
        return "::numeric::text"
    is_bytes = isinstance(field.type, pa.OpaqueType) and field.type.storage_type == pa.binary()
    return "::text" if is_bytes or _is(field, "bpchar") else ""


def _selected(field: pa.Field) -> str:
    return f"{quoted(field.name)}{_casts(field)} AS {quoted(field.name)}"


def _is_numeric(type_: pa.DataType) -> bool:
    """Tell whether a column is PostgreSQL's `numeric`, which arrives as text."""
    return isinstance(type_, pa.OpaqueType) and type_.type_name == "numeric"


@contextmanager
def _session(uri: str, name: str) -> Iterator[dbapi.Cursor]:
    """Open a cursor whose errors are ours."""
    try:
        connection = dbapi.connect(uri)
    except dbapi.Error as error:
        raise Unavailable(
            name,
            "the PostgreSQL server does not answer, or does not let us in",
            "a server that runs, a database that is there, a user who may read it",
            "start the server or correct the uri, and try again",
        ) from error
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    except dbapi.ProgrammingError as error:
        raise _no_table(name) from error
    except dbapi.Error as error:
        raise Unavailable(
            name, "the PostgreSQL server stopped answering", "all rows of the table", "try again"
        ) from error


def _no_table(name: str) -> BadInput:
    return BadInput(
        name,
        "there is no such table, or it may not be read",
        "a table or view of the database, as in `orders` or `sales.orders`",
        "correct `table:`",
    )


def _path(table: str, label: str) -> str:
    if not table:
        raise BadInput(
            f"forestay.yaml, field {label}.table",
            "a database without a table",
            "the table to read, as in `table: sales.orders`",
            "add `table:`",
        )
    return ".".join(quoted(part) for part in table.split("."))


def _numbered(batches: pa.RecordBatchReader, wanted: pa.Schema) -> Iterator[pa.RecordBatch]:
    row = 1
    for batch in batches:
        arrays = [as_plain(batch.column(field.name), field.type) for field in wanted]
        plain = pa.RecordBatch.from_arrays(arrays, schema=wanted)
        yield with_rows(plain, row)
        row += batch.num_rows
