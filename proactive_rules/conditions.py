"""Conditions of the policy, evaluated for all customers at once in DuckDB over Arrow."""

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.errors import BadInput
from proactive_rules.in_memory import with_tables
from proactive_rules.policy.records import Condition

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]


def holds(customers: pa.Table, conditions: Mapping[str, Condition]) -> dict[str, Flags]:
    """Tell for each condition where it is true; unknown (null) is not true.

    Raises
    ------
    BadInput : a condition fails on a customer's values; the message names its line.
    """
    found = _evaluate(customers, conditions, "coalesce(CAST(({sql}\n) AS BOOLEAN), false)")
    return {name: np.asarray(values, dtype=bool) for name, values in found.items()}


def amounts(customers: pa.Table, conditions: Mapping[str, Condition]) -> dict[str, Numbers]:
    """Compute each condition as a number; NaN where it is null or no finite number."""
    found = _evaluate(customers, conditions, "CAST(({sql}\n) AS DOUBLE)")
    return {name: np.where(np.isfinite(one), one, np.nan) for name, one in found.items()}


def column(customers: pa.Table, name: str) -> Numbers:
    """Return a column as floats, NaN where null or absent, so that sums stay vectorised."""
    if name not in customers.column_names:
        return np.full(customers.num_rows, np.nan)
    cast = customers[name].cast(pa.float64()).combine_chunks()
    return np.asarray(cast.to_numpy(zero_copy_only=False), dtype=np.float64)


def _evaluate(
    customers: pa.Table, conditions: Mapping[str, Condition], shape: str
) -> dict[str, Any]:
    if not conditions:
        return {}
    try:
        answers = _query(customers, list(conditions.values()), shape)
    except duckdb.Error:
        _raise_the_failing(customers, conditions, shape)
        raise
    return dict(zip(conditions, answers, strict=True))


def _query(customers: pa.Table, conditions: list[Condition], shape: str) -> list[Any]:
    asked = ", ".join(
        f"{shape.format(sql=one.sql)} AS answer_{place}" for place, one in enumerate(conditions)
    )
    with with_tables(customers=customers) as connection:
        table = connection.execute(f"SELECT {asked} FROM customers").to_arrow_table()
    return [one.combine_chunks().to_numpy(zero_copy_only=False) for one in table.columns]


def _raise_the_failing(
    customers: pa.Table, conditions: Mapping[str, Condition], shape: str
) -> None:
    """Name the condition that fails; DuckDB's own words may hold a customer's value."""
    for one in conditions.values():
        try:
            _query(customers, [one], shape)
        except duckdb.Error as error:
            raise BadInput(
                one.where,
                f"it fails on the values of some customer ({type(error).__name__})",
                "an expression that can be computed for every row",
                "use try_cast, nullif or coalesce where values can be unfit",
            ) from None
