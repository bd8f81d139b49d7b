"""Accepted rows to bucket files, sorted, with page checksums; whole folders appear at once.

Rows come sorted by bucket and customer, so one file is open at a time and memory stays the same
however many rows there are. The same rows give the same bytes.
"""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.accepted import AcceptedFile, bucket_path, footer_hash
from features.ingest.finish import Finished
from features.ingest.staged_rows import POSITION
from features.sql_words import quoted
from features.tables import TABLES

ROWS_PER_BUCKET = 500_000
MOST_BUCKETS = 256
_BATCH_ROWS = 65_536
_GROUP_ROWS = 131_072
_BUCKET = "forestay bucket"


def bucket_count(rows: int) -> int:
    """Choose how many buckets hold so many rows: a power of two, so that growth splits buckets."""
    wanted = -(-rows // ROWS_PER_BUCKET)
    return min(MOST_BUCKETS, 1 << max(0, (wanted - 1).bit_length()))


def write_table(
    connection: duckdb.DuckDBPyConnection, finished: Finished, folder: Path, buckets: int
) -> tuple[AcceptedFile, ...]:
    """Write all buckets of a table; those without rows too, so that none can be missing."""
    (folder / finished.name).mkdir(parents=True)
    pieces = _sorted_pieces(connection, finished, buckets)
    piece = next(pieces, None)
    files = []
    for bucket in range(buckets):
        path = bucket_path(folder, finished.name, bucket)
        with pq.ParquetWriter(
            path, finished.schema, compression="zstd", write_page_checksum=True
        ) as writer:
            group = _Group(writer, finished.schema)
            while piece is not None and piece[0] == bucket:
                group.add(piece[1])
                piece = next(pieces, None)
            group.close()
        name, size = f"{finished.name}/{path.name}", path.stat().st_size
        footer = footer_hash(path)
        files.append(AcceptedFile(name=name, rows=group.rows, bytes=size, footer=footer))
    return tuple(files)


def _sorted_pieces(
    connection: duckdb.DuckDBPyConnection, finished: Finished, buckets: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield the rows in their final order, in pieces of one bucket each."""
    event = TABLES[finished.name].event_time
    bucket = f"CAST(md5_number_lower(customer_id) % {buckets} AS INTEGER)"
    columns = ", ".join(quoted(name) for name in finished.schema.names)
    rows = connection.execute(
        f"SELECT {columns}, {bucket} AS {quoted(_BUCKET)} FROM {finished.view}"
        f" ORDER BY {quoted(_BUCKET)}, customer_id, {event}, known_at, {POSITION}"
    )
    for batch in rows.to_arrow_reader(_BATCH_ROWS):
        numbers = batch.column(_BUCKET).to_numpy()
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        stored = batch.select(finished.schema.names)
        for start, end in zip(starts, [*starts[1:], batch.num_rows], strict=True):
            yield int(numbers[start]), stored.slice(start, end - start)


class _Group:
    """Gathers pieces into row groups of moderate size."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer, self._schema = writer, schema
        self._waiting: list[pa.RecordBatch] = []
        self.rows = 0

    def add(self, piece: pa.RecordBatch) -> None:
        """Take a piece; write a row group when there are rows enough."""
        self._waiting.append(piece)
        self.rows += piece.num_rows
        if sum(piece.num_rows for piece in self._waiting) >= _GROUP_ROWS:
            self.close()

    def close(self) -> None:
        """Write what is left."""
        if self._waiting:
            table = pa.Table.from_batches(self._waiting).cast(self._schema)
            self._writer.write_table(table, row_group_size=table.num_rows)
            self._waiting = []
