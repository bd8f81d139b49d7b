"""Queries over customer buckets: in order, the same whoever runs them, and never damaged."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from features.errors import BrokenRecord
from features.runner import collect, collect_all
from tests.oracles.accepted_data import bucket_of, write_accepted

WHEN = datetime(2024, 1, 1, tzinfo=UTC)
PEOPLE = [f"c{number}" for number in range(40)]
ORDERS = [
    {"customer_id": person, "ordered_at": WHEN, "order_id": person, "amount": 1}
    for person in PEOPLE
]
SQL = "SELECT customer_id, amount FROM orders ORDER BY customer_id"


def test_results_come_in_the_order_of_buckets(tmp_path):
    """Whichever job is first, the reader sees bucket 0, 1, 2, ..."""
    accepted = write_accepted(tmp_path, {"orders": ORDERS}, buckets=8)
    found = list(collect(accepted, SQL, ["orders"]))
    assert [bucket for bucket, _ in found] == list(range(8))
    for bucket, table in found:
        assert all(bucket_of(person, 8) == bucket for person in table["customer_id"].to_pylist())


@pytest.mark.parametrize("buckets", [1, 3, 8])
def test_the_answer_does_not_depend_on_the_number_of_buckets(tmp_path, buckets):
    """Everything is per customer, so buckets only divide the work."""
    accepted = write_accepted(tmp_path, {"orders": ORDERS}, buckets=buckets)
    answer = pa.concat_tables(table for _, table in collect(accepted, SQL, ["orders"]))
    assert sorted(answer["customer_id"].to_pylist()) == sorted(PEOPLE)


def test_some_buckets_only(tmp_path):
    """A caller may ask for a few buckets, in its own order."""
    accepted = write_accepted(tmp_path, {"orders": ORDERS}, buckets=4)
    assert [bucket for bucket, _ in collect(accepted, SQL, ["orders"], buckets=[3, 1])] == [3, 1]


def test_only_the_named_columns_are_read(tmp_path):
    """A mapping names the columns of each table; others are not there."""
    accepted = write_accepted(tmp_path, {"orders": ORDERS})
    columns = {"orders": ["customer_id", "amount"]}
    (first, *_) = collect(accepted, "SELECT * FROM orders", columns)
    assert first[1].column_names == ["customer_id", "amount"]


def test_several_queries_share_one_reading(tmp_path):
    """Each bucket gives one answer per query."""
    accepted = write_accepted(tmp_path, {"orders": ORDERS})
    queries = ["SELECT count(*) AS n FROM orders", "SELECT sum(amount) AS n FROM orders"]
    for _, (count, total) in collect_all(accepted, queries, ["orders"]):
        assert count["n"].to_pylist() == [int(total["n"].to_pylist()[0])]


def test_damaged_data_stop_the_run(tmp_path):
    """What a job meets reaches the caller as it was raised."""
    accepted = write_accepted(tmp_path, {"orders": ORDERS})
    path = tmp_path / "orders" / "bucket=001.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BrokenRecord, match="bucket=001"):
        list(collect(accepted, SQL, ["orders"]))


def test_a_reader_may_stop_early(tmp_path):
    """Jobs not started are dropped; nothing hangs."""
    accepted = write_accepted(tmp_path, {"orders": ORDERS}, buckets=8)
    results = collect(accepted, SQL, ["orders"])
    assert next(results)[0] == 0
    results.close()
