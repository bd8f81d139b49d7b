"""Tables as files that people open: Parquet, CSV and Excel, the same bytes on every run.

A customer id is always text, and no cell can start a formula, whatever a customer was called.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

#: What a person can still scroll through, and a browser or Excel still opens.
SHOWN_ROWS = 50_000
#: Excel reads full-width signs as formulas too (OWASP, CSV injection).
FORMULA_START = "^([=+\\-@\t\r\n＝＋－＠])"  # noqa: RUF001 - the full-width signs are meant
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
ROW_GROUP = 65_536


class ListFile(Protocol):
    """A file that takes rows in the order of the list."""

    def write(self, rows: pa.Table) -> None:
        """Append rows."""

    def close(self) -> None:
        """Finish the file."""


def neutralised(rows: pa.Table) -> pa.Table:
    """Put an apostrophe before every text that a spreadsheet would run; numbers stay numbers."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_string(field.type):
            safe = pc.replace_substring_regex(rows.column(place), FORMULA_START, r"'\1")
            rows = rows.set_column(place, field.name, safe)
    return rows


def flattened(rows: pa.Table, time_zone: str, time_format: str) -> pa.Table:
    """Write lists as `a;b` and instants as local text, for files that know neither."""
    for place, field in enumerate(rows.schema):
        column = rows.column(place)
        if pa.types.is_list(field.type):
            rows = rows.set_column(place, field.name, pc.binary_join(column, ";"))
        elif pa.types.is_timestamp(field.type):
            # Whole seconds: Arrow would otherwise print the microseconds too.
            local = pc.cast(column, pa.timestamp("s", tz="UTC"), safe=False)
            local = pc.cast(local, pa.timestamp("s", tz=time_zone))
            rows = rows.set_column(place, field.name, pc.strftime(local, time_format))
    return rows


def csv_cells(rows: pa.Table, time_zone: str) -> pa.Table:
    """Write rows as CSV has them: instants in local time with their offset, nothing a formula."""
    return neutralised(flattened(rows, time_zone, "%Y-%m-%dT%H:%M:%S%z"))


class ParquetFile:
    """Everything, typed, with page checksums so that damage does not pass in silence."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(
            path, schema, compression="zstd", write_page_checksum=True, store_schema=True
        )

    def write(self, rows: pa.Table) -> None:
        """Append rows."""
        self._writer.write_table(rows, row_group_size=ROW_GROUP)

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


class CsvFile:
    """UTF-8 with a byte order mark, so that Excel does not garble Chinese."""

    def __init__(self, path: Path, schema: pa.Schema, time_zone: str) -> None:
        self._time_zone = time_zone
        self._sink = path.open("wb")
        self._sink.write(BYTE_ORDER_MARK)
        self._writer = pc_csv.CSVWriter(self._sink, self._flat(schema.empty_table()).schema)

    def _flat(self, rows: pa.Table) -> pa.Table:
        return csv_cells(rows, self._time_zone)

    def write(self, rows: pa.Table) -> None:
        """Append rows."""
        self._writer.write_table(self._flat(rows))

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()
        self._sink.close()


class ExcelFile:
    """The first `SHOWN_ROWS` rows for people; the sheet's name says when there are more."""

    def __init__(
        self, path: Path, schema: pa.Schema, *, time_zone: str, total: int, as_of: date
    ) -> None:
        import xlsxwriter

        self._time_zone, self._row = time_zone, 0
        self._book = xlsxwriter.Workbook(
            str(path), {"constant_memory": True, "tmpdir": str(path.parent)}
        )
        # A fixed date of creation: the same night gives the same bytes.
        midnight = datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC).replace(tzinfo=None)
        self._book.set_properties({"created": midnight, "author": "Forestay"})
        name = "list" if total <= SHOWN_ROWS else f"first {SHOWN_ROWS} of {total}"
        self._sheet = self._book.add_worksheet(name)
        self._writers = [self._writer(field) for field in schema]
        self._head(schema, min(total, SHOWN_ROWS))

    def _head(self, schema: pa.Schema, rows: int) -> None:
        bold = self._book.add_format({"bold": True, "bottom": 1})
        self._sheet.freeze_panes(1, 2)
        self._sheet.autofilter(0, 0, max(rows, 1), len(schema) - 1)
        for place, field in enumerate(schema):
            wide = field.name.startswith("reason_") or field.name in {"playbook", "decision_id"}
            self._sheet.set_column(place, place, 36 if wide else 15)
            self._sheet.write_string(0, place, field.name, bold)

    def _writer(self, field: pa.Field) -> Callable[[int, int, Any], object]:
        """Choose once per column how its cells are written."""
        sheet, kind = self._sheet, field.type
        if pa.types.is_floating(kind):
            shape = "0.0%" if field.name.endswith("_risk") else "#,##0.00"
            style = self._book.add_format({"num_format": shape})
            return lambda row, place, value: sheet.write_number(row, place, value, style)
        if pa.types.is_integer(kind):
            return sheet.write_number
        if pa.types.is_boolean(kind):
            return sheet.write_boolean
        if pa.types.is_date(kind):
            style = self._book.add_format({"num_format": "yyyy-mm-dd"})
            return lambda row, place, value: sheet.write_datetime(row, place, value, style)
        return sheet.write_string

    def write(self, rows: pa.Table) -> None:
        """Append what still fits."""
        rows = rows.slice(0, max(SHOWN_ROWS - self._row, 0))
        flat = flattened(rows, self._time_zone, "%Y-%m-%d %H:%M")
        # Excel's own writer goes cell by cell; SHOWN_ROWS bounds it.
        for cells in zip(*(column.to_pylist() for column in flat.columns), strict=True):
            self._row += 1
            for place, value in enumerate(cells):
                if value is not None:
                    self._writers[place](self._row, place, value)

    def close(self) -> None:
        """Finish the file."""
        self._book.close()
