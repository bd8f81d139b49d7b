"""Two registered versions on the same test dates: metrics, calibration, groups, speed.

Plain data out; who would be contacted by each is found out by `serving.models.decisions`.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from math import isfinite
from typing import Any

import numpy as np
import pyarrow as pa

from features.accepted import open_accepted
from features.catalogue import catalogue_for
from features.errors import NotReady
from features.feature_store import training_features
from features.progress import SILENT, Progress
from features.snapshots import build_snapshots
from features.workspace import Target, Workspace
from training.bootstrap import Interval
from training.champion import Champion
from training.judgement import windows_of
from training.labels import labels
from training.promotion.fairness import group_ratios
from training.promotion.golden import prove
from training.promotion.paired import Kept, Paired, common, compare
from training.promotion.promote import kept_of
from training.promotion.same_dates import with_later_dates
from training.registry import (
    MODEL_FOLDER,
    ModelVersion,
    find_version,
    load_version,
    model_name,
    require_store,
)
from training.tracking import Store

BINS = 10


def versions_compared(
    workspace: Workspace, target: Target, versions: tuple[str, str], progress: Progress = SILENT
) -> dict[str, Any]:
    """Judge two versions on the same customers and dates.

    Parameters
    ----------
    versions : the first is what there is, the second what might replace it.

    Returns
    -------
    `versions` (with run, hash, and whether one is champion); `test_as_of` and `rows` in common;
    `metrics`: value and interval of `first` and `second`, and of `difference`, second less first;
    `calibration`: observed over predicted, and ten bins, of both; `groups`: observed over predicted
    of each group, of both; `speed` of both in milliseconds.

    Raises
    ------
    NotReady : there is no such version, or they share no test date on which both can be asked.
    """
    store = require_store(workspace)
    found = [find_version(store, workspace, target.name, one) for one in versions]
    loaded = [load_version(workspace, target.name, one) for one in versions]
    first, second = _kept(workspace, target, store, found, loaded, progress)
    paired = compare(second, first) if first and second else None
    if paired is None or first is None or second is None:
        raise _nothing_in_common(workspace, target, versions)
    new, old = common(second, first)
    return {
        "target": target.name,
        "versions": [_named(one) for one in found],
        "test_as_of": [f"{day}" for day in np.unique(new.predictions.as_of)],
        "rows": paired.rows,
        "metrics": _metrics(paired),
        "calibration": [_calibration(one) for one in (old, new)],
        "groups": [[g.as_dict() for g in group_ratios(one.groups)] for one in (old, new)],
        "speed": [_speed(store, version, one) for version, one in zip(found, loaded, strict=True)],
    }


def _kept(
    workspace: Workspace, target: Target, store: Store,
    found: Sequence[ModelVersion], loaded: Sequence[Champion], progress: Progress,
) -> tuple[Kept | None, Kept | None]:  # fmt: skip
    """Return what both said of the dates they share, or of those that the older may be asked."""
    kept = [kept_of(store, one.run_id) for one in found]
    if all(kept) and compare(kept[1], kept[0]):  # type: ignore[arg-type]
        return kept[0], kept[1]
    days = sorted({day for one in kept if one for day in _days(one)})
    rows = _rows(workspace, target, days, progress)
    closed_by = windows_of(workspace, target).closed_by
    one, other = (
        with_later_dates(had, champion, rows, closed_by)
        for had, champion in zip(kept, loaded, strict=True)
    )
    return one, other


def _days(kept: Kept) -> list[date]:
    return [day.astype(object) for day in np.unique(kept.predictions.as_of)]


def _rows(
    workspace: Workspace, target: Target, days: Sequence[date], progress: Progress
) -> pa.Table:
    accepted = open_accepted(workspace)
    build_snapshots(workspace, accepted, days, progress)
    catalogue = catalogue_for(accepted, workspace)
    answered = labels(workspace, accepted, target, days, progress=progress)
    names = tuple(catalogue.names)
    return training_features(workspace, catalogue, answered, names, progress=progress)


def _metrics(paired: Paired) -> dict[str, Any]:
    return {
        name: {
            "first": _plain(paired.old.metrics[name]),
            "second": _plain(paired.new.metrics[name]),
            "difference": difference,
        }
        for name, difference in paired.as_dict().items()
    }


def _plain(one: Interval) -> dict[str, float | None]:
    return {name: value if isfinite(value) else None for name, value in asdict(one).items()}


def _calibration(kept: Kept) -> dict[str, Any]:
    """Return observed over predicted in all, and in ten bins of equally many rows by risk."""
    given = kept.predictions
    order = np.lexsort((given.customers, given.risk))
    bins = [
        {"predicted": float(given.risk[part].mean()), "observed": float(given.labels[part].mean())}
        for part in np.array_split(order, BINS)
        if len(part)
    ]
    return {"ratio": float(given.labels.mean() / max(given.risk.mean(), 1e-12)), "bins": bins}


def _speed(store: Store, version: ModelVersion, champion: Champion) -> dict[str, float]:
    proof = prove(champion.model, store.artifacts_of(version.run_id, MODEL_FOLDER))
    return {"one_ms": proof.one_ms, "thousand_ms": proof.thousand_ms}


def _named(version: ModelVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "run_id": version.run_id,
        "sha256": version.sha256,
        "champion": version.champion,
        "made_at": version.made_at.isoformat(),
        "trained_by": version.trained_by,
        "gate": [dict(check) for check in version.gate],
    }


def _nothing_in_common(workspace: Workspace, target: Target, versions: Sequence[str]) -> NotReady:
    return NotReady(
        f"models of {model_name(workspace, target.name)}",
        f"versions {' and '.join(versions)} share no test date on which both can be asked",
        "a date after everything the older one learnt from, with labels that are complete",
        "compare versions made closer together, or wait until newer labels are complete",
    )
