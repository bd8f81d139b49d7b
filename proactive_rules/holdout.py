"""Who is left out at random, so that the effect of contacting can be measured.

The assignment depends on nothing but a key and the customer id: the same customer stays in the
same group night after night, in any order of rows, on any machine.
"""

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

#: 52 bits of the hash fit a float64 exactly.
_BITS = 52
_HEX_DIGITS = _BITS // 4


def draw(customer_id: pa.ChunkedArray | pa.Array, key: str) -> NDArray[np.float64]:
    """Return each customer's own number in [0, 1): the start of sha256(key:customer_id)."""
    ids = pa.table({"place": pa.array(range(len(customer_id)), pa.int64()), "id": customer_id})
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("ids", ids)
        numbers = connection.execute(
            f"SELECT ('0x' || left(sha256($key || ':' || id), {_HEX_DIGITS}))::UBIGINT AS number"
            " FROM ids ORDER BY place",
            {"key": key},
        ).to_arrow_table()["number"]
    return numbers.to_numpy().astype(np.float64) / 2.0**_BITS


def assign_holdout(
    customer_id: pa.ChunkedArray | pa.Array, *, key: str, share: float
) -> NDArray[np.bool_]:
    """Return who belongs to the control group; each with probability `share`."""
    return draw(customer_id, key) < share
