"""The SQL a workspace may hold: one expression over the columns of one source, and nothing else.

An expression is read by DuckDB's own parser, the one that runs it later, so the tree that is judged
here is the tree that is executed; a second parser would leave room between two readings. Every
node, function and type of that tree must be on a list: what is not known to be harmless is refused.
No file, clock, setting, table or other row can be reached, so the same rows always give the same
result. Ingest, own features and the policy use it; nothing here touches data.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from features.allowed_sql import FUNCTIONS, NODE_KEYS, OPERATORS, REFUSED_NODES, TYPES, VOLATILE
from features.errors import BadInput
from features.settings.fields import nearest

#: Longer than any expression a person writes; guards the parsers below it.
LONGEST = 10_000
_PREFIX = "SELECT "
_SERIALISE = """
    SELECT json_serialize_sql({}::VARCHAR, skip_null := true, skip_empty := true,
    skip_default := true)
"""
_PARSER = threading.local()
_QUOTED = r"""'[^']*'|"[^"]*\""""
#: Texts and quoted names, passed over, and what may be a name, with single spaces in it.
_NAMES = re.compile(rf"{_QUOTED}|[^\W\d]\w*(?: \w+){{0,2}}")
_MOST_NAMES = 40
_ALIAS_REMEDY = (
    "leave out AS, := and second names; a column's name with spaces stands in double quotes"
)
_ONE = "one SQL expression over the source's own columns, as in `Quantity * Price`"


def check_expression(sql: str, *, columns: Sequence[str] | None, where: str) -> None:
    """Refuse everything but one harmless expression, so that a mapping can only map.

    Parameters
    ----------
    sql : the expression, DuckDB's dialect.
    columns : columns it may use, in any case; None where they are not known yet.
    where : the place named in the message, as in ``forestay.yaml, line 3, field where``.

    Raises
    ------
    BadInput : says which part is refused and, for unknown names, which are nearest.

    Examples
    --------
    >>> check_expression("Quantity * price", columns=["Quantity", "Price"], where="orders.amount")
    >>> check_expression("Price * random()", columns=None, where="amount")
    Traceback (most recent call last):
    ...
    features.errors.BadInput: amount: the function `random` is not allowed: results must repeat.
    Expected: one SQL expression over the source's own columns, as in `Quantity * Price`.
    To fix: use functions that only compute on the row, such as coalesce, strptime, lower.
    """
    tree = _parse(sql, where)
    for node in _nodes(tree):
        _check_node(node, where)
    _check_columns(_column_names(tree), columns, where)


def columns_used(sql: str) -> frozenset[str]:
    """Name the columns an expression reads, as they are written in it.

    >>> sorted(columns_used('"Customer ID" || Country'))
    ['Country', 'Customer ID']
    """
    return frozenset(_column_names(_parse(sql, "expression")))


def text_constant(sql: str) -> str | None:
    """Return the text of an expression that is one text constant; None for any other.

    >>> text_constant("'complaint'"), text_constant("Country")
    ('complaint', None)
    """
    tree = _parse(sql, "expression")
    value = tree.get("value", {}) if tree.get("class") == "CONSTANT" else {}
    return value.get("value") if value.get("type", {}).get("id") == "VARCHAR" else None


def _refuse(where: str, problem: str, remedy: str, expected: str = _ONE) -> NoReturn:
    raise BadInput(where, problem, expected, remedy)


def _parse(sql: str, where: str) -> dict[str, Any]:
    if not sql.strip():
        _refuse(where, "the expression is empty", "write a column's name, or remove the line")
    if len(sql) > LONGEST:
        _refuse(where, f"longer than {LONGEST:,} characters", "prepare the column in the source")
    _check_text(sql, where)
    bare = _select(sql, where, _PREFIX + sql)
    # `ALL x` and `a) + (b` are expressions only in one of the two contexts.
    _select(sql, where, f"{_PREFIX}({sql}\n)")
    return bare


def _check_text(sql: str, where: str) -> None:
    """Refuse what would change how the text around the expression is read."""
    position, size = 0, len(sql)
    while position < size:
        character, pair = sql[position], sql[position : position + 2]
        if character in "'\"":
            if character == "'" and _is_prefix(sql, position):
                _refuse(where, "a string with a prefix, as in `E'..'`", "write a plain '..' string")
            position = _closing(sql, position, where)
        elif character in ";$?\x00" or pair in ("--", "/*"):
            shown = pair if pair in ("--", "/*") else character
            _refuse(
                where,
                f"`{shown!s}` at character {position + 1}".replace("\x00", "NUL"),
                "leave out comments, semicolons and parameters",
            )
        position += 1


def _is_prefix(sql: str, position: int) -> bool:
    """Tell whether the letter before a quote makes another kind of string of it."""
    before = sql[position - 1 : position]
    if before.lower() not in ("e", "x", "b", "u", "n", "&"):
        return False
    earlier = sql[position - 2 : position - 1]
    return before == "&" or not (earlier.isalnum() or earlier == "_")


def _closing(sql: str, position: int, where: str) -> int:
    end = sql.find(sql[position], position + 1)
    if end < 0:
        _refuse(where, f"the quote at character {position + 1} is never closed", "close the quote")
    return end


def _select(sql: str, where: str, statement: str) -> dict[str, Any]:
    """Parse a SELECT of one expression and return the expression's tree."""
    try:
        parsed = json.loads(_serialise(statement))
    except RecursionError:
        _refuse(where, "nested too deeply", "prepare the column in the source")
    if parsed["error"]:
        _refuse(where, _syntax_problem(parsed, statement.index(sql), sql), _syntax_remedy(sql))
    node = parsed["statements"][0]["node"] if len(parsed["statements"]) == 1 else {}
    plain = {"type", "select_list", "from_table", "aggregate_handling"}
    if (
        node.get("type") != "SELECT_NODE"
        or not plain >= set(node)
        or node["from_table"] != {"type": "EMPTY"}
        or len(node["select_list"]) != 1
    ):
        _refuse(where, "more than one expression", "leave out FROM, WHERE, commas and the like")
    return dict(node["select_list"][0])


def _serialise(statement: str) -> str:
    import duckdb

    if not hasattr(_PARSER, "connection"):  # one a thread: connections are not shared
        _PARSER.connection = duckdb.connect(
            config={
                "enable_external_access": "false",
                "autoload_known_extensions": "false",
                "autoinstall_known_extensions": "false",
                "threads": "1",
            }
        )
    # A bound parameter would make DuckDB import pandas, half a second; a text literal does not,
    # and doubling its quotes is all DuckDB needs: it knows no backslash in them.
    literal = "'" + statement.replace("'", "''") + "'"
    return str(_PARSER.connection.execute(_SERIALISE.format(literal)).fetchone()[0])


def _syntax_problem(parsed: Mapping[str, Any], offset: int, sql: str) -> str:
    words = str(parsed.get("error_message", "cannot be read")).split("\n")[0]
    place = int(parsed.get("position", -1)) - offset
    return f"{words} (character {place + 1})" if 0 <= place < len(sql) else words


def _syntax_remedy(sql: str) -> str:
    """Name the column that reads as SQL until it is quoted: the usual cause of a syntax error."""
    words = [found[0] for found in _NAMES.finditer(sql) if found[0][0] not in "'\""]
    singles = [word for name in words for word in name.split()]
    for name in dict.fromkeys([*singles, *words][:_MOST_NAMES]):
        if _reads_as_column(sql, name):
            return (
                f"if `{name}` is a column, write it in double quotes"
                f" (`'\"{name}\"'` where it is all that stands on a line of YAML)"
            )
    return "correct the expression; a column named like a word of SQL stands in double quotes"


def _reads_as_column(sql: str, name: str) -> bool:
    """Tell whether the expression is sound once a name is quoted wherever it stands."""
    outside = re.compile(rf"{_QUOTED}|\b{re.escape(name)}\b", re.IGNORECASE)
    tried = outside.sub(lambda m: m[0] if m[0][0] in "'\"" else f'"{m[0]}"', sql)
    parsed = json.loads(_serialise(f"{_PREFIX}({tried}\n)"))
    nodes = list(_nodes(parsed.get("statements", [])))
    return not parsed["error"] and all(n["class"] in NODE_KEYS and "alias" not in n for n in nodes)


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    """Go through every expression of a tree, however it hangs in it."""
    waiting = [tree]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            if "class" in found:
                yield found
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)


def _check_node(node: Mapping[str, Any], where: str) -> None:
    kind = node["class"]
    allowed = NODE_KEYS.get(kind)
    if allowed is None:
        words = REFUSED_NODES.get(kind, f"`{kind.lower()}`")
        _refuse(where, f"{words} not allowed here", "compute on the row alone")
    if "alias" in node:
        _refuse(where, "a name is given inside the expression", _ALIAS_REMEDY)
    if not allowed >= set(node):
        extra = ", ".join(sorted(set(node) - allowed))
        _refuse(where, f"`{extra}` is not allowed here", "compute on the row alone")
    if kind == "FUNCTION":
        _check_function(node, where)
    elif kind == "CAST":
        _check_type(node["cast_type"], where)
    elif kind == "OPERATOR" and node["type"] not in OPERATORS:
        _refuse(where, f"`{node['type'].lower()}` is not allowed", "compute on the row alone")


def _check_function(node: Mapping[str, Any], where: str) -> None:
    name = node["function_name"].lower()
    # DuckDB writes `main` itself where the grammar names a function, as in EXTRACT(year FROM x).
    if name not in FUNCTIONS or node.get("schema", "main") != "main":
        shown = f"{node['schema']}.{name}" if node.get("schema", "main") != "main" else name
        why = ": results must repeat" if name in VOLATILE else nearest(name, FUNCTIONS)
        _refuse(
            where,
            f"the function `{shown}` is not allowed{why}",
            "use functions that only compute on the row, such as coalesce, strptime, lower",
        )
    if node.get("order_bys", {}).get("orders"):
        _refuse(where, "ORDER BY is not allowed here", "compute on the row alone")


def _check_type(cast_type: Mapping[str, Any], where: str) -> None:
    if cast_type["id"] not in TYPES:
        name = cast_type.get("type_info", {}).get("name", cast_type["id"])
        _refuse(
            where,
            f"the type `{name}` is not known here{nearest(name, TYPES)}",
            "use VARCHAR, DOUBLE, DECIMAL, BIGINT, BOOLEAN, DATE or TIMESTAMP",
        )


def _column_names(tree: object) -> list[str]:
    return [n["column_names"][0] for n in _nodes(tree) if n["class"] == "COLUMN_REF"]


def _check_columns(names: Sequence[str], columns: Sequence[str] | None, where: str) -> None:
    known = {column.lower() for column in columns or ()}
    for name in names:
        lower = name.lower()
        # `age`, `user` or `uuid` may be a column; where columns are known it is asked again.
        asked_later = columns is None and not lower.startswith(("current_", "local", "rowid"))
        if lower in VOLATILE and lower not in known and not asked_later:
            _refuse(where, f"`{name}` is not allowed: results must repeat", "write the date itself")
        if columns is not None and lower not in known:
            _refuse(
                where,
                f"no column `{name}`{nearest(name, columns)}",
                "use a column of the source; a text stands in single quotes,"
                " a name with spaces or points in double quotes",
                "one of " + ", ".join(columns),
            )
