"""Rows as bytes, one row alone, and back to the last bit: what is sealed for one customer.

A row is written as its numbers (eight bytes each, the first bytes of all together, then the second
and so on, so that they compress), the lengths of its texts, and the texts; all of it zstd. The
layout says which columns there are; it is the same for all rows of a night and is kept with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import BrokenRecord

#: Raise it when the bytes of a row change their meaning; `unpack` must go on reading older ones.
FORMAT = 1
#: Bytes of a number, of the length of a text, and of the size of a row.
_WIDTH, _LENGTH, _SIZE = 8, 4, 4
#: A whole number that stands for none.
_NOTHING = -(2**63)
#: How a column is written, by the word the layout uses.
_NUMBERS: Mapping[str, pa.DataType] = {
    "number": pa.float64(),
    "whole": pa.int64(),
    "flag": pa.bool_(),
    "day": pa.date32(),
    "instant": pa.timestamp("us", tz="UTC"),
}
_TEXT = "text"


@dataclass(frozen=True)
class Layout:
    """Names of the columns and how each is written, in the order of the table."""

    columns: tuple[tuple[str, str], ...]

    def as_data(self) -> dict[str, Any]:
        """Return plain data."""
        return {"format": FORMAT, "columns": [list(one) for one in self.columns]}

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Columns written as numbers."""
        return tuple(name for name, kind in self.columns if kind != _TEXT)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Columns written as texts."""
        return tuple(name for name, kind in self.columns if kind == _TEXT)

    @property
    def schema(self) -> pa.Schema:
        """Types of the columns."""
        return pa.schema([(n, pa.string() if k == _TEXT else _NUMBERS[k]) for n, k in self.columns])


def layout_from_data(data: Mapping[str, Any]) -> Layout:
    """Rebuild a layout.

    Raises
    ------
    BrokenRecord : it was written by a newer version.
    """
    if data["format"] != FORMAT:
        raise BrokenRecord(
            "layout of a record",
            f"its format is {data['format']}",
            f"format {FORMAT} or older",
            "read it with the version of Forestay that wrote it, or a newer one",
        )
    return Layout(tuple((name, kind) for name, kind in data["columns"]))


def layout_of(schema: pa.Schema) -> Layout:
    """Say how the columns of a table are written."""
    return Layout(tuple((field.name, _kind(field.type)) for field in schema))


def _kind(given: pa.DataType) -> str:
    if pa.types.is_dictionary(given):
        given = given.value_type
    for name, kind in _NUMBERS.items():
        if given == kind:
            return name
    if pa.types.is_string(given) or pa.types.is_null(given):
        return _TEXT
    return "number" if pa.types.is_floating(given) else "whole"


def pack(table: pa.Table, layout: Layout) -> list[bytes]:
    """Write each row of a table; a missing number and one that is none are the same.

    Returns
    -------
    rows : one compressed row each, in the order of the table.
    """
    table = table.cast(layout.schema).combine_chunks()
    count = table.num_rows
    numbers = np.empty((count, len(layout.numbers)), "<f8")
    for place, name in enumerate(layout.numbers):
        numbers[:, place] = _as_number(table[name])
    lengths = np.empty((count, len(layout.texts)), "<i4")
    for place, name in enumerate(layout.texts):
        lengths[:, place] = pc.fill_null(pc.binary_length(table[name]), -1).to_numpy()
    heads = np.hstack(
        [_turned(numbers, (count, len(layout.numbers), _WIDTH)), lengths.view(np.uint8)]
    )
    texts = _joined([table[name] for name in layout.texts], count)
    compress = pa.Codec("zstd").compress
    # One call a row: what is sealed for one customer cannot be compressed with another's.
    return [
        (len(head) + len(text)).to_bytes(_SIZE, "little")
        + compress(head.tobytes() + text, asbytes=True)
        for head, text in zip(heads, texts, strict=True)
    ]


def unpack(rows: Sequence[bytes], layout: Layout) -> pa.Table:
    """Read rows that `pack` wrote with the same layout."""
    decompress = pa.Codec("zstd").decompress
    plain = [
        decompress(row[_SIZE:], int.from_bytes(row[:_SIZE], "little"), asbytes=True) for row in rows
    ]
    count, middle = len(rows), len(layout.numbers) * _WIDTH
    end = middle + len(layout.texts) * _LENGTH
    heads = np.frombuffer(b"".join(row[:end] for row in plain), np.uint8).reshape(count, end)
    turned = _turned(heads[:, :middle], (count, _WIDTH, len(layout.numbers)))
    numbers = np.ascontiguousarray(turned).view("<f8").reshape(count, len(layout.numbers))
    lengths = np.ascontiguousarray(heads[:, middle:]).view("<i4")
    texts = _split(b"".join(row[end:] for row in plain), lengths)
    columns = {
        name: _of_numbers(numbers[:, place], layout.schema.field(name).type)
        for place, name in enumerate(layout.numbers)
    } | {name: texts[place] for place, name in enumerate(layout.texts)}
    return pa.table([columns[name] for name, _ in layout.columns], schema=layout.schema)


def _turned(matrix: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Turn rows of numbers into rows of their first bytes, then their second, or back."""
    by_byte = np.ascontiguousarray(matrix).view(np.uint8).reshape(shape)
    return np.ascontiguousarray(by_byte.transpose(0, 2, 1)).reshape(shape[0], shape[1] * shape[2])


def _as_number(column: pa.ChunkedArray) -> np.ndarray:
    """Return the eight bytes of each value, as those of a float64."""
    if pa.types.is_floating(column.type):
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype="<f8")
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    whole = pc.fill_null(column.cast(pa.int64()), _NOTHING)
    return np.asarray(whole.to_numpy(), dtype="<i8").view("<f8")


def _of_numbers(numbers: np.ndarray, kind: pa.DataType) -> pa.Array:
    numbers = np.ascontiguousarray(numbers)
    if pa.types.is_floating(kind):
        return pa.array(numbers, pa.float64(), from_pandas=True)
    whole = numbers.view("<i8")
    found = pa.array(whole, pa.int64(), mask=whole == _NOTHING)
    return found.cast(pa.int32()).cast(kind) if pa.types.is_date32(kind) else found.cast(kind)


def _joined(columns: Sequence[pa.ChunkedArray], count: int) -> list[bytes]:
    if not columns:
        return [b""] * count
    texts = [pc.fill_null(column, "").cast(pa.binary()) for column in columns]
    return list(pc.binary_join_element_wise(*texts, b"").to_pylist())


def _split(joined: bytes, lengths: np.ndarray) -> list[pa.Array]:
    """Cut texts out of all rows' texts, one column each."""
    offsets = np.concatenate([[0], np.maximum(lengths.ravel(), 0).cumsum()]).astype("<i8")
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(joined)]
    every = pa.Array.from_buffers(pa.large_string(), lengths.size, buffers)
    places = np.arange(lengths.size).reshape(lengths.shape)
    return [
        every.take(pa.array(places[:, n], mask=lengths[:, n] < 0)).cast(pa.string())
        for n in range(lengths.shape[1])
    ]
