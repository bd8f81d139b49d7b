"""A training set with a known cause, small and seeded, and the records training needs around it."""

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from features.workspace import Target, Workspace
from training.dataset import Dataset
from training.earlier_origins import Windows
from training.rows import Rows
from training.splits import EvaluationPlan

HORIZON = 30
NAMES = ("recency_days", "orders_count", "amount_total", "tenure_days", "gap_mean_days", "plan")
FIRST = date(2026, 1, 1)
DAYS = tuple(FIRST + timedelta(days=30 * step) for step in range(6))
TESTS = DAYS[-2:]
CHURN = Target(name="churn", kind="lapse", horizon_days=HORIZON, active_within_days=180)


def made_table(customers: int = 300, days=DAYS, *, skill: float = 1.0, seed: int = 3) -> pa.Table:
    """Make customers who leave the likelier the longer they are away; `skill` 0: by chance."""
    chances = np.random.default_rng(seed)
    parts = []
    for day in days:
        recency = chances.gamma(1.5, 25, customers)
        orders = chances.poisson(4, customers) + 1.0
        gap = np.where(orders > 1, chances.gamma(2, 20, customers), np.nan)
        kind = chances.choice(["basic", "gold", None], customers, p=[0.6, 0.3, 0.1])
        score = skill * (np.log1p(recency) - 3.2 - 0.5 * (kind == "gold") - 0.1 * orders)
        label = chances.random(customers) < 1 / (1 + np.exp(-1.6 * score))
        parts.append(
            pa.table(
                {
                    "customer_id": [f"c{number}" for number in range(customers)],
                    "as_of": pa.array([day] * customers, pa.date32()),
                    "label": pa.array(label.astype(np.int8)),
                    "recency_days": recency,
                    "orders_count": orders,
                    "amount_total": chances.gamma(2, 40, customers),
                    "tenure_days": recency + chances.gamma(3, 60, customers),
                    "gap_mean_days": pa.array(gap, from_pandas=True),
                    "plan": pa.array(kind, pa.string()),
                }
            )
        )
    return pa.concat_tables(parts).combine_chunks()


def made_rows(**given: Any) -> Rows:
    """Return the rows of `made_table` as training reads them."""
    return Rows.of(made_table(**given), NAMES)


def closed_by(day: date, later: date) -> bool:
    """Claim that the label window of a day has closed by a later one."""
    return day + timedelta(days=HORIZON) <= later


WINDOWS = Windows(closed_by=closed_by, horizon_days=HORIZON)


def made_dataset(table: pa.Table | None = None, *, cross_validated: bool = False) -> Dataset:
    """Return a dataset with its plan, as `training_set` would give it."""
    table = made_table() if table is None else table
    only = (DAYS[-1],)
    rolling = EvaluationPlan(
        test_as_of=TESTS,
        snapshot_as_of=DAYS,
        train_for={test: tuple(d for d in DAYS if closed_by(d, test))[-3:] for test in TESTS},
        inner={},
        final_train=DAYS[-3:],
    )
    folded = EvaluationPlan(
        test_as_of=only, snapshot_as_of=only, train_for={only[0]: only}, inner={},
        final_train=only, cross_validated=True,
    )  # fmt: skip
    return Dataset(
        table=table,
        feature_names=NAMES,
        catalogue=SimpleNamespace(fingerprint="c" * 64),
        fingerprint="f" * 64,
        plan=folded if cross_validated else rolling,
    )


def made_workspace(folder: Path, **given: Any) -> Workspace:
    """Return a workspace in a folder; nothing was ingested there."""
    return Workspace(folder=folder, name="shop", sources={}, targets={"churn": CHURN}, **given)
