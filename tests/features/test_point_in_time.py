"""Where exactly the line between past and future is drawn."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import duckdb
import ibis
import pyarrow as pa
import pytest

from features.point_in_time import instant, known_by, visible
from features.tables import CUSTOMERS, INTERACTIONS

AS_OF = datetime(2024, 3, 1, tzinfo=UTC)
TINY = timedelta(microseconds=1)
COLUMNS = {
    "customer_id": ("string", pa.string()),
    "occurred_at": ("timestamp", pa.timestamp("us")),
    "known_at": ("timestamp", pa.timestamp("us")),
    "superseded_at": ("timestamp", pa.timestamp("us")),
    "resolved_at": ("timestamp", pa.timestamp("us")),
    "satisfaction": ("decimal(18, 4)", pa.decimal128(18, 4)),
}
ROWS = ibis.table({name: types[0] for name, types in COLUMNS.items()}, name="interactions")


def answer(expression, **row):
    """Rows of the expression over one row; what is not given happened a day before."""
    before = AS_OF - timedelta(days=1)
    row = {"customer_id": "a", "occurred_at": before, "known_at": before} | row
    naive = {n: v.replace(tzinfo=None) if isinstance(v, datetime) else v for n, v in row.items()}
    schema = pa.schema([(name, types[1]) for name, types in COLUMNS.items()])
    with duckdb.connect() as connection:
        connection.register("interactions", pa.Table.from_pylist([naive], schema=schema))
        return (
            connection.execute(ibis.to_sql(expression, dialect="duckdb"))
            .to_arrow_table()
            .to_pylist()
        )


SEEN = visible(ROWS, INTERACTIONS, AS_OF)


@pytest.mark.parametrize("column", ["occurred_at", "known_at"])
def test_a_row_at_the_cutoff_is_not_seen_and_one_just_before_it_is(column):
    """Both times must lie strictly before the cutoff."""
    assert answer(SEEN, **{column: AS_OF}) == []
    assert len(answer(SEEN, **{column: AS_OF - TINY})) == 1


def test_a_version_counts_until_its_correction_is_known():
    """A correction known at the cutoff has not been read yet: the old version still counts."""
    assert len(answer(SEEN, superseded_at=AS_OF)) == 1
    assert answer(SEEN, superseded_at=AS_OF - TINY) == []


def test_what_a_closing_makes_known_reads_null_until_then():
    """Satisfaction is known with the closing time, where there is one."""
    score = Decimal("0.5000")
    (hidden,) = answer(SEEN, resolved_at=AS_OF, satisfaction=score)
    assert (hidden["resolved_at"], hidden["satisfaction"]) == (None, None)
    (known,) = answer(SEEN, resolved_at=AS_OF - TINY, satisfaction=score)
    assert known["satisfaction"] == score
    (without,) = answer(SEEN, resolved_at=None, satisfaction=score)
    assert without["satisfaction"] == score


def test_a_late_column_without_its_time_is_refused():
    """Leaving out the time that makes a column known would leak, so it is an error."""
    with pytest.raises(Exception, match="resolved_at"):
        visible(ROWS.drop("resolved_at"), INTERACTIONS, AS_OF)


def test_customers_without_a_joining_date_are_always_there():
    """Attributes have no history; only a joining date in the future hides a customer."""
    people = ROWS.rename(joined_at="occurred_at")
    seen = visible(people, CUSTOMERS, AS_OF)
    assert len(answer(seen, occurred_at=None, known_at=None)) == 1
    assert answer(seen, occurred_at=AS_OF, known_at=None) == []


def test_labels_read_the_newest_version_known_by_the_present():
    """At the present itself a row is known, and a version superseded at it is not the newest."""
    known = known_by(ROWS, AS_OF)
    assert len(answer(known, known_at=AS_OF)) == 1
    assert answer(known, known_at=AS_OF + TINY) == []
    assert answer(known, superseded_at=AS_OF) == []
    assert len(answer(known, superseded_at=AS_OF + TINY)) == 1


def test_an_instant_is_exact_to_the_microsecond():
    """Instants travel as text; as seconds in floating point they would be rounded."""
    moment = datetime(2024, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    with duckdb.connect() as connection:
        sql = ibis.to_sql(instant(moment).name("at"), dialect="duckdb")
        assert connection.execute(sql).fetchall() == [(moment.replace(tzinfo=None),)]
