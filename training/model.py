"""The served model: one sum on the log-odds margin, kept as text that loads without unpickling.

`margin = linear part + trees`, `risk = sigmoid(a * margin + b)`, and for every row
`base + sum of contributions == margin` within 1e-9, a contribution for each raw feature. The base
is the mean margin of the training rows (of the trees: weighted by the rows in each leaf).

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
from training.calibrate import Calibrator
from training.drift import DriftReference, learn_reference, reference_from_data
from training.encode import Encoding, encoding_from_data
from training.linear import LinearPart
from training.rows import Rows

#: Raise it with a migration when `model.json` changes its meaning.
FORMAT = 1
TREES, DATA = "trees.txt", "model.json"


@dataclass(frozen=True, kw_only=True)
class RiskModel:
    """Everything a score needs, as plain data and LightGBM's own text."""

    encoding: Encoding
    linear: LinearPart
    trees: lgb.Booster
    calibrator: Calibrator
    base_rate: float
    reference: DriftReference
    trained_on: tuple[str, ...]

    @classmethod
    def of_parts(
        cls, encoding: Encoding, linear: LinearPart, trees: lgb.Booster, rows: Rows
    ) -> "RiskModel":
        """Join freshly fitted parts, not yet calibrated, and remember what they were fitted on."""
        bare = cls(
            encoding=encoding,
            linear=linear,
            trees=lgb.Booster(model_str=trees.model_to_string()),
            calibrator=Calibrator(),
            base_rate=float(rows.labels.mean()),
            reference=DriftReference((), ()),
            trained_on=tuple(f"{day}" for day in rows.dates),
        )
        return replace(bare, reference=learn_reference(rows.table, bare.margin(rows.table)))

    def with_calibrator(self, calibrator: Calibrator) -> "RiskModel":
        """Return the model with another calibrator."""
        return replace(self, calibrator=calibrator)

    @property
    def names(self) -> tuple[str, ...]:
        """Raw features the model reads."""
        return self.encoding.names

    def margin(self, table: pa.Table) -> np.ndarray:
        """Return the log-odds margin of each row."""
        values = self.encoding.read(table)
        line = self.linear.margin(self.encoding.linear_matrix(values))
        if self.trees.num_trees() == 0:
            return line
        return line + self.trees.predict(self.encoding.tree_matrix(values), raw_score=True)

    def risk(self, table: pa.Table) -> np.ndarray:
        """Return the calibrated probability of each row."""
        return self.calibrator.risk(self.margin(table))

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
        terms = self.linear.terms(self.encoding.linear_matrix(values))
        for place, owner in enumerate(self.encoding.term_owner):
            total[:, owner] += terms[:, place]
        if self.trees.num_trees() == 0 or table.num_rows == 0:
            return total, self.base
        shares = self.trees.predict(self.encoding.tree_matrix(values), pred_contrib=True)
        for place, owner in enumerate(self.encoding.tree_owner):
            total[:, owner] += shares[:, place]
        return total, self.base

    @property
    def base(self) -> float:
        """Mean margin the contributions start from."""
        if self.trees.num_trees() == 0:
            return self.linear.intercept
        nothing = np.full((1, self.trees.num_feature()), np.nan)
        return self.linear.intercept + float(self.trees.predict(nothing, pred_contrib=True)[0, -1])

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
            "calibrator": {"a": self.calibrator.a, "b": self.calibrator.b},
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
    data = json.loads((folder / DATA).read_text(encoding="utf-8"))
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
        calibrator=Calibrator(**data["calibrator"]),
        base_rate=data["base_rate"],
        reference=reference_from_data(data["reference"]),
        trained_on=tuple(data["trained_on"]),
    )


def _canonical(data: dict[str, Any]) -> str:
    return json.dumps(
        data, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
