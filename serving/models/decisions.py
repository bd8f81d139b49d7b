"""Who would enter and leave the next list, were another model to serve: the night, decided twice.

Everything but the model stays: features, policy, holdout, earlier contacts. So the difference is
the real difference of the two nights.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.progress import SILENT, Progress
from features.snapshots import build_snapshots
from features.workspace import Workspace
from proactive_rules.comparison import moved, movers, totals
from proactive_rules.decide import Decided, decide
from serving.night import Night, open_night
from serving.scores import scoring
from serving.steps import situation_of

if TYPE_CHECKING:
    from training.champion import Champion

#: Nobody looks at more names than these; the counts are of all.
NAMED = 50
#: Features named as what drives a model most.
DRIVERS = 10
_REASONS = "_reason_"


@dataclass(frozen=True, kw_only=True)
class DecidedWith:
    """A night as one model would make it.

    ``drivers`` : mean absolute contribution of each feature to the log-odds, the largest first.
    """

    scores: pa.Table
    made: Decided
    drivers: tuple[tuple[str, float], ...]


def decided_with(night: Night, target: str, progress: Progress = SILENT) -> DecidedWith:
    """Score and decide a night in memory; nothing of it is kept."""
    prepared, parts = scoring(night), []
    sums: dict[str, float] = {}
    start, counted = f"{target}:shap:", 0
    with progress.step("Scoring customers", total=night.snapshot.buckets) as step:
        for bucket in range(night.snapshot.buckets):
            rows, evidence = prepared.bucket(bucket)
            parts.append(rows.select([n for n in rows.column_names if _REASONS not in n]))
            for name in (n for n in evidence.column_names if n.startswith(start)):
                known = np.abs(pc.drop_null(evidence[name]).to_numpy())
                sums[name.removeprefix(start)] = sums.get(name.removeprefix(start), 0) + known.sum()
            counted += len(rows) - rows[f"{target}_risk"].null_count
            step.advance()
    scores = pa.concat_tables(parts)
    drivers = sorted(((n, float(v) / max(counted, 1)) for n, v in sums.items()), key=_larger)
    return DecidedWith(
        scores=scores,
        made=decide(situation_of(night, scores), night.policy),
        drivers=tuple(drivers),
    )


def night_of(workspace: Workspace, progress: Progress = SILENT) -> Night:
    """Open the night that comes, with its features built."""
    night = open_night(workspace, None, allow_stale=True)
    build_snapshots(workspace, night.accepted, [night.as_of], progress)
    return night


def decision_difference(
    night: Night, models: tuple["Champion", "Champion"], progress: Progress = SILENT
) -> dict[str, Any]:
    """Decide a night with each of two models and set them side by side.

    Returns
    -------
    `as_of`; `totals` of both; `entered` and `left`, those for whom something is done with the
    second and not with the first, and the other way round (`count`, and at most `NAMED` `rows`);
    `other_action`, who gets another one; `bands`, customers by band of the first and of the
    second; `rank_correlation` of the risks (Spearman's); `drivers` of both.
    """
    target = models[0].target
    nights = [replace(night, champions={**night.champions, target: one}) for one in models]
    one, other = (decided_with(n, target, progress) for n in nights)
    moves = moved(one.made.table, other.made.table)
    return {
        "as_of": night.as_of.isoformat(),
        "totals": [totals(side.made, night.policy) for side in (one, other)],
        "entered": {
            "count": len(moves["entered"]),
            "rows": movers(moves["entered"], other.made.table, one.made.table, night.policy, NAMED),
        },
        "left": {
            "count": len(moves["left"]),
            "rows": movers(moves["left"], one.made.table, other.made.table, night.policy, NAMED),
        },
        "other_action": _other_action(one.made.table, other.made.table),
        **_risks_beside(one.scores, other.scores, target),
        "drivers": [dict(side.drivers[:DRIVERS]) for side in (one, other)],
    }


def _other_action(one: pa.Table, other: pa.Table) -> int:
    """Count who is done something else for, or through another channel."""
    keys = ["customer_id", "action", "channel"]
    both = one.select(keys).join(other.select(keys), "customer_id", right_suffix="_other")
    both = both.filter(pc.and_(pc.is_valid(both["action"]), pc.is_valid(both["action_other"])))
    same = pc.and_(
        pc.equal(both["action"], both["action_other"]),
        pc.equal(both["channel"], both["channel_other"]),
    )
    return int(both.num_rows - (pc.sum(same).as_py() or 0))


def _risks_beside(one: pa.Table, other: pa.Table, target: str) -> dict[str, Any]:
    """Compare the risks of the customers whom both were asked about."""
    from scipy.stats import spearmanr

    place = pc.index_in(one["customer_id"], value_set=other["customer_id"].combine_chunks())
    left, right = one[f"{target}_risk"], other[f"{target}_risk"].take(place)
    known = np.asarray(pc.and_(pc.is_valid(left), pc.is_valid(right)).to_numpy(), dtype=bool)
    pairs = pa.table(
        {"first": one[f"{target}_band"], "second": other[f"{target}_band"].take(place)}
    ).filter(pa.array(known))
    counts = pairs.group_by(["first", "second"]).aggregate([([], "count_all")])
    risks = [np.asarray(side.to_numpy(), dtype=float)[known] for side in (left, right)]
    found = float(spearmanr(*risks).statistic) if known.sum() > 1 else float("nan")
    return {
        "rank_correlation": found if np.isfinite(found) else None,
        "bands": sorted(counts.rename_columns(["first", "second", "customers"]).to_pylist(),
                        key=lambda row: (row["first"], row["second"])),
        "mean_risk": [float(side.mean()) if len(side) else None for side in risks],
    }  # fmt: skip


def _larger(pair: tuple[str, float]) -> tuple[float, str]:
    return (-pair[1], pair[0])
