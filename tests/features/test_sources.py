"""Where rows come from: files by name and glob, texts, DuckDB files, PostgreSQL servers."""

import gzip
import os
from decimal import Decimal

import duckdb
import pytest
from adbc_driver_postgresql import dbapi

from features.errors import BadInput, Unavailable
from features.sources import parts_of
from features.workspace import Source
from tests.small_market import ORDERS, SmallMarket, orders_csv

SERVER = "postgresql://postgres@127.0.0.1:5432/test"
ROWS = [
    {"customer": "x", "moment": "2020-01-01", "amount": 5.0},
    {"customer": "y", "moment": "2020-01-02", "amount": 6.5},
]


@pytest.fixture
def market(tmp_path) -> SmallMarket:
    """Make an empty workspace that lets many rows be faulty."""
    return SmallMarket(tmp_path, quarantine_limit=0.9)


def amounts(market: SmallMarket) -> list[float]:
    """Amounts of all accepted orders, sorted."""
    market.ingest()
    return sorted(float(row["amount"]) for row in market.accepted("orders"))


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.jsonl", "a.json", "a.ndjson"])
def test_every_format_gives_the_same_rows(market, name):
    """Parquet, CSV and JSON lines of the same rows are the same orders."""
    market.map("orders", market.write_rows(name, ROWS), ORDERS)
    assert amounts(market) == [5.0, 6.5]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_packed_texts_are_read(market, name):
    """With .gz behind the name."""
    path = market.workspace.folder / market.write_rows(name, ROWS)
    path.with_name(name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
    market.map("orders", name + ".gz", ORDERS)
    assert amounts(market) == [5.0, 6.5]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_csv_may_be_separated_in_four_ways(market, separator):
    """Whichever gives the header most columns; a byte-order mark does no harm."""
    text = "\ufeff" + orders_csv("x,2020-01-01,5").replace(",", separator)
    market.map("orders", market.write_csv("a.csv", text), ORDERS)
    assert amounts(market) == [5.0]


def test_columns_with_spaces_points_and_quotes_can_be_mapped(market):
    """Any name a file has, in double quotes."""
    market.write_csv("a.csv", 'Customer ID,at.day,"the ""sum"""\nx,2020-01-01,5\n')
    columns = {"customer_id": '"Customer ID"', "ordered_at": '"at.day"', "amount": '"the ""sum"""'}
    market.map("orders", "a.csv", columns)
    assert amounts(market) == [5.0]


def test_nested_json_is_text_and_can_be_opened(market):
    """An object in an object is reached by json_extract_string."""
    line = '{"who": {"id": "007"}, "moment": "2020-01-01", "amount": 5}\n'
    market.map(
        "orders",
        market.write_csv("a.jsonl", line),
        {**ORDERS, "customer_id": "json_extract_string(who, '$.id')"},
    )
    market.ingest()
    assert market.accepted("orders")[0]["customer_id"] == "007"


def test_keys_of_json_may_differ_between_lines(market):
    """A key that a line does not have is missing there."""
    market.write_csv(
        "a.jsonl",
        '{"customer": "x", "moment": "2020-01-01", "amount": 5}\n'
        '{"amount": 6.5, "note": "late", "moment": "2020-01-01", "customer": "y"}\n',
    )
    market.map("orders", "a.jsonl", {**ORDERS, "category": "note"})
    assert amounts(market) == [5.0, 6.5]


def test_a_large_csv_is_numbered_through_its_blocks(market):
    """Rows keep their numbers across blocks, with broken ones between."""
    lines = [f"x{i},2020-01-01,{i}" + "0" * 40 for i in range(300_000)]
    lines[200_000] = "broken"
    lines[250_000] = ",2020-01-01,5"
    market.map("orders", market.write_csv("a.csv", orders_csv(*lines)), ORDERS, where="amount < 9")
    report = market.ingest().sources[0]
    assert report.read == 300_000
    assert [line["row"] for line in market.quarantine("orders")] == [200_001, 250_001]


def test_files_come_in_the_order_of_their_names(market, tmp_path):
    """However the uris name them, and each file once."""
    for name in ("b.csv", "sub/a.csv", "a.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(orders_csv("x,2020-01-01,5"))
    source = Source(table_name="orders", index=0, uri=("b.csv", "**/*.csv", "a.csv"))
    parts = parts_of(source, market.workspace)
    assert [part.name for part in parts] == ["a.csv", "b.csv", "sub/a.csv"]


def test_a_file_with_brackets_in_its_name_is_found(market):
    """A path that exists is that file, not a pattern."""
    market.map("orders", market.write_csv("a[1].csv", orders_csv("x,2020-01-01,5")), ORDERS)
    assert amounts(market) == [5.0]


def test_variables_of_the_environment_never_show(market, monkeypatch):
    """The message names the uri as the workspace writes it."""
    monkeypatch.setenv("SECRET_PLACE", "/very/secret")
    market.map("orders", "${SECRET_PLACE}/a.csv", ORDERS)
    with pytest.raises(BadInput) as error:
        market.ingest()
    assert "${SECRET_PLACE}/a.csv" in str(error.value)
    assert "very" not in str(error.value)


def test_only_the_listed_uris_are_read_with_several(market):
    """A list of uris is one source; its rows share duplicates and counts."""
    market.write_rows("a.csv", ROWS)
    market.write_rows("b.csv", ROWS)
    market.map("orders", ("a.csv", "b.csv"), ORDERS)
    (report,) = market.ingest().sources
    assert (report.read, report.duplicate, report.files) == (4, 2, ("a.csv", "b.csv"))


@pytest.mark.parametrize(
    "uri", ["shop.duckdb", "duckdb://shop.duckdb", "duckdb://{folder}/shop.duckdb"]
)
def test_a_table_of_a_duckdb_file_is_read(market, tmp_path, uri):
    """By path or by url, from the workspace's folder or from the root."""
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        connection.execute(
            "CREATE SCHEMA sales; CREATE TABLE sales.orders AS SELECT * FROM (VALUES"
            " ('x', DATE '2020-01-01', 5.25::DECIMAL(10,2))) t(customer, moment, amount)"
        )
    market.map("orders", uri.format(folder=tmp_path), ORDERS, table="sales.orders")
    assert amounts(market) == [5.25]


def test_a_missing_table_of_a_duckdb_file_is_said(market, tmp_path):
    """The file and the table are named."""
    duckdb.connect(tmp_path / "shop.duckdb").close()
    market.map("orders", "shop.duckdb", ORDERS, table="orders")
    with pytest.raises(BadInput, match=r"shop.duckdb, table orders: there is no such table"):
        market.ingest()


@pytest.fixture
def server():
    """Open a cursor on a PostgreSQL server; skips without one, or fails where it is required."""
    try:
        connection = dbapi.connect(SERVER, autocommit=True)
    except dbapi.Error:
        words = f"no PostgreSQL server at {SERVER}"
        if os.environ.get("FORESTAY_REQUIRE_SERVICES") == "1":
            pytest.fail(words)
        pytest.skip(words)
    with connection, connection.cursor() as cursor:
        cursor.execute('DROP SCHEMA IF EXISTS "forestay ingest" CASCADE')
        cursor.execute('CREATE SCHEMA "forestay ingest"')
        yield cursor
        cursor.execute('DROP SCHEMA "forestay ingest" CASCADE')


def test_a_table_of_a_postgresql_server_is_read(market, server):
    """Numeric ids keep twenty digits, numeric amounts compute, times are instants."""
    server.execute(
        'CREATE TABLE "forestay ingest".orders'
        " (customer numeric(20), moment timestamptz, quantity int, price numeric(10,2), day date)"
    )
    server.execute(
        'INSERT INTO "forestay ingest".orders VALUES'
        " (12345678901234567890, '2020-07-01 12:00+02', 2, 2.75, '2020-07-01'),"
        " (7, '2020-07-02 12:00+00', 1, NULL, NULL)"
    )
    columns = {**ORDERS, "amount": "coalesce(quantity * price, 0)", "category": "day"}
    market.map("orders", SERVER, columns, table="forestay ingest.orders")
    market.ingest()
    rows = sorted(market.accepted("orders"), key=lambda row: row["ordered_at"])
    assert [row["customer_id"] for row in rows] == ["12345678901234567890", "7"]
    assert [row["amount"] for row in rows] == [Decimal("5.5"), Decimal(0)]
    assert str(rows[0]["ordered_at"]) == "2020-07-01 10:00:00"
    assert rows[0]["category"] == "2020-07-01"


def test_types_of_postgresql_the_driver_does_not_know_are_read_as_people_write_them(market, server):
    """A uuid is its text, money its amount, char(n) has no blanks; none reads as missing."""
    server.execute(
        'CREATE TABLE "forestay ingest".orders AS SELECT'
        " '00000000-0000-0000-0000-00000000000a'::uuid AS customer, '2020-07-01'::date AS moment,"
        " '$3.50'::money AS amount, 'ab'::char(9) AS kind, '10.0.0.7'::inet AS place"
    )
    columns = {**ORDERS, "category": "kind", "channel": "place"}
    market.map("orders", SERVER, columns, table="forestay ingest.orders")
    market.ingest()
    (row,) = market.accepted("orders")
    assert row["customer_id"] == "00000000-0000-0000-0000-00000000000a"
    assert (row["amount"], row["category"], row["channel"]) == (Decimal("3.5"), "ab", "10.0.0.7/32")


def test_a_uuid_of_a_parquet_file_is_its_text(market):
    """Its bytes are no text and would read as missing."""
    texts = "'0123abcd-0000-0000-0000-00000000000' || i"
    duckdb.sql(
        f"SELECT CASE WHEN i <> 2 THEN CAST({texts} AS UUID) END AS customer,"
        " DATE '2020-07-01' AS moment, 5 AS amount FROM range(1, 4) t(i)"
    ).write_parquet(str(market.workspace.folder / "a.parquet"))
    market.map("orders", "a.parquet", ORDERS)
    market.ingest()
    ids = sorted(row["customer_id"] for row in market.accepted("orders"))
    assert ids == [f"0123abcd-0000-0000-0000-00000000000{i}" for i in (1, 3)]


def test_many_rows_of_a_postgresql_server_keep_their_order(market, server):
    """Batches are numbered through."""
    server.execute(
        "CREATE TABLE \"forestay ingest\".calls AS SELECT i AS n, '2020-01-01'::timestamp AS moment"
        " FROM generate_series(1, 150000) AS i"
    )
    columns = {"customer_id": "n", "occurred_at": "moment", "kind": "'contact'"}
    market.map("interactions", SERVER, columns, table="forestay ingest.calls")
    market.ingest()
    rows = market.accepted("interactions")
    assert all(row["interaction_id"].endswith("#" + row["customer_id"]) for row in rows)


def test_a_missing_table_of_a_postgresql_server_is_said(market, server):
    """As for a file."""
    market.map("orders", SERVER, ORDERS, table="no_such_table")
    with pytest.raises(BadInput, match="there is no such table"):
        market.ingest()


def test_a_server_that_does_not_answer_is_unavailable_and_its_password_stays_secret(market):
    """Try again later; the message can be shown to anybody."""
    uri = "postgresql://user:pa55word@127.0.0.1:1/shop"
    market.map("orders", uri, ORDERS, table="orders")
    with pytest.raises(Unavailable, match="does not answer") as error:
        market.ingest()
    assert "pa55word" not in str(error.value)
    assert "127.0.0.1/shop" in str(error.value)
