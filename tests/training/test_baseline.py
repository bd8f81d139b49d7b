"""The plain model beside ours."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.training.made_rows import made_rows
from training.baseline import baseline_columns, baseline_risk


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(
            ("gap_mean_days", "recency_days", "orders_count", "amount_total", "tenure_days"),
            ("recency_days", "orders_count", "amount_total", "tenure_days"),
            id="event-log",
        ),
        pytest.param(
            ("complaints_count", "interaction_recency_days", "wait_mean_minutes_180d"),
            ("interaction_recency_days", "complaints_count"),
            id="service-desk",
        ),
        pytest.param(
            ("contracts_running_count", "price_total"),
            ("contracts_running_count", "price_total"),
            id="subscriptions",
        ),
        pytest.param(("age", "plan"), ("age", "plan"), id="plain-table"),
    ],
)
def test_baseline_reads_what_an_analyst_would(names: tuple, expected: tuple) -> None:
    """Recency, frequency, money and tenure, or their counterparts."""
    assert baseline_columns(names) == expected


def test_the_rfm_baseline_is_the_textbook_one() -> None:
    """Log of the four, standardised, logistic regression: as in the reference of the data sets."""
    rows = made_rows()
    columns = ["recency_days", "orders_count", "amount_total", "tenure_days"]
    matrix = np.log1p(np.column_stack([rows.table[name].to_numpy() for name in columns]))
    textbook = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    expected = textbook.fit(matrix, rows.labels).predict_proba(matrix)[:, 1]
    np.testing.assert_allclose(baseline_risk(rows, rows.table), expected, atol=1e-4)
