"""What the user knows of customers beside their history: profiles, attributes, own features.

Profile columns join as they were observed; attributes and descriptors have no history and are
taken as of today. Features the user declares over a table keep the name they were given.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from features.catalogue.feature import Feature, Source, View
from features.catalogue.moment import Moment, text_of
from features.workspace import OwnFeature

if TYPE_CHECKING:
    import ibis

#: Columns of `customers` that describe, and that no model reads.
DESCRIPTORS = ("segment", "region", "language", "preferred_channel", "local_time_zone")
#: Prefix of the column that ingest computes for a feature of the user's own.
OWN_PREFIX = "own_"

_DESCRIPTOR_WORDS = {
    "segment": ("Segment", "客户细分"),
    "region": ("Region", "地区"),
    "language": ("Language", "语言"),
    "preferred_channel": ("Preferred channel", "偏好渠道"),
    "local_time_zone": ("Local time zone", "当地时区"),
}
_OWN_HOME: Mapping[str, tuple[Source, View]] = {
    "orders": ("lines", "rfm"),
    "interactions": ("interactions", "interactions"),
    "contracts": ("contracts", "contracts"),
    "contacts": ("contacts", "outreach"),
    "profiles": ("profiles", "profile"),
    "customers": ("customers", "profile"),
}


def _column(name: str) -> Callable[[Moment], "ibis.Value"]:
    return lambda one: one.rows[name]


def descriptor(name: str) -> Feature:
    """Carry a descriptor of `customers` along for lists; no model reads it."""
    return Feature(
        what=name, unit="text", view="profile", source="customers", needs=(name,),
        expression=_column(name), says=text_of(_DESCRIPTOR_WORDS[name]), dtype="text",
        reason="PROFILE", model=False,
    )  # fmt: skip


def column_feature(name: str, column: str, kind: str, source: Source) -> Feature:
    """Take a column of a profile, or an attribute, as it is."""
    number = kind == "number"
    return Feature(
        given_name=name, unit="level" if number else "text", view="profile", source=source,
        needs=(column,), expression=_column(column), dtype="number" if number else "text",
        says=text_of((column, column)), reason="PROFILE",
    )  # fmt: skip


def own_feature(own: OwnFeature) -> Feature:
    """Aggregate the column that ingest made for a feature of the user's own."""
    source, view = _OWN_HOME[own.table]
    counted = own.aggregate == "count"
    return Feature(
        given_name=own.name, statistic=own.aggregate,
        unit=own.unit or ("count" if counted else "level"),
        window_days=own.window_days, view=view, source=source,
        needs=(f"{OWN_PREFIX}{own.name}",), expression=_own_expression(own),
        absent=0.0 if own.aggregate in ("count", "sum") else None,
        lowest=0.0 if counted else None,
        says={"en": own.name, "zh": own.name, **own.says}, reason=_own_reason(own.table),
    )  # fmt: skip


def _own_reason(table: str) -> str:
    return {
        "orders": "FREQUENCY",
        "interactions": "CONTACTS",
        "contracts": "CONTRACT",
        "contacts": "OUTREACH",
    }.get(table, "PROFILE")


def _own_expression(own: OwnFeature) -> Callable[[Moment], "ibis.Value"]:
    column, days = f"{OWN_PREFIX}{own.name}", own.window_days

    def aggregate(moment: Moment) -> "ibis.Value":
        current = moment.rows.current if own.table == "contracts" else None
        values, where = moment.rows[column], moment.within(days, current)
        if own.aggregate == "mean":
            return moment.mean(column, where)
        if own.aggregate == "last":
            return moment.last(column, where)
        if own.aggregate == "sum":
            return moment.total(column, where)
        return getattr(values, own.aggregate)(where=where)

    def single(moment: Moment) -> "ibis.Value":
        value = moment.rows[column]
        return value.notnull().cast("int64") if own.aggregate == "count" else value

    return single if own.table in ("profiles", "customers") else aggregate
