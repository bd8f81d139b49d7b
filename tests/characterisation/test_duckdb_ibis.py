# ruff: noqa: D103 - the words that tests are said in
"""What we rely on, or work around, in DuckDB and Ibis: an upgrade that changes it fails here."""

import re
from datetime import datetime

import duckdb
import ibis
import pyarrow as pa
import pytest


def value(sql):
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT {sql}").fetchone()[0]


def sql_of(expression):
    return re.sub(r"\s+", " ", ibis.to_sql(expression, dialect="duckdb"))


def test_casting_an_epoch_rounds_so_seconds_are_truncated_first():
    """Spark cuts where DuckDB rounds: `moment.seconds` truncates before it counts."""
    late = "TIMESTAMP '2024-01-01 00:00:00.6'"
    whole = value("CAST(epoch(TIMESTAMP '2024-01-01') AS BIGINT)")
    assert value(f"CAST(epoch({late}) AS BIGINT)") == whole + 1
    assert value(f"CAST(epoch(date_trunc('second', {late})) AS BIGINT)") == whole


def test_greatest_and_least_pass_over_null():
    """Others answer null, so life-cycle expressions fill nulls before they compare."""
    assert (value("greatest(0, NULL)"), value("least(1, NULL)")) == (0, 1)


def test_arg_max_passes_over_null_values():
    """So it finds the last filled cell, not the newest row: profiles use row numbers."""
    rows = "(VALUES (1, 'old'), (2, NULL)) AS t(since, said)"
    assert value(f"(SELECT arg_max(said, since) FROM {rows})") == "old"


def test_ibis_orders_the_last_cell_by_time_and_id():
    """Ties are broken inside the aggregate, not by the order of rows."""
    rows = ibis.table({"since": "timestamp", "id": "string", "said": "int64"}, name="rows")
    key = ibis.struct({"since": rows.since, "id": rows.id})
    last = rows.said.argmax(key, where=rows.said.notnull())
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE rows AS SELECT * FROM (VALUES"
            " (TIMESTAMP '2024-01-01', 'b', 2), (TIMESTAMP '2024-01-01', 'a', 1),"
            " (TIMESTAMP '2024-01-01', 'c', NULL), (TIMESTAMP '2023-01-01', 'z', 9))"
            " t(since, id, said)"
        )
        sql = sql_of(rows.aggregate(last=last))
        assert connection.execute(sql).fetchall() == [(2,)]


def test_ibis_writes_timestamps_as_seconds_in_floating_point():
    """So `point_in_time.instant` writes them as text."""
    sql = sql_of(ibis.literal(datetime(2024, 1, 1, 0, 0, 59, 999999)))  # noqa: DTZ001 - naive is the point
    assert "59.999999" in sql
    assert "MAKE_TIMESTAMP" in sql


def test_sums_of_decimals_are_exact():
    """A float sum depends on the order of rows; 0.1 three times shows it."""
    rows = "(VALUES (0.1), (0.2), (-0.3)) AS t(x)"
    assert value(f"(SELECT sum(x::DECIMAL(18, 4)) FROM {rows})") == 0
    assert value(f"(SELECT sum(x::DOUBLE) FROM {rows})") != 0


def test_outer_joins_keep_the_key_of_either_side():
    """Ibis leaves both keys: `compute` joins them into one."""
    left = ibis.table({"customer_id": "string", "x": "int64"}, name="a")
    right = ibis.table({"customer_id": "string", "y": "int64"}, name="b")
    assert left.outer_join(right, "customer_id").columns == (
        "customer_id", "x", "customer_id_right", "y",
    )  # fmt: skip


def test_cursors_of_one_connection_read_its_tables_from_other_threads():
    """The runner loads a bucket once and answers its queries side by side."""
    with duckdb.connect(config={"threads": "1"}) as connection:
        connection.register("arriving", pa.table({"x": [1, 2]}))
        connection.execute("CREATE TABLE numbers AS FROM arriving")
        connection.unregister("arriving")
        with connection.cursor() as cursor:
            assert cursor.execute("SELECT sum(x) FROM numbers").fetchone() == (3,)


def test_an_old_way_to_arrow_is_going_away():
    """`to_arrow_table` is the one that stays."""
    with (
        duckdb.connect() as connection,
        pytest.warns(DeprecationWarning, match="to_arrow_table"),
    ):
        connection.execute("SELECT 1").fetch_arrow_table()
