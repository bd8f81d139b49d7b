"""Who joins the list without a risk: potential and lost customers for whom there is an action."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from proactive_rules.conditions import holds
from proactive_rules.policy.records import Policy

STAGES = ("potential", "lost")


def joins(customers: pa.Table, policy: Policy) -> NDArray[np.bool_]:
    """Tell which customers an action that lowers no risk is meant for.

    Parameters
    ----------
    customers : one row a customer, with `lifecycle_stage` and whatever conditions read.

    Raises
    ------
    BadInput : a condition cannot be computed for some customer.
    """
    nobody = np.zeros(customers.num_rows, dtype=bool)
    if "lifecycle_stage" not in customers.column_names:
        return nobody
    chosen = {action.name: action.when for action in policy.actions if action.lowers is None}
    rows = customers.append_column("cutoff", pa.array(np.zeros(customers.num_rows)))
    meant = np.logical_or.reduce([nobody, *holds(rows, chosen).values()])
    staged = pc.is_in(customers["lifecycle_stage"], value_set=pa.array(STAGES))
    return np.asarray(meant & np.asarray(staged.to_numpy(), dtype=bool))
