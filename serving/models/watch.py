"""What each night looks at before anybody relies on its list: what arrives, scores, earlier lists.

Found here, told in the list's summary and page, by the metrics endpoint, and in MLflow. Nothing of
it depends on the clock: the same night finds the same.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.watch.alarms import alarms
from features.watch.daily import daily, stream_of, streams_of
from features.whole import write_json
from serving.earlier_lists import EarlierList, list_dates, open_list
from serving.models.shadow import shadow_night
from serving.models.watch_words import level_off, skill_faded, unstable
from serving.night import Night

if TYPE_CHECKING:
    from training.mature import Performance

#: Mature lists looked at: the newest, a week apart.
LISTS, APART_DAYS = 6, 7
#: Risks of the same customers under the same model, within so many days, keep their order.
STABLE, STABLE_DAYS = 0.9, 7
TOP = 0.1


def watch(night: Night, decided: pa.Table, before: EarlierList | None) -> dict[str, Any]:
    """Look at a night.

    Parameters
    ----------
    decided : the decisions, with risks.
    before : the list before; None for the first.

    Returns
    -------
    `alarms` (code, subject, since, en, zh, figures), the most basic cause first; by target
    `stability` of the risks since the list before, and `performance` of earlier lists whose labels
    are complete by now, on customers who were left alone. Challengers score in the shadow.
    """
    path = night.work / "watch.json"
    if path.is_file():
        return dict(json.loads(path.read_text("utf-8")))
    arriving = [one.as_dict() for one in _arriving(night)]
    stability = {t: _stability(night, t, decided, before) for t in sorted(night.champions)}
    performed = {t: _performance(night, t) for t in sorted(night.champions)}
    found = {
        "alarms": [
            *arriving,
            *_about_models(night, stability, performed, broken=bool(arriving)),
            *shadow_night(night),
        ],
        "stability": stability,
        "performance": {
            target: None if one is None else {**one[1].as_dict(), "lists": one[0]}
            for target, one in performed.items()
        },
    }
    write_json(path, found)
    return found


def _arriving(night: Night) -> Iterator[Any]:
    """Look at what arrives; more complaints and cancellations are bad, fewer orders too."""
    targets = night.workspace.targets.values()
    kinds = [stream_of(kind) for target in targets for kind in target.kinds]
    counted = daily(night.accepted, night.instant)
    outcomes = [*kinds, "cancellations"]
    yield from alarms(counted, streams_of(night.accepted), outcomes, night.as_of)


def _about_models(
    night: Night,
    stability: Mapping[str, Mapping[str, Any] | None],
    performed: Mapping[str, "tuple[list[str], Performance] | None"],
    *,
    broken: bool,
) -> Iterator[dict[str, Any]]:
    """Tell what the models themselves do wrong; data that are broken explain jumps of the risks."""
    for target, found in stability.items():
        if found and found["same_model"] and found["days"] <= STABLE_DAYS and not broken:
            correlation = found["rank_correlation"]
            if correlation is not None and correlation < STABLE:
                yield unstable(target, night.as_of, found)
    for target, one in performed.items():
        if one is None:
            continue
        promised = night.champions[target].judged.get("roc_auc", {}).get("low")
        if one[1].level_is_off:
            yield level_off(target, night.as_of, one[1].as_dict())
        if promised is not None and one[1].faded(promised):
            yield skill_faded(target, night.as_of, one[1].as_dict(), promised)


def _stability(
    night: Night, target: str, decided: pa.Table, before: EarlierList | None
) -> dict[str, Any] | None:
    """Compare the risks of those who were on the list before, too."""
    if before is None:
        return None
    from scipy.stats import spearmanr

    rows = before.rows(["customer_id", f"{target}_risk", f"{target}_model"])
    place = pc.index_in(decided["customer_id"], value_set=rows["customer_id"].combine_chunks())
    now, then = decided[f"{target}_risk"], rows[f"{target}_risk"].take(place)
    known = pc.and_(pc.is_valid(now), pc.is_valid(then))
    pair = [np.asarray(side.filter(known).to_numpy(), dtype=float) for side in (now, then)]
    if len(pair[0]) < 1 / TOP:
        return None
    found = float(spearmanr(*pair).statistic)
    tops = [set(np.argsort(-side, kind="stable")[: int(TOP * len(side))].tolist()) for side in pair]
    versions = pc.unique(pc.drop_null(rows[f"{target}_model"])).to_pylist()
    return {
        "customers": len(pair[0]),
        "days": (night.as_of - before.as_of).days,
        "same_model": versions == [night.champions[target].version],
        "rank_correlation": found if np.isfinite(found) else None,
        "top_decile_kept": len(tops[0] & tops[1]) / len(tops[0]),
    }


def _performance(night: Night, target: str) -> "tuple[list[str], Performance] | None":
    """Judge the lists that today's model made and whose labels are complete."""
    from training.labels import labels
    from training.labels.treated import treated, untreated
    from training.mature import performance

    workspace, asked = night.workspace, night.workspace.targets[target]
    lists = _mature_lists(night, target)
    if not lists:
        return None
    days = [one.as_of for one in lists]
    answers = labels(workspace, night.accepted, asked, days)
    alone = untreated(answers, treated(workspace, night.accepted, asked, days))
    found = performance(pa.concat_tables([_said(one, target, alone) for one in lists]))
    return None if found is None else ([f"{day}" for day in days], found)


def _mature_lists(night: Night, target: str) -> list[EarlierList]:
    """Open the newest such lists of today's model, a week apart."""
    from training.splits.present import is_mature

    workspace, version = night.workspace, night.champions[target].version
    found: list[EarlierList] = []
    for day in reversed(list_dates(workspace.lists)):
        if len(found) == LISTS:
            break
        near = found and (found[-1].as_of - day).days < APART_DAYS
        if day >= night.as_of or near or not _closed(night, target, day):
            continue
        if not is_mature(workspace, night.accepted, workspace.targets[target], day):
            continue
        one = open_list(workspace.lists, day)
        model = one.summary["models"].get(target) if one else None
        if one and model and model["version"] == version:
            found.append(one)
    return found


def _closed(night: Night, target: str, day: date) -> bool:
    """Whether the label window of a day had closed by this night."""
    asked = night.workspace.targets[target]
    return asked.matures_at(night.workspace.midnight(day)) <= night.instant


def _said(one: EarlierList, target: str, alone: pa.Table) -> pa.Table:
    """Lay the risks of a list beside the labels of those who were left alone."""
    risk = f"{target}_risk"
    rows = one.rows(["customer_id", risk])
    rows = rows.filter(pc.is_valid(rows[risk])).rename_columns(["customer_id", "risk"])
    day = pa.scalar(one.as_of, pa.date32())
    mine = alone.filter(pc.equal(alone["as_of"], day))
    return mine.join(rows, "customer_id", join_type="inner").select(
        ["customer_id", "as_of", "label", "risk"]
    )
