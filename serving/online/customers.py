"""What is told of customers beside their risks: in which language, and whether they have a past."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from serving.risk_list import LANGUAGES
from serving.score import quiet_days


def own_languages(rows: pa.Table, otherwise: str) -> pa.Array:
    """Return the language each customer is told reasons in: their own, where there are words."""
    if "language" not in rows.column_names:
        return pa.repeat(otherwise, rows.num_rows)
    own = rows["language"].combine_chunks()
    known = pc.is_in(own, value_set=pa.array(LANGUAGES))
    return pc.if_else(known, own, otherwise)


def no_history(rows: pa.Table, asked: Mapping[str, pa.Array]) -> pa.Array:
    """Tell who is known, but never bought nor spoke, and whom no question is asked about."""
    ids = rows["customer_id"].combine_chunks()
    among = [pc.is_in(ids, value_set=one).to_numpy(zero_copy_only=False) for one in asked.values()]
    nobody = np.zeros(rows.num_rows, dtype=bool)
    is_quiet = np.asarray(pc.is_null(quiet_days(rows)).to_numpy(zero_copy_only=False), dtype=bool)
    return pa.array(is_quiet & ~np.logical_or.reduce([nobody, *among]))
