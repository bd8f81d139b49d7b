"""How each expression of a mapping reads the columns of its source.

Typed sources (Parquet, databases) have one reading. Bare text (CSV, JSON lines) has three, tried in
this order until the expression fits: the types found over the whole file (columns used in an id
stay text), all text, and types that most values have, where the others become faults of the field.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from features.errors import BadInput
from features.expressions import columns_used
from features.ingest.text_types import FoundType
from features.sql_words import BROKEN, FILE, ROW, quoted

PLACE = (FILE, ROW, BROKEN)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Columns of a source under one set of types; `casts` are the columns that change."""

    name: str
    casts: Mapping[str, FoundType] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Expression:
    """One expression that fits: its reading, the type it gives, and the casts that may fail."""

    field: str
    sql: str
    reading: int
    kind: str
    casts: Mapping[str, FoundType]


AS_IT_IS = Reading(name="as it is")


def readings_of(found: Mapping[str, FoundType], id_columns: frozenset[str]) -> list[Reading]:
    """List the readings of a source whose text columns were found to have such types."""
    if not found:
        return [AS_IT_IS]
    exact = {name: type_ for name, type_ in found.items() if type_.exact and name not in id_columns}
    likely = {name: type_ for name, type_ in found.items() if type_.sql is not None}
    return [
        Reading(name="all text"),
        Reading(name="types of all values", casts=exact),
        Reading(name="types of most values", casts=likely),
    ]


def choose_reading(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    *,
    name: str,
    order: Sequence[int],
    where: str,
) -> Expression:
    """Find the first reading in which an expression fits the columns' types.

    Empty tables called `shape <reading>` stand for the readings.

    Raises
    ------
    BadInput : it fits none; the words are DuckDB's about the first reading tried.
    """
    refusals = []
    for index in order:
        query = f"DESCRIBE SELECT ({sql}\n) AS value FROM {quoted(f'shape {index}')}"
        try:
            kind = connection.execute(query).fetchall()[0][1]
        except duckdb.Error as error:
            refusals.append(error)
            continue
        return Expression(field=name, sql=sql, reading=index, kind=kind, casts={})
    words = str(refusals[0]).split("\n")[0].partition(": ")[2] or "it cannot be computed"
    is_nested = "not a struct" in words
    raise BadInput(
        where,
        f"`{sql}` does not fit the columns' types: {words.rstrip('.')}",
        "an expression whose operators and functions fit the types `forestay check` prints",
        "reach into JSON with an arrow, as in `address->>'city'`"
        if is_nested
        else "convert a column first, as in `TRY_CAST(Price AS DOUBLE)`",
    )


def shapes(
    connection: duckdb.DuckDBPyConnection, relation: str, readings: Sequence[Reading]
) -> None:
    """Make the empty tables against which expressions are tried."""
    for index, reading in enumerate(readings):
        select = replaced(relation, reading)
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {quoted(f'shape {index}')} AS {select} LIMIT 0"
        )


def replaced(relation: str, reading: Reading) -> str:
    """Select a relation's columns under a reading."""
    if not reading.casts:
        return f"SELECT * FROM {relation}"
    casts = ", ".join(
        f"{type_.cast(quoted(name))} AS {quoted(name)}" for name, type_ in reading.casts.items()
    )
    return f"SELECT * REPLACE ({casts}) FROM {relation}"


def uses(sql: str, names: Sequence[str]) -> frozenset[str]:
    """Name the source's columns an expression uses, as the source writes them."""
    by_lower = {name.lower(): name for name in names}
    return frozenset(by_lower[name.lower()] for name in columns_used(sql))
