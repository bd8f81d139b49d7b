"""What one source's mapping says, checked against the columns that are really there.

All faults of a mapping are collected. Beside the contract's columns a source may bring extra ones:
features of `profiles`, attributes of `customers`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from features.errors import BadInput, ForestayError, raise_faults
from features.expressions import check_expression
from features.ingest.readings import uses
from features.settings.fields import nearest
from features.sources.part import Part
from features.sql_words import quoted
from features.tables import TABLES, Table
from features.workspace import Source

#: The id that is made from the row's position where it is not mapped, by table.
POSITION_IDS = {
    "interactions": "interaction_id",
    "contacts": "contact_id",
    "profiles": "customer_id",
    "outcomes": "customer_id",
}
#: Names the product gives to columns of its own beside the contract's.
OUR_NAMES = (
    "known_at",
    "superseded_at",
    "as_of",
    "event_timestamp",
    "created",
    "ordered_on",
    "content_hash",
    "late_hash",
)


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """Expressions of one source by contract column, extra columns, and the columns they use."""

    source: Source
    table: Table
    expressions: dict[str, str]
    extras: dict[str, str]
    where: str | None
    names: tuple[str, ...]

    @property
    def position_id(self) -> str | None:
        """Id column made from the position, or None where the source maps it."""
        name = POSITION_IDS.get(self.table.name)
        return name if name and name not in self.expressions else None

    @property
    def makes_id(self) -> str | None:
        """Id column that is made from the position wherever it is missing, if any.

        A mapped customer that is missing is a fault instead: nobody is made up.
        """
        name = POSITION_IDS.get(self.table.name)
        return None if name == "customer_id" and name in self.expressions else name

    @property
    def used(self) -> frozenset[str]:
        """Columns of the source that any expression uses."""
        texts = [*self.expressions.values(), *self.extras.values()]
        return frozenset().union(
            *(uses(sql, self.names) for sql in (*texts, *([self.where] if self.where else ())))
        )

    @property
    def id_columns(self) -> frozenset[str]:
        """Columns of the source that an id is made of: they stay text."""
        ids = [c.name for c in self.table.columns if c.type == "id" and c.name in self.expressions]
        return frozenset().union(*(uses(self.expressions[name], self.names) for name in ids))


def read_mapping(source: Source, parts: Sequence[Part], names: Sequence[str]) -> Mapping:
    """Check a source's expressions against its columns.

    Raises
    ------
    BadInput : every expression that cannot be, and every mapped column a file does not have.
    """
    table = TABLES[source.table_name]
    faults: list[ForestayError] = []
    ours = {c: source.columns[c] for c in table.names if c in source.columns}
    for column, sql in ours.items():
        _collect(faults, sql, names, f"forestay.yaml, field {source.label}.columns.{column}")
    if source.where:
        _collect(faults, source.where, names, f"forestay.yaml, field {source.label}.where")
    extras = _extras(source, table, names, faults)
    raise_faults(faults)
    mapping = Mapping(
        source=source,
        table=table,
        expressions=ours,
        extras=extras,
        where=source.where,
        names=tuple(names),
    )
    raise_faults(_absent(mapping, parts))
    return mapping


def _collect(faults: list[ForestayError], sql: str, names: Sequence[str], where: str) -> None:
    try:
        check_expression(sql, columns=names, where=where)
    except BadInput as error:
        faults.append(error)


def _extras(
    source: Source, table: Table, names: Sequence[str], faults: list[ForestayError]
) -> dict[str, str]:
    by_lower = {name.lower(): name for name in names}
    own = {k: v for k, v in source.columns.items() if k in source.attributes}
    for attribute, sql in own.items():
        _collect(faults, sql, names, f"forestay.yaml, field {source.label}.columns.{attribute}")
    for key in ("features", "attributes", "exclude"):
        listed = getattr(source, key)
        said = "except" if key == "exclude" else key
        faults.extend(
            _unknown(f"forestay.yaml, field {source.label}.{said}", name, names)
            for name in (() if listed == "*" else listed)
            if name.lower() not in by_lower and name not in own
        )
    chosen = _chosen(source, names)
    extras = own | {
        by_lower[name.lower()]: quoted(by_lower[name.lower()])
        for name in chosen
        if name.lower() in by_lower and name not in own
    }
    taken = {name.lower() for name in (*table.names, *OUR_NAMES)}
    clashes = [name for name in extras if name.lower() in taken]
    faults.extend(_clash(source, name) for name in clashes)
    return {name: sql for name, sql in extras.items() if name not in clashes}


def _chosen(source: Source, names: Sequence[str]) -> tuple[str, ...]:
    """Choose the extra columns: those listed, or all that are not mapped as they are."""
    left_out = {name.lower() for name in source.exclude}
    if source.features != "*":
        listed = (*source.features, *source.attributes)
        return tuple(name for name in listed if name.lower() not in left_out)
    mapped = {sql.strip().strip('"').lower() for sql in source.columns.values()}
    return tuple(n for n in names if n.lower() not in left_out and n.lower() not in mapped)


def _unknown(where: str, name: str, names: Sequence[str]) -> BadInput:
    return BadInput(
        where,
        f"no column `{name}`{nearest(name, names)}",
        "columns of the source: " + ", ".join(names),
        "correct the name",
    )


def _clash(source: Source, name: str) -> BadInput:
    listed = "features" if source.table_name == "profiles" else "attributes"
    return BadInput(
        f"forestay.yaml, field {source.label}.{listed}",
        f"the column `{name}` has the name of one of Forestay's own",
        "a name of its own for every feature",
        f"leave it out with `except: [{name}]`, or rename it in the source",
    )


def _absent(mapping: Mapping, parts: Sequence[Part]) -> list[ForestayError]:
    faults: list[ForestayError] = []
    for part in parts:
        here = {name.lower() for name in part.schema.names}
        missing = sorted(name for name in mapping.used if name.lower() not in here)
        faults.extend(
            BadInput(
                part.name,
                f"no column `{name}`, which {mapping.source.label} maps and other files have"
                f"{nearest(name, part.schema.names)}",
                "every mapped column in every file of the source",
                "write the file with that column, or take it out of the source",
            )
            for name in missing
        )
    return faults
