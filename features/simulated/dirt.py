"""A little dirt, as real exports have it: repeated rows, lost ids, impossible values."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_SHARE = 0.0006


def with_repeats(table: pa.Table, rng: np.random.Generator) -> pa.Table:
    """Append copies of a few rows, as a file sent twice has them."""
    return pa.concat_tables([table, table.take(_some(table, rng))])


def with_bad_values(
    table: pa.Table, bad: dict[str, float | str | None], rng: np.random.Generator
) -> pa.Table:
    """Put each column's bad value into a few rows, far fewer than the limit of 5%."""
    for name, value in bad.items():
        mask = np.zeros(len(table), dtype=bool)
        mask[_some(table, rng)] = True
        column = table[name].combine_chunks()
        spoilt = pc.if_else(pa.array(mask), pa.scalar(value, column.type), column)
        table = table.set_column(table.schema.get_field_index(name), name, spoilt)
    return table


def _some(table: pa.Table, rng: np.random.Generator) -> np.ndarray:
    count = min(len(table), 1 + int(len(table) * _SHARE))
    return rng.integers(0, max(len(table), 1), count)
