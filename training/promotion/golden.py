"""Golden rows: customers nobody is, and what the model said of them when it was made.

They are drawn column by column from how each feature was spread over the training rows, so a row
is no person's. A library or a machine that scores otherwise shows here before it serves anybody.
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.drift import Spread

if TYPE_CHECKING:
    from training.model import RiskModel

FILE = "golden.parquet"
ROWS = 200
#: Of margin and risk.
CLOSE = 1e-12
MARGIN, RISK = "golden:margin", "golden:risk"
_SEED = 20110310
_TIMES = 5


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What a loaded model says of its golden rows today, and how long that takes.

    Attributes
    ----------
    off : largest difference of margin or risk to what was written; None where no rows were kept.
    one_ms, thousand_ms : milliseconds to score one customer, and a thousand, reasons included.
    """

    off: float | None
    one_ms: float
    thousand_ms: float


def golden_rows(model: "RiskModel") -> pa.Table:
    """Draw the rows and let the model score them."""
    chances = np.random.default_rng(_SEED)
    columns = {spread.name: _drawn(spread, chances) for spread in model.reference.features}
    for group in model.groups.found:
        if not group.signs and group.column not in columns:
            levels = [one.level for one in model.groups.found if one.column == group.column]
            words = np.array([*levels, None], dtype=object)
            columns[group.column] = pa.array(chances.choice(words, ROWS), pa.string())
    table = pa.table(columns)
    margin = model.margin(table)
    table = table.append_column(MARGIN, pa.array(margin))
    return table.append_column(RISK, pa.array(model.calibrate(margin, table)))


def write_golden(model: "RiskModel", folder: Path) -> None:
    """Keep golden rows beside a model's files."""
    pq.write_table(golden_rows(model), folder / FILE, compression="zstd")


def prove(model: "RiskModel", folder: Path) -> Proof:
    """Score the golden rows with a model that was loaded from a folder.

    Parameters
    ----------
    folder : verified; a model made before golden rows were kept has none.
    """
    path = folder / FILE
    rows = pq.read_table(path) if path.is_file() else golden_rows(model)
    margin = model.margin(rows)
    off = np.concatenate(
        [
            margin - rows[MARGIN].to_numpy(),
            model.calibrate(margin, rows) - rows[RISK].to_numpy(),
        ]
    )
    return Proof(
        off=float(np.abs(off).max()) if path.is_file() else None,
        one_ms=_milliseconds(model, rows.slice(0, 1)),
        thousand_ms=_milliseconds(model, rows) * 1000 / ROWS,
    )


def _milliseconds(model: "RiskModel", rows: pa.Table) -> float:
    spent = []
    for _ in range(_TIMES):
        start = perf_counter()
        model.calibrate(model.margin(rows), rows)
        model.contributions(rows)
        spent.append(perf_counter() - start)
    return 1000 * median(spent)


def _drawn(spread: Spread, chances: np.random.Generator) -> pa.Array:
    """Draw values as they were spread; the last share is the missing, or any other level."""
    shares = np.array(spread.shares, dtype=float)
    places = chances.choice(len(shares), ROWS, p=shares / shares.sum())
    if spread.levels is not None:
        words = np.array([*spread.levels, None], dtype=object)
        return pa.array(words[places], pa.string())
    edges = spread.edges or (0.0,)
    low = np.array([edges[0] - 1.0, *edges])
    high = np.array([*edges, edges[-1] + max(1.0, abs(edges[-1]))])
    bins = np.minimum(places, len(low) - 1)
    values = low[bins] + chances.random(ROWS) * (high[bins] - low[bins])
    return pa.array(np.where(places == len(shares) - 1, np.nan, values), from_pandas=True)
