"""Times: local clocks to instants, dates to midnights, and everything that is no time."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import BadInput
from tests.small_market import ORDERS, SmallMarket, orders_csv


def ordered_at(market: SmallMarket, *moments: str) -> list[datetime]:
    """Instants (naive UTC) of orders whose times are written like this."""
    market.write_csv("a.csv", orders_csv(*(f"{i},{m},1" for i, m in enumerate(moments))))
    market.map("orders", "a.csv", ORDERS)
    market.ingest()
    rows = sorted(market.accepted("orders"), key=lambda row: row["customer_id"])
    return [row["ordered_at"] for row in rows]


@pytest.mark.parametrize(
    ("zone", "written", "instant"),
    [
        pytest.param("UTC", "2011-03-27 01:30:00", "2011-03-27 01:30:00", id="utc"),
        pytest.param("Europe/London", "2011-01-05 12:00:00", "2011-01-05 12:00:00", id="winter"),
        pytest.param("Europe/London", "2011-07-05 12:00:00", "2011-07-05 11:00:00", id="summer"),
        # 30 October 2011, 02:00 BST -> 01:00 GMT: 01:30 happens twice, at 00:30 and 01:30 UTC.
        pytest.param(
            "Europe/London", "2011-10-30 01:30:00", "2011-10-30 00:30:00", id="autumn-earlier"
        ),
        pytest.param(
            "Europe/London", "2011-10-30 00:59:59", "2011-10-29 23:59:59", id="before-autumn"
        ),
        pytest.param(
            "Europe/London", "2011-10-30 02:00:00", "2011-10-30 02:00:00", id="after-autumn"
        ),
        pytest.param(
            "Europe/London", "2011-03-27 02:00:00", "2011-03-27 01:00:00", id="after-spring"
        ),
        pytest.param("Europe/London", "2012-02-29 23:59:59", "2012-02-29 23:59:59", id="leap-day"),
        pytest.param(
            "Australia/Lord_Howe",
            "2024-04-07 01:45:00",
            "2024-04-06 14:45:00",
            id="half-hour-change",  # 02:00 (+11:00) -> 01:30 (+10:30): the earlier is at +11:00
        ),
        pytest.param(
            "Asia/Kathmandu", "2020-01-01 05:45:00", "2020-01-01 00:00:00", id="odd-offset"
        ),
        pytest.param("Europe/London", "2011-07-05", "2011-07-04 23:00:00", id="date-is-midnight"),
        # Clocks went from 00:00 to 01:00: the day began at 01:00 (-02:00).
        pytest.param(
            "America/Sao_Paulo", "2018-11-04", "2018-11-04 03:00:00", id="midnight-that-is-missing"
        ),
        pytest.param(
            "Europe/London", "2011-07-05T12:00:00Z", "2011-07-05 12:00:00", id="aware-wins"
        ),
        pytest.param(
            "Europe/London", "2011-07-05 12:00:00+02:00", "2011-07-05 10:00:00", id="offset"
        ),
        pytest.param("UTC", "2011-07-05T12:00+0530", "2011-07-05 06:30:00", id="no-seconds"),
        pytest.param(
            "UTC", "2011-07-05 12:00:00.123456", "2011-07-05 12:00:00.123456", id="microseconds"
        ),
        pytest.param("UTC", "1900-01-01", "1900-01-01 00:00:00", id="first-year"),
    ],
)
def test_a_written_time_is_an_instant(tmp_path, zone, written, instant):
    """Naive times are clocks of the workspace; ambiguous hours take the earlier instant."""
    market = SmallMarket(tmp_path, time_zone=zone)
    assert [str(at) for at in ordered_at(market, written)] == [instant]


@pytest.mark.parametrize(
    ("zone", "written", "fault"),
    [
        pytest.param("Europe/London", "2011-03-27 01:00:00", "missing_spring_hour", id="gap-start"),
        pytest.param("Europe/London", "2011-03-27 01:59:59", "missing_spring_hour", id="gap-end"),
        pytest.param("UTC", "2011-02-29", "not_a_time", id="no-leap-day"),
        pytest.param("UTC", "2011-13-01", "not_a_time", id="no-month"),
        pytest.param("UTC", "soon", "not_a_time", id="word"),
        pytest.param("UTC", "1324567890", "not_a_time", id="number-of-seconds"),
        pytest.param("UTC", "infinity", "not_a_time", id="infinity"),
        pytest.param("UTC", "1899-12-30", "before_1900", id="spreadsheet-zero"),
        pytest.param("UTC", "0001-01-01", "before_1900", id="year-one"),
        pytest.param("UTC", "9999-12-31", "out_of_range", id="end-of-time"),
        pytest.param("UTC", "  ", "missing", id="spaces"),
        pytest.param("UTC", "", "missing", id="empty"),
    ],
)
def test_what_is_no_instant_is_quarantined(tmp_path, zone, written, fault):
    """Each kind of fault has its word."""
    market = SmallMarket(tmp_path, time_zone=zone, quarantine_limit=0.5)
    market.write_csv("a.csv", orders_csv("x,2011-01-01 00:00:00,1", f"y,{written},1"))
    market.map("orders", "a.csv", ORDERS)
    assert market.ingest().sources[0].faults == {f"ordered_at: {fault}": 1}


def test_a_source_may_have_its_own_time_zone(tmp_path):
    """Its clocks are read there; the workspace's midnight stays."""
    market = SmallMarket(tmp_path, time_zone="Europe/London")
    market.write_csv("a.csv", orders_csv("x,2011-07-05 09:00:00,1"))
    market.map("orders", "a.csv", ORDERS, time_zone="Asia/Shanghai")
    market.ingest()
    assert market.accepted("orders")[0]["ordered_at"] == datetime(2011, 7, 5, 1)  # noqa: DTZ001 - naive UTC


def test_typed_times_of_every_unit_are_read(tmp_path):
    """Seconds, nanoseconds, dates and aware times of Parquet give the same instant."""
    midnight = datetime(2020, 1, 1, tzinfo=UTC)
    columns = {
        "seconds": pa.array([midnight.replace(tzinfo=None)], pa.timestamp("s")),
        "nanos": pa.array([midnight.replace(tzinfo=None)], pa.timestamp("ns")),
        "day": pa.array([midnight.date()], pa.date32()),
        "aware": pa.array([midnight], pa.timestamp("ms", tz="Asia/Shanghai")),
    }
    pq.write_table(pa.table({**columns, "customer": ["x"]}), tmp_path / "a.parquet")
    market = SmallMarket(tmp_path)
    for column in columns:
        mapped = {"customer_id": f"'{column}'", "ordered_at": column, "amount": "1"}
        market.map("orders", "a.parquet", mapped)
    market.ingest()
    assert {row["ordered_at"] for row in market.accepted("orders")} == {
        midnight.replace(tzinfo=None)
    }


def test_an_agreed_end_may_lie_far_ahead(tmp_path):
    """Only event times must lie before the present."""
    market = SmallMarket(tmp_path)
    market.write_csv("c.csv", "id,customer,start,finish\nc1,x,2020-01-01,2199-12-31\n")
    columns = {"contract_id": "id", "customer_id": "customer", "starts_at": "start"}
    market.map("contracts", "c.csv", {**columns, "ends_at": "finish"})
    market.ingest()
    assert market.accepted("contracts")[0]["ends_at"].year == 2199


def test_a_number_is_no_time_and_the_remedy_says_what_to_write(tmp_path):
    """Seconds since 1970 must be said to be that."""
    market = SmallMarket(tmp_path)
    market.write_rows("a.parquet", [{"customer": "x", "moment": 1_324_567_890, "amount": 1.0}])
    market.map("orders", "a.parquet", ORDERS)
    with pytest.raises(BadInput, match=r"ordered_at: gives BIGINT.*\n.*\n.*to_timestamp"):
        market.ingest()


def test_day_first_dates_are_found_where_they_can_only_be_that(tmp_path):
    """A 13th tells day first from month first."""
    market = SmallMarket(tmp_path)
    assert [str(t) for t in ordered_at(market, "01/02/2011 10:00", "13/02/2011 11:30")] == [
        "2011-02-01 10:00:00",
        "2011-02-13 11:30:00",
    ]


def test_dates_that_could_be_either_are_not_guessed(tmp_path):
    """Nothing says whether 01/02 is in January or February: the user must."""
    market = SmallMarket(tmp_path)
    with pytest.raises(BadInput, match="not_a_time"):
        ordered_at(market, "01/02/2011", "03/04/2011")


def test_a_format_given_by_the_user_is_used(tmp_path):
    """Strptime works on the text as it stands, also where the type was found already."""
    market = SmallMarket(tmp_path)
    market.write_csv("a.csv", orders_csv("x,13/02/2011,1", "y,01/02/2011,1"))
    market.map("orders", "a.csv", {**ORDERS, "ordered_at": "strptime(moment, '%d/%m/%Y')"})
    market.ingest()
    assert {str(row["ordered_on"]) for row in market.accepted("orders")} == {
        "2011-02-13",
        "2011-02-01",
    }


def test_an_expression_that_fails_for_a_row_quarantines_that_row(tmp_path):
    """A bad text in strptime stops nothing but its own row; a missing one is only missing."""
    market = SmallMarket(tmp_path, quarantine_limit=0.9)
    market.write_csv("a.csv", orders_csv("x,13/02/2011,1", "y,soon,1", "z,,1"))
    market.map("orders", "a.csv", {**ORDERS, "ordered_at": "strptime(moment, '%d/%m/%Y')"})
    assert market.ingest().sources[0].faults == {
        "ordered_at: expression_failed": 1,
        "ordered_at: missing": 1,
    }


def test_a_where_that_fails_for_a_row_drops_nothing_silently(tmp_path):
    """Whether the row belongs cannot be known, so it is quarantined."""
    market = SmallMarket(tmp_path, quarantine_limit=0.5)
    market.write_csv("a.csv", orders_csv("x,2020-01-01,1", "y,2020-01-01,none"))
    market.map("orders", "a.csv", ORDERS, where="CAST(amount AS VARCHAR)::INTEGER > 0")
    report = market.ingest().sources[0]
    assert (report.filtered, report.faults) == (0, {"where: expression_failed": 1})
