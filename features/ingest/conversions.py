"""From whatever an expression gives to the contract's types, with the fault of each value, as SQL.

A value is never repaired by guessing: it converts, or it is a fault of its field. Kinds of fault
are words (`not_a_number`, `missing`), never values: quarantine holds no personal data.
"""

from collections.abc import Callable
from dataclasses import dataclass

from features.errors import BadInput
from features.ingest.local_time import EARLIEST_YEAR, instant
from features.sql_words import literal, quoted
from features.tables import Column

NUMBER_SQL = "DECIMAL(18,4)"
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
WHOLE_TYPES = frozenset((*_WHOLE, *("U" + name for name in _WHOLE)))
REAL_TYPES = frozenset(("FLOAT", "DOUBLE"))
CLOCK_TYPES = frozenset(("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"))
AWARE = "TIMESTAMP WITH TIME ZONE"
_NOTHING = '"NULL"'
_CLOCK_END = r"\d:\d{2}(:\d{2}([.,]\d+)?)?\s*"
_OFFSET = r"(Z|z|UTC|[+-]\d{2}(:?\d{2})?)$"
_TRUE, _FALSE = "('true', 't', 'yes', 'y', '1')", "('false', 'f', 'no', 'n', '0')"


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """SQL of a converted value and of its fault (null where it has none), in three layers.

    ``steps`` are named values selected first; ``value`` may use them and is then selected under
    the column's own name; ``fault`` may use both.
    """

    value: str
    fault: str
    steps: dict[str, str]


def is_number(kind: str) -> bool:
    """Tell whether a DuckDB type counts."""
    return kind in WHOLE_TYPES or kind in REAL_TYPES or kind.startswith("DECIMAL")


def is_text(kind: str) -> bool:
    """Tell whether a DuckDB type is text."""
    return kind in ("VARCHAR", _NOTHING, "JSON") or kind.startswith("ENUM")


def as_text(value: str, kind: str) -> str:
    """Return SQL for a value as text: whole numbers without a point, blanks as null.

    >>> as_text("x", "BIGINT")
    'CAST(x AS VARCHAR)'
    """
    if kind in REAL_TYPES or kind.startswith("DECIMAL"):
        whole = f"CAST(CAST({value} AS DECIMAL(38,0)) AS VARCHAR)"
        safe = f"abs({value}) < 1e17 AND {value} = trunc({value})"
        shown = f"CASE WHEN {safe} THEN {whole} ELSE CAST({value} AS VARCHAR) END"
        finite = f"isfinite({value})" if kind in REAL_TYPES else "TRUE"
        return f"CASE WHEN {finite} THEN {shown} END"
    if kind == "BLOB":
        return _filled(f"TRY(decode({value}))")
    if is_text(kind):
        return _filled(f"CAST({value} AS VARCHAR)")
    return f"CAST({value} AS VARCHAR)"


def _filled(text: str) -> str:
    return f"CASE WHEN trim({text}, E' \\t\\r\\n') <> '' THEN {text} END"


def convert(column: Column, kind: str, value: str, zone: str) -> Conversion | None:
    """Return how a value of DuckDB type `kind` becomes what the contract asks of `column`.

    None when no value of that type ever could.
    """
    made = _CONVERSIONS[column.type](column, kind, value, zone)
    if made is None or not column.needed:
        return made
    missing = f"CASE WHEN {_is_blank(kind, value)} THEN 'missing' ELSE {made.fault} END"
    return Conversion(value=made.value, fault=missing, steps=made.steps)


def _is_blank(kind: str, value: str) -> str:
    if is_text(kind) or kind == "BLOB" or kind in REAL_TYPES:
        return f"({as_text(value, kind)}) IS NULL" if kind not in REAL_TYPES else f"{value} IS NULL"
    return f"{value} IS NULL"


def _text(column: Column, kind: str, value: str, _zone: str) -> Conversion | None:
    if kind.endswith(("[]", "]")) or kind.startswith(("STRUCT", "MAP", "UNION")):
        return None
    text, fault = as_text(value, kind), "NULL"
    if kind in REAL_TYPES and column.needed:
        fault = f"CASE WHEN NOT isfinite({value}) THEN 'missing' END"
    if column.one_of:
        options = ", ".join(literal(option) for option in column.one_of)
        text = f"lower(trim({text}))"
        fault = f"CASE WHEN {text} NOT IN ({options}) THEN 'not_allowed' END"
    return Conversion(value=text, fault=fault, steps={})


def _number(column: Column, kind: str, value: str, _zone: str) -> Conversion | None:
    if kind != "BOOLEAN" and not is_number(kind) and not is_text(kind):
        return None
    bare = f"nullif(trim(CAST({value} AS VARCHAR)), '')" if is_text(kind) else value
    name, real = f'"number {column.name}"', f"TRY_CAST({bare} AS DOUBLE)"
    bounds = [f"{name} < {column.lowest}"] if column.lowest is not None else []
    bounds += [f"{name} > {column.highest}"] if column.highest is not None else []
    outside = "".join(f" WHEN {bound} THEN 'out_of_range'" for bound in bounds)
    cast = f"TRY_CAST({bare} AS {NUMBER_SQL})"
    given = f'"given {column.name}"'
    fault = (
        f"CASE WHEN {given} AND {name} IS NULL THEN"
        f" CASE WHEN isfinite({real}) THEN 'out_of_range' ELSE 'not_a_number' END{outside} END"
    )
    steps = {f"number {column.name}": cast, f"given {column.name}": f"{bare} IS NOT NULL"}
    return Conversion(value=name, fault=fault, steps=steps)


def _flag(column: Column, kind: str, value: str, _zone: str) -> Conversion | None:
    if kind == "BOOLEAN":
        return Conversion(value=value, fault="NULL", steps={})
    if not is_number(kind) and not is_text(kind):
        return None
    text = f"lower(trim({as_text(value, kind)}))"
    flag = f"CASE WHEN {text} IN {_TRUE} THEN TRUE WHEN {text} IN {_FALSE} THEN FALSE END"
    fault = f'CASE WHEN "text {column.name}" NOT IN {_TRUE} '
    fault += f"AND \"text {column.name}\" NOT IN {_FALSE} THEN 'not_a_flag' END"
    return Conversion(value=flag, fault=fault, steps={f"text {column.name}": text})


def _time(column: Column, kind: str, value: str, zone: str) -> Conversion | None:
    naive, aware, day = f'"naive {column.name}"', f'"aware {column.name}"', f'"day {column.name}"'
    read = _read_time(kind, value)
    if read is None:
        return None
    given, naive_sql, aware_sql, day_sql = read
    usable = f"CASE WHEN year({naive}) BETWEEN {EARLIEST_YEAR} AND 9998 THEN {naive} END"
    local = instant(f"({usable})", zone, day)
    value_sql = f"CASE WHEN {aware} IS NOT NULL THEN {aware} ELSE {local} END"
    early = f"least(year({naive}), year({aware})) < {EARLIEST_YEAR}"
    late = f"greatest(year({naive}), year({aware})) > 9998"
    known = quoted(column.name)
    fault = (
        f'CASE WHEN "given {column.name}" AND {naive} IS NULL AND {aware} IS NULL THEN'
        f" 'not_a_time' WHEN {early} THEN 'before_{EARLIEST_YEAR}' WHEN {late} THEN 'out_of_range'"
        f" WHEN {naive} IS NOT NULL AND {known} IS NULL THEN 'missing_spring_hour' END"
    )
    steps = {
        f"given {column.name}": given,
        f"naive {column.name}": naive_sql,
        f"aware {column.name}": aware_sql,
        f"day {column.name}": day_sql,
    }
    return Conversion(value=value_sql, fault=fault, steps=steps)


def _read_time(kind: str, value: str) -> tuple[str, str, str, str] | None:
    """Return SQL of: given at all; clock time; instant; is a date."""
    if kind in CLOCK_TYPES:
        clock = f"CAST({value} AS TIMESTAMP)"
        finite = f"CASE WHEN isfinite({clock}) THEN {clock} END"
        is_day = "TRUE" if kind == "DATE" else "FALSE"
        return f"{value} IS NOT NULL", finite, f"CAST(NULL AS {AWARE})", is_day
    if kind == AWARE:
        finite = f"CASE WHEN isfinite({value}) THEN {value} END"
        return f"{value} IS NOT NULL", "CAST(NULL AS TIMESTAMP)", finite, "FALSE"
    if not is_text(kind):
        return None
    text = f"nullif(trim(CAST({value} AS VARCHAR)), '')"
    has_offset = f"regexp_matches({text}, {literal(_CLOCK_END + _OFFSET)})"
    # `10:00Z` is ISO 8601, but DuckDB wants seconds before an offset.
    whole = (
        f"regexp_replace({text}, {literal(r'^([^:]*:[0-9]{2})' + chr(92) + 's*' + _OFFSET)},"
        r" '\1:00\2')"
    )
    clock = f"TRY_CAST({text} AS TIMESTAMP)"
    moment = f"TRY_CAST({whole} AS {AWARE})"
    return (
        f"{text} IS NOT NULL",
        f"CASE WHEN NOT {has_offset} AND isfinite({clock}) THEN {clock} END",
        f"CASE WHEN {has_offset} AND isfinite({moment}) THEN {moment} END",
        f"length({text}) = 10",
    )


_Converter = Callable[[Column, str, str, str], Conversion | None]
_CONVERSIONS: dict[str, _Converter] = {
    "id": _text,
    "text": _text,
    "number": _number,
    "flag": _flag,
    "time": _time,
}


def wrong_type(column: Column, kind: str, where: str) -> BadInput:
    """Say that no value of the expression's type could be what the contract asks."""
    remedies = {
        "time": "convert it, as in `to_timestamp(seconds)` or `strptime(text, '%d/%m/%Y')`",
        "number": "map a number, or convert it, as in `date_diff('minute', start, finish)`",
        "flag": "map true or false, as in `status = 'closed'`",
    }
    return BadInput(
        where,
        f"gives {kind}, which is not a {column.type}",
        f"a {column.type}: {column.meaning}",
        remedies.get(column.type, "map a single value"),
    )
