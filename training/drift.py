"""How far the customers of today are from those the model was trained on.

The population stability index of every feature and of the score, over the training deciles (with
one bin for missing) or the levels of a text. Below .1 is quiet, above .25 is another population.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BINS = 10
#: A bin is never emptier than this, so that one new level does not make the index infinite.
FLOOR = 1e-4
LEVELS = 50
SCORE = "score"


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How one column was spread: inner edges of its bins, or levels, and the share in each.

    ``shares`` has one more entry than bins or levels: the missing, or any other level.
    """

    name: str
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] | None = None
    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class DriftReference:
    """Spread of every feature and of the margin among the training rows."""

    features: tuple[Spread, ...]
    score: tuple[Spread, ...]

    def as_data(self) -> dict[str, Any]:
        """Return plain data for `model.json`."""
        return {
            "features": [asdict(spread) for spread in self.features],
            "score": [asdict(spread) for spread in self.score],
        }


def reference_from_data(data: Mapping[str, Any]) -> DriftReference:
    """Rebuild a reference from plain data, as `as_data` gave it."""
    return DriftReference(
        tuple(_spread(item) for item in data["features"]),
        tuple(_spread(item) for item in data["score"]),
    )


def learn_reference(table: pa.Table, margin: np.ndarray) -> DriftReference:
    """Remember how every feature and the margin are spread over the training rows."""
    features = tuple(_learn(name, table[name]) for name in table.column_names)
    return DriftReference(features, (_learn(SCORE, pa.chunked_array([margin])),))


def stability(reference: DriftReference, table: pa.Table, margin: np.ndarray) -> dict[str, float]:
    """Return the population stability index of each feature and of ``score``.

    Parameters
    ----------
    reference : of the training rows.
    table : rows of today, every feature by name.
    margin : today's margins.

    References
    ----------
    Siddiqi, Credit Risk Scorecards (2006), ch. 9.
    """
    if table.num_rows == 0:
        return {}
    found = {spread.name: _index(spread, table[spread.name]) for spread in reference.features}
    return found | {s.name: _index(s, pa.chunked_array([margin])) for s in reference.score}


def _learn(name: str, column: pa.ChunkedArray) -> Spread:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        counts = pc.value_counts(column.combine_chunks()).to_pylist()
        ranked = sorted((-c["counts"], c["values"]) for c in counts if c["values"] is not None)
        bare = Spread(name=name, levels=tuple(level for _, level in ranked[:LEVELS]))
    else:
        known = _numbers(column)
        known = known[~np.isnan(known)]
        cuts = np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]) if len(known) else []
        bare = Spread(name=name, edges=tuple(float(cut) for cut in np.unique(cuts)))
    shares = tuple(float(share) for share in _shares(bare, column))
    return Spread(name=name, edges=bare.edges, levels=bare.levels, shares=shares)


def _shares(spread: Spread, column: pa.ChunkedArray) -> np.ndarray:
    if spread.levels is not None:
        bins = len(spread.levels)
        ranks = pc.index_in(
            column.cast(pa.string()), value_set=pa.array(spread.levels, pa.string())
        )
        place = pc.fill_null(ranks, bins).to_numpy()
    else:
        bins = len(spread.edges) + 1
        values = _numbers(column)
        # left: a value equal to an edge stays below it, as in a count of zeros that is an edge
        place = np.where(np.isnan(values), bins, np.searchsorted(spread.edges, values, "left"))
    return np.bincount(place.astype(int), minlength=bins + 1) / max(len(column), 1)


def _index(spread: Spread, column: pa.ChunkedArray) -> float:
    then = np.maximum(spread.shares, FLOOR)
    now = np.maximum(_shares(spread, column), FLOOR)
    return float(((now - then) * np.log(now / then)).sum())


def _spread(item: Mapping[str, Any]) -> Spread:
    levels: Sequence[str] | None = item["levels"]
    return Spread(
        name=item["name"],
        edges=tuple(item["edges"]),
        levels=None if levels is None else tuple(levels),
        shares=tuple(item["shares"]),
    )


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return np.array(column.cast(pa.float64()).to_numpy(), dtype=float)
