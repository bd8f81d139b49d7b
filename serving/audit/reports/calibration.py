# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
"""How a margin became a risk, step by step in numbers: slope and shift, groups, probability."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from serving.audit.reports.report import words
from serving.page_words import Words

if TYPE_CHECKING:
    from training.champion import Champion
    from training.model import RiskModel


def calibration_words(champion: "Champion", row: pa.Table, margin: float) -> Words:
    """Write out the way from a customer's margin to the risk.

    Parameters
    ----------
    row : the customer's features.
    """
    from training.calibrate import sigmoid

    model = _model_of(champion, row)
    a, b = model.calibrator.a, model.calibrator.b
    score = float(model.calibrator.score(np.array([margin]))[0])
    adjusted = float(model.groups.adjust(np.array([score]), row)[0])
    risk = float(sigmoid(np.array([adjusted]))[0])
    english = f"{a:.4f} x {margin:+.4f} {b:+.4f} = {score:+.4f}"
    if adjusted != score:
        groups = ", ".join(_groups(model, row))
        return words(
            f"{english}; set right for its group ({groups}) to {adjusted:+.4f}; as a probability"
            f" {risk:.4%}",
            f"{english}；按所属群体（{groups}）修正为 {adjusted:+.4f}；换算为概率 {risk:.4%}",
        )
    return words(f"{english}; as a probability {risk:.4%}", f"{english}；换算为概率 {risk:.4%}")


def _model_of(champion: "Champion", row: pa.Table) -> "RiskModel":
    """Return the model that scores a customer: one that has not seen the label."""
    if champion.folds is None:
        return champion.model
    fold = int(champion.folds.fold_of(row["customer_id"])[0])
    return champion.model if fold < 0 else champion.folds.models[fold]


def _groups(model: "RiskModel", row: pa.Table) -> list[str]:
    from training.segments import levels_of

    return [
        f"{group.column} {group.level}: {group.slope:.2f} x {group.shift:+.2f}"
        for group in model.groups.found
        if levels_of(row, group.column, group.signs)[0] == group.level
    ]
