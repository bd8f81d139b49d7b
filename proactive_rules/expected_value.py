"""What an action is expected to be worth for a customer, in the currency of the workspace.

risk x value at stake x declared effect - cost. Until effects are learnt the basis is `assumed`.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from proactive_rules.policy import Action

Numbers = NDArray[np.float64]
MONTHS = 12


def column(customers: pa.Table, name: str) -> Numbers:
    """Return a column as floats, NaN where null or absent, so that sums stay vectorised."""
    if name not in customers.column_names:
        return np.full(customers.num_rows, np.nan)
    cast = pc.cast(customers[name], pa.float64()).combine_chunks()
    return np.asarray(cast.to_numpy(zero_copy_only=False), dtype=np.float64)


def value_at_stake(customers: pa.Table) -> Numbers:
    """Return what a year of the customer is worth: spend or contracts, whichever is larger.

    Spend is `amount_total_365d`; contracts are 12 x `price_total`, the monthly price of what runs.
    NaN where the workspace knows neither. A tenant with a lease who also bought a screw must not
    be worth one screw, hence the larger of the two.

    Examples
    --------
    >>> tiny = pa.table({"amount_total_365d": [90.0, None, None], "price_total": [10.0, 5.0, None]})
    >>> value_at_stake(tiny)
    array([120.,  60.,  nan])
    """
    return np.fmax(
        column(customers, "amount_total_365d"), MONTHS * column(customers, "price_total")
    )


def expected_value(customers: pa.Table, action: Action) -> Numbers:
    """Return what the action is worth for each customer; NaN without risk or value."""
    risk = column(customers, f"{action.lowers}_risk")
    return risk * value_at_stake(customers) * abs(action.effect) - action.cost
