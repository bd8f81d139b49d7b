"""Labels of the past and populations of a date: who is asked, and what came true.

Each question is one function with its words as docstring (`lapsed`, `contract_ended`,
`complained`, `had_outcome`), an Ibis expression over accepted tables, run bucket by bucket.
Reading order: `question` (what may be looked at), then the four kinds. Called by `training.dataset`
and, for the population alone, by the night.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime

import ibis
import pyarrow as pa
from ibis.expr.operations import UnboundTable

from features.accepted import Accepted
from features.errors import NotReady
from features.progress import SILENT, Progress
from features.runner import collect
from features.workspace import Target, TargetKind, Workspace
from training.labels.complaint import active_customers, complained
from training.labels.contract import contract_ended, under_contract
from training.labels.lapse import active_buyers, lapsed
from training.labels.outcomes import had_outcome, still_open, without_outcome
from training.labels.question import COLUMNS, Question, declared
from training.splits.present import is_mature, label_present, observation_date

__all__ = ["LABEL_SCHEMA", "labels", "population"]

LABEL_SCHEMA = pa.schema(
    [("customer_id", pa.string()), ("as_of", pa.date32()), ("label", pa.int8())]
)

_POPULATIONS: dict[TargetKind, Callable[[Question], ibis.Table]] = {
    "lapse": active_buyers,
    "contract": under_contract,
    "complaint": active_customers,
    "outcomes": without_outcome,
}
_LABELS: dict[TargetKind, Callable[[ibis.Table, Question], ibis.Table]] = {
    "lapse": lapsed,
    "contract": contract_ended,
    "complaint": complained,
    "outcomes": had_outcome,
}
_NEEDED: dict[TargetKind, str] = {
    "lapse": "orders",
    "contract": "contracts",
    "complaint": "interactions",
    "outcomes": "outcomes",
}


def labels(
    workspace: Workspace,
    accepted: Accepted,
    target: Target,
    as_ofs: Sequence[date],
    *,
    progress: Progress = SILENT,
) -> pa.Table:
    """Answer the target's question for its population at each date, once the answer is final.

    Parameters
    ----------
    as_ofs : snapshot dates; each must be mature, since an unfinished window answers wrongly.

    Returns
    -------
    customer_id, as_of (date32), label (int8; 1 yes, 0 no), sorted by as_of and customer_id.

    Raises
    ------
    NotReady : a date is not mature, or the table the target reads has no accepted rows.
    """
    _require_mature(workspace, accepted, target, as_ofs)
    asked = _questions(workspace, accepted, target, sorted(set(as_ofs)))
    answers = [
        _LABELS[target.kind](_POPULATIONS[target.kind](question), question).mutate(
            as_of=ibis.literal(day, type="date")
        )
        for day, question in asked.items()
    ]
    if not answers:
        return LABEL_SCHEMA.empty_table()
    rows = ibis.union(*answers) if len(answers) > 1 else answers[0]
    found = _run(accepted, rows.select(*LABEL_SCHEMA.names), LABEL_SCHEMA, progress)
    return found.sort_by([("as_of", "ascending"), ("customer_id", "ascending")])


def population(
    workspace: Workspace,
    accepted: Accepted,
    target: Target,
    as_of: date,
    at: datetime | None = None,
) -> pa.Table:
    """Name the customers a target is asked of at one date, by what could be seen then.

    Parameters
    ----------
    at : instant within that date; its midnight where not given.

    Where outcomes count as complete (a plain table of one date), customers who have the outcome
    are left out: nothing is left to predict. `labels` keeps them, to learn from.

    Returns
    -------
    customer_id : sorted.
    """
    question = _questions(workspace, accepted, target, [as_of])[as_of]
    if at is not None:
        question = replace(question, as_of=at)
    customers = _POPULATIONS[target.kind](question)
    if target.kind == "outcomes" and as_of == observation_date(workspace, accepted):
        customers = still_open(customers, question)
    schema = pa.schema([LABEL_SCHEMA.field("customer_id")])
    return _run(accepted, customers, schema, SILENT).sort_by("customer_id")


def _questions(
    workspace: Workspace, accepted: Accepted, target: Target, as_ofs: Sequence[date]
) -> dict[date, Question]:
    if _NEEDED[target.kind] not in accepted.tables:
        raise NotReady(
            where=f"targets.{target.name}",
            problem=f"its labels need the table {_NEEDED[target.kind]}, which has no accepted rows",
            expected=f"a mapped source of {_NEEDED[target.kind]}",
            remedy="map it in forestay.yaml and run `forestay ingest`, or remove the target",
        )
    tables = {name: declared(name) for name in COLUMNS if name in accepted.tables}
    present = label_present(workspace, accepted, target)
    return {
        day: Question(
            tables=tables, target=target, as_of=workspace.midnight(day), data_until=present
        )
        for day in as_ofs
    }


def _require_mature(
    workspace: Workspace, accepted: Accepted, target: Target, as_ofs: Sequence[date]
) -> None:
    for day in as_ofs:
        if not is_mature(workspace, accepted, target, day):
            matures = target.matures_at(workspace.midnight(day))
            raise NotReady(
                where=f"targets.{target.name}",
                problem=f"the label of {day} is final only at {matures:%Y-%m-%d %H:%M} UTC",
                expected=f"a date whose window closes by {accepted.data_until:%Y-%m-%d %H:%M} UTC",
                remedy="choose an earlier date, or ingest newer data",
            )


def _run(
    accepted: Accepted, expression: ibis.Table, schema: pa.Schema, progress: Progress
) -> pa.Table:
    query = ibis.to_sql(expression, dialect="duckdb")
    tables = {table.name: COLUMNS[table.name] for table in expression.op().find(UnboundTable)}
    parts = [part.cast(schema) for _, part in collect(accepted, query, tables, progress=progress)]
    return pa.concat_tables(parts) if parts else schema.empty_table()
