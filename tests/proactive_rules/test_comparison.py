"""Two policies side by side, on tiny decisions."""

from proactive_rules.comparison import as_sent, contacted_counts, moved, summed, totals
from tests.proactive_rules.small_policy import AS_OF, customers, hours, made, policy

TABLE = customers(
    churn_risk=[0.9, 0.8, 0.7],
    amount_total_365d=[300.0, 200.0, 100.0],
    segment=["home", "home", "trade"],
)
ALL, TWO = policy(), policy(more="capacity: {email: 2/day}")


def test_moved_names_who_is_contacted_under_one_policy_only():
    """With two places the third customer is left out, and comes back without the limit."""
    wide, narrow = made(TABLE, ALL).table, made(TABLE, TWO).table
    assert moved(wide, narrow) == {"entered": [], "left": ["c"]}
    assert moved(narrow, wide) == {"entered": ["c"], "left": []}
    assert moved(wide, wide) == {"entered": [], "left": []}


def test_totals_add_up_over_nights():
    """Two mails: 0.9 x 300 x 0.5 + 0.8 x 200 x 0.5 - 2 = 213; two such nights are double."""
    one = totals(made(TABLE, TWO), TWO)
    assert (one["contacts"], one["cost"]) == ({"email": 2}, 2.0)
    assert round(one["expected_value"], 9) == 213.0
    both = summed([one, one])
    assert (both["contacts"], both["cost"]) == ({"email": 4}, 4.0)


def test_what_was_decided_counts_as_sent_at_its_planned_hour():
    """For the nights of a replay that come after: at ten in the morning."""
    sent = as_sent(made(TABLE, TWO).table).to_pylist()
    assert {row["customer_id"] for row in sent} == {"a", "b"}
    assert {(row["state"], row["at"]) for row in sent} == {("sent", AS_OF + hours(10))}


def test_contacted_counts_are_by_group():
    """Both at home are contacted, the trader is not."""
    found = contacted_counts(made(TABLE, TWO).table, ["segment"])
    assert found == {("segment", "home"): (2, 2), ("segment", "trade"): (1, 0)}
