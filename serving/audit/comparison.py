"""What was recorded beside what comes out now: the same to the last bit, or how far apart."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One field that came out otherwise.

    Attributes
    ----------
    records : how many records differ in it.
    decision_id, recorded, now : of the record that differs most.
    apart : the largest distance; None where the values are no numbers, or one is missing.
    """

    field: str
    records: int
    decision_id: str
    recorded: Any
    now: Any
    apart: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """All fields that differ, and which records differ in any."""

    differences: tuple[Difference, ...]
    differing: NDArray[np.bool_]

    def __add__(self, other: "Compared") -> "Compared":
        """Join comparisons of other fields of the same records."""
        return Compared(
            differences=self.differences + other.differences,
            differing=self.differing | other.differing,
        )


def compare(
    recorded: pa.Table, now: pa.Table, names: Sequence[str], decision_id: Sequence[str]
) -> Compared:
    """Compare columns of two tables with the same rows in the same order; without any tolerance."""
    found: list[Difference] = []
    differing = np.zeros(len(decision_id), dtype=bool)
    for name in names:
        one, other = _alike(recorded[name]), _alike(now[name])
        others = _unequal(one, other)
        if others.any():
            found.append(_difference(name, (one, other), np.flatnonzero(others), decision_id))
            differing |= others
    return Compared(differences=tuple(found), differing=differing)


def _difference(
    name: str,
    values: tuple[pa.ChunkedArray, pa.ChunkedArray],
    places: NDArray[np.intp],
    decision_id: Sequence[str],
) -> Difference:
    recorded, now = values
    worst, apart = int(places[0]), None
    if pa.types.is_floating(recorded.type):
        far = np.abs(recorded.to_numpy() - now.to_numpy())[places]
        # A value that is missing is further away than any other.
        worst = int(places[np.where(np.isnan(far), np.inf, far).argmax()])
        apart = None if np.isnan(far).any() else float(far.max())
    return Difference(
        field=name,
        records=len(places),
        decision_id=decision_id[worst],
        recorded=recorded[worst].as_py(),
        now=now[worst].as_py(),
        apart=apart,
    )


def _unequal(recorded: pa.ChunkedArray, now: pa.ChunkedArray) -> NDArray[np.bool_]:
    same = pc.fill_null(pc.equal(recorded, now), fill_value=False)
    neither = pc.and_(pc.is_null(recorded), pc.is_null(now))
    return ~np.asarray(pc.or_(same, neither).to_numpy(), dtype=bool)


def _alike(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as records keep it: plain texts, and no number that is none."""
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        values = column.cast(pa.float64()).to_numpy()
        return pa.chunked_array([pa.array(values, pa.float64(), from_pandas=True)])
    return column
