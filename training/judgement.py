"""Judge the procedure: out of time at each test date, or out of fold where there is one date.

Each test date is predicted once, by a model that saw only label windows closed by then. The
baseline is fitted on the same rows and predicts the same ones.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from features.progress import Step
from features.workspace import Target, Workspace
from training.bands import bands
from training.baseline import baseline_risk
from training.champion import FoldModels
from training.dataset import Dataset
from training.earlier_origins import Windows
from training.evaluate import Evaluation, Predictions, evaluate
from training.model import RiskModel
from training.observed import Observed, observed_bands, observed_levels
from training.procedure import Recipe, Wishes, fit_model
from training.promotion.paired import Kept
from training.protected import protected_levels
from training.rows import Rows
from training.segments import levels_by_column
from training.splits import stratified_folds


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the test dates say of the procedure and of the baseline, and the rows behind it."""

    predictions: Predictions
    levels: Mapping[str, np.ndarray]
    baseline_risk: np.ndarray
    ours: Evaluation
    baseline: Evaluation
    recipes: dict[str, Recipe]
    test_rows: Rows
    bands: tuple[Observed, ...]
    groups: tuple[Observed, ...]
    base_rate: float
    folds: FoldModels | None = None

    @property
    def kept(self) -> Kept:
        """What is kept with the run, so that later models can be compared on the same rows."""
        return Kept(predictions=self.predictions, levels=self.levels)


def judged_data(
    judgement: Judgement, model: RiskModel, recipe: Recipe, season_of: date | None
) -> dict[str, Any]:
    """Return what is kept beside the served model for the readers of its risks."""
    return {
        "bands": [one.as_dict() for one in judgement.bands],
        "groups": [one.as_dict() for one in judgement.groups],
        "roc_auc": asdict(judgement.ours.metrics["roc_auc"]),
        "base_rate": {
            "trained": model.base_rate,
            "origins": dict(recipe.shifts),
            "season": recipe.season,
            "season_of": None if recipe.season is None else f"{season_of}",
            "carried_on": recipe.carried_on,
        },
    }


@dataclass(frozen=True)
class _Judged:
    """One part of the test rows, predicted."""

    name: str
    rows: Rows
    risk: np.ndarray
    baseline: np.ndarray
    band: np.ndarray
    model: RiskModel
    recipe: Recipe


def windows_of(workspace: Workspace, target: Target) -> Windows:
    """Say when the label windows of a target close, in the workspace's own days."""

    def closed_by(day: date, later: date) -> bool:
        return target.matures_at(workspace.midnight(day)) <= workspace.midnight(later)

    return Windows(
        closed_by=closed_by,
        horizon_days=target.horizon_days,
        of_purchases=target.kind == "lapse",
    )


def judge(rows: Rows, dataset: Dataset, windows: Windows, wishes: Wishes, step: Step) -> Judgement:
    """Predict every test row once, and judge the predictions of ours and of the baseline.

    Parameters
    ----------
    rows : all labelled rows, in the order of ``dataset.table``.
    dataset : with its plan.
    windows : when label windows close.
    wishes : of the user; `tune_seconds` are spent on each model.
    step : told of each model.
    """
    parts = _folded if dataset.plan.cross_validated else _rolling
    judged = []
    for part in parts(rows, dataset, windows, wishes):
        judged.append(part)
        step.advance()
    predictions = Predictions(
        customers=np.concatenate([part.rows.customers for part in judged]),
        as_of=np.concatenate([part.rows.as_of for part in judged]),
        labels=np.concatenate([part.rows.labels for part in judged]),
        risk=np.concatenate([part.risk for part in judged]),
    )
    plain = np.concatenate([part.baseline for part in judged])
    levels = _levels(judged) | protected_levels(dataset.protected, predictions.customers)
    return Judgement(
        predictions=predictions,
        levels=levels,
        baseline_risk=plain,
        ours=evaluate(predictions),
        baseline=evaluate(predictions.with_risk(plain)),
        recipes={part.name: part.recipe for part in judged},
        test_rows=rows.on(dataset.plan.test_as_of),
        bands=observed_bands(predictions, np.concatenate([part.band for part in judged])),
        groups=observed_levels(predictions, levels),
        base_rate=float(np.mean([part.model.base_rate for part in judged])),
        folds=_fold_models(judged) if dataset.plan.cross_validated else None,
    )


def _rolling(rows: Rows, dataset: Dataset, windows: Windows, wishes: Wishes) -> Iterator[_Judged]:
    plan = dataset.plan
    for test in plan.test_as_of:
        known = rows.on([day for day in rows.dates if windows.closed_by(day, test)])
        train_on = plan.train_for[test]
        name = f"{test}"
        before = plan.a_year_before.get(test)
        fitted = fit_model(known, train_on, windows, wishes, a_year_before=before)
        yield _predicted(name, known, rows.on([test]), fitted)


def _folded(rows: Rows, dataset: Dataset, windows: Windows, wishes: Wishes) -> Iterator[_Judged]:
    """Fold the customers of the one date as `forestay features --training-set` shows it."""
    days = dataset.plan.test_as_of
    only, fold = rows.on(days), stratified_folds(dataset.on(days))
    for number in np.unique(fold):
        others, left_out = only.where(fold != number), only.where(fold == number)
        name = f"fold {number}"
        yield _predicted(name, others, left_out, fit_model(others, days, windows, wishes))


def _predicted(name: str, known: Rows, test: Rows, fitted: tuple[RiskModel, Recipe]) -> _Judged:
    model, recipe = fitted
    plain = baseline_risk(known.on(recipe.train_on), test.table)
    risk = model.risk(test.table)
    band = bands(risk, model.base_rate).to_numpy(zero_copy_only=False).astype(str)
    return _Judged(name, test, risk, plain, band, model, recipe)


def _levels(judged: list[_Judged]) -> dict[str, np.ndarray]:
    """Return the groups of the judged rows in the very order of the predictions."""
    first = judged[0].rows
    together = replace(first, table=pa.concat_tables([part.rows.table for part in judged]))
    return levels_by_column(together)


def _fold_models(judged: list[_Judged]) -> FoldModels:
    customers = np.concatenate([part.rows.customers for part in judged])
    fold = np.repeat(np.arange(len(judged)), [len(part.rows.labels) for part in judged])
    order = np.argsort(customers)
    return FoldModels(
        models=tuple(part.model for part in judged), customers=customers[order], fold=fold[order]
    )
