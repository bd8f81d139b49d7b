"""The served model: one sum on the log-odds margin, kept as text that loads without unpickling.

`margin = linear part + weight x trees`, `risk = sigmoid(a x margin + b)` set right by segment, and
for every row `base + sum of contributions == margin` within 1e-9, a contribution for each raw
feature. The base is the mean margin of the training rows (of the trees: weighted by the rows in
each leaf; of the rhythm: that of the typical customer, medians of the training rows).

In a folder: `trees.txt` (LightGBM's native text) and `model.json` (canonical JSON). LightGBM dies
or scores wrongly in silence on a damaged file, so `load_model` compares the hash first.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pyarrow as pa

from features.errors import BrokenRecord
from training.calibrate import Calibrator, sigmoid
from training.drift import DriftReference, learn_reference, reference_from_data
from training.encode import Encoding, encoding_from_data
from training.linear import LinearPart
from training.rhythm import READS, Rhythm, rhythm_from_data
from training.rows import Rows
from training.segments import Groups, groups_from_data
from training.terms import Terms, line_matrix

#: Raise it with a migration when `model.json` changes its meaning.
FORMAT = 2
TREES, DATA = "trees.txt", "model.json"


@dataclass(frozen=True, kw_only=True)
class RiskModel:
    """Everything a score needs, as plain data and LightGBM's own text."""

    encoding: Encoding
    linear: LinearPart
    trees: lgb.Booster
    trees_weight: float
    rhythm: Rhythm | None
    calibrator: Calibrator
    groups: Groups
    base_rate: float
    reference: DriftReference
    trained_on: tuple[str, ...]

    @classmethod
    def of_parts(
        cls, terms: Terms, linear: LinearPart, trees: lgb.Booster, weight: float, rows: Rows
    ) -> "RiskModel":
        """Join freshly fitted parts, not yet calibrated, and remember what they were fitted on."""
        bare = cls(
            encoding=terms.encoding,
            linear=linear,
            trees=lgb.Booster(model_str=trees.model_to_string()),
            trees_weight=weight,
            rhythm=terms.rhythm,
            calibrator=Calibrator(),
            groups=Groups(),
            base_rate=float(rows.labels.mean()),
            reference=DriftReference((), ()),
            trained_on=tuple(f"{day}" for day in rows.dates),
        )
        features = rows.table.select(list(rows.names))
        return replace(bare, reference=learn_reference(features, bare.margin(features)))

    def calibrated(self, calibrator: Calibrator, groups: Groups) -> "RiskModel":
        """Return the model with another calibration."""
        return replace(self, calibrator=calibrator, groups=groups)

    @property
    def names(self) -> tuple[str, ...]:
        """Raw features the model reads."""
        return self.encoding.names

    def margin(self, table: pa.Table) -> np.ndarray:
        """Return the log-odds margin of each row."""
        values = self.encoding.read(table)
        line = self.linear.margin(line_matrix(self.encoding, self.rhythm, values, table))
        if self.trees.num_trees() == 0:
            return line
        trees = self.trees.predict(self.encoding.tree_matrix(values), raw_score=True)
        return line + self.trees_weight * trees

    def risk(self, table: pa.Table) -> np.ndarray:
        """Return the calibrated probability of each row."""
        return self.calibrate(self.margin(table), table)

    def calibrate(self, margin: np.ndarray, table: pa.Table) -> np.ndarray:
        """Return the calibrated probability of margins; the table says who is in which group."""
        return sigmoid(self.groups.adjust(self.calibrator.score(margin), table))

    def contributions(self, table: pa.Table) -> tuple[np.ndarray, float]:
        """Return what each raw feature adds to the margin, and the base it is added to.

        Parameters
        ----------
        table : rows with every feature, by name.

        Returns
        -------
        contributions, base : rows x features in the order of `names`; their sum and the base make
            the margin within 1e-9.
        """
        values = self.encoding.read(table)
        total = np.zeros((table.num_rows, len(self.names)))
        matrix = self.encoding.linear_matrix(values)
        terms = matrix * self.linear.weights[: matrix.shape[1]]
        for place, owner in enumerate(self.encoding.term_owner):
            total[:, owner] += terms[:, place]
        if table.num_rows == 0:
            return total, self.base
        if self.rhythm is not None:
            shares = self.linear.weights[-1] * self.rhythm.contributions(table)
            for place, name in enumerate(READS):
                total[:, self.names.index(name)] += shares[:, place]
        if self.trees.num_trees():
            shares = self.trees.predict(self.encoding.tree_matrix(values), pred_contrib=True)
            for place, owner in enumerate(self.encoding.tree_owner):
                total[:, owner] += self.trees_weight * shares[:, place]
        return total, self.base

    @property
    def base(self) -> float:
        """Mean margin the contributions start from."""
        base = self.linear.intercept
        if self.rhythm is not None:
            base += self.linear.weights[-1] * self.rhythm.typical_term
        if self.trees.num_trees():
            nothing = np.full((1, self.trees.num_feature()), np.nan)
            mean = float(self.trees.predict(nothing, pred_contrib=True)[0, -1])
            base += self.trees_weight * mean
        return float(base)

    def save(self, folder: Path) -> str:
        """Write both files and return their hash."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TREES).write_text(self.trees.model_to_string(), encoding="utf-8", newline="\n")
        (folder / DATA).write_text(_canonical(self._as_data()), encoding="utf-8", newline="\n")
        return hash_of(folder)

    def _as_data(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "columns": self.encoding.as_data(),
            "linear": {
                "intercept": self.linear.intercept,
                "weights": self.linear.weights.tolist(),
            },
            "rhythm": None if self.rhythm is None else self.rhythm.as_data(),
            "trees_weight": self.trees_weight,
            "calibrator": {"a": self.calibrator.a, "b": self.calibrator.b},
            "groups": self.groups.as_data(),
            "base_rate": self.base_rate,
            "reference": self.reference.as_data(),
            "trained_on": list(self.trained_on),
        }


def hash_of(folder: Path) -> str:
    """Return the SHA-256 over every file below a model's folder, names and lengths included."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def verify(folder: Path, sha256: str) -> None:
    """Refuse a model's folder whose content is not what was recorded.

    Raises
    ------
    BrokenRecord : a file is missing, or its content is not what was recorded.
    """
    missing = [name for name in (DATA, TREES) if not (folder / name).is_file()]
    if missing or hash_of(folder) != sha256:
        problem = f"{missing[0]} is missing" if missing else "its content changed since it was made"
        raise BrokenRecord(
            f"model {folder}",
            problem,
            f"files with SHA-256 {sha256[:12]}...",
            "restore the folder from a backup, or run `forestay train`",
        )


def load_model(folder: Path, sha256: str) -> RiskModel:
    """Load a model whose files are what was recorded; nothing is parsed before that is known."""
    verify(folder, sha256)
    return parse_model(folder)


def parse_model(folder: Path) -> RiskModel:
    """Parse files that `verify` has passed, alone or as part of a larger folder."""
    data = _raised(json.loads((folder / DATA).read_text(encoding="utf-8")))
    if data["format"] != FORMAT:
        raise BrokenRecord(
            f"model {folder}",
            f"its format is {data['format']}",
            f"format {FORMAT}",
            "use the version of Forestay that made it, or run `forestay train`",
        )
    return RiskModel(
        encoding=encoding_from_data(data["columns"]),
        linear=LinearPart(data["linear"]["intercept"], np.array(data["linear"]["weights"])),
        trees=lgb.Booster(model_str=(folder / TREES).read_text(encoding="utf-8")),
        trees_weight=data["trees_weight"],
        rhythm=rhythm_from_data(data["rhythm"]),
        calibrator=Calibrator(**data["calibrator"]),
        groups=groups_from_data(data["groups"]),
        base_rate=data["base_rate"],
        reference=reference_from_data(data["reference"]),
        trained_on=tuple(data["trained_on"]),
    )


def _raised(data: dict[str, Any]) -> dict[str, Any]:
    """Read an older format as the newest: format 1 knew no rhythm, no groups, no weight."""
    if data["format"] != 1:
        return data
    return {**data, "format": 2, "rhythm": None, "trees_weight": 1.0, "groups": []}


def _canonical(data: dict[str, Any]) -> str:
    return json.dumps(
        data, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
