"""CatBoost, FLAML and AutoGluon on the tables `run.py` wrote; run in an environment of their own.

    python -m venv PEERS && PEERS/bin/pip install -r benchmarks/models/requirements-peers.txt
    PEERS/bin/python benchmarks/models/peers.py OUT --seconds 60

It imports nothing of ours. FLAML and AutoGluon get the seconds for each test date; CatBoost is
taken as it comes. What they say is added to OUT's `peers.parquet` and `peers.json`.
"""

import argparse
import json
import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

Given = tuple[pd.DataFrame, pd.Series, pd.DataFrame, float]


def catboost(given: Given) -> np.ndarray:
    """CatBoost with its defaults, texts as categories."""
    from catboost import CatBoostClassifier

    train, labels, test, _ = given
    texts = [name for name in train if train[name].dtype == object]
    known, unseen = (frame.fillna(dict.fromkeys(texts, "?")) for frame in (train, test))
    model = CatBoostClassifier(
        verbose=0, random_seed=0, cat_features=texts, allow_writing_files=False
    )
    return model.fit(known, labels).predict_proba(unseen)[:, 1]


def flaml(given: Given) -> np.ndarray:
    """FLAML with a time budget."""
    from flaml import AutoML

    train, labels, test, seconds = given
    search = AutoML()
    search.fit(
        train, labels, task="classification", metric="roc_auc", time_budget=seconds, seed=0,
        verbose=0,
    )  # fmt: skip
    return search.predict_proba(test)[:, 1]


def autogluon(given: Given) -> np.ndarray:
    """AutoGluon with a time budget."""
    from autogluon.tabular import TabularPredictor

    train, labels, test, seconds = given
    with tempfile.TemporaryDirectory() as folder:
        search = TabularPredictor("label", eval_metric="roc_auc", path=folder, verbosity=0)
        search.fit(train.assign(label=labels.to_numpy()), time_limit=seconds)
        return search.predict_proba(test)[1].to_numpy()


PEERS: dict[str, Callable[[Given], np.ndarray]] = {
    "CatBoost": catboost,
    "FLAML": flaml,
    "AutoGluon": autogluon,
}


def main() -> None:
    """Let every peer predict every test date that it has not predicted yet."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("out", type=Path)
    asked.add_argument("--seconds", type=float, default=60.0)
    asked.add_argument("--only", nargs="*", default=[], help="tasks, such as cdnow-churn")
    given = asked.parse_args()
    for train in sorted(given.out.glob("*/*/train.parquet")):
        if not given.only or train.parents[1].name in given.only:
            predict(train.parent, given.seconds)


def predict(folder: Path, seconds: float) -> None:
    """Run the peers on one folder."""
    train, test = (pd.read_parquet(folder / f"{part}.parquet") for part in ("train", "test"))
    labels = train.pop("label").astype(int)
    empty = [name for name in train if train[name].isna().all()]
    train, test = train.drop(columns=empty), test.drop(columns=[*empty, "label"])
    said, spent = {}, {}
    for name, peer in PEERS.items():
        began = time.perf_counter()
        said[name] = peer((train, labels, test, seconds))
        spent[name] = time.perf_counter() - began
        print(f"{folder.parent.name} {folder.name} {name}: {spent[name]:.1f} s", flush=True)
    pd.DataFrame(said).to_parquet(folder / "peers.parquet")
    (folder / "peers.json").write_text(json.dumps(spent, indent=1))


if __name__ == "__main__":
    main()
