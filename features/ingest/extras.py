"""Extra columns of a table (features of profiles, attributes of customers): number or text.

Texts of which nearly all are numbers count as numbers, and what is said about it: a column such as
`TotalCharges` with a few blanks is otherwise thousands of categories.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb
import pyarrow as pa

from features.ingest.fates import StagedTable
from features.ingest.staged_rows import FAULTS
from features.sql_words import quoted

#: Share of a text column's filled values that must be numbers for it to count as one.
NEARLY_ALL = 0.95


@dataclass(frozen=True, kw_only=True)
class ExtraColumn:
    """One extra column: its name, its type, and SQL over the staged rows."""

    name: str
    type: pa.DataType
    sql: str
    warning: str | None = None

    @property
    def kind(self) -> Literal["number", "text"]:
        """Say `number` or `text`."""
        return "number" if pa.types.is_floating(self.type) else "text"


def find_extras(
    connection: duckdb.DuckDBPyConnection, staged: StagedTable
) -> tuple[ExtraColumn, ...]:
    """Decide the type of every extra column over all accepted rows."""
    names = dict.fromkeys(name for source in staged.sources for name in source.extras)
    types = dict[str, str](
        connection.execute(
            f"SELECT column_name, column_type FROM (DESCRIBE {staged.rows})"
        ).fetchall()
    )
    return tuple(_extra(connection, staged, name, types[f"extra {name}"]) for name in names)


def _extra(
    connection: duckdb.DuckDBPyConnection, staged: StagedTable, name: str, type_: str
) -> ExtraColumn:
    column = quoted(f"extra {name}")
    if type_ == "DOUBLE":
        return ExtraColumn(name=name, type=pa.float64(), sql=column)
    real = f"TRY_CAST(trim({column}) AS DOUBLE)"
    number = f"CASE WHEN isfinite({real}) THEN {real} END"
    row = connection.execute(
        f"SELECT count(*), count({column}), count({number}) FROM {staged.rows}"
        f" WHERE {FAULTS} IS NULL"
    ).fetchone()
    rows, filled, numbers = row or (0, 0, 0)
    if not filled or numbers < NEARLY_ALL * filled:
        return ExtraColumn(name=name, type=pa.string(), sql=column)
    words = f"{staged.table.name}: `{name}` is text but holds numbers, so it is read as a number"
    if rows - numbers:
        words += f"; {rows - filled:,} blanks and {filled - numbers:,} other texts count as missing"
    return ExtraColumn(name=name, type=pa.float64(), sql=number, warning=words)


def warnings_of(staged: StagedTable, extras: Sequence[ExtraColumn]) -> list[str]:
    """Say which extra columns are read otherwise than they stand, or cannot be features."""
    said = [extra.warning for extra in extras if extra.warning]
    said += [
        f"{source.source.label}: `{name}` is neither number nor text and is left out"
        for source in staged.sources
        for name in source.left_out
    ]
    return said
