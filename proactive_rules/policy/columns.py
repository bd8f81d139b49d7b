"""What a condition of the policy may read, and the check that it can be run at all.

A condition is one SQL expression over a customer's row: features, scores, the customer's own
attributes. It is parsed against the allow-list of `features.expressions`, and bound against an
empty row, so that a wrong name or type is told before any night.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

import duckdb
import pyarrow as pa

from features.errors import BadInput
from features.expressions import check_expression, columns_used
from features.settings.fields import Fields
from proactive_rules.in_memory import with_tables
from proactive_rules.policy.records import Condition

Result = Literal["boolean", "number"]
_SQL = {"boolean": "BOOLEAN", "number": "DOUBLE"}
_EXPECTED = {
    "boolean": "one SQL expression that is true or false, such as `recency_days > 60`",
    "number": "an amount, or one SQL expression that gives one, such as `amount_last`",
}
_REMEDY = "correct it; `forestay rules check --json` lists the columns a rule may read"


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Columns of a customer's row by type.

    Attributes
    ----------
    numbers, texts : what there is in this workspace.
    unmapped, unmapped_texts : columns the product knows and this workspace lacks: they read as
        null, as a number and as a text.
    protected : columns that no rule may read.
    typed : False where only names can be checked.
    """

    numbers: frozenset[str]
    texts: frozenset[str]
    unmapped: frozenset[str] = frozenset()
    unmapped_texts: frozenset[str] = frozenset()
    protected: frozenset[str] = frozenset()
    typed: bool = True

    @property
    def names(self) -> list[str]:
        """All names a condition may use."""
        return sorted(self.numbers | self.texts | self.unmapped | self.unmapped_texts)

    @property
    def schema(self) -> pa.Schema:
        """Return the type of every name."""
        fields = [(name, pa.float64()) for name in sorted(self.numbers | self.unmapped)]
        fields += [(name, pa.string()) for name in sorted(self.texts | self.unmapped_texts)]
        return pa.schema(fields)


def read_condition(
    fields: Fields,
    key: str,
    columns: Columns,
    *,
    extra: Collection[str] = (),
    result: Result = "boolean",
) -> Condition | None:
    """Read one expression; what is wrong with it is collected, with its line."""
    node = fields.given(key)
    if node is None:
        return None
    sql = fields.parsed(node, str, _EXPECTED[result])
    if sql is None:
        return None
    known = replace(columns, numbers=columns.numbers | frozenset(extra))
    try:
        check_expression(sql, columns=None, where=node.where)
        _refuse_protected(sql, columns, node.where)
        check_expression(sql, columns=known.names, where=node.where)
        if columns.typed:
            _bind(sql, known, node.where, result)
    except BadInput as error:
        fields.faults.append(BadInput(error.where, error.problem, _EXPECTED[result], _REMEDY))
    return Condition(sql=sql, where=node.where)


def reads(conditions: Collection[Condition], columns: Columns) -> pa.Schema:
    """Return the columns that some conditions read, as the workspace spells them, with types."""
    used = {name.lower() for one in conditions for name in columns_used(one.sql)}
    return pa.schema([field for field in columns.schema if field.name.lower() in used])


def _refuse_protected(sql: str, columns: Columns, where: str) -> None:
    protected = {name.lower() for name in columns.protected}
    for name in sorted(columns_used(sql)):
        if name.lower() in protected:
            raise BadInput(
                where,
                f"`{name}` is protected: no rule may read it",
                "other columns",
                "leave it out; protected columns only measure fairness",
            )


def _bind(sql: str, columns: Columns, where: str, result: Result) -> None:
    """Let DuckDB find out whether types fit, without any row."""
    with with_tables(customers=columns.schema.empty_table()) as connection:
        try:
            connection.execute(f"SELECT CAST(({sql}\n) AS {_SQL[result]}) FROM customers")
        except duckdb.Error as error:
            words = str(error).split("\n")[0]
            raise BadInput(
                where, f"it cannot be computed: {words}", _EXPECTED[result], "correct it"
            ) from error
