"""What we rely on in DuckDB and Arrow: a change of theirs must fail here, not in the data."""

from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest


@pytest.fixture
def flipped(tmp_path):
    """Make a function that writes a file and flips one bit of its data."""
    table = pa.table({"number": list(range(2000))})

    def write(*, checksum: bool):
        path = tmp_path / "a.parquet"
        pq.write_table(
            table, path, compression="none", use_dictionary=False, write_page_checksum=checksum
        )
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
        return path

    return write


def test_a_flipped_bit_passes_silently_without_checksums(flipped):
    """Why we write and verify them."""
    table = pq.ParquetFile(flipped(checksum=False)).read()
    assert table["number"].to_pylist() != list(range(2000))


def test_checksums_that_are_not_verified_do_not_help(flipped):
    """Verifying is off unless asked for."""
    table = pq.ParquetFile(flipped(checksum=True)).read()
    assert table["number"].to_pylist() != list(range(2000))


def test_verified_checksums_find_a_flipped_bit(flipped):
    """The error is an OSError."""
    with pytest.raises(OSError, match="CRC"):
        pq.ParquetFile(flipped(checksum=True), page_checksum_verification=True).read()


def test_duckdb_takes_the_later_of_two_instants_and_invents_missing_hours():
    """Why local times are resolved by going back and forth."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        autumn, spring = connection.execute(
            "SELECT timezone('Europe/London', TIMESTAMP '2011-10-30 01:30:00'),"
            " timezone('Europe/London', TIMESTAMP '2011-03-27 01:30:00')"
        ).fetchone()
    assert autumn == datetime(2011, 10, 30, 1, 30, tzinfo=UTC)
    assert spring is not None


def test_try_of_a_struct_tells_failure_from_null():
    """The struct is null where the expression fails, and holds null where it gives null."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT TRY({'v': strptime(x, '%Y')}) FROM (VALUES ('2011'), ('no'), (NULL)) t(x)"
        ).fetchall()
    assert rows == [({"v": datetime(2011, 1, 1)},), (None,), ({"v": None},)]  # noqa: DTZ001 - naive


def test_a_database_without_external_access_still_takes_arrow_streams(tmp_path):
    """Rows come in through Python alone; a file cannot be opened."""
    with duckdb.connect(tmp_path / "a.duckdb") as connection:
        connection.execute("SET enable_external_access = false")
        connection.register("rows", pa.table({"a": [1, 2]}))
        assert connection.execute("SELECT sum(a) FROM rows").fetchone() == (3,)
        with pytest.raises(duckdb.Error, match=r"Cannot access"):
            connection.execute("SELECT * FROM read_csv('/etc/hostname')")


def test_arrow_numbers_broken_rows_of_a_csv_with_its_header(tmp_path):
    """The header is row 1, blank lines do not count, cells of two lines are one row."""
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,2\n\n"x\ny",3\n4\n5,6,7\n')
    numbers = []

    def keep(row):
        numbers.append(row.number)
        return "skip"

    with arrow_csv.open_csv(
        path,
        read_options=arrow_csv.ReadOptions(use_threads=False),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=keep),
    ) as reader:
        assert sum(batch.num_rows for batch in reader) == 2
    assert numbers == [4, 5]
