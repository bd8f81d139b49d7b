"""Rows that could not be accepted, told by place and kind of fault, never by value.

One line a row: source, file, row (1-based), the first field and its fault, and what else is wrong
with the row. Files are written anew only where they differ, so that a second run changes nothing.
"""

import filecmp
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from features.ingest.stage import Staged, row_of
from features.ingest.staged_rows import FAULTS, POSITION
from features.sql_words import literal, quoted

SCHEMA = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("file", pa.string()),
        pa.field("row", pa.int64()),
        pa.field("field", pa.string()),
        pa.field("fault", pa.string()),
        pa.field("also", pa.string()),
    ]
)
_FIRST = 3
_BATCH = 65_536


def write_quarantine(
    connection: duckdb.DuckDBPyConnection, table: str, sources: Sequence[Staged], folder: Path
) -> None:
    """Write a table's quarantine as Parquet and CSV; no file where no row is faulty."""
    targets = [folder / f"{table}.parquet", folder / f"{table}.csv"]
    union = " UNION ALL ".join(_lines(staged) for staged in sources)
    rows = connection.execute(f"SELECT * EXCLUDE (position) FROM ({union}) ORDER BY position")
    reader = rows.to_arrow_reader(_BATCH)
    batches = (batch.cast(SCHEMA) for batch in reader)
    first = next(batches, None)
    if first is None or not first.num_rows:
        for target in targets:
            target.unlink(missing_ok=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    written = [target.with_name(f".{target.name}.new") for target in targets]
    with (
        pq.ParquetWriter(written[0], SCHEMA, write_page_checksum=True) as parquet,
        arrow_csv.CSVWriter(written[1], SCHEMA) as text,
    ):
        while first is not None:
            parquet.write_batch(first)
            text.write_batch(first)
            first = next(batches, None)
    for new, target in zip(written, targets, strict=True):
        _replace(new, target)


def _lines(staged: Staged) -> str:
    first = f"split_part({FAULTS}, '; ', 1)"
    return (
        f"SELECT {POSITION} AS position, {literal(staged.source.label)} AS source,"
        f" {staged.file_of(POSITION)} AS file, {row_of(POSITION)} AS row,"
        f" split_part({first}, ': ', 1) AS field, split_part({first}, ': ', 2) AS fault,"
        f" nullif(substr({FAULTS}, strlen({first}) + 3), '') AS also"
        f" FROM {quoted(staged.relation)} WHERE {FAULTS} IS NOT NULL"
    )


def _replace(new: Path, target: Path) -> None:
    if target.is_file() and filecmp.cmp(new, target, shallow=False):
        new.unlink()
    else:
        new.replace(target)


def first_rows(connection: duckdb.DuckDBPyConnection, staged: Staged) -> str:
    """Name the first faulty rows, as in `a.csv, row 7`."""
    rows = connection.execute(
        f"SELECT file, row FROM ({_lines(staged)}) ORDER BY position LIMIT {_FIRST}"
    ).fetchall()
    return "; ".join(f"{file}, row {row:,}" for file, row in rows)


def clear_quarantine(folder: Path, keep: Iterable[str]) -> None:
    """Remove the quarantine of tables that are not mapped any more."""
    for path in folder.glob("*.*"):
        if path.stem not in set(keep):
            path.unlink()
