"""Features and labels joined into the table a model reads, and the file a notebook reads.

Snapshots are built where they lack or are stale, features come through Feast as of each row's
date, labels from `training.labels`. Nothing is fitted here. Called by `training.experiment` and by
`forestay features --training-set`.
"""

import os
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from features.accepted import Accepted, open_accepted
from features.catalogue import Catalogue, catalogue_for
from features.errors import BadInput, NotReady
from features.feature_store import training_features
from features.fingerprint import fingerprint_table
from features.progress import SILENT, Progress
from features.settings.fields import nearest
from features.snapshots import build_snapshots
from features.workspace import NEAR_COPIES, Target, Workspace
from training.labels import labels
from training.labels.treated import treated, untreated
from training.protected import NOBODY, protected_columns
from training.splits import EvaluationPlan, Problem, plan, stratified_folds
from training.sufficiency import assess

_ORDER = [("as_of", "ascending"), ("customer_id", "ascending")]
_SUFFIXES = (".parquet", ".csv")
#: Descriptors of customers that a model is calibrated by.
GROUPS = ("segment", "region")


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Rows to learn from and to judge on, with all that says what they are.

    Parameters
    ----------
    table : customer_id, as_of (date32), label (int8), then every feature of the catalogue, those
        a model may not read included; sorted by as_of and customer_id.
    feature_names : the features a model may read.
    group_names : descriptors (segment, region) that only calibration reads.
    catalogue : what each feature means.
    protected : customer_id and the protected columns of customers, by which fairness alone is
        measured; no columns where none are declared.
    fingerprint : of the table's content; the same rows give the same one.
    plan : the plan, less what the labels cannot support, with all problems.
    """

    table: pa.Table
    feature_names: tuple[str, ...]
    catalogue: Catalogue
    fingerprint: str
    plan: EvaluationPlan
    group_names: tuple[str, ...] = ()
    protected: pa.Table = field(default_factory=lambda: NOBODY)

    def on(self, days: tuple[date, ...]) -> pa.Table:
        """Return the rows of some dates, in the table's order."""
        wanted = pc.is_in(self.table["as_of"], value_set=pa.array(days, pa.date32()))
        return self.table.filter(wanted)


def training_set(
    workspace: Workspace,
    accepted: Accepted,
    target: Target,
    plan: EvaluationPlan,
    progress: Progress = SILENT,
) -> Dataset:
    """Build the rows a plan needs, so that every feature is as of its row's own date.

    Raises
    ------
    NotReady : the plan has no date at all; its problems say why.
    """
    if not plan.label_as_of:
        raise _nothing_to_learn(target, plan)
    build_snapshots(workspace, accepted, plan.label_as_of, progress)
    catalogue = catalogue_for(accepted, workspace)
    read, groups = _read_by_models(workspace, target, catalogue)
    asked = labels(workspace, accepted, target, plan.label_as_of, progress=progress)
    touched = treated(workspace, accepted, target, plan.label_as_of)
    answered = untreated(asked, touched)
    names = tuple(catalogue.names)
    table = training_features(workspace, catalogue, answered, names, progress=progress)
    table = table.combine_chunks().sort_by(_ORDER)
    return Dataset(
        table=table,
        feature_names=_with_values(table, read, target),
        group_names=groups,
        protected=protected_columns(workspace, accepted),
        catalogue=catalogue,
        fingerprint=fingerprint_table(table),
        plan=_telling(assess(answered, plan), len(asked), len(answered)),
    )


def _telling(plan: EvaluationPlan, asked: int, left: int) -> EvaluationPlan:
    """Say how many rows are left out, since outreach changed what came of them."""
    if asked == left:
        return plan
    words = (
        f"{asked - left:,} of {asked:,} rows ({(asked - left) / asked:.1%}) are left out of"
        " training and tests: these customers were contacted while their label was open (who was"
        " held out stays)"
    )
    told = Problem(code="treated_excluded", message=words)
    return replace(plan, problems=(*plan.problems, told))


def _read_by_models(
    workspace: Workspace, target: Target, catalogue: Catalogue
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the features a model may read and the groups it is calibrated by, less the excluded.

    Raises
    ------
    BadInput : a feature named under `models:` does not exist, or none is left.
    """
    said = workspace.model(target.name)
    names = [feature.name for feature in catalogue.features if feature.model]
    descriptors = [f.name for f in catalogue.features if f.name in GROUPS and not f.model]
    known = [*names, *descriptors]
    place = f"forestay.yaml, models.{target.name}"
    suspects = [*known, NEAR_COPIES]
    for key, given, may in (("except", said.exclude, known), ("trust", said.trust, suspects)):
        if unknown := [name for name in given if name not in may]:
            raise BadInput(
                f"{place}.{key}",
                f"no model reads `{unknown[0]}`{nearest(unknown[0], may)}",
                "features as `forestay features --training-set FILE` writes them",
                "correct or remove it",
            )
    left, groups = (
        tuple(name for name in given if name not in said.exclude) for given in (names, descriptors)
    )
    if left:
        return left, groups
    raise BadInput(
        f"{place}.except", "it leaves no feature to learn from", "at least one", "name fewer"
    )


def _with_values(table: pa.Table, names: tuple[str, ...], target: Target) -> tuple[str, ...]:
    """Return the features, one of which at least must have a value somewhere."""
    if any(table[name].null_count < table.num_rows for name in names):
        return names
    raise NotReady(
        where=f"targets.{target.name}",
        problem="no feature has any value on the training dates",
        expected="at least one column with values",
        remedy="map other columns, and look at `forestay features --training-set FILE`",
    )


def _nothing_to_learn(target: Target, plan: EvaluationPlan) -> NotReady:
    reasons = "; ".join(problem.message for problem in plan.problems)
    return NotReady(
        where=f"targets.{target.name}",
        problem=f"no date can be learnt from: {reasons}",
        expected="at least one date with a past and a complete label window",
        remedy="bring a longer history, or shorten horizon_days",
    )


def read_training_set(
    workspace: Workspace, target_name: str, progress: Progress = SILENT
) -> pa.Table:
    """Return what `forestay features --training-set` writes, for a notebook.

    Returns
    -------
    customer_id, as_of, label, the features, ``fold`` and ``trains`` (see `write_training_set`).

    Raises
    ------
    BadInput : the workspace has no such target.
    NotReady : nothing was ingested yet, or no date can be learnt from.
    """
    if target_name not in workspace.targets:
        raise BadInput(
            "forestay.yaml, targets",
            f"there is no target {target_name or 'at all'}",
            "a target, churn or complaint",
            "add it to `targets:`, or name another with --target",
        )
    accepted, target = open_accepted(workspace), workspace.targets[target_name]
    planned = plan(workspace, accepted, target)
    return with_folds(training_set(workspace, accepted, target, planned, progress))


def write_training_set(rows: pa.Table, path: Path) -> None:
    """Write the very rows the models read, for a notebook, as Parquet or CSV by the file's name.

    Beside the columns of the dataset: ``fold`` says what a row is for (`test 2011-03-10`, `train`,
    `season` where it only shows a season; in cross-validation the number of its fold), ``trains``
    the models it may train, by their test dates and `served` for the served one, joined by `;`. A
    model leaves the older half of its dates out where earlier origins did better without; the run
    says which (`trained_on`).
    """
    if path.suffix not in _SUFFIXES:
        raise BadInput(
            where=str(path),
            problem=f"a training set cannot be written as '{path.suffix}'",
            expected=f"a file name that ends in {' or '.join(_SUFFIXES)}",
            remedy="choose such a name",
        )
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        _write(rows, beside, path.suffix)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BadInput(
            where=str(path),
            problem=f"the training set cannot be written there: {error.strerror or 'no reason'}",
            expected="a folder that exists and may be written",
            remedy="choose another place",
        ) from error


def with_folds(dataset: Dataset) -> pa.Table:
    """Add the columns ``fold`` and ``trains`` to the rows of a dataset."""
    plan, table = dataset.plan, dataset.table
    days = pc.unique(table["as_of"]).to_pylist()
    place = pc.index_in(table["as_of"], value_set=pa.array(days, pa.date32()))
    roles = pa.array([_role(plan, day) for day in days], pa.string())
    trains = pa.array([_trains(plan, day) for day in days], pa.string())
    fold = pc.take(roles, place)
    if plan.cross_validated:
        fold = pa.array(stratified_folds(table)).cast(pa.string())
    return table.append_column("fold", fold).append_column("trains", pc.take(trains, place))


def _role(plan: EvaluationPlan, day: date) -> str:
    if day in plan.test_as_of:
        return f"test {day}"
    only_season = day in (*plan.a_year_before.values(), plan.served_a_year_before)
    trains = any(day in days for days in (*plan.train_for.values(), plan.final_train))
    return "season" if only_season and not trains else "train"


def _trains(plan: EvaluationPlan, day: date) -> str:
    models = [f"{test}" for test in plan.test_as_of if day in plan.train_for[test]]
    return ";".join(models + (["served"] if day in plan.final_train else []))


def _write(table: pa.Table, path: Path, suffix: str) -> None:
    if suffix == ".csv":
        from pyarrow import csv

        csv.write_csv(table, path)
    else:
        import pyarrow.parquet as pq

        pq.write_table(table, path, compression="zstd")
