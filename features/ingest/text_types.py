"""Types of columns that came as bare text (CSV, JSON lines), found over all their values.

A type is `exact` when every filled value has it; when only most have, it is still known, for
expressions that fit nothing else: the other values then become faults of the field. Numbers with
leading zeros or more digits than a double holds stay text, and so do dates that could be day first
as well as month first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from features.sql_words import literal, quoted

_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d")
_CLOCKS = ("", " %H:%M", " %H:%M:%S")
_AWARE = r"\d:\d{2}(:\d{2}([.,]\d+)?)?\s*(Z|z|[+-]\d{2}(:?\d{2})?)$"
#: Beyond this share of values a type is taken for the column's, where nothing else fits.
MOST = 0.5


@dataclass(frozen=True, kw_only=True)
class FoundType:
    """A type of a text column: `sql` None is text; `formats` where dates are not ISO."""

    sql: str | None
    exact: bool
    formats: tuple[str, ...] = ()

    def cast(self, column: str) -> str:
        """Return SQL that reads the column's text as this type, null where it cannot."""
        if self.formats:
            formats = ", ".join(literal(f) for f in self.formats)
            return f"try_strptime(trim({column}), [{formats}])"
        return f"TRY_CAST(trim({column}) AS {self.sql})"

    @property
    def fault(self) -> str:
        """Kind of fault of a value that has another type."""
        return "not_a_number" if self.sql in ("DOUBLE", "BIGINT") else "not_a_time"

    @property
    def shown(self) -> str:
        """Words for `forestay check`."""
        return self.sql if self.exact and self.sql else "VARCHAR"


_COUNTS = {
    "filled": "TRUE",
    "whole": r"regexp_full_match(t, '[+-]?\d{1,18}')",
    "number": "isfinite(TRY_CAST(t AS DOUBLE)) AND NOT contains(t, '_')",
    "zeros": r"regexp_matches(t, '^[+-]?0\d')",
    "long": r"regexp_full_match(t, '[+-]?\d{16,}')",
    "flag": "lower(t) IN ('true', 'false')",
    "day": "length(t) = 10 AND TRY_CAST(t AS DATE) IS NOT NULL",
    "aware": f"regexp_matches(t, {literal(_AWARE)})",
    "time": "TRY_CAST(t AS TIMESTAMP) IS NOT NULL",
    "slashes": r"regexp_matches(t, '^\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}')",
}


def find_types(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]
) -> dict[str, FoundType]:
    """Find the type of each text column by reading all its values."""
    return {column: _find_type(connection, relation, column) for column in columns}


def _find_type(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> FoundType:
    counts = ", ".join(f"count(*) FILTER ({test}) AS {quoted(n)}" for n, test in _COUNTS.items())
    texts = f"SELECT nullif(trim({quoted(column)}), '') AS t FROM {relation}"
    row = connection.execute(f"SELECT {counts} FROM ({texts}) WHERE t IS NOT NULL").fetchone()
    count = dict(zip(_COUNTS, row or (), strict=True))
    filled = count["filled"]
    if not filled:
        return FoundType(sql="DOUBLE", exact=False)
    exact = _exact_type(count)
    if exact:
        return FoundType(sql=exact, exact=True)
    if count["number"] > MOST * filled:
        return FoundType(sql="DOUBLE", exact=False)
    if count["time"] > MOST * filled and not count["aware"]:
        return FoundType(sql="TIMESTAMP", exact=False)
    if count["slashes"] > MOST * filled:
        return _find_format(connection, texts, filled)
    return FoundType(sql=None, exact=False)


def _exact_type(count: dict[str, int]) -> str | None:
    filled = count["filled"]
    as_number = not count["zeros"] and not count["long"]
    tests = (
        ("BIGINT", count["whole"] == filled and as_number),
        ("DOUBLE", count["number"] == filled and as_number),
        ("BOOLEAN", count["flag"] == filled),
        ("DATE", count["day"] == filled),
        ("TIMESTAMP", count["time"] == filled and not count["aware"]),
        ("TIMESTAMP WITH TIME ZONE", count["time"] == filled and count["aware"] == filled),
    )
    return next((type_ for type_, holds in tests if holds), None)


def _find_format(connection: duckdb.DuckDBPyConnection, texts: str, filled: int) -> FoundType:
    groups = [tuple(day + clock for clock in _CLOCKS) for day in _DAYS]
    lists = ["[" + ", ".join(literal(f) for f in group) + "]" for group in groups]
    counts = ", ".join(f"count(try_strptime(t, {formats}))" for formats in lists)
    row = connection.execute(f"SELECT {counts} FROM ({texts})").fetchone() or ()
    fitting = [group for group, fits in zip(groups, row, strict=True) if fits == filled]
    if len(fitting) == 1:
        return FoundType(sql="TIMESTAMP", exact=True, formats=fitting[0])
    return FoundType(sql=None, exact=False)
