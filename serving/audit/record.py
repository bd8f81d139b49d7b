"""What the record of one decision holds, as the columns of a table, and how they are read again.

A record is one row: the features as they were, the sum behind each risk, the decision with every
rule and limit, the words that were shown, and the customer's earlier contacts and answers. What all
decisions of a night share stands once in the run's entry (`recording`). Here is only the shape.

To raise `FORMAT`: write the new number here; keep a reader of each older one in `parts_of`; add the
ledger of a small night written by the old version to `tests/serving/ledgers/` and its number to
`test_older_formats.py`, which replays every one of them; tell what changed in `docs/ledger/`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import BrokenRecord
from proactive_rules.situation import BEFORE, RESPONSES, Situation
from serving.risk_list import REASONS, ListFacts, decision_ids, reasons, with_reason_target
from serving.score import FEATURE

FORMAT = 1
DECISION, SAID = "decision:", "said:"
#: Name of a row's place among all earlier contacts: sums of money depend on their order.
_PLACE = "place"
_INSTANTS = ("at", "reserved_until")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The tables that records are made of, one row a record each, in one order.

    Attributes
    ----------
    customer_id, decision_id : whose; the latter null for who was not listed, but whose earlier
        contacts hold places or whose answers count.
    features : by their own names, with `customer_id`.
    sums : ``<target>:margin``, ``<target>:base``, ``<target>:shap:<feature>``.
    decision : what was decided from, and what was decided, by their own names.
    said : reason_1.., reason_codes, reason_target, as shown.
    before, responses : rows of all these customers, as `Situation` takes them; `place` is that of
        an earlier contact among all of the night.
    """

    customer_id: pa.ChunkedArray
    decision_id: pa.ChunkedArray
    features: pa.Table
    sums: pa.Table
    decision: pa.Table
    said: pa.Table
    before: pa.Table
    responses: pa.Table


def record_rows(
    evidence: pa.Table, scores: pa.Table, decided: pa.Table, facts: ListFacts
) -> pa.Table:
    """Lay out the records of some customers, without their contacts and answers.

    Parameters
    ----------
    evidence, scores : of the same customers, in one order (`serving.score.Scored`).
    decided : decisions of these and others.
    """
    place = pc.index_in(scores["customer_id"], value_set=decided["customer_id"].combine_chunks())
    mine = decided.take(place)
    known = set(mine.column_names)
    rows = mine
    for name in scores.column_names:
        if name not in known:
            rows = rows.append_column(name, scores[name])
    rows = with_reason_target(rows, facts.policy)
    codes = {t: rows[f"{t}_reason_codes"] for t in ("churn", "complaint")}
    is_churn = pc.fill_null(pc.equal(rows["reason_target"], "churn"), fill_value=False)
    shown = pc.if_else(is_churn, codes["churn"], codes["complaint"])
    words = reasons(rows, facts.language)
    columns: dict[str, Any] = {
        "customer_id": mine["customer_id"],
        "decision_id": decision_ids(mine["customer_id"].to_pylist(), facts),
        **{name: evidence[name] for name in evidence.column_names if name != "customer_id"},
        **{f"{DECISION}{n}": mine[n] for n in mine.column_names if n != "customer_id"},
        **{f"{SAID}reason_{n}": text for n, text in zip(REASONS, words, strict=True)},
        f"{SAID}reason_codes": pc.binary_join(shown.combine_chunks(), ";"),
        f"{SAID}reason_target": rows["reason_target"],
    }
    return pa.table(columns)


def history_texts(before: pa.Table, responses: pa.Table) -> dict[str, pa.Table]:
    """Write each customer's earlier contacts and answers as JSON, once for all of a night."""
    placed = before.append_column(_PLACE, pa.array(range(before.num_rows), pa.int64()))
    return {"before": _as_json(placed), "responses": _as_json(responses)}


def with_history(rows: pa.Table, history: Mapping[str, pa.Table]) -> pa.Table:
    """Lay their histories beside some customers; null for whoever has none."""
    for name, texts in history.items():
        place = pc.index_in(rows["customer_id"], value_set=texts["customer_id"].combine_chunks())
        rows = rows.append_column(name, texts["json"].take(place))
    return rows


def parts_of(table: pa.Table, record_format: int) -> Parts:
    """Take records apart again.

    Raises
    ------
    BrokenRecord : they were written by a newer version.
    """
    if record_format != FORMAT:
        raise BrokenRecord(
            "record of a decision",
            f"its format is {record_format}",
            f"format {FORMAT} or older",
            "read it with the version of Forestay that wrote it, or a newer one",
        )
    customer = table.select(["customer_id"])
    return Parts(
        customer_id=table["customer_id"],
        decision_id=table["decision_id"],
        features=_with(customer, table, FEATURE),
        sums=table.select([n for n in table.column_names if _is_sum(n)]),
        decision=_with(customer, table, DECISION),
        said=_with(table.select([]), table, SAID),
        before=_from_json(table, "before", BEFORE.append(pa.field(_PLACE, pa.int64()))),
        responses=_from_json(table, "responses", RESPONSES),
    )


def listed_only(parts: Parts) -> Parts:
    """Keep the records of decisions; contacts and answers of others stay."""
    listed = pc.is_valid(parts.decision_id)
    names = ("customer_id", "decision_id", "features", "sums", "decision", "said")
    return replace(parts, **{name: getattr(parts, name).filter(listed) for name in names})


def situation_of(parts: Parts, night: Mapping[str, Any]) -> Situation:
    """Lay out again what decisions were made from, with what the night's entry says."""
    return Situation(
        customers=listed_only(parts).decision.select(night["run"]["decided_from"]),
        as_of=datetime.fromisoformat(night["instant"]),
        before=parts.before.sort_by(_PLACE).select(BEFORE.names),
        responses=parts.responses,
        time_zone=night["time_zone"],
    )


def _is_sum(name: str) -> bool:
    return name.startswith(("churn:", "complaint:"))


def _with(beside: pa.Table, table: pa.Table, prefix: str) -> pa.Table:
    for name in table.column_names:
        if name.startswith(prefix):
            beside = beside.append_column(name.removeprefix(prefix), table[name])
    return beside


def _as_json(history: pa.Table) -> pa.Table:
    """Write the rows of each customer as one JSON list; instants as microseconds since 1970."""
    for name in set(_INSTANTS) & set(history.column_names):
        place = history.column_names.index(name)
        history = history.set_column(place, name, history[name].cast(pa.int64()))
    names = [name for name in history.column_names if name != "customer_id"]
    row = "{" + ", ".join(f"'{name}': \"{name}\"" for name in names) + "}"
    order = ", ".join(f'"{name}"' for name in names)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("history", history)
        return connection.execute(
            f"SELECT customer_id, to_json(list({row} ORDER BY {order}))::VARCHAR AS json"
            " FROM history GROUP BY customer_id ORDER BY customer_id"
        ).to_arrow_table()


def _from_json(table: pa.Table, name: str, schema: pa.Schema) -> pa.Table:
    """Read the rows of all customers again."""
    texts = table.select(["customer_id", name]).filter(pc.is_valid(table[name]))
    ids, lists = texts["customer_id"].to_pylist(), texts[name].to_pylist()
    rows = [
        {"customer_id": customer, **one}
        for customer, text in zip(ids, lists, strict=True)
        for one in json.loads(text)
    ]
    columns = {
        field.name: pa.array([row[field.name] for row in rows], pa.int64()).cast(field.type)
        if field.name in _INSTANTS
        else pa.array([row[field.name] for row in rows], field.type)
        for field in schema
    }
    return pa.table(columns, schema=schema)


def typical_values(evidence: pa.Table) -> Mapping[str, float | str | None]:
    """Return the median of each feature, or its most common text; None where nobody has one."""
    found: dict[str, float | str | None] = {}
    for name in evidence.column_names:
        if not name.startswith(FEATURE):
            continue
        values = evidence[name].drop_null()
        if pa.types.is_string(values.type):
            counts = sorted(
                pc.value_counts(values.combine_chunks()).to_pylist(),
                key=lambda one: (-one["counts"], one["values"]),
            )
            found[name.removeprefix(FEATURE)] = counts[0]["values"] if counts else None
        else:
            found[name.removeprefix(FEATURE)] = pc.quantile(values, 0.5)[0].as_py()
    return found
