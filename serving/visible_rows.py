"""Accepted rows as a night sees them, as SQL over one customer bucket.

The predicates are `features.point_in_time`'s; here they are written down for `runner.collect`.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from features.tables import TABLES

if TYPE_CHECKING:
    import ibis

_TYPES = {
    "id": "string",
    "text": "string",
    "time": "timestamp(6)",
    "number": "decimal(18, 4)",
    "flag": "boolean",
}
_PLACE_IN_TIME = ("known_at", "superseded_at")


def stored_columns(table: str) -> tuple[str, ...]:
    """Name the columns every accepted table has: the contract's, and its place in time."""
    return tuple(dict.fromkeys((*TABLES[table].names, *_PLACE_IN_TIME)))


def visible_rows(table: str, as_of: datetime) -> str:
    """Return SQL for the rows of a table visible at an instant; what came later reads null."""
    import ibis

    from features.point_in_time import visible

    return str(ibis.to_sql(visible(_declared(table), TABLES[table], as_of), dialect="duckdb"))


def visible_people(as_of: datetime) -> str:
    """Return SQL for the visible rows of `customers`, one for each customer."""
    import ibis

    from features.grains import people

    return str(ibis.to_sql(people(_declared("customers"), as_of, {}).rows, dialect="duckdb"))


def naive_instant(moment: datetime) -> str:
    """Write an instant as the rows of a bucket hold it: naive, in UTC.

    >>> from datetime import UTC
    >>> naive_instant(datetime(2026, 9, 1, tzinfo=UTC))
    "TIMESTAMP '2026-09-01 00:00:00'"
    """
    return f"TIMESTAMP '{moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}'"


def _declared(table: str) -> "ibis.Table":
    import ibis

    types = {column.name: _TYPES[column.type] for column in TABLES[table].columns}
    return ibis.table(
        {name: types.get(name, _TYPES["time"]) for name in stored_columns(table)}, name=table
    )
