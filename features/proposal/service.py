"""Proposed interactions and contacts: tickets, incidents, calls, usage, campaigns."""

import re

from features.proposal.columns import Column, text_literal
from features.proposal.mapping import (
    Mapping,
    id_sql,
    is_true_sql,
    name_sql,
    no_value,
    number_sql,
    text_sql,
    yes_value,
)
from features.proposal.roles import find, find_id, is_number, is_text, is_time, speaks_of
from features.proposal.shapes import Shape

_TO_MINUTES = {
    "second": " / 60.0", "seconds": " / 60.0", "secs": " / 60.0", "sec": " / 60.0",
    "hour": " * 60", "hours": " * 60", "days": " * 1440",
}  # fmt: skip
#: Scales people rate on: (lowest, highest) seen -> the scale's own ends.
_SCALES = ((0, 1), (1, 5), (0, 5), (1, 10), (0, 10), (0, 100))
_MANY_HANDS = 3


def map_interactions(shape: Shape) -> list[Mapping]:
    """Propose interactions; rows that update a case become its versions."""
    look, columns = shape.look, shape.look.columns
    found = Mapping(table="interactions", look=look)
    if shape.customer is None:
        return []
    case = find_id([c for c in columns if c is not shape.customer], "case_id")
    found.put("interaction_id", case, id_sql)
    found.put_customer(shape.customer)
    when = find(columns, "occurred_at", is_time)
    when = when or next((column for column in columns if column.is_time), None)
    found.put_time("occurred_at", when)
    updated = find(columns, "updated_at", is_time, taken=found.used)
    if case is not None and updated is not None and case.distinct < 0.9 * case.filled:
        found.put_time("known_at", updated)
        found.remarks.append(f"one row per update: `{case.name}` has versions, known when written")
    _put_kind(found)
    found.put_texts("channel", "topic", "region")
    found.put_time("resolved_at", find(columns, "resolved_at", is_time, taken=found.used))
    _put_minutes(found, "wait_minutes", "wait")
    _put_minutes(found, "handle_minutes", "handle")
    _put_rating(found)
    mappings = [found]
    if shape.alias_of and shape.alias_of.customer:
        mappings.append(_aliases(shape.alias_of, shape.customer))
    return mappings


def _put_kind(found: Mapping) -> None:
    """Map the kind: a column that names complaints, signs of a bad case, usage, or contact."""
    named = find(found.look.columns, "kind", is_text, taken=found.used)
    complaints = [
        v for v in (named.values if named else ()) if re.search("complain|投诉", v.lower())
    ]
    if named and complaints:
        among = ", ".join(text_literal(value) for value in complaints)
        sql = f"CASE WHEN {name_sql(named)} IN ({among}) THEN 'complaint' ELSE 'contact' END"
        found.put("kind", named, lambda _: sql)
        return
    bad = _signs_of_trouble(found)
    if bad:
        found.columns["kind"] = f"CASE WHEN {' OR '.join(bad)} THEN 'complaint' ELSE 'contact' END"
        found.doubts["kind"] = "what counts as a complaint is a guess: correct it"
        return
    kinds = {"usage": ("usage", "login", "session", "visit"), "survey": ("survey", "feedback"),
             "complaint": ("complaint",)}  # fmt: skip
    kind = next((k for k, w in kinds.items() if speaks_of(found.look, w)), "contact")
    found.columns["kind"] = text_literal(kind)
    if kind == "contact":
        found.doubts["kind"] = "nothing tells complaints from other contacts: add a condition"


def _signs_of_trouble(found: Mapping) -> list[str]:
    columns, signs = found.look.columns, []
    for role, wanted in (
        ("complained", yes_value), ("missed", no_value), ("breached", yes_value),
    ):  # fmt: skip
        column = find(columns, role, lambda c: c.is_yes_or_no)
        value = wanted(column) if column else None
        if column and value:
            signs.append(is_true_sql(column, value))
    for role, least in (("reopened", 1), ("reassigned", _MANY_HANDS)):
        column = find(columns, role, is_number)
        if column and not column.is_yes_or_no:
            signs.append(f"{number_sql(column)} >= {least}")
    return signs


def _put_minutes(found: Mapping, name: str, role: str) -> None:
    column = find(found.look.columns, role, is_number, taken=found.used)
    if column is None:
        return
    unit = next((_TO_MINUTES[w] for w in column.words if w in _TO_MINUTES), "")
    known = unit or {"minute", "minutes", "min", "mins"} & set(column.words)
    doubt = "" if known else f"`{column.name}` is taken as minutes"
    found.put(name, column, lambda c: number_sql(c) + unit, doubt)


def _put_rating(found: Mapping) -> None:
    column = find(found.look.columns, "satisfaction", is_number, taken=found.used)
    if column is not None and column.highest is not None and column.lowest is not None:
        sql, doubt = _rating_sql(column)
        found.put("satisfaction", column, lambda _: sql, doubt)
    tone = find(found.look.columns, "sentiment", is_number, taken=found.used)
    if tone is not None and -1 <= (tone.lowest or 0) <= (tone.highest or 0) <= 1:
        found.put("sentiment", tone, number_sql)


def _rating_sql(column: Column) -> tuple[str, str]:
    """Write a rating from 0 to 1, on the smallest usual scale that holds what was seen."""
    seen = (column.lowest or 0, column.highest or 0)
    low, high = next((s for s in _SCALES if s[0] <= seen[0] and seen[1] <= s[1]), seen)
    doubt = f"`{column.name}` is taken to go from {low:g} to {high:g}"
    if (low, high) == (0, 1):
        return number_sql(column), ""
    base = f"({number_sql(column)} - {low:g})" if low else number_sql(column)
    return f"{base} / {high - low:g}.0", doubt


def _aliases(owner: Shape, key: Column) -> Mapping:
    found = Mapping(table="aliases", look=owner.look)
    found.columns["alias"] = id_sql(key)
    if owner.customer:
        found.columns["customer_id"] = id_sql(owner.customer)
    found.remarks.append(f"other files name `{key.name}`; this says whose it is")
    return found


def map_contacts(shape: Shape) -> list[Mapping]:
    """Propose what was sent to customers."""
    columns = shape.look.columns
    found = Mapping(table="contacts", look=shape.look)
    if shape.customer is None:
        return []
    found.put_customer(shape.customer)
    found.put_time("sent_at", find(columns, "sent_at", is_time))
    found.put("action", find(columns, "action", is_text), text_sql)
    if not found.put("channel", find(columns, "channel", is_text), text_sql):
        found.columns["channel"] = "'email'"
        found.doubts["channel"] = "no column names the channel"
    return [found]
