"""The `targets:` and `features:` of a forestay.yaml: what is predicted, and the user's own columns.

Both are checked against the sources: a target needs the rows that answer its question, an own
feature the columns it reads.
"""

import re
from collections.abc import Collection
from typing import get_args

from features.errors import BadInput
from features.expressions import check_expression, text_constant
from features.settings.fields import Fields, nearest
from features.settings.source_mappings import Sources
from features.settings.yaml_lines import YamlNode
from features.tables import TABLES
from features.workspace import Aggregate, OwnFeature, Target, TargetKind

#: Target kind -> the table whose rows decide it, and the defaults where nothing is said.
_NEEDS: dict[TargetKind, str] = {
    "lapse": "orders",
    "contract": "contracts",
    "complaint": "interactions",
    "outcomes": "outcomes",
}
_HORIZON: dict[TargetKind, int] = {"lapse": 90, "contract": 90, "complaint": 30, "outcomes": 30}
_ACTIVE_WITHIN = {"churn": 180, "complaint": 90}
_KINDS: dict[str, tuple[TargetKind, ...]] = {
    "churn": ("lapse", "contract", "outcomes"),
    "complaint": ("complaint", "outcomes"),
}
_AGGREGATES: tuple[Aggregate, ...] = get_args(Aggregate)
_OWN_TABLES = ("orders", "interactions", "contracts", "contacts")
_OWN_NAME = "lower-case letters, digits and `_`, starting with a letter, such as gifts_count_365d"


def read_targets(fields: Fields, sources: Sources) -> dict[str, Target]:
    """Read the targets, filling in what the mapped sources imply."""
    inner = fields.mapping("targets")
    if inner is None:
        return {}
    targets: dict[str, Target] = {}
    for name in ("churn", "complaint"):
        # `churn:` alone asks for the target with all its defaults.
        inner.given(name)
        node = inner.node.entries.get(name)
        if node is not None:
            targets[name] = _target(Fields(node, fields.faults), name, sources)
    inner.finish()
    return targets


def _target(fields: Fields, name: str, sources: Sources) -> Target:
    kind = _kind(fields, name, sources)
    table = _NEEDS[kind]
    if sources and table not in sources:
        fields.refuse(
            fields.node,
            f"{name} of kind {kind} needs the source `{table}`, which is not mapped",
            f"`{table}:` under `sources:`",
            "map it, choose another kind, or remove the target",
        )
    _check_outcomes(fields, name, kind, sources)
    target = Target(
        name="churn" if name == "churn" else "complaint",
        kind=kind,
        horizon_days=fields.whole("horizon_days", default=_HORIZON[kind], lowest=1),
        active_within_days=fields.whole(
            "active_within_days", default=_ACTIVE_WITHIN[name], lowest=1
        ),
        lead_days=fields.whole("lead_days", default=0, lowest=0),
        grace_days=_grace_days(fields, kind),
        kinds=_complaint_kinds(fields, kind, sources),
    )
    fields.finish()
    return target


def _kind(fields: Fields, name: str, sources: Sources) -> TargetKind:
    given = fields.choice("kind", _KINDS[name])
    for kind in _KINDS[name]:
        if kind == given:
            return kind
    if "kinds" not in fields.node.entries and _may_have_outcomes(name, sources):
        return "outcomes"
    if name == "complaint":
        return "complaint"
    for kind in _KINDS["churn"]:
        if _NEEDS[kind] in sources:
            return kind
    return "lapse"


def _may_have_outcomes(name: str, sources: Sources) -> bool:
    """Claim that the user brings labels of their own for this target: those win over ours."""
    known = _constants(sources, "outcomes", "outcome")
    return "outcomes" in sources and (not known or name in known)


def _grace_days(fields: Fields, kind: TargetKind) -> int:
    days = fields.whole("grace_days", default=0, lowest=0)
    if days and kind != "contract":
        at = fields.node.entries["grace_days"]
        fields.refuse(at, f"a target of kind {kind} has no grace", "`kind: contract`", "remove it")
    return days


def _complaint_kinds(fields: Fields, kind: TargetKind, sources: Sources) -> tuple[str, ...]:
    if kind != "complaint":
        return Target.kinds
    found = fields.texts("kinds")
    known = _constants(sources, "interactions", "kind")
    for text, node in found:
        if known and text not in known:
            fields.refuse(
                node,
                f"no interaction is of kind `{text}`{nearest(text, known)}",
                "one of " + ", ".join(sorted(known)),
                "correct it, or map `kind` so that it occurs",
            )
    return tuple(dict.fromkeys(text for text, _ in found)) or Target.kinds


def _check_outcomes(fields: Fields, name: str, kind: TargetKind, sources: Sources) -> None:
    known = _constants(sources, "outcomes", "outcome")
    if kind == "outcomes" and known and name not in known:
        fields.refuse(
            fields.node,
            f"no outcome is `{name}`",
            f"an outcomes source whose `outcome` can be `{name}`",
            "map it, or remove the target",
        )


def _constants(sources: Sources, table: str, column: str) -> Collection[str]:
    """Texts a column can have, where every mapping names one; empty where the data decide."""
    found = set()
    for source in sources.get(table, ()):
        try:
            constant = text_constant(source.columns.get(column, ""))
        except BadInput:  # collected already, where the expression was read
            constant = None
        if constant is None:
            return ()
        found.add(constant)
    return found


def read_own_features(fields: Fields, sources: Sources) -> tuple[OwnFeature, ...]:
    """Read the user's own features, whose names must be legal and used once."""
    node = fields.given("features")
    if node is None:
        return ()
    if node.kind != "list":
        fields.refuse(node, f"{node.kind_words} where a list belongs", "`- {name: ..}` lines")
        return ()
    seen: dict[str, YamlNode] = {}
    return tuple(_own_feature(Fields(item, fields.faults), sources, seen) for item in node.items)


def _own_feature(fields: Fields, sources: Sources, seen: dict[str, YamlNode]) -> OwnFeature:
    fields.needed("aggregate", "one of " + ", ".join(_AGGREGATES))
    fields.needed("table", "one of " + ", ".join(_OWN_TABLES))
    chosen = fields.choice("aggregate", _AGGREGATES)
    aggregate: Aggregate = next((known for known in _AGGREGATES if known == chosen), "count")
    table = _own_table(fields, sources)
    feature = OwnFeature(
        name=_own_name(fields, seen),
        table=table,
        aggregate=aggregate,
        window_days=fields.whole("window_days", default=0, lowest=1) or None,
        where=_own_where(fields, sources, table),
        column=_own_column(fields, sources, table, aggregate if chosen else None),
        unit=fields.text("unit") or "",
        says=_says(fields),
    )
    fields.finish()
    return feature


def _own_name(fields: Fields, seen: dict[str, YamlNode]) -> str:
    node = fields.needed("name", _OWN_NAME)
    name = fields.parsed(node, _legal_name, _OWN_NAME) if node else None
    if node and name:
        if name in seen:
            words = f"`{name}` is already declared on line {seen[name].line}"
            fields.refuse(node, words, "each name once", "rename one")
        seen.setdefault(name, node)
    return name or ""


def _legal_name(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", text):
        raise ValueError(text)
    return text


def _own_table(fields: Fields, sources: Sources) -> str:
    table = fields.choice("table", _OWN_TABLES) or ""
    if table and sources and table not in sources:
        fields.refuse(
            fields.node.entries["table"], f"`{table}` is not mapped",
            f"`{table}:` under `sources:`", "map it, or choose a mapped table",
        )  # fmt: skip
    return table


def _mapped(sources: Sources, table: str) -> tuple[str, ...]:
    """Columns of the contract that any mapping of a table fills; they are null in the others."""
    found = {name for source in sources.get(table, ()) for name in source.columns}
    return tuple(name for name in TABLES[table].names if name in found) if found else ()


def _own_where(fields: Fields, sources: Sources, table: str) -> str | None:
    node = fields.given("where")
    if node is None:
        return None
    text = fields.parsed(node, str, "one SQL expression over the table's columns")
    if text is None:
        return None
    try:
        columns = _mapped(sources, table) if table in sources else None
        check_expression(text, columns=columns, where=node.where)
    except BadInput as error:
        fields.faults.append(error)
    return text


def _own_column(
    fields: Fields, sources: Sources, table: str, aggregate: Aggregate | None
) -> str | None:
    node = fields.given("column")
    if aggregate == "count" and node:
        fields.refuse(node, "`count` counts rows and reads no column", "no `column`", "remove it")
    if aggregate in (None, "count"):
        return None
    if table not in sources:
        return fields.text("column")
    numbers = [
        name for name in _mapped(sources, table) if TABLES[table].column(name).type == "number"
    ]
    if node is None:
        fields.needed("column", f"a number column, for `{aggregate}`: " + ", ".join(numbers))
        return None
    return fields.choice("column", numbers)


def _says(fields: Fields) -> dict[str, str]:
    inner = fields.mapping("says")
    if inner is None:
        return {}
    words = {language: text for language in ("en", "zh") if (text := inner.text(language))}
    inner.finish()
    return words
