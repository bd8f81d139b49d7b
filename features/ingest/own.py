"""The user's own features: one value a row, where the row meets their condition.

Windows and aggregation belong to the compute floor; here an `own_<name>` column is made over the
contract's columns of each accepted row. A value made of columns that are known late is itself late.
"""

import duckdb

from features.errors import BadInput, ForestayError, raise_faults
from features.expressions import check_expression, columns_used
from features.ingest.conversions import NUMBER_SQL, is_number
from features.tables import TABLES
from features.workspace import OwnFeature


def own_columns(
    connection: duckdb.DuckDBPyConnection, features: tuple[OwnFeature, ...], rows: str
) -> dict[str, str]:
    """Return SQL of each own feature's value over `rows`, a view of accepted rows.

    Raises
    ------
    BadInput : every expression that cannot be computed, at once.
    """
    faults: list[ForestayError] = []
    made: dict[str, str] = {}
    for feature in features:
        try:
            made[f"own_{feature.name}"] = _value(connection, feature, rows)
        except BadInput as error:
            faults.append(error)
    raise_faults(faults)
    return made


def late_columns(features: tuple[OwnFeature, ...]) -> tuple[str, ...]:
    """Name the own columns that use a column known late."""
    return tuple(f"own_{feature.name}" for feature in features if _is_late(feature))


def _is_late(feature: OwnFeature) -> bool:
    texts = [text for text in (feature.where, feature.column) if text]
    used = {name.lower() for text in texts for name in columns_used(text)}
    return any(c.known_with and c.name in used for c in TABLES[feature.table].columns)


def _value(connection: duckdb.DuckDBPyConnection, feature: OwnFeature, rows: str) -> str:
    where = f"forestay.yaml, field features.{feature.name}"
    columns = [row[0] for row in connection.execute(f"DESCRIBE {rows}").fetchall()]
    _check(connection, feature.where, "BOOLEAN", (rows, f"{where}.where"), columns)
    _check(connection, feature.column, "number", (rows, f"{where}.column"), columns)
    value = f"TRY_CAST(TRY(({feature.column}\n)) AS {NUMBER_SQL})" if feature.column else None
    if feature.aggregate == "count" or value is None:
        present = f"{value} IS NOT NULL" if value else "TRUE"
        value = f"CASE WHEN {present} THEN CAST(1 AS {NUMBER_SQL}) END"
    return f"CASE WHEN TRY(({feature.where}\n)) THEN {value} END" if feature.where else value


def _check(
    connection: duckdb.DuckDBPyConnection,
    sql: str | None,
    wanted: str,
    place: tuple[str, str],
    columns: list[str],
) -> None:
    if sql is None:
        return
    rows, where = place
    check_expression(sql, columns=columns, where=where)
    try:
        described = connection.execute(f"DESCRIBE SELECT ({sql}\n) FROM {rows}").fetchall()
    except duckdb.Error as error:
        words = str(error).split("\n")[0].partition(": ")[2].rstrip(".")
        raise BadInput(
            where,
            f"`{sql}` does not fit the columns' types: {words}",
            "an expression over the contract's columns",
            "correct the expression",
        ) from error
    kind = described[0][1]
    fits = kind == "BOOLEAN" or (wanted == "number" and is_number(kind))
    if not fits and kind != '"NULL"':
        raise BadInput(where, f"`{sql}` gives {kind}", f"a {wanted.lower()}", "correct it")
