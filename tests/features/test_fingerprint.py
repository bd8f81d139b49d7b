"""Fingerprints of content: order and layout do not matter, everything visible does."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from features.accepted import open_accepted
from features.fingerprint import fingerprint_table, visible_fingerprints
from features.workspace import OwnFeature
from tests.small_market import ORDERS, SmallMarket, orders_csv

DAYS = [datetime(2020, 1, n, tzinfo=UTC) for n in range(1, 32)]
CASES = {
    "interaction_id": "n",
    "customer_id": "customer",
    "occurred_at": "moment",
    "known_at": "known",
    "kind": "'complaint'",
    "resolved_at": "resolved",
    "satisfaction": "rating",
}


def visible(folder, lines, **more) -> dict[int, str]:
    """Fingerprint before each day of January 2020, for interactions given as CSV lines."""
    folder.mkdir(exist_ok=True)
    market = SmallMarket(folder, **more)
    text = "\n".join(["n,customer,moment,known,resolved,rating", *lines]) + "\n"
    market.map("interactions", market.write_csv("i.csv", text), CASES)
    market.ingest()
    found = visible_fingerprints(open_accepted(market.workspace), DAYS)
    return {day.day: found[day] for day in DAYS}


def days_that_differ(one: dict[int, str], other: dict[int, str]) -> list[int]:
    """Days before which other content is visible."""
    return [day for day in one if one[day] != other[day]]


FIRST = "1,x,2020-01-02,2020-01-02,,"


@pytest.mark.parametrize(
    ("more", "days"),
    [
        pytest.param("2,y,2020-01-05,2020-01-05,,", range(6, 32), id="row-enters-after-its-event"),
        pytest.param("2,y,2020-01-05,2020-01-20,,", range(21, 32), id="row-enters-when-known"),
        pytest.param("2,y,2020-01-20,2020-01-05,,", range(21, 32), id="known-before-it-happens"),
        pytest.param("1,x,2020-01-02,2020-01-10,,", range(32, 32), id="same-version-again"),
        pytest.param(
            "1,y,2020-01-02,2020-01-10,,", range(11, 32), id="version-to-another-customer"
        ),
    ],
)
def test_a_row_changes_exactly_the_dates_it_is_visible_at(tmp_path, more, days):
    """Strictly before: a row of day 5 is visible from day 6 on."""
    before, after = visible(tmp_path / "a", [FIRST]), visible(tmp_path / "b", [FIRST, more])
    assert days_that_differ(before, after) == list(days)


def test_late_columns_enter_at_their_own_time(tmp_path):
    """A rating given with the resolution is not visible before it."""
    one = visible(tmp_path / "a", ["1,x,2020-01-02,2020-01-02,2020-01-10,0.5"])
    other = visible(tmp_path / "b", ["1,x,2020-01-02,2020-01-02,2020-01-10,0.9"])
    assert days_that_differ(one, other) == list(range(11, 32))


def test_a_late_column_without_its_time_is_visible_at_once(tmp_path):
    """Where no resolution is given, a rating is known with its row."""
    one = visible(tmp_path / "a", ["1,x,2020-01-02,2020-01-02,,0.5"])
    other = visible(tmp_path / "b", ["1,x,2020-01-02,2020-01-02,,0.9"])
    assert days_that_differ(one, other) == list(range(3, 32))


def test_own_features_of_late_columns_are_late(tmp_path):
    """What is made of a rating is known when the rating is."""

    def features(column):
        return (OwnFeature(name="mood", table="interactions", aggregate="mean", column=column),)

    line = ["1,x,2020-01-02,2020-01-02,2020-01-10,0.5"]
    one = visible(tmp_path / "a", line, features=features("satisfaction"))
    other = visible(tmp_path / "b", line, features=features("satisfaction * 2"))
    assert days_that_differ(one, other) == list(range(11, 32))


def test_the_order_of_rows_does_not_matter(tmp_path):
    """Rows with ids may come in any order."""
    lines = [f"{i},x{i},2020-01-{i + 1:02d},2020-01-{i + 1:02d},," for i in range(20)]
    assert visible(tmp_path / "a", lines) == visible(tmp_path / "b", lines[::-1])


def test_columns_that_do_not_count_change_nothing(tmp_path):
    """With columns named, only those are compared."""
    prints = []
    for folder, amount in (("a", 5), ("b", 6)):
        (tmp_path / folder).mkdir()
        market = SmallMarket(tmp_path / folder)
        text = orders_csv(f"x,2020-01-01,{amount}")
        market.map("orders", market.write_csv("a.csv", text), ORDERS)
        market.ingest()
        accepted = open_accepted(market.workspace)
        counted = {"orders": ["customer_id", "ordered_at"]}
        prints.append(
            (
                visible_fingerprints(accepted, DAYS[2:3], counted),
                visible_fingerprints(accepted, DAYS[2:3]),
            )
        )
    assert prints[0][0] == prints[1][0]
    assert prints[0][1] != prints[1][1]


def test_all_columns_named_are_as_all_columns_stored(tmp_path):
    """The stored hashes are those of the columns."""
    market = SmallMarket(tmp_path)
    lines = ["1,x,2020-01-02,2020-01-02,2020-01-10,0.5", "2,y,2020-01-02,2020-01-03,,0.5"]
    text = "\n".join(["n,customer,moment,known,resolved,rating", *lines]) + "\n"
    market.map("interactions", market.write_csv("i.csv", text), CASES)
    market.ingest()
    accepted = open_accepted(market.workspace)
    names = [
        n for n in market.accepted("interactions")[0] if n not in ("known_at", "superseded_at")
    ]
    counted = visible_fingerprints(accepted, DAYS, {"interactions": names})
    assert counted == visible_fingerprints(accepted, DAYS)


def test_attributes_of_customers_make_nothing_stale(tmp_path):
    """They have no history; who there is, and since when, does count."""
    prints = []
    for folder, row in (("a", "x,Leeds"), ("b", "x,York"), ("c", "y,York")):
        (tmp_path / folder).mkdir()
        market = SmallMarket(tmp_path / folder)
        market.map("orders", market.write_csv("a.csv", orders_csv("x,2020-01-01,5")), ORDERS)
        market.write_csv("c.csv", f"id,town\n{row}\n")
        market.map("customers", "c.csv", {"customer_id": "id", "region": "town"})
        market.ingest()
        prints.append(visible_fingerprints(open_accepted(market.workspace), DAYS))
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"a": ["x", "y"]}, {"a": ["x", "x"]}, id="another-value"),
        pytest.param({"a": ["x", None]}, {"a": ["x", ""]}, id="null-is-not-empty"),
        pytest.param({"a": ["x"], "b": ["yz"]}, {"a": ["xy"], "b": ["z"]}, id="cells-do-not-flow"),
        pytest.param({"a": ["x"], "b": [None]}, {"a": [None], "b": ["x"]}, id="another-column"),
        pytest.param({"a": ["x", "x"]}, {"a": ["x", "x", "x", "x"]}, id="another-number-of-copies"),
        pytest.param({"a": [1.0]}, {"a": [1.0000000000000002]}, id="last-digit"),
        pytest.param({"a": ["x=1:y"]}, {"a": ["x"], "1:y": [None]}, id="text-that-looks-like-text"),
    ],
)
def test_other_content_has_another_fingerprint(one, other):
    """What is different reads different."""
    assert fingerprint_table(pa.table(one)) != fingerprint_table(pa.table(other))


def test_a_fingerprint_is_the_same_in_a_year(tmp_path):
    """Written down once: another version of DuckDB or Arrow must not change it."""
    table = pa.table(
        {
            "id": ["x", None],
            "at": pa.array([datetime(2020, 1, 1, tzinfo=UTC)] * 2, pa.timestamp("us", tz="UTC")),
            "number": [0.1, -0.0],
            "flag": [True, None],
        }
    )
    assert fingerprint_table(table) == "cf22ca905260a6eebacb1016cea75f72"
