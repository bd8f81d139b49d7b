"""Who is left out at random: a stable part of all, whatever the order of rows."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proactive_rules.holdout import draw
from tests.proactive_rules.small_policy import CALL, WRITE, customers, decided, policy


def _many(count: int) -> pa.Table:
    table = customers(
        churn_risk=[0.5] * count,
        complaint_risk=[0.4] * count,
        amount_total_365d=[100.0] * count,
    )
    return table.set_column(0, "customer_id", [[f"c{place:05d}" for place in range(count)]])


def test_draw_is_the_start_of_the_hash_of_key_and_id():
    """sha256('spring:a') begins with f20d2b2e..., the number with the same digits over 2^52."""
    import hashlib

    digits = hashlib.sha256(b"spring:a").hexdigest()[:13]
    assert draw(pa.array(["a"]), "spring")[0] == int(digits, 16) / 2**52


@given(st.lists(st.text(min_size=1), unique=True, max_size=20))
def test_for_any_ids_the_draw_is_theirs_alone(ids):
    """Whoever else is there, and in whatever order, a customer's number is the same."""
    together = draw(pa.array(ids, pa.string()), "key")
    assert [draw(pa.array([one]), "key")[0] for one in ids] == list(together)


def test_the_global_control_group_gets_nothing_and_its_chance_is_stored():
    """Of 2,000 about 10% are out; the others are contacted; all carry the probability."""
    rows = decided(_many(2000), policy(WRITE, CALL, more="holdout: {global: 10%, key: k}"))
    held = [row for row in rows.values() if row["decision"] == "held_out"]
    assert len(held) / 2000 == pytest.approx(0.10, abs=0.02)
    assert all(row["held_out"] and row["why_not"] == "held_out" for row in held)
    chances = {row["assignment_probability"] for row in rows.values()}
    assert sorted(chances) == [pytest.approx(0.10)]


def test_the_control_group_of_an_action_gets_nothing_else_instead():
    """Held out of the action that is best for them, they are left alone, not given another."""
    rows = decided(_many(2000), policy(CALL, more="holdout: {per_action: 20%, key: k}"))
    held = [row for row in rows.values() if row["decision"] == "held_out"]
    assert len(held) / 2000 == pytest.approx(0.20, abs=0.03)
    assert {row["action"] for row in held} == {"call"}
    assert {row["owner"] for row in held} == {None}


def test_who_would_not_have_been_reached_is_not_held_out():
    """With places for half, the control group behind the last place says nothing of the effect."""
    table = _many(400)
    worth = pa.array([100.0 + place for place in range(400)])
    table = table.set_column(
        table.column_names.index("amount_total_365d"), "amount_total_365d", worth
    )
    more = "capacity: {email: 100/day}\nholdout: {global: 20%, key: k}"
    rows = decided(table, policy(more=more))
    reached = [row["rank"] for row in rows.values() if row["decision"] == "contact"]
    held = [row["rank"] for row in rows.values() if row["decision"] == "held_out"]
    assert len(reached) == 100
    assert max(held) <= max(reached)


def test_the_same_key_holds_the_same_customers_out_every_night():
    """The control group is stable over nights; another key draws another."""
    from tests.proactive_rules.small_policy import AS_OF, hours

    def held(key: str, later: float) -> set[str]:
        under = policy(more=f"holdout: {{global: 30%, key: {key}}}")
        rows = decided(_many(200), under, as_of=AS_OF + hours(later))
        return {name for name, row in rows.items() if row["held_out"]}

    assert held("k", 0) == held("k", 24)
    assert held("k", 0) != held("other", 0)
