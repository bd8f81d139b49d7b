"""Protected columns of customers: no feature and no rule reads them, fairness is measured by them.

They are taken as of today, for customers have no history; numbers are cut at their quartiles.
"""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.accepted import Accepted, read_bucket
from features.workspace import Workspace
from training.rows import customer_keys

NOBODY = pa.table({"customer_id": pa.array([], pa.string())})
_TABLE = "customers"
#: Numbers with more values than this are cut at their quartiles.
LEVELS = 10
_QUARTERS = (0.25, 0.5, 0.75)


def protected_columns(workspace: Workspace, accepted: Accepted) -> pa.Table:
    """Return customer_id and each protected column that the customers have, one row a customer."""
    if _TABLE not in accepted.tables:
        return NOBODY
    held = {*accepted.tables[_TABLE].mapped, *accepted.tables[_TABLE].extra}
    wanted = {name.rpartition(".")[2]: None for name in workspace.protected}
    names = [name for name in wanted if name in held]
    if not names:
        return NOBODY
    reads = ["customer_id", "superseded_at", *names]
    parts = [read_bucket(accepted, _TABLE, bucket, reads) for bucket in range(accepted.buckets)]
    rows = pa.concat_tables(parts)
    newest = rows.filter(pc.is_null(rows["superseded_at"]))
    return newest.select(["customer_id", *names])


def protected_levels(protected: pa.Table, customers: np.ndarray) -> dict[str, np.ndarray]:
    """Return the level of each row by protected column; empty where it is not known.

    Parameters
    ----------
    protected : as `protected_columns` gives it.
    customers : hashes of the customers of the rows.
    """
    names = [name for name in protected.column_names if name != "customer_id"]
    if not names:
        return {}
    keys = customer_keys(protected["customer_id"])
    order = np.argsort(keys, kind="stable")
    place = np.minimum(np.searchsorted(keys[order], customers), len(keys) - 1)
    known = keys[order][place] == customers
    return {name: np.where(known, _levels(protected[name])[order][place], "") for name in names}


def _levels(column: pa.ChunkedArray) -> np.ndarray:
    """Return texts as they are, and numbers of many values as quarters of the customers."""
    if pa.types.is_string(column.type) or pc.count_distinct(column).as_py() <= LEVELS:
        texts = pc.fill_null(column.cast(pa.string()), "")
        return np.asarray(texts.to_numpy(zero_copy_only=False), dtype=str)
    values = np.array(column.cast(pa.float64()).to_numpy(), dtype=float)
    cuts = np.nanquantile(values, _QUARTERS)
    ends = ["-inf", *(f"{cut:g}" for cut in cuts), "inf"]
    words = np.array([f"{low} to {high}" for low, high in pairwise(ends)])
    quarter = np.searchsorted(cuts, np.nan_to_num(values), side="left")
    return np.where(np.isnan(values), "", words[quarter])
