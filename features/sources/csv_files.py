"""CSV files as parts: every column as text, with or without .gz, ragged rows numbered and kept.

The first line names the columns; comma, semicolon, tab or bar separates them, whichever gives the
header most columns. Types are found later, over all values.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from features.errors import BadInput
from features.sources.part import BLOCK_BYTES, Part, check_names, numbered

_SEPARATORS = (",", ";", "\t", "|")


def csv_part(path: Path, name: str) -> Part:
    """Open a CSV file and read its header."""
    separator, names = _header(path, name)
    check_names(names, name)
    schema = pa.schema([pa.field(column, pa.string()) for column in names])

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        table = TextRows(names=names, separator=separator, quote='"', header_rows=1)
        for batch in table.read(path, name):
            positions = [names.index(column) for column in columns]
            yield batch.select([*positions, len(names), len(names) + 1])

    return Part(name=name, schema=schema, texts=frozenset(names), read=read)


def _header(path: Path, name: str) -> tuple[str, list[str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline="") as text:
            head = text.read(1 << 16)
    except UnicodeDecodeError as error:
        raise not_utf8(name) from error
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, PermissionError):
            raise
        raise cut_off(name) from error
    headers = {
        s: next(csv.reader(head.splitlines(keepends=True), delimiter=s), []) for s in _SEPARATORS
    }
    separator = max(_SEPARATORS, key=lambda s: len(headers[s]))
    names = [column.strip() or f"column{i + 1}" for i, column in enumerate(headers[separator])]
    if not head.strip() or not names:
        raise BadInput(
            name, "the file has no header", "names of columns in the first line", "add it"
        )
    return separator, names


class TextRows:
    """Reads separated text in blocks; rows with too few or too many cells are kept as broken."""

    def __init__(
        self, *, names: Sequence[str], separator: str, quote: str | bool, header_rows: int
    ) -> None:
        self._names, self._header_rows = list(names), header_rows
        self._has_quotes = bool(quote)
        self._parse = arrow_csv.ParseOptions(
            delimiter=separator,
            quote_char=quote,
            newlines_in_values=self._has_quotes,
            invalid_row_handler=self._keep_broken,
        )
        self._broken: list[int] = []
        self._is_open = False
        self._last_cell: str | None = None

    def _keep_broken(self, row: arrow_csv.InvalidRow) -> str:
        self._broken.append(row.number - self._header_rows)
        # A quote left open takes whole rows into its cell.
        self._is_open |= "\n" in row.text and row.text.count('"') % 2 == 1
        return "skip"

    def read(self, path: Path, name: str) -> Iterator[pa.RecordBatch]:
        """Yield batches of all columns as text, each with its row numbers and faults."""
        try:
            yield from self._batches(path)
            if self._has_quotes and (self._is_open or self._ends_open(path)):
                raise _open_quote(name)
        except pa.ArrowInvalid as error:
            raise _unreadable(name, str(error)) from error
        except (OSError, EOFError, zlib.error) as error:
            raise cut_off(name) from error

    def _batches(self, path: Path) -> Iterator[pa.RecordBatch]:
        compression = "gzip" if path.suffix == ".gz" else None
        with (
            pa.input_stream(path, compression=compression) as stream,
            arrow_csv.open_csv(
                stream,
                read_options=arrow_csv.ReadOptions(
                    use_threads=False,  # only one thread numbers the rows that are broken
                    block_size=BLOCK_BYTES,
                    column_names=self._names,
                    skip_rows_after_names=self._header_rows,
                ),
                parse_options=self._parse,
                convert_options=arrow_csv.ConvertOptions(
                    column_types={column: pa.string() for column in self._names},
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            ) as reader,
        ):
            row = 1
            for batch in reader:
                rows = self._rows(row, batch.num_rows)
                row = int(rows[-1]) + 1 if len(rows) else row
                if len(rows):
                    self._last_cell = batch.column(-1)[-1].as_py()
                yield numbered(batch, pa.array(rows), pa.nulls(len(rows), pa.string()))
        yield self._broken_rows()

    def _ends_open(self, path: Path) -> bool:
        """Tell whether the last cell ran on over lines to the end of the file, unclosed."""
        if "\n" not in (self._last_cell or ""):
            return False
        compression = "gzip" if path.suffix == ".gz" else None
        end = b""
        with pa.input_stream(path, compression=compression) as stream:
            while block := stream.read(BLOCK_BYTES):
                end = (end + block)[-BLOCK_BYTES:]
        return not end.rstrip().endswith(b'"')

    def _rows(self, first: int, count: int) -> np.ndarray:
        """Count on through rows that were read, leaving out the numbers of broken ones."""
        broken = np.array([n for n in self._broken if n >= first], dtype=np.int64)
        numbers = np.arange(first, first + count + len(broken), dtype=np.int64)
        return np.setdiff1d(numbers, broken, assume_unique=True)[:count]

    def _broken_rows(self) -> pa.RecordBatch:
        schema = pa.schema([pa.field(column, pa.string()) for column in self._names])
        count = len(self._broken)
        empty = [pa.nulls(count, pa.string()) for _ in self._names]
        batch = pa.RecordBatch.from_arrays(empty, schema=schema)
        rows = pa.array(self._broken, pa.int64())
        return numbered(batch, rows, pa.array(["ragged_row"] * count, pa.string()))


def not_utf8(name: str) -> BadInput:
    """Say that a text is in another encoding."""
    return BadInput(
        name,
        "the text is not UTF-8",
        "text in UTF-8",
        "convert it, as in `iconv -f latin1 -t utf-8`",
    )


def cut_off(name: str) -> BadInput:
    """Say that a file ends too early or does not unpack."""
    return BadInput(
        name, "the file is cut off or damaged", "a whole file", "write or copy the file again"
    )


def _open_quote(name: str) -> BadInput:
    """Say that a quote took the rows after it for its text; none of them would be counted."""
    problem = f"a quote is never closed, or a row is longer than {BLOCK_BYTES >> 20} MB"
    remedy = "close the quote; a quote inside a quoted cell is written twice"
    return BadInput(name, problem, "rows of text", remedy)


def _unreadable(name: str, words: str) -> BadInput:
    if "UTF8" in words:
        return not_utf8(name)
    if "straddl" in words:
        return _open_quote(name)
    if "Empty CSV" in words:
        return BadInput(name, "the file has no rows", "a header and rows", "write the file again")
    return BadInput(name, "the text cannot be read as rows", "CSV in UTF-8", "write the file again")
