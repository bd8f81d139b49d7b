"""The steps of a night between snapshot and list: score every bucket, then decide over all.

What a step has written stays until the list is published; what is there is not made again.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import BrokenRecord
from features.progress import Progress
from proactive_rules.decide import decide
from serving.consents import consent_columns, newest_consents
from serving.earlier_lists import EarlierList, ids_left, movements
from serving.night import Night
from serving.score import SIGNS_OF_LIFE, quiet_days, score_bucket, split_by_bucket
from serving.whole import read_whole, write_json, write_table

#: Drift is measured on so many customers at least; buckets are random parts of all.
DRIFT_ROWS = 20_000
#: What decisions read of the scores; everything else waits on disk.
_DECIDED_FROM = (
    "customer_id", "churn_risk", "complaint_risk", "churn_band", "complaint_band",
    "amount_total_365d", "price_total", "quiet_days",
)  # fmt: skip


def score_all(night: Night, progress: Progress) -> None:
    """Score bucket by bucket; memory does not grow with the number of customers."""
    missing = [b for b in range(night.snapshot.buckets) if read_whole(_scores(night, b)) is None]
    if not missing:
        return
    asked = _populations(night)
    answers = newest_consents(night.accepted, night.instant)
    with progress.step("Scoring customers", total=len(missing)) as step:
        for bucket in missing:
            rows = night.snapshot.read(bucket)
            mine = {target: ids[bucket] for target, ids in asked.items()}
            scored = score_bucket(
                rows, mine, night.champions, night.catalogue, night.workspace.currency
            )
            of_bucket = None if answers is None else answers[bucket]
            consents = consent_columns(scored["customer_id"], of_bucket, night.policy.channels)
            for name, values in consents.items():
                scored = scored.append_column(name, values)
            write_table(_scores(night, bucket), scored)
            step.advance()


def scores_of(night: Night) -> Iterator[pa.Table]:
    """Read the scores back, bucket by bucket, verified."""
    for bucket in range(night.snapshot.buckets):
        yield _whole_scores(night, bucket)


def decide_all(night: Night, before: EarlierList | None) -> pa.Table:
    """Decide over all customers at once, since they share one capacity.

    Returns
    -------
    In the order of the list: what was decided from, the decisions, and `on_list_since`.
    """
    path = night.work / "decisions.parquet"
    if (done := read_whole(path)) is not None:
        return done
    consents = [f"consent_{channel}" for channel in night.policy.channels]
    parts = [
        part.select([n for n in (*_DECIDED_FROM, *consents) if n in part.column_names])
        for part in scores_of(night)
    ]
    decided = decide(pa.concat_tables(parts), night.policy, night.instant)
    decided = decided.append_column("on_list_since", _since(night, decided, before))
    write_table(path, decided)
    return decided


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
    now_rows = decided.select(["customer_id", "decision", "quiet_days"])
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
    (night.work / "drift.json").unlink(missing_ok=True)


def _scores(night: Night, bucket: int) -> Path:
    return night.work / "scores" / f"bucket={bucket:03d}.parquet"


def _whole_scores(night: Night, bucket: int) -> pa.Table:
    path = _scores(night, bucket)
    table = read_whole(path)
    if table is None:
        raise BrokenRecord(
            str(path),
            "it was damaged while the night went on",
            "the file that this night wrote",
            "run `forestay nightly` again: it makes the file anew",
        )
    return table


def _populations(night: Night) -> Mapping[str, list[pa.Array]]:
    """Ask each target for its population, in buckets; every one of them has features."""
    from training.labels import population

    found = {
        name: population(night.workspace, night.accepted, target, night.as_of)["customer_id"]
        for name, target in night.workspace.targets.items()
    }
    return {name: split_by_bucket(ids, night.snapshot.buckets) for name, ids in found.items()}


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
        scored = _whole_scores(night, bucket)
        asked = scored.filter(pc.is_valid(scored[f"{target}_risk"]))["customer_id"]
        rows = night.snapshot.read(bucket, ["customer_id", *names])
        keep = pc.is_in(rows["customer_id"], value_set=asked.combine_chunks())
        parts.append(rows.filter(keep).select(names))
        if int(np.sum([part.num_rows for part in parts])) >= DRIFT_ROWS:
            break
    return pa.concat_tables(parts)
