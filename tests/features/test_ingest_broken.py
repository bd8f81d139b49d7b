"""Ways to break a file: each gives one readable error, or quarantine with the right counts.

After every one the data accepted before are still there, unchanged.
"""

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.accepted import open_accepted
from features.errors import BadInput, Faults, ForestayError
from tests.small_market import ORDERS, SmallMarket, orders_csv

GOOD = orders_csv("x,2020-01-01,5", "y,2020-01-02,6")


def parquet(path: Path, **columns: object) -> None:
    """Write a Parquet file of orders, some columns replaced."""
    usual = {"customer": ["x"], "moment": ["2020-01-01"], "amount": [5.0]}
    pq.write_table(pa.table({**usual, **columns}), path)


def truncated_parquet(path: Path) -> None:
    """Write a Parquet file and cut off its end."""
    parquet(path)
    path.write_bytes(path.read_bytes()[:-20])


def flipped_parquet(path: Path) -> None:
    """Write a Parquet file with checksums and change one bit of its data."""
    table = pa.table(
        {
            "customer": ["x"] * 500,
            "moment": ["2020-01-01"] * 500,
            "amount": [float(i) for i in range(500)],
        }
    )
    pq.write_table(table, path, write_page_checksum=True, compression="none", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def cut_gzip(path: Path) -> None:
    """Write a packed CSV and cut off its end."""
    lines = [f"x{i},2020-01-01,{i}" for i in range(5000)]
    path.write_bytes(gzip.compress(orders_csv(*lines).encode())[:-200])


def text(content: str | bytes) -> Callable[[Path], object]:
    """Write a file with this content."""
    as_bytes = content.encode() if isinstance(content, str) else content
    return lambda path: path.write_bytes(as_bytes)


def folder(path: Path) -> None:
    """Make a folder where a file should be."""
    path.mkdir()


def nothing(path: Path) -> None:
    """Leave the file out."""


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        pytest.param("a.csv", nothing, "there is no file `a.csv`", id="missing-file"),
        pytest.param("a.csv", folder, "`a.csv` is a folder", id="folder"),
        pytest.param("a.xlsx", text("PK"), "files ending in `.xlsx` cannot be read", id="format"),
        pytest.param("a.csv", text(""), "the file is empty", id="empty-file"),
        pytest.param("a.csv", text("\n\n"), "the file has no header", id="only-blank-lines"),
        pytest.param(
            "a.csv",
            text("customer,moment,amount\n"),
            "no row was accepted: 0 read",
            id="only-header",
        ),
        pytest.param(
            "a.csv", text("x,2020-01-01,5\n"), "no column `customer`", id="without-header"
        ),
        pytest.param(
            "a.csv",
            text("custmer,moment,amount\nx,2020-01-01,5\n"),
            "no column `customer` .did you mean `custmer`",
            id="renamed-column",
        ),
        pytest.param(
            "a.csv",
            text("customer,moment,amount,Amount\nx,2020-01-01,5,5\n"),
            "two columns are called `Amount`",
            id="two-columns-of-one-name",
        ),
        pytest.param(
            "a.csv", text(GOOD.replace("x", "é").encode("latin-1")), "not UTF-8", id="latin-1"
        ),
        pytest.param("a.csv", text(GOOD.encode("utf-16")), "not UTF-8", id="utf-16"),
        pytest.param(
            "a.csv",
            text(GOOD + "z,2020-01-01,5\n" * 90 + 'z,"2020-01-01,5\n' + "z,2020-01-01,5\n" * 10),
            r"a quote is never closed",
            id="quote-never-closed",
        ),
        pytest.param(
            "a.csv",
            text(GOOD + "z,2020-01-01,5\n" * 90 + 'z,2020-01-01,"5\n' + "z,2020-01-01,5\n" * 10),
            r"a quote is never closed",
            id="quote-of-the-last-cell-never-closed",
        ),
        pytest.param("a.csv.gz", cut_gzip, "cut off or damaged", id="cut-gzip"),
        pytest.param("a.csv.gz", text(GOOD), "cut off or damaged", id="not-gzip"),
        pytest.param("a.parquet", text(GOOD), "not a Parquet file", id="not-parquet"),
        pytest.param("a.parquet", truncated_parquet, "cut off or damaged", id="cut-parquet"),
        pytest.param("a.parquet", flipped_parquet, "cut off or damaged", id="flipped-parquet"),
        pytest.param(
            "a.parquet",
            lambda path: parquet(path, amount=["5"]),
            r"amount \* 2` does not fit the columns' types",
            id="text-where-a-number-is-needed",
        ),
        pytest.param(
            "a.parquet",
            lambda path: parquet(path, moment=[["2020-01-01"]]),
            "ordered_at: gives VARCHAR\\[\\], which is not a time",
            id="list-for-a-time",
        ),
        pytest.param(
            "a.parquet",
            lambda path: parquet(path, customer=[{"id": "x"}]),
            "customer_id: gives STRUCT",
            id="record-for-an-id",
        ),
        pytest.param("a.jsonl", text('[{"customer": "x"}]'), "one JSON array", id="json-array"),
        pytest.param("a.jsonl", text("nothing\nhere\n"), "no line is a JSON object", id="not-json"),
        pytest.param("a.duckdb", text("no database"), "not a DuckDB file", id="not-duckdb"),
    ],
)
def test_a_broken_file_is_one_readable_error(tmp_path, name, make, words):
    """Names the file or field, says what was expected and what to do, and harms nothing."""
    market = SmallMarket(tmp_path)
    market.map("orders", market.write_csv("good.csv", GOOD), ORDERS)
    market.ingest()
    kept = open_accepted(market.workspace)
    make(tmp_path / name)
    amount = "amount * 2" if name.endswith("parquet") else "amount"
    market.workspace = SmallMarket(tmp_path).workspace
    market.map("orders", name, {**ORDERS, "amount": amount}, table="t")
    with pytest.raises(BadInput, match=words) as error:
        market.ingest()
    assert "Expected: " in str(error.value)
    assert "To fix: " in str(error.value)
    assert open_accepted(market.workspace) == kept
    assert len(market.accepted("orders")) == 2


@pytest.mark.parametrize(
    ("content", "faults", "rows"),
    [
        pytest.param("z,2020-01-01\n", {"row: ragged_row": 1}, [3], id="too-few-cells"),
        pytest.param("z,2020-01-01,5,6\n", {"row: ragged_row": 1}, [3], id="too-many-cells"),
        pytest.param(
            "z\n" + "q,2020-01-03,5\n" + ",2020-01-03,5\n",
            {"row: ragged_row": 1, "customer_id: missing": 1},
            [3, 5],
            id="numbers-go-on-after-a-broken-row",
        ),
        pytest.param("\n\n,2020-01-03,5\n", {"customer_id: missing": 1}, [3], id="blank-lines"),
        pytest.param(",,\n", {"customer_id: missing": 1}, [3], id="only-separators"),
        pytest.param('"z\nz",2020-01-03,\n', {"amount: missing": 1}, [3], id="cell-of-two-lines"),
        pytest.param("z,2020-01-03,5\x00\n", {"amount: not_a_number": 1}, [3], id="nul-character"),
    ],
)
def test_a_broken_row_of_a_csv_is_quarantined_under_its_number(tmp_path, content, faults, rows):
    """Rows are counted as rows, blank lines apart; the others are accepted."""
    market = SmallMarket(tmp_path, quarantine_limit=0.9)
    market.map("orders", market.write_csv("a.csv", GOOD + content), ORDERS)
    report = market.ingest().sources[0]
    assert report.faults == faults
    assert [line["row"] for line in market.quarantine("orders")] == rows
    assert report.adds_up


def test_a_broken_line_of_json_is_quarantined_under_its_number(tmp_path):
    """A line that is no object, or cut off, is one faulty row."""
    good = '{"customer": "x", "moment": "2020-01-01", "amount": 5}\n'
    market = SmallMarket(tmp_path, quarantine_limit=0.9)
    market.write_csv("a.jsonl", good + '{"customer": "y", \n' + "[1]\n" + "\x01\n" + good)
    market.map("orders", "a.jsonl", ORDERS)
    report = market.ingest().sources[0]
    assert report.faults == {"row: not_json": 2, "row: ragged_row": 1}
    assert [line["row"] for line in market.quarantine("orders")] == [2, 3, 4]
    assert (report.read, report.accepted, report.duplicate) == (5, 1, 1)


def test_a_column_missing_from_one_of_the_files_is_named_with_it(tmp_path):
    """A file whose schema has drifted is not filled with nulls."""
    market = SmallMarket(tmp_path)
    market.write_csv("a.csv", GOOD)
    market.write_csv("b.csv", "customer,moment,sum\nz,2020-01-01,5\n")
    market.map("orders", "*.csv", ORDERS)
    with pytest.raises(BadInput, match=r"b.csv: no column `amount`"):
        market.ingest()


def test_files_with_other_types_in_a_column_are_read_together(tmp_path):
    """Whole and broken numbers, text and numbers as ids: the type that holds both."""
    market = SmallMarket(tmp_path)
    parquet(tmp_path / "a.parquet", customer=[7], amount=[5])
    parquet(tmp_path / "b.parquet", customer=["007"], amount=[5.5])
    market.map("orders", "*.parquet", ORDERS)
    market.ingest()
    assert [row["customer_id"] for row in market.accepted("orders")] == ["007", "7"]


def test_all_faults_of_all_sources_are_told_at_once(tmp_path):
    """Nobody likes fixing three faults in three runs."""
    market = SmallMarket(tmp_path)
    market.map("orders", market.write_csv("a.csv", GOOD), {**ORDERS, "amount": "price"})
    market.map("orders", "b.csv", ORDERS)
    market.map("orders", market.write_csv("c.csv", GOOD), ORDERS, where="price > 0")
    market.map("orders", market.write_csv("d.csv", orders_csv("x,never,5")), ORDERS)
    with pytest.raises(Faults) as error:
        market.ingest()
    places = [fault.where for fault in error.value.faults]
    assert places == [
        "forestay.yaml, field sources.orders[0].columns.amount",
        "forestay.yaml, field sources.orders[1].uri",
        "forestay.yaml, field sources.orders[2].where",
        "sources.orders[3]",
    ]


def test_a_where_that_keeps_nothing_says_so(tmp_path):
    """Zero rows of a table that tells about customers is an error with its counts."""
    market = SmallMarket(tmp_path)
    market.map("orders", market.write_csv("a.csv", GOOD), ORDERS, where="amount > 100")
    with pytest.raises(
        BadInput, match="no row was accepted: 2 read, 2 filtered by `where`, 0 faulty"
    ):
        market.ingest()


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        pytest.param(
            {"features": ("agee",)}, "no column `agee` .did you mean `age`", id="features"
        ),
        pytest.param({"features": "*", "exclude": ("agee",)}, "no column `agee`", id="except"),
        pytest.param({"features": ("known_at",)}, "one of Forestay's own", id="our-name"),
    ],
)
def test_a_list_of_features_that_cannot_be_is_refused(tmp_path, listed, words):
    """Names of features are checked against the file's columns."""
    market = SmallMarket(tmp_path)
    market.write_csv("p.csv", "id,age,known_at\na,3,4\n")
    columns = {"customer_id": "id", "observed_at": "DATE '2020-01-01'"}
    market.map("profiles", "p.csv", columns, **listed)
    with pytest.raises(BadInput, match=words):
        market.ingest()


def test_errors_never_show_values_of_cells(tmp_path):
    """Whatever is wrong with a row, its text stays out of the message."""
    market = SmallMarket(tmp_path)
    secret = "Jane Doe 1970"
    market.write_csv("a.csv", orders_csv(*[f"{secret},{secret},{secret}"] * 3))
    market.map("orders", "a.csv", {**ORDERS, "ordered_at": "strptime(moment, '%d/%m/%Y')"})
    with pytest.raises(ForestayError) as error:
        market.ingest()
    assert "Jane" not in str(error.value)


def test_a_time_of_year_three_hundred_thousand_is_an_error_of_the_file(tmp_path):
    """Seconds that no microsecond can count are named with their file."""
    far = pa.array([2**53], pa.timestamp("s"))
    table = pa.table({"customer": ["x"], "moment": far, "amount": [1.0]})
    pq.write_table(table, tmp_path / "a.parquet", version="2.6")
    market = SmallMarket(tmp_path)
    market.map("orders", "a.parquet", ORDERS)
    with pytest.raises(BadInput, match=r"a\.parquet|not_a_time"):
        market.ingest()


@pytest.mark.parametrize("where", ["customer", "customer || 'x'", "DATE '2020-01-01'"])
def test_a_where_that_is_no_condition_is_refused(tmp_path, where):
    """It would fail on the first value, with that value in the message."""
    market = SmallMarket(tmp_path)
    market.map("orders", market.write_csv("a.csv", GOOD), ORDERS, where=where)
    with pytest.raises(BadInput, match="neither true nor false"):
        market.ingest()
