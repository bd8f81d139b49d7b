"""What a treatment is worth, and from which risk on it pays."""

import numpy as np
import pyarrow as pa
import pytest

from proactive_rules.expected_value import stakes, treatments, value_at_stake
from tests.proactive_rules.small_policy import CALL, WRITE, customers, policy


def test_value_at_stake_takes_the_larger_of_spend_and_contracts():
    """90 spent against 12 x 10 of rent; contracts alone; nothing known."""
    table = pa.table({"amount_total_365d": [90.0, None, None], "price_total": [10.0, 5.0, None]})
    np.testing.assert_array_equal(value_at_stake(table), [120.0, 60.0, np.nan])


def test_expected_value_is_risk_times_value_times_effect_less_cost():
    """0.4 x 200 x 0.5 - 4 = 36 by phone, - 1 by mail."""
    under = policy(CALL)
    found = stakes(customers(complaint_risk=[0.4], amount_total_365d=[200.0]), under)
    values = {one.channel: found.expected_value(one)[0] for one in treatments(under)}
    assert values == {"email": pytest.approx(39.0), "phone": pytest.approx(36.0)}


def test_the_cut_off_is_cost_over_benefit():
    """At the cut-off the expected value is zero: 1 / (50 x 0.5) = 4%."""
    under = policy()
    table = customers(churn_risk=[0.04], amount_total_365d=[50.0])
    found = stakes(table, under)
    assert found.cutoff(under.action("write"))[0] == pytest.approx(0.04)
    assert found.expected_value(treatments(under)[0])[0] == pytest.approx(0.0)


def test_what_nobody_has_a_value_of_is_ranked_by_risk_alone():
    """No amounts anywhere: the worth is the risk averted, and the cut-off lets everyone through."""
    under = policy()
    found = stakes(customers(churn_risk=[0.4, 0.0]), under)
    assert found.worth(treatments(under)[0], np.ones(2)).tolist() == [0.2, 0.0]
    assert found.cutoff(under.action("write")).tolist() == [0.0, 0.0]


def test_the_declared_value_is_an_expression_of_the_users_own():
    """Half of what was spent, where the policy says so."""
    under = policy(WRITE, value_at_stake="amount_total_365d / 2")
    found = stakes(customers(churn_risk=[0.5], amount_total_365d=[100.0]), under)
    assert found.expected_value(treatments(under)[0])[0] == pytest.approx(0.5 * 50 * 0.5 - 1)
