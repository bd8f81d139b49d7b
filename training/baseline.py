"""The plain model every report shows beside ours: what a careful analyst has in an hour.

A logistic regression on recency, frequency, money and tenure; on their counterparts among the
interactions where there are no orders; on all columns of a plain customer table.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from training.calibrate import sigmoid
from training.encode import learn_encoding
from training.rows import Rows

RFM = ("recency_days", "orders_count", "amount_total", "tenure_days")
INTERACTIONS = (
    "interaction_recency_days",
    "interactions_count_365d",
    "complaints_count",
    "complaints_recency_days",
    "tenure_days",
)
CONTRACTS = ("tenure_days", "contracts_running_count", "price_total", "contract_end_days")


def baseline_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns the baseline reads, of those there are.

    Examples
    --------
    >>> baseline_columns(["tenure_days", "recency_days", "orders_count", "gap_mean_days"])
    ('recency_days', 'orders_count', 'tenure_days')
    """
    if "recency_days" in names:
        return tuple(name for name in RFM if name in names)
    if "interaction_recency_days" in names:
        return tuple(name for name in INTERACTIONS if name in names)
    if "contracts_running_count" in names:
        return tuple(name for name in CONTRACTS if name in names)
    return tuple(names)


def baseline_risk(train: Rows, test: pa.Table) -> np.ndarray:
    """Fit the baseline on training rows and return its probabilities for the test rows."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # has no stubs

    columns = baseline_columns(train.names)
    if columns == train.names:
        encoding = learn_encoding(train.table, columns)
        known, unseen = (encoding.linear_matrix(encoding.read(t)) for t in (train.table, test))
    else:
        known, unseen = _logarithms(train.table, columns), _logarithms(test, columns)
        mean, spread = known.mean(0), known.std(0)
        spread[spread == 0] = 1.0
        known, unseen = (known - mean) / spread, (unseen - mean) / spread
    with threadpool_limits(1):
        fitted = LogisticRegression(max_iter=2000).fit(known, train.labels)
    return sigmoid(unseen @ fitted.coef_[0] + fitted.intercept_[0])


def _logarithms(table: pa.Table, columns: Sequence[str]) -> np.ndarray:
    """Log of each column; a recency nobody has yet reads as ten years."""
    parts = []
    for name in columns:
        values = np.array(table[name].cast(pa.float64()).to_numpy(), dtype=float)
        never = 3650.0 if name.endswith("recency_days") else 0.0
        parts.append(np.log1p(np.clip(np.where(np.isnan(values), never, values), 0, None)))
    return np.column_stack(parts)
