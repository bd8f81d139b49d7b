"""What a feature's expression sees: rows visible at a cutoff, and the words to aggregate them.

The words (`count`, `total`, `mean`, ...) are the only place where windows become conditions and
where exact sums become floating point, so that all features treat cutoffs and rounding alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from features.point_in_time import instant

if TYPE_CHECKING:
    import ibis

SECONDS_PER_DAY = 86_400
SECONDS_PER_HOUR = 3_600


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Rows of one source as of a cutoff.

    Attributes
    ----------
    rows : the visible rows; for `row` features one row per customer with all features so far.
    as_of : the cutoff.
    time : the column that places a row in a window.
    order : columns that put rows of one customer in order, ties included.
    names : what is there, so that an expression can do without what is not mapped.
    """

    rows: "ibis.Table"
    as_of: datetime
    time: str = ""
    order: tuple[str, ...] = ()
    names: frozenset[str] = field(default_factory=frozenset)

    def within(self, days: int | None, where: "ibis.Value | None" = None) -> "ibis.Value | None":
        """Claim that a row lies in ``[as_of - days, as_of)``, and `where` holds."""
        if days is None:
            return where
        return both(self.rows[self.time] >= instant(self.as_of - timedelta(days=days)), where)

    def previously(self, days: int, where: "ibis.Value | None" = None) -> "ibis.Value":
        """Claim that a row lies in the window before: ``[as_of - 2 days, as_of - days)``."""
        start = instant(self.as_of - timedelta(days=days))
        return both(self.rows[self.time] < start, self.within(2 * days, where))

    def count(self, where: "ibis.Value | None" = None) -> "ibis.Value":
        """Count rows."""
        return self.rows.count(where=where)

    def total(self, column: str, where: "ibis.Value | None" = None) -> "ibis.Value":
        """Sum exactly; nothing sums to 0."""
        return self.rows[column].sum(where=where).fill_null(0)

    def mean(self, column: str, where: "ibis.Value | None" = None) -> "ibis.Value":
        """Divide the exact sum by the count of filled cells, in the last step only."""
        values = self.rows[column]
        return ratio(values.sum(where=where), values.count(where=where))

    def last(self, column: str, where: "ibis.Value | None" = None) -> "ibis.Value":
        """Take the newest filled cell; ties by id, so that every engine takes the same."""
        import ibis

        filled = both(self.rows[column].notnull(), where)
        key = ibis.struct({name: self.rows[name] for name in self.order})
        return self.rows[column].argmax(key, where=filled)

    def days_since(self, value: "ibis.Value") -> "ibis.Value":
        """Count days from an instant to the cutoff, with fraction."""
        return days_between(value, instant(self.as_of))

    def has(self, *names: str) -> bool:
        """Claim that all these columns are there."""
        return all(name in self.names for name in names)

    def filled(self, name: str, otherwise: float) -> "ibis.Value":
        """Read a column of a finished row; `otherwise` where it is null or not there."""
        import ibis

        if name not in self.names:
            return ibis.literal(float(otherwise))
        return self.rows[name].fill_null(float(otherwise))


def both(first: "ibis.Value | None", second: "ibis.Value | None") -> "ibis.Value":
    """Join two conditions, of which one may be missing."""
    if first is None or second is None:
        return second if first is None else first
    return first & second


def ratio(part: "ibis.Value", whole: "ibis.Value") -> "ibis.Value":
    """Divide as floating point; null where the whole is nothing."""
    return part.cast("float64") / whole.cast("float64").nullif(0.0)


def trend(now: "ibis.Value", before: "ibis.Value") -> "ibis.Value":
    """Compare two windows from -1 (all before) to 1 (all now); null where both are empty."""
    now, before = now.cast("float64"), before.cast("float64")
    return (now - before) / (now.abs() + before.abs()).nullif(0.0)


def seconds(value: "ibis.Value") -> "ibis.Value":
    """Count whole seconds since 1970; engines round fractions differently, so they are cut."""
    return value.truncate("s").epoch_seconds().cast("int64")


def days_between(start: "ibis.Value", end: "ibis.Value") -> "ibis.Value":
    """Count days from start to end, with fraction."""
    return (seconds(end) - seconds(start)).cast("float64") / float(SECONDS_PER_DAY)


def text_of(sentences: tuple[str, str]) -> Mapping[str, str]:
    """Pair the two languages in which a feature is explained."""
    return {"en": sentences[0], "zh": sentences[1]}
