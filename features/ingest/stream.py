"""The parts of one source as Arrow tables of moderate size, counted while they flow."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from features.errors import BadInput
from features.sources.part import Part, as_plain
from features.sql_words import BROKEN, FILE, ROW

#: Rows staged at once. One statement over a whole stream would keep all its texts in memory until
#: its end (measured: 50 MB for every million rows).
CHUNK_ROWS = 1_000_000


class SourceStream:
    """Reads the parts one after another; `rows` grows as they are read."""

    def __init__(self, parts: Sequence[Part], columns: pa.Schema) -> None:
        self._parts, self._columns = parts, columns
        self.rows = 0
        place = [(FILE, pa.int32()), (ROW, pa.int64()), (BROKEN, pa.string())]
        self.schema = pa.schema([*columns, *(pa.field(*field) for field in place)])

    def chunks(self) -> Iterator[pa.Table]:
        """Yield all rows in tables of about CHUNK_ROWS; can be read once."""
        waiting: list[pa.RecordBatch] = []
        count = 0
        for index, part in enumerate(self._parts):
            for batch in self._part_batches(index, part):
                waiting.append(batch)
                count += batch.num_rows
                if count >= CHUNK_ROWS:
                    yield pa.Table.from_batches(waiting)
                    waiting, count = [], 0
        if waiting:
            yield pa.Table.from_batches(waiting)

    def _part_batches(self, index: int, part: Part) -> Iterator[pa.RecordBatch]:
        here = {name.lower(): name for name in part.schema.names}
        wanted = [here[name.lower()] for name in self._columns.names if name.lower() in here]
        for batch in part.read(wanted):
            columns = [
                self._column(batch, here.get(f.name.lower()), f, part) for f in self._columns
            ]
            files = pa.repeat(pa.scalar(index, pa.int32()), batch.num_rows)
            self.rows += batch.num_rows
            yield pa.RecordBatch.from_arrays(
                [*columns, files, batch.column(ROW), batch.column(BROKEN)], schema=self.schema
            )

    def _column(
        self, batch: pa.RecordBatch, name: str | None, field: pa.Field, part: Part
    ) -> pa.Array:
        if name is None:
            return pa.nulls(batch.num_rows, field.type)
        try:
            return as_plain(batch.column(name), field.type)
        except pa.ArrowException as error:
            raise BadInput(
                part.name,
                f"column `{field.name}` holds {batch.column(name).type}, which cannot be read"
                f" together with the {field.type} of the other files",
                "one type in all files of a source",
                "write the files alike, or map them as two sources",
            ) from error
