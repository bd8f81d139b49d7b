"""The model that serves: margins, risks and contributions for a table of features.

Where the test metrics come from cross-validation of one date, the customers of that date are the
customers to be scored: each is scored by the fold model that has not seen its label.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.model import RiskModel, parse_model, verify
from training.promotion.golden import write_golden
from training.rows import customer_keys

FOLDS, ASSIGNMENT, JUDGED = "folds", "assignment.parquet", "judged.json"


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What a model says of each row of a table, in its order.

    ``base`` is an array, for fold models have bases of their own:
    ``base + contributions.sum(axis=1) == margin`` within 1e-9.
    """

    margin: np.ndarray
    risk: np.ndarray
    base: np.ndarray
    contributions: np.ndarray
    feature_names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FoldModels:
    """Models that each left a fold of customers out, and who was in which fold (hashed)."""

    models: tuple[RiskModel, ...]
    customers: np.ndarray
    fold: np.ndarray

    def fold_of(self, ids: pa.ChunkedArray) -> np.ndarray:
        """Return the fold of each customer; -1 for one who was in none."""
        keys = customer_keys(ids)
        place = np.minimum(np.searchsorted(self.customers, keys), len(self.customers) - 1)
        return np.where(self.customers[place] == keys, self.fold[place], -1)


@dataclass(frozen=True, kw_only=True)
class Champion:
    """A registered model, verified and loaded.

    ``judged`` is what its test showed, for those who read its risks: what was seen in each band and
    group, and how the base rate moved; empty for models made before it was kept.
    """

    target: str
    version: str
    sha256: str
    run_id: str
    model: RiskModel
    folds: FoldModels | None = None
    judged: Mapping[str, Any] = field(default_factory=dict)

    @property
    def base_rate(self) -> float:
        """Share of positives among the training rows."""
        return self.model.base_rate

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Raw features that `score` reads by name."""
        return self.model.names

    @property
    def groups_read(self) -> frozenset[str]:
        """Columns that calibration reads by name beside the features."""
        return self.model.groups.reads

    def score(self, table: pa.Table) -> Scores:
        """Score every row; with fold models ``customer_id`` is read too.

        Parameters
        ----------
        table : every feature of the model, by name; further columns are ignored.
        """
        if self.folds is None:
            return score_with(self.model, table)
        fold = self.folds.fold_of(table["customer_id"])
        scores = score_with(self.model, table)
        for number, model in enumerate(self.folds.models):
            rows = np.flatnonzero(fold == number)
            if len(rows):
                scores = _replaced(scores, rows, score_with(model, table.take(pa.array(rows))))
        return scores


def score_with(model: RiskModel, table: pa.Table) -> Scores:
    """Score every row with one model."""
    margin = model.margin(table)
    contributions, base = model.contributions(table)
    return Scores(
        margin=margin,
        risk=model.calibrate(margin, table),
        base=np.full(len(margin), base),
        contributions=contributions,
        feature_names=model.names,
    )


def save_champion(
    folder: Path, model: RiskModel, folds: FoldModels | None, judged: Mapping[str, Any]
) -> str:
    """Write the model, its fold models if any and what its test showed; return the hash of all."""
    from training.model import hash_of

    model.save(folder)
    write_golden(model, folder)
    text = json.dumps(judged, sort_keys=True, indent=1)
    (folder / JUDGED).write_text(text + "\n", encoding="utf-8", newline="\n")
    if folds is not None:
        for number, member in enumerate(folds.models):
            member.save(folder / FOLDS / f"{number}")
        table = pa.table({"customer": folds.customers, "fold": folds.fold.astype(np.int8)})
        pq.write_table(table, folder / FOLDS / ASSIGNMENT)
    return hash_of(folder)


def load_judged(folder: Path) -> Mapping[str, Any]:
    """Read what the test of a verified model showed; empty where it was not kept."""
    path = folder / JUDGED
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def load_folder(folder: Path, sha256: str) -> tuple[RiskModel, FoldModels | None]:
    """Load what `save_champion` wrote, once its hash is what was recorded."""
    verify(folder, sha256)
    model = parse_model(folder)
    if not (folder / FOLDS).is_dir():
        return model, None
    table = pq.read_table(folder / FOLDS / ASSIGNMENT)
    members = sorted((path for path in (folder / FOLDS).iterdir() if path.is_dir()), key=_number)
    return model, FoldModels(
        models=tuple(parse_model(path) for path in members),
        customers=table["customer"].to_numpy(),
        fold=table["fold"].to_numpy(),
    )


def _number(path: Path) -> int:
    return int(path.name)


def _replaced(scores: Scores, rows: np.ndarray, better: Scores) -> Scores:
    """Put the better scores in their rows."""
    changed = {}
    for name in ("margin", "risk", "base", "contributions"):
        values = getattr(scores, name).copy()
        values[rows] = getattr(better, name)
        changed[name] = values
    return replace(scores, **changed)
