"""One decision per customer, with its reason."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proactive_rules.decision_table import DECISIONS
from tests.proactive_rules.small_policy import (
    AS_OF,
    CALL,
    WRITE,
    before,
    customers,
    decided,
    hours,
    made,
    policy,
)


def test_decide_contacts_the_highest_expected_value_first():
    """Of two worth contacting, the one place goes to 0.5 x 300 rather than 0.9 x 100."""
    table = customers(churn_risk=[0.9, 0.5], amount_total_365d=[100.0, 300.0])
    rows = decided(table, policy(more="capacity: {email: 1/day}"))
    assert (rows["b"]["decision"], rows["b"]["rank"]) == ("contact", 1)
    assert (rows["a"]["decision"], rows["a"]["why_not"]) == ("leave_alone", "capacity_email")
    assert rows["b"]["expected_value"] == pytest.approx(0.5 * 300 * 0.5 - 1)
    assert rows["b"]["value_basis"] == "assumed"


def test_decide_gives_one_contact_for_both_risks_and_service_comes_first():
    """Selling is worth 0.9 x 100 x 0.5 - 1 = 44, service 0.2 x 100 x 0.5 - 1 = 9: service it is."""
    table = customers(churn_risk=[0.9], complaint_risk=[0.2], amount_total_365d=[100.0])
    row = decided(table, policy(WRITE, CALL))["a"]
    assert (row["decision"], row["action"], row["channel"]) == ("contact", "call", "email")
    assert row["why_not:write:email"] == "outranked"


def test_decide_counts_the_deadline_from_the_date_decided_for():
    """The mail is due 72 hours after midnight: no clock is read."""
    rows = decided(customers(churn_risk=[0.9, 0.0], amount_total_365d=[100.0, 1.0]), policy())
    assert rows["a"]["due_by"] == datetime(2026, 3, 7, tzinfo=UTC)
    assert rows["b"]["due_by"] is None


def test_decide_leaves_alone_what_is_not_worth_its_cost():
    """0.1 x 10 x 0.5 is below the 1.00 that a mail costs: below the cut-off of 1 / (10 x 0.5)."""
    row = decided(customers(churn_risk=[0.1], amount_total_365d=[10.0]), policy())["a"]
    assert (row["decision"], row["why_not"]) == ("leave_alone", "below_cutoff")
    assert row["cutoff:write"] == pytest.approx(0.2)


def test_decide_without_amount_or_price_follows_the_risk():
    """Expected value is null, so churn risk ranks, and the one place goes to the highest."""
    table = customers(churn_risk=[0.2, 0.8])
    rows = decided(table, policy(more="capacity: {email: 1/day}"))
    assert (rows["b"]["rank"], rows["b"]["decision"]) == (1, "contact")
    assert rows["b"]["expected_value"] is None
    assert rows["b"]["value_basis"] is None
    assert rows["a"]["why_not"] == "capacity_email"


def test_decide_without_any_model_leaves_everyone_alone():
    """No risk, no claim, not even for an action that lowers none."""
    greet = policy(WRITE, effect="{declared: 0.5}", value_at_stake="100", lowers="null")
    for under in (policy(WRITE, CALL), greet):
        rows = decided(customers(churn_risk=[None, None], amount_total_365d=[9.0, 9.0]), under)
        assert {row["decision"] for row in rows.values()} == {"leave_alone"}
        assert {row["why_not"] for row in rows.values()} == {"no_model"}


def test_an_action_without_a_risk_adds_its_effect_as_a_chance():
    """0.5 of 100 is 50, less the 1.00 it costs; the customer needs no risk of their own."""
    greet = policy(WRITE, effect="{declared: 0.5}", value_at_stake="100", lowers="null")
    rows = decided(customers(churn_risk=[None, 0.5]), greet)
    assert rows["a"]["decision"] == "contact"
    assert rows["a"]["expected_value"] == pytest.approx(49.0)


def test_decide_on_nobody_gives_an_empty_list():
    """A market without customers is no error."""
    assert made(customers(churn_risk=[]), policy(WRITE, CALL)).table.num_rows == 0


def test_nobody_left_alone_is_without_a_reason():
    """Whatever stands in the way, `why_not` says it; who is contacted has none."""
    table = customers(
        churn_risk=[0.9, None, 0.01, 0.5],
        complaint_risk=[None, 0.4, None, None],
        amount_total_365d=[100.0, None, 5.0, 80.0],
        consent_email=[False, True, True, True],
    )
    for row in decided(table, policy(WRITE, CALL)).values():
        assert (row["why_not"] is None) == (row["decision"] in ("contact", "human_review"))


def test_the_trace_names_every_rule_and_limit():
    """Each treatment not taken has its first reason, each rule and cap its result."""
    more = """
    limits: [{channel: any, max: 1, within: 7d}]
    suppress: [{name: open_case, when: open_cases_count > 0, say: {en: Open, zh: 未结}}]
    """
    table = customers(churn_risk=[0.9], open_cases_count=[1.0], amount_total_365d=[100.0])
    row = decided(
        table,
        policy(WRITE, CALL, more=more),
        before=before({"customer_id": "a", "at": AS_OF - hours(5)}),
    )["a"]
    assert row["rule:open_case"] is True
    assert row["contacts:limit_1"] == 1
    assert row["why_not:write:email"] == "suppressed_open_case"
    assert row["why_not:call:phone"] == row["why_not:call:email"] == "no_model"
    assert row["why_not"] == "suppressed_open_case"


_ROWS = st.lists(
    st.tuples(
        st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 900.0), st.booleans(),
        st.sampled_from(["north", "south", None]),
    ),
    min_size=1,
    max_size=25,
)  # fmt: skip


def _table(rows: list[tuple]) -> pa.Table:
    churn, complaint, amount, consent, region = (list(one) for one in zip(*rows, strict=True))
    return customers(
        churn_risk=churn,
        complaint_risk=complaint,
        amount_total_365d=amount,
        consent_email=consent,
        region=region,
    )


_LIMITED = """
budget: {amount: 9, per: day}
capacity: {email: 4/day, phone: 2/day}
hours: {care: 1/day}
holdout: {global: 10%, per_action: 20%, key: k}
human_review: {share: 20%, owner: care, hours_per_day: 0.5, minutes: 15}
"""


@settings(max_examples=40, deadline=None)
@given(rows=_ROWS, seed=st.randoms(use_true_random=False))
def test_for_any_customers_the_order_of_rows_changes_nothing(rows, seed):
    """The same customers in any order get the same decisions, to the bit."""
    table = _table(rows)
    order = list(range(table.num_rows))
    seed.shuffle(order)
    under = policy(WRITE, CALL, more=_LIMITED)
    assert made(table, under).table.equals(made(table.take(order), under).table)


@settings(max_examples=40, deadline=None)
@given(rows=_ROWS)
def test_for_any_customers_every_limit_holds(rows):
    """Money, places and hours are never exceeded; one decision a customer, of the four."""
    under = policy(WRITE, CALL, more=_LIMITED)
    found = made(_table(rows), under)
    table = found.table
    assert table.num_rows == len(rows)
    assert set(table["decision"].to_pylist()) <= set(DECISIONS)
    done = table.filter(pc.is_in(table["decision"], pa.array(["contact", "human_review"])))
    pairs = list(zip(done["action"].to_pylist(), done["channel"].to_pylist(), strict=True))
    costs = {("write", "email"): 1.0, ("call", "email"): 1.0, ("call", "phone"): 4.0}
    assert sum(costs[pair] for pair in pairs) <= 9 + 1e-9
    assert sum(channel == "phone" for _, channel in pairs) <= 2
    assert sum(channel == "email" for _, channel in pairs) <= 4
    reviewed = done["decision"].to_pylist().count("human_review")
    assert reviewed * 15 / 60 <= 0.5 + 1e-9
    work = {("call", "email"): 6, ("call", "phone"): 30}
    minutes = sum(work.get(pair, 0) for pair in pairs)
    assert minutes / 60 + reviewed * 15 / 60 <= 1 + 1e-9
    for limit in found.run["limits"]:
        assert limit["used"] <= limit["limit"] - limit["held"] + 1e-9


def test_two_policies_that_mean_the_same_decide_the_same():
    """Order of actions, channels, limits and keys, comments and spellings change nothing."""
    caps = "limits: [{channel: any, max: 2, within: 7d}, {channel: phone, max: 1, within: 24h}]"
    one = policy(WRITE, CALL, more=caps)
    swapped = CALL.replace("[email, phone]", "[phone, email]").replace("24h", "1d")
    other = policy(
        swapped,
        WRITE.replace("-0.50", "-0.5"),
        more="""
        # the same
        limits: [{within: 1d, channel: phone, max: 1}, {channel: any, max: 2, within: 168h}]
        """,
    )
    table = customers(
        churn_risk=[0.9, 0.2], complaint_risk=[0.1, 0.8], amount_total_365d=[50.0, 90.0]
    )
    assert one.fingerprint == other.fingerprint
    assert made(table, one).table.equals(made(table, other).table)
