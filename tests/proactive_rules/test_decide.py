"""One decision per customer, with its reason."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proactive_rules.decide import capacity, decide
from proactive_rules.policy import BuiltInPolicy

AS_OF = datetime(2011, 12, 10, tzinfo=UTC)
NOBODY_HELD_OUT = BuiltInPolicy(capacity_share=0.5, holdout_share=0.0)


def customers(**columns: list) -> pa.Table:
    """Build a table of customers named a, b, c...; risks and values are floats, null as None."""
    length = len(next(iter(columns.values())))
    table = {"customer_id": pa.array([chr(97 + place) for place in range(length)])}
    for name, values in columns.items():
        kind = pa.bool_() if name.startswith("consent_") else pa.float64()
        table[name] = pa.array(values, kind)
    return pa.table(table)


def by_id(decided: pa.Table) -> dict[str, dict]:
    """Index the decisions by customer."""
    return {row["customer_id"]: row for row in decided.to_pylist()}


def test_decide_contacts_the_highest_expected_value_first():
    """Of two worth contacting, the one seat of two goes to 0.5 x 300 rather than 0.9 x 100."""
    table = customers(churn_risk=[0.9, 0.5], amount_total_365d=[100.0, 300.0])
    decided = by_id(decide(table, NOBODY_HELD_OUT, AS_OF))
    assert (decided["b"]["decision"], decided["b"]["rank"]) == ("contact", 1)
    assert (decided["a"]["decision"], decided["a"]["why_not"]) == ("leave_alone", "capacity")
    assert decided["b"]["expected_value"] == pytest.approx(0.5 * 300 * 0.1 - 1)


def test_decide_gives_one_action_for_both_risks():
    """a: complaint 0.4 x 100 x 0.2 - 4 = 4 beats churn 0.2 x 100 x 0.1 - 1 = 1; b the reverse."""
    table = customers(
        churn_risk=[0.2, 0.9], complaint_risk=[0.4, 0.1], amount_total_365d=[100.0, 100.0]
    )
    decided = by_id(decide(table, BuiltInPolicy(capacity_share=1, holdout_share=0), AS_OF))
    assert decided["a"]["action"] == "service_recovery"
    assert decided["b"]["action"] == "retention_contact"


def test_decide_counts_the_deadline_from_the_date_decided_for():
    """The retention contact is due 72 hours after midnight: no clock is read."""
    table = customers(churn_risk=[0.9, 0.1], amount_total_365d=[100.0, 1.0])
    decided = by_id(decide(table, NOBODY_HELD_OUT, AS_OF))
    assert decided["a"]["due_by"] == datetime(2011, 12, 13, tzinfo=UTC)
    assert decided["b"]["due_by"] is None


def test_decide_leaves_alone_what_is_not_worth_its_cost():
    """0.5 x 10 x 0.1 is below the 1.00 that a message costs."""
    table = customers(churn_risk=[0.5, 0.5], amount_total_365d=[10.0, 10.0])
    assert set(decide(table, NOBODY_HELD_OUT, AS_OF)["why_not"].to_pylist()) == {"not_worth_it"}


def test_decide_without_amount_or_price_follows_the_risk():
    """Expected value is null, so churn risk ranks, and the first seat goes to the highest."""
    table = customers(churn_risk=[0.2, 0.8], complaint_risk=[None, None])
    decided = by_id(decide(table, NOBODY_HELD_OUT, AS_OF))
    assert decided["b"]["rank"] == 1
    assert decided["b"]["decision"] == "contact"
    assert decided["b"]["expected_value"] is None
    assert decided["b"]["value_basis"] is None


def test_decide_without_any_model_leaves_everyone_alone():
    """No risk, no claim: null value, nobody contacted or held out, the reason said."""
    table = customers(churn_risk=[None, None], complaint_risk=[None, None])
    decided = decide(table, BuiltInPolicy(capacity_share=1), AS_OF)
    assert decided["decision"].to_pylist() == ["leave_alone"] * 2
    assert decided["why_not"].to_pylist() == ["no_model"] * 2
    assert decided["expected_value"].null_count == 2
    assert decided["customer_id"].to_pylist() == ["a", "b"]


def test_decide_respects_a_denied_channel():
    """Who denied it is left alone, who granted it may be contacted."""
    table = customers(
        churn_risk=[0.9, 0.7], amount_total_365d=[99.0] * 2, consent_email=[False, True]
    )
    decided = by_id(decide(table, BuiltInPolicy(capacity_share=1, holdout_share=0), AS_OF))
    assert decided["a"]["why_not"] == "no_consent_email"
    assert decided["b"]["decision"] == "contact"


@pytest.mark.parametrize(
    ("risk", "channel", "decision"),
    [("churn_risk", "email", "leave_alone"), ("complaint_risk", "phone", "contact")],
    ids=["marketing", "service"],
)
def test_decide_reads_silence_by_the_purpose_of_the_action(risk, channel, decision):
    """Never asked for consent: no marketing, but a service call is allowed."""
    table = customers(amount_total_365d=[99.0], **{risk: [0.9], f"consent_{channel}": [None]})
    decided = decide(table, BuiltInPolicy(capacity_share=1, holdout_share=0), AS_OF)
    assert decided["decision"].to_pylist() == [decision]


def test_decide_takes_the_next_best_channel_when_the_best_is_denied():
    """Denied the phone, a likely complainer may still be written to for staying."""
    table = customers(
        churn_risk=[0.5], complaint_risk=[0.9], amount_total_365d=[100.0], consent_phone=[False]
    )
    policy = BuiltInPolicy(capacity_share=1, holdout_share=0)
    assert decide(table, policy, AS_OF)["action"].to_pylist() == ["retention_contact"]


def test_decide_holds_out_before_it_fills_the_seats():
    """With everyone in the control group nobody is contacted, and the chance is recorded."""
    table = customers(churn_risk=[0.9, 0.8], amount_total_365d=[99.0, 99.0])
    decided = decide(table, BuiltInPolicy(capacity_share=1, holdout_share=1), AS_OF)
    assert decided["held_out"].to_pylist() == [True, True]
    assert decided["decision"].to_pylist() == ["held_out"] * 2
    assert decided["assignment_probability"].to_pylist() == [1.0, 1.0]
    assert decided["action"].to_pylist() == ["retention_contact"] * 2
    assert decided["why_not"].to_pylist() == ["held_out"] * 2


def test_decide_gives_a_held_out_seat_to_the_next_customer():
    """Of 400 alike, 20 are contacted and those of the control group before the last are held."""
    ids = [f"c{number:03}" for number in range(400)]
    table = pa.table({"customer_id": ids, "churn_risk": [0.5] * 400})
    decided = decide(table, BuiltInPolicy(holdout_share=0.3), AS_OF)
    contacts = decided.filter(pc.equal(decided["decision"], "contact"))
    held = decided.filter(decided["held_out"])
    assert contacts.num_rows == 20
    assert 2 <= held.num_rows <= 20
    assert pc.max(held["rank"]).as_py() < pc.max(contacts["rank"]).as_py()


def test_capacity_never_exceeds_the_share():
    """Whole customers, exact in decimals: 0.29 of 100 is 29."""
    assert capacity(BuiltInPolicy(capacity_share=0.29), 100) == 29
    assert capacity(BuiltInPolicy(), 39) == 1


RISK = st.none() | st.floats(0, 1)
ROW = st.tuples(RISK, RISK, st.none() | st.floats(-100, 1000), st.none() | st.booleans())


@given(st.lists(ROW, min_size=1, max_size=40), st.randoms())
@settings(max_examples=40, deadline=None)
def test_for_any_customers_the_order_of_rows_changes_nothing(rows, random):
    """Shuffled input, equal output."""
    table = _any_customers(rows)
    shuffled = table.take(pa.array(random.sample(range(len(rows)), len(rows))))
    policy = BuiltInPolicy(capacity_share=0.3, holdout_share=0.3)
    assert decide(shuffled, policy, AS_OF).equals(decide(table, policy, AS_OF))


@given(st.lists(ROW, min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_for_any_customers_a_decision_has_its_reason_and_its_place(rows):
    """Why_not is empty exactly for contacts; ranks are 1..n; never more contacts than seats."""
    policy = BuiltInPolicy(capacity_share=0.3, holdout_share=0.3)
    decided = decide(_any_customers(rows), policy, AS_OF)
    contacted = pc.equal(decided["decision"], "contact")
    assert pc.is_null(decided["why_not"]).equals(contacted)
    assert pc.sum(contacted).as_py() <= capacity(policy, len(rows))
    assert decided["rank"].to_pylist() == list(range(1, len(rows) + 1))
    for language in ("en", "zh"):
        words = policy.say_why_not(decided["why_not"], language)
        assert pc.is_null(words).equals(pc.is_null(decided["why_not"]))


def _any_customers(rows: list) -> pa.Table:
    churn, complaint, amount, consent = map(list, zip(*rows, strict=True))
    table = customers(
        churn_risk=churn, complaint_risk=complaint, amount_total_365d=amount, consent_email=consent
    )
    ids = pa.array([f"c{place:02}" for place in range(len(rows))])
    return table.set_column(0, "customer_id", ids)
