"""The terms of the linear part: encoded features, and the buying rhythm where the label has one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from training.encode import Encoding, learn_encoding
from training.rhythm import NAME, Rhythm, fit_rhythm
from training.rows import Rows


@dataclass(frozen=True)
class Terms:
    """How rows become the terms of the linear part: encoded features, then the rhythm if any."""

    encoding: Encoding
    rhythm: Rhythm | None

    @classmethod
    def learn(cls, rows: Rows, rhythm_days: int | None) -> "Terms":
        """Learn from training rows; only the rhythm reads their labels.

        Parameters
        ----------
        rows : both labels occur.
        rhythm_days : horizon of a label that says "no purchase"; None for any other label.
        """
        rhythm = fit_rhythm(rows.table, rows.labels, rhythm_days) if rhythm_days else None
        return cls(learn_encoding(rows.table, rows.names), rhythm)

    @property
    def owners(self) -> list[str]:
        """Raw feature behind each term; the rhythm stands for itself."""
        owners = [self.encoding.names[place] for place in self.encoding.term_owner]
        return owners + ([NAME] if self.rhythm else [])

    def matrices(self, table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
        """Return the terms of the lines, and what the trees read."""
        values = self.encoding.read(table)
        return line_matrix(self.encoding, self.rhythm, values, table), self.encoding.tree_matrix(
            values
        )


def line_matrix(
    encoding: Encoding, rhythm: Rhythm | None, values: Sequence[np.ndarray], table: pa.Table
) -> np.ndarray:
    """Stack the terms of the linear part: rows x terms, the rhythm last."""
    encoded = encoding.linear_matrix(values)
    return encoded if rhythm is None else np.column_stack([encoded, rhythm.term(table)])
