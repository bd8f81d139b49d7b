"""Ours beside what a data scientist would use instead: same rows, same features, same test dates.

    python benchmarks/models/run.py OUT [--only NAME ...] [--tune MINUTES]
    PEERS/bin/python benchmarks/models/peers.py OUT --seconds 60
    python benchmarks/models/report.py OUT

`FORESTAY_DATA` names the real data. For every set the workspace of `tests/workspaces` is taken in,
and for every test date ours, plain models and the tables for the peers are written to OUT: labelled
training rows (those ours was fitted on) and test rows. The peers (CatBoost, FLAML, AutoGluon) live
in an environment of their own: `requirements-peers.txt`. Test dates are looked at once a run; what
is chosen is chosen on earlier origins. The cancellations are those of 30 days.
"""

import argparse
import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.settings import load_workspace, prepare_process
from training.rows import Rows

WORKSPACES = Path(__file__).parents[2] / "tests" / "workspaces"
#: Workspace and target of each task; ravenstack is only reported, groceries has no skill.
TASKS = (
    ("online_retail_2", "churn"),
    ("online_retail_2", "complaint"),
    ("cdnow", "churn"),
    ("it_incidents", "complaint"),
    ("telco_ibm", "churn"),
    ("groceries_38k", "churn"),
    ("ravenstack", "churn"),
    ("ravenstack", "complaint"),
)
WEEK = 7.0


@dataclass(frozen=True)
class Part:
    """One test date, or one fold: what may be known, and the rows to predict."""

    name: str
    known: Rows
    train_on: tuple
    test: Rows
    a_year_before: date | None = None


def main() -> None:
    """Run the tasks one after the other."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("out", type=Path)
    asked.add_argument("--only", nargs="*", help="workspaces; all by default")
    asked.add_argument("--tune", type=float, default=0.0, help="minutes of search a model")
    given = asked.parse_args()
    prepare_process()
    for workspace, target in TASKS:
        if not given.only or workspace in given.only:
            run(given.out, workspace, target, given.tune)


def run(out: Path, name: str, target_name: str, tune_minutes: float) -> None:
    """Take a workspace in and write predictions and tables of one target."""
    from features.accepted import open_accepted
    from features.ingest import ingest
    from training.dataset import training_set
    from training.judgement import windows_of
    from training.splits import plan

    folder = out / "workspaces" / name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(WORKSPACES / name / "forestay.yaml", folder)
    workspace = load_workspace(folder)
    ingest(workspace)
    accepted, target = open_accepted(workspace), workspace.targets[target_name]
    dataset = training_set(workspace, accepted, target, plan(workspace, accepted, target))
    windows = windows_of(workspace, target)
    task = out / f"{name}-{target_name}"
    for part in parts(dataset, windows):
        predict(task, part, windows, tune_minutes)
        print(f"{name} {target_name} {part.name}: {len(part.test.labels):,} rows", flush=True)


def parts(dataset, windows) -> Iterator[Part]:  # noqa: ANN001 - Dataset and Windows
    """Yield test dates, or the folds of the one date there is."""
    from training.splits import stratified_folds

    rows = Rows.of(dataset.table, dataset.feature_names, dataset.group_names)
    plan = dataset.plan
    if plan.cross_validated:
        only, fold = rows.on(plan.test_as_of), stratified_folds(dataset.on(plan.test_as_of))
        for number in np.unique(fold):
            others, out = only.where(fold != number), only.where(fold == number)
            yield Part(f"fold {number}", others, plan.test_as_of, out)
        return
    for test in plan.test_as_of:
        known = rows.on([day for day in rows.dates if windows.closed_by(day, test)])
        before = plan.a_year_before.get(test)
        yield Part(f"{test}", known, plan.train_for[test], rows.on([test]), before)


def predict(task: Path, part: Part, windows, tune_minutes: float) -> None:  # noqa: ANN001
    """Fit ours and the plain models, and write what each says of the test rows."""
    from training.bands import bands
    from training.procedure import Wishes, fit_model

    began = time.perf_counter()
    fit = partial(fit_model, part.known, part.train_on, windows)
    model, recipe = fit(a_year_before=part.a_year_before)
    said = {"ours": model.risk(part.test.table)}
    band = bands(said["ours"], model.base_rate)
    seconds = {"ours": time.perf_counter() - began}
    if tune_minutes:
        began = time.perf_counter()
        wishes = Wishes(tune_seconds=60 * tune_minutes)
        tuned, _ = fit(wishes, a_year_before=part.a_year_before)
        said["ours tuned"] = tuned.risk(part.test.table)
        seconds["ours tuned"] = time.perf_counter() - began
    train = part.known.on(recipe.train_on)
    for name, plain in PLAIN.items():
        began = time.perf_counter()
        scores = plain(train, part.test, windows.horizon_days)
        if scores is not None:
            said[name], seconds[name] = scores, time.perf_counter() - began
    where = task / part.name
    where.mkdir(parents=True, exist_ok=True)
    test = part.test
    keys = {"customer": test.customers, "as_of": test.as_of, "label": test.labels, "band": band}
    pq.write_table(pa.table(keys | said), where / "predictions.parquet")
    (where / "seconds.json").write_text(json.dumps(seconds, indent=1))
    pq.write_table(_for_peers(train), where / "train.parquet")
    pq.write_table(_for_peers(test), where / "test.parquet")


def _for_peers(rows: Rows) -> pa.Table:
    return rows.table.select(list(rows.names)).append_column("label", pa.array(rows.labels))


def recency(train: Rows, test: Rows, _days: int) -> np.ndarray | None:
    """Rank by days since the last order, or since the last dealing; churn late, complaints soon."""
    names = ("recency_days", "interaction_recency_days", "tenure")
    name = next((name for name in names if name in test.names), None)
    if name is None:
        return None
    known, unseen = (_numbers(rows, name) for rows in (train, test))
    known = np.nan_to_num(known, nan=np.nanmax(known))
    sign = np.sign(np.corrcoef(known, train.labels)[0, 1])
    return sign * np.nan_to_num(unseen, nan=np.nanmax(known))


def rfm_logistic(train: Rows, test: Rows, _days: int) -> np.ndarray:
    """Return the baseline every report shows."""
    from training.baseline import baseline_risk

    return baseline_risk(train, test.table)


def lightgbm_defaults(train: Rows, test: Rows, _days: int) -> np.ndarray:
    """LightGBM as it comes."""
    import lightgbm as lgb

    matrix, unseen = _matrices(train, test)
    parameters = {"objective": "binary", "verbosity": -1, "seed": 0}
    return np.asarray(lgb.train(parameters, lgb.Dataset(matrix, train.labels), 100).predict(unseen))


def hist_gradient_boosting(train: Rows, test: Rows, _days: int) -> np.ndarray:
    """Scikit-learn's histogram boosting as it comes."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    matrix, unseen = _matrices(train, test)
    fitted = HistGradientBoostingClassifier(random_state=0).fit(matrix, train.labels)
    return np.asarray(fitted.predict_proba(unseen)[:, 1])


def bg_nbd(train: Rows, test: Rows, days: int) -> np.ndarray | None:
    """Rank by expected purchases within the horizon, fitted to the newest training histories.

    Fader, Hardie & Lee (2005), eq. 6 and 10, with a small penalty on the log parameters.
    """
    from scipy.optimize import minimize
    from scipy.special import hyp2f1

    if not set(_HISTORY) <= set(test.names):
        return None
    newest = train.on(train.dates[-1:])
    x, last, age = _history(newest)
    found = min(
        (
            minimize(_bg_nbd_loss, start, args=(x, last, age), method="Nelder-Mead")
            for start in ([-1, 1, -0.5, 0.5], [0, 2, 0, 1])
        ),
        key=lambda tried: tried.fun,
    )
    r, alpha, a, b = np.exp(found.x)
    x, last, age = _history(test)
    ahead = days / WEEK
    series = hyp2f1(r + x, b + x, a + b + x - 1, ahead / (alpha + age + ahead))
    kept = ((alpha + age) / (alpha + age + ahead)) ** (r + x)
    expected = (a + b + x - 1) / (a - 1) * (1 - kept * series)
    gone = ((alpha + age) / (alpha + last)) ** (r + x) * a / (b + np.maximum(x, 1) - 1)
    expected = expected / (1 + np.where(x > 0, gone, 0))
    churns = np.corrcoef(_history(train)[0], train.labels)[0, 1] < 0
    return -expected if churns else expected


def _bg_nbd_loss(logs: np.ndarray, x: np.ndarray, last: np.ndarray, age: np.ndarray) -> float:
    from scipy.special import gammaln

    r, alpha, a, b = np.exp(logs)
    first = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    second = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    alive = -(r + x) * np.log(alpha + age)
    gone = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + last)
    both = np.where(x > 0, np.logaddexp(alive, gone), alive)
    return float(-(first + second + both).mean() + 1e-3 * np.sum(logs**2))


_HISTORY = ("purchase_days_count", "recency_days", "first_order_days")


def _history(rows: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count, recent, first = (np.nan_to_num(_numbers(rows, name)) for name in _HISTORY)
    x = np.maximum(count - 1, 0)
    return x, np.where(x > 0, np.maximum(first - recent, 0), 0) / WEEK, first / WEEK


def _matrices(train: Rows, test: Rows) -> tuple[np.ndarray, np.ndarray]:
    from training.encode import learn_encoding

    encoding = learn_encoding(train.table, train.names)
    known, unseen = (encoding.tree_matrix(encoding.read(r.table)) for r in (train, test))
    filled = ~np.isnan(known).all(axis=0)  # scikit-learn stumbles over a column without a value
    return known[:, filled], unseen[:, filled]


def _numbers(rows: Rows, name: str) -> np.ndarray:
    return np.array(rows.table[name].cast(pa.float64()).to_numpy(), dtype=float)


PLAIN: dict[str, Callable[[Rows, Rows, int], np.ndarray | None]] = {
    "recency only": recency,
    "RFM logistic": rfm_logistic,
    "LightGBM defaults": lightgbm_defaults,
    "BG/NBD": bg_nbd,
    "HistGradientBoosting": hist_gradient_boosting,
}

if __name__ == "__main__":
    main()
