"""Everything a run leaves behind: parameters, metrics, pictures, card, files, registered version.

Logged under names that are expected in the MLflow UI. Customers appear as hashes only.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from training.card_facts import card_of
from training.champion import save_champion
from training.fitted import Fitted
from training.judgement import judged_data
from training.model_card import write_card
from training.plots import draw_all
from training.promotion.gate import Check
from training.promotion.paired import kept_table
from training.promotion.promote import EVALUATION, PREDICTIONS
from training.registry import AUTHOR, BY_KEY, MODEL_FOLDER, register
from training.run_facts import metrics_of, params_of, recipe_data, tags_of
from training.tracking import Run

PLOTS, CARD = "plots", "card"


@dataclass(frozen=True, kw_only=True)
class Saved:
    """The files of a model on their way into the store.

    ``scratch`` goes away; below it ``folder`` holds what serves.
    """

    scratch: Path
    sha256: str

    @property
    def folder(self) -> Path:
        """Folder of the model's own files."""
        return self.scratch / MODEL_FOLDER


def save_fitted(fitted: Fitted, scratch: Path) -> Saved:
    """Write the files of a fitted model below an empty folder."""
    sha256 = save_champion(
        scratch / MODEL_FOLDER, fitted.model, fitted.judgement.folds,
        judged_data(
            fitted.judgement, fitted.model, fitted.recipe,
            fitted.dataset.plan.served_a_year_before,
        ),
    )  # fmt: skip
    return Saved(scratch=scratch, sha256=sha256)


def record_run(
    run: Run, name: str, fitted: Fitted, checks: Sequence[Check], looks: Mapping[str, int],
    saved: Saved,
) -> str:  # fmt: skip
    """Log a run and register its model; return the version.

    Parameters
    ----------
    run : going on.
    name : of the registered model.
    fitted : model and judgement.
    checks : of the gate.
    looks : how often each test date was judged on, this run included.
    saved : the model's files.
    """
    scratch, sha256 = saved.scratch, saved.sha256
    run.log_folder(saved.folder, MODEL_FOLDER)
    counts = {f"test_evaluations_{day}": float(count) for day, count in looks.items()}
    run.log(
        params=params_of(fitted),
        metrics=metrics_of(fitted) | counts,
        tags=tags_of(fitted, checks, sha256),
    )
    run.log_curve("later_log_loss", fitted.recipe.curve)
    source = {"made_by": "forestay features --training-set"}
    run.log_dataset(f"{name} training set", fitted.dataset.fingerprint, source)
    _write_evaluation(scratch / EVALUATION, fitted, checks)
    run.log_folder(scratch / EVALUATION, EVALUATION)
    pictures = draw_all(scratch / PLOTS, fitted.judgement, fitted.model)
    run.log_folder(scratch / PLOTS, PLOTS)
    (scratch / CARD).mkdir()
    write_card(card_of(name, fitted, checks, sha256, pictures), scratch / CARD / "model_card.html")
    run.log_folder(scratch / CARD, CARD)
    logged = _log_booster(fitted)
    tags = tags_of(fitted, checks, sha256)
    tags |= {AUTHOR: fitted.author.name, BY_KEY: str(fitted.author.by_key).lower()}
    return register(run.store, name, logged, run.run_id, tags)


def _write_evaluation(folder: Path, fitted: Fitted, checks: Sequence[Check]) -> None:
    folder.mkdir()
    judgement = fitted.judgement
    table = kept_table(judgement.kept, judgement.baseline_risk)
    pq.write_table(table, folder / PREDICTIONS)
    record = {
        "features": list(fitted.dataset.feature_names),
        "gate": [check.as_dict() for check in checks],
        "warnings": [dict(warning) for warning in fitted.warnings],
        "recipes": {name: recipe_data(r) for name, r in judgement.recipes.items()}
        | {"served": recipe_data(fitted.recipe)},
    }
    text = json.dumps(record, indent=2, ensure_ascii=False, sort_keys=True)
    (folder / "choices.json").write_text(text + "\n", encoding="utf-8")


def _log_booster(fitted: Fitted) -> str:
    """Log the trees as LightGBM's own text with their signature; the margin needs our files too."""
    import mlflow.lightgbm
    import pandas as pd
    from mlflow.models import infer_signature

    model = fitted.model
    sample = fitted.judgement.test_rows.table.slice(0, 50)
    matrix = model.encoding.tree_matrix(model.encoding.read(sample)).astype(np.float64)
    frame = pd.DataFrame(matrix, columns=list(model.encoding.tree_names))
    signature = infer_signature(frame, model.trees.predict(matrix, raw_score=True))
    requirements = [f"{name}=={version_of(name)}" for name in ("lightgbm", "numpy")]
    logged = mlflow.lightgbm.log_model(
        model.trees, name="trees", pip_requirements=requirements, signature=signature
    )
    return logged.model_uri
