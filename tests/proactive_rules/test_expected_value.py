"""What an action is expected to be worth."""

import numpy as np
import pyarrow as pa
import pytest

from proactive_rules.expected_value import expected_value, value_at_stake
from proactive_rules.policy import RETENTION_CONTACT, SERVICE_RECOVERY


def test_expected_value_is_risk_times_value_times_effect_less_cost():
    """0.5 x 200 x 0.10 - 1.00 = 9.00 for the retention contact."""
    one = pa.table({"churn_risk": [0.5], "amount_total_365d": [200.0]})
    assert expected_value(one, RETENTION_CONTACT) == pytest.approx([9.0])


def test_expected_value_of_service_recovery_reads_the_complaint_risk():
    """0.25 x 12 x 50 x 0.20 - 4.00 = 26.00, churn risk or not."""
    one = pa.table({"churn_risk": [0.9], "complaint_risk": [0.25], "price_total": [50.0]})
    assert expected_value(one, SERVICE_RECOVERY) == pytest.approx([26.0])


def test_expected_value_is_unknown_without_risk_or_value():
    """Neither a missing risk nor a missing value is taken as zero."""
    two = pa.table(
        {
            "churn_risk": pa.array([None, 0.5], pa.float64()),
            "amount_total_365d": pa.array([10.0, None], pa.float64()),
        }
    )
    assert np.isnan(expected_value(two, RETENTION_CONTACT)).all()


def test_value_at_stake_takes_the_larger_of_spend_and_contracts():
    """A tenant paying 10 a month who spent 90 stakes 120; one known by spend alone, the spend."""
    tiny = pa.table(
        {"amount_total_365d": [90.0, 90.0], "price_total": pa.array([10.0, None], pa.float64())}
    )
    assert value_at_stake(tiny).tolist() == [120.0, 90.0]
