"""Train one target: judge the procedure out of time, fit the served model, log, gate, promote.

`procedure` fits, `judgement` judges, `record` writes the run; here is only their order. A test
date is looked at once a run, and the run is marked with it before that.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from features.accepted import open_accepted
from features.errors import BadInput, BrokenRecord
from features.progress import SILENT, Progress
from features.workspace import Target, Workspace
from training.champion import load_folder
from training.dataset import Dataset, training_set
from training.fitted import Author, Fitted
from training.judgement import Judgement, judge, windows_of
from training.leaks import Suspect
from training.observed import outside_their_band
from training.procedure import Recipe, Wishes, fit_model
from training.promotion.fairness import group_ratios
from training.promotion.gate import Check, gate, passed
from training.promotion.golden import prove
from training.promotion.history import champion_of
from training.promotion.paired import Paired, clearly_below, compare
from training.promotion.promote import kept_of, promote
from training.promotion.same_dates import with_later_dates
from training.record import Saved, record_run, save_fitted
from training.registry import load_promoted, model_name
from training.rows import Rows
from training.splits import FOLDS, EvaluationPlan, Problem, plan
from training.suspicion import suspects, untrusted
from training.tracking import Store, open_store, start_run
from training.train_report import TrainReport, named_metrics, periods

__all__ = ["TrainReport", "train", "train_on"]

GATE = "gate"
#: Who trains where nobody is named, as in a notebook.
SOMEBODY = Author(name="a notebook")
#: A shift of the log-odds from which a risk of one half moves by more than 5 points.
VISIBLE_SHIFT = 0.2


def train(
    workspace: Workspace,
    target_name: str,
    progress: Progress = SILENT,
    *,
    tune_minutes: float = 0.0,
    author: Author = SOMEBODY,
) -> TrainReport:
    """Train one target of a workspace and promote the model if the gate lets it pass.

    Parameters
    ----------
    workspace : with accepted data.
    target_name : churn or complaint, as in `targets:`.
    progress : told of each model fitted.
    tune_minutes : time to search for better parameters, shared out among the models of the test
        dates and the served one: the search is part of the procedure that is judged.
    author : who trains, for the records.

    Returns
    -------
    The report. Where the data cannot make a model, or something in them may give the answer away
    and the user does not answer for it, it has no run and says why in its warnings.

    Raises
    ------
    BadInput : the workspace has no such target.
    NotReady : nothing was ingested yet.
    """
    target = _target(workspace, target_name)
    accepted = open_accepted(workspace)
    planned = plan(workspace, accepted, target)
    if _blocked(planned):
        return TrainReport(target=target.name, warnings=_said(planned))
    dataset = training_set(workspace, accepted, target, planned, progress)
    if _blocked(dataset.plan):
        return TrainReport(target=target.name, warnings=_said(dataset.plan))
    found = suspects(dataset)
    dataset = replace(dataset, plan=_with_suspects(dataset.plan, found))
    if untrusted(found, workspace.model(target.name).trust):
        return TrainReport(target=target.name, warnings=_said(dataset.plan))
    return train_on(dataset, workspace, target, progress, tune_minutes=tune_minutes, author=author)


def train_on(
    dataset: Dataset,
    workspace: Workspace,
    target: Target,
    progress: Progress = SILENT,
    *,
    tune_minutes: float = 0.0,
    author: Author = SOMEBODY,
) -> TrainReport:
    """Judge, fit, record and promote with a dataset at hand, inside one run of MLflow."""
    store = open_store(workspace)
    days = [f"{day}" for day in dataset.plan.test_as_of]
    name = model_name(workspace, target.name)
    with start_run(store, name, days) as run, tempfile.TemporaryDirectory() as scratch:
        looks = run.looks_at(days)
        fitted = replace(_fit(workspace, target, dataset, tune_minutes, progress), author=author)
        saved = save_fitted(fitted, Path(scratch))
        checks = _checks(store, workspace, fitted, saved)
        version = record_run(run, name, fitted, checks, looks, saved)
    promoted = workspace.promotion == "automatic" and passed(checks)
    if promoted:
        promote(workspace, target.name, version, by=GATE)
    report = _report(fitted, checks, run.run_id, version)
    return _closed(workspace, report, store, promoted=promoted)


def _checks(store: Store, workspace: Workspace, fitted: Fitted, saved: Saved) -> tuple[Check, ...]:
    """Let the model through the gate as it was written, not as it is in memory."""
    judgement = fitted.judgement
    paired = _against_champion(store, workspace, fitted)
    model, _ = load_folder(saved.folder, saved.sha256)
    return gate(
        judgement.ours,
        paired.differences["roc_auc"] if paired else None,
        group_ratios(judgement.groups),
        prove(model, saved.folder),
    )


def _against_champion(store: Store, workspace: Workspace, fitted: Fitted) -> Paired | None:
    """Compare with the champion on the same test dates; None where it cannot be."""
    target = fitted.target
    promoted = champion_of(workspace, target.name)
    if promoted is None:
        return None
    try:
        champion = load_promoted(workspace, promoted)
    except BrokenRecord:
        return None  # a champion whose files are lost must not keep a better one out
    rows = fitted.dataset.on(fitted.dataset.plan.test_as_of)
    closed_by = windows_of(workspace, target).closed_by
    old = with_later_dates(kept_of(store, promoted.run_id), champion, rows, closed_by)
    return None if old is None else compare(fitted.judgement.kept, old)


def _fit(
    workspace: Workspace, target: Target, dataset: Dataset, minutes: float, progress: Progress
) -> Fitted:
    rows = Rows.of(dataset.table, dataset.feature_names, dataset.group_names)
    windows = windows_of(workspace, target)
    models = 1 + (FOLDS if dataset.plan.cross_validated else len(dataset.plan.test_as_of))
    wishes = Wishes(params=workspace.model(target.name).params, tune_seconds=60 * minutes / models)
    with progress.step(f"Train and judge {target.name}", total=models) as step:
        judgement = judge(rows, dataset, windows, wishes, step)
        before = dataset.plan.served_a_year_before
        model, recipe = fit_model(
            rows, dataset.plan.final_train, windows, wishes, a_year_before=before
        )
        step.advance()
    return Fitted(
        target=target,
        dataset=dataset,
        judgement=judgement,
        model=model,
        recipe=recipe,
        warnings=_said(dataset.plan) + _warnings(judgement) + _moved(recipe),
        rows=rows.on(recipe.train_on),
        author=SOMEBODY,
    )


def _warnings(judgement: Judgement) -> tuple[Mapping[str, str], ...]:
    """Say what the test showed that a reader must not overlook."""
    found: list[Mapping[str, str]] = []
    auc = judgement.ours.metrics["roc_auc"]
    if judgement.ours.no_skill:
        words = (
            f"the interval of the ROC AUC, {auc.low:.3f} to {auc.high:.3f}, does not lie above .5: "
            "the model orders customers no better than chance and will not serve"
        )
        found.append({"code": "no_skill", "message": words})
    else:
        found += _off_band(judgement)
    below = clearly_below(judgement.ours, judgement.baseline)
    if below is not None:
        words = (
            f"clearly below the plain baseline: ROC AUC {below.value:+.4f} "
            f"[{below.low:+.4f}, {below.high:+.4f}]"
        )
        found.append({"code": "below_baseline", "message": words})
    return tuple(found)


def _off_band(judgement: Judgement) -> list[Mapping[str, str]]:
    """Name the bands that do not hold what they say."""
    off = outside_their_band(judgement.bands, judgement.base_rate)
    if not off:
        return []
    seen = {one.name: one.seen for one in judgement.bands}
    said = ", ".join(
        f"{name} {seen[name].value:.1%} [{seen[name].low:.1%}, {seen[name].high:.1%}]"
        for name in off
    )
    words = f"the share of cases lies outside the band's own limits: {said}"
    return [{"code": "band_off", "message": words}]


def _moved(recipe: Recipe) -> tuple[Mapping[str, str], ...]:
    """Say how the base rate moved after training, where one could see it, and what is done."""
    largest = max(abs(shift) for shift in (*recipe.shifts.values(), recipe.season or 0.0))
    if largest < VISIBLE_SHIFT:
        return ()
    seen = ", ".join(f"{day} {shift:+.2f}" for day, shift in recipe.shifts.items())
    season = "" if recipe.season is None else f", a year ago {recipe.season:+.2f}"
    words = (
        f"the base rate moves: log-odds seen less expected, at {seen}{season}; "
        f"{recipe.carried_on:+.2f} of it is carried on"
    )
    return ({"code": "base_rate_shift", "message": words},)


def _report(fitted: Fitted, checks: tuple[Check, ...], run_id: str, version: str) -> TrainReport:
    judgement = fitted.judgement
    return TrainReport(
        target=fitted.target.name,
        run_id=run_id,
        model_version=version,
        no_skill=judgement.ours.no_skill,
        warnings=fitted.warnings,
        n_train=len(fitted.rows.labels),
        n_test=len(judgement.predictions.labels),
        base_rate=float(judgement.predictions.labels.mean()),
        metrics=named_metrics(judgement.ours.metrics),
        baseline=named_metrics(judgement.baseline.metrics),
        per_test_as_of=periods(judgement.ours, judgement.baseline),
        gate=tuple(check.as_dict() for check in checks),
    )


def _closed(
    workspace: Workspace, report: TrainReport, store: Store, *, promoted: bool
) -> TrainReport:
    warnings = report.warnings
    if not promoted and workspace.promotion == "second_person" and not report.no_skill:
        words = (
            "not promoted: `promotion: second_person` asks another approver to run "
            f"`forestay models promote`; version {report.model_version} waits"
        )
        warnings = (*warnings, {"code": "awaits_approval", "message": words})
    elif not promoted and not report.no_skill:
        failed = "; ".join(check["words"] for check in report.gate if not check["passed"])
        warnings = (*warnings, {"code": "not_promoted", "message": f"the gate failed: {failed}"})
    artifacts = store.artifacts_of(report.run_id or "", "plots").parent if store.folder else None
    return replace(report, promoted=promoted, warnings=warnings, artifacts=artifacts)


def _target(workspace: Workspace, name: str) -> Target:
    if name in workspace.targets:
        return workspace.targets[name]
    known: Sequence[str] = sorted(workspace.targets)
    raise BadInput(
        "forestay.yaml, targets",
        f"there is no target '{name}'",
        f"one of {', '.join(known)}" if known else "a target, churn or complaint",
        "add it to `targets:`, or name another",
    )


def _with_suspects(planned: EvaluationPlan, found: Sequence[Suspect]) -> EvaluationPlan:
    problems = tuple(Problem(code=one.code, message=one.message) for one in found)
    return replace(planned, problems=planned.problems + problems)


def _blocked(planned: EvaluationPlan) -> bool:
    return any(problem.blocking for problem in planned.problems)


def _said(planned: EvaluationPlan) -> tuple[Mapping[str, str], ...]:
    return tuple({"code": p.code, "message": p.message} for p in planned.problems)
