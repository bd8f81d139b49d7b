"""Files that people open."""

import csv
import io
from contextlib import closing
from datetime import UTC, date, datetime

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving import list_files
from serving.list_files import CsvFile, ExcelFile, ParquetFile, neutralised

ROWS = pa.table(
    {
        "customer_id": ["00012345678901234567", "=1+1", "王小明"],
        "due_by": pa.array(
            [datetime(2011, 7, 1, tzinfo=UTC)] * 2 + [None], pa.timestamp("us", "UTC")
        ),
        "reason_codes": [["RECENCY", "GAP"], [], None],
        "expected_value": [-2.5, None, 10.0],
        "held_out": [False, True, None],
    }
)


def csv_cells(path):
    """Read a CSV file back as rows of text."""
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"))))


def write_csv(path, rows=ROWS):
    """Write rows as CSV, times in London."""
    with closing(CsvFile(path, rows.schema, "Europe/London")) as file:
        file.write(rows)


def write_excel(path, rows=ROWS):
    """Write rows as Excel, times in London."""
    with closing(
        ExcelFile(
            path,
            rows.schema,
            time_zone="Europe/London",
            total=rows.num_rows,
            as_of=date(2011, 7, 1),
        )
    ) as file:
        file.write(rows)


def test_csv_starts_with_a_byte_order_mark_and_keeps_chinese(tmp_path):
    """Excel reads the file as UTF-8 only with the mark."""
    write_csv(tmp_path / "list.csv")
    assert (tmp_path / "list.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert csv_cells(tmp_path / "list.csv")[3][0] == "王小明"


def test_csv_shows_local_times_and_lists_as_text(tmp_path):
    """Midnight UTC in July is one o'clock in London; codes are joined by a semicolon."""
    write_csv(tmp_path / "list.csv")
    cells = csv_cells(tmp_path / "list.csv")
    assert cells[1][1:4] == ["2011-07-01T01:00:00+0100", "RECENCY;GAP", "-2.5"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＠"])  # noqa: RUF001
def test_csv_cells_cannot_start_a_formula(tmp_path, start):
    """A customer may be called anything; the cell begins with an apostrophe then."""
    write_csv(tmp_path / "list.csv", pa.table({"customer_id": [f"{start}cmd|'/c calc'!A1"]}))
    assert csv_cells(tmp_path / "list.csv")[1][0].startswith("'")


def test_neutralised_leaves_numbers_and_harmless_text():
    """A negative number is no formula, nor is a sign in the middle."""
    rows = pa.table({"name": ["a=b", "x-1"], "value": [-1.0, -2.0]})
    assert neutralised(rows).equals(rows)


def test_excel_ids_are_text_and_formulas_are_not_run(tmp_path):
    """A 20-digit id keeps its digits and zeros; `=1+1` is a text."""
    write_excel(tmp_path / "list.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "list.xlsx").active
    assert [cell.value for cell in sheet["A"]][1:] == ROWS["customer_id"].to_pylist()
    assert {cell.data_type for cell in sheet["A"]} == {"s"}
    assert sheet["D2"].value == -2.5


def test_excel_says_when_it_holds_the_first_rows_only(tmp_path, monkeypatch):
    """The sheet is called after what it holds, and holds no more."""
    monkeypatch.setattr(list_files, "SHOWN_ROWS", 2)
    write_excel(tmp_path / "list.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "list.xlsx").active
    assert sheet.title == "first 2 of 3"
    assert sheet.max_row == 3


def test_files_are_the_same_bytes_when_written_again(tmp_path):
    """Neither the clock nor the place enters a file."""
    for folder in (tmp_path / "one", tmp_path / "other"):
        folder.mkdir()
        write_csv(folder / "list.csv")
        write_excel(folder / "list.xlsx")
        with closing(ParquetFile(folder / "list.parquet", ROWS.schema)) as file:
            file.write(ROWS)
    for name in ("list.csv", "list.xlsx", "list.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_parquet_keeps_types_and_checksums(tmp_path):
    """What is read back, verified, equals what was written."""
    with closing(ParquetFile(tmp_path / "list.parquet", ROWS.schema)) as file:
        file.write(ROWS)
    read = pq.read_table(tmp_path / "list.parquet", page_checksum_verification=True)
    assert read.equals(ROWS)
