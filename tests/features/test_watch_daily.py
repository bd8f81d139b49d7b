"""Rows by day, counted from accepted data, as the obvious way counts them."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.watch.daily import BIN, DAYS, MISSING, daily, streams_of
from tests.oracles.accepted_data import write_accepted

NIGHT = datetime(2026, 3, 1, 23, tzinfo=UTC)

rows = st.lists(
    st.tuples(
        st.integers(0, 30),  # customer
        st.floats(0, 30 * 24, allow_nan=False),  # hours before the night
        st.floats(0, 72, allow_nan=False),  # hours until it was known
        st.sampled_from([None, 0.0, 1.0, 60.0, 2500.0]),  # minutes waited
    ),
    min_size=1,
    max_size=40,
)


@given(rows)
@settings(max_examples=25, deadline=None)
def test_for_any_rows_days_are_counted_as_by_hand(tmp_path_factory, given_rows) -> None:
    """A day ends at the night's instant; what was known later does not count."""
    told = [
        {
            "customer_id": f"c{who}",
            "occurred_at": NIGHT - timedelta(hours=before),
            "known_at": NIGHT - timedelta(hours=before) + timedelta(hours=later),
            "kind": "contact",
            "interaction_id": f"i{number}",
            "wait_minutes": None if waited is None else Decimal(waited),
        }
        for number, (who, before, later, waited) in enumerate(given_rows)
    ]
    accepted = write_accepted(tmp_path_factory.mktemp("daily"), {"interactions": told})
    found = daily(accepted, NIGHT)
    expected: Counter[int] = Counter()
    values: Counter[int] = Counter()
    for row in told:
        if row["occurred_at"] < NIGHT and row["known_at"] < NIGHT:
            day = int((NIGHT - row["occurred_at"] - timedelta(microseconds=1)).days)
            expected[day] += 1
            waited = float(row["wait_minutes"] or 0)
            values[int(np.floor(np.log(waited) / BIN)) if waited else MISSING] += 1
    series = found.series("interactions contact")
    assert found.reach == DAYS
    assert {day: n for day, n in enumerate(series.tolist()) if n} == dict(expected)
    bins = found.values["interactions contact", "wait_minutes"]
    counted: Counter[int] = Counter()
    for _, _, place, count in bins.tolist():
        counted[place] += count
    assert counted == values


def test_returns_are_no_orders_and_kinds_are_streams_of_their_own(tmp_path) -> None:
    """Each kind of interaction is watched for itself; cancellations by the end they name."""
    at = NIGHT - timedelta(days=1)
    order = {"customer_id": "a", "ordered_at": at, "amount": 5, "order_id": "o"}
    accepted = write_accepted(
        tmp_path,
        {
            "orders": [order, {**order, "order_id": "r", "is_return": True}],
            "interactions": [
                {"customer_id": "a", "occurred_at": at, "kind": kind, "interaction_id": kind}
                for kind in ("complaint", "usage")
            ],
            "contracts": [
                {
                    "contract_id": "k", "customer_id": "a", "starts_at": at - timedelta(days=9),
                    "cancelled_at": at,
                }
            ],
        },
    )  # fmt: skip
    names = [stream.name for stream in streams_of(accepted)]
    assert names == ["orders", "interactions complaint", "interactions usage", "cancellations"]
    found = daily(accepted, NIGHT)
    assert [found.series(name)[:3].tolist() for name in names] == [[1, 0, 0]] * 4
