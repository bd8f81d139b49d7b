"""History replayed month by month: what a model of each month would have said of every later one.

A model is fitted as of each date on what had closed by then, by the procedure that makes the served
one (less the shift by last year's season), and asked about that date and all later ones. How much
an older model loses to a fresh one on the same customers says how long models last, and that sets
the rhythm of retraining.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from math import isfinite
from typing import Any

import numpy as np

from features.accepted import open_accepted
from features.errors import NotReady
from features.progress import SILENT, Progress
from features.workspace import Target, Workspace
from training.bootstrap import Interval, interval
from training.dataset import training_set
from training.earlier_origins import Windows
from training.evaluate import METRICS, Evaluation, Predictions, evaluate
from training.judgement import windows_of
from training.procedure import Wishes, fit_model
from training.promotion.gate import MATERIAL
from training.registry import model_name
from training.rows import Rows
from training.splits import EvaluationPlan, plan
from training.splits.present import is_mature
from training.tracking import open_store, start_run

#: Dates closer than a month are left out.
APART_DAYS = 28
#: Fewer dates cannot tell fading from one bad month.
FEWEST_DATES = 3
#: Training dates of each model, as many months as the served one may have.
TRAIN_DATES = 8
#: More log loss than this, surely, is a level that no longer holds.
MATERIAL_LOSS = 0.01
_JUDGED = {name: METRICS[name] for name in ("roc_auc", "log_loss")}


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the model of one date said as of another."""

    trained_as_of: date
    predictions: Predictions

    @property
    def as_of(self) -> date:
        """The date it was asked about."""
        day: date = self.predictions.as_of[0].astype(object)
        return day

    @property
    def age_days(self) -> int:
        """How old the model was then."""
        return (self.as_of - self.trained_as_of).days


def backtest(workspace: Workspace, target: Target, progress: Progress = SILENT) -> dict[str, Any]:
    """Replay the history of one target.

    Returns
    -------
    `cells` : for each model (`trained_as_of`) and later date (`as_of`) rows, base rate, ROC AUC and
    log loss with intervals, and observed over predicted cases. `ages` : by months of age, what an
    older model loses to a fresh one on the same customers, paired. `lasts_days` : the oldest age at
    which models still held; None where none faded. `rhythm_days` : how often to train.

    Raises
    ------
    NotReady : the data do not reach far enough back.
    """
    accepted = open_accepted(workspace)
    planned = plan(workspace, accepted, target)
    days = _months([d for d in planned.snapshot_as_of if is_mature(workspace, accepted, target, d)])
    windows = windows_of(workspace, target)
    origins = [day for day in days if any(windows.closed_by(one, day) for one in days)]
    if planned.cross_validated or len(origins) < FEWEST_DATES:
        raise _too_short(target, days)
    dataset = training_set(workspace, accepted, target, _all(planned, days), progress)
    rows = Rows.of(dataset.table, dataset.feature_names, dataset.group_names)
    store, name = open_store(workspace), model_name(workspace, target.name)
    wishes = Wishes(params=workspace.model(target.name).params)
    # Test dates are looked at here as well; the run says so, and later runs count it.
    with start_run(store, name, [f"{day}" for day in origins]) as run:
        said = list(_replayed(rows, origins, windows, wishes, progress))
        found = _judged(target, said, rows)
        run.log(params={"backtest": "true"}, metrics=_figures(found), tags={"backtest": "true"})
    return found


def _months(days: Sequence[date]) -> list[date]:
    """Take dates a month apart, the newest first among them."""
    taken: list[date] = []
    for day in sorted(days, reverse=True):
        if not taken or (taken[-1] - day).days >= APART_DAYS:
            taken.append(day)
    return sorted(taken)


def _all(planned: EvaluationPlan, days: Sequence[date]) -> EvaluationPlan:
    return replace(planned, final_train=tuple(days))


def _replayed(
    rows: Rows, origins: Sequence[date], windows: Windows, wishes: Wishes, progress: Progress
) -> Iterator[Said]:
    """Fit a model as of each date, and ask it about that date and all later ones."""
    with progress.step("Replaying history", total=len(origins)) as step:
        for origin in origins:
            closed = [day for day in rows.dates if windows.closed_by(day, origin)]
            known, train_on = rows.on(closed), _months(closed)[-TRAIN_DATES:]
            if known.on(train_on).both_labels:
                model, _ = fit_model(known, train_on, windows, wishes)
                for day in (one for one in origins if one >= origin):
                    asked = rows.on([day])
                    yield Said(
                        trained_as_of=origin,
                        predictions=Predictions(
                            customers=asked.customers,
                            as_of=asked.as_of,
                            labels=asked.labels,
                            risk=model.risk(asked.table),
                        ),
                    )
            step.advance()


def _judged(target: Target, said: Sequence[Said], rows: Rows) -> dict[str, Any]:
    fresh = {one.as_of: one for one in said if one.age_days == 0}
    cells = [_cell(one) for one in said]
    ages = [
        _age([one for one in said if one.as_of in fresh and _in_months(one.age_days) == age], fresh)
        for age in sorted({_in_months(one.age_days) for one in said if one.age_days})
    ]
    lasts = _lasts([one for one in ages if one])
    told = [one for one in ages if one]
    rhythm = lasts if lasts is not None else max((one["age_days"] for one in told), default=None)
    return {
        "target": target.name,
        "rows": len(rows.labels),
        "cells": cells,
        "ages": told,
        "lasts_days": lasts,
        "rhythm_days": rhythm,
    }


def _cell(one: Said) -> dict[str, Any]:
    given = one.predictions
    found = evaluate(given, _JUDGED)
    return {
        "trained_as_of": f"{one.trained_as_of}",
        "as_of": f"{one.as_of}",
        "age_days": one.age_days,
        "rows": len(given.labels),
        "base_rate": float(given.labels.mean()),
        "ratio": float(given.labels.mean() / max(given.risk.mean(), 1e-12)),
        **{name: _plain(value) for name, value in found.metrics.items()},
    }


def _age(older: Sequence[Said], fresh: dict[date, Said]) -> dict[str, Any] | None:
    """Compare all models of one age with fresh ones, on the same customers and dates."""
    pairs = [(one.predictions, fresh[one.as_of].predictions) for one in older]
    if not pairs:
        return None
    old, new = (evaluate(_together(side), _JUDGED) for side in zip(*pairs, strict=True))
    auc, loss = (_less(old, new, name) for name in ("roc_auc", "log_loss"))
    faded = (auc.high < 0 and auc.value <= -MATERIAL) or (
        loss.low > 0 and loss.value >= MATERIAL_LOSS
    )
    return {
        "age_days": round(float(np.mean([one.age_days for one in older]))),
        "dates": len(older),
        "roc_auc_gained": _plain(auc),
        "log_loss_gained": _plain(loss),
        "faded": bool(faded),
    }


def _together(parts: Sequence[Predictions]) -> Predictions:
    return Predictions(
        customers=np.concatenate([one.customers for one in parts]),
        as_of=np.concatenate([one.as_of for one in parts]),
        labels=np.concatenate([one.labels for one in parts]),
        risk=np.concatenate([one.risk for one in parts]),
    )


def _less(old: Evaluation, new: Evaluation, name: str) -> Interval:
    value = old.metrics[name].value - new.metrics[name].value
    return interval(value, old.draws[name] - new.draws[name])


def _lasts(ages: Sequence[dict[str, Any]]) -> int | None:
    """Return the oldest age before the first at which models had faded; None where none had.

    Where they had faded at the youngest age already, half of it.
    """
    before = 0
    for one in ages:
        if one["faded"]:
            return int(before or one["age_days"] // 2)
        before = one["age_days"]
    return None


def _in_months(days: int) -> int:
    return round(days / 30.44)


def _plain(one: Interval) -> dict[str, float | None]:
    return {name: value if isfinite(value) else None for name, value in asdict(one).items()}


def _figures(found: dict[str, Any]) -> dict[str, float]:
    lost = {
        f"roc_auc_gained_at_{one['age_days']}_days": one["roc_auc_gained"]["value"]
        for one in found["ages"]
        if one["roc_auc_gained"]["value"] is not None
    }
    rhythm = found["rhythm_days"]
    return lost | ({} if rhythm is None else {"rhythm_days": float(rhythm)})


def _too_short(target: Target, days: Sequence[date]) -> NotReady:
    return NotReady(
        f"targets.{target.name}",
        f"{len(days)} months have complete labels; a replay needs {FEWEST_DATES} dates, each with"
        " an older one whose window had closed",
        "a longer history",
        "bring older data, shorten horizon_days, or set an earlier `snapshots: {first}`",
    )
