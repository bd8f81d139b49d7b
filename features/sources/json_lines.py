"""JSON lines as parts: one object a line, keys as columns of text, numbers digit by digit."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from features.errors import BadInput
from features.sources.csv_files import TextRows
from features.sources.part import Part, check_names, numbered
from features.sql_words import BROKEN, ROW, literal, quoted

#: A character JSON never holds bare: no line is split at it.
_NEVER = "\x01"
_IS_OBJECT = "TRY(json_type(line)) = 'OBJECT'"


def json_part(path: Path, name: str) -> Part:
    """Open a JSON lines file; reads it once to learn all keys."""
    names = _keys(path, name)
    check_names(names, name)
    schema = pa.schema([pa.field(column, pa.string()) for column in names])

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        paths = ", ".join(literal(f'$."{column}"') for column in columns)
        names = enumerate(columns, start=1)
        cells = [f'"forestay cells"[{i}] AS {quoted(column)}' for i, column in names]
        values = f"json_extract_string(line, [{paths}])" if columns else "[]"
        query = f"""
            SELECT {", ".join([*cells, quoted(ROW), quoted(BROKEN)])} FROM (
                SELECT *, CASE WHEN "is object" THEN {values} END AS "forestay cells" FROM (
                    SELECT {quoted(ROW)}, coalesce({_IS_OBJECT}, FALSE) AS "is object", line,
                        coalesce({quoted(BROKEN)}, CASE WHEN NOT "is object" THEN 'not_json' END)
                            AS {quoted(BROKEN)} FROM lines))"""
        wanted = pa.schema([schema.field(column) for column in columns])
        with _connect() as connection:
            for lines in _lines(path, name):
                connection.register("lines", pa.Table.from_batches([lines]))
                for batch in connection.execute(query).to_arrow_table().to_batches():
                    columns_only = batch.select(wanted.names)
                    yield numbered(columns_only, batch.column(ROW), batch.column(BROKEN))

    return Part(name=name, schema=schema, texts=frozenset(names), read=read)


def _connect() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"enable_external_access": "false", "threads": "1"})


def _lines(path: Path, name: str) -> Iterator[pa.RecordBatch]:
    rows = TextRows(names=["line"], separator=_NEVER, quote=False, header_rows=0)
    yield from rows.read(path, name)


def _keys(path: Path, name: str) -> list[str]:
    """Name all keys in the order in which they first appear."""
    found: dict[str, None] = {}
    query = f"""
        SELECT key FROM (
            SELECT {quoted(ROW)} AS r, unnest(keys) AS key, generate_subscripts(keys, 1) AS i
            FROM (SELECT *, TRY(json_keys(line)) AS keys FROM lines WHERE {_IS_OBJECT}))
        GROUP BY key ORDER BY min((r, i))"""
    first = None
    with _connect() as connection:
        for lines in _lines(path, name):
            first = first or next(
                (line for line in lines.column("line").to_pylist()[:1] if line), None
            )
            connection.register("lines", pa.Table.from_batches([lines]))
            found |= dict.fromkeys(row[0] for row in connection.execute(query).fetchall())
    if not found:
        is_array = (first or "").lstrip().startswith("[")
        raise BadInput(
            name,
            "the file is one JSON array" if is_array else "no line is a JSON object",
            'JSON lines: one object a line, as in {"id": "7", "amount": 12.5}',
            "convert it, as in `jq -c '.[]'`" if is_array else "write the file again",
        )
    return list(found)
