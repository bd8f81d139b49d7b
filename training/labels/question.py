"""What is asked of every customer at one date, and the rows the asker may look at.

Two kinds of sight, never mixed: the population sees what was visible at ``as_of``, as the nightly
list will; the label sees what the workspace knows today (``data_until``). The time predicates
themselves are defined once, in `features/point_in_time.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import ibis

from features.point_in_time import instant, known_by, visible
from features.tables import TABLES, ColumnType
from features.workspace import Target

_IBIS_TYPES: dict[ColumnType, str] = {
    "id": "string",
    "text": "string",
    "time": "timestamp(6)",
    "number": "decimal(18, 4)",
    "flag": "boolean",
}


#: What labels read; the other columns stay on disk.
COLUMNS: dict[str, tuple[str, ...]] = {
    name: (*columns, "known_at", "superseded_at")
    for name, columns in {
        "orders": ("customer_id", "order_id", "ordered_at", "is_return"),
        "interactions": ("customer_id", "occurred_at", "kind"),
        "contracts": ("customer_id", "starts_at", "ends_at", "cancelled_at"),
        "profiles": ("customer_id", "observed_at"),
        "outcomes": ("customer_id", "occurred_at", "outcome"),
    }.items()
}


def declared(name: str) -> ibis.Table:
    """Declare an accepted table by its contract, without data: the engine binds it by name."""
    types = {column.name: _IBIS_TYPES[column.type] for column in TABLES[name].columns}
    types["known_at"] = types["superseded_at"] = _IBIS_TYPES["time"]
    return ibis.table({column: types[column] for column in COLUMNS[name]}, name=name)


@dataclass(frozen=True, kw_only=True)
class Question:
    """One target asked at one ``as_of``, with the tables that can answer it.

    ``data_until`` is the instant up to which rows may be known to count for the label.
    """

    tables: Mapping[str, ibis.Table]
    target: Target
    as_of: datetime
    data_until: datetime

    def seen(self, name: str) -> ibis.Table:
        """Rows visible at ``as_of``: who belongs to the population is decided on these."""
        return visible(self.tables[name], TABLES[name], self.as_of)

    def known(self, name: str) -> ibis.Table:
        """Rows known by now, newest versions only: what happened is decided on these."""
        return known_by(self.tables[name], self.data_until)

    def happened(self, time: ibis.Value) -> ibis.Value:
        """Whether a time lies in the label window, its start included and its end not."""
        start, end = self.target.window(self.as_of)
        return (time >= instant(start)) & (time < instant(end))


def answered(population: ibis.Table, found: ibis.Table, *, yes_when_found: bool) -> ibis.Table:
    """Label a population by whether each customer is among those found.

    Returns
    -------
    customer_id, label (int8): one row for each customer of the population.
    """
    # A join, since not every engine allows IN over a subquery outside a filter.
    marked = found.select("customer_id").distinct().mutate(found=True)
    joined = population.left_join(marked, "customer_id")
    among = joined.found.notnull()
    return joined.select("customer_id", label=(among if yes_when_found else ~among).cast("int8"))
