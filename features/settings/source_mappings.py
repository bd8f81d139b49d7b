"""The `sources:` of a forestay.yaml: which columns of which data make which table."""

from typing import Literal

from features.errors import BadInput
from features.expressions import check_expression
from features.settings.fields import Fields
from features.settings.source_uri import is_database, may_be_database, uri_problem
from features.settings.spans import parse_span
from features.settings.yaml_lines import YamlNode
from features.tables import SUBJECT_TABLES, TABLES, Table
from features.workspace import Source

Sources = dict[str, tuple[Source, ...]]
_SUBJECTS = "at least one of " + ", ".join(SUBJECT_TABLES)


def read_sources(fields: Fields) -> Sources:
    """Read every mapping, and check that together they say something about customers."""
    inner = fields.mapping("sources")
    if inner is None:
        if "sources" not in fields.node.entries or fields.given("sources") is None:
            fields.needed("sources", _SUBJECTS)
        return {}
    inner.forgive(TABLES)
    sources = {table: found for table in TABLES if (found := _mappings(inner, TABLES[table]))}
    inner.finish()
    if not any(table in inner.node.entries for table in SUBJECT_TABLES):
        inner.refuse(inner.node, "no source tells what customers did or are", _SUBJECTS, "map one")
    _check_position_ids(inner, sources)
    return sources


def _mappings(fields: Fields, table: Table) -> tuple[Source, ...]:
    node = fields.given(table.name)
    if node is None:
        return ()
    items = node.items if node.kind == "list" else (node,)
    return tuple(
        _mapping(Fields(item, fields.faults), table, index) for index, item in enumerate(items)
    )


def _mapping(fields: Fields, table: Table, index: int) -> Source:
    uris = _uris(fields)
    attributes = _names(fields, "attributes", table, "customers")
    source = Source(
        table_name=table.name,
        index=index,
        uri=uris,
        table=_database_table(fields, uris),
        where=_expression(fields, fields.given("where")),
        columns=_columns(fields, table, attributes),
        time_zone=fields.zone("time_zone"),
        fresh_within=fields.scalar("fresh_within", parse_span, "a span such as 36h or 7d"),
        features=_features(fields, table),
        exclude=_names(fields, "except", table, "profiles"),
        attributes=attributes,
    )
    fields.finish()
    return source


def _uris(fields: Fields) -> tuple[str, ...]:
    expected = "a path, a glob, or a database: data/*.parquet, postgresql://${USER_AND_HOST}/shop"
    node = fields.needed("uri", expected)
    found = fields.texts("uri")
    if node is not None and node.kind == "list" and not node.items:
        fields.refuse(node, "an empty list", expected)
    for text, node in found:
        problem = uri_problem(text)
        if problem:
            remedy = "name files, globs, duckdb:// or postgresql://, variables as ${NAME}"
            fields.refuse(node, problem, expected, remedy)
    return tuple(text for text, _ in found)


def _database_table(fields: Fields, uris: tuple[str, ...]) -> str | None:
    table = fields.text("table")
    databases = sum(is_database(uri) for uri in uris)
    at = fields.node.entries.get("uri", fields.node)
    if databases and not table:
        fields.refuse(at, "a database without a table", "`table:` beside `uri:`", "add `table:`")
    if table and uris and not any(may_be_database(uri) for uri in uris):
        fields.refuse(
            fields.node.entries["table"],
            "`table` belongs to databases, and this is a file",
            "`uri: duckdb://...` or `uri: postgresql://...`",
            "remove `table:`",
        )
    if databases and databases < len(uris):
        fields.refuse(at, "files and databases in one mapping", "one kind", "make two mappings")
    return table


def _expression(fields: Fields, node: YamlNode | None) -> str | None:
    """Read an expression and check its form; which columns exist is known when data are read."""
    if node is None:
        return None
    text = fields.parsed(node, str, "one SQL expression, such as `Quantity * Price`")
    if text is None:
        return None
    try:
        check_expression(text, columns=None, where=node.where)
    except BadInput as error:
        fields.faults.append(error)
    return text


def _columns(fields: Fields, table: Table, attributes: tuple[str, ...]) -> dict[str, str]:
    node = fields.needed("columns", "a mapping from " + ", ".join(table.names))
    if node is None:
        return {}
    inner = Fields(node, fields.faults)
    inner.forgive((*table.names, *attributes))
    columns = {
        name: text
        for name in (*table.names, *attributes)
        if (text := _expression(fields, inner.given(name))) is not None
    }
    for name in table.needed:
        if name not in columns and node.kind == "mapping" and inner.given(name) is None:
            _refuse_missing(inner, table, name)
    inner.finish()
    return columns


def _refuse_missing(fields: Fields, table: Table, name: str) -> None:
    meaning = table.column(name).meaning
    fields.refuse(
        fields.node.entries.get(name, fields.node),
        f"the needed column `{name}` ({meaning}) is not mapped",
        f"`{name}:` and an expression; {table.name} needs " + ", ".join(table.needed),
        f"add `{name}:` to `columns:`",
    )


def _names(fields: Fields, key: str, table: Table, home: str) -> tuple[str, ...]:
    found = fields.texts(key)
    if found and table.name != home:
        at = fields.node.entries[key]
        fields.refuse(at, f"`{key}` belongs to {home}", f"`{key}` only under {home}", "move it")
    return tuple(dict.fromkeys(text for text, _ in found))


def _features(fields: Fields, table: Table) -> tuple[str, ...] | Literal["*"]:
    names = _names(fields, "features", table, "profiles")
    if table.name == "profiles" and not names:
        fields.needed("features", '`features: "*"` or a list of columns')
    return "*" if "*" in names else names


def _check_position_ids(fields: Fields, sources: Sources) -> None:
    """Refuse ids made from positions that could not mean the same customer twice.

    Profiles and outcomes may leave out `customer_id`, which is then made from the row's place in
    its file: they meet only where both do so over the same files.
    """
    profiles, outcomes = sources.get("profiles", ()), sources.get("outcomes", ())
    unnamed = [s for s in (*profiles, *outcomes) if "customer_id" not in s.columns]
    if not profiles or not outcomes or not unnamed:
        return
    together = len(unnamed) == len(profiles) + len(outcomes)
    if not together or {s.uri for s in profiles} != {s.uri for s in outcomes}:
        fields.refuse(
            fields.node.entries[unnamed[0].table_name],
            "`customer_id` is not mapped, so ids come from the row's position,"
            " and profiles and outcomes would not meet",
            "the same `uri` in both, or `customer_id` mapped in both",
            "map `customer_id`",
        )
