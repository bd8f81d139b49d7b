"""Turn a table of raw features into numbers for the two parts of a model, and remember how.

What is learnt here (means, scales, levels) is plain data kept with the model; nothing here sees a
label. Columns are read by name, so their order does not matter; a missing one is an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import NotReady

#: Texts with more levels than this are one ordered number for the trees.
ONE_HOT_LEVELS = 12
#: Rarer levels than the first so many read as missing.
KEPT_LEVELS = 200
#: A standardised term beyond this says no more than this: one odd row must not decide.
REACH = 6.0
#: Skewness above which a number enters the linear part as its logarithm.
SKEWED = 1.0


@dataclass(frozen=True, kw_only=True)
class NumberColumn:
    """How one number enters: raw for the trees, standardised (after log if skewed) for the line."""

    name: str
    log: bool
    mean: float
    scale: float
    null_share: float

    @property
    def terms(self) -> int:
        """Terms of the linear part: the value, and "it is missing" where that was ever so."""
        return 1 + (0 < self.null_share < 1)

    def tree_columns(self, values: np.ndarray) -> list[np.ndarray]:
        """Return the column as trees read it."""
        return [values]

    def linear_columns(self, values: np.ndarray) -> list[np.ndarray]:
        """Return terms with mean 0: a missing value adds nothing but its indicator."""
        missing = np.isnan(values)
        scaled = (_bend(values, log=self.log) - self.mean) / self.scale
        terms = [np.where(missing, 0.0, np.clip(scaled, -REACH, REACH))]
        if self.terms > 1:
            terms.append(missing - self.null_share)
        return terms


@dataclass(frozen=True, kw_only=True)
class TextColumn:
    """How one text enters: a column a level while they are few, else its rank by frequency."""

    name: str
    levels: tuple[str, ...]
    shares: tuple[float, ...]

    @property
    def one_hot(self) -> bool:
        """Whether the trees read a column a level."""
        return len(self.levels) <= ONE_HOT_LEVELS

    @property
    def terms(self) -> int:
        """Terms of the linear part: one a level, of the frequent ones."""
        return min(len(self.levels), ONE_HOT_LEVELS)

    def tree_columns(self, values: np.ndarray) -> list[np.ndarray]:
        """Return one column a level, or the rank; an unseen level is missing."""
        if not self.one_hot:
            return [values]
        missing = np.isnan(values)
        return [
            np.where(missing, np.nan, (values == rank).astype(float))
            for rank in range(len(self.levels))
        ]

    def linear_columns(self, values: np.ndarray) -> list[np.ndarray]:
        """Return indicators with mean 0 over the training rows."""
        return [(values == rank) - self.shares[rank] for rank in range(self.terms)]


Column = NumberColumn | TextColumn


@dataclass(frozen=True)
class Encoding:
    """All columns a model reads, in its order."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Raw feature names, in the model's order."""
        return tuple(column.name for column in self.columns)

    @property
    def tree_owner(self) -> np.ndarray:
        """Index of the raw feature behind each column of the tree matrix."""
        widths = [
            len(column.levels) if isinstance(column, TextColumn) and column.one_hot else 1
            for column in self.columns
        ]
        return np.repeat(np.arange(len(self.columns)), widths)

    @property
    def term_owner(self) -> np.ndarray:
        """Index of the raw feature behind each term of the linear part."""
        return np.repeat(np.arange(len(self.columns)), [column.terms for column in self.columns])

    @property
    def tree_names(self) -> tuple[str, ...]:
        """Names of the tree matrix, unique and free of what LightGBM's text format forbids."""
        owners = self.tree_owner
        safe = ["".join(c if c.isalnum() and c.isascii() else "_" for c in n) for n in self.names]
        return tuple(f"{safe[owner]}__{place}" for place, owner in enumerate(owners))

    def read(self, table: pa.Table) -> list[np.ndarray]:
        """Read each raw feature by name as float64: numbers as they are, texts as ranks."""
        absent = [name for name in self.names if name not in table.column_names]
        if absent:
            raise NotReady(
                "the features to score",
                f"no column {', '.join(absent)}, which the model reads",
                "every feature the model was trained on",
                "map the source again, or run `forestay train`",
            )
        return [_values(column, table[column.name]) for column in self.columns]

    def tree_matrix(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """Stack what the trees read: rows x tree columns, float64, NaN where missing."""
        pairs = zip(self.columns, values, strict=True)
        parts = [part for column, given in pairs for part in column.tree_columns(given)]
        return np.column_stack(parts)

    def linear_matrix(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """Stack the terms of the linear part: rows x terms, without gaps."""
        pairs = zip(self.columns, values, strict=True)
        parts = [part for column, given in pairs for part in column.linear_columns(given)]
        return np.column_stack(parts)

    def as_data(self) -> list[dict[str, Any]]:
        """Return what was learnt as plain data for `model.json`."""
        return [asdict(column) for column in self.columns]


def encoding_from_data(data: Sequence[Mapping[str, Any]]) -> Encoding:
    """Rebuild an encoding from plain data, as `as_data` gave it."""
    return Encoding(tuple(_column_from_data(dict(item)) for item in data))


def learn_encoding(table: pa.Table, names: Sequence[str]) -> Encoding:
    """Learn means, scales and levels of the named columns; labels play no part.

    Parameters
    ----------
    table : training rows; numbers may be null, texts too.
    names : the raw features, in the order the model keeps.
    """
    return Encoding(tuple(_learn_column(name, table[name]) for name in names))


def _learn_column(name: str, column: pa.ChunkedArray) -> Column:
    return _learn_text(name, column) if _is_text(column.type) else _learn_number(name, column)


def _learn_number(name: str, column: pa.ChunkedArray) -> NumberColumn:
    values = _numbers(column)
    known = values[~np.isnan(values)]
    log = _skewness(known) > SKEWED
    bent = _bend(known, log=log)
    spread = float(bent.std()) if len(bent) else 0.0
    return NumberColumn(
        name=name,
        log=log,
        mean=float(bent.mean()) if len(bent) else 0.0,
        scale=spread if spread > 1e-12 else 1.0,  # noqa: PLR2004 - a constant up to rounding
        null_share=1 - len(known) / max(len(values), 1),
    )


def _learn_text(name: str, column: pa.ChunkedArray) -> TextColumn:
    texts = column.cast(pa.string()).combine_chunks()
    counts = [
        (-item["counts"], item["values"])
        for item in pc.value_counts(texts).to_pylist()
        if item["values"] is not None
    ]
    kept = sorted(counts)[:KEPT_LEVELS]
    return TextColumn(
        name=name,
        levels=tuple(level for _, level in kept),
        shares=tuple(-count / len(texts) for count, _ in kept),
    )


def _column_from_data(item: dict[str, Any]) -> Column:
    if "levels" not in item:
        return NumberColumn(**item)
    return TextColumn(name=item["name"], levels=tuple(item["levels"]), shares=tuple(item["shares"]))


def _values(column: Column, data: pa.ChunkedArray) -> np.ndarray:
    if isinstance(column, TextColumn) != _is_text(data.type):
        kind = "text" if isinstance(column, TextColumn) else "a number"
        raise NotReady(
            f"the features to score, column {column.name}",
            f"its type is {data.type}, but the model was trained on {kind}",
            kind,
            "map the source as it was, or run `forestay train`",
        )
    return _ranks(column, data) if isinstance(column, TextColumn) else _numbers(data)


def _ranks(column: TextColumn, data: pa.ChunkedArray) -> np.ndarray:
    levels = pa.array(column.levels, pa.string())
    return _numbers(pc.index_in(data.cast(pa.string()), value_set=levels))


def _numbers(data: pa.ChunkedArray) -> np.ndarray:
    values = np.array(data.cast(pa.float64()).to_numpy(), dtype=float)
    values[~np.isfinite(values)] = np.nan
    return values


def _is_text(type_: pa.DataType) -> bool:
    return pa.types.is_string(type_) or pa.types.is_large_string(type_)


def _bend(values: np.ndarray, *, log: bool) -> np.ndarray:
    return np.sign(values) * np.log1p(np.abs(values)) if log else values


def _skewness(known: np.ndarray) -> float:
    """Return the larger tail's skewness without its sign; 0 for a constant."""
    if len(known) == 0 or known.std() < 1e-12:  # noqa: PLR2004 - a constant up to rounding
        return 0.0
    return float(abs((((known - known.mean()) / known.std()) ** 3).mean()))
