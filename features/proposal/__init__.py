"""`forestay init FILE...`: a look at files, and a forestay.yaml that fits them.

Read in this order: `look` (facts), `roles` (vocabulary), `shapes` (which table), `sales`,
`service`, `people` (mappings), `rhythm` (targets and dates), `text` (the file).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.errors import BadInput
from features.proposal.columns import Ask, Look
from features.proposal.look import look_at
from features.proposal.mapping import Mapping
from features.proposal.people import map_contracts, map_customers, map_outcomes, map_profiles
from features.proposal.rhythm import leave_out_after, plan_targets, span_of
from features.proposal.sales import map_orders
from features.proposal.service import map_contacts, map_interactions
from features.proposal.shapes import Shape, shapes_of
from features.proposal.text import write_yaml
from features.tables import SUBJECT_TABLES, TABLES

__all__ = ["Proposal", "propose"]

_MAPPERS: dict[str, Callable[[Shape], list[Mapping]]] = {
    "interactions": map_interactions,
    "contracts": map_contracts,
    "customers": map_customers,
    "profiles": map_profiles,
    "outcomes": map_outcomes,
    "contacts": map_contacts,
}
_CURRENCIES = {"dollars": "USD", "usd": "USD", "euro": "EUR", "euros": "EUR", "eur": "EUR",
               "gbp": "GBP", "pounds": "GBP", "cny": "CNY", "yuan": "CNY"}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """The text of a forestay.yaml, and what its reader should know or decide."""

    text: str
    notes: tuple[str, ...]


def propose(
    files: Sequence[Path], *, name: str | None = None, folder: Path | None = None
) -> Proposal:
    """Look at files and propose a forestay.yaml that loads, or say what could not be guessed.

    Parameters
    ----------
    files : Parquet, CSV or JSON lines, at least one.
    name : of the workspace; without it, from the files' folder.
    folder : of the workspace, where relative uris start; without it, the current one.

    Returns
    -------
    proposal : its text always loads with `features.settings.load_workspace`.

    Raises
    ------
    BadInput : a file cannot be read, or none of them says anything about customers.
    """
    if not files:
        raise BadInput("forestay init", "no file named", "one or more files", "name your files")
    shapes = shapes_of(look_at(files))
    notes: list[str] = []
    mappings = [mapping for shape in shapes for mapping in _map(shape, notes)]
    if not any(mapping.table in SUBJECT_TABLES for mapping in mappings):
        raise BadInput(
            ", ".join(file.name for file in files),
            "no table of customers, orders, contracts or interactions was recognised",
            "a column that names the customer, and one that says when",
            "name such a file too, or write forestay.yaml by hand (see the README)",
        )
    spans = [s for m in mappings if (s := span_of(m, _asker(m.look))) is not None]
    longest = max(spans, key=lambda span: span.days, default=None)
    plan = plan_targets(mappings, longest)
    if plan.data_until:
        notes.append(f"data_until: hardly any rows follow {plan.data_until}, so they are left out")
        leave_out_after(plan.data_until, mappings)
    text = write_yaml(
        _name(name, files),
        mappings,
        plan,
        folder or Path.cwd(),
        _currency([mapping.look for mapping in mappings]),
    )
    return Proposal(text=text, notes=(*notes, *_doubts(mappings)))


def _map(shape: Shape, notes: list[str]) -> list[Mapping]:
    label = ", ".join(file.name for file in shape.look.files)
    if not shape.look.rows:
        notes.append(f"{label}: no rows, so it was left out")
        return []
    found = (
        map_orders(shape, _asker(shape.look))
        if shape.table == "orders"
        else _MAPPERS.get(shape.table, lambda _: [])(shape)
    )
    complete = [m for m in found if not set(TABLES[m.table].needed) - set(m.columns)]
    if not complete:
        table = f"{shape.table}, but {_lacking(shape, found)}"
        notes.append(f"{label}: looks like {table}; it was left out")
    return complete


def _lacking(shape: Shape, found: Sequence[Mapping]) -> str:
    if shape.customer is None:
        return "no column that names the customer was recognised"
    missing = [c for m in found for c in TABLES[m.table].needed if c not in m.columns]
    return f"nothing fits {', '.join(missing) or 'its needed columns'}"


def _asker(look: Look) -> Ask:
    """Make a function that selects one row from a look's files; None where it cannot be."""

    def ask(selected: str) -> tuple[Any, ...] | None:
        import duckdb

        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for relation in look.relations:
                try:
                    query = f"SELECT {selected.replace('{source}', relation)}"
                    return connection.execute(query).fetchone()
                except (duckdb.BinderException, duckdb.ConversionException):
                    continue  # an id that is all digits is a number in one relation, text in one
        return None

    return ask


def _name(name: str | None, files: Sequence[Path]) -> str:
    first = files[0].resolve()
    guess = name or (first.parent.name if len(files) > 1 else first.stem.split(".")[0])
    legal = re.sub(r"[^A-Za-z0-9._-]+", "-", guess).strip("-._")[:64]
    return legal or "workspace"


def _currency(looks: Sequence[Look]) -> str | None:
    words = {word for look in looks for column in look.columns for word in column.words}
    return next((code for word, code in _CURRENCIES.items() if word in words), None)


def _doubts(mappings: Sequence[Mapping]) -> list[str]:
    """Gather what the file marks as doubtful, and mappings that may say the same twice."""
    notes = [
        f"{mapping.table}.{column}: {doubt}"
        for mapping in mappings
        for column, doubt in mapping.doubts.items()
    ]
    notes += [f"{m.table}: {remark}" for m in mappings for remark in m.remarks]
    orders = [m for m in mappings if m.table == "orders"]
    if len(orders) > 1:
        notes.append("orders: several files hold orders; remove those that repeat another's")
    return list(dict.fromkeys(notes))
