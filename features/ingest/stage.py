"""One source to staged rows: read, kept or filtered, converted, each faulty row with its faults."""

from collections.abc import Callable, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace
from functools import partial

import duckdb
import pyarrow as pa

from features.errors import BadInput, ForestayError, raise_faults
from features.ingest.conversions import Conversion, convert, is_number, wrong_type
from features.ingest.mapping import Mapping, read_mapping
from features.ingest.readings import (
    Expression,
    Reading,
    choose_reading,
    readings_of,
    shapes,
    uses,
)
from features.ingest.staged_rows import FILE_BITS, KEEP, ROW_BITS, Plan, staged_select
from features.ingest.stream import SourceStream
from features.ingest.text_types import FoundType, find_types
from features.ingest.workbench import Workbench
from features.sources import parts_of
from features.sources.part import Part, unified_schema
from features.sql_words import literal, quoted
from features.tables import Column
from features.workspace import Source


@dataclass(frozen=True, kw_only=True)
class Staged:
    """One source's staged rows, in the table called `relation`.

    ``erased`` counts the rows of erased people by file; they are not in the table any more.
    """

    mapping: Mapping
    relation: str
    files: tuple[str, ...]
    read: int
    types: dict[str, str]
    extras: tuple[str, ...]
    left_out: tuple[str, ...]
    erased: MappingOf[str, int] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        """The source that was staged."""
        return self.mapping.source

    def file_of(self, position: str) -> str:
        """Return SQL for the name of the file of a position."""
        names = ", ".join(literal(name) for name in self.files)
        mask = (1 << FILE_BITS) - 1
        return f"([{names}])[(({position} >> {ROW_BITS}) & {mask}) + 1]"


def row_of(position: str) -> str:
    """Return SQL for the row number of a position."""
    return f"({position} & {(1 << ROW_BITS) - 1})"


def stage(bench: Workbench, source: Source) -> Staged:
    """Read one source and stage its rows.

    Raises
    ------
    BadInput : a file cannot be read, a column is not there, an expression does not fit.
    Unavailable : a database does not answer.
    """
    parts = parts_of(source, bench.workspace)
    schema = unified_schema(parts)
    mapping = read_mapping(source, parts, schema.names)
    # Duplicates are rows equal in every column, so all are read; made ids leave none equal.
    hashed = () if mapping.position_id else tuple(schema.names)
    wanted = mapping.used | set(hashed)
    columns = pa.schema([field for field in schema if field.name in wanted])
    stream = SourceStream(parts, columns)
    bench.connection.register("empty", stream.schema.empty_table())
    try:
        return _stage_stream(bench, mapping, parts, stream)
    finally:
        bench.connection.unregister("empty")


def _stage_stream(
    bench: Workbench, mapping: Mapping, parts: Sequence[Part], stream: SourceStream
) -> Staged:
    connection = bench.connection
    relation = f"{mapping.table.name} {mapping.source.index}"
    raw, found = quoted("raw " + relation), dict[str, FoundType]()
    texts = frozenset().union(*(part.texts for part in parts)) & mapping.used
    if texts:
        # Types are found over all values, so all rows must be there before any is converted.
        _fill(connection, raw, lambda relation: f"SELECT * FROM {relation}", stream)
        found = find_types(connection, raw, sorted(texts))
    readings = readings_of(found, mapping.id_columns)
    shapes(connection, "empty", readings)
    expressions, conversions = _fit(bench, mapping, readings)
    plan = Plan(
        mapping=mapping,
        readings=readings,
        expressions=expressions,
        conversions=conversions,
        files=tuple(part.name for part in parts),
        hashed=() if mapping.position_id else mapping.names,
        present=bench.present,
    )
    if texts:
        connection.execute(f"CREATE TABLE {quoted(relation)} AS {staged_select(plan, raw)}")
        connection.execute(f"DROP TABLE {raw}")
    else:
        _fill(connection, quoted(relation), partial(staged_select, plan), stream)
    return Staged(
        mapping=mapping,
        relation=relation,
        files=tuple(plan.files),
        read=stream.rows,
        types=_types(connection, found, mapping.id_columns),
        extras=plan.extras,
        left_out=tuple(name for name in mapping.extras if name not in plan.extras),
    )


def _fill(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    select: Callable[[str], str],
    stream: SourceStream,
) -> None:
    """Make a table of what a statement gives for the rows of a stream, piece by piece."""
    connection.execute(f"CREATE TABLE {table} AS {select('empty')}")
    for chunk in stream.chunks():
        connection.register("chunk", chunk)
        connection.execute(f"INSERT INTO {table} {select('chunk')}")
        connection.unregister("chunk")


def _fit(
    bench: Workbench, mapping: Mapping, readings: Sequence[Reading]
) -> tuple[list[Expression], MappingOf[str, Conversion]]:
    """Find a reading for each expression and a conversion for each contract column."""
    faults: list[ForestayError] = []
    expressions: list[Expression] = []
    conversions: dict[str, Conversion] = {}
    zone = mapping.source.time_zone or bench.workspace.time_zone
    kept = {KEEP: mapping.where} if mapping.where is not None else {}
    for name, sql in {**kept, **mapping.expressions, **mapping.extras}.items():
        column = mapping.table.column(name) if name in mapping.expressions else None
        try:
            fit = _fit_one(bench, mapping, readings, (name, sql), column)
            expressions.append(fit)
            if column:
                conversions[name] = _conversion(mapping, column, fit, zone)
            if name == KEEP:
                _check_condition(mapping, fit.kind)
        except BadInput as error:
            faults.append(error)
    raise_faults(faults)
    return expressions, conversions


def _fit_one(
    bench: Workbench,
    mapping: Mapping,
    readings: Sequence[Reading],
    named: tuple[str, str],
    column: Column | None,
) -> Expression:
    name, sql = named
    field = "where" if name == KEEP else f"columns.{name}"
    expression = choose_reading(
        bench.connection,
        sql,
        name=name,
        order=_order(sql, column, readings),
        where=f"forestay.yaml, field {mapping.source.label}.{field}",
    )
    used = uses(sql, mapping.names)
    casts = readings[expression.reading].casts
    return replace(
        expression,
        casts={n: t for n, t in casts.items() if n in used and not t.exact},
    )


def _order(sql: str, column: Column | None, readings: Sequence[Reading]) -> tuple[int, ...]:
    """Say which readings to try: ids as text, plain texts as they are written, others as found."""
    if len(readings) == 1:
        return (0,)
    if column is not None and column.type == "id":
        return (0,)
    is_plain = sql.strip().strip('"').replace("_", "").isalnum()
    if column is not None and column.type == "text" and is_plain:
        return (0,)
    return (1, 0, 2)


def _conversion(mapping: Mapping, column: Column, fit: Expression, zone: str) -> Conversion:
    needed = column.needed or (column.name == "customer_id" and mapping.makes_id is None)
    asked = replace(column, needed=needed)
    made = convert(asked, fit.kind, quoted("value " + column.name), zone)
    if made is None:
        field = f"{mapping.source.label}.columns.{column.name}"
        raise wrong_type(column, fit.kind, f"forestay.yaml, field {field}")
    return made


def _check_condition(mapping: Mapping, kind: str) -> None:
    """Refuse a `where` that is neither true nor false; of a number, all but 0 is true."""
    if kind in ("BOOLEAN", '"NULL"') or is_number(kind):
        return
    raise BadInput(
        f"forestay.yaml, field {mapping.source.label}.where",
        f"`{mapping.where}` gives {kind}, which is neither true nor false",
        "a condition, as in `Quantity > 0`",
        "compare it with something, as in `status = 'paid'`",
    )


def _types(
    connection: duckdb.DuckDBPyConnection, found: MappingOf[str, FoundType], ids: frozenset[str]
) -> dict[str, str]:
    """Print the types of the columns as they are read; bare text used in an id stays text."""
    rows = connection.execute("DESCRIBE empty").fetchall()
    types = {str(row[0]): str(row[1]) for row in rows[:-3]}
    return types | {n: "VARCHAR" if n in ids else type_.shown for n, type_ in found.items()}
