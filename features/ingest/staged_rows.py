"""The statement that turns a source's rows into staged rows, composed layer by layer.

expressions (under their reading) -> their values, and which failed -> conversion steps -> contract
columns -> faults. A layer sees only the one below, so no name is computed twice.
"""

from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from features.ingest.conversions import AWARE, NUMBER_SQL, Conversion, as_text, is_number, is_text
from features.ingest.mapping import Mapping
from features.ingest.readings import PLACE, Expression, Reading
from features.sql_words import BROKEN, FILE, ROW, literal, quoted

#: Columns of staged rows beside the contract's and the extra ones.
POSITION, CONTENT, FAULTS = "forestay_position", "forestay_content", "forestay_faults"
MADE_ID = "forestay made id"
#: Bits of a position: 9 for the source, 16 for the file, 38 for the row.
FILE_BITS, ROW_BITS = 16, 38
_NULLS = {
    "id": "CAST(NULL AS VARCHAR)",
    "text": "CAST(NULL AS VARCHAR)",
    "time": f"CAST(NULL AS {AWARE})",
    "number": f"CAST(NULL AS {NUMBER_SQL})",
    "flag": "CAST(NULL AS BOOLEAN)",
}
#: The name under which `where` is computed; a feature may be called where.
KEEP = "forestay where"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the rows of one source are staged: all that the statement is composed of."""

    mapping: Mapping
    readings: Sequence[Reading]
    expressions: Sequence[Expression]
    conversions: MappingOf[str, Conversion]
    files: Sequence[str]
    hashed: Sequence[str]
    present: datetime

    @property
    def extras(self) -> tuple[str, ...]:
        """Extra columns whose type can be a feature."""
        return tuple(
            e.field
            for e in self.expressions
            if e.field in self.mapping.extras and extra_sql(e) is not None
        )


def extra_sql(expression: Expression) -> str | None:
    """Return SQL for an extra column: a finite number or a text; None for any other type."""
    value = quoted("value " + expression.field)
    if expression.kind == "BOOLEAN":
        return f"CAST({value} AS DOUBLE)"
    if is_number(expression.kind):
        number = f"CAST({value} AS DOUBLE)"
        return f"CASE WHEN isfinite({number}) THEN {number} END"
    return as_text(value, expression.kind) if is_text(expression.kind) else None


def staged_select(plan: Plan, relation: str) -> str:
    """Compose the statement over a relation of the source's columns and their place."""
    return _faults(plan, _values(plan, _steps(plan, _unpacked(plan, _tried(plan, relation)))))


def _tried(plan: Plan, relation: str) -> str:
    """Compute every expression; TRY gives null for the whole struct only where it fails."""
    hashed = ", ".join(quoted(name) for name in plan.hashed)
    content = f"hash({hashed})" if hashed else "CAST(0 AS UBIGINT)"
    below = f"(SELECT *, {content} AS {quoted(CONTENT)} FROM {relation})"
    done: set[str] = set()
    for index, reading in enumerate(plan.readings):
        here = [e for e in plan.expressions if e.reading == index]
        casts = {name: type_ for name, type_ in reading.casts.items() if name not in done}
        if casts and any(e.reading >= index for e in plan.expressions):
            typed = ", ".join(f"{t.cast(quoted(n))} AS {quoted(n)}" for n, t in casts.items())
            kept = ", ".join(f"{quoted(n)} AS {quoted('text ' + n)}" for n in casts)
            below = f"(SELECT * REPLACE ({typed}), {kept} FROM {below})"
            done |= set(casts)
        if here:
            tries = ", ".join(
                f"TRY({{'v': ({e.sql}\n)}}) AS {quoted('try ' + e.field)},"
                f" {_lenient_fault(e)} AS {quoted('cast ' + e.field)}"
                for e in here
            )
            below = f"(SELECT *, {tries} FROM {below})"
    return below


def _lenient_fault(expression: Expression) -> str:
    """Say which value of a likely type has another one: its text is given, its value is not."""
    whens = " ".join(
        f"WHEN trim({quoted('text ' + name)}) <> '' AND {quoted(name)} IS NULL"
        f" THEN {literal(type_.fault)}"
        for name, type_ in expression.casts.items()
    )
    return f"CASE {whens} END" if whens else "CAST(NULL AS VARCHAR)"


def _unpacked(plan: Plan, below: str) -> str:
    columns = [quoted(CONTENT), *(quoted(name) for name in PLACE)]
    for expression in plan.expressions:
        tried, name = quoted("try " + expression.field), expression.field
        cast = quoted("cast " + name)
        failed = f"CASE WHEN {tried} IS NULL THEN 'expression_failed' ELSE {cast} END"
        columns.append(f"struct_extract({tried}, 'v') AS {quoted('value ' + name)}")
        columns.append(f"{failed} AS {quoted('failed ' + name)}")
    select = f"SELECT {', '.join(columns)} FROM {below}"
    if plan.mapping.where is None:
        return f"({select})"
    kept = f"{quoted('value ' + KEEP)} IS TRUE OR {quoted('failed ' + KEEP)} IS NOT NULL"
    return f"(SELECT * FROM ({select}) WHERE {kept} OR {quoted(BROKEN)} IS NOT NULL)"


def _steps(plan: Plan, below: str) -> str:
    steps = [
        f"{sql} AS {quoted(name)}"
        for conversion in plan.conversions.values()
        for name, sql in conversion.steps.items()
    ]
    return f"(SELECT {', '.join(['*', *steps])} FROM {below})"


def _values(plan: Plan, below: str) -> str:
    values = [
        f"{conversion.value} AS {quoted(name)}" for name, conversion in plan.conversions.items()
    ]
    values += [
        f"{_NULLS[column.type]} AS {quoted(column.name)}"
        for column in plan.mapping.table.columns
        if column.name not in plan.conversions
    ]
    for expression in plan.expressions:
        sql = extra_sql(expression) if expression.field in plan.extras else None
        if sql:
            values.append(f"{sql} AS {quoted('extra ' + expression.field)}")
    return f"(SELECT {', '.join(['*', *values])} FROM {below})"


def _faults(plan: Plan, below: str) -> str:
    found = [f"'row: ' || {quoted(BROKEN)}"]
    if plan.mapping.where is not None:
        found.append(f"'where: ' || {quoted('failed ' + KEEP)}")
    found += [f"{literal(name + ': ')} || {_field_fault(plan, name)}" for name in plan.conversions]
    whole = f"nullif(concat_ws('; ', {', '.join(found)}), '')"
    faults = f"CASE WHEN {quoted(BROKEN)} IS NOT NULL THEN {found[0]} ELSE {whole} END"
    columns = [
        f"{_position(plan)} AS {quoted(POSITION)}",
        quoted(CONTENT),
        f"{faults} AS {quoted(FAULTS)}",
        *_with_made_id(plan),
        *(f"{quoted('extra ' + name)} AS {quoted('extra ' + name)}" for name in plan.extras),
    ]
    return f"SELECT {', '.join(columns)} FROM {below}"


def _field_fault(plan: Plan, name: str) -> str:
    parts = [quoted("failed " + name), plan.conversions[name].fault]
    if name == plan.mapping.table.event_time:
        limit = f"CAST({literal(plan.present.isoformat())} AS {AWARE})"
        parts.append(f"CASE WHEN {quoted(name)} > {limit} THEN 'after_present' END")
    return f"coalesce({', '.join(parts)})"


def _position(plan: Plan) -> str:
    source = plan.mapping.source.index << (FILE_BITS + ROW_BITS)
    return f"{source} + (CAST({quoted(FILE)} AS BIGINT) << {ROW_BITS}) + {quoted(ROW)}"


def _with_made_id(plan: Plan) -> list[str]:
    """Name the contract's columns; a missing id is made from file and row, and said to be made."""
    mapping = plan.mapping
    made = mapping.makes_id
    columns = [quoted(name) for name in mapping.table.names if name != made]
    if made is None:
        return [*columns, f"FALSE AS {quoted(MADE_ID)}"]
    names = ", ".join(literal(name) for name in plan.files)
    suffix = f" || {literal(f'@{mapping.source.index}')}" if mapping.source.index else ""
    from_place = f"([{names}])[{quoted(FILE)} + 1] || '#' || {quoted(ROW)}{suffix}"
    return [
        *columns,
        f"coalesce({quoted(made)}, {from_place}) AS {quoted(made)}",
        f"{quoted(made)} IS NULL AS {quoted(MADE_ID)}",
    ]
