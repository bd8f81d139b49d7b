"""Labelled rows in memory, as the fitting code passes them on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Rows:
    """Rows of a training set: features, labels, dates and hashed customers, in one order.

    ``table`` holds the features ``names`` and the columns ``groups`` that only calibration reads;
    ``customers`` are hashes, so that nothing kept with a model names anybody.
    """

    table: pa.Table
    names: tuple[str, ...]
    labels: np.ndarray
    as_of: np.ndarray
    customers: np.ndarray
    groups: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: pa.Table, names: Sequence[str], groups: Sequence[str] = ()) -> "Rows":
        """Read a training set: customer_id, as_of (date), label, the named features and groups."""
        return cls(
            table.select(list(dict.fromkeys([*names, *groups]))),
            tuple(names),
            table["label"].to_numpy().astype(float),
            table["as_of"].to_numpy().astype("datetime64[D]"),
            customer_keys(table["customer_id"]),
            tuple(groups),
        )

    def where(self, mask: np.ndarray) -> "Rows":
        """Return the rows where the mask holds."""
        return Rows(
            self.table.filter(pa.array(mask)),
            self.names,
            self.labels[mask],
            self.as_of[mask],
            self.customers[mask],
            self.groups,
        )

    def on(self, days: Sequence[date]) -> "Rows":
        """Return the rows of these snapshot dates."""
        return self.where(np.isin(self.as_of, np.array(days, dtype="datetime64[D]")))

    def sample(self, most: int) -> "Rows":
        """Return at most about so many rows: all rows of some customers, by hash."""
        if len(self.labels) <= most:
            return self
        share = np.uint64(int(most / len(self.labels) * 2**32))
        return self.where(self.customers >> np.uint64(32) < share)

    @cached_property
    def dates(self) -> tuple[date, ...]:
        """Snapshot dates, oldest first."""
        return tuple(day.astype(object) for day in np.unique(self.as_of))

    @property
    def both_labels(self) -> bool:
        """Whether there is anything to learn."""
        return len(self.labels) > 0 and 0 < self.labels.mean() < 1


def customer_keys(ids: pa.ChunkedArray) -> np.ndarray:
    """Hash customer ids to 64 bits, the same in every process and on every machine."""
    coded = pc.dictionary_encode(ids.cast(pa.string()).combine_chunks())
    keys = np.fromiter(
        (
            int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
            for text in coded.dictionary.to_pylist()
        ),
        dtype=np.uint64,
        count=len(coded.dictionary),
    )
    return keys[coded.indices.to_numpy()]
