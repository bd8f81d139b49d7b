"""Parquet files as parts; page checksums, where the writer left them, are verified."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import BadInput
from features.sources.part import BATCH_ROWS, Part, as_plain, check_names, plain_schema, with_rows
from features.sql_words import BROKEN


def parquet_part(path: Path, name: str) -> Part:
    """Open a Parquet file and read its columns, not its rows."""
    try:
        with pq.ParquetFile(path) as file:
            stored = plain_schema(file.schema_arrow)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(name) from error
    # A copy of a text file, as we keep them, still says which of its rows were broken.
    schema = pa.schema([field for field in stored if field.name != BROKEN])
    check_names(schema.names, name)

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        wanted = pa.schema([schema.field(column) for column in columns])
        try:
            yield from _batches(path, wanted, tells_broken=BROKEN in stored.names)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(name) from error

    return Part(name=name, schema=schema, texts=frozenset(), read=read)


def _batches(path: Path, wanted: pa.Schema, *, tells_broken: bool) -> Iterator[pa.RecordBatch]:
    row, read = 1, [*wanted.names, *([BROKEN] if tells_broken else [])]
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        # One row group after the other: asked for all, Arrow keeps what it has read (measured).
        for group in range(file.num_row_groups):
            for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], columns=read):
                arrays = [as_plain(batch.column(field.name), field.type) for field in wanted]
                plain = (
                    pa.RecordBatch.from_arrays(arrays, schema=wanted)
                    if wanted.names
                    else _no_columns(batch.num_rows)
                )
                yield with_rows(plain, row, batch.column(BROKEN) if tells_broken else None)
                row += batch.num_rows


def _no_columns(rows: int) -> pa.RecordBatch:
    """Make a batch that has rows but no columns: a mapping may be constants alone."""
    return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))


def _damaged(name: str) -> BadInput:
    return BadInput(
        name,
        "not a Parquet file, or cut off or damaged",
        "a whole Parquet file",
        "write or copy the file again",
    )
