# ruff: noqa: D103 - the words that tests are said in
"""A few customers by hand: beside each number, the sum that gives it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from features.catalogue import catalogue_for
from features.compute import declared_tables, features, needed_columns
from features.feature_rows import feature_queries, feature_rows
from features.runner import collect
from features.workspace import OwnFeature, Workspace
from tests.oracles.accepted_data import write_accepted

AS_OF = datetime(2024, 3, 1, tzinfo=UTC)


def days_before(days, as_of=AS_OF):
    return as_of - timedelta(days=days)


def order(order_id, days, amount=10, **more):
    row = {"customer_id": "a", "ordered_at": days_before(days), "order_id": order_id}
    return row | {"amount": amount} | more


def case(days, **more):
    row = {"customer_id": "a", "occurred_at": days_before(days), "kind": "complaint"}
    return row | {"interaction_id": str(days)} | more


def contract(contract_id, starts, **more):
    row = {"customer_id": "a", "contract_id": contract_id, "starts_at": days_before(starts)}
    return row | {"price": 10} | more


def row_of(folder, tables, *, customer="a", own=(), extra=None, time_zone="UTC"):
    accepted = write_accepted(folder, tables, extra=extra, time_zone=time_zone)
    workspace = Workspace(folder=Path(), name="x", sources={}, targets={}, features=own)
    catalogue = catalogue_for(accepted, workspace)
    rows = [
        row
        for _, (table,) in feature_rows(accepted, catalogue, [AS_OF])
        for row in table.to_pylist()
    ]
    return next((row for row in rows if row["customer_id"] == customer), None)


def test_recency_frequency_and_money(tmp_path):
    """Orders 100, 40 and 10 days ago: 2 in 90 days worth 15, gaps of 60 and 30 days."""
    orders = [order("1", 100, 20), order("2", 40, 5), order("3", 10, 10)]
    row = row_of(tmp_path, {"orders": orders})
    assert row["recency_days"] == 10
    assert (row["orders_count_90d"], row["orders_count"]) == (2, 3)
    assert (row["amount_total_90d"], row["amount_total"]) == (15, 35)
    assert row["gap_mean_days"] == (60 + 30) / 2
    assert row["gap_last_ratio"] == 30 / 45
    assert row["recency_gap_ratio"] == 10 / 45
    assert row["gap_deviation_days"] == pytest.approx(
        (((60 - 45) ** 2 + (30 - 45) ** 2) / 1) ** 0.5
    )
    assert row["orders_trend_90d"] == (2 - 1) / (2 + 1)


def test_lines_of_one_order_add_up_at_its_earliest_line(tmp_path):
    """The window ends 7 days ago: the order began 8 days ago, so none of it lies inside."""
    row = row_of(tmp_path, {"orders": [order("1", 8, 4), order("1", 6, 5)]})
    assert (row["orders_count_7d"], row["amount_total_7d"]) == (0, 0)
    assert (row["orders_count_30d"], row["amount_total_30d"]) == (1, 9)


def test_a_return_is_no_purchase(tmp_path):
    """One order of 20, one return of 8: one return per order."""
    orders = [order("1", 20, 20), order("2", 5, -8, is_return=True)]
    row = row_of(tmp_path, {"orders": orders})
    assert (row["orders_count"], row["amount_total"], row["recency_days"]) == (1, 20, 20)
    assert (row["returns_count_90d"], row["returns_total_365d"]) == (1, 8)
    assert row["returns_rate_365d"] == 1 / 1


def test_a_customer_with_returns_only_is_potential(tmp_path):
    """No purchase is visible, so there is no recency; counts are 0."""
    row = row_of(tmp_path, {"orders": [order("1", 5, -8, is_return=True)]})
    assert (row["recency_days"], row["orders_count"]) == (None, 0)
    assert row["lifecycle_stage"] == "potential"


def test_two_orders_on_one_local_day_make_no_gap(tmp_path):
    """At 15:30 and 16:30 UTC: one day in London, but midnight in Shanghai lies between."""
    orders = [
        order("1", 0, ordered_at=datetime(2024, 2, 1, 15, 30, tzinfo=UTC)),
        order("2", 0, ordered_at=datetime(2024, 2, 1, 16, 30, tzinfo=UTC)),
    ]
    london = row_of(tmp_path / "1", {"orders": orders}, time_zone="Europe/London")
    shanghai = row_of(tmp_path / "2", {"orders": orders}, time_zone="Asia/Shanghai")
    assert (london["purchase_days_count"], london["gap_mean_days"]) == (1, None)
    assert (shanghai["purchase_days_count"], shanghai["gap_mean_days"]) == (2, 1)


def test_cases_and_satisfaction(tmp_path):
    """Two complaints: one closed after 12 hours with 0.8, one open for 3 days; topic came back."""
    closed = days_before(20) + timedelta(hours=12)
    rows = [
        case(20, resolved_at=closed, satisfaction=Decimal("0.8"), topic="bill", wait_minutes=4),
        case(3, topic="bill", wait_minutes=8, channel="Phone"),
    ]
    row = row_of(tmp_path, {"interactions": rows})
    assert (row["complaints_count_7d"], row["complaints_count_30d"]) == (1, 2)
    assert (row["open_cases_count"], row["open_case_age_max_days"]) == (1, 3)
    assert row["resolution_mean_hours_180d"] == 12
    assert (row["wait_mean_minutes_180d"], row["wait_max_minutes_90d"]) == (6, 8)
    assert (row["satisfaction_last"], row["satisfaction_mean_180d"]) == (0.8, 0.8)
    assert row["topic_repeats_count_90d"] == 2 - 1
    assert row["phone_channel_share_365d"] == 1 / 1


def test_contracts(tmp_path):
    """One ended 40 days ago, one runs for 20 more days at 12, a year ago the first cost 10."""
    rows = [
        contract("1", 500, cancelled_at=days_before(40), plan="A"),
        contract("2", 40, ends_at=AS_OF + timedelta(days=20), price=12, plan="B"),
    ]
    row = row_of(tmp_path, {"contracts": rows})
    assert (row["contracts_running_count"], row["contracts_ended_count_365d"]) == (1, 1)
    assert (row["contract_end_days"], row["contract_ended_days"]) == (20, 40)
    assert row["price_total"] == 12
    assert row["price_change_rate_365d"] == (12 - 10) / 10
    assert row["plan_changes_count_365d"] == 1


def test_a_new_price_of_the_same_contract_is_a_change(tmp_path):
    """The version known since 30 days costs 15, the one before it cost 10."""
    changed = days_before(30)
    rows = [
        contract("1", 500, superseded_at=changed),
        contract("1", 500, price=15, known_at=changed),
    ]
    assert row_of(tmp_path, {"contracts": rows})["price_change_rate_365d"] == (15 - 10) / 10


def test_outreach_counts_what_was_sent(tmp_path):
    """Of three contacts one was held out; of the two sent one was answered by now."""
    sent = {"customer_id": "a", "action": "offer", "channel": "email"}
    rows = [
        sent | {"sent_at": days_before(9), "contact_id": "1", "arm": "held_out"},
        sent | {"sent_at": days_before(8), "contact_id": "2", "outcome": "yes",
                "outcome_at": days_before(2)},
        sent | {"sent_at": days_before(5), "contact_id": "3", "outcome": "yes",
                "outcome_at": AS_OF},
    ]  # fmt: skip
    row = row_of(tmp_path, {"orders": [], "contacts": rows})
    assert (row["outreach_count_30d"], row["outreach_recency_days"]) == (2, 5)
    assert row["outreach_answered_rate_365d"] == 1 / 2


@pytest.mark.parametrize(
    ("aggregate", "value"),
    [("count", 2), ("sum", 5), ("mean", 2.5), ("min", 2), ("max", 3), ("last", 2)],
)
def test_own_features_aggregate_their_column(tmp_path, aggregate, value):
    """Values 3 and 2 lie in the window, 7 before it; the last is 2."""
    orders = [
        order(str(days), days, own_mine=given)
        for days, given in ((50, 7), (20, 3), (10, 2), (5, None))
    ]
    own = OwnFeature(
        name="mine", table="orders", aggregate=aggregate, column="quantity", window_days=30
    )
    extra = {"orders": {"own_mine": "number"}}
    assert row_of(tmp_path, {"orders": orders}, own=(own,), extra=extra)["mine"] == value


def test_the_newest_profile_counts_empty_cells_included(tmp_path):
    """A cell that was emptied is empty; what is observed at the cutoff is not seen."""
    rows = [
        {"customer_id": "a", "observed_at": days_before(9), "age": 30.0, "city": "Rome"},
        {"customer_id": "a", "observed_at": days_before(1), "age": None, "city": "Oslo"},
        {"customer_id": "a", "observed_at": AS_OF, "age": 32.0, "city": "Bonn"},
    ]
    extra = {"profiles": {"age": "number", "city": "text"}}
    row = row_of(tmp_path, {"profiles": rows}, extra=extra)
    assert (row["age"], row["city"]) == (None, "Oslo")


@pytest.mark.parametrize(
    ("ordered", "stage"),
    [
        ((), "potential"),
        ((10,), "new"),
        ((200, 10), "active"),
        ((300, 200, 100, 10), "loyal"),
        ((100, 90, 80, 70), "lapsing"),
        ((500, 400), "lost"),
    ],
)
def test_each_stage_of_a_buyer(tmp_path, ordered, stage):
    """The days of the orders decide; the first stage that holds counts."""
    orders = [order(str(days), days) for days in ordered]
    people = [{"customer_id": "a", "joined_at": days_before(600)}]
    row = row_of(tmp_path, {"orders": orders, "customers": people})
    assert row["lifecycle_stage"] == stage
    assert row["tenure_days"] == 600


@pytest.mark.parametrize(
    ("rows", "stage"),
    [
        ([contract("1", 30)], "new"),
        ([contract("1", 800)], "loyal"),
        ([contract("1", 400)], "active"),
        ([contract("1", 400, ends_at=AS_OF + timedelta(days=30))], "lapsing"),
        ([contract("1", 400, cancelled_at=days_before(5))], "lapsing"),
        ([contract("1", 400, cancelled_at=days_before(95))], "lost"),
    ],
)
def test_each_stage_of_a_contract_customer(tmp_path, rows, stage):
    """Who only has contracts is judged by what runs and what ended."""
    assert row_of(tmp_path, {"contracts": rows})["lifecycle_stage"] == stage


def test_a_customer_joining_at_the_cutoff_is_not_there_yet(tmp_path):
    """Only who is known before it has a row."""
    tables = {"orders": [], "customers": [{"customer_id": "a", "joined_at": AS_OF}]}
    assert row_of(tmp_path, tables) is None


def test_contracts_moved_away_by_an_alias_know_the_customer_no_more(tmp_path):
    """Only superseded versions are left under the old id, so it has no row."""
    moved = [contract("1", 90, superseded_at=days_before(30))]
    assert row_of(tmp_path, {"contracts": moved}) is None


def test_several_cutoffs_in_one_expression_equal_one_query_each(tmp_path):
    """The declared expression and the moved pattern say the same."""
    tables = {
        "orders": [order("1", 100, 20), order("2", 40, 5)],
        "interactions": [case(20), case(50)],
    }
    accepted = write_accepted(tmp_path, tables)
    workspace = Workspace(folder=Path(), name="x", sources={}, targets={})
    catalogue = catalogue_for(accepted, workspace)
    cutoffs = [AS_OF, datetime(2024, 1, 31, 23, 59, 59, 999999, tzinfo=UTC)]

    import ibis

    together = features(declared_tables(accepted, catalogue), cutoffs, catalogue)
    sql = ibis.to_sql(together.order_by("customer_id", "as_of"), dialect="duckdb")
    columns = needed_columns(accepted, catalogue)
    found = [row for _, table in collect(accepted, sql, columns) for row in table.to_pylist()]
    apart = [
        row
        for query in reversed(feature_queries(accepted, catalogue, cutoffs))
        for _, table in collect(accepted, query, columns)
        for row in table.to_pylist()
    ]
    assert found == apart
    assert len(found) == 2
