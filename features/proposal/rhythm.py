"""Targets, horizons and dates that the span of the data can carry."""

from dataclasses import dataclass
from datetime import date, timedelta

from features.proposal.columns import Ask
from features.proposal.mapping import Mapping
from features.proposal.people import HORIZON_DAYS

_TIME_COLUMNS = {"orders": "ordered_at", "interactions": "occurred_at", "contracts": "starts_at"}
#: Days of data -> horizon of churn, of complaints, and days a customer stays active.
_STEPS = ((540, 90, 30, 180), (270, 60, 30, 120), (120, 30, 14, 90), (60, 14, 7, 42), (0, 7, 3, 21))
#: A log that goes on thinly after this share of its rows is not complete there.
_BULK, _THIN = 0.98, 0.2
_EVERY_WEEK_BELOW = 270


@dataclass(frozen=True, kw_only=True)
class Span:
    """From the first to the last event, and the day after which hardly any follow."""

    first: date
    last: date
    thin_from: date | None

    @property
    def days(self) -> int:
        """Days the bulk of the data spans."""
        return ((self.thin_from or self.last) - self.first).days


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Lines of `targets:` and `snapshots:`, as keys and values."""

    targets: dict[str, dict[str, str]]
    every: str | None
    data_until: date | None


def span_of(mapping: Mapping, ask: Ask) -> Span | None:
    """Measure the times of the rows a mapping would keep; None where it has none."""
    sql = mapping.columns.get(_TIME_COLUMNS.get(mapping.table, ""))
    if sql is None:
        return None
    kept = " AND ".join(f"({part})" for part in mapping.where) or "TRUE"
    found = ask(
        f"""min(t)::DATE, quantile_disc(t, {_BULK})::DATE, max(t)::DATE
        FROM (SELECT TRY_CAST({sql} AS TIMESTAMP) AS t FROM {{source}} WHERE {kept})"""
    )
    if found is None or found[0] is None:
        return None
    first, bulk, last = found
    thin = (last - bulk).days > _THIN * max((last - first).days, 1)
    day = bulk + timedelta(days=1) if thin else None
    return Span(first=first, last=last, thin_from=day)


def plan_targets(mappings: list[Mapping], span: Span | None) -> Plan:
    """Choose targets the mappings can answer, with horizons the span has room for."""
    tables = {mapping.table for mapping in mappings}
    days = span.days if span else 0
    churn, complaint, active = next(rest for least, *rest in _STEPS if days >= least)
    targets: dict[str, dict[str, str]] = {}
    dated = tables & set(_TIME_COLUMNS)
    if "outcomes" in tables:
        horizon = churn if dated else HORIZON_DAYS
        targets["churn"] = {"kind": "outcomes", "horizon_days": str(horizon)}
    elif "orders" in tables:
        targets["churn"] = {
            "kind": "lapse",
            "active_within_days": str(active),
            "horizon_days": str(churn),
        }
    elif "contracts" in tables:
        targets["churn"] = {"kind": "contract", "horizon_days": str(churn)}
    kinds = " ".join(m.columns.get("kind", "") for m in mappings if m.table == "interactions")
    if "'complaint'" in kinds:
        targets["complaint"] = {
            "kinds": "[complaint]",
            "active_within_days": str(min(active, 90)),
            "horizon_days": str(complaint),
        }
    every = "7d" if dated and days < _EVERY_WEEK_BELOW else None
    return Plan(targets=targets, every=every, data_until=span.thin_from if span else None)


def leave_out_after(day: date, mappings: list[Mapping]) -> None:
    """Filter out the thin rest, whose rows would lie after the workspace's present."""
    for mapping in mappings:
        sql = mapping.columns.get(_TIME_COLUMNS.get(mapping.table, ""))
        if sql is not None:
            mapping.where.append(f"{sql} < TIMESTAMP '{day}'")
