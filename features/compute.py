"""The one declaration of all features: tables and cutoffs in, one Ibis expression out.

Nothing here touches an engine, so the same expression runs in DuckDB now and on Spark later
(`features/runner.py` decides where). Per cutoff and source, the visible rows are aggregated once
for all features; the sources are joined per customer; row features come last.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING

from features.accepted import Accepted
from features.catalogue import Catalogue, Feature
from features.catalogue.catalogue import TABLE_OF
from features.catalogue.feature import Source
from features.catalogue.moment import Moment
from features.catalogue.profile import OWN_PREFIX
from features.grains import GRAIN_COLUMNS, GRAINS, SINGLE_SOURCES
from features.point_in_time import instant
from features.tables import TABLES, Column

if TYPE_CHECKING:
    import ibis

_IBIS_TYPES = {
    "id": "string",
    "text": "string",
    "time": "timestamp",
    "number": "decimal(18, 4)",
    "flag": "boolean",
}
#: Counts rows by which a source knows a customer; dropped at the end.
_SEEN = "rows_seen"


def features(
    tables: Mapping[str, "ibis.Table"], cutoffs: Sequence[datetime], catalogue: Catalogue
) -> "ibis.Table":
    """Declare every feature of every customer as of every cutoff.

    Parameters
    ----------
    tables : the accepted tables by name; times are naive UTC. Those without features may be
        missing; any table here can bring a customer in.
    cutoffs : instants; rows at or after one are not read for it.
    catalogue : what to compute.

    Returns
    -------
    One row per customer with anything visible and cutoff: `customer_id`, `as_of` and the listed
    features in the catalogue's order, float64 or string. Rows come in no order.
    """
    import ibis

    return reduce(ibis.union, [_as_of(tables, cutoff, catalogue) for cutoff in cutoffs])


def declared_tables(accepted: Accepted, catalogue: Catalogue) -> dict[str, "ibis.Table"]:
    """Declare the accepted tables, with the columns the catalogue needs and no others."""
    import ibis

    return {
        name: ibis.table({column: _type(accepted, name, column) for column in columns}, name=name)
        for name, columns in needed_columns(accepted, catalogue).items()
    }


def needed_columns(accepted: Accepted, catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """Name the columns to read, by table: what features need and what gives them their time."""
    found = {}
    for name in GRAIN_COLUMNS:
        if name not in accepted.tables:
            continue
        needed = {"customer_id", "known_at", "superseded_at", *GRAIN_COLUMNS[name]}
        for source, table in TABLE_OF.items():
            if table == name:
                needed.update(*(feature.needs for feature in catalogue.of(source)))
        if "is_return" in accepted.tables[name].mapped:
            needed.add("is_return")
        contract = TABLES[name]
        needed |= {
            column.known_with
            for column in contract.columns
            if column.name in needed and column.known_with
        }
        needed.update(*catalogue.late.get(name, {}).values())
        order = (*contract.names, "known_at", "superseded_at", "ordered_on")
        own = sorted(needed - set(order))
        found[name] = (*dict.fromkeys(c for c in order if c in needed), *own)
    return found


def _type(accepted: Accepted, table: str, column: str) -> str:
    declared: dict[str, Column] = {one.name: one for one in TABLES[table].columns}
    if column in declared:
        return _IBIS_TYPES[declared[column].type]
    if column in ("known_at", "superseded_at"):
        return "timestamp"
    if column == "ordered_on":
        return "date"
    if column.startswith(OWN_PREFIX):
        return _IBIS_TYPES["number"]
    return "float64" if accepted.tables[table].extra[column] == "number" else "string"


def _as_of(
    tables: Mapping[str, "ibis.Table"], cutoff: datetime, catalogue: Catalogue
) -> "ibis.Table":
    parts = {
        source: part
        for source, table in TABLE_OF.items()
        if table in tables and (part := _part(source, tables[table], cutoff, catalogue)) is not None
    }
    joined = _joined(parts, catalogue)
    for feature in catalogue.of("row"):
        row = Moment(rows=joined, as_of=cutoff, names=frozenset(joined.columns))
        joined = joined.mutate(**{feature.name: _typed(feature, row)})
    listed = [joined[name] for name in catalogue.names]
    return joined.select("customer_id", instant(cutoff).name("as_of"), *listed)


def _part(
    source: Source, table: "ibis.Table", cutoff: datetime, catalogue: Catalogue
) -> "ibis.Table | None":
    """Aggregate one source to one row per customer."""
    wanted = catalogue.of(source)
    if source == "lines" and not wanted:
        return None
    moment = GRAINS[source](table, cutoff, catalogue.late.get(TABLE_OF[source], {}))
    made = {feature.name: _typed(feature, moment) for feature in wanted}
    if source in SINGLE_SOURCES:
        return moment.rows.select("customer_id", **made)
    if not made:
        return moment.rows.select("customer_id").distinct()
    if source != "contracts":
        return moment.rows.group_by("customer_id").aggregate(**made)
    # Versions that were superseded know a customer no more: an alias may have moved them.
    seen = {_SEEN: moment.rows.count(where=moment.rows.current)}
    part = moment.rows.group_by("customer_id").aggregate(**seen, **made)
    return part.filter(part[_SEEN] > 0).select("customer_id", *made)


def _typed(feature: Feature, moment: Moment) -> "ibis.Value":
    value = feature.expression(moment)
    return value.cast("string" if feature.dtype == "text" else "float64")


def _joined(parts: Mapping[Source, "ibis.Table"], catalogue: Catalogue) -> "ibis.Table":
    """Join the sources on every customer that any of them knows.

    Outer joins name each source once; a list of all customers to join on would name it twice,
    and engines would compute it twice.
    """
    joined = reduce(_outer_joined, parts.values())
    absent = {
        feature.name: joined[feature.name].fill_null(feature.absent)
        for feature in catalogue.everything
        if feature.absent is not None and feature.source != "row"
    }
    return joined.mutate(**absent) if absent else joined


def _outer_joined(left: "ibis.Table", right: "ibis.Table") -> "ibis.Table":
    either = left.outer_join(right, "customer_id")
    either = either.mutate(customer_id=either.customer_id.coalesce(either.customer_id_right))
    return either.select(*(name for name in either.columns if name != "customer_id_right"))
