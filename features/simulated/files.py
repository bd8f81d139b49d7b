"""The company's files: each table grows chunk by chunk, so that memory does not."""

from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq


class Files(AbstractContextManager["Files"]):
    """Open files of one folder by name; the ending decides between Parquet and CSV."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, pq.ParquetWriter | pa_csv.CSVWriter] = {}
        self.rows: dict[str, int] = {}

    def write(self, name: str, table: pa.Table) -> None:
        """Append the rows of `table` to the file `name`."""
        if name not in self._open:
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open[name] = (
                pq.ParquetWriter(path, table.schema, compression="zstd")
                if path.suffix == ".parquet"
                else pa_csv.CSVWriter(path, table.schema)
            )
        self._open[name].write_table(table)
        self.rows[name] = self.rows.get(name, 0) + len(table)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all files."""
        for writer in self._open.values():
            writer.close()
