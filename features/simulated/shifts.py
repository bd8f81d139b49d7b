"""What goes wrong on a day, planted: a new competitor, a feed that breaks, a unit that changes.

The competitor changes how customers live; the other two change only what the files say of it.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: Part of the orders that a competitor leaves, and how many more customers it takes a week.
LEAVES, TAKES = 0.55, 0.004
#: What the desk's system writes once it counts in minutes instead of seconds.
FACTOR = 1 / 60


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One thing that goes wrong from a day on."""

    kind: Literal["competitor", "broken_feed", "changed_unit"]
    day: date

    @property
    def instant(self) -> pa.Scalar:
        """The midnight from which on it holds, in the company's own time."""
        return pa.scalar(np.datetime64(self.day, "us"), pa.timestamp("us"))


def spoilt_interactions(rows: pa.Table, shift: Shift | None) -> pa.Table:
    """Lose the complaints of a broken feed, or count waiting in minutes, from the day on."""
    if shift is None or shift.kind == "competitor":
        return rows
    later = pc.greater_equal(rows["opened"], shift.instant)
    if shift.kind == "broken_feed":
        lost = pc.and_(later, pc.is_in(rows["kind"], value_set=pa.array(["complaint", "contact"])))
        return rows.filter(pc.invert(lost))
    seconds = rows["wait_seconds"].combine_chunks()
    minutes = pc.round(pc.multiply(seconds, FACTOR), 2)
    place = rows.schema.get_field_index("wait_seconds")
    return rows.set_column(
        place, "wait_seconds", pc.if_else(later.combine_chunks(), minutes, seconds)
    )
