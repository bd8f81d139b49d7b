"""For any night, each decision can be made again alone, from its own row and the run's record."""

import json
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proactive_rules.collective import collective_from_data
from proactive_rules.decide import Decided, decide, decide_again
from proactive_rules.policy.records import Policy
from proactive_rules.situation import BEFORE, RESPONSES, Situation
from tests.proactive_rules.small_policy import AS_OF, CALL, WRITE, customers, policy

CHANNELS = ("email", "phone")
SCARCE = """
budget: {amount: 150, per: day}
capacity: {email: 70/day, phone: 40/day}
hours: {care: 21.5}
holdout: {global: 10%, per_action: 15%}
limits: [{channel: any, max: 2, within: 7d}]
human_review: {share: 20%, owner: care, hours_per_day: 0.5, minutes: 10}
"""
POLICIES = {
    "free": policy(WRITE, CALL),
    "scarce": policy(WRITE, CALL, more=SCARCE),
    "nothing": policy(WRITE, CALL, more="capacity: {email: 0/day, phone: 0/day}"),
    "fair": policy(
        WRITE, CALL, more="capacity: {email: 60/day}\nfairness: {by: region, within: 2%}"
    ),
}


def night(seed: int, count: int, under: Policy) -> tuple[Situation, Decided]:
    """Make up customers, contacts and answers, and decide for all of them."""
    draw = np.random.default_rng(seed)

    def some(values: np.ndarray, missing: float) -> list:
        gone = draw.random(count) < missing
        return [None if lost else value for value, lost in zip(values.tolist(), gone, strict=True)]

    ids = [f"c{place:04d}" for place in range(count)]
    table = customers(
        churn_risk=some(draw.random(count), 0.1),
        complaint_risk=some(draw.random(count) / 2, 0.3),
        # Few amounts, so that many customers are worth the same and prices alone decide nothing.
        amount_total_365d=some(draw.integers(0, 12, count) * 10.0, 0.2),
        segment=some(draw.choice(["a", "b", "c"], count), 0.1),
        region=some(draw.choice(["north", "south"], count), 0.1),
        preferred_channel=some(draw.choice(CHANNELS, count), 0.5),
    ).set_column(0, "customer_id", pa.array(ids))
    at = [AS_OF - timedelta(hours=int(h)) for h in draw.integers(1, 300, count // 3)]
    before = [
        dict.fromkeys(BEFORE.names)
        | {
            "customer_id": str(draw.choice([*ids, "gone"])),
            "action": "write",
            "channel": str(draw.choice(CHANNELS)),
            "owner": "marketing",
            "at": one,
            "state": str(draw.choice(["sent", "reserved"])),
        }
        for one in at
    ]
    sent = draw.integers(1, 9, count)
    responses = pa.table(
        {
            "customer_id": draw.choice([*ids, "gone"], count),
            "channel": draw.choice(CHANNELS, count),
            "hour": draw.integers(0, 24, count),
            "sent": sent,
            "answered": (sent * draw.random(count)).astype(np.int64),
        }
    ).cast(RESPONSES)
    situation = Situation(
        customers=table,
        as_of=AS_OF,
        before=pa.Table.from_pylist(before, schema=BEFORE),
        responses=responses.slice(0, count if seed % 3 else 0),
    )
    return situation, decide(situation, under)


@pytest.mark.parametrize("name", sorted(POLICIES))
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 300), part=st.floats(0.02, 1))
def test_for_any_night_some_decisions_made_again_alone_are_the_same(name, seed, count, part):
    """Whichever customers are taken, all columns but the rank are equal to the last bit."""
    situation, made = night(seed, count, POLICIES[name])
    ids = made.table["customer_id"]
    chosen = ids.filter(pa.array(np.random.default_rng(seed).random(count) < part))

    def theirs(table: pa.Table) -> pa.Table:
        return table.filter(pc.is_in(table["customer_id"], value_set=chosen.combine_chunks()))

    collective = collective_from_data(json.loads(json.dumps(made.run["collective"])))
    alone = Situation(
        customers=theirs(situation.customers),
        as_of=AS_OF,
        before=theirs(situation.before),
        responses=theirs(situation.responses),
    )
    earlier = made.table.select(["customer_id", "at_margin", "action", "channel"])
    again = decide_again(alone, POLICIES[name], collective, earlier)

    expected = theirs(made.table).sort_by("customer_id").drop_columns("rank")
    found = again.table.sort_by("customer_id").drop_columns("rank")
    assert found.schema.equals(expected.schema)
    for column in expected.column_names:
        assert found[column].to_pylist() == expected[column].to_pylist(), column


def test_some_decisions_of_the_made_up_nights_are_taken_at_the_margin():
    """The property above would say little if prices alone decided everywhere."""
    _, made = night(1, 300, POLICIES["scarce"])
    contacted = pc.sum(pc.equal(made.table["decision"], "contact")).as_py()
    assert 0 < pc.sum(made.table["at_margin"]).as_py() < contacted
