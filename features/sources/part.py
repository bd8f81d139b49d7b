"""One file, or one table of a database, as a stream of Arrow batches in its own order.

Every reader of a format makes one `Part`; ingest knows nothing else of formats. A part's batches
hold the source's columns, the row's number (1-based) and, for a row that could not be split into
columns, the kind of fault.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyarrow import compute

from features.errors import BadInput
from features.sql_words import BROKEN, ROW

#: Rows a reader hands on at once: enough to be quick, little enough to stay small.
BATCH_ROWS = 65_536
#: Bytes of text a reader parses at once; no single row of a text file may be longer.
BLOCK_BYTES = 8 << 20
_UUID_BYTES = 16
#: Where the groups of hexadecimal digits of a UUID begin and end.
_UUID_GROUPS = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows of one file or database table, not read yet.

    ``texts`` are columns that came as bare text, whose types are still to be found. ``read`` takes
    the columns wanted and gives batches of them, each followed by ROW and BROKEN.
    """

    name: str
    schema: pa.Schema
    texts: frozenset[str]
    read: Callable[[Sequence[str]], Iterator[pa.RecordBatch]]


def check_names(names: Sequence[str], where: str) -> None:
    """Refuse two columns of one name: SQL could not tell them apart."""
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise BadInput(
                where,
                f"two columns are called `{name}`",
                "every column has its own name, capitals apart",
                "rename one of them",
            )
        seen.add(name.lower())


def with_rows(
    batch: pa.RecordBatch, first_row: int, broken: pa.Array | None = None
) -> pa.RecordBatch:
    """Give the rows of a batch their numbers from `first_row`; none is broken but those told."""
    rows = pa.array(np.arange(first_row, first_row + batch.num_rows, dtype=np.int64))
    return numbered(
        batch, rows, pa.nulls(batch.num_rows, pa.string()) if broken is None else broken
    )


def numbered(batch: pa.RecordBatch, rows: pa.Array, broken: pa.Array) -> pa.RecordBatch:
    """Put the row numbers and faults beside the columns of a batch."""
    fields = [*batch.schema, pa.field(ROW, pa.int64()), pa.field(BROKEN, pa.string())]
    return pa.RecordBatch.from_arrays([*batch.columns, rows, broken], schema=pa.schema(fields))


def plain_type(type_: pa.DataType) -> pa.DataType:
    """Name the type a column is handed on with: no dictionaries, extensions or odd units."""
    if isinstance(type_, pa.BaseExtensionType) and not isinstance(type_, pa.UuidType):
        return plain_type(type_.storage_type)
    if pa.types.is_dictionary(type_):
        return plain_type(type_.value_type)
    if pa.types.is_timestamp(type_):
        return pa.timestamp("us", tz="UTC" if type_.tz else None)
    if pa.types.is_decimal(type_) and type_.bit_width > 128:  # noqa: PLR2004 - DuckDB's widest
        return pa.float64()
    if pa.types.is_float16(type_):
        return pa.float32()
    return pa.string() if _is_other_text(type_) else type_


def _is_other_text(type_: pa.DataType) -> bool:
    is_text = pa.types.is_large_string(type_) or pa.types.is_string_view(type_)
    return is_text or isinstance(type_, pa.UuidType)


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Give every column its plain type; null types become text."""
    return pa.schema(
        [
            pa.field(field.name, pa.string() if pa.types.is_null(kind) else kind)
            for field in schema
            for kind in (plain_type(field.type),)
        ]
    )


def as_plain(column: pa.Array, type_: pa.DataType) -> pa.Array:
    """Bring a column to another type; nanoseconds are cut to microseconds."""
    if isinstance(column.type, pa.UuidType):
        column = _uuid_texts(column)
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if column.type.equals(type_):
        return column
    cut = pa.types.is_timestamp(column.type) and column.type.unit == "ns"
    return column.cast(type_, safe=not cut)


def _uuid_texts(column: pa.Array) -> pa.Array:
    """Write UUIDs as people do: their 16 bytes are no text, and would read as missing."""
    filled = column.storage.fill_null(bytes(_UUID_BYTES))
    start = filled.offset * _UUID_BYTES
    data = filled.buffers()[1].to_pybytes()[start : start + len(filled) * _UUID_BYTES]
    digits = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(2 * _UUID_BYTES), len(filled), [None, pa.py_buffer(data.hex().encode())]
    )
    groups = [compute.binary_slice(digits, *ends).cast(pa.string()) for ends in _UUID_GROUPS]
    texts = compute.binary_join_element_wise(*groups, "-")
    return compute.if_else(column.is_valid(), texts, None)


def unified_schema(parts: Sequence[Part]) -> pa.Schema:
    """Join the columns of several files by name, each with a type that holds all of them."""
    found: dict[str, pa.Field] = {}
    for part in parts:
        for field in part.schema:
            earlier = found.get(field.name.lower())
            type_ = field.type if earlier is None else _wider(earlier.type, field.type)
            name = field.name if earlier is None else earlier.name
            found[field.name.lower()] = pa.field(name, type_)
    return pa.schema(list(found.values()))


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if one.equals(other):
        return one
    if pa.types.is_integer(one) and pa.types.is_integer(other):
        return pa.int64()
    if _counts(one) and _counts(other):
        return pa.float64()
    if _is_clock(one) and _is_clock(other):
        return pa.timestamp("us")
    return pa.string()


def _counts(type_: pa.DataType) -> bool:
    return pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)


def _is_clock(type_: pa.DataType) -> bool:
    return pa.types.is_date(type_) or (pa.types.is_timestamp(type_) and type_.tz is None)
