"""A challenger in the shadow of the champion: it scores every night, and nobody acts on it.

For N nights what both said of each customer is kept beside the lists and never in them.
Once labels are complete, both are judged on what came true for customers who were left alone.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.accepted import open_accepted
from features.errors import BadInput, BrokenRecord, Conflict, ForestayError, NotReady
from features.whole import write_json, write_table
from features.workspace import Workspace
from serving.models.watch_words import shadow_failed
from serving.night import Night
from serving.scores import whole_scores

if TYPE_CHECKING:
    from training.champion import Champion
    from training.promotion.paired import Kept

TOP = 0.1
MOST_NIGHTS = 366


@dataclass(frozen=True, kw_only=True)
class Shadow:
    """Which version scores in the shadow, for how many nights, and who wants it."""

    target: str
    version: str
    nights: int
    by: str


def begin_shadow(
    workspace: Workspace, target: str, version: str, nights: int, *, by: str
) -> Shadow:
    """Let a version score in the shadow for so many nights; it takes the place of another one.

    Raises
    ------
    BadInput : a number of nights that makes no sense.
    NotReady : there is no such version. Conflict : it is the champion itself.
    """
    from training.promotion.history import champion_of
    from training.registry import load_version

    if not 1 <= nights <= MOST_NIGHTS:
        raise BadInput("--nights", f"{nights} nights", f"from 1 to {MOST_NIGHTS}", "choose others")
    champion = load_version(workspace, target, version)
    promoted = champion_of(workspace, target)
    if promoted is None or promoted.run_id == champion.run_id:
        raise Conflict(
            f"{target} version {version}",
            "there is no champion beside it" if promoted is None else "it is the champion itself",
            "a version other than the champion",
            "see `forestay models list`",
        )
    made = Shadow(target=target, version=version, nights=nights, by=by)
    write_json(_home(workspace) / f"{target}.json", asdict(made))
    return made


def current_shadow(workspace: Workspace, target: str) -> Shadow | None:
    """Return which version scores in the shadow of a target; None without one."""
    path = _home(workspace) / f"{target}.json"
    return Shadow(**json.loads(path.read_text("utf-8"))) if path.is_file() else None


def shadow_night(night: Night) -> list[dict[str, Any]]:
    """Let the challengers score the customers whom the champions have just scored.

    Returns
    -------
    an alarm for each challenger that cannot; it keeps no list back.
    """
    found = []
    for target, champion in sorted(night.champions.items()):
        shadow = current_shadow(night.workspace, target)
        if shadow is None or shadow.version == champion.version:
            continue
        path = _folder(night.workspace, shadow) / f"{night.as_of}.parquet"
        if len(_nights(night.workspace, shadow)) >= shadow.nights and not path.exists():
            continue
        try:
            table = _night(night, shadow)
        except ForestayError as error:
            found.append(shadow_failed(target, night.as_of, shadow.version, error.problem))
            continue
        write_table(path, table.replace_schema_metadata({"champion": champion.version}))
    return found


def shadow_compared(workspace: Workspace, target: str) -> dict[str, Any]:
    """Compare what both said, night by night, and with what came true where that is known.

    Returns
    -------
    `target`, `version`, `nights_wanted`; `nights`, each with champion, customers, rank correlation,
    part of the highest tenth in common and mean risks; `mature`: rows, and for each metric the
    challenger's less the champion's with its paired interval; None where no label is complete.

    Raises
    ------
    NotReady : no version scores in the shadow.
    """
    shadow = current_shadow(workspace, target)
    if shadow is None:
        raise NotReady(
            f"models of {target}",
            "no version scores in the shadow of the champion",
            "a challenger",
            f"begin with `forestay models shadow {target} VERSION --nights 14`",
        )
    nights = _nights(workspace, shadow)
    return {
        "target": target,
        "version": shadow.version,
        "nights_wanted": shadow.nights,
        "nights": [_compared(day, path) for day, path in nights.items()],
        "mature": _mature(workspace, target, nights),
    }


def _home(workspace: Workspace) -> Path:
    return workspace.state / "models" / "shadow"


def _folder(workspace: Workspace, shadow: Shadow) -> Path:
    return _home(workspace) / f"{shadow.target}-{shadow.version}"


def _nights(workspace: Workspace, shadow: Shadow) -> dict[date, Path]:
    found = sorted(_folder(workspace, shadow).glob("*.parquet"))
    return {date.fromisoformat(path.stem): path for path in found}


def _night(night: Night, shadow: Shadow) -> pa.Table:
    from training.registry import load_version

    challenger = load_version(night.workspace, shadow.target, shadow.version)
    gone = {*challenger.feature_names, *challenger.groups_read} - set(night.snapshot.features)
    if gone:
        raise BrokenRecord(
            f"{shadow.target} version {shadow.version}",
            f"it reads features that are gone ({', '.join(sorted(gone)[:5])})",
            "a model of today's features",
            "train again",
        )
    buckets = range(night.snapshot.buckets)
    return pa.concat_tables([_scored(night, b, shadow.target, challenger) for b in buckets])


def _scored(night: Night, bucket: int, target: str, challenger: "Champion") -> pa.Table:
    said = whole_scores(night, bucket)
    said = said.filter(pc.is_valid(said[f"{target}_risk"])).select(
        ["customer_id", f"{target}_risk"]
    )
    rows = night.snapshot.read(bucket)
    place = pc.index_in(said["customer_id"], value_set=rows["customer_id"].combine_chunks())
    rows = rows.take(place.combine_chunks())
    return pa.table(
        {
            "customer_id": said["customer_id"],
            "champion_risk": said[f"{target}_risk"],
            "risk": challenger.score(rows).risk if len(rows) else pa.array([], pa.float64()),
        }
    )


def _compared(day: date, path: Path) -> dict[str, Any]:
    from scipy.stats import spearmanr

    table = pq.read_table(path)
    pair = [table[name].to_numpy() for name in ("champion_risk", "risk")]
    count = max(1, int(TOP * len(table)))
    tops = [set(np.argsort(-side, kind="stable")[:count].tolist()) for side in pair]
    found = float(spearmanr(*pair).statistic) if len(table) > 1 else float("nan")
    return {
        "as_of": f"{day}",
        "champion": (table.schema.metadata or {}).get(b"champion", b"").decode(),
        "customers": len(table),
        "rank_correlation": found if np.isfinite(found) else None,
        "top_decile_in_common": len(tops[0] & tops[1]) / count,
        "mean_risk": [float(side.mean()) if len(side) else None for side in pair],
    }


def _mature(
    workspace: Workspace, target: str, nights: Mapping[date, Path]
) -> dict[str, Any] | None:
    """Judge both on the nights whose labels are complete."""
    from training.labels import labels
    from training.labels.treated import treated, untreated
    from training.promotion.paired import compare
    from training.splits.present import is_mature

    accepted, asked = open_accepted(workspace), workspace.targets[target]
    days = [day for day in nights if is_mature(workspace, accepted, asked, day)]
    if not days:
        return None
    answers = labels(workspace, accepted, asked, days)
    alone = untreated(answers, treated(workspace, accepted, asked, days))
    tables = {day: pq.read_table(nights[day]) for day in days}
    new, old = (_kept(tables, alone, name) for name in ("risk", "champion_risk"))
    paired = compare(new, old)
    return None if paired is None else {"rows": paired.rows, "differences": paired.as_dict()}


def _kept(tables: Mapping[date, pa.Table], alone: pa.Table, name: str) -> "Kept":
    """Lay what a model said beside the labels."""
    from training.evaluate import Predictions
    from training.promotion.paired import Kept
    from training.rows import customer_keys

    parts: list[tuple[np.ndarray, ...]] = []
    for day, table in tables.items():
        mine = alone.filter(pc.equal(alone["as_of"], pa.scalar(day, pa.date32())))
        keys, labels = customer_keys(mine["customer_id"]), mine["label"].to_numpy()
        mine_said = customer_keys(table["customer_id"])
        _, left, right = np.intersect1d(mine_said, keys, return_indices=True)
        when = np.full(len(left), np.datetime64(day, "D"))
        parts.append((keys[right], when, labels[right].astype(float), table[name].to_numpy()[left]))
    customers, as_of, came_true, risk = (np.concatenate(side) for side in zip(*parts, strict=True))
    return Kept(
        predictions=Predictions(customers=customers, as_of=as_of, labels=came_true, risk=risk)
    )
