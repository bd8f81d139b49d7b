"""One proposed mapping, and the SQL by which a column is read."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from features.proposal.columns import Column, Look, text_literal
from features.proposal.columns import quoted as in_quotes
from features.proposal.forms import EPOCH_MS, EPOCH_S, SPELT_DAY, number_of
from features.proposal.roles import find, is_text


@dataclass(kw_only=True)
class Mapping:
    """A mapping being put together: expressions, filters, and what is doubtful about each."""

    table: str
    look: Look
    columns: dict[str, str] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)
    where: list[str] = field(default_factory=list)
    settings: dict[str, str | list[str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def put(
        self, name: str, column: Column | None, sql: Callable[[Column], str], doubt: str = ""
    ) -> bool:
        """Map a column of the contract, if one was found; say whether it was."""
        if column is None:
            return False
        self.columns[name] = sql(column)
        self.used.add(column.name)
        if doubt:
            self.doubts[name] = doubt
        return True

    def put_texts(self, *roles: str) -> None:
        """Map words under the name of their role."""
        for role in roles:
            self.put(role, find(self.look.columns, role, is_text, taken=self.used), text_sql)

    def put_customer(self, column: Column) -> None:
        """Map the customer, and leave out rows that have none."""
        self.put("customer_id", column, id_sql)
        if column.nulls or column.missing:
            self.where.append(filled_sql(column))

    def put_time(self, name: str, column: Column | None, doubt: str = "") -> bool:
        """Map a time, saying so where day and month could be meant either way."""
        if column is not None and column.month_first_fits_too:
            doubt = f"`{column.name}` may be month first: then swap %d and %m"
        return self.put(name, column, time_sql, doubt)


@cache
def _reserved() -> frozenset[str]:
    import duckdb

    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
        ).fetchall()
    return frozenset(name for (name,) in rows)


def name_sql(column: Column) -> str:
    """Write a column's name, in quotes only where it needs them.

    >>> name_sql(Column(name="Customer ID", kind="text", filled=1, distinct=1, nulls=0))
    '"Customer ID"'
    """
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", column.name)
    return (
        column.name if plain and column.name.lower() not in _reserved() else in_quotes(column.name)
    )


def text_sql(column: Column) -> str:
    """Write a column whose words for nothing (`?`, `NA`) read as null."""
    name = name_sql(column)
    if not column.missing:
        return name
    if len(column.missing) == 1:
        return f"nullif({name}, {text_literal(column.missing[0])})"
    gone = ", ".join(text_literal(word) for word in column.missing)
    return f"CASE WHEN {name} NOT IN ({gone}) THEN {name} END"


def id_sql(column: Column) -> str:
    """Write an id; numbers that were stored with a point lose it, all others stay as they are."""
    if column.kind == "number":
        return f"CAST({name_sql(column)} AS BIGINT)"
    return name_sql(column)


def time_sql(column: Column) -> str:
    """Write a time; a text or a number is read by the form that was found to fit."""
    name, form = name_sql(column), column.time_form
    if not form:
        return text_sql(column)
    if form in (EPOCH_S, EPOCH_MS):
        function = "to_timestamp" if form == EPOCH_S else "epoch_ms"
        return f"{function}(CAST({name} AS BIGINT))"
    if form == SPELT_DAY:
        return f"strptime(CAST({name} AS VARCHAR), '%Y%m%d')"
    function = "strptime" if column.all_times_fit else "try_strptime"
    return f"{function}({text_sql(column)}, {text_literal(form)})"


def number_sql(column: Column) -> str:
    """Write a number; a text is converted by the form that was found to fit."""
    if column.number_form is None or (column.is_bare and column.number_form == "plain"):
        return name_sql(column)
    return number_of(name_sql(column), column.number_form)


def filled_sql(column: Column) -> str:
    """Write the filter that keeps rows in which a column says something."""
    name = name_sql(column)
    gone = ", ".join(text_literal(word) for word in column.missing)
    parts = [f"{name} IS NOT NULL"] if column.nulls else []
    if len(column.missing) == 1:
        parts.append(f"{name} <> {gone}")
    elif gone:
        parts.append(f"{name} NOT IN ({gone})")
    return " AND ".join(parts)


def is_true_sql(column: Column, value: str) -> str:
    """Write that a two-valued column has a value."""
    if column.kind == "flag":
        return name_sql(column) if value == "true" else f"NOT {name_sql(column)}"
    if column.kind in ("integer", "number"):
        return f"{name_sql(column)} = {value}"
    return f"{name_sql(column)} = {text_literal(value)}"


_YES = ("true", "yes", "y", "t", "1", "1.0", "ja", "是")
_NO = ("false", "no", "n", "f", "0", "0.0", "nein", "否")


def yes_value(column: Column) -> str | None:
    """Tell which of two values means yes; None where it cannot be told.

    >>> yes_value(Column(name="Churn", kind="text", filled=2, distinct=2, nulls=0,
    ...                  values=("No", "Yes")))
    'Yes'
    """
    if column.kind == "flag":
        return "true"
    by_lower = {value.lower(): value for value in column.values}
    for yes in _YES:
        if yes in by_lower:
            return by_lower[yes]
    left = re.compile(r"^(churn|attrit|left|lost|exit|leav|cancel)")
    return next((value for low, value in by_lower.items() if left.match(low)), None)


def no_value(column: Column) -> str | None:
    """Tell which of two values means no; None where it cannot be told."""
    if column.kind == "flag":
        return "false"
    return next((value for value in column.values if value.lower() in _NO), None)
