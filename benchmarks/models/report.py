"""The table of the comparison: every figure with its interval, and ours against the best other.

    python benchmarks/models/report.py OUT

Reads what `run.py` and `peers.py` left in OUT. Differences are paired: both models are judged in
the same bootstrap worlds of customers. Nothing is fitted here.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from training.bootstrap import Interval, interval
from training.evaluate import METRICS, Evaluation, Predictions, evaluate
from training.observed import observed_bands

OURS, TUNED = "ours", "ours tuned"
#: Where it has predicted, all have.
PEER = "AutoGluon"
KEYS = ("customer", "as_of", "label", "band")
RANKED = {name: METRICS[name] for name in ("roc_auc", "pr_auc", "top_decile_lift")}


def main() -> None:
    """Print a table for each task, and the means over those that the peers did too."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("out", type=Path)
    means: dict[str, list[float]] = defaultdict(list)
    for task in sorted(
        {path.parents[1] for path in asked.parse_args().out.glob("*/*/seconds.json")}
    ):
        given, band, seconds = read(task)
        found = {name: evaluate(predictions, RANKED) for name, predictions in given.items()}
        labels = given[OURS].labels
        print(f"\n{task.name}: {len(labels):,} rows, cases {labels.mean():.3f}")
        for name in sorted(found, key=lambda name: -found[name].metrics["roc_auc"].value):
            print(_line(name, found, seconds[name]))
            if PEER in found:
                means[name].append(found[name].metrics["roc_auc"].value)
        _show_calibration(given[OURS], band)
    print("\nmean ROC AUC over the tasks that the peers did")
    for name, values in sorted(means.items(), key=lambda item: -float(np.mean(item[1]))):
        print(f"  {name:22} {np.mean(values):.4f} over {len(values)}")


def read(task: Path) -> tuple[dict[str, Predictions], np.ndarray, dict[str, float]]:
    """Join the predictions of all test dates (or folds) of a task, and add up the seconds."""
    scores: dict[str, list[np.ndarray]] = defaultdict(list)
    seconds: dict[str, float] = defaultdict(float)
    for folder in sorted(path.parent for path in task.glob("*/seconds.json")):
        for table in (folder / "predictions.parquet", folder / "peers.parquet"):
            if table.exists():
                found = pq.read_table(table)
                for name in found.column_names:
                    scores[name].append(found[name].to_numpy())
        for spent in (folder / "seconds.json", folder / "peers.json"):
            if spent.exists():
                for name, one in json.loads(spent.read_text()).items():
                    seconds[name] += one
    joined = {name: np.concatenate(parts) for name, parts in scores.items()}
    customers, labels = joined["customer"], joined["label"]
    as_of = joined["as_of"].astype("datetime64[D]")
    said = {
        name: Predictions(customers=customers, as_of=as_of, labels=labels, risk=risk)
        for name, risk in joined.items()
        if name not in KEYS and len(risk) == len(labels)
    }
    return said, joined["band"].astype(str), seconds


def _line(name: str, found: dict[str, Evaluation], seconds: float) -> str:
    shown = "  ".join(_shown(found[name].metrics[metric]) for metric in RANKED)
    line = f"  {name:22} {shown}  {seconds:7.1f} s"
    if name in (OURS, TUNED):
        return line
    return f"{line}  ours less it {_signed(_difference(found[OURS], found[name]))}"


def _difference(ours: Evaluation, other: Evaluation) -> Interval:
    """Return the paired difference in ROC AUC."""
    value = ours.metrics["roc_auc"].value - other.metrics["roc_auc"].value
    return interval(value, ours.draws["roc_auc"] - other.draws["roc_auc"])


def _show_calibration(given: Predictions, band: np.ndarray) -> None:
    whole = evaluate(given, {name: METRICS[name] for name in ("ece", "log_loss", "brier")})
    said = ", ".join(f"{name} {_shown(value)}" for name, value in whole.metrics.items())
    print(
        f"  ours, calibration: {said}; risk {given.risk.mean():.3f}, seen {given.labels.mean():.3f}"
    )
    for period in whole.periods:
        rows = given.as_of == np.datetime64(period.as_of)
        print(
            f"    {period.as_of}: error {_shown(period.metrics['ece'])}; risk "
            f"{given.risk[rows].mean():.3f}, seen {given.labels[rows].mean():.3f}"
        )
    for one in observed_bands(given, band):
        print(f"    {one.name:9} {one.rows:6,} rows, risk {one.said:.3f}, seen {_shown(one.seen)}")


def _shown(value: Interval) -> str:
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def _signed(value: Interval) -> str:
    return f"{value.value:+.4f} [{value.low:+.4f}, {value.high:+.4f}]"


if __name__ == "__main__":
    main()
