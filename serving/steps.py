"""The steps of a night between scores and list: decide over all, and say what changed.

What a step has written stays until the list is published; what is there is not made again.
"""

import json
import shutil
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.whole import read_whole, write_json, write_table, write_text
from proactive_rules.decide import Decided, decide
from proactive_rules.situation import Situation
from serving.earlier_lists import EarlierList, ids_left, movements
from serving.night import Night
from serving.policies import with_unmapped
from serving.score import SIGNS_OF_LIFE, quiet_days, split_by_bucket
from serving.scores import scores_of, whole_scores

#: Drift is measured on so many customers at least; buckets are random parts of all.
DRIFT_ROWS = 20_000
#: The policy a night decided under, kept beside its decisions.
POLICY = "policy.yaml"
#: Decisions read everything of the scores but the reasons, which wait on disk.
_REASONS = "_reason_"


def decide_all(night: Night, before: EarlierList | None) -> Decided:
    """Decide over all customers at once, since they share the same means.

    Returns
    -------
    In the order of the list: what was decided from, the decisions, and `on_list_since`; and what
    all decisions share.
    """
    path, shared = night.work / "decisions.parquet", night.work / "decided.json"
    if (done := read_whole(path)) is not None and shared.is_file():
        return Decided(table=done, run=json.loads(shared.read_text("utf-8")))
    parts = [
        part.select([name for name in part.column_names if _REASONS not in name])
        for part in scores_of(night)
    ]
    decided = decide(situation_of(night, pa.concat_tables(parts)), night.policy)
    table = decided.table.append_column("on_list_since", _since(night, decided.table, before))
    # The decisions come last: where they are, everything is.
    write_json(shared, decided.run)
    write_text(night.work / POLICY, night.in_force.content.decode("utf-8-sig"))
    write_table(path, table)
    return Decided(table=table, run=decided.run)


def situation_of(night: Night, scores: pa.Table) -> Situation:
    """Lay out what the decisions of a night are made from."""
    return Situation(
        customers=with_unmapped(scores, night.in_force.reads),
        as_of=night.instant,
        before=night.before,
        responses=night.responses,
        time_zone=night.workspace.time_zone,
    )


def changes(night: Night, decided: pa.Table, before: EarlierList | None) -> dict[str, Any] | None:
    """Say who came and went since the list before; None for the first list."""
    if before is None:
        return None
    rows = before.rows()
    made_from, now = before.summary["made_from"], night.made_from
    since = {
        "days": (night.as_of - before.as_of).days,
        "model": made_from["models"] != now["models"],
        "policy": made_from["policy"] != now["policy"],
    }
    now_rows = decided.select(["customer_id", "decision", "quiet_days", "why_not"])
    left = ids_left(rows, now_rows)
    return {
        "as_of": before.as_of.isoformat(),
        "fingerprint": before.fingerprint,
        "changed": {
            "data": made_from["data"] != now["data"],
            "model": since["model"],
            "policy": since["policy"],
            "time": True,
        },
        **movements(rows, now_rows, _quiet(night, left), since),
    }


def drift(night: Night) -> dict[str, dict[str, float]]:
    """Measure how far the listed are from those each model learnt from."""
    path = night.work / "drift.json"
    if path.is_file():
        return dict(json.loads(path.read_text("utf-8")))
    from training.drift import stability

    found: dict[str, dict[str, float]] = {}
    for target, champion in sorted(night.champions.items()):
        names = list(champion.feature_names)
        rows = _sample(night, target, names)
        psi = stability(champion.model.reference, rows, champion.model.margin(rows))
        found[target] = {name: round(value, 6) for name, value in psi.items()}
    write_json(path, found)
    return found


def tidy(night: Night) -> None:
    """Drop what is only needed until the list is there; the decisions stay, with their odds."""
    for folder in night.work.parent.glob("*"):
        if folder != night.work:
            shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(night.work / "scores", ignore_errors=True)
    for name in ("drift.json", "watch.json"):
        (night.work / name).unlink(missing_ok=True)


def _since(night: Night, decided: pa.Table, before: EarlierList | None) -> pa.Array:
    """Return since which list, without a break, each customer has been on it."""
    today = pa.scalar(night.as_of, pa.date32())
    if before is None:
        return pa.repeat(today, decided.num_rows)
    rows = before.rows().combine_chunks()
    place = pc.index_in(decided["customer_id"], value_set=rows["customer_id"].combine_chunks())
    known = rows["on_list_since"].combine_chunks().take(place.combine_chunks())
    return pc.coalesce(known, today)


def _quiet(night: Night, customer_id: pa.ChunkedArray) -> pa.Table:
    """Look up how long those who left have been quiet; null for who has no features any more."""
    found = []
    wanted = split_by_bucket(customer_id, night.snapshot.buckets)
    names = ["customer_id", *(n for n in SIGNS_OF_LIFE if n in night.snapshot.features)]
    for bucket, ids in enumerate(wanted):
        if len(ids):
            rows = night.snapshot.read(bucket, names)
            rows = rows.filter(pc.is_in(rows["customer_id"], value_set=ids))
            quiet = pa.table({"customer_id": rows["customer_id"], "quiet_days": quiet_days(rows)})
            found.append(quiet)
    schema = pa.schema([("customer_id", pa.string()), ("quiet_days", pa.float64())])
    return pa.concat_tables([part.cast(schema) for part in found] or [schema.empty_table()])


def _sample(night: Night, target: str, names: list[str]) -> pa.Table:
    """Take whole buckets of listed customers with a risk until there are enough."""
    parts: list[pa.Table] = []
    for bucket in range(night.snapshot.buckets):
        scored = whole_scores(night, bucket)
        asked = scored.filter(pc.is_valid(scored[f"{target}_risk"]))["customer_id"]
        rows = night.snapshot.read(bucket, ["customer_id", *names])
        keep = pc.is_in(rows["customer_id"], value_set=asked.combine_chunks())
        parts.append(rows.filter(keep).select(names))
        if int(np.sum([part.num_rows for part in parts])) >= DRIFT_ROWS:
            break
    return pa.concat_tables(parts)
